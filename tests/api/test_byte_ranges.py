"""Ranges of bytes as players ask for them."""

import pytest

from api.byte_ranges import UnsatisfiableError, read_range


@pytest.mark.parametrize(
    ("header", "part"),
    [
        ("bytes=0-", (0, 100)),
        ("bytes=0-0", (0, 1)),
        ("bytes=10-19", (10, 10)),
        ("bytes=90-1000", (90, 10)),
        ("bytes=-5", (95, 5)),
        ("bytes=-500", (0, 100)),
        ("bytes=99-", (99, 1)),
        (None, None),
        ("", None),
        ("bytes=-", None),
        ("bytes=9-3", None),
        ("bytes=0-1,5-6", None),
        ("items=0-5", None),
        ("bytes=abc", None),
        ("bytes=0-99999999999999999999999", None),
    ],
)
def test_a_range_is_read(header: str | None, part: tuple[int, int] | None) -> None:
    assert read_range(header, 100) == part


@pytest.mark.parametrize("header", ["bytes=100-", "bytes=100-200", "bytes=-0"])
def test_a_range_behind_the_end_is_told(header: str) -> None:
    with pytest.raises(UnsatisfiableError):
        read_range(header, 100)


def test_an_empty_file_has_no_range() -> None:
    assert read_range(None, 0) is None
    with pytest.raises(UnsatisfiableError):
        read_range("bytes=0-", 0)
