"""Whatever file is handed in: a report, or one sentence and exit code 2; never more than that."""

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hostile_cases import CASES
from hostile_files import Whole

from detector.jobs import Job, Outcome, TimeLimit
from detector.workers import LocalEngine

LIMIT = TimeLimit(base_s=60.0, per_second=0.0, silent_s=60.0, silent_per_second=0.0)
MEMORY = 600_000_000
"""Bytes a scan may take without the model, which is another 300 MB."""


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory, sounds: Any) -> Whole:
    return Whole(tmp_path_factory.mktemp("hostile"), sounds)


@pytest.fixture(scope="module")
def engine(cache: Path) -> Iterator[LocalEngine]:
    here = str(Path(__file__).parent)
    assert here in sys.path  # the worker finds its task there
    with LocalEngine("hostile_task:load", None, limit=LIMIT) as local:
        yield local


def test_there_are_enough_of_them() -> None:
    assert len(CASES) >= 160
    assert sum(case.right == "report" for case in CASES.values()) >= 40
    assert sum(case.right == "refused" for case in CASES.values()) >= 25


@pytest.mark.parametrize("name", CASES)
def test_a_report_or_one_sentence(name: str, whole: Whole, engine: LocalEngine) -> None:
    case = CASES[name]
    path = case.make(whole)
    (outcome,) = engine.run([Job(name, path)])
    check(outcome, case.right)


def check(outcome: Outcome, right: str) -> None:
    assert outcome.kind == "done", (outcome.kind, outcome.error)
    assert outcome.tries == 1, "the process died"
    code, out, err, _seconds = outcome.value
    assert "Traceback" not in err
    assert "\x1b" not in err and "\x07" not in err, "a file's name must not steer the terminal"
    wrong = [line for line in err.splitlines() if line.startswith("错误")]
    if code == 0:
        assert json.loads(out)["recording"]["duration_s"] >= 0.3
        assert not wrong
    else:
        assert (code, out, len(wrong)) == (2, "", 1), err
        assert wrong[0].endswith("。")
    assert right == "either" or (code == 0) == (right == "report"), err
    assert (outcome.peak_bytes or 0) < MEMORY
