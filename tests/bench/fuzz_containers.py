"""Breaks recordings at random and decodes them, in worker processes that may die of it.

`PYTHONPATH=. python tests/bench/fuzz_containers.py [--seconds 180] [--seed 0] [--keep FOLDER]`

Every input is a function of its number, so that a finding can be made again with
`--only NUMBER`. Ends with exit code 1 and names the inputs, if a process died or hung, something
else than a RecordingError was raised, or the samples were not what they must be.
"""

import argparse
import random
import struct
import sys
import tempfile
import time
from functools import cache
from pathlib import Path

HERE = Path(__file__).parent
sys.path += [str(HERE), str(HERE.parent), str(HERE.parent / "detector" / "hostile")]

import conftest  # noqa: E402
import numpy as np  # noqa: E402
from hostile_files import Whole, first_moov, with_cover  # noqa: E402

from detector.audio import BLOCK, Decoder, open_recording  # noqa: E402
from detector.errors import RecordingError  # noqa: E402
from detector.jobs import Job, TimeLimit  # noqa: E402
from detector.survey import survey  # noqa: E402
from detector.workers import LocalEngine  # noqa: E402

EACH = 50  # inputs a job
SLOW_S = 10.0
LIMIT = TimeLimit(base_s=60.0 + EACH, per_second=0.0, silent_s=60.0, silent_per_second=0.0)
_NUMBERS = (0, 1, 2, 3, 7, 8, 16, 127, 128, 255, 256, 0x7FFF, 0x8000, 0xFFFF, 0x10000, 0x7FFFFFFF,
            0x80000000, 0xFFFFFFFF)  # fmt: skip


@cache
def seeds() -> tuple[bytes, ...]:
    with tempfile.TemporaryDirectory() as folder:
        whole = Whole(Path(folder), conftest.Sounds())
        made = [whole.of(form) for form in conftest.FORMS]
        made += [whole.of(form, 2) for form in ("wav-16", "mp3", "m4a", "ogg-opus", "flac")]
        made += [whole.of("m4a", picture=True), first_moov(whole), with_cover(whole, 500)]
        return (*made, whole.silk, whole.silk[1:], conftest.amr_wb(1.0))


def broken(number: int) -> bytes:
    """Return input NUMBER: a recording with one to eight things wrong with it."""
    rng = random.Random(number)
    data = bytearray(rng.choice(seeds()))
    near = rng.choice((64, 512, 4_096, 1 << 30))  # heads matter most
    if data[4:8] == b"ftyp" and rng.random() < 0.5:
        at = data.find(b"moov")
        table = (at, len(data)) if at > len(data) // 2 else (at, min(at + 1_500, len(data)))
    else:
        table = (0, min(near, len(data)))
    for _ in range(rng.choice((1, 1, 1, 2, 2, 3, 5, 8))):
        if len(data) < 16:
            break
        low, high = (0, len(data)) if rng.random() < 0.2 else table
        low = min(low, len(data) - 9)
        at = rng.randrange(low, max(low + 1, min(high, len(data) - 8)))
        end = min(len(data), at + rng.choice((1, 2, 4, 8, 40, 300, 3_000)))
        what = rng.randrange(9)
        if what == 0:
            data[at] ^= 1 << rng.randrange(8)
        elif what == 1:
            data[at] = rng.choice((0, 1, 0x7F, 0x80, 0xFF, rng.randrange(256)))
        elif what in (2, 3):
            order, width = rng.choice("<>"), rng.choice("HI")
            value = rng.choice(_NUMBERS) & (0xFFFF if width == "H" else 0xFFFFFFFF)
            struct.pack_into(order + width, data, min(at, len(data) - 4), value)
        elif what == 4:
            del data[at:end]
        elif what == 5:
            data[at:at] = data[at:end] * rng.choice((1, 1, 2, 50))
        elif what == 6:
            data[at:end] = rng.randbytes(end - at)
        elif what == 7:
            other = rng.choice(seeds())
            start = rng.randrange(len(other))
            data[at:end] = other[start : start + rng.choice((16, 200, 4_000))]
        else:
            del data[rng.randrange(at, len(data)) :]
    return bytes(data)


def look(path: Path) -> str:
    """Decode a file as a scan does; return what is wrong, or nothing."""
    began = time.process_time()
    try:
        recording = open_recording(path)
        survey(recording)
        decoder = Decoder(recording)
        for block in decoder:
            if block.shape[0] != decoder.channels or not 0 < block.shape[1] <= BLOCK:
                return f"block of shape {block.shape}"
            if block.dtype != np.float32 or not np.isfinite(block).all() or abs(block).max() > 1:
                return "samples out of range"
            if time.process_time() - began > SLOW_S:
                return f"slow: {decoder.duration_s:.0f} s of sound from {recording.bytes} bytes"
    except RecordingError as error:
        if not str(error).endswith("。"):
            return f"not a sentence: {error}"
    return ""


def load(folder):
    """The worker's side: a job is a range of numbers."""
    from detector.worker_child import memory

    def task(job, step):
        path = Path(folder) / f"{job.id}.bin"
        found = []
        for number in range(*job.payload):
            step(f"input {number}", float(number), None)
            path.write_bytes(broken(number))
            try:
                if wrong := look(path):
                    found.append((number, wrong))
            except Exception as error:
                found.append((number, f"{type(error).__name__}: {error}"))
            finally:
                path.unlink()
        return found, (memory() or (0, 0))[1]

    return task


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=180.0)
    parser.add_argument("--seed", type=int, default=0, help="where the numbers begin, in millions")
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("--only", type=int)
    parser.add_argument("--keep", type=Path, help="write inputs that were found there")
    args = parser.parse_args()
    if args.only is not None:
        with tempfile.TemporaryDirectory() as folder:
            path = (args.keep or Path(folder)) / f"{args.only}.bin"
            path.write_bytes(broken(args.only))
            print(look(path) or "nothing wrong")
        return 0
    found, done, peak, end = [], 0, 0, time.monotonic() + args.seconds

    def jobs():
        at = args.seed * 1_000_000
        while time.monotonic() < end:
            yield Job(str(at), Path("."), (at, at + EACH))
            at += EACH

    last = {}

    def note(job, name, *_):
        last[job.id] = name

    with (
        tempfile.TemporaryDirectory() as folder,
        LocalEngine("fuzz_containers:load", folder, args.workers, limit=LIMIT) as engine,
    ):
        for outcome in engine.run(jobs(), note):
            done += EACH
            if outcome.kind == "done":
                found += outcome.value[0]
                peak = max(peak, outcome.value[1])
            else:
                near = last.get(outcome.job.id, "")
                found.append(
                    (outcome.job.id, f"{outcome.kind} at or after {near}: {outcome.error}")
                )
    print(f"{done} inputs, {len(found)} findings, peak {peak / 1e6:.0f} MB", flush=True)
    for number, wrong in found:
        print(f"{number}: {wrong}")
        if args.keep and isinstance(number, int):
            args.keep.mkdir(parents=True, exist_ok=True)
            (args.keep / f"{number}.bin").write_bytes(broken(number))
    return 1 if found else 0


if __name__ == "__main__":
    raise SystemExit(main())
