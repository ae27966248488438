"""Coverage-guided fuzzing (atheris) of everything in `detector` that reads a file by itself.

`PYTHONPATH=. python tests/bench/fuzz_parsers.py [--seconds 60] [--targets silk,text] [--keep]`

Each target gets an equal share of the time, in a process of its own. Beside what a target grows
from its own seeds, it begins with `tests/bench/corpus/TARGET/`; `--keep` adds there what reached
code that nothing before had reached (small inputs only). Prints executions and findings; ends with
exit code 1 if anything else than a DetectorError came out, or an input took over ten seconds.
"""

import argparse
import contextlib
import importlib
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

HERE = Path(__file__).parent
sys.path += [str(HERE.parent), str(HERE.parent / "detector")]
CORPUS = HERE / "corpus"
KEPT_BYTES, KEPT_EACH = 2_000, 12


class Folder:
    """Where a target's file stands; in memory where there is such a place."""

    def __init__(self) -> None:
        shm = Path("/dev/shm")
        self.path = Path(tempfile.mkdtemp(dir=shm if shm.is_dir() else None))

    def file(self, name, data):
        path = self.path / name
        path.write_bytes(data)
        return path


def silk_target(folder):
    silk = importlib.import_module("detector.silk")
    return lambda data: list(silk.decode(folder.file("a.silk", data).open("rb")))


def text_target(folder):
    messages = importlib.import_module("detector.messages")
    names = ("a.txt", "a.csv", "a.srt", "a.vtt", "a.jsonl", "-")

    def look(data):
        for call in messages.read_calls(names[data[0] % len(names)] if data else "-", data[1:]):
            assert call.turns or call.call_id
            assert all(isinstance(turn.text, str) for turn in call.turns)

    return look


def call_log_target(folder):
    log = importlib.import_module("detector.call_log")
    return lambda data: log.read_call_log(folder.file("a.csv", data))


def names_target(folder):
    names = importlib.import_module("detector.file_names")

    def look(data):
        text = data.decode("utf-8", "surrogateescape")
        found = names.started_from_name(text)
        assert found is None or found.start
        names.normal_number(text)

    return look


def report_target(folder):
    report = importlib.import_module("detector.report")
    text = importlib.import_module("detector.render_text")

    page = importlib.import_module("detector.render_html")

    def look(data):
        found = report.read_report(folder.file("a.json", data))
        text.render_txt(found)
        text.render_csv(found)
        page.render_html(found, None)
        found.to_json()

    return look


def decisions_target(folder):
    decisions = importlib.import_module("detector.evidence.decisions")
    path = folder.path / "a.json"

    def look(data):
        decisions.decisions_path(path).write_bytes(data)
        decisions.read_decisions(path)

    return look


def case_target(folder):
    case = importlib.import_module("detector.case")
    return lambda data: case.read_case(folder.file("a.toml", data))


def ledger_target(folder):
    ledger = importlib.import_module("detector.batch.ledger")
    path = folder.path / ledger.MARK / "ledger.sqlite"
    path.parent.mkdir()

    def look(data):
        path.write_bytes(data)
        made = ledger.Ledger(folder.path, "key")
        try:
            made.known()
            made.results()
            list(made.sounds())
            made.note(ledger.Result("ab", "done", entry={"a": 1}))
        finally:
            made.close()
            for aside in path.parent.glob("ledger.*"):
                aside.unlink()

    return look


def partial_target(folder):
    os.environ["DETECTOR_CACHE"] = str(folder.path)
    partial = importlib.import_module("detector.partial")
    tests = importlib.import_module("partial_parts")
    (folder.path / "partial").mkdir()

    def look(data):
        path = tests.place(partial)
        path.write_bytes(data)
        with tests.opened(partial) as made:
            assert made([tests.WINDOW])[0].words == tests.HEARD.words
        importlib.import_module("detector.kept").kept()

    return look


TARGETS = {
    name.removesuffix("_target"): made
    for name, made in list(globals().items())
    if name.endswith("_target")
}


def seeds(target):
    """Return small files that a target reads in full."""
    import conftest

    if target == "silk":
        return [conftest.silk_voice(0.1), conftest.silk_voice(0.1, tencent=False)]
    if target == "report":
        return [conftest.report().to_json().encode()]
    if target == "decisions":
        decision = {"at": "2026-03-05T22:41:07+08:00", "by": "A", "action": "confirm",
                    "target": "F1", "value": {}, "note": ""}  # fmt: skip
        return [json.dumps(decision).encode() + b"\n"]
    if target == "ledger":
        from detector.batch.ledger import MARK, Ledger, Result

        with tempfile.TemporaryDirectory() as place:
            (Path(place) / MARK).mkdir()
            ledger = Ledger(Path(place), "key")
            ledger.note(Result("cd", "done", entry={"flags": []}, sound=b"12345678"))
            ledger.close()
            return [ledger.path.read_bytes()]
    return []


def fuzz(target, arguments) -> None:
    """Run one target under atheris; never returns."""
    import atheris

    from detector.errors import DetectorError

    folder = Folder()
    with atheris.instrument_imports(include=["detector"]):
        look = TARGETS[target](folder)

    def one(data):
        with contextlib.suppress(DetectorError):
            look(data)

    atheris.Setup([sys.argv[0], *arguments], one)
    try:
        atheris.Fuzz()
    finally:
        shutil.rmtree(folder.path, ignore_errors=True)


def run(target, seconds, keep):
    """Return how many inputs a target took and what was found."""
    with tempfile.TemporaryDirectory() as place:
        work, found = Path(place) / "corpus", Path(place) / "found"
        work.mkdir()
        found.mkdir()
        for number, seed in enumerate(seeds(target)):
            (work / f"seed-{number}").write_bytes(seed)
        done = subprocess.run(
            [sys.executable, __file__, "--one", target, "--", f"-max_total_time={seconds}",
             "-timeout=10", "-rss_limit_mb=900", "-print_final_stats=1", "-max_len=20000",
             f"-artifact_prefix={found}/", str(work),
             *([str(CORPUS / target)] if (CORPUS / target).is_dir() else [])],
            capture_output=True, check=False,
            env={**os.environ, "PYTHONPATH": str(HERE.parent.parent)},
        )  # fmt: skip
        said = done.stderr.decode("utf-8", "replace") + done.stdout.decode("utf-8", "replace")
        count = re.search(r"number_of_executed_units: (\d+)", said) or re.search(
            r"Done (\d+) runs", said
        )
        cover = re.findall(r"cov: (\d+)", said)
        what = [(path.name, path.read_bytes()) for path in sorted(found.iterdir())]
        if keep:
            folder = CORPUS / target
            folder.mkdir(parents=True, exist_ok=True)
            grown = sorted(
                (p for p in work.iterdir() if p.stat().st_size <= KEPT_BYTES
                 and not p.name.startswith("seed")),
                key=lambda p: -p.stat().st_mtime,
            )  # fmt: skip
            for path in grown[:KEPT_EACH]:
                shutil.copy(path, folder / path.name[:12])
        ended = "" if done.returncode == 0 else said[-3_000:]
        return int(count[1]) if count else 0, cover[-1] if cover else "?", what, ended


def main() -> int:
    if "--one" in sys.argv:
        at = sys.argv.index("--one")
        fuzz(sys.argv[at + 1], sys.argv[at + 3 :])
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=60.0, help="for all targets together")
    parser.add_argument("--targets", default=",".join(TARGETS))
    parser.add_argument("--keep", action="store_true")
    args = parser.parse_args()
    chosen = args.targets.split(",")
    bad = 0
    for target in chosen:
        share = max(1, round(args.seconds / len(chosen)))
        count, cover, found, ended = run(target, share, args.keep)
        print(f"{target}: {count} executions, coverage {cover}, {len(found)} findings", flush=True)
        if found or ended:
            bad += 1
            for name, data in found:
                print(f"  {name}: {data[:300]!r}")
            print("  " + ended.replace("\n", "\n  "))
    return 1 if bad else 0


if __name__ == "__main__":
    raise SystemExit(main())
