"""`detector scan` against `whisper-ctranslate2`, which gives a transcript alone.

`PYTHONPATH=. python tests/bench/bench_peer.py [RECORDING…] [--make 300,3600] [--times 3]
[--peer FOLDER] [--threads 2]`

The peer (0.5.8, from the package index) is installed into an environment of its own, in `--peer`
or for the time of the run. Both read the same Whisper base model, int8, five beams, the same
threads, and take turns; ours does everything but the second look. Printed are the medians, the
median of the paired ratios, peak memory, and where a truth (RECORDING.json with `turns`) lies
beside the recording, both character error rates; then, of recordings of up to ten minutes, what
the second look adds, the bound (the encoder and decoder alone on the same windows), and the share
of each stage. `--make` joins the samples of this repository to recordings of so many seconds, with
pauses between the calls.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
import venv
from pathlib import Path

import numpy as np
import soundfile

from detector.ahead import Ahead
from detector.audio import RATE, Decoder, open_recording
from detector.child_environment import child_environment
from detector.listen import listen
from detector.survey import survey
from detector.transcript import PLAIN, Recogniser, RecogniserOptions
from detector.whisper_models import resolve
from models.audio_scores import edit_distance, spoken

ROOT = Path(__file__).parents[2]
PEER = "whisper-ctranslate2==0.5.8"
PAUSE_S = 1.5
LONG_S = 600


def join(seconds, target):
    """Write the samples one after the other, again and again, and their truth."""
    pieces, turns, at = [], [], 0.0
    truths = sorted((ROOT / "samples").glob("*.json"))
    calls = [json.loads(path.read_text("utf-8")) for path in truths]
    sounds = {}
    while at < seconds:
        call = calls[len(pieces) % len(calls)]
        name = call["audio"]
        if name not in sounds:
            blocks = Decoder(open_recording(ROOT / "samples" / name))
            sounds[name] = np.concatenate([b.mean(axis=0) for b in blocks])
        turns += [{**t, "start": t["start"] + at, "end": t["end"] + at} for t in call["turns"]]
        pieces.append(np.pad(sounds[name], (0, round(PAUSE_S * RATE))))
        at += len(pieces[-1]) / RATE
    soundfile.write(target, np.concatenate(pieces), RATE, subtype="PCM_16")
    target.with_suffix(".json").write_text(json.dumps({"turns": turns}), "utf-8")


def run(argv):
    """Return wall seconds and peak MB of a command and its children."""
    began = time.monotonic()
    process = subprocess.Popen(argv, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    if status:
        raise SystemExit(f"{argv[0]} ended with {os.waitstatus_to_exitcode(status)}")
    return time.monotonic() - began, usage.ru_maxrss / 1024


def error_rate(recording, texts):
    """Return the character error rate in percent of utterances, None without a truth."""
    path = recording.with_suffix(".json")
    if not path.exists():
        return None
    truth = spoken([turn["text"] for turn in json.loads(path.read_text("utf-8"))["turns"]])
    return 100 * edit_distance(truth, spoken(texts)) / len(truth)


def bound(recording, threads):
    """Return the seconds that recognition alone takes on the windows of a recording."""
    windows = []

    class Noting(Recogniser):
        def __call__(self, some, change=PLAIN):
            windows.extend(some)
            return super().__call__(some, change)

    recogniser = Noting(resolve(None), RecogniserOptions(threads=threads))
    opened = open_recording(recording)
    listen(opened, survey(opened), recogniser)
    own, began = list(windows), time.monotonic()
    with Ahead(recogniser) as ahead:
        for window in own:
            ahead.add(window, None)
        list(ahead.rest())
    return time.monotonic() - began


def compare(recording, peer, args, scratch):
    ours, theirs = scratch / "ours.json", scratch / f"{recording.stem}.json"
    scan = [str(Path(sys.executable).with_name("detector")), "scan", str(recording), "--quiet",
            "--threads", str(args.threads), "-o", str(ours)]  # fmt: skip
    other = [str(peer), str(recording), "--model_directory", str(resolve(None).folder),
             "--batched", "True", "--word_timestamps", "True", "--language", "zh",
             "--compute_type", "int8", "--beam_size", "5", "--threads", str(args.threads),
             "--device", "cpu", "-f", "json", "-o", str(scratch)]  # fmt: skip
    run(scan), run(other)  # what is read for the first time
    pairs = [(run(scan), run(other)) for _ in range(args.times)]
    wall = [statistics.median(pair[side][0] for pair in pairs) for side in (0, 1)]
    peak = [max(pair[side][1] for pair in pairs) for side in (0, 1)]
    ratios = sorted(a[0] / b[0] for a, b in pairs)
    report = json.loads(ours.read_text("utf-8"))
    words = sorted(report["utterances"], key=lambda u: u["start_s"])
    segments = json.loads(theirs.read_text("utf-8"))["segments"]
    rates = [error_rate(recording, [u["raw_text"] for u in words]),
             error_rate(recording, [s["text"] for s in segments])]  # fmt: skip
    print(f"{recording.name}, {args.times} pairs")
    for name, seconds, most, rate in zip(("scan", "peer"), wall, peak, rates, strict=True):
        told = "" if rate is None else f", {rate:.1f} % of characters wrong"
        print(f"  {name}  {seconds:7.1f} s, peak {most:5.0f} MB{told}")
    print(f"  ratio {statistics.median(ratios):.3f} ({ratios[0]:.3f} to {ratios[-1]:.3f})",
          flush=True)  # fmt: skip
    if report["recording"]["duration_s"] > LONG_S:
        return
    looked, least = run([*scan, "--second-look"])[0], bound(recording, args.threads)
    print(f"  with the second look {looked:.1f} s; encoder and decoder alone {least:.1f} s, "
          f"of which the scan takes {wall[0] / least:.2f} times", flush=True)  # fmt: skip
    subprocess.run([sys.executable, Path(__file__).with_name("bench_stages.py"), recording],
                   check=True)  # fmt: skip


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("recordings", nargs="*", type=Path)
    parser.add_argument("--make", default="", help="seconds, comma-separated")
    parser.add_argument("--times", type=int, default=3)
    parser.add_argument("--threads", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--peer", type=Path, help="folder of the peer's environment")
    args = parser.parse_args()
    os.environ.update(child_environment({}))
    with tempfile.TemporaryDirectory() as folder:
        scratch = Path(folder)
        peer = args.peer or scratch / "peer"
        if not (peer / "bin" / "whisper-ctranslate2").exists():
            venv.create(peer, with_pip=True)
            subprocess.run([peer / "bin" / "pip", "install", "-q", PEER], check=True)
        recordings = list(args.recordings)
        (scratch / "made").mkdir()
        for seconds in filter(None, args.make.split(",")):
            recordings.append(scratch / "made" / f"{seconds} s.wav")
            join(float(seconds), recordings[-1])
        for recording in recordings:
            compare(recording, peer / "bin" / "whisper-ctranslate2", args, scratch)


if __name__ == "__main__":
    main()
