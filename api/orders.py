"""What a worker is told of a recording, and how it opens it.

A worker may be on another machine: it knows `job.path`, the encrypted recording, and `job.out`,
where its results go; what it opens lies in there, in a folder that nobody else may read and that
goes with the worker, however that ends.
"""

import errno
import re
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from api.errors import DamagedError, NotFoundError
from api.sealed import copy_plain
from detector.errors import InputError, ModelError, OptionError, OutputError
from detector.jobs import Job, Step

__all__ = ["PLAIN", "Finished", "Order", "finished", "opened"]

PLAIN = "plain"
_SUFFIX = re.compile(r"\.[A-Za-z0-9]{1,8}")


@dataclass(frozen=True, slots=True)
class Order:
    """A recording to work on: its name and its own key, and what to do with it.

    `options` are those of the upload, `what` names the work, `details` what it needs besides.
    """

    name: str
    key: bytes = field(repr=False)
    options: dict[str, Any] = field(default_factory=dict, repr=False)
    max_seconds: float = 0.0
    what: str = "scan"
    details: dict[str, Any] = field(default_factory=dict, repr=False)


@dataclass(frozen=True, slots=True)
class Finished:
    """What a task returns: "done", "lost" (the recording is gone or damaged), or "unusable" (a
    model is missing or damaged: `said` says which).
    """

    kind: str
    said: str = ""


def finished(work: Callable[[Job, Step], None], job: Job, step: Step) -> Finished:
    """Do a job and say how it ended; errors that are the recording's fault are raised."""
    try:
        work(job, step)
    except (NotFoundError, DamagedError, FileNotFoundError):
        return Finished("lost")
    except ModelError as error:  # the operator's to mend
        return Finished("unusable", str(error))
    return Finished("done")


@contextmanager
def opened(job: Job, name: str | None = None) -> Iterator[Path]:
    """Give a recording as a plain file, in a private folder that is gone afterwards.

    Without a `name` the file has a plain one, of which only the suffix is the recording's.

    Raises:
        OutputError: the disk is full.
        InputError, OptionError: as raised within, about the recording by its own name.
        NotFoundError, DamagedError: the recording was deleted or damaged.
    """
    order: Order = job.payload
    assert job.out is not None
    folder = job.out / PLAIN
    suffix = Path(order.name).suffix
    path = folder / (name or "recording" + (suffix if _SUFFIX.fullmatch(suffix) else ""))
    shutil.rmtree(folder, ignore_errors=True)  # of a worker that was killed
    try:
        folder.mkdir(mode=0o700)
        copy_plain(job.path, order.key, "original", path)
        yield path
    except (InputError, OptionError) as error:  # of this file: named as its owner knows it
        said = str(error).replace(str(path), order.name).replace(path.name, order.name)
        raise type(error)(said) from None
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
            raise OutputError("磁盘空间不足 (disk full)。") from None
        raise
    finally:
        shutil.rmtree(folder, ignore_errors=True)
