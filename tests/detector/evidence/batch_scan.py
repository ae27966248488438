"""A task for `detector batch` that flags the same two passages in every recording."""

from typing import Any

from made_cases import report_of

from detector.batch.task import Task


def load(config: Any) -> Task:
    return Task(lambda path, _step: report_of(path, 3.0, [(0.5, 1.0), (1.5, 2.0)]), config)
