"""A case folder: made from recordings or reports, and made anew from the decisions on them."""

import os
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from detector.case import CaseFacts
from detector.errors import InputError, OptionError
from detector.evidence import custody
from detector.evidence.custody import LOG
from detector.evidence.decisions import decisions_path
from detector.evidence.export import Options, Previous, Say, export
from detector.evidence.files import (
    copy_verified,
    files_under,
    hash_file,
    link_or_copy,
    plain_name,
    read_only,
    safe_name,
)
from detector.evidence.lock import locked
from detector.evidence.manifest import MANIFEST, OWN, PUBLIC, SIGNATURE, read_manifest
from detector.evidence.model import Case
from detector.evidence.record import Recorded, facts_of, log_models, parse_recorded
from detector.evidence.sources import Source
from detector.evidence.staging import check_new, clear_leftovers, parents_made, publish, staged
from detector.evidence.timestamp import ANSWER, REQUEST
from detector.evidence.verify import blocking, verify_case
from detector.output import write_file
from detector.report import Report, StartedAt

__all__ = ["ScanOne", "build_case", "update_case"]

ScanOne = Callable[[Path, CaseFacts], Report]
"""Scans a recording; the facts are those that the user stated."""
_MADE = ("machine_report", "original", "decisions", "clip", "listening_copy", "page", "document")
_EDITED = ("document", "page")


def build_case(
    sources: Sequence[Source], target: Path, options: Options, scan: ScanOne, say: Say
) -> Case:
    """Make a new case folder; it appears whole or not at all.

    Returns:
        The case, its folder being `target`.

    Raises:
        OptionError: the target exists, lies in a source, or is in use.
        InputError: a source cannot be used.
        OutputError: it cannot be written, as when the disk is full.
    """
    target = Path(os.path.abspath(target))
    given = [path for s in sources for path in (s.recording, s.report_file) if path is not None]
    check_new(target, given)
    stated = options.facts.started_at if options.facts else None
    if stated and len(sources) > 1:
        raise OptionError(
            "案情文件里的 started_at 只能用于一个录音;几个录音请分别运行 detector scan "
            "--started-at,再把报告交给 evidence (one start for several recordings)。"
        )
    with parents_made(target), locked(target):
        clear_leftovers(target)
        check_new(target, given)
        with staged(target) as stage:
            recorded = _import_all(stage, sources, options, scan, say)
            case = export(stage, recorded, options, say)
            publish(stage, target)
    return _moved(case, target)


def _moved(case: Case, target: Path) -> Case:
    items = tuple(
        replace(item, original=target / "original" / item.original.name) for item in case.items
    )
    return replace(case, folder=target, items=items)


def _import_all(
    stage: Path, sources: Sequence[Source], options: Options, scan: ScanOne, say: Say
) -> list[Recorded]:
    for name in ("original", "reports"):
        (stage / name).mkdir()
    names = [safe_name(source.recording) for source in sources]
    folded = [name.casefold() for name in names]
    found: list[Recorded] = []
    for index, source in enumerate(sources):
        name = names[index]
        if folded.count(folded[index]) > 1:
            name = f"{index + 1}_{name}"
        say(f"正在导入 {plain_name(source.recording)}")
        copy = stage / "original" / name
        digest, size = _copy(source.recording, copy)
        if any(digest == other.sha256 for other in found):
            say(f"{plain_name(source.recording)} 与前面的录音完全相同,只收一份")
            copy.chmod(0o600)
            copy.unlink()
            continue
        facts = options.facts or CaseFacts()
        stated = StartedAt(facts.started_at, "user", "stated") if facts.started_at else None
        number = len(found) + 1
        made = Recorded(
            number, plain_name(source.recording), f"original/{name}", digest, size,
            f"reports/{number}.json", stated,
        )  # fmt: skip
        details = {"recording": number, "bytes": size}
        custody.append(stage, "import", options.actor, {made.file: digest}, details)
        _report(stage, made, source, options, scan)
        found.append(made)
    return found


def _copy(source: Path, copy: Path) -> tuple[str, int]:
    try:
        return copy_verified(source, copy)
    except OSError as error:
        if error.filename and Path(error.filename) == source:
            raise InputError(f"无法读取 {source}:{error.strerror} (cannot read)。") from None
        raise


def _report(stage: Path, made: Recorded, source: Source, options: Options, scan: ScanOne) -> None:
    """Scan the copy, or take over the report that there is with the decisions on it."""
    path = stage / made.report_file
    if source.report is None or source.report_file is None:
        report = scan(stage / made.file, options.facts or CaseFacts())
        report = replace(report, recording=replace(report.recording, file=made.name))
        write_file(path, report.to_json().encode("utf-8"))
    else:
        report = source.report
        write_file(path, source.report_file.read_bytes())
        decided = decisions_path(source.report_file)
        if decided.exists():
            write_file(decisions_path(path), decided.read_bytes())
    if report.recording.sha256 != made.sha256:
        raise InputError(
            f"{made.name} 与报告的 SHA-256 不符,请重新分析 "
            "(the recording is not the one of the report)。"
        )
    details = {"recording": made.number, "by": "scan" if source.report is None else "report"}
    custody.append(
        stage,
        "analysis",
        options.actor,
        {made.report_file: hash_file(path)[0]},
        details,
        log_models(report),
        report.settings,
    )


def update_case(folder: Path, options: Options, say: Say) -> Case:
    """Make documents, clips and pages of a case anew from its decisions, sign it and log it.

    Files that people added stay; documents that people edited are kept beside the new ones.

    Raises:
        InputError: an original, report, the log or the signed list is not as it was.
        OptionError: the case is in use.
        OutputError: it cannot be written; the case stays as it was.
    """
    folder = Path(os.path.abspath(folder))
    with locked(folder):
        clear_leftovers(folder)
        say("正在核对案件文件夹")
        if faults := blocking(verify_case(folder)):
            listed = ";".join(f"{fault.file} {fault.text}" for fault in faults[:3])
            raise InputError(
                f"案件文件夹已不完整,不能在它上面继续:{listed}。"
                "请用 detector verify 查看,并换用未改动的备份 (the case is not intact)。"
            )
        manifest = read_manifest(folder)
        recorded = parse_recorded(manifest)
        if options.facts is not None and options.facts.started_at:
            if len(recorded) > 1:
                raise OptionError(
                    "案情文件里的 started_at 只能用于一个录音 (one start for several recordings)。"
                )
            stated = StartedAt(options.facts.started_at, "user", "stated")
            recorded = [replace(recorded[0], started_at=stated)]
        if options.facts is None:
            options = replace(options, facts=facts_of(manifest))
        with staged(folder) as stage:
            _take_over(folder, stage, manifest, options.actor)
            case = export(stage, recorded, options, say, Previous(folder, manifest))
            _catch_up(folder, stage)
            publish(stage, folder)
            for original in recorded:
                read_only(folder / original.file)  # Windows takes it away with the old name
    return _moved(case, folder)


def _take_over(folder: Path, stage: Path, manifest: dict[str, Any], actor: str) -> None:
    """Bring into a new export what it is made from, and what people put into the folder."""
    listed = {entry["path"]: entry for entry in manifest["files"]}
    kept_at = f"已改动的文件/{manifest['made_at'].replace(':', '')}"
    changed: dict[str, str] = {}
    (stage / LOG).write_bytes((folder / LOG).read_bytes())
    for path, place in files_under(folder):
        role = listed[path]["role"] if path in listed else "added"
        if place.is_symlink() or path in OWN:
            continue
        if path.endswith(".decisions.jsonl") and path.startswith("reports/"):
            (stage / path).parent.mkdir(exist_ok=True)  # as it is now; see _catch_up
            (stage / path).write_bytes(place.read_bytes())
        elif path.startswith(("original/", "reports/")) or role not in _MADE:
            link_or_copy(place, stage / path)
        elif role in _EDITED and hash_file(place)[0] != listed[path]["sha256"]:
            link_or_copy(place, stage / kept_at / path)
            changed[f"{kept_at}/{path}"] = hash_file(place)[0]
    if (folder / ANSWER).exists() or (folder / REQUEST).exists():
        # a timestamp, even one still to come, is of that very list: both are kept
        number = 1
        while (stage / "earlier" / str(number)).exists():
            number += 1
        for name in (MANIFEST, SIGNATURE, PUBLIC, REQUEST, ANSWER):
            if (folder / name).exists():
                link_or_copy(folder / name, stage / "earlier" / str(number) / name)
    if changed:
        custody.append(
            stage, "import", actor, changed, {"what": "documents edited outside this program"}
        )


def _catch_up(folder: Path, stage: Path) -> None:
    """Put the decisions files themselves in place of the copies that the export was made from.

    Whatever was decided meanwhile, and even while the folders are exchanged, is in them.
    """
    for path in sorted((folder / "reports").glob("*.decisions.jsonl")):
        there = stage / "reports" / path.name
        partial = there.with_name(f".{path.name}.part")
        link_or_copy(path, partial)
        os.replace(partial, there)
