"""How much of a scan's time each stage takes.

`PYTHONPATH=. python tests/bench/bench_stages.py RECORDING…`

Processor time is given, without loading Whisper; what is set in is part of the stage above it.
Recognition runs beside the other stages, in threads of its own: it is what they leave of the whole.
"""

import argparse
import time
from collections import Counter
from pathlib import Path

from detector import scan, segmentation, speakers, speech, swap
from detector.classify import Classifier
from detector.scan import Scanner, ScanOptions

STAGES = {
    "survey": [(scan, "survey")],
    "speech activity": [(speech._Probabilities, "__call__")],
    "voices": [(speakers.Diarizer, "feed"), (speakers.Diarizer, "finish"), (swap.Voices, "add")],
    "  segmentation": [(segmentation, "_look")],
    "  vectors": [(speakers, "voice_vector"), (swap, "voice_vector")],
    "  clustering": [(speakers, "cluster")],
    "classification": [(Classifier, "classify")],
    "flags": [(scan, "find_flags")],
}


def timed(function, took, stage):
    def run(*args, **more):
        # flags are found by threads, which nothing runs beside; the others by one
        clock = time.process_time if stage == "flags" else time.thread_time
        begun = clock()
        try:
            return function(*args, **more)
        finally:
            took[stage] += clock() - begun

    return run


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("recordings", nargs="+", type=Path)
    parser.add_argument("--second-look", action="store_true", help="suspected passages twice")
    args = parser.parse_args()
    took = Counter()
    for stage, places in STAGES.items():
        for owner, name in places:
            setattr(owner, name, timed(getattr(owner, name), took, stage))
    scanner = Scanner(ScanOptions(second_look=args.second_look))
    _ = scanner.recogniser  # the one model that takes long to load
    begun = time.process_time(), time.perf_counter()
    reports = [scanner.scan(recording) for recording in args.recordings]
    whole, wall = time.process_time() - begun[0], time.perf_counter() - begun[1]
    seconds = sum(report.recording.duration_s for report in reports)
    took["recognition"] = whole - sum(s for n, s in took.items() if not n.startswith(" "))
    print(f"{len(reports)} recordings, {seconds:.0f} s; processor {whole:.1f} s, wall {wall:.1f} s")
    for stage in [*STAGES, "recognition"]:
        print(f"{stage:18s} {took[stage]:8.2f} s {100 * took[stage] / whole:6.1f} %")


if __name__ == "__main__":
    main()
