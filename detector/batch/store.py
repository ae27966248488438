"""Putting finished reports where they belong, so that a crash at any moment leaves no half."""

import hashlib
import json
import os
import shutil
from contextlib import suppress
from pathlib import Path

from detector.batch.discover import MARK
from detector.errors import OutputError
from detector.evidence.decisions import decisions_path
from detector.output import write_file

__all__ = ["Store"]


def _sync(folder: Path) -> None:
    """Make renames in a folder last through a power loss, where the system can."""
    with suppress(OSError, AttributeError):
        descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def _same_findings(new: Path, old: Path) -> bool:
    """Tell whether what was decided on one report holds of the other: words, voices, flags."""
    if new.read_bytes() == old.read_bytes():
        return True
    try:
        one, other = json.loads(new.read_bytes()), json.loads(old.read_bytes())
        parts = ("utterances", "speakers", "flags")
        return all(one[part] == other[part] for part in parts)
    except (ValueError, KeyError, TypeError, RecursionError):
        return False


class Store:
    """The folder OUT: `reports/` with what is finished, `.detector/work/` with what is not."""

    def __init__(self, out: Path) -> None:
        self.out, self.reports, self._work = out, out / "reports", out / MARK / "work"

    def clear(self) -> None:
        """Remove what an interrupted run left half-made."""
        with suppress(FileNotFoundError):
            shutil.rmtree(self._work)

    def work(self, sha256: str) -> Path:
        """Return the folder in which the report of a recording is made."""
        return self._work / sha256[:32]

    def publish(self, sha256: str, report: str, reuse: Path | None = None) -> tuple[int, int]:
        """Move a report's files from where they were made; return its size and time.

        The JSON report comes last: where it stands, all stands. `reuse` is the earlier report
        from which it was made, if it was: what people decided there comes along.

        Raises:
            OutputError: the disk is full or cannot be written.
        """
        made, target = self.work(sha256), self.reports / f"{report}.json"
        try:
            target.parent.mkdir(parents=True, exist_ok=True)
            names = sorted(os.listdir(made), key=lambda name: (name == target.name, name))
            if target.exists():
                self._keep_decided(made / target.name, target)
            if reuse and reuse != target and not decisions_path(target).exists():
                self._bring_decided(reuse, target)
            for name in names:
                if name.startswith(target.stem):
                    os.replace(made / name, target.parent / name)
            info = target.stat()
        except OSError as error:
            raise OutputError(
                f"无法写入 {target}:{error.strerror};已完成的报告都保留 (cannot write)。"
            ) from None
        folder = target.parent
        while folder != self.out.parent:
            _sync(folder)
            folder = folder.parent
        with suppress(OSError):
            shutil.rmtree(made)
        return info.st_size, info.st_mtime_ns

    def _keep_decided(self, new: Path, old: Path) -> None:
        """Set a report aside that people decided on, where another is to take its place."""
        decisions = decisions_path(old)
        if not decisions.exists() or _same_findings(new, old):
            return
        mark = hashlib.sha256(old.read_bytes()).hexdigest()[:8]
        aside = old.with_name(f"{old.stem}.{mark}.json")
        write_file(aside, old.read_bytes())
        os.replace(decisions, decisions_path(aside))

    def _bring_decided(self, old: Path, new: Path) -> None:
        """Take along what people decided, where a recording has another name now."""
        decisions = decisions_path(old)
        if decisions.exists():
            write_file(decisions_path(new), decisions.read_bytes())
