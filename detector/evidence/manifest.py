"""The signed list of a case: manifest.json, its signature, and SHA256SUMS for `sha256sum -c`."""

import json
from collections.abc import Collection, Iterable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from detector.errors import InputError
from detector.evidence.custody import LOG, LOG_SIGNATURE
from detector.evidence.files import files_under, hash_file
from detector.evidence.signing import Key
from detector.evidence.timestamp import ANSWER, REQUEST, make_request
from detector.listening import LISTENING
from detector.output import write_file

__all__ = [
    "FORMAT", "LIMITS", "MANIFEST", "OWN", "PUBLIC", "SIGNATURE", "SUMS", "FileEntry", "is_case",
    "list_files", "read_manifest", "role_of", "sums", "write_signed",
]  # fmt: skip

FORMAT = "harassment-detector case 1"
MANIFEST, SIGNATURE, PUBLIC, SUMS = "manifest.json", "manifest.sig", "public_key.pem", "SHA256SUMS"
OWN = frozenset({MANIFEST, SIGNATURE, PUBLIC, SUMS, LOG, LOG_SIGNATURE, REQUEST, ANSWER})
"""What the list itself consists of, and therefore does not name."""
LIMITS = (
    "哈希与签名只能证明这些文件自导入本程序以来没有变动,不能证明录音在导入之前没有被剪辑或改动,"
    "也不能证明说话人是谁。"
)
_PLACES = {"earlier": "earlier_manifest", "已改动的文件": "edited"}


@dataclass(frozen=True, slots=True)
class FileEntry:
    """A listed file. Of one that only grows (`decisions`), the part that was there at signing."""

    path: str
    bytes: int
    sha256: str
    role: str


def role_of(path: str, generated: bool) -> str:
    """Return what a file of a case is; what the program did not make is `added`."""
    first, slash, _ = path.partition("/")
    if slash and first in _PLACES:
        return _PLACES[first]
    if not generated:
        return "added"
    if path.endswith(LISTENING):
        return "listening_copy"
    if first == "reports":
        return "decisions" if path.endswith(".decisions.jsonl") else "machine_report"
    if first in ("original", "clips"):
        return {"original": "original", "clips": "clip"}[first]
    return "page" if path.endswith(".html") else "document"


def list_files(folder: Path, generated: Collection[str]) -> list[FileEntry]:
    """Hash every file of a case, streaming, but those that the list consists of."""
    found = []
    for path, place in files_under(folder):
        if path not in OWN:
            digest, size = hash_file(place)
            found.append(FileEntry(path, size, digest, role_of(path, path in generated)))
    return found


def write_signed(
    folder: Path,
    content: Mapping[str, Any],
    entries: Iterable[FileEntry],
    key: Key,
    timestamp_request: bool,
) -> dict[str, str]:
    """Write and sign the list; returns the SHA-256 of every file it consists of, by name.

    Raises:
        OutputError: the disk is full, or the place cannot be written.
    """
    entries = list(entries)
    listed = dict(content) | {"files": [asdict(entry) for entry in entries]}
    data = (json.dumps(listed, ensure_ascii=False, indent=1) + "\n").encode("utf-8", "replace")
    write_file(folder / PUBLIC, key.public)
    write_file(folder / MANIFEST, data)
    write_file(folder / SIGNATURE, key.sign(data))
    own = [PUBLIC, MANIFEST, SIGNATURE]
    if timestamp_request:
        write_file(folder / REQUEST, make_request(data))
        own.append(REQUEST)
    hashes = {name: hash_file(folder / name)[0] for name in own}
    lines = {e.path: e.sha256 for e in entries if e.role != "decisions"} | hashes
    write_file(folder / SUMS, sums(lines).encode("utf-8"))
    return hashes | {SUMS: hash_file(folder / SUMS)[0]}


def sums(hashes: Mapping[str, str]) -> str:
    """Return the text of SHA256SUMS, in the form of coreutils."""
    lines = []
    for path, digest in sorted(hashes.items()):
        plain = path.replace("\\", "\\\\").replace("\n", "\\n")
        lines.append(f"{'' if plain == path else chr(92)}{digest}  {plain}\n")
    return "".join(lines)


def is_case(folder: Path) -> bool:
    """Tell whether a folder was made by this program: by its list or, if lost, by its log."""
    if not folder.is_dir():
        return False
    try:
        read_manifest(folder)
    except InputError:
        return (folder / LOG).is_file() and (folder / PUBLIC).is_file()
    return True


def read_manifest(folder: Path) -> dict[str, Any]:
    """Read manifest.json; nothing is checked but its form.

    Raises:
        InputError: it is missing, or no list of this program.
    """
    try:
        content = json.loads((folder / MANIFEST).read_bytes())
    except FileNotFoundError:
        raise InputError(
            f"{folder} 里没有 {MANIFEST},不是案件文件夹 (not a case folder)。"
        ) from None
    except OSError as error:
        raise InputError(f"无法读取 {folder / MANIFEST}:{error.strerror} (cannot read)。") from None
    except (ValueError, RecursionError):
        raise InputError(f"{MANIFEST} 已损坏,无法读取 (not JSON)。") from None
    if not isinstance(content, dict) or content.get("format") != FORMAT or not _formed(content):
        raise InputError(f"{MANIFEST} 不是本程序的案件清单 (not a list of this program)。")
    return content


def _formed(content: Mapping[str, Any]) -> bool:
    try:
        for entry in content["files"]:
            FileEntry(**entry)
            if not isinstance(entry["path"], str) or not isinstance(entry["sha256"], str):
                return False
            if not isinstance(entry["bytes"], int):
                return False
        log, signer = content["custody"], content["signer"]
        return (
            isinstance(log["lines"], int)
            and isinstance(log["head"], str)
            and isinstance(signer["fingerprint"], str)
            and all(isinstance(r["sha256"], str) for r in content["recordings"])
            and all(isinstance(c["file"], str) for c in content["clips"])
        )
    except (KeyError, TypeError, AttributeError):
        return False
