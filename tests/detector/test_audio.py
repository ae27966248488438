"""Recordings of every kind open, and keep their times and bytes."""

import dataclasses
import hashlib
import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from detector.audio import RATE, Decoder, open_recording
from detector.survey import survey


def decoded(path: Path) -> NDArray[np.float32]:
    return np.concatenate(list(Decoder(open_recording(path))), axis=1)


def pitch(samples: NDArray[np.float32]) -> float:
    """Return the loudest frequency of samples (n,)."""
    spectrum = np.abs(np.fft.rfft(samples * np.hanning(len(samples))))
    return float(np.argmax(spectrum) * RATE / len(samples))


def onset(samples: NDArray[np.float32]) -> float:
    """Return when samples (n,) first become loud, in seconds."""
    return float(np.argmax(np.abs(samples) > 0.1) / RATE)


_CASES = [
    (form, rate, channels)
    for form, rates, counts in (
        ("wav-8", (8_000, 44_100), (1, 2)),
        ("wav-16", (8_000, 16_000, 48_000), (1, 2, 6)),
        ("wav-float", (16_000, 48_000), (1, 2)),
        ("wav-alaw", (8_000,), (1, 2)),
        ("wav-mulaw", (8_000,), (1,)),
        ("wav-adpcm", (16_000,), (1, 2)),
        ("mp3", (8_000, 16_000, 44_100, 48_000), (1, 2)),
        ("m4a", (8_000, 16_000, 44_100, 48_000), (1, 2)),
        ("m4a", (48_000,), (6,)),
        ("aac", (16_000, 44_100), (1, 2)),
        ("amr", (8_000,), (1,)),
        ("3gp", (8_000,), (1,)),
        ("3gp-aac", (16_000,), (1, 2)),
        ("ogg-opus", (8_000, 48_000), (1, 2)),
        ("flac", (8_000, 48_000), (1, 2, 6)),
        ("wma", (16_000, 44_100), (1, 2)),
        ("mkv", (48_000,), (2,)),
        ("caf", (16_000,), (1,)),
        ("aiff", (16_000,), (1,)),
    )
    for rate in rates
    for channels in counts
]


@pytest.mark.parametrize(("form", "rate", "channels"), _CASES)
def test_any_form_opens_with_its_length_and_pitch(
    tmp_path: Path, sounds: Any, form: str, rate: int, channels: int
) -> None:
    one = sounds.tone(1.6, rate)
    path = sounds.encode(
        tmp_path / f"录音{sounds.forms[form].suffix}", form, np.stack([one] * channels), rate
    )
    recording = open_recording(path)
    assert recording.channels == channels
    if recording.duration_s is not None:
        assert recording.duration_s == pytest.approx(1.6, abs=0.1)
    decoder = Decoder(recording)
    samples = np.concatenate(list(decoder), axis=1)
    assert samples.shape[0] == min(channels, 2) if channels != 6 else 1
    assert decoder.duration_s == pytest.approx(1.6, abs=0.1)
    assert decoder.duration_s == pytest.approx(samples.shape[1] / RATE)
    assert decoder.damaged == 0
    for channel in samples:
        assert pitch(channel) == pytest.approx(440, abs=5)


@pytest.mark.parametrize(("form", "rate"), [("wav-16", 8_000), ("m4a", 16_000), ("mp3", 44_100)])
def test_left_and_right_stay_apart(tmp_path: Path, sounds: Any, form: str, rate: int) -> None:
    both = np.stack([sounds.tone(1.5, rate, 400), sounds.tone(1.5, rate, 900)])
    left, right = decoded(sounds.encode(tmp_path / "x", form, both, rate))
    assert pitch(left) == pytest.approx(400, abs=5)
    assert pitch(right) == pytest.approx(900, abs=5)


@pytest.mark.parametrize("form", ["wav-16", "mp3", "m4a", "aac", "ogg-opus", "flac", "mkv"])
def test_times_are_those_of_the_original(tmp_path: Path, sounds: Any, form: str) -> None:
    rate = sounds.forms[form].rates[-1]
    samples = np.zeros(3 * rate, np.float32)
    samples[2 * rate :] = sounds.tone(1.0, rate) + 0.2 * np.sign(sounds.tone(1.0, rate))
    path = sounds.encode(tmp_path / "x", form, samples[None], rate)
    assert onset(decoded(path)[0]) == pytest.approx(2.0, abs=0.1)


def test_sound_that_begins_after_the_picture_keeps_its_time(tmp_path: Path, sounds: Any) -> None:
    import av

    path = tmp_path / "录屏.mp4"
    with av.open(str(path), "w") as out:
        video = out.add_stream("mpeg4", rate=5)
        video.width = video.height = 64
        video.pix_fmt = "yuv420p"
        stream = out.add_stream("aac", rate=RATE, layout="mono")
        for _ in range(15):
            out.mux(video.encode(av.VideoFrame(64, 64, "yuv420p")))
        out.mux(video.encode(None))
        for index, start in enumerate(range(0, RATE, 1024)):
            piece = np.full((1, 1024), 0.5 * (-1) ** index, np.float32)
            frame = av.AudioFrame.from_ndarray(piece, format="fltp", layout="mono")
            frame.sample_rate, frame.pts = RATE, 2 * RATE + start
            out.mux(stream.encode(frame))
        out.mux(stream.encode(None))
    assert onset(decoded(path)[0]) == pytest.approx(2.0, abs=0.1)


def test_amr_that_sends_nothing_in_pauses_is_read_to_its_end(tmp_path: Path, sounds: Any) -> None:
    import av

    rate = 8_000
    samples = np.zeros(50 * rate, np.float32)
    samples[rate : 2 * rate] = samples[48 * rate : 49 * rate] = sounds.tone(1.0, rate)
    path = tmp_path / "通话.amr"
    try:
        av.codec.Codec("libopencore_amrnb", "w")
    except av.codec.codec.UnknownCodecError:
        pytest.skip("FFmpeg here cannot encode AMR")
    with av.open(str(path), "w", format="amr") as out:
        options = {"dtx": "1"}
        stream = out.add_stream("libopencore_amrnb", rate=rate, layout="mono", options=options)
        stream.bit_rate = 12_200
        resampler = av.AudioResampler(format="s16", layout="mono", rate=rate, frame_size=160)
        frame = av.AudioFrame.from_ndarray(samples[None], format="fltp", layout="mono")
        frame.sample_rate = rate
        for piece in (*resampler.resample(frame), *resampler.resample(None)):
            out.mux(stream.encode(piece))
        out.mux(stream.encode(None))
    assert path.stat().st_size < 50 / 0.02 * 10, "the encoder has sent everything"
    recording = open_recording(path)
    decoder = Decoder(recording)
    heard = np.concatenate(list(decoder), axis=1)[0]
    assert decoder.damaged == 0
    late = heard[10 * RATE :]
    assert 10 + onset(late) == pytest.approx(48.0, abs=0.3)
    assert decoder.duration_s == pytest.approx(50.0, abs=0.05)  # a pause at the end counts too


@pytest.mark.parametrize("suffix", [".aac", ".amr"])
def test_guessed_lengths_are_not_reported(tmp_path: Path, sounds: Any, suffix: str) -> None:
    rate = sounds.forms[suffix[1:]].rates[0]
    quiet_then_loud = np.concatenate([np.zeros(20 * rate, np.float32), sounds.tone(2.0, rate)])
    path = sounds.encode(tmp_path / f"x{suffix}", suffix[1:], quiet_then_loud[None], rate)
    stated = open_recording(path).duration_s
    assert stated is None or stated == pytest.approx(22.0, abs=0.3)


def test_amr_wb(tmp_path: Path, sounds: Any) -> None:
    path = tmp_path / "通话.amr"
    path.write_bytes(sounds.amr_wb(2.0))
    recording = open_recording(path)
    assert (recording.codec, recording.sample_rate_hz) == ("amrwb", 16_000)
    decoder = Decoder(recording)
    list(decoder)
    assert (decoder.duration_s, decoder.damaged) == (pytest.approx(2.0, abs=0.1), 0)


@pytest.mark.parametrize("tencent", [True, False], ids=["with-0x02", "without"])
@pytest.mark.parametrize("suffix", [".amr", ".slk", ".silk", ".mp3"])
def test_wechat_voice_under_any_name(
    tmp_path: Path, sounds: Any, suffix: str, tencent: bool
) -> None:
    path = tmp_path / f"msg_0412{suffix}"
    path.write_bytes(sounds.silk_voice(1.4, tencent))
    recording = open_recording(path)
    assert (recording.container, recording.codec) == ("silk", "silk")
    assert recording.duration_s == pytest.approx(1.4, abs=0.1)
    samples = decoded(path)
    assert samples.shape[1] / RATE == pytest.approx(1.4, abs=0.1)
    assert pitch(samples[0]) == pytest.approx(440, abs=5)


@pytest.mark.parametrize(
    ("form", "rate", "name"),
    [
        ("m4a", 16_000, "x.mp3"),
        ("mp3", 16_000, "x.wav"),
        ("wav-16", 16_000, "x.amr"),
        ("ogg-opus", 48_000, "x.txt"),
        ("flac", 8_000, "没有后缀"),
    ],
)
def test_content_counts_not_the_name(
    tmp_path: Path, sounds: Any, form: str, rate: int, name: str
) -> None:
    path = sounds.encode(tmp_path / name, form, sounds.tone(1.0, rate)[None], rate)
    assert pitch(decoded(path)[0]) == pytest.approx(440, abs=5)


def test_video_with_sound(tmp_path: Path, sounds: Any) -> None:
    path = sounds.encode(tmp_path / "x.mp4", "m4a", sounds.tone(2.0)[None], 16_000, picture=True)
    assert decoded(path).shape[1] / RATE == pytest.approx(2.0, abs=0.1)


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf, 1e30, -5.0])
def test_samples_are_always_finite_and_in_range(tmp_path: Path, sounds: Any, value: float) -> None:
    samples = sounds.tone(1.0)[None].copy()
    samples[0, 3_000:4_000] = value
    path = tmp_path / "x.wav"
    path.write_bytes(sounds.wav_bytes(samples, 16_000))
    heard = decoded(path)
    assert np.isfinite(heard).all()
    assert np.abs(heard).max() <= 1.0
    assert np.abs(heard[0, 8_000:]).max() > 0.1  # what is sound stays


def test_blocks_are_a_second_at_most(tmp_path: Path, sounds: Any) -> None:
    path = sounds.encode(tmp_path / "x.wav", "wav-16", sounds.tone(2.3)[None], 16_000)
    widths = [block.shape[1] for block in Decoder(open_recording(path))]
    assert widths == [RATE, RATE, pytest.approx(0.3 * RATE, abs=2)]


def test_facts_of_the_file(tmp_path: Path, sounds: Any) -> None:
    made = "2026-03-05T14:41:07.000000Z"
    path = sounds.encode(
        tmp_path / "x.m4a", "m4a", sounds.tone(1.0)[None], 16_000, {"creation_time": made}
    )
    recording = open_recording(path)
    assert recording.sha256 == hashlib.sha256(path.read_bytes()).hexdigest()
    assert recording.bytes == path.stat().st_size
    assert recording.created_at == made
    assert (recording.codec, recording.sample_rate_hz, recording.channels) == ("aac", 16_000, 1)


@pytest.mark.parametrize("form", ["wav-16", "m4a", "silk"])
def test_original_is_left_as_it_is(tmp_path: Path, sounds: Any, form: str) -> None:
    path = tmp_path / "证据"
    if form == "silk":
        path.write_bytes(sounds.silk_voice(1.0))
    else:
        sounds.encode(path, form, np.stack([sounds.tone(1.0)] * 2), 16_000)
    os.utime(path, ns=(1_700_000_000_000_000_000, 1_700_000_000_000_000_000))
    path.chmod(0o444)
    before = path.read_bytes()
    recording = open_recording(path)
    survey(recording)
    list(Decoder(recording))
    assert path.read_bytes() == before
    assert path.stat().st_mtime_ns == 1_700_000_000_000_000_000
    assert [entry.name for entry in tmp_path.iterdir()] == ["证据"]


# ---------------------------------------------------------------- damaged recordings


@pytest.mark.parametrize("form", ["mp3", "wav-16", "flac", "ogg-opus", "aac", "amr", "mkv"])
def test_cut_off_recording_gives_what_is_left(tmp_path: Path, sounds: Any, form: str) -> None:
    rate = sounds.forms[form].rates[0]
    path = sounds.encode(tmp_path / "x", form, sounds.tone(6.0, rate)[None], rate)
    data = path.read_bytes()
    path.write_bytes(data[: len(data) // 2])
    decoder = Decoder(open_recording(path))
    list(decoder)
    assert 1.5 < decoder.duration_s < 4.0


def test_cut_off_silk_gives_what_is_left(tmp_path: Path, sounds: Any) -> None:
    data = sounds.silk_voice(4.0)
    path = tmp_path / "x.silk"
    path.write_bytes(data[: len(data) // 2])
    assert 1.0 < decoded(path).shape[1] / RATE < 3.0


def test_damage_in_the_middle_keeps_later_times(tmp_path: Path, sounds: Any) -> None:
    samples = np.zeros(8 * RATE, np.float32)
    samples[6 * RATE : 7 * RATE] = sounds.tone(1.0)
    path = sounds.encode(tmp_path / "x.m4a", "m4a", samples[None], RATE)
    import av

    with av.open(str(path)) as container:
        places = [(p.pos, p.size) for p in container.demux(audio=0) if p.size]
    data = bytearray(path.read_bytes())
    for position, size in places[20:40]:
        data[position : position + size] = b"\xff" * size
    path.write_bytes(data)
    decoder = Decoder(open_recording(path))
    heard = np.concatenate(list(decoder), axis=1)[0]
    assert decoder.damaged > 0
    assert 5 + onset(heard[5 * RATE :]) == pytest.approx(6.0, abs=0.3)


def test_recording_facts_are_immutable(wav: Path) -> None:
    recording = open_recording(wav)
    with pytest.raises(dataclasses.FrozenInstanceError):
        recording.sha256 = "0"  # type: ignore[misc]
