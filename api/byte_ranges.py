"""Parts of a file as HTTP asks for them (RFC 9110, section 14): one range of bytes."""

import re

__all__ = ["UnsatisfiableError", "read_range"]


class UnsatisfiableError(ValueError):
    """The range lies behind the end of the file."""


def read_range(header: str | None, size: int) -> tuple[int, int] | None:
    """Return first byte and length, or None where the whole file is to be sent.

    What is not understood, and several ranges at once, are answered with the whole file, as the
    standard allows.

    Raises:
        UnsatisfiableError: nothing of the file lies in the range.
    """
    found = re.fullmatch(r"bytes=(\d{0,18})-(\d{0,18})", (header or "").replace(" ", ""))
    if not found or not (found[1] or found[2]):
        return None
    if not found[1]:  # the last so many bytes
        length = min(int(found[2]), size)
        if not length:
            raise UnsatisfiableError
        return size - length, length
    first = int(found[1])
    last = min(int(found[2]), size - 1) if found[2] else size - 1
    if found[2] and int(found[2]) < first:
        return None
    if first >= size:
        raise UnsatisfiableError
    return first, last - first + 1
