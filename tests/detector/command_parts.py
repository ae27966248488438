"""What the tests of commands share."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

Run = Callable[..., Any]

ABUSE = "再不把钱打过来,今晚我就带几个兄弟去你家,把你腿打断"


def refused(ended: Any, *reasons: str) -> None:
    """Assert exit code 2 and exactly one line of error."""
    assert ended.code == 2, ended
    assert "Traceback" not in ended.err
    (line,) = ended.error_lines
    for reason in reasons:
        assert reason in line
    assert ended.out == ""


def write(folder: Path, name: str, text: str | bytes, encoding: str = "utf-8") -> Path:
    path = folder / name
    path.write_bytes(text if isinstance(text, bytes) else text.encode(encoding))
    return path
