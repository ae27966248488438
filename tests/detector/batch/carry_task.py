"""A task for the tests of carrying: it says what it finds, and leaves two files."""

from pathlib import Path
from typing import Any


def seen(path: Path) -> list[Any]:
    info = path.stat()
    return [path.parent.name, path.name, info.st_size, info.st_mtime_ns]


def inside(path: Path) -> Any:
    if path.is_file():
        return path.read_text()
    return sorted(p.relative_to(path).as_posix() for p in path.rglob("*") if p.is_file())


def load(_config: Any) -> Any:
    def task(job: Any, _step: Any) -> Any:
        (job.out / "a.json").write_bytes(job.path.read_bytes())
        (job.out / "sub").mkdir()
        (job.out / "sub" / "empty").touch()
        return {
            "path": seen(job.path),
            "also": [seen(path) for path in job.also],
            "extra": {name: inside(path) for name, path in job.extra.items()},
        }

    return task
