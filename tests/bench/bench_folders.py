"""How long big folders take.

`PYTHONPATH=.:tests/detector/batch python tests/bench/bench_folders.py plan|resume [COUNT]`

`plan` makes COUNT (100,000) files, half of them recordings, and plans them anew and again.
`resume` makes COUNT (5,000) recordings with finished reports of usual size and runs over them.
Prints seconds, of them those of processor time, and the peak memory of this process.
"""

import argparse
import json
import os
import random
import tempfile
import time
from pathlib import Path

import fake_scan
import numpy as np

from detector.batch.discover import discover
from detector.batch.entry import entry_of
from detector.batch.ledger import Ledger, locked
from detector.batch.plan import make_plan
from detector.batch.run import Batch, run_batch
from detector.batch.settings import key_of_options
from detector.batch.show import Show
from detector.batch.sound import _FORMAT, _HEAD
from detector.batch.starts import NO_LOG, start_facts, start_of
from detector.batch.store import Store
from detector.batch.task import Config
from detector.scan import ScanOptions
from detector.whisper_models import resolve
from detector.worker_child import memory


def peak_mb():
    return (memory() or (0, 0))[1] / 1e6


def timed(what, run):
    began, before = time.perf_counter(), time.process_time()
    result = run()
    wall, processor = time.perf_counter() - began, time.process_time() - before
    print(
        f"{what}: {wall:.1f} s ({processor:.1f} s of processor time), peak {peak_mb():.0f} MB",
        flush=True,
    )
    return result


def plan(work, count):
    folder = work / "in"
    for number in range(count):
        place = folder / f"{number % 300:03}"
        place.mkdir(parents=True, exist_ok=True)
        head = b"#!AMR\n" if number % 2 else b"plain text "
        (place / f"{number:06}.{'amr' if number % 2 else 'txt'}").write_bytes(
            head + b"%d" % number * 500
        )
    os.system(f"find {folder} -type f -exec touch -d '1 hour ago' {{}} +")
    key = key_of_options(ScanOptions(), resolve().sha256)

    def once():
        with locked(work / "out"):
            ledger = Ledger(work / "out", key)
            found = discover(folder, work / "out")
            made = make_plan(folder, work / "out", found, ledger)
            ledger.close()
            return made

    made = timed(f"plan of {count} files", once)
    assert len(made.units) == count // 2 and made.others == count // 2
    timed("plan again", once)


def finished(work, count, seconds=180):
    """Make recordings and what a run over them would have left, with made-up sounds."""
    options, out = ScanOptions(), work / "out"
    settings = fake_scan.settings_for(Config(options))
    noise, frames = np.random.default_rng(1), round(seconds / 0.064)
    dice = random.Random(1)
    said = [["collector" if n % 2 else "debtor", "这是一句话,有十几个字那么长"] for n in range(60)]
    for number in range(count):
        name = f"通话录音@0210000{number % 7:04}_2025{1 + number % 9:02}{1 + number % 28:02}" + (
            f"{number % 24:02}{number // 24 % 60:02}{number % 60:02}.amr"
        )
        flags = [["threat", "violence", 4]] * dice.choice((0, 0, 0, 1, 3))
        fake_scan.recording(
            work / "in" / f"{number % 50}" / f"{number}" / name, n=number, say=said, flags=flags,
            duration_s=seconds,
        )  # fmt: skip
    os.system(f"find {work / 'in'} -type f -exec touch -d '1 hour ago' {{}} +")
    with locked(out):
        ledger, store = Ledger(out, key_of_options(options, resolve().sha256)), Store(out)
        made = make_plan(work / "in", out, discover(work / "in", out), ledger)
        task = fake_scan.load(Config(options))
        for unit in made.units:
            path = work / "in" / unit.file.path
            report = fake_scan.make_report(path, path.read_bytes(), settings)
            recording = task._open(path, report)
            start = start_facts(start_of(recording, unit.names, NO_LOG, seconds))
            target = store.reports / f"{unit.report}.json"
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_text(report.to_json(), "utf-8")
            info = target.stat()
            sound = (
                _HEAD.pack(_FORMAT, frames)
                + noise.integers(0, 1 << 16, frames).astype("<u2").tobytes()
                + b"\xff" * ((frames + 7) // 8)
            )
            if not ledger._base.in_transaction:
                ledger._base.execute("BEGIN")
            ledger._base.execute(
                "INSERT INTO results VALUES (?,?,?,?,?,?,?,?,?,?)",
                (unit.sha256, ledger.key, "done", "", unit.report, info.st_size, info.st_mtime_ns,
                 unit.given, json.dumps(entry_of(report, start, None)), sound),
            )  # fmt: skip
        ledger._base.execute("COMMIT")
        ledger.close()


def resume(work, count):
    finished(work, count)
    batch = Batch(work / "in", work / "out", ScanOptions(), html=False, task="fake_scan:load")
    ran = timed(f"resume of {count} finished recordings", lambda: run_batch(batch, Show(True)))
    assert ran.scanned == 0 and ran.kept == count, (ran.scanned, ran.kept)
    size = sum((work / "out" / f"summary.{kind}").stat().st_size for kind in ("json", "html"))
    print(f"summary.json and summary.html: {size / 1e6:.1f} MB")


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("what", choices=("plan", "resume"))
    parser.add_argument("count", type=int, nargs="?")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        if args.what == "plan":
            plan(Path(folder), args.count or 100_000)
        else:
            resume(Path(folder), args.count or 5_000)


if __name__ == "__main__":
    main()
