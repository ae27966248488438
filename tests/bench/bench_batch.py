"""`batch` against `scan`, the best split of the cores, and a Ray cluster against one machine.

`PYTHONPATH=. python tests/bench/bench_batch.py FOLDER [--most N] [--split 2x1 1x2 2x2] [--ray]`;
in place of FOLDER `--make N` makes N recordings of different lengths from `samples/`, each of at
most `--seconds`. Over the same recordings it takes the wall and the processor time of

* warm one-thread compute (one process, models loaded, `threads` 1): the sum,
* `detector scan FILE -o FILE.json`, one process after another,
* `detector batch`, for every split of workers x threads, with peak memory,
* with `--ray`, the same on a Ray cluster of two nodes of one core on this machine.

On a machine that others use too, `--rounds K` takes K parts of the recordings one after another,
each part with everything, so that all share the same disturbances; times are summed. The ratios:
batch / (compute / cores), batch / scan, Ray / batch with two workers. At the end: what an archive
of `--archive` recordings of `--length` seconds (the mean length of these where not given) takes, by
processor time, on machines like this.
"""

import argparse
import math
import os
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from pathlib import Path

import av
import numpy as np

from detector.audio import RATE, Decoder, open_recording
from detector.batch.content import SUFFIXES
from detector.jobs import cores

ROOT = Path(__file__).parents[2]
ENVIRONMENT = {**os.environ, "PYTHONPATH": str(ROOT)}
NIGHT_HOURS = 10


def make(folder, count, seconds):
    """Cut different pieces from the samples, so that no two recordings are alike."""
    sources = sorted(p for p in (ROOT / "samples").iterdir() if p.suffix.lower() in SUFFIXES)
    heard = {}
    for number in range(count):
        source = sources[number % len(sources)]
        if source not in heard:
            heard[source] = np.concatenate(
                [block.mean(axis=0) for block in Decoder(open_recording(source))]
            )
        turn = number // len(sources)
        start = round(1.7 * turn * RATE)
        samples = heard[source][start : start + round(seconds * RATE)]
        with av.open(str(folder / f"{number:03}-{source.stem}.m4a"), "w", format="ipod") as out:
            stream = out.add_stream("aac", rate=RATE, layout="mono")
            frame = av.AudioFrame.from_ndarray(samples[None].astype(np.float32), "fltp", "mono")
            frame.sample_rate, frame.pts = RATE, 0
            resampler = av.AudioResampler(
                format="fltp", layout="mono", rate=RATE, frame_size=stream.codec_context.frame_size
            )
            for piece in (*resampler.resample(frame), *resampler.resample(None)):
                out.mux(stream.encode(piece))
            out.mux(stream.encode(None))


def processor_s():
    """Return the processor time of all children that have ended and were waited for."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def run(*command, **more):
    return subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True,
                          env={**ENVIRONMENT, **more})  # fmt: skip


COMPUTE = """
import sys, time
from detector.scan import Scanner, ScanOptions
s = Scanner(ScanOptions(threads=1)); s.scan(sys.argv[1])
b, c = time.perf_counter(), time.process_time()
for p in sys.argv[1:]:
    s.scan(p)
print(time.perf_counter() - b, time.process_time() - c)
"""
BATCH = """
import sys; from pathlib import Path
from detector.batch.run import Batch, run_batch
from detector.batch.show import Show
from detector.scan import ScanOptions
w, t, more = int(sys.argv[3]), int(sys.argv[4]), {}
if len(sys.argv) > 5:
    from detector.batch.ray_engine import ray_engine, ray_share
    more = {"make_engine": ray_engine(sys.argv[5]), "share": ray_share}
ran = run_batch(Batch(Path(sys.argv[1]), Path(sys.argv[2]), ScanOptions(threads=t), w,
    html=False, **more), Show(True))
assert not ran.summary['failures']; print(ran.peak_bytes or 0)
"""


def warm_compute(paths):
    wall, processor = map(
        float, run(sys.executable, "-c", COMPUTE, *map(str, paths)).stdout.split()
    )
    return wall, processor


def one_after_another(paths, out):
    began, before = time.perf_counter(), processor_s()
    for number, path in enumerate(paths):
        run(sys.executable, "-m", "detector", "scan", path, "--quiet", "-o", out / f"{number}.json")
    return time.perf_counter() - began, processor_s() - before


def batch(folder, out, workers, threads, *address):
    began, before = time.perf_counter(), processor_s()
    words = (folder, out, workers, threads, *address)
    done = run(sys.executable, "-c", BATCH, *map(str, words))
    return time.perf_counter() - began, processor_s() - before, int(done.stdout)


def two_nodes():
    """Start a Ray cluster of two nodes of one core."""
    from detector.batch.ray_cluster import ray

    assert ray.__version__
    from ray.cluster_utils import Cluster

    os.environ["PYTHONPATH"] = str(ROOT)
    os.environ["RAY_worker_niceness"] = "0"  # noqa: SIM112  15 by default, unlike all else here
    small = {"num_cpus": 1, "object_store_memory": 100 << 20, "include_dashboard": False}
    cluster = Cluster(initialize_head=True, head_node_args=small)
    cluster.add_node(num_cpus=1, object_store_memory=100 << 20)
    return cluster


def one_round(paths, work, args, cluster, took):
    """Take all times over some recordings; add them up in `took` by name."""
    folder = work / "in"
    folder.mkdir(parents=True)
    paths = [Path(shutil.copy(path, folder)) for path in paths]
    for path in paths:
        os.utime(path, (time.time() - 100,) * 2)

    def note(name, *times):
        for kind, value in zip(("wall", "processor"), times, strict=False):
            took[name, kind] += value
        print(f"  {name}: {times[0]:.1f} s, {times[1]:.1f} s of processor time", flush=True)

    if "compute" not in args.skip:
        note("compute", *warm_compute(paths))
    for split in args.split:
        *times, peak = batch(folder, work / f"out{split}", *split.split("x"))
        note(f"batch {split}", *times)
        took["peak", split] = max(took["peak", split], peak)
    if cluster:
        wall, _, _ = batch(folder, work / "ray", 2, 1, cluster.address)
        note("ray", wall, math.nan)
    if "scan" not in args.skip:
        (work / "scan").mkdir()
        note("scan", *one_after_another(paths, work / "scan"))


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path, nargs="?")
    parser.add_argument("--make", type=int, metavar="N")
    parser.add_argument("--seconds", type=float, default=600.0, help="of each that is made")
    parser.add_argument("--most", type=int)
    parser.add_argument("--split", nargs="*", default=["2x1", "1x2", "2x2"])
    parser.add_argument("--rounds", type=int, default=1)
    parser.add_argument("--skip", nargs="*", default=[], choices=("compute", "scan"))
    parser.add_argument("--ray", action="store_true")
    parser.add_argument("--archive", type=int, default=30_000)
    parser.add_argument("--length", type=float, metavar="S")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        work = Path(name)
        if args.make:
            (work / "all").mkdir()
            make(work / "all", args.make, args.seconds)
            paths = sorted((work / "all").iterdir())
        else:
            found = (p for p in args.folder.rglob("*") if p.suffix.lower() in SUFFIXES)
            paths = sorted(found)[: args.most]
        seconds = sum(open_recording(p).duration_s or 0.0 for p in paths)
        print(f"{len(paths)} recordings, {seconds / 3600:.2f} hours, {cores()} cores", flush=True)
        cluster = two_nodes() if args.ray else None
        took = defaultdict(float)
        for number in range(args.rounds):
            print(f"round {number + 1}", flush=True)
            one_round(paths[number :: args.rounds], work / f"{number}", args, cluster, took)
        if cluster:
            cluster.shutdown()
    tell(took, args, len(paths), seconds)


def tell(took, args, count, seconds):
    """Print sums and ratios."""
    compute, scan = took["compute", "wall"], took["scan", "wall"]
    if compute:
        print(f"sum of warm one-thread compute: {compute:.1f} s")
    if scan:
        print(f"scan after scan: {scan:.1f} s")
    for split in args.split:
        wall, processor = (took[f"batch {split}", kind] for kind in ("wall", "processor"))
        parts = [f"batch, {split} (workers x threads): {wall:.1f} s"]
        if compute:
            by_processor = processor / took["compute", "processor"]
            parts += [
                f"{wall / compute * cores():.3f} of the compute / cores",
                f"by processor time {by_processor:.3f}",
            ]
        parts += [f"{wall / scan:.2f} of scan after scan"] if scan else []
        parts += [
            f"peak {took['peak', split] / 1e6:.0f} MB a worker",
            f"{seconds / wall:.2f} x real time",
        ]
        print(", ".join(parts))
    if args.ray:
        beside = took["ray", "wall"] / took["batch 2x1", "wall"]
        print(f"Ray, two nodes of one core: {took['ray', 'wall']:.1f} s, {beside:.2f} of batch 2x1")
    split = args.split[0]
    a_second = took[f"batch {split}", "processor"] / seconds
    length = args.length or seconds / count
    hours = args.archive * a_second * length / cores() / 3600
    print(
        f"{args.archive:,} recordings of {length:.0f} s: {hours:.0f} hours on {cores()} cores like "
        f"these ({a_second:.3f} s of one core for a second of sound); "
        f"{math.ceil(hours / NIGHT_HOURS * cores())} cores for one night of {NIGHT_HOURS} hours"
    )


if __name__ == "__main__":
    main()
