"""Peak memory of `detector scan` for recordings of 5 minutes, 1 hour and 10 hours.

`PYTHONPATH=. python tests/bench/bench_memory.py [--lengths 300,3600,36000] [--suffix .html]
[--dense]`

The recordings are samples of this repository with silence between them, so that a long one is
quick. `--dense` also makes a report of ten hours in which somebody speaks all the time (the
words are made up: recognising them would take hours). Each scan is a process of its own; its
peak is what the system says of that program alone.
"""

import argparse
import json
import random
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import av
import numpy as np

from detector.child_environment import child_environment

ROOT = Path(__file__).parent.parent.parent
SAMPLES = ("abusive_debtor.m4a", "lawful_debtor.mp3")
RATE = 8_000
_RUN = """
import sys, time
sys.path.insert(0, {root!r})
from detector.cli import main
from detector.worker_child import memory
began = time.monotonic()
code = main({argv!r})
print(code, memory()[1], time.monotonic() - began)
"""


def call_of(name: str) -> np.ndarray:
    """Return a sample as 16-bit samples at 8 kHz."""
    pieces = []
    with av.open(str(ROOT / "samples" / name)) as container:
        resampler = av.AudioResampler(format="s16", layout="mono", rate=RATE)
        for frame in container.decode(audio=0):
            pieces += [out.to_ndarray()[0] for out in resampler.resample(frame)]
        pieces += [out.to_ndarray()[0] for out in resampler.resample(None)]
    return np.concatenate(pieces)


def write(path: Path, seconds: float) -> None:
    """Write a FLAC of silence with a call at its start, one in the middle and one at the end."""
    calls = [call_of(SAMPLES[0])[: 60 * RATE], call_of(SAMPLES[1])[: 60 * RATE]]
    last = round(seconds) - 60
    starts = {5: calls[0], max(70, round(seconds) // 2): calls[1], last: calls[0]}
    with av.open(str(path), "w", format="flac") as out:
        stream = out.add_stream("flac", rate=RATE, layout="mono")
        for second in range(round(seconds)):
            block = np.zeros(RATE, np.int16)
            for start, call in starts.items():
                if 0 <= second - start < 60:
                    piece = call[(second - start) * RATE : (second - start + 1) * RATE]
                    block[: len(piece)] = piece
            frame = av.AudioFrame.from_ndarray(block[None], format="s16", layout="mono")
            frame.sample_rate, frame.pts = RATE, second * RATE
            out.mux(stream.encode(frame))
        out.mux(stream.encode(None))


def scan(recording: Path, target: Path) -> tuple[int, int, float]:
    """Return exit code, peak bytes and seconds of a scan."""
    argv = ["scan", str(recording), "-o", str(target), "--quiet", "--second-look"]
    done = subprocess.run(
        [sys.executable, "-c", _RUN.format(root=str(ROOT), argv=argv)],
        capture_output=True, text=True, encoding="utf-8", check=True, env=child_environment({}),
    )  # fmt: skip
    sys.stderr.write(done.stderr)
    code, peak, seconds = done.stdout.split()[-3:]
    return int(code), int(peak), float(seconds)


def dense(hours: float, target: Path) -> None:
    """Report a recording in which two people talk without a break (in a process of its own)."""
    from collections import Counter

    from detector.audio import Recording
    from detector.listen import Channel, Heard
    from detector.output import write_report
    from detector.scan import Scanner, ScanOptions
    from detector.speakers import Diarization
    from detector.survey import Survey
    from detector.transcript import Word
    from detector.worker_child import memory

    rng = random.Random(0)
    scanner = Scanner(ScanOptions(second_look=False))
    _ = scanner.recogniser
    text = "".join(json.loads((ROOT / "samples" / "lawful_debtor.json").read_text("utf-8"))
                   ["turns"][0]["text"])  # fmt: skip
    words, at = [], 0.0
    while at < hours * 3_600:
        for letter in rng.sample(text, len(text)):
            words.append(Word(letter, round(at, 2), round(at + 0.22, 2), 0.9))
            at += 0.23
        at += 1.5
    frames = round(at / (10 / 589)) + 600
    activity = np.zeros((frames, 2), np.float32)
    activity[np.arange(frames), (np.arange(frames) // 500) % 2] = 1
    heard = Heard(
        [Channel(words, Diarization(activity, 0.5, np.zeros(frames, np.float32)))], at,
        languages=Counter(zh=10),
    )  # fmt: skip
    recording = Recording(
        ROOT / "samples" / "lawful_debtor.mp3", "ab" * 32, 1, "mp3", "mp3", 8_000, 1, at
    )
    began = time.monotonic()
    layout = Survey("mono", (0,))
    report = scanner._report(recording, layout, heard, scanner.recogniser, lambda _: None)
    write_report(report, target, recording.path)
    print(
        f"dense {hours:g} h: {len(words)} words, {len(report.utterances)} utterances, peak "
        f"{memory()[1] / 1e6:.0f} MB, {time.monotonic() - began:.0f} s for the report, "
        f"{target.stat().st_size / 1e6:.0f} MB of {target.suffix}"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--lengths", default="300,3600,36000", help="seconds")
    parser.add_argument("--suffix", default=".json")
    parser.add_argument("--dense", action="store_true")
    parser.add_argument("--hours", type=float, help=argparse.SUPPRESS)
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        if args.hours:
            dense(args.hours, place / f"report{args.suffix}")
            return
        for seconds in map(float, filter(None, args.lengths.split(","))):
            recording = place / "recording.flac"
            write(recording, seconds)
            code, peak, took = scan(recording, place / f"report{args.suffix}")
            print(
                f"{seconds / 60:6.0f} min  exit {code}  peak {peak / 1e6:4.0f} MB  "
                f"{took:5.0f} s  ({seconds / took:.0f} times real time)", flush=True
            )  # fmt: skip
        if args.dense:
            for suffix in (".json", ".html"):
                subprocess.run(
                    [sys.executable, __file__, "--hours", "10", "--suffix", suffix], check=True
                )


if __name__ == "__main__":
    main()
