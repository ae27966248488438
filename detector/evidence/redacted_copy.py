"""A copy of a case to be shown to others: masked, signed on its own, without the originals."""

from dataclasses import replace
from pathlib import Path
from typing import Any

from detector.errors import InputError, OptionError
from detector.evidence import custody
from detector.evidence.delete import redacted_folder
from detector.evidence.export import Options, Say, content_of, page_name, sign_case
from detector.evidence.files import hash_file
from detector.evidence.lock import locked
from detector.evidence.manifest import MANIFEST, read_manifest
from detector.evidence.model import Case, CaseItem
from detector.evidence.page import as_reviewed
from detector.evidence.signing import signing_key
from detector.evidence.staging import clear_leftovers, publish, staged
from detector.output import write_page

__all__ = ["check_redacted", "write_redacted"]


def check_redacted(case: Path) -> None:
    """Refuse, before any work, to replace a folder that is no redacted copy.

    Raises:
        OptionError: it is something else.
    """
    folder = redacted_folder(case)
    if not folder.exists():
        return
    try:
        ours = read_manifest(folder).get("redacted") is True
    except InputError:
        ours = folder.is_dir() and not any(folder.iterdir())
    if not ours:
        raise OptionError(
            f"{folder} 已存在,而且不是脱敏副本,不会覆盖;请先移走它 (exists already)。"
        )


def write_redacted(case: Case, options: Options, say: Say) -> Path:
    """Write the redacted copy of a case beside it, and log that in the case.

    Raises:
        OptionError: another folder is in the way, or a run is at work on the case.
        OutputError: it cannot be written, as when the disk is full.
    """
    from detector.evidence.documents import write_documents
    from detector.evidence.redact import Masker, all_names
    from detector.evidence.redact_audio import redacted_with_clips

    check_redacted(case.folder)
    folder, key = redacted_folder(case.folder), signing_key()
    source = hash_file(case.folder / MANIFEST)[0]
    masker = Masker(all_names(case, options.mask))
    shown = replace(options, actor=masker.text(options.actor))
    say("正在制作脱敏副本")
    with locked(case.folder), locked(folder):
        clear_leftovers(folder)
        with staged(folder) as stage:
            custody.append(stage, "redacted_export", shown.actor, {}, {"source": source})
            (stage / "clips").mkdir()
            masked = redacted_with_clips(case, options.mask, stage / "clips")
            masked = replace(masked, folder=stage, redacted=True, fingerprint=key.fingerprint)
            generated = {p.relative_to(stage).as_posix() for p in write_documents(masked, stage)}
            for item in masked.items:
                page = stage / page_name(item.number, len(masked.items))
                report = as_reviewed(item.reviewed)
                generated |= {p.name for p in write_page(report, None, page)}
                for clip in item.clips.values():
                    generated |= {f"clips/{clip.file}", f"clips/{clip.listening}"}
            content = content_of(masked, [_record(item) for item in masked.items], shown)
            sign_case(masked, content, generated, shown, key, say)
            publish(stage, folder)
        made = hash_file(folder / MANIFEST)[0]
        custody.append(
            case.folder,
            "redacted_export",
            options.actor,
            {f"{folder.name}/{MANIFEST}": made},
            {"masked_names": len(options.mask)},
        )
        custody.sign_log(case.folder, key)
    return folder


def _record(item: CaseItem) -> dict[str, Any]:
    """Return what the manifest says of a recording that is not in the copy."""
    facts = item.reviewed.report.recording
    return {
        "number": item.number,
        "name": facts.file,
        "file": None,
        "sha256": facts.sha256,
        "bytes": facts.bytes,
        "duration_s": facts.duration_s,
        "started_at": {"value": facts.started_at.value, "source": facts.started_at.source},
        "report": None,
        "decisions": None,
    }
