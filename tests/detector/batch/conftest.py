"""What the tests of folders share: recordings for the fake scanner, and runs over them."""

import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

HERE = Path(__file__).parent


@pytest.fixture
def fake(monkeypatch: pytest.MonkeyPatch) -> Any:
    """The module of the fake scanner; workers find it too."""
    monkeypatch.syspath_prepend(str(HERE))
    import fake_scan

    return fake_scan


@pytest.fixture
def recordings(tmp_path: Path) -> Path:
    folder = tmp_path / "录音"
    folder.mkdir()
    return folder


@pytest.fixture
def scans(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[], list[str]]:
    """Return the names of the recordings scanned since the last call."""
    log = tmp_path / "scans"
    monkeypatch.setenv("FAKE_SCANS", str(log))

    def read() -> list[str]:
        names = sorted(log.read_text("utf-8").split("\n")[:-1]) if log.exists() else []
        log.unlink(missing_ok=True)
        return names

    return read


@pytest.fixture
def batch(fake: Any, recordings: Path, tmp_path: Path) -> Callable[..., Any]:
    """Run over the recordings into `out`; options of `Batch` may be given."""
    from detector.batch.run import Batch, run_batch
    from detector.batch.show import Show
    from detector.scan import ScanOptions

    def run(scan: ScanOptions | None = None, **more: Any) -> Any:
        for path in recordings.rglob("*"):  # a change just made is not relied on
            if path.is_file() and time.time() - path.stat().st_mtime < 60:
                os.utime(path, (time.time() - 100, time.time() - 100))
        options = {"html": False, "task": "fake_scan:load", "workers": 2, **more}
        return run_batch(
            Batch(recordings, tmp_path / "out", scan or ScanOptions(), **options), Show(True)
        )

    return run
