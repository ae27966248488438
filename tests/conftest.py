"""What the tests share: sounds made on the fly, the command line, a report to render."""

import io
import math
import os
import shutil
import signal
import struct
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

ROOT = Path(__file__).parent.parent

if signal.getsignal(signal.SIGINT) == signal.SIG_IGN:  # so in the background of a shell script,
    signal.signal(signal.SIGINT, signal.default_int_handler)  # and commands would inherit it


@pytest.fixture(scope="session", autouse=True)
def cache(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Keep the joined model and the word list out of the user's own cache."""
    folder = tmp_path_factory.mktemp("cache")
    before = dict(os.environ)
    os.environ["DETECTOR_CACHE"] = str(folder)
    os.environ.pop("DETECTOR_WHISPER_MODEL", None)
    os.environ.pop("NO_COLOR", None)
    yield folder
    os.environ.clear()
    os.environ.update(before)
    shutil.rmtree(folder, ignore_errors=True)  # 145 MB


# ---------------------------------------------------------------- sounds


def tone(seconds: float, rate: int = 16_000, hertz: float = 440.0) -> NDArray[np.float32]:
    """Return a tone whose loudness swells twice a second, shape (samples,)."""
    at = np.arange(round(seconds * rate)) / rate
    swell = 0.55 - 0.45 * np.cos(2 * math.pi * 2 * at)
    return (0.5 * swell * np.sin(2 * math.pi * hertz * at)).astype(np.float32)


@dataclass(frozen=True)
class Form:
    """How a recorder stores sound: FFmpeg's names of container and codec."""

    container: str
    codec: str
    suffix: str
    rates: tuple[int, ...]
    channels: tuple[int, ...] = (1, 2)


FORMS = {
    "wav-8": Form("wav", "pcm_u8", ".wav", (8_000, 44_100)),
    "wav-16": Form("wav", "pcm_s16le", ".wav", (8_000, 16_000, 48_000), (1, 2, 6)),
    "wav-float": Form("wav", "pcm_f32le", ".wav", (16_000, 48_000)),
    "wav-alaw": Form("wav", "pcm_alaw", ".wav", (8_000,)),
    "wav-mulaw": Form("wav", "pcm_mulaw", ".wav", (8_000,)),
    "wav-adpcm": Form("wav", "adpcm_ms", ".wav", (8_000, 16_000)),
    "mp3": Form("mp3", "libmp3lame", ".mp3", (8_000, 16_000, 44_100, 48_000)),
    "m4a": Form("ipod", "aac", ".m4a", (8_000, 16_000, 44_100, 48_000), (1, 2, 6)),
    "aac": Form("adts", "aac", ".aac", (16_000, 44_100)),
    "amr": Form("amr", "libopencore_amrnb", ".amr", (8_000,), (1,)),
    "3gp": Form("3gp", "libopencore_amrnb", ".3gp", (8_000,), (1,)),
    "3gp-aac": Form("3gp", "aac", ".3gp", (16_000,)),
    "ogg-opus": Form("ogg", "libopus", ".ogg", (8_000, 16_000, 48_000)),
    "flac": Form("flac", "flac", ".flac", (8_000, 48_000), (1, 2, 6)),
    "wma": Form("asf", "wmav2", ".wma", (16_000, 44_100)),
    "mkv": Form("matroska", "libopus", ".mkv", (48_000,)),
    "caf": Form("caf", "pcm_s16le", ".caf", (16_000,)),
    "aiff": Form("aiff", "pcm_s16be", ".aiff", (16_000,)),
}
_LAYOUTS = {1: "mono", 2: "stereo", 6: "5.1"}


def encode(
    path: Path,
    form: str,
    samples: NDArray[np.float32],
    rate: int,
    metadata: dict[str, str] | None = None,
    picture: bool = False,
) -> Path:
    """Write samples, shape (channels, n), in a form of `FORMS`; skips where FFmpeg cannot."""
    import av

    kind = FORMS[form]
    try:
        av.codec.Codec(kind.codec, "w")
    except av.codec.codec.UnknownCodecError:
        pytest.skip(f"FFmpeg here cannot encode {kind.codec}")
    layout = _LAYOUTS[len(samples)]
    with av.open(str(path), "w", format=kind.container) as out:
        out.metadata.update(metadata or {})
        if picture:
            video = out.add_stream("mpeg4", rate=5)
            video.width = video.height = 64
            video.pix_fmt = "yuv420p"
        stream = out.add_stream(kind.codec, rate=rate, layout=layout)
        if kind.codec == "wmav2":
            stream.bit_rate = 48_000 * len(samples)
        sample_format = stream.codec_context.codec.audio_formats[0].name
        resampler = av.AudioResampler(
            format=sample_format,
            layout=layout,
            rate=rate,
            frame_size=stream.codec_context.frame_size or 0,
        )
        if picture:
            for _ in range(math.ceil(5 * samples.shape[1] / rate)):
                out.mux(video.encode(av.VideoFrame(64, 64, "yuv420p")))
            out.mux(video.encode(None))
        frame = av.AudioFrame.from_ndarray(
            np.ascontiguousarray(samples, np.float32), format="fltp", layout=layout
        )
        frame.sample_rate, frame.pts = rate, 0
        for piece in (*resampler.resample(frame), *resampler.resample(None)):
            out.mux(stream.encode(piece))
        out.mux(stream.encode(None))
    return path


def amr_wb(seconds: float) -> bytes:
    """Return an AMR-WB file of noise at 6.6 kbit/s: few builds can encode it, all can decode."""
    noise = np.random.default_rng(1)
    frames = [b"\x04" + noise.bytes(17) for _ in range(round(seconds / 0.02))]
    return b"#!AMR-WB\n" + b"".join(frames)


def silk_voice(seconds: float, tencent: bool = True, end_mark: bool = True) -> bytes:
    """Return a SILK voice message of a tone, with or without WeChat's first byte 0x02."""
    import pysilk

    pcm = (tone(seconds, 24_000) * 32_767).astype("<i2").tobytes()
    out = io.BytesIO()
    pysilk.encode(io.BytesIO(pcm), out, 24_000, 24_000)
    data = out.getvalue()
    assert data.startswith(b"\x02#!SILK_V3")
    if not tencent:
        data = data[1:]
    return data + b"\xff\xff" if end_mark and not data.endswith(b"\xff\xff") else data


def wav_bytes(samples: NDArray[np.float32], rate: int) -> bytes:
    """Return a wav file of 32-bit floats, shape (channels, n), whatever they hold."""
    body = np.ascontiguousarray(samples.T, "<f4").tobytes()
    width = 4 * len(samples)
    head = struct.pack(
        "<4sI4s4sIHHIIHH4sI",
        b"RIFF", 36 + len(body), b"WAVE", b"fmt ", 16, 3, len(samples), rate, rate * width,
        width, 32, b"data", len(body),
    )  # fmt: skip
    return head + body


@dataclass(frozen=True)
class Sounds:
    """The makers above, for tests."""

    forms = FORMS
    tone = staticmethod(tone)
    encode = staticmethod(encode)
    amr_wb = staticmethod(amr_wb)
    silk_voice = staticmethod(silk_voice)
    wav_bytes = staticmethod(wav_bytes)


@pytest.fixture(scope="session")
def sounds() -> Sounds:
    return Sounds()


@pytest.fixture
def wav(tmp_path: Path) -> Path:
    """A two-second recording of a tone, mono, 16 kHz."""
    return encode(tmp_path / "通话录音.wav", "wav-16", tone(2.0)[None], 16_000)


# ---------------------------------------------------------------- the command


@dataclass(frozen=True)
class Ended:
    """A finished command: exit code and decoded output."""

    code: int
    out: str
    err: str

    @property
    def error_lines(self) -> list[str]:
        return [line for line in self.err.splitlines() if "错误" in line or "error:" in line]


@pytest.fixture
def command(tmp_path: Path) -> Callable[..., Ended]:
    """Run `detector …` as a process of its own."""

    def run(*args: object, stdin: bytes = b"", encoding: str = "utf-8", **env: str) -> Ended:
        done = subprocess.run(
            [sys.executable, "-m", "detector", *map(str, args)],
            input=stdin,
            capture_output=True,
            cwd=tmp_path,
            timeout=60,
            check=False,
            env={**os.environ, "PYTHONPATH": str(ROOT), "PYTHONIOENCODING": encoding, **env},
        )
        return Ended(done.returncode, done.stdout.decode(encoding), done.stderr.decode(encoding))

    return run


@pytest.fixture
def detector(capfd: pytest.CaptureFixture[str]) -> Callable[..., Ended]:
    """Run `detector …` within this process: much quicker."""
    from detector.cli import main

    def run(*args: object) -> Ended:
        capfd.readouterr()
        try:
            code = main([str(arg) for arg in args])
        except SystemExit as left:
            code = left.code if isinstance(left.code, int) else 1
        out, err = capfd.readouterr()
        return Ended(code, out, err)

    return run


# ---------------------------------------------------------------- a report


def report(**changes: Any) -> Any:
    """Return a report of a short call with two flags, one of them to review."""
    from detector.ghosts import Dropped
    from detector.report import (
        Flag,
        Observation,
        RecordingFacts,
        Report,
        ReportWord,
        Span,
        Speaker,
        StartedAt,
        Utterance,
    )

    def utterance(number: int, start: float, end: float, who: str, role: str, text: str) -> Any:
        step = (end - start) / len(text)
        words = tuple(
            ReportWord(c, round(start + i * step, 2), round(start + (i + 1) * step, 2), 0.9)
            for i, c in enumerate(text)
        )
        scores = {"threat": 0.01, "insult": 0.02, "third_party_disclosure": 0.003}
        return Utterance(f"U{number}", start, end, who, role, text, text, False, words, scores)

    base = Report(
        recording=RecordingFacts(
            "通话.m4a", "ab" * 32, 120_000, 3_725.4, "mov,mp4,m4a,3gp,3g2,mj2", "aac", 16_000, 1,
            "mono", StartedAt("2026-03-05T22:41:07+08:00", "user", "stated"),
        ),
        settings={"whisper_model": "base", "thresholds": {"threat": 0.5}},
        listener={"role": "debtor", "confidence": 0.93, "source": "inferred"},
        speakers=(
            Speaker("A", "collector", 0.97, "inferred", None, 8.0),
            Speaker("B", "debtor", 0.97, "inferred", None, 2.5),
        ),
        utterances=(
            utterance(1, 0.5, 3.0, "A", "collector", "喂,请问是李先生吗"),
            utterance(2, 3.4, 5.9, "B", "debtor", "<我>是 & 请讲"),
            utterance(3, 3_600.0, 3_605.5, "A", "collector", "=你给我等着,今晚带人砸你家玻璃"),
        ),
        flags=(
            Flag(
                "F1", "threat", "home_visit_intimidation", 3_600.0, 3_605.5,
                "=你给我等着,今晚带人砸你家玻璃", ("U3",), "A", "collector", 0.914, "flagged",
                "unreviewed", "machine", 3,
                (Span(3, 6, "我等着", 0.8), Span(11, 15, "砸你家玻", 1.2, "za li jia bo")),
            ),
            Flag(
                "F2", "insult", "mockery", 3_600.0, 3_605.5, "=你给我等着,今晚带人砸你家玻璃",
                ("U3",), "A", "collector", 0.41, "review", "unreviewed", "machine", 1, (),
                "分数低于标记线,请听录音判断",
            ),
        ),
        observations=(
            Observation("O1", "impersonation", 0.5, 3.0, "喂,请问是李先生吗", ("U1",), "请核实"),
        ),
        dropped=(Dropped(6.0, 8.0, "谢谢观看", "boilerplate"),),
        warnings=("录音有 1 处无法解码,已跳过 (damaged parts)。",),
        case={"answered_by": "debtor"},
    )  # fmt: skip
    import dataclasses

    return dataclasses.replace(base, **changes)


@pytest.fixture
def make_report() -> Callable[..., Any]:
    return report
