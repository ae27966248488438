"""Clips hold the original's own packets, say truly where they were, and never fail a flag."""

import hashlib
import os
import struct
from functools import cache, lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from detector.audio import RATE, Decoder, container_of, open_recording
from detector.errors import OutputError, RecordingError
from detector.evidence.clips import LISTENING, TIMES, clock_name, cut_clip, cut_clips
from detector.evidence.model import Clip

PACKETS = [
    ("wav-8", 8_000, ".wav"), ("wav-16", 48_000, ".wav"), ("wav-float", 16_000, ".wav"),
    ("wav-alaw", 8_000, ".wav"), ("wav-mulaw", 8_000, ".wav"), ("wav-adpcm", 16_000, ".wav"),
    ("mp3", 8_000, ".mp3"), ("mp3", 16_000, ".mp3"), ("mp3", 44_100, ".mp3"),
    ("m4a", 8_000, ".m4a"), ("m4a", 44_100, ".m4a"), ("aac", 16_000, ".aac"),
    ("amr", 8_000, ".amr"), ("3gp", 8_000, ".3gp"), ("3gp-aac", 16_000, ".m4a"),
    ("ogg-opus", 16_000, ".ogg"), ("mkv", 48_000, ".ogg"), ("wma", 16_000, ".wma"),
    ("caf", 16_000, ".wav"),
]  # fmt: skip
SAMPLES = [("flac", 8_000, 6), ("flac", 48_000, 1), ("aiff", 16_000, 2)]


@cache
def voice(seconds: float, rate: int) -> NDArray[np.float32]:
    """Return sound that is like itself at no other time, shape (samples,)."""
    at = np.arange(round(seconds * rate)) / rate
    hertz = 300 + 900 * np.abs(np.sin(0.8 * at)) + 200 * np.sin(19.5 * at)
    sound = 0.4 * np.sin(2 * np.pi * np.cumsum(hertz) / rate) * (0.6 + 0.4 * np.sin(14.5 * at))
    noise = np.random.default_rng(7).standard_normal(len(at))
    return (sound + 0.03 * noise).astype(np.float32)


@lru_cache(4)
def decoded(path: Path) -> NDArray[np.float32]:
    return np.concatenate(list(Decoder(open_recording(path))), axis=1)[0]


def packets(path: Path) -> list[bytes]:
    with container_of(path) as container:
        return [bytes(p) for p in container.demux(audio=0) if p.size]


def placed(clip: NDArray[np.float32], whole: NDArray[np.float32]) -> tuple[float, float]:
    """Return where a clip's middle tells that it begins (seconds), and the correlation."""
    from scipy.signal import correlate

    middle = len(clip) // 2
    piece = clip[max(0, middle - RATE) : middle + RATE].astype(np.float64)
    cross = correlate(whole.astype(np.float64), piece, "valid")
    summed = np.concatenate([[0.0], np.cumsum(whole.astype(np.float64) ** 2)])
    power = summed[len(piece) :] - summed[: -len(piece)]
    likeness = cross / np.sqrt(np.maximum(power * (piece**2).sum(), 1e-12))
    best = int(np.argmax(likeness))
    return (best - max(0, middle - RATE)) / RATE, float(likeness[best])


def check(folder: Path, source: Path, clip: Clip, start: float, end: float) -> Path:
    """Check what holds for every clip of a flag at `start` to `end`; return its path."""
    path = folder / clip.file
    assert hashlib.sha256(path.read_bytes()).hexdigest() == clip.sha256
    assert path.stat().st_size == clip.bytes
    whole, piece = decoded(source), decoded(path)
    length = len(whole) / RATE
    assert max(0.0, start - 9.0) <= clip.start_s <= max(0.006, start - 4.5)
    assert min(length, end + 4.9) - 0.02 <= clip.end_s <= min(length + 0.15, end + 6.0)
    assert clip.end_s - clip.start_s == pytest.approx(len(piece) / RATE, abs=0.08)
    began, likeness = placed(piece, whole)
    assert began == pytest.approx(clip.start_s, abs=0.02)
    assert likeness > 0.95
    copy = folder / clip.listening
    assert clip.listening.endswith(LISTENING)
    assert hashlib.sha256(copy.read_bytes()).hexdigest() == clip.listening_sha256
    began, likeness = placed(decoded(copy), whole)
    assert began == pytest.approx(clip.start_s, abs=0.02)
    assert likeness > 0.9
    return path


def is_run_of(part: list[bytes], whole: list[bytes]) -> bool:
    width = len(part)
    return width > 3 and any(part == whole[i : i + width] for i in range(len(whole) - width + 1))


FLAGS = [(0.0, 0.8), (11.3, 13.0), (28.9, 30.0)]
"""At the very beginning, amid, and at the very end of half a minute."""


def three(source: Path, folder: Path) -> list[Clip]:
    ranges = [(a, b, folder / f"1-F{n}_{TIMES}") for n, (a, b) in enumerate(FLAGS, 1)]
    return cut_clips(open_recording(source), ranges, context_s=5.0)


@pytest.mark.parametrize(("form", "rate", "suffix"), PACKETS)
def test_packets_as_stored(tmp_path: Path, sounds: Any, form: str, rate: int, suffix: str) -> None:
    source = sounds.encode(tmp_path / "原件", form, voice(30, rate)[None], rate)
    stored = packets(source)
    for clip, (start, end) in zip(three(source, tmp_path), FLAGS, strict=True):
        path = check(tmp_path, source, clip, start, end)
        assert (clip.method, path.suffix) == ("packets", suffix)
        if suffix == ".wav":  # readers group plain samples as they like
            assert b"".join(packets(path)) in b"".join(stored)
        else:
            assert is_run_of(packets(path), stored)


@pytest.mark.parametrize(("form", "rate", "channels"), SAMPLES)
def test_samples_are_exact(
    tmp_path: Path, sounds: Any, form: str, rate: int, channels: int
) -> None:
    import soundfile

    sound = np.stack([voice(30, rate) * (1 - 0.1 * n) for n in range(channels)])
    source = sounds.encode(tmp_path / "原件", form, sound, rate)
    with container_of(source) as container:
        frames = [f.to_ndarray().reshape(-1, channels) if not f.format.is_planar
                  else f.to_ndarray().T for f in container.decode(audio=0)]  # fmt: skip
    whole = np.concatenate(frames)
    for clip, (start, end) in zip(three(source, tmp_path), FLAGS, strict=True):
        path = check(tmp_path, source, clip, start, end)
        assert (clip.method, path.suffix) == ("samples", ".wav")
        kept, its_rate = soundfile.read(path, dtype=whole.dtype.name, always_2d=True)
        first = round(clip.start_s * rate)
        assert its_rate == rate
        assert np.array_equal(kept, whole[first : first + len(kept)])


def test_mp3_of_changing_bit_rate(tmp_path: Path) -> None:
    import av

    source = tmp_path / "x.mp3"
    options = {"flags": "+qscale", "global_quality": str(4 * 118)}
    with av.open(str(source), "w") as out:
        stream = out.add_stream("libmp3lame", rate=44_100, layout="mono", options=options)
        loud = np.arange(30 * 44_100) // 66_150 % 2
        sound = voice(30, 44_100) * loud.astype(np.float32)
        frame = av.AudioFrame.from_ndarray(sound[None], format="fltp", layout="mono")
        frame.sample_rate, frame.pts = 44_100, 0
        resampler = av.AudioResampler("fltp", "mono", 44_100, frame_size=1_152)
        for piece in (*resampler.resample(frame), *resampler.resample(None)):
            out.mux(stream.encode(piece))
        out.mux(stream.encode(None))
    stored = packets(source)
    assert len({len(packet) for packet in stored}) > 3, "the bit rate does not change"
    for clip, (start, end) in zip(three(source, tmp_path), FLAGS, strict=True):
        path = check(tmp_path, source, clip, start, end)
        assert clip.method == "packets"
        assert is_run_of(packets(path), stored)


def test_mp3_begins_early_enough_for_the_bits_it_borrows(tmp_path: Path, sounds: Any) -> None:
    source = sounds.encode(tmp_path / "x", "mp3", voice(12, 16_000)[None], 16_000)
    clip = cut_clip(open_recording(source), 6.0, 7.0, tmp_path / "a", context_s=0.0)
    assert 5.3 < clip.start_s <= 5.5


def test_amr_wb(tmp_path: Path, sounds: Any) -> None:
    source = tmp_path / "通话.amr"
    source.write_bytes(sounds.amr_wb(30.0))
    for clip, (start, end) in zip(three(source, tmp_path), FLAGS, strict=True):
        path = check(tmp_path, source, clip, start, end)
        assert (clip.method, path.suffix) == ("packets", ".amr")
        assert is_run_of(packets(path), packets(source))


def amr_with_pauses(wide: bool) -> bytes:
    """Return AMR of noise that sends "silence" and "nothing" frames for odd stretches."""
    noise = np.random.default_rng(3)
    speech, silent, size = (b"\x04", b"\x4c", 17) if wide else (b"\x3c", b"\x44", 31)
    frames = []
    for number in range(1_500):
        if (number + 47) % 100 < 53:
            frames.append(speech + noise.bytes(size))
        else:
            frames.append(silent + noise.bytes(5) if number % 8 == 5 else b"\x7c")
    return (b"#!AMR-WB\n" if wide else b"#!AMR\n") + b"".join(frames)


@pytest.mark.parametrize("wide", [False, True])
def test_amr_that_sends_nothing_in_pauses(tmp_path: Path, wide: bool) -> None:
    source = tmp_path / "通话.amr"
    source.write_bytes(amr_with_pauses(wide))
    decoder = Decoder(open_recording(source))
    list(decoder)
    assert decoder.damaged == 0
    for clip, (start, end) in zip(three(source, tmp_path), FLAGS, strict=True):
        check(tmp_path, source, clip, start, end)
        assert clip.method == "packets"
        assert is_run_of(packets(tmp_path / clip.file), packets(source))


def test_wechat_voice_becomes_samples(tmp_path: Path) -> None:
    import io

    import pysilk

    out = io.BytesIO()
    pysilk.encode(io.BytesIO((voice(30, 24_000) * 32_767).astype("<i2").tobytes()), out,
                  24_000, 24_000)  # fmt: skip
    source = tmp_path / "msg.amr"
    source.write_bytes(out.getvalue())
    for clip, (start, end) in zip(three(source, tmp_path), FLAGS, strict=True):
        check(tmp_path, source, clip, start, end)
        assert (clip.method, clip.file[-4:]) == ("samples", ".wav")
        assert open_recording(tmp_path / clip.file).sample_rate_hz == 24_000


def test_sound_of_a_film_that_begins_late(tmp_path: Path) -> None:
    import av

    source = tmp_path / "录屏.mp4"
    sound = voice(30, RATE)
    with av.open(str(source), "w") as out:
        video = out.add_stream("mpeg4", rate=5)
        video.width = video.height = 64
        video.pix_fmt = "yuv420p"
        stream = out.add_stream("aac", rate=RATE, layout="mono")
        for _ in range(160):
            out.mux(video.encode(av.VideoFrame(64, 64, "yuv420p")))
        out.mux(video.encode(None))
        for at in range(0, len(sound) - 1_024, 1_024):
            frame = av.AudioFrame.from_ndarray(
                sound[None, at : at + 1_024], format="fltp", layout="mono"
            )
            frame.sample_rate, frame.pts = RATE, 2 * RATE + at
            out.mux(stream.encode(frame))
        out.mux(stream.encode(None))
    clip = cut_clip(open_recording(source), 15.0, 16.0, tmp_path / "a", context_s=5.0)
    check(tmp_path, source, clip, 15.0, 16.0)
    assert (clip.method, clip.file) == ("packets", "a.m4a")


def damaged(tmp_path: Path, sounds: Any) -> Path:
    """Return an m4a of 40 s whose packets are destroyed from 6.4 s to 7.7 s, and at 9.6 s."""
    import av

    source: Path = sounds.encode(tmp_path / "x.m4a", "m4a", voice(40, RATE)[None], RATE)
    with av.open(str(source)) as container:
        places = [(p.pos, p.size) for p in container.demux(audio=0) if p.size]
    data = bytearray(source.read_bytes())
    for position, size in (*places[101:121], places[151]):
        data[position : position + size] = b"\xff" * size
    source.write_bytes(data)
    return source


def test_damage_makes_samples_and_spares_the_rest(tmp_path: Path, sounds: Any) -> None:
    source = damaged(tmp_path, sounds)
    at, after = cut_clips(
        open_recording(source),
        [(10.0, 11.0, tmp_path / "a"), (30.0, 31.0, tmp_path / "b")],
        context_s=5.0,
    )
    assert (at.method, after.method) == ("samples", "packets")
    for clip, start in ((at, 10.0), (after, 30.0)):
        check(tmp_path, source, clip, start, start + 1.0)


def test_cut_off_recording(tmp_path: Path, sounds: Any) -> None:
    source = sounds.encode(tmp_path / "x", "mp3", voice(30, RATE)[None], RATE)
    data = source.read_bytes()
    source.write_bytes(data[: len(data) // 2 + 37])
    clip = cut_clip(open_recording(source), 14.0, 14.8, tmp_path / "a", context_s=5.0)
    check(tmp_path, source, clip, 14.0, 14.8)


@pytest.mark.parametrize("form", ["wav-16", "m4a", "mp3", "amr", "flac", "ogg-opus"])
def test_more_asked_for_than_there_is(tmp_path: Path, sounds: Any, form: str) -> None:
    rate = sounds.forms[form].rates[0]
    source = sounds.encode(tmp_path / "x", form, voice(3, rate)[None], rate)
    clip = cut_clip(open_recording(source), 0.5, 9_999.0, tmp_path / "a")
    assert clip.start_s == pytest.approx(0.0, abs=0.006)
    assert clip.end_s == pytest.approx(3.0, abs=0.15)
    assert len(decoded(tmp_path / clip.file)) / RATE == pytest.approx(3.0, abs=0.15)


@pytest.mark.parametrize("form", ["m4a", "flac"])
def test_a_flag_beyond_the_end_is_refused_and_leaves_nothing(
    tmp_path: Path, sounds: Any, form: str
) -> None:
    source = sounds.encode(tmp_path / "x", form, voice(3, 48_000)[None], 48_000)
    ranges = [(1.0, 2.0, tmp_path / "a"), (60.0, 61.0, tmp_path / "b")]
    with pytest.raises(RecordingError, match="beyond the recording's end"):
        cut_clips(open_recording(source), ranges)
    assert [entry.name for entry in tmp_path.iterdir()] == ["x"]


@pytest.mark.parametrize("form", ["wav-16", "flac"])
def test_a_full_disk_leaves_nothing(tmp_path: Path, sounds: Any, form: str) -> None:
    resource = pytest.importorskip("resource")
    source = sounds.encode(tmp_path / "x", form, voice(20, RATE)[None], RATE)
    recording = open_recording(source)
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, before[1]))
    try:
        with pytest.raises(OutputError, match="cannot write"):
            cut_clip(recording, 10.0, 11.0, tmp_path / "a")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert [entry.name for entry in tmp_path.iterdir()] == ["x"]


def test_folder_that_is_not_there(tmp_path: Path, wav: Path) -> None:
    with pytest.raises(OutputError, match="cannot write"):
        cut_clip(open_recording(wav), 0.5, 1.0, tmp_path / "没有" / "a")


@pytest.mark.parametrize("form", ["mp3", "m4a", "flac", "amr"])
def test_original_is_only_read_and_clips_are_reproducible(
    tmp_path: Path, sounds: Any, form: str
) -> None:
    rate = sounds.forms[form].rates[0]
    source = sounds.encode(tmp_path / "原件", form, voice(12, rate)[None], rate)
    source.chmod(0o444)
    os.utime(source, ns=(1_700_000_000_000_000_000, 1_700_000_000_000_000_000))
    before = source.read_bytes()
    recording = open_recording(source)
    first, second = (cut_clip(recording, 5.0, 6.0, tmp_path / name, 2.0) for name in "ab")
    assert (first.sha256, first.listening_sha256) == (second.sha256, second.listening_sha256)
    assert source.read_bytes() == before
    assert source.stat().st_mtime_ns == 1_700_000_000_000_000_000


def test_names_tell_the_real_times(tmp_path: Path, sounds: Any) -> None:
    source = sounds.encode(tmp_path / "x", "wav-16", voice(20, RATE)[None], RATE)
    stem = tmp_path / f"1-F3_{TIMES}_0123abcd"
    clip = cut_clip(open_recording(source), 9.0, 10.0, stem, 5.0)
    times = f"{clock_name(clip.start_s)}-{clock_name(clip.end_s)}"
    assert clip.file == f"1-F3_{times}_0123abcd.wav"
    assert clip.listening == f"1-F3_{times}_0123abcd{LISTENING}"
    assert {e.name for e in tmp_path.iterdir()} == {"x", clip.file, clip.listening}


@pytest.mark.parametrize(
    ("seconds", "name"),
    [(0.0, "0h00m00.0s"), (723.42, "0h12m03.4s"), (59.96, "0h01m00.0s"), (3_725.4, "1h02m05.4s"),
     (36_000.0, "10h00m00.0s"), (-0.01, "0h00m00.0s")],
)  # fmt: skip
def test_clock_name(seconds: float, name: str) -> None:
    assert clock_name(seconds) == name


def test_many_flags_of_a_long_recording_in_one_pass(
    tmp_path: Path, sounds: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    from detector.evidence import clip_packets, clips

    source = sounds.encode(tmp_path / "x", "amr", voice(60, 8_000)[None], 8_000)
    head, body = b"#!AMR\n", source.read_bytes()[6:]
    source.write_bytes(head + body * 10)
    opened: list[Path] = []
    real = clip_packets.container_of

    def counted(path: Path) -> Any:
        opened.append(path)
        return real(path)

    monkeypatch.setattr(clip_packets, "container_of", counted)
    monkeypatch.setattr(
        clips, "write_listening_copy", lambda _, to: to.write_bytes(source.read_bytes())
    )
    ranges = [(t, t + 2.0, tmp_path / f"F{t}") for t in range(590, 10, -15)]
    made = cut_clips(open_recording(source), ranges)
    assert opened.count(source) == 1
    assert [clip.file for clip in made] == [f"F{t}.amr" for t, _, _ in ranges]
    for clip, (start, _, _) in zip(made, ranges, strict=True):
        assert clip.start_s == pytest.approx(start - 8, abs=0.021)


def test_a_list_that_leads_elsewhere_is_not_followed(tmp_path: Path, sounds: Any) -> None:
    secret = sounds.encode(tmp_path / "secret.wav", "wav-16", voice(3, RATE)[None], RATE)
    source = sounds.encode(tmp_path / "x.wav", "wav-16", voice(3, RATE)[None], RATE)
    recording = open_recording(source)
    source.write_text(f"ffconcat version 1.0\nfile '{secret}'\n", "utf-8")
    with pytest.raises(RecordingError, match="not a recognisable recording"):
        cut_clip(recording, 1.0, 2.0, tmp_path / "a")


def test_wav_head_names_the_clip_length(tmp_path: Path, sounds: Any) -> None:
    source = sounds.encode(tmp_path / "x", "wav-16", voice(20, RATE)[None], RATE)
    clip = cut_clip(open_recording(source), 9.0, 10.0, tmp_path / "a", 5.0)
    data = (tmp_path / clip.file).read_bytes()
    at = data.index(b"data")
    assert struct.unpack("<I", data[at + 4 : at + 8])[0] == len(data) - at - 8
