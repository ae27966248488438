"""How much of a scan's time each stage takes.

`PYTHONPATH=. python tests/bench/bench_stages.py RECORDING…`

Processor time and wall time are given for each stage, without loading Whisper; what is set in is
part of the stage above it ("second look" also classifies again). Processor time says more on a
busy machine.
"""

import argparse
import time
from collections import defaultdict
from pathlib import Path

from detector import scan, segmentation, speakers, speech, swap
from detector.scan import Scanner, ScanOptions
from detector.transcript import Recogniser

STAGES = {
    "survey": [(scan, "survey")],
    "speech activity": [(speech._Probabilities, "__call__")],
    "recognition": [(Recogniser, "__call__"), (Recogniser, "language")],
    "  second look": [(scan, "look_again")],
    "voices": [(speakers.Diarizer, "feed"), (speakers.Diarizer, "finish"), (swap.Voices, "add")],
    "  segmentation": [(segmentation, "_look")],
    "  vectors": [(speakers, "voice_vector"), (swap, "voice_vector")],
    "  clustering": [(speakers, "cluster")],
}


def now():
    return time.process_time(), time.perf_counter()


def timed(function, took):
    def run(*args, **more):
        begun = now()
        try:
            return function(*args, **more)
        finally:
            for index, (start, end) in enumerate(zip(begun, now(), strict=True)):
                took[index] += end - start

    return run


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("recordings", nargs="+", type=Path)
    args = parser.parse_args()
    took = defaultdict(lambda: [0.0, 0.0])
    for stage, places in STAGES.items():
        for owner, name in places:
            setattr(owner, name, timed(getattr(owner, name), took[stage]))
    scanner = Scanner(ScanOptions())
    _ = scanner.recogniser  # the one model that takes long to load
    begun = now()
    reports = [scanner.scan(recording) for recording in args.recordings]
    whole = [end - start for start, end in zip(begun, now(), strict=True)]
    seconds = sum(report.recording.duration_s for report in reports)
    print(f"{len(args.recordings)} recordings, {seconds:.0f} s; processor {whole[0]:.1f} s, "
          f"wall {whole[1]:.1f} s")  # fmt: skip
    print(f"{'stage':18s} {'processor':>18s} {'wall':>18s}")
    for stage in STAGES:
        cells = [
            f"{s:8.2f} s {100 * s / w:6.1f} %" for s, w in zip(took[stage], whole, strict=True)
        ]
        print(f"{stage:18s} {cells[0]:>18s} {cells[1]:>18s}")


if __name__ == "__main__":
    main()
