"""One run over a folder: find, plan, scan what is missing, sum up."""

import datetime as dt
import json
import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from detector.batch.calls import Call, make_calls
from detector.batch.decided import with_decisions
from detector.batch.discover import MARK, Found, discover
from detector.batch.duplicates import find_alike, listed
from detector.batch.events import parties_of
from detector.batch.finished import note_folder
from detector.batch.ledger import Ledger, Result, locked
from detector.batch.limits import limits_note, limits_version
from detector.batch.plan import Plan, Unit, make_plan
from detector.batch.rules import find
from detector.batch.settings import key_of_options, shown_settings
from detector.batch.show import Show
from detector.batch.starts import CallLog, read_logs
from detector.batch.store import Store
from detector.batch.summary import Facts, Failure, summarise
from detector.batch.summary_html import render_summary
from detector.batch.summary_xlsx import render_workbook
from detector.batch.task import REUSE, Config, Order, Scanned
from detector.case import SHANGHAI
from detector.errors import InputError, OptionError, OutputError
from detector.jobs import Engine, Job, Outcome, share
from detector.output import write_file
from detector.scan import ScanOptions

__all__ = ["TASK", "Batch", "Ran", "run_batch"]

TASK = "detector.batch.task:load"
MakeEngine = Callable[[str, Any, int, int], Engine]
"""From task, its configuration, workers and threads a worker: an engine."""
Share = Callable[[int | None, int, int], tuple[int, int]]
"""From what the user wants and the number of jobs: workers, and threads a worker."""


def local_engine(task: str, config: Any, workers: int, threads: int) -> Engine:
    """Start worker processes on this machine."""
    from detector.workers import LocalEngine

    return LocalEngine(task, config, workers, threads)


@dataclass(frozen=True, slots=True)
class Batch:
    """What to do: the folder, where results go, how to scan, on what."""

    folder: Path
    out: Path
    scan: ScanOptions
    workers: int | None = None
    html: bool = True
    call_log: tuple[Path, ...] = ()
    join_messages: bool = False
    jurisdiction: str = "cn"
    tz: dt.tzinfo = SHANGHAI
    make_engine: MakeEngine = local_engine
    share: Share = share
    task: str = TASK


@dataclass(frozen=True, slots=True)
class Ran:
    """How a run ended: its summary, and what it did itself."""

    summary: dict[str, Any]
    scanned: int
    kept: int
    peak_bytes: int | None


def _check_folders(batch: Batch) -> None:
    folder, out = batch.folder.resolve(), batch.out.resolve()
    if folder == out or (out in folder.parents and folder.is_relative_to(out / "reports")):
        raise OptionError(
            "-o 不能是录音文件夹本身,请另给一个文件夹 (OUT must not be the folder itself)。"
        )
    if out.exists() and not out.is_dir():
        raise OptionError(f"-o {batch.out} 是文件,请给一个文件夹 (OUT is a file)。")


class _Run:
    def __init__(
        self, batch: Batch, ledger: Ledger, store: Store, log: CallLog, show: Show
    ) -> None:
        self.batch, self.ledger, self.store = batch, ledger, store
        self.log, self.show = log, show
        self.failures: list[Failure] = []
        self.scanned = 0
        self.peak: int | None = None

    def jobs(self, units: list[Unit]) -> Iterator[Job]:
        """Yield the longest first, so that no worker is left with a long one at the end."""
        for unit in sorted(units, key=lambda unit: (-unit.file.size, unit.sha256)):
            files = [self.batch.folder / path for path in unit.paths]
            yield Job(
                id=unit.sha256,
                path=files[0],
                payload=Order(
                    sha256=unit.sha256,
                    size=unit.file.size,
                    mtime_ns=unit.file.mtime_ns,
                    name=unit.report.rpartition("/")[2],
                    names=unit.names,
                    messages=unit.hashes,
                ),
                out=self.store.work(unit.sha256),
                also=tuple(files[1:]) if unit.messages else (),
                extra={REUSE: unit.reuse} if unit.reuse else {},
            )

    def scan(self, units: list[Unit]) -> dict[str, Result]:
        """Scan; return the results by hash. What failed is in `failures`."""
        self.show.begin(len(units), sum(unit.file.size for unit in units))
        by_id = {unit.sha256: unit for unit in units}
        results: dict[str, Result] = {}
        workers, threads = self.batch.share(self.batch.workers, self.batch.scan.threads, len(units))
        scan = replace(
            self.batch.scan, threads=threads, case=replace(self.batch.scan.case, started_at=None)
        )
        config = Config(scan, self.batch.html, self.log)
        engine = self.batch.make_engine(self.batch.task, config, workers, threads)
        try:
            for outcome in engine.run(self.jobs(units), self.show.step):
                unit = by_id[outcome.job.id]
                result = self._take(unit, outcome)
                if result:
                    self.ledger.note(result)
                    results[unit.sha256] = result
                self.scanned += 1
                self.peak = max(self.peak or 0, outcome.peak_bytes or 0) or None
                seconds = result.entry["duration_s"] if result and result.entry else 0.0
                self.show.end(outcome.job, unit.file.size, seconds, not (result and result.entry))
        finally:
            engine.close()
        return results

    def _take(self, unit: Unit, outcome: Outcome) -> Result | None:
        if outcome.kind == "done":
            made: Scanned = outcome.value
            if not made.changed:
                size, mtime = self.store.publish(unit.sha256, unit.report, unit.reuse)
                return Result(
                    unit.sha256, "done", "", unit.report, size, mtime, unit.given, made.entry,
                    made.sound,
                )  # fmt: skip
            reason = "分析时文件正在变化,完成后请再运行一次 (the file changed while it was read)。"
            self._fail(unit, "changed", reason)
        elif outcome.kind == "no_output":
            raise OutputError(f"写不出报告,已停止:{outcome.error} (cannot write; stopped)。")
        elif outcome.kind == "bad_input":
            return Result(unit.sha256, "bad_input", outcome.error)
        else:
            self._fail(unit, outcome.kind, outcome.error)
        return None

    def _fail(self, unit: Unit, kind: str, reason: str) -> None:
        self.failures += [Failure(path, kind, reason) for path in unit.paths]


def run_batch(batch: Batch, show: Show) -> Ran:
    """Scan what is not yet scanned below a folder and write the summary.

    Raises:
        InputError: the folder cannot be read or holds no recording.
        OptionError: the options do not fit, or another run works on OUT.
        ModelError: a model is missing.
        OutputError: OUT cannot be written; what is finished stays.
    """
    from detector.whisper_models import resolve

    batch.scan.check()
    _check_folders(batch)
    if not os.path.isdir(batch.folder):
        discover(batch.folder, batch.out)  # says what is wrong with it
    log = read_logs(batch.call_log, batch.tz)
    model = resolve(batch.scan.whisper_model, show.say)
    key = key_of_options(batch.scan, model.sha256)
    with locked(batch.out):
        store = Store(batch.out)
        store.clear()
        note_folder(batch.out, batch.folder)
        found = discover(
            batch.folder, batch.out, lambda count: show.looking("正在查找录音:", count)
        )
        ledger = Ledger(batch.out, key)
        try:
            plan = make_plan(
                batch.folder,
                batch.out,
                found,
                ledger,
                batch.html,
                log,
                batch.join_messages,
                tell=lambda done, whole: show.looking("正在核对:", done, whole),
            )
            if not plan.units and not plan.problems:
                raise InputError(
                    f"{batch.folder} 里没有找到录音(看过 {len(found.files)} 个文件) "
                    "(no recordings found)。"
                )
            run = _Run(batch, ledger, store, log, show)
            units = plan.open
            results = run.scan(units) if units else {}
            plan.units = [
                replace(unit, result=results.get(unit.sha256, unit.result)) for unit in plan.units
            ]
            summary, calls = _sum_up(batch, found, plan, run, ledger, model.name, model.sha256)
        finally:
            ledger.close()
        show.finish()
        _write(batch, summary, calls)
    return Ran(summary, run.scanned, len(plan.units) - len(units), run.peak)


def _sum_up(
    batch: Batch, found: Found, plan: Plan, run: _Run, ledger: Ledger, model: str, sha256: str
) -> tuple[dict[str, Any], list[Call]]:
    failures = list(run.failures)
    for unit in plan.units:
        if unit.result and unit.result.kind == "bad_input":
            for path in unit.paths:
                failures.append(Failure(path, "bad_input", unit.result.error, again=False))
    there = {unit.sha256 for unit in plan.units if unit.result}
    pairs = find_alike(lambda: (one for one in ledger.sounds() if one[0] in there), ledger.sound)
    duplicates, same = listed(plan.units, pairs)
    calls = make_calls(with_decisions(plan.units, batch.out / "reports"), same)
    case = batch.scan.case.facts
    parties = parties_of(calls, run.log.entries, case, batch.tz)
    facts = Facts(
        folder=batch.folder.resolve().name,
        settings=shown_settings(batch.scan, model, sha256),
        failures=failures,
        problems=plan.problems,
        others=plan.others,
        special=found.special,
        own=found.own,
        recordings=sum(len(unit.paths) for unit in plan.units) + len(plan.problems),
        findings=find(parties, batch.jurisdiction, case, bool(run.log.entries)),
        duplicates=duplicates,
        rules={
            "jurisdiction": batch.jurisdiction,
            "time_zone": str(batch.tz),
            "call_log": bool(run.log.entries),
            "limits_version": limits_version(),
            "note": limits_note(),
        },
    )
    return summarise(calls, facts), calls


def _write(batch: Batch, summary: dict[str, Any], calls: Sequence[Call]) -> None:
    text = json.dumps(summary, ensure_ascii=False, indent=1) + "\n"
    page = render_summary(summary, batch.html)
    workbook = render_workbook(summary, calls, batch.out / MARK)
    write_file(batch.out / "summary.html", page.encode("utf-8", "replace"))
    write_file(batch.out / "summary.xlsx", workbook)
    write_file(batch.out / "summary.json", text.encode("utf-8", "replace"))
