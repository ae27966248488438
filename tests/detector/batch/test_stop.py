"""A run is stopped by hand, and one with the real scanner is killed."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from detector.audio import RATE, Decoder, open_recording

HERE = Path(__file__).parent
ROOT = HERE.parents[2]
SAMPLES = ROOT / "samples"
ENVIRONMENT = {"PYTHONPATH": os.pathsep.join((str(ROOT), str(HERE)))}
FAKED = (
    "import sys; from detector.batch import run; run.TASK = 'fake_scan:load'\n"
    "from detector.cli import main; sys.exit(main(sys.argv[1:]))"
)
pytestmark = pytest.mark.skipif(os.name == "nt", reason="signals of POSIX")


def wait_for(condition: Any, seconds: float = 60.0) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.02)


def test_ctrl_c_stops_within_two_seconds_and_says_what_is_kept(
    fake: Any, recordings: Path, tmp_path: Path
) -> None:
    fake.recording(recordings / "a.amr", pad="x" * 100)
    fake.recording(recordings / "b.amr", do="hang")
    reports = tmp_path / "out" / "reports"
    with subprocess.Popen(
        [sys.executable, "-c", FAKED, "batch", recordings, "-o", tmp_path / "out", "--no-html",
         "--workers", "2"],
        stderr=subprocess.PIPE, env={**os.environ, **ENVIRONMENT}, start_new_session=True,
    ) as run:  # fmt: skip
        try:
            wait_for((reports / "a.amr.json").exists)
            began = time.monotonic()
            os.killpg(run.pid, signal.SIGINT)  # as a terminal does: to all of them
            assert run.wait(10) == 130
        finally:
            if run.poll() is None:
                os.killpg(run.pid, signal.SIGKILL)
        assert time.monotonic() - began < 2
        assert run.stderr and "已中止".encode() in run.stderr.read()
        with pytest.raises(ProcessLookupError):
            os.killpg(run.pid, 0)
    assert not list((tmp_path / "out").rglob("*.part"))


def pieces(folder: Path, sounds: Any) -> None:
    """Cut pieces of some seconds from the samples."""
    folder.mkdir()
    for name, start in (("abusive_debtor.m4a", 38), ("lawful_debtor.mp3", 5)):
        heard = np.concatenate([b.mean(axis=0) for b in Decoder(open_recording(SAMPLES / name))])
        cut = heard[start * RATE : (start + 9) * RATE]
        sounds.encode(folder / f"{name}.wav", "wav-16", cut[None], RATE)


@pytest.mark.slow
def test_a_killed_scan_ends_like_a_quiet_one_and_like_the_command_scan(
    tmp_path: Path, sounds: Any
) -> None:
    folder = tmp_path / "in"
    pieces(folder, sounds)
    environment = {**os.environ, **ENVIRONMENT}

    def batch(out: str) -> "subprocess.Popen[bytes]":
        words = ["batch", folder, "-o", tmp_path / out, "--quiet", "--workers", "1"]
        return subprocess.Popen(
            [sys.executable, "-m", "detector", *map(str, words)], env=environment,
            stdout=subprocess.DEVNULL, start_new_session=True,
        )  # fmt: skip

    assert batch("quiet").wait(300) == 0
    run = batch("killed")
    wait_for(lambda: list((tmp_path / "killed" / "reports").rglob("*.json")), 120)
    time.sleep(0.2)  # in the midst of the second
    os.killpg(run.pid, signal.SIGKILL)
    run.wait()
    assert not (tmp_path / "killed" / "summary.json").exists()
    assert batch("killed").wait(300) == 0
    first, second = (
        json.loads((tmp_path / out / "summary.json").read_text("utf-8"))
        for out in ("quiet", "killed")
    )
    assert first == second and first["totals"]["calls"] == 2
    for path in sorted(folder.iterdir()):
        reports = [tmp_path / out / "reports" / f"{path.name}.json" for out in ("quiet", "killed")]
        assert reports[0].read_bytes() == reports[1].read_bytes()
        scan = subprocess.run(
            [sys.executable, "-m", "detector", "scan", path, "--json", "--quiet"],
            env=environment, capture_output=True, check=True,
        )  # fmt: skip
        alone, report = json.loads(scan.stdout), json.loads(reports[0].read_text("utf-8"))
        for data in (alone, report):
            data["settings"].pop("threads")
        assert alone == report
        assert (reports[0].with_suffix(".html")).stat().st_size > 10_000
