"""All of a case that is made from originals, reports and decisions; signed at the end."""

import datetime as dt
import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from detector.audio import Recording, open_recording
from detector.case import SHANGHAI, CaseFacts
from detector.errors import InputError
from detector.evidence import custody
from detector.evidence.custody import LOG, Event
from detector.evidence.decisions import decisions_path
from detector.evidence.files import hash_file, link_or_copy
from detector.evidence.manifest import FORMAT, LIMITS, list_files, write_signed
from detector.evidence.model import Case, CaseItem, Clip
from detector.evidence.page import as_reviewed
from detector.evidence.record import Recorded, load_item, log_models, record_of
from detector.evidence.signing import Key, signing_key
from detector.labels import CATEGORY_NAMES
from detector.output import write_page
from detector.report import Flag

__all__ = ["Options", "Say", "content_of", "export", "log_decisions", "page_name", "sign_case"]

Say = Callable[[str], None]
"""Called with what is being done, one Chinese line."""
CLIP_NOTICE = "片段仅供检索,完整原始录音另行提交"


@dataclass(frozen=True, slots=True)
class Options:
    """What a user may choose. None for `script` and `facts`: as before, or the default."""

    actor: str
    script: str | None = None
    facts: CaseFacts | None = None
    timestamp_request: bool = False
    redact: bool = False
    mask: tuple[str, ...] = ()
    zip: bool = False

    def for_log(self, script: str) -> dict[str, Any]:
        """Return what the log says of them; names to mask are not written out."""
        return {
            "script": script,
            "timestamp_request": self.timestamp_request,
            "redact": self.redact,
            "masked_names": len(self.mask),
            "zip": self.zip,
        }


@dataclass(frozen=True, slots=True)
class Previous:
    """The case of which this is a new export."""

    folder: Path
    manifest: Mapping[str, Any] = field(default_factory=dict)


def export(
    folder: Path,
    recorded: Sequence[Recorded],
    options: Options,
    say: Say,
    previous: Previous | None = None,
) -> Case:
    """Make clips, documents and pages in a folder that holds the rest, log it, and sign it.

    Raises:
        InputError: an original is not what it was at its import.
        DetectorError: a clip, a document or the signature cannot be made.
    """
    key = signing_key()
    before = previous.manifest if previous else {}
    script = options.script or str(before.get("script") or "simplified")
    facts = _facts(options, before)
    items = [load_item(folder, r, facts) for r in recorded]
    log_decisions(folder, items)
    opened = [_unchanged(folder, r) for r in recorded]
    made = tuple(
        replace(item, clips=_clips(folder, item, recording, say, previous))
        for item, recording in zip(items, opened, strict=True)
    )
    now = dt.datetime.now(SHANGHAI).isoformat(timespec="seconds")
    case = Case(folder, made, now, facts, script, key.fingerprint)
    say("正在生成文书")
    from detector.evidence.documents import write_documents

    generated = {path.relative_to(folder).as_posix() for path in write_documents(case, folder)}
    for item, recording in zip(made, opened, strict=True):
        page = folder / page_name(item.number, len(made))
        say(f"正在生成 {page.name}")
        pages = write_page(as_reviewed(item.reviewed), recording, page)
        generated |= {path.relative_to(folder).as_posix() for path in pages}
    for r in recorded:
        decisions = decisions_path(folder / r.report_file).name
        generated |= {r.file, r.report_file, f"reports/{decisions}"}
    for item in made:
        for clip in item.clips.values():
            generated |= {f"clips/{clip.file}", f"clips/{clip.listening}"}
    records = [
        record_of(r, item.reviewed.report, folder) for r, item in zip(recorded, made, strict=True)
    ]
    content = content_of(case, records, options)
    sign_case(case, content, generated, options, key, say)
    return case


def page_name(number: int, count: int) -> str:
    """Return the name of a recording's page."""
    return "报告.html" if count == 1 else f"报告-{number}.html"


def _facts(options: Options, before: Mapping[str, Any]) -> dict[str, Any]:
    if options.facts is not None:
        return dict(options.facts.facts)
    facts = before.get("facts")
    return dict(facts) if isinstance(facts, dict) else {}


def log_decisions(folder: Path, items: Sequence[CaseItem]) -> None:
    """Write the decisions that the log does not know yet into it: hashes, not words."""
    known = {
        (entry["details"].get("recording"), entry["details"].get("decision_sha256"))
        for entry in custody.read_log(folder)
    }
    events = []
    for item in items:
        path = decisions_path(folder / "reports" / f"{item.number}.json")
        if not path.exists():
            continue
        hashes = (hashlib.sha256(line).hexdigest() for line in _lines(path))
        for decision, digest in zip(item.reviewed.decisions, hashes, strict=False):
            if (item.number, digest) in known:
                continue
            action = "correction" if decision.action in ("correct", "speaker", "role") else "review"
            details = {
                "recording": item.number,
                "decision": decision.action,
                "target": decision.target,
                "decided_at": decision.at,
                "decision_sha256": digest,
            }
            events.append(Event(action, decision.by, {}, details))
    custody.append_all(folder, events)


def _lines(path: Path) -> list[bytes]:
    """Return the lines of a decisions file that are decisions, in order."""
    from detector.evidence.journal import TORN

    lines = [line for line in path.read_bytes().split(b"\n") if line.strip()]
    return [line for line in lines if not line.endswith(TORN)]


def _unchanged(folder: Path, recorded: Recorded) -> Recording:
    recording = open_recording(folder / recorded.file)
    if recording.sha256 != recorded.sha256:
        raise InputError(
            f"{recorded.file} 与导入时的 SHA-256 不符,原始录音已被改动,不能导出;"
            "请用未改动的原始录音重新建立案件 (the original has changed since its import)。"
        )
    return recording


def _clips(
    folder: Path, item: CaseItem, recording: Recording, say: Say, previous: Previous | None
) -> dict[str, Clip]:
    from detector.evidence.clips import TIMES, cut_clips

    target = folder / "clips"
    target.mkdir(exist_ok=True)
    flags = [f.flag for f in item.reviewed.flags if f.flag.status != "rejected"]
    clips = {flag.id: _kept(folder, item, flag, recording.sha256, previous) for flag in flags}
    missing = [flag for flag in flags if clips[flag.id] is None]
    if missing:
        say(f"录音 {item.number}:剪取 {len(missing)} 个片段")
    parent = recording.sha256[:8]
    ranges = [
        (f.start_s, f.end_s, target / f"{item.number}-{f.id}_{TIMES}_{parent}") for f in missing
    ]
    made = cut_clips(recording, ranges)
    clips |= {flag.id: clip for flag, clip in zip(missing, made, strict=True)}
    return {name: clip for name, clip in clips.items() if clip is not None}


def _kept(
    folder: Path, item: CaseItem, flag: Flag, sha256: str, previous: Previous | None
) -> Clip | None:
    """Take over a clip of the export before, if it is whole and of the same passage."""
    for entry in previous.manifest.get("clips", ()) if previous else ():
        same = (item.number, flag.id, flag.start_s, flag.end_s, sha256)
        if same != tuple(
            entry.get(name)
            for name in ("recording", "flag", "flag_start_s", "flag_end_s", "parent_sha256")
        ):
            continue
        assert previous is not None
        clip = Clip(**{name: entry[name] for name in Clip.__slots__})
        old = previous.folder / "clips"
        try:
            if hash_file(old / clip.file) != (clip.sha256, clip.bytes):
                return None
            if hash_file(old / clip.listening)[0] != clip.listening_sha256:
                return None
        except OSError:
            return None
        for name in (clip.file, clip.listening):
            link_or_copy(old / name, folder / "clips" / name)
        return clip
    return None


def content_of(case: Case, records: list[dict[str, Any]], options: Options) -> dict[str, Any]:
    """Return the manifest but for what is known only at the end: the log's head and the files."""
    now = dt.datetime.fromisoformat(case.made_at)
    clips = []
    for item in case.items:
        flags = {f.flag.id: f.flag for f in item.reviewed.flags}
        for flag_id, clip in item.clips.items():
            flag = flags[flag_id]
            clips.append(
                {
                    "recording": item.number,
                    "flag": flag_id,
                    "category": CATEGORY_NAMES[flag.category][0],
                    "flag_start_s": flag.start_s,
                    "flag_end_s": flag.end_s,
                    "parent_sha256": item.reviewed.report.recording.sha256,
                    **asdict(clip),
                    "notice": CLIP_NOTICE,
                }
            )
    return {
        "format": FORMAT,
        "made_at": case.made_at,
        "made_at_utc": now.astimezone(dt.UTC).isoformat(timespec="seconds").replace("+00:00", "Z"),
        "made_by": options.actor,
        "tool": custody.tool(),
        "limits": LIMITS,
        "redacted": case.redacted,
        "script": case.script,
        "options": options.for_log(case.script),
        "signer": {"algorithm": "Ed25519", "fingerprint": case.fingerprint},
        "facts": case.facts,
        "recordings": records,
        "clips": clips,
    }


def sign_case(
    case: Case,
    content: Mapping[str, Any],
    generated: set[str],
    options: Options,
    key: Key,
    say: Say,
) -> None:
    """Hash all files, log the export, write and sign the manifest, log that, sign the log."""
    say("正在计算哈希并签名")
    folder = case.folder
    entries = list_files(folder, generated)
    flags = [item.reviewed.flag.status for item in case.flags()]
    models: dict[str, str] = {}
    for item in case.items:
        models |= log_models(item.reviewed.report)
    last = custody.append(
        folder,
        "export",
        options.actor,
        {entry.path: entry.sha256 for entry in entries},
        {state: flags.count(state) for state in ("confirmed", "unreviewed", "rejected")},
        models,
        options.for_log(case.script),
    )
    head = {"file": LOG, "lines": last["n"], "head": last["hash"]}
    hashes = write_signed(
        folder, {**content, "custody": head}, entries, key, options.timestamp_request
    )
    custody.append(folder, "sign", options.actor, hashes, {"fingerprint": key.fingerprint}, models)
    custody.sign_log(folder, key)
