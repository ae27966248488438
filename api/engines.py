"""The engines that the dispatcher runs jobs with: worker processes here, or a Ray cluster."""

from collections.abc import Callable
from typing import Any, Protocol

from api.settings import Settings
from detector.errors import OptionError
from detector.jobs import Job, OnStep, Outcome

__all__ = ["Runner", "make_runner"]


class Runner(Protocol):
    """Takes jobs one by one and says how each ended; calls back from a thread of its own."""

    def submit(
        self, job: Job, done: Callable[[Outcome], None], report: OnStep | None = None
    ) -> None:
        """Take a job."""
        ...

    def cancel(self, job_id: str) -> None:
        """Give a job up; its outcome is "cancelled"."""
        ...

    def close(self) -> None:
        """Stop at once."""
        ...


def make_runner(settings: Settings, task: str, config: Any, workers: int, threads: int) -> Runner:
    """Return the engine that the settings name.

    Raises:
        OptionError: Ray is not installed, or the cluster cannot be reached.
        WorkersError: the cluster cannot be used.
    """
    from detector.workers import LocalEngine

    if settings.engine == "local":
        return LocalEngine(task, config, workers, threads)
    try:
        from detector.batch.ray_engine import RayEngine
    except ImportError:
        raise OptionError(
            "--engine ray 需要另装:pip install 'harassment-detector[ray]' (Ray is not installed)。"
        ) from None
    return RayEngine(settings.ray_address, task, config, workers, threads)
