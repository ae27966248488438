"""Files that mean harm or were harmed: each made on the fly from a little sound."""

import os
import random
import socket
import struct
import zlib
from collections.abc import Callable
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

PIECES = 20
SECONDS = 1.5


class Whole:
    """Sound recordings as they should be, and a folder for what becomes of them."""

    def __init__(self, folder: Path, sounds: Any) -> None:
        self.folder, self.sounds = folder, sounds
        self._made: dict[str, bytes] = {}

    def of(self, form: str, channels: int = 1, rate: int | None = None, **more: Any) -> bytes:
        key = f"{form}-{channels}-{rate}-{sorted(more)}"
        if key not in self._made:
            kind = self.sounds.forms[form]
            rate = rate or kind.rates[0]
            sound = np.stack([self.sounds.tone(SECONDS, rate, 300.0 + 40 * c)
                              for c in range(channels)])  # fmt: skip
            path = self.folder / f"whole-{len(self._made)}{kind.suffix}"
            self._made[key] = self.sounds.encode(path, form, sound, rate, **more).read_bytes()
        return self._made[key]

    @cached_property
    def silk(self) -> bytes:
        return bytes(self.sounds.silk_voice(SECONDS))

    def write(self, name: str, data: bytes) -> Path:
        path = self.folder / name
        path.write_bytes(data)
        return path


Make = Callable[[Whole], Path]


# ---------------------------------------------------------------- boxes of mp4


def box(kind: bytes, *parts: bytes) -> bytes:
    body = b"".join(parts)
    return struct.pack(">I4s", 8 + len(body), kind) + body


PARENTS = (b"moov", b"trak", b"mdia", b"minf", b"dinf", b"stbl", b"udta", b"edts")


def rebuild(data: bytes, change: Callable[[bytes, bytes], bytes | None]) -> bytes:
    """Return mp4 boxes with some changed; `change(kind, body)` gives a new box or None."""
    out, at = b"", 0
    while at + 8 <= len(data):
        size, kind = struct.unpack_from(">I4s", data, at)
        body = data[at + 8 : at + size]
        new = change(kind, body)
        if new is None:
            new = box(kind, rebuild(body, change)) if kind in PARENTS else data[at : at + size]
        out += new
        at += max(size, 8)
    return out


def mp4_with(**new: bytes) -> Callable[[Whole], bytes]:
    """Return an m4a in which the bodies of some boxes are others."""

    def make(whole: Whole) -> bytes:
        return rebuild(
            whole.of("m4a"),
            lambda kind, _: box(kind, new[kind.decode()]) if kind.decode() in new else None,
        )

    return make


def patched(kind: bytes, at: int, value: bytes) -> Callable[[Whole], bytes]:
    """Return an m4a in which some bytes of one kind of box are others."""

    def change(found: bytes, body: bytes) -> bytes | None:
        return box(kind, body[:at], value, body[at + len(value) :]) if found == kind else None

    return lambda whole: rebuild(whole.of("m4a"), change)


def first_moov(whole: Whole) -> bytes:
    """Return an m4a whose table of contents comes first, as after "fast start"."""
    data = whole.of("m4a")
    boxes: list[tuple[bytes, bytes]] = []
    rebuild(data, lambda kind, body: boxes.append((kind, body)) or b"")
    moov = next(box(kind, body) for kind, body in boxes if kind == b"moov")

    def shift(kind: bytes, body: bytes) -> bytes | None:
        if kind != b"stco":
            return None
        places = np.frombuffer(body[8:], ">u4") + len(moov)
        return box(kind, body[:8], places.astype(">u4").tobytes())

    head = box(*boxes[0])
    return head + rebuild(moov, shift) + b"".join(box(*b) for b in boxes[1:] if b[0] != b"moov")


def squeezed_moov(whole: Whole) -> bytes:
    """A table of contents that unpacks to 400 MB."""
    packer = zlib.compressobj(1)
    zeros = bytes(1 << 20)
    packed = b"".join(packer.compress(zeros) for _ in range(400)) + packer.flush()
    moov = box(b"moov", box(
        b"cmov", box(b"dcom", b"zlib"), box(b"cmvd", struct.pack(">I", 400 << 20), packed)
    ))  # fmt: skip
    return box(b"ftyp", b"qt  \0\0\2\0qt  ") + moov + box(b"mdat", bytes(5_000))


def endless_table(whole: Whole) -> bytes:
    """A table of forty million samples of one byte in one chunk."""
    count = 40_000_000
    bodies = {
        b"stsz": struct.pack(">III", 0, 1, count),
        b"stts": struct.pack(">IIII", 0, 1, count, 1_024),
        b"stsc": struct.pack(">IIIII", 0, 1, 1, count, 1),
        b"stco": struct.pack(">III", 0, 1, 40),
    }
    return rebuild(
        whole.of("m4a"), lambda kind, _: box(kind, bodies[kind]) if kind in bodies else None
    )


def far_apart(whole: Whole) -> bytes:
    """Every frame an hour after the one before."""

    def change(kind: bytes, body: bytes) -> bytes | None:
        if kind != b"stts":
            return None
        return box(kind, struct.pack(">IIII", 0, 1, 60, 16_000 * 3_500))

    return rebuild(whole.of("m4a"), change)


def nested_boxes(_: Whole) -> bytes:
    inner = b""
    for _n in range(3_000):
        inner = box(b"moov", inner)
    return box(b"ftyp", b"M4A \0\0\2\0isom") + inner


# ---------------------------------------------------------------- wav


def wav(
    body: bytes, tag: int = 1, channels: int = 1, rate: int = 8_000, bits: int = 16, **lies: int
) -> bytes:
    """Return a wav file with the given header, whether it is true or not."""
    width = channels * bits // 8
    fmt = struct.pack(
        "<HHIIHH", tag, channels, rate & 0xFFFFFFFF, lies.get("second", rate * width) & 0xFFFFFFFF,
        lies.get("align", width) & 0xFFFF, bits,
    )  # fmt: skip
    data = struct.pack("<4sI", b"data", lies.get("data", len(body))) + body
    riff = struct.pack("<4sI4s4sI", b"RIFF", lies.get("riff", 36 + len(body)), b"WAVE", b"fmt ", 16)
    return riff + fmt + data


def noise(count: int) -> bytes:
    return random.Random(1).randbytes(count)


def loud(seconds: float = SECONDS, rate: int = 8_000) -> bytes:
    at = np.arange(round(seconds * rate)) / rate
    return (8_000 * np.sin(2 * np.pi * 440 * at)).astype("<i2").tobytes()


def floats(value: float, width: str = "<f4") -> bytes:
    samples = np.full(24_000, value, width)
    return wav(samples.tobytes(), 3, 1, 8_000, 8 * samples.itemsize)


# ---------------------------------------------------------------- tags and pictures


def syncsafe(size: int) -> bytes:
    return bytes((size >> shift) & 0x7F for shift in (21, 14, 7, 0))


def id3(*frames: tuple[bytes, bytes], claims: int | None = None) -> bytes:
    body = b"".join(
        name + struct.pack(">I", len(data)) + b"\0\0" + data for name, data in frames
    )  # fmt: skip
    size = len(body) if claims is None else claims
    return b"ID3\x03\0\0" + syncsafe(size) + body


def picture(size: int) -> bytes:
    return b"\0image/jpeg\0\x03\0\xff\xd8\xff\xe0" + bytes(size) + b"\xff\xd9"


def with_cover(whole: Whole, size: int) -> bytes:
    """An m4a with an attached picture."""
    data = box(b"data", struct.pack(">II", 13, 0), b"\xff\xd8\xff\xe0" + bytes(size))
    handler = box(b"hdlr", bytes(8) + b"mdirappl" + bytes(9))
    udta = box(b"udta", box(b"meta", bytes(4), handler, box(b"ilst", box(b"covr", data))))

    def change(kind: bytes, body: bytes) -> bytes | None:
        kept = b"".join(b for b in [rebuild(body, lambda k, _: b"" if k == b"udta" else None)])
        return box(kind, kept, udta) if kind == b"moov" else None

    return rebuild(whole.of("m4a"), change)


def flac_with_picture(whole: Whole) -> bytes:
    """A flac with four pictures of 12 MB."""
    data = whole.of("flac")
    body = struct.pack(">I", 3) + struct.pack(">I", 10) + b"image/jpeg" + struct.pack(">I", 0)
    body += bytes(16) + struct.pack(">I", 12 << 20) + bytes(12 << 20)
    block = b"\x06" + len(body).to_bytes(3, "big") + body
    return data[:42] + 4 * block + data[42:]


# ---------------------------------------------------------------- places


def bound_socket(whole: Whole) -> Path:
    path = whole.folder / "socket.m4a"
    with socket.socket(socket.AF_UNIX) as server:
        try:
            server.bind(os.path.relpath(path))
        except OSError:
            path.write_bytes(b"")
    return path


def linked(name: str, target: str) -> Make:
    def make(whole: Whole) -> Path:
        (whole.folder / name).symlink_to(target)
        return whole.folder / name

    return make


def circle(whole: Whole) -> Path:
    for n in range(3):
        (whole.folder / f"round-{n}").symlink_to(f"round-{(n + 1) % 3}")
    return whole.folder / "round-0"


def pipe(whole: Whole) -> Path:
    os.mkfifo(whole.folder / "pipe.m4a")
    return whole.folder / "pipe.m4a"


def folder(whole: Whole) -> Path:
    (whole.folder / "folder.m4a").mkdir()
    return whole.folder / "folder.m4a"
