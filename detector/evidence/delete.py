"""Deletes what the program made about a case, and says so by hashes alone."""

import datetime as dt
import hashlib
import os
import stat
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from detector.case import SHANGHAI
from detector.errors import InputError, OutputError
from detector.evidence import custody
from detector.evidence.archive import archive_path, check_archive
from detector.evidence.custody import LOG
from detector.evidence.files import files_under, hash_file
from detector.evidence.lock import beside, locked
from detector.evidence.manifest import MANIFEST, OWN, PUBLIC, is_case, read_manifest
from detector.evidence.staging import clear_leftovers

__all__ = ["Receipt", "delete_case", "redacted_folder"]


@dataclass(frozen=True, slots=True)
class Receipt:
    """What was deleted: hashes and sizes only, no names and no words."""

    at: str
    actor: str
    manifest_sha256: str | None
    log_head: str | None
    hashes: tuple[tuple[str, int], ...]
    """SHA-256 and bytes of every file that was deleted."""
    kept: tuple[str, ...]
    """Files in the folder that the program did not make, by relative path."""

    def text(self) -> str:
        """Return the receipt as it is printed."""
        lines = [
            "删除回执(只有哈希,不含姓名和内容)",
            f"时间:{self.at}",
            f"操作人:{self.actor}",
            f"程序:{' '.join(custody.tool().values())}",
            f"清单 SHA-256:{self.manifest_sha256 or '没有'}",
            f"保管记录末行哈希:{self.log_head or '没有'}",
            f"已删除 {len(self.hashes)} 个文件:",
            *(f"  {digest}  {size} 字节" for digest, size in self.hashes),
        ]
        whole = hashlib.sha256("\n".join(lines).encode("utf-8")).hexdigest()
        return "\n".join([*lines, f"以上各行的 SHA-256:{whole}"]) + "\n"


def redacted_folder(case: Path) -> Path:
    """Return where the redacted copy of a case goes."""
    return case.with_name(case.name + "-脱敏")


def delete_case(case: Path, actor: str) -> Receipt:
    """Delete a case folder, its archive, its redacted copy, and what killed runs left.

    What the program did not make stays, and so does the recording that was handed in.

    Raises:
        InputError: it is no case folder, or it is a link to one.
        OutputError: something could not be deleted; the rest is gone.
        OptionError: the case is in use.
    """
    from detector.kept import forget

    case = Path(os.path.abspath(case))
    if case.is_symlink():
        raise InputError(f"{case} 是一个链接,请给出案件文件夹本身 (a link)。")
    if not is_case(case):
        raise InputError(f"{case} 不是案件文件夹,什么也没有删除 (not a case folder)。")
    with locked(case):
        manifest = hash_file(case / MANIFEST)[0] if (case / MANIFEST).exists() else None
        try:
            head = custody.append(case, "deletion", actor)["hash"]
        except (InputError, OutputError):  # a broken log or a full disk is no reason to keep it
            head = hash_file(case / LOG)[0] if (case / LOG).exists() else None
        clear_leftovers(case)
        gone: list[tuple[str, int]] = []
        kept: list[str] = []
        left: list[Path] = []
        for folder in (redacted_folder(case), case):
            archive = archive_path(folder)
            if archive.is_file() and _is_archive(folder):
                _delete(archive, gone, left)
            if folder.is_dir() and is_case(folder):
                _delete_folder(folder, gone, kept, left)
    with suppress(OSError):
        beside(case, "lock").unlink(missing_ok=True)
    if left:
        raise OutputError(
            f"{left[0]} 等 {len(left)} 个文件无法删除,其余已删除;请检查权限后再运行一次 "
            "(some files could not be deleted)。"
        )
    for digest, _ in gone:  # what was recognised of a recording whose scan never ended
        forget(digest)
    now = dt.datetime.now(SHANGHAI).isoformat(timespec="seconds")
    return Receipt(now, actor, manifest, head, tuple(sorted(gone)), tuple(kept))


def _is_archive(folder: Path) -> bool:
    from detector.errors import OptionError

    try:
        check_archive(folder)
    except OptionError:
        return False
    return True


def _delete_folder(
    folder: Path, gone: list[tuple[str, int]], kept: list[str], left: list[Path]
) -> None:
    listed = _made(folder)
    last = []
    for path, place in list(files_under(folder)):
        if path in OWN:
            last.append(place)  # so that a run that is cut short can be repeated
        elif path in listed or path.startswith("reports/"):
            _delete(place, gone, left)
        else:
            kept.append(path)
    order = {PUBLIC: 1, LOG: 2, MANIFEST: 3}
    for place in sorted(last, key=lambda p: order.get(p.name, 0)):
        if not left:
            _delete(place, gone, left)
    for place in sorted(folder.rglob("*"), key=lambda p: -len(p.parts)):
        if place.is_dir() and not place.is_symlink():
            with suppress(OSError):
                place.rmdir()
    with suppress(OSError):
        folder.rmdir()


def _made(folder: Path) -> set[str]:
    """Return what the program made in a folder: by its list or, if that is lost, by its log."""
    try:
        return {e["path"] for e in read_manifest(folder)["files"] if e["role"] != "added"}
    except InputError:
        pass
    try:
        entries, _ = custody.check_chain(folder)
    except InputError:
        return set()
    return {path for entry in entries for path in entry["files"]}


def _delete(path: Path, gone: list[tuple[str, int]], left: list[Path]) -> None:
    try:
        digest = hash_file(path)
        with suppress(OSError):
            path.chmod(stat.S_IRUSR | stat.S_IWUSR)
        path.unlink()
    except OSError:
        left.append(path)
        return
    gone.append(digest)
