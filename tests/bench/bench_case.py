"""Time, size and memory of a case: `python tests/bench/bench_case.py [--minutes 30] [--flags 50]`.

The samples are put one behind the other into one m4a; the flags are laid over it evenly, so that
nothing needs to be recognised. Half of them are confirmed before a second export.
"""

import argparse
import hashlib
import itertools
import os
import sys
import tempfile
import time
from pathlib import Path

import av
import numpy as np

ROOT = Path(__file__).parents[2]
sys.path[:0] = [str(ROOT), str(ROOT / "tests" / "detector" / "evidence")]
from made_cases import decide, report_of  # noqa: E402

from detector.audio import RATE, Decoder, open_recording  # noqa: E402
from detector.cli import main  # noqa: E402
from detector.evidence.verify import verify_case  # noqa: E402
from detector.worker_child import memory  # noqa: E402


def long_call(path, seconds):
    samples = sorted(p for p in (ROOT / "samples").iterdir() if p.suffix not in (".json", ".md"))
    left = round(seconds * RATE)
    with av.open(str(path), "w", format="ipod") as out:
        stream = out.add_stream("aac", rate=RATE, layout="mono")
        stream.bit_rate = 32_000
        at = 0
        for sample in itertools.cycle(samples):
            for block in Decoder(open_recording(sample)):
                sound = block.mean(axis=0)[None, : left - at]
                if sound.shape[1]:
                    frame = av.AudioFrame.from_ndarray(
                        np.ascontiguousarray(sound), format="fltp", layout="mono"
                    )
                    frame.sample_rate, frame.pts = RATE, at
                    out.mux(stream.encode(frame))
                    at += sound.shape[1]
            if at >= left:
                break
        out.mux(stream.encode(None))


def run(words):
    begun = time.perf_counter(), time.process_time()
    if main(words) != 0:
        raise SystemExit("failed")
    return time.perf_counter() - begun[0], time.process_time() - begun[1]


def size_of(folder):
    return sum(p.stat().st_size for p in folder.rglob("*") if p.is_file()) / 1e6


def bench():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=30)
    parser.add_argument("--flags", type=int, default=50)
    args = parser.parse_args()
    seconds = args.minutes * 60
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        os.environ["DETECTOR_KEYS"] = str(folder / "keys")
        recording, report, case = folder / "call.m4a", folder / "call.json", folder / "case"
        long_call(recording, seconds)
        step = seconds / args.flags
        places = [(n * step, n * step + 3.0) for n in range(args.flags)]
        report.write_text(report_of(recording, seconds, places).to_json(), "utf-8")
        first = run(["evidence", str(report), "-o", str(case), "--zip", "--quiet"])
        for number in range(1, args.flags + 1, 2):
            decide(case, "confirm", f"F{number}")
        again = run(["evidence", str(case), "--zip", "--quiet"])
        checked = run(["verify", str(case)])
        digest = hashlib.sha256(recording.read_bytes()).hexdigest()[:8]
        print(f"recording {recording.stat().st_size / 1e6:.1f} MB ({digest}), {args.flags} flags")
        for what, (wall, cpu) in (("made", first), ("again", again), ("verified", checked)):
            print(f"{what}: {wall:.1f} s ({cpu:.1f} s of processor time)")
        print(
            f"case {size_of(case):.1f} MB, zip {(folder / 'case.zip').stat().st_size / 1e6:.1f} MB"
        )
        for part in sorted(case.iterdir()):
            size = size_of(part) if part.is_dir() else part.stat().st_size / 1e6
            print(f"  {part.name} {size:.2f} MB")
        print(f"peak memory {(memory() or (0, 0))[1] / 1e6:.0f} MB")
        if not verify_case(case).intact:
            raise SystemExit("not intact")


if __name__ == "__main__":
    bench()
