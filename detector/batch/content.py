"""Whether a file is a recording, told by its first bytes; and its SHA-256.

A first look only, quick enough for a hundred thousand files: what it takes for a recording and
is none ends as a failure with its reason. What is named like a recording but does not look like
one is taken too, so that a damaged recording is never passed over in silence.
"""

import hashlib
import os
import stat
from dataclasses import dataclass

from detector.silk import is_silk

__all__ = ["SUFFIXES", "Content", "UnusableError", "looks_like_a_recording", "read_content"]

_ENDINGS = """
3g2 3ga 3gp 3gpp aac aif aifc aiff amr ape au awb caf flac m4a m4b mka mkv mov mp2 mp3 mp4 mpga oga
ogg opus qta silk slk snd w64 wav wave webm wma
"""
SUFFIXES = frozenset(f".{ending}" for ending in _ENDINGS.split())
HEAD = 4096
_PIECE = 1 << 20
_BEGINNINGS = (
    b"OggS", b"fLaC", b"#!AMR", b"caff", b".snd", b"\x1aE\xdf\xa3", b"\x30\x26\xb2\x75\x8e\x66",
    b"ID3", b"\x00\x00\x01\xba", b"riff\x2e\x91\xcf\x11",
)  # fmt: skip
_RIFF_KINDS = (b"WAVE", b"AVI ")
_PICTURES = (b"heic", b"heix", b"hevc", b"hevx", b"heim", b"heis", b"mif1", b"msf1", b"avif",
             b"avis", b"crx ")  # fmt: skip
_BOXES = (b"moov", b"mdat", b"wide", b"pnot")
_APPLE_DOUBLE = b"\x00\x05\x16\x07"
_MPEG_RATES = {  # kbit/s by version 1 or 2 and layer
    (1, 2): (0, 32, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 384),
    (1, 3): (0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320),
    (2, 2): (0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160),
    (2, 3): (0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160),
}
_MPEG_HERTZ = {3: (44_100, 48_000, 32_000), 2: (22_050, 24_000, 16_000), 0: (11_025, 12_000, 8_000)}


@dataclass(frozen=True, slots=True)
class Content:
    """SHA-256 (hexadecimal) of a file that is taken for a recording; None for another file."""

    sha256: str | None


class UnusableError(Exception):
    """A file that cannot be read now; the message is meant for the user."""


def _mpeg_frame(head: bytes, at: int) -> int:
    """Return the length of the MPEG or ADTS frame at a place, 0 for none."""
    if len(head) < at + 6 or head[at] != 0xFF or head[at + 1] & 0xE0 != 0xE0:
        return 0
    second, third = head[at + 1], head[at + 2]
    if second & 0xF6 == 0xF0:  # ADTS
        length = (head[at + 3] & 3) << 11 | head[at + 4] << 3 | head[at + 5] >> 5
        return length if (third >> 2 & 15) < 13 and length > 7 else 0
    version, layer = second >> 3 & 3, 4 - (second >> 1 & 3)
    rate, hertz = third >> 4, third >> 2 & 3
    if version == 1 or layer not in (2, 3) or rate in (0, 15) or hertz == 3:
        return 0
    kbits = _MPEG_RATES[1 if version == 3 else 2, layer][rate]
    samples = 72 if layer == 3 and version != 3 else 144
    return samples * kbits * 1000 // _MPEG_HERTZ[version][hertz] + (third >> 1 & 1)


def _is_mpeg(head: bytes) -> bool:
    """Tell MP3 and AAC without a header: three frames in a row, as far as the head reaches."""
    at, frames = 0, 0
    while frames < 3:
        length = _mpeg_frame(head, at)
        if not length:
            return frames >= 1 and at + 6 > len(head)
        at, frames = at + length, frames + 1
    return True


def looks_like_a_recording(head: bytes) -> bool:
    """Tell from the first 4096 bytes of a file (or from all there are)."""
    if head.startswith(_BEGINNINGS) or is_silk(head[:10]):
        return True
    if head[:4] in (b"RIFF", b"RIFX", b"RF64"):
        return head[8:12] in _RIFF_KINDS
    if head[4:8] == b"ftyp":
        return head[8:12] not in _PICTURES
    if head[:4] == b"FORM":
        return head[8:12] in (b"AIFF", b"AIFC")
    if head[4:8] in _BOXES:
        return True
    if head[:1] == b"G" and len(head) > 376 and head[188] == head[376] == 0x47:
        return True  # MPEG transport stream
    return _is_mpeg(head)


def read_content(path: bytes, size: int, mtime_ns: int) -> Content:
    """Look at a file and, if it is taken for a recording, hash it.

    Raises:
        UnusableError: it cannot be read, or changes while it is read.
    """
    try:
        # not to hang on what has become a pipe since it was listed
        handle = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | _binary())
    except OSError as error:
        raise UnusableError(f"无法打开:{error.strerror} (cannot open)") from None
    with open(handle, "rb", buffering=0) as file:
        try:
            info = os.fstat(handle)
            if not stat.S_ISREG(info.st_mode):
                return Content(None)
            head = file.read(HEAD) or b""
            suffix = os.path.splitext(os.fsdecode(path))[1].lower()
            named = suffix in SUFFIXES and not head.startswith(_APPLE_DOUBLE)
            if not named and not looks_like_a_recording(head):
                return Content(None)
            if not size and not head:
                raise UnusableError("空文件(0 字节),请重新拷贝录音 (empty file)")
            digest = hashlib.sha256(head)
            while piece := file.read(_PIECE):
                digest.update(piece)
            after = os.fstat(handle)
        except OSError as error:
            raise UnusableError(f"读取出错:{error.strerror} (read error)") from None
    if (after.st_size, after.st_mtime_ns) != (size, mtime_ns):
        raise UnusableError(
            "读取时文件正在变化(可能还在录音或拷贝),完成后请再运行一次 (the file is changing)"
        )
    return Content(digest.hexdigest())


def _binary() -> int:
    return int(getattr(os, "O_BINARY", 0))
