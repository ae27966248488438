"""The table: what each hostile file is called, how it is made, and what is right to say of it."""

import os
import struct
import zipfile
from collections.abc import Callable
from io import BytesIO
from pathlib import Path
from typing import NamedTuple

from hostile_files import (
    PIECES,
    Make,
    Whole,
    bound_socket,
    box,
    circle,
    endless_table,
    far_apart,
    first_moov,
    flac_with_picture,
    floats,
    folder,
    id3,
    linked,
    loud,
    mp4_with,
    nested_boxes,
    noise,
    patched,
    picture,
    pipe,
    squeezed_moov,
    wav,
    with_cover,
)


class Case(NamedTuple):
    """`right` is "report", "refused", or "either" where both are right."""

    make: Make
    right: str


def file(name: str, data: bytes | Callable[[Whole], bytes], right: str = "either") -> Case:
    def make(whole: Whole) -> Path:
        return whole.write(name, data if isinstance(data, bytes) else data(whole))

    return Case(make, right)


CASES: dict[str, Case] = {}

# ---------------------------------------------------------------- cut off anywhere

_WHOLES: dict[str, tuple[str, Callable[[Whole], bytes]]] = {
    "m4a": (".m4a", lambda w: w.of("m4a")),
    "m4a-fast": (".m4a", first_moov),
    "amr": (".amr", lambda w: w.of("amr")),
    "mp3": (".mp3", lambda w: w.of("mp3")),
    "ogg": (".ogg", lambda w: w.of("ogg-opus")),
    "silk": (".slk", lambda w: w.silk),
}


def _cut(name: str, piece: int) -> Case:
    suffix, make = _WHOLES[name]

    def data(whole: Whole) -> bytes:
        all_of_it = make(whole)
        return all_of_it[: len(all_of_it) * piece // PIECES]

    return file(f"cut-{name}-{piece}{suffix}", data, "report" if piece == PIECES else "either")


for _name in _WHOLES:
    for _piece in range(1, PIECES + 1):
        CASES[f"cut {_name} {_piece}/{PIECES}"] = _cut(_name, _piece)

# ---------------------------------------------------------------- names that lie

CASES |= {
    "silk as wav": file("a.wav", lambda w: w.silk, "report"),
    "mp3 as txt": file("a.txt", lambda w: w.of("mp3"), "report"),
    "wav as mp3": file("a.mp3", lambda w: w.of("wav-16"), "report"),
    "m4a as amr": file("a.amr", lambda w: w.of("m4a"), "report"),
    "amr without a suffix": file("voice", lambda w: w.of("amr"), "report"),
    "ogg as exe": file("a.exe", lambda w: w.of("ogg-opus"), "report"),
    "control characters": file("a\x1b]0;x\x07\x1b[2J\nb.wav", lambda w: w.of("wav-16"), "report"),
    "control characters, refused": file("a\x1b[31m\nb\r.wav", b"nothing", "refused"),
    "name of 250 bytes": file("长" * 82 + ".wav", lambda w: w.of("wav-16"), "report"),
    "writing from right to left": file("\u202egpj.wav", lambda w: w.of("wav-16"), "report"),
    "name that is an address": file("http:a.wav", lambda w: w.of("wav-16"), "report"),
    "name of another protocol": file("concat:a.wav|b.wav", lambda w: w.of("wav-16"), "report"),
    "name that is no text": Case(
        lambda w: w.write(os.fsdecode(b"\xff\xfe\xb0.wav"), w.of("wav-16")), "report"
    ),
}

# ---------------------------------------------------------------- headers that lie

CASES |= {
    "wav of 4 GB": file("a.wav", wav(loud(), data=0xFFFFFFFF, riff=0xFFFFFFFF), "report"),
    "wav of no bytes": file("a.wav", wav(loud(), data=0, riff=0)),
    "wav of odd length": file("a.wav", wav(loud() + b"\1"), "report"),
    "no channels": file("a.wav", wav(loud(), channels=0), "refused"),
    "255 channels": file("a.wav", wav(noise(510 * 3_000), channels=255)),
    "65535 channels": file("a.wav", wav(noise(200_000), channels=65_535)),
    "rate of 0": file("a.wav", wav(loud(), rate=0), "refused"),
    "rate of 1 Hz": file("a.wav", wav(loud(), rate=1), "refused"),
    "rate of 2 GHz": file("a.wav", wav(loud(), rate=2**31 - 1), "refused"),
    "negative rate": file("a.wav", wav(loud(), rate=-8_000), "refused"),
    "0 bits": file("a.wav", wav(loud(), bits=0)),
    "64 bits": file("a.wav", wav(loud(), bits=64)),
    "255 bits": file("a.wav", wav(loud(), bits=255)),
    "block of no bytes": file("a.wav", wav(loud(), align=0, second=0)),
    "unknown codec": file("a.wav", wav(loud(), tag=0x7A21), "refused"),
    "wav of mp3 that is none": file("a.wav", wav(noise(50_000), tag=0x55)),
    "wav without a format": file("a.wav", b"RIFF\x24\0\0\0WAVEdata" + loud(), "refused"),
    "m4a that lasts for ages": file("a.m4a", patched(b"mvhd", 12, b"\0\0\0\1\xff\xff\xff\xff")),
    "m4a with no time scale": file("a.m4a", patched(b"mdhd", 12, bytes(4))),
    "m4a with a frame an hour": file("a.m4a", far_apart),
    "m4a with a table of 40 million": file("a.m4a", endless_table),
    "m4a with samples of 4 GB": file(
        "a.m4a", mp4_with(stsz=struct.pack(">III", 0, 0xFFFFFFFF, 10))
    ),
    "m4a with samples nowhere": file("a.m4a", mp4_with(stco=struct.pack(">III", 0, 1, 0xFFFFFFF0))),
    "m4a with a squeezed table": file("a.m4a", squeezed_moov, "refused"),
    "boxes in boxes": file("a.m4a", nested_boxes, "refused"),
    "box shorter than its head": file("a.m4a", box(b"ftyp", b"M4A ") + b"\0\0\0\1moov", "refused"),
    "mp3 tag of 256 MB": file(
        "a.mp3", lambda w: id3(claims=(1 << 28) - 1) + w.of("mp3"), "either"
    ),
    "aiff of infinite rate": file(
        "a.aiff",
        b"FORM\0\1\0\0AIFFCOMM\0\0\0\x12\0\1\0\0\x10\0\0\x10\x7f\xff" + b"\xff" * 8
        + b"SSND\0\0\x20\0" + bytes(8_192),
    ),
    "au with a head of 4 GB": file(
        "a.au", b".snd" + struct.pack(">IIIII", 0xFFFFFFF0, 0xFFFFFFFF, 1, 8_000, 1) + loud()
    ),
    "au with 0 channels": file("a.au", b".snd" + struct.pack(">IIIII", 24, 48_000, 3, 8_000, 0)
                               + loud(), "refused"),
    "ogg whose pages lie": file(
        "a.ogg", lambda w: w.of("ogg-opus").replace(b"OggS\0\0", b"OggS\0\1")
    ),
    "flac of no samples": file(
        "a.flac", lambda w: w.of("flac")[:18] + bytes(24) + w.of("flac")[42:]
    ),
    "amr of pauses alone": file("a.amr", b"#!AMR\n" + b"\x7c" * 3_000),
    "silk of empty packets": file("a.silk", b"\x02#!SILK_V3" + bytes(2_000)),
    "silk of endless packets": file("a.silk", b"\x02#!SILK_V3" + b"\xfe\xff" + noise(70_000)),
    "silk of noise": file("a.silk", b"\x02#!SILK_V3" + b"".join(
        b"\x40\0" + noise(64) for _ in range(200)
    )),
}  # fmt: skip

# ---------------------------------------------------------------- sound out of the ordinary

CASES |= {
    "6 channels": file("a.flac", lambda w: w.of("flac", 6), "report"),
    "8 channels, no layout": file("a.wav", wav(noise(8 * 2 * 24_000), channels=8), "report"),
    "192 kHz": file("a.wav", wav(noise(192_000 * 2), rate=192_000), "report"),
    "192 kHz, 6 channels": file("a.wav", wav(noise(192_000 * 12), 1, 6, 192_000), "report"),
    "8 bits": file("a.wav", wav(noise(24_000), bits=8), "report"),
    "24 bits": file("a.wav", wav(noise(72_000), bits=24), "report"),
    "not a number": file("a.wav", floats(float("nan")), "report"),
    "infinity": file("a.wav", floats(float("inf")), "report"),
    "minus infinity, 64 bits": file("a.wav", floats(float("-inf"), "<f8"), "report"),
    "1e300": file("a.wav", floats(1e300, "<f8"), "report"),
    "denormal": file("a.wav", floats(1e-40), "report"),
    "full scale": file("a.wav", wav(b"\xff\x7f" * 24_000), "report"),
    "mp3 that changes": file(
        "a.mp3", lambda w: w.of("mp3") + w.of("mp3", 2, 44_100) + w.of("mp3", 1, 16_000), "report"
    ),
    "ogg chained": file("a.ogg", lambda w: w.of("ogg-opus") + w.of("ogg-opus", 2), "report"),
    "aac that changes": file("a.aac", lambda w: w.of("aac") + w.of("aac", 2, 44_100), "report"),
    "amr joined": file("a.amr", lambda w: w.of("amr") + w.of("amr"), "report"),
    "silk joined": file("a.silk", lambda w: w.silk + w.silk, "report"),
}

# ---------------------------------------------------------------- things within things


def _zipped(whole: Whole) -> bytes:
    held = BytesIO()
    with zipfile.ZipFile(held, "w") as archive:
        archive.writestr("a.wav", whole.of("wav-16"))
    return held.getvalue()


CASES |= {
    "wav in wav": file("a.wav", lambda w: wav(w.of("wav-16")), "report"),
    "mp3 in wav": file("a.wav", lambda w: wav(w.of("mp3"), tag=0x55)),
    "m4a in mp3": file("a.mp3", lambda w: id3((b"GEOB", w.of("m4a"))) + w.of("mp3"), "report"),
    "mp3 in m4a": file("a.m4a", lambda w: w.of("m4a") + box(b"free", w.of("mp3")), "report"),
    "m4a in m4a": file("a.m4a", lambda w: box(b"mdat", w.of("m4a")) + w.of("m4a")),
    "wav in zip": file("a.m4a", _zipped, "refused"),
    "pdf and mp3": file("a.pdf", lambda w: b"%PDF-1.4\n" + bytes(900) + w.of("mp3")),
    "web page and mp3": file("a.mp3", lambda w: b"<html><script>1</script>" + w.of("mp3")),
    "100 tags before mp3": file("a.mp3", lambda w: 100 * id3((b"TIT2", b"\0x")) + w.of("mp3")),
    "picture of 50 MB in mp3": file(
        "a.mp3", lambda w: id3((b"APIC", picture(50 << 20))) + w.of("mp3"), "report"
    ),
    "picture of 50 MB in m4a": file("a.m4a", lambda w: with_cover(w, 50 << 20), "report"),
    "pictures of 48 MB in flac": file("a.flac", flac_with_picture, "report"),
    "film and sound": file("a.mp4", lambda w: w.of("m4a", picture=True), "report"),
}

# ---------------------------------------------------------------- what is no file

if hasattr(os, "mkfifo"):
    CASES |= {
        "named pipe": Case(pipe, "refused"),
        "link to a named pipe": Case(linked("to-pipe.m4a", "pipe.m4a"), "refused"),
        "circle of links": Case(circle, "refused"),
        "link to nothing": Case(linked("gone.m4a", "nowhere"), "refused"),
        "link to endless zeros": Case(linked("zero.wav", "/dev/zero"), "refused"),
        "link to random bytes": Case(linked("random.wav", "/dev/urandom"), "refused"),
        "terminal": Case(lambda _: Path("/dev/tty"), "refused"),
        "own memory": Case(lambda _: Path("/proc/self/mem"), "refused"),
        "socket": Case(bound_socket, "refused"),
        "folder": Case(folder, "refused"),
        "beneath a file": Case(lambda w: w.write("b.wav", b"x") / "a.wav", "refused"),
        "name too long": Case(lambda w: w.folder / ("x" * 5_000), "refused"),
        "empty": file("empty.m4a", b"", "refused"),
        "zeros": file("zeros.m4a", bytes(1 << 20), "refused"),
        "noise": file("noise.m4a", noise(1 << 20), "refused"),
    }
