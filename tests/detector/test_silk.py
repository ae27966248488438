"""SILK voice messages: recognised by content, packets in order, times kept."""

import io
import struct
from typing import Any

import numpy as np
import pytest

from detector import silk
from detector.errors import RecordingError

HEADER = b"#!SILK_V3"


@pytest.mark.parametrize(
    ("head", "expected"),
    [
        (HEADER + b"\x10", True),
        (b"\x02" + HEADER, True),
        (HEADER, True),
        (b"\x03" + HEADER, False),
        (b"\x02\x02" + HEADER[:8], False),
        (b"#!AMR\n\x3c\x00\x00\x00", False),
        (b"#!SILK_V2\x00", False),
        (b"#!SILK", False),
        (b"", False),
    ],
)
def test_is_silk(head: bytes, expected: bool) -> None:
    assert silk.is_silk(head) is expected


def packed(*bodies: bytes) -> bytes:
    return b"".join(struct.pack("<H", len(body)) + body for body in bodies)


@pytest.mark.parametrize("first", [b"", b"\x02"], ids=["plain", "tencent"])
@pytest.mark.parametrize(
    ("rest", "expected"),
    [
        (packed(b"abc", b"de"), [b"abc", b"de"]),
        (packed(b"abc") + b"\xff\xff" + bytes(70_000), [b"abc"]),
        (packed(b"abc") + b"\x05\x00de", [b"abc"]),
        (packed(b"abc") + b"\x05", [b"abc"]),
        (b"", []),
    ],
    ids=["two", "end-mark", "cut-body", "cut-length", "none"],
)
def test_packets(first: bytes, rest: bytes, expected: list[bytes]) -> None:
    assert list(silk.packets(io.BytesIO(first + HEADER + rest))) == expected


def test_other_files_are_refused() -> None:
    with pytest.raises(RecordingError, match="not a SILK"):
        list(silk.packets(io.BytesIO(b"#!AMR\n" + bytes(100))))


def _decoded(data: bytes) -> np.ndarray:
    return np.concatenate(list(silk.decode(io.BytesIO(data))))


@pytest.mark.parametrize("tencent", [True, False])
def test_decoded_length_and_pitch(sounds: Any, tencent: bool) -> None:
    samples = _decoded(sounds.silk_voice(2.0, tencent))
    assert samples.dtype == np.float32
    assert len(samples) / silk.RATE == pytest.approx(2.0, abs=0.05)
    spectrum = np.abs(np.fft.rfft(samples))
    assert np.argmax(spectrum) * silk.RATE / len(samples) == pytest.approx(440, abs=5)


def test_pieces_of_a_long_message_join_without_loss(
    sounds: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = sounds.silk_voice(3.0)
    whole = _decoded(data)
    monkeypatch.setattr(silk, "PACKETS_A_PIECE", 40)
    pieces = list(silk.decode(io.BytesIO(data)))
    assert len(pieces) == 4
    joined = np.concatenate(pieces)
    assert len(joined) == len(whole)
    loud = np.abs(joined).reshape(-1, silk.RATE // 10).max(axis=1)
    assert np.corrcoef(loud, np.abs(whole).reshape(-1, silk.RATE // 10).max(axis=1))[0, 1] > 0.95


def test_noise_after_the_header_does_not_raise() -> None:
    noise = np.random.default_rng(0).bytes(3_000)
    assert sum(map(len, silk.decode(io.BytesIO(HEADER + noise)))) < 60 * silk.RATE
