"""Runs are killed (kill -9, real processes) at random moments; the summary never shows it."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

HERE = Path(__file__).parent
ROOT = HERE.parents[2]
pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="forks")


def killed(tmp_path: Path, seeds: int, runs: int, first: int = 0) -> list[dict[str, Any]]:
    done = subprocess.run(
        [sys.executable, str(HERE / "kill_runs.py"), str(tmp_path), str(seeds), str(runs),
         str(first)],
        stdout=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": os.pathsep.join((str(ROOT), str(HERE)))},
        timeout=900,
        check=True,
    )  # fmt: skip
    whole, *found = (json.loads(line) for line in done.stdout.splitlines())
    assert whole["files"] == 16
    return found


def check(found: list[dict[str, Any]]) -> None:
    for seed in found:
        assert seed["code"] == 0 and seed["same"], seed
        assert not seed["left"], "processes outlived the run"
        assert not seed["half_made"], seed
        # 13 contents that can be done; a crash is tried twice, what is bad at most once more
        assert seed["scanned_after"] <= 12 - seed["reports_before"] + 3, seed


def test_a_killed_run_repeats_only_what_was_unfinished(tmp_path: Path) -> None:
    found = killed(tmp_path, 3, 1, first=100)
    check(found)
    assert any(seed["killed"] for seed in found)


@pytest.mark.slow
def test_runs_killed_at_many_moments_come_to_the_summary_of_a_quiet_run(tmp_path: Path) -> None:
    found = killed(tmp_path, 24, 2)
    check(found)
    assert sum(seed["killed"] for seed in found) >= 24
    assert sum(0 < seed["reports_before"] < 12 for seed in found) >= 5, (
        "no run was cut in the midst"
    )
