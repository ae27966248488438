"""WeChat and QQ voice messages: SILK v3, whatever the file is called.

The header is ``#!SILK_V3``; WeChat puts one byte 0x02 before it, and often saves the
file as ``.amr`` or ``.slk``. The stream is a row of packets, each a little-endian 16-bit
length and that many bytes; QQ ends it with the length 0xFFFF. Every packet holds 20 ms.
"""

import io
import struct
from collections.abc import Callable, Iterator
from typing import BinaryIO

import numpy as np
from numpy.typing import NDArray

from detector.errors import RecordingError

__all__ = ["RATE", "decode", "is_silk", "packets"]

RATE = 24_000  # the codec resamples to whatever is asked for; 24 kHz is its own maximum
PACKET_S = 0.02
_PACKET = 480  # samples
PACKETS_A_PIECE = 3_000  # a minute: the longest voice message in one go, a long file never whole
_HEADER = b"#!SILK_V3"


def is_silk(head: bytes) -> bool:
    """Tell from the first ten bytes of a file."""
    return head.startswith(_HEADER) or (head[:1] == b"\x02" and head[1:].startswith(_HEADER))


def packets(file: BinaryIO) -> Iterator[bytes]:
    """Yield the packets of a SILK file that stands at its start, without their lengths.

    A truncated last packet is left out.
    """
    head = file.read(10)
    if not is_silk(head):
        raise RecordingError("这不是 SILK 语音文件 (not a SILK voice message)。")
    if head.startswith(_HEADER):
        file.seek(9)
    while len(size := file.read(2)) == 2:
        length = struct.unpack("<H", size)[0]
        if length == 0xFFFF:
            return
        body = file.read(length)
        if len(body) < length:
            return
        yield body


def _decode_run(piece: list[bytes]) -> NDArray[np.float32]:
    """Return what is decoded before the first broken packet."""
    import pysilk

    source = io.BytesIO(
        b"\x02" + _HEADER + b"".join(struct.pack("<H", len(p)) + p for p in piece) + b"\xff\xff"
    )
    out = io.BytesIO()
    try:
        pysilk.decode(source, out, RATE)
    except Exception:
        pass
    pcm = out.getvalue()
    return np.frombuffer(pcm[: len(pcm) // 2 * 2], "<i2").astype(np.float32) / 32768.0


def _decode_piece(piece: list[bytes], broken: Callable[[], None]) -> NDArray[np.float32]:
    parts: list[NDArray[np.float32]] = []
    while piece:
        run = _decode_run(piece)
        parts.append(run)
        piece = piece[len(run) // _PACKET :]
        if piece:  # silence in its place, so that all that follows keeps its time
            broken()
            parts.append(np.zeros(_PACKET, np.float32))
            piece = piece[1:]
    return np.concatenate(parts)


def decode(
    file: BinaryIO, broken: Callable[[], None] = lambda: None
) -> Iterator[NDArray[np.float32]]:
    """Yield mono float32 pieces at `RATE` Hz; `broken` is called for each broken packet."""
    piece: list[bytes] = []
    for packet in packets(file):
        piece.append(packet)
        if len(piece) == PACKETS_A_PIECE:
            yield _decode_piece(piece, broken)
            piece = []
    if piece:
        yield _decode_piece(piece, broken)
