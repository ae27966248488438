"""Copies of clips in which what is masked is silent, and all else as it was."""

import dataclasses
import hashlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from case_for_documents import case, item, report
from numpy.typing import NDArray

from detector.audio import RATE, Decoder, open_recording
from detector.errors import OutputError, RecordingError
from detector.evidence.clips import LISTENING, cut_clip
from detector.evidence.model import Clip
from detector.evidence.redact_audio import PAD_S, redacted_with_clips, silence_clip

FORMS = ["wav-16", "mp3", "m4a", "amr", "3gp", "ogg-opus", "wma", "flac"]


def decoded(path: Path) -> NDArray[np.float32]:
    return np.concatenate(list(Decoder(open_recording(path))), axis=1)[0]


def levels(samples: NDArray[np.float32]) -> NDArray[np.float64]:
    """Return the loudness of each 50 ms."""
    step = RATE // 20
    whole = samples[: len(samples) // step * step].astype(np.float64)
    return np.sqrt((whole.reshape(-1, step) ** 2).mean(axis=1))


def cut(folder: Path, sounds: Any, form: str = "m4a", channels: int = 1) -> Clip:
    """Return a clip of 10 s to 13 s of a loud recording, with 5 s on both sides."""
    rate = sounds.forms[form].rates[0]
    noise = np.random.default_rng(5).standard_normal(30 * rate).astype(np.float32) * 0.1
    source = sounds.encode(folder / "原件", form, np.stack([noise] * channels), rate)
    (folder / "clips").mkdir()
    return cut_clip(open_recording(source), 10.0, 13.0, folder / "clips" / "1-F1", 5.0)


@pytest.mark.parametrize("form", FORMS)
def test_silent_where_it_is_told(tmp_path: Path, sounds: Any, form: str) -> None:
    clip = cut(tmp_path, sounds, form)
    before = {p.name: p.read_bytes() for p in (tmp_path / "clips").iterdir()}
    target = tmp_path / "脱敏"
    target.mkdir()
    made = silence_clip(clip, tmp_path / "clips", [(11.0, 12.0)], target)
    assert made.file == "1-F1.已遮盖.wav"
    assert made.listening == f"1-F1.已遮盖{LISTENING}"
    assert (made.start_s, made.end_s, made.method) == (clip.start_s, clip.end_s, "samples")
    for name, digest in ((made.file, made.sha256), (made.listening, made.listening_sha256)):
        assert hashlib.sha256((target / name).read_bytes()).hexdigest() == digest
    old = levels(decoded(tmp_path / "clips" / clip.file))
    for name in (made.file, made.listening):
        new = levels(decoded(target / name))
        at = np.arange(len(new)) / 20 + clip.start_s
        quiet = (at > 11.0 - PAD_S + 0.1) & (at < 12.0 + PAD_S - 0.15)
        loud = (at < 11.0 - PAD_S - 0.15) | (at > 12.0 + PAD_S + 0.15)
        assert new[quiet].max() < 0.002
        count = min(len(old), len(new)) - 2
        assert np.allclose(new[:count][loud[:count]], old[:count][loud[:count]], rtol=0.35)
    assert {p.name: p.read_bytes() for p in (tmp_path / "clips").iterdir()} == before
    assert len(list(target.iterdir())) == 2


def test_both_channels_are_silenced_at_the_original_rate(tmp_path: Path, sounds: Any) -> None:
    import soundfile

    clip = cut(tmp_path, sounds, "wav-16", 2)
    target = tmp_path / "b"
    target.mkdir()
    made = silence_clip(clip, tmp_path / "clips", [(11.0, 12.0)], target)
    old, rate = soundfile.read(tmp_path / "clips" / clip.file, dtype="int16")
    new, new_rate = soundfile.read(target / made.file, dtype="int16")
    assert (rate, old.shape) == (new_rate, new.shape)
    first, last = (int((t - clip.start_s) * rate) for t in (11.0 - PAD_S, 12.0 + PAD_S))
    assert not new[first : last + 1].any()
    assert np.array_equal(new[:first], old[:first])
    assert np.array_equal(new[last + 2 :], old[last + 2 :])


@pytest.mark.parametrize(
    ("stretches", "silent"),
    [([(0.0, 6.0)], (5.0, 6.0)), ([(17.0, 99.0)], (17.0, 18.0)), ([(0.0, 99.0)], (5.0, 18.0))],
)
def test_stretches_over_the_edges(
    tmp_path: Path, sounds: Any, stretches: list[Any], silent: tuple[float, float]
) -> None:
    clip = cut(tmp_path, sounds, "wav-16")
    target = tmp_path / "b"
    target.mkdir()
    made = silence_clip(clip, tmp_path / "clips", stretches, target)
    new = levels(decoded(target / made.file))
    at = np.arange(len(new)) / 20 + clip.start_s
    inside = (at > silent[0]) & (at < silent[1] - 0.1)
    assert inside.any()
    assert new[inside].max() < 0.001


def test_a_clip_without_a_number_is_copied(tmp_path: Path, sounds: Any) -> None:
    clip = cut(tmp_path, sounds)
    target = tmp_path / "b"
    target.mkdir()
    assert silence_clip(clip, tmp_path / "clips", [(1.0, 2.0), (25.0, 26.0)], target) == clip
    for name in (clip.file, clip.listening):
        assert (target / name).read_bytes() == (tmp_path / "clips" / name).read_bytes()


def test_a_clip_that_was_changed_is_refused(tmp_path: Path, sounds: Any) -> None:
    clip = cut(tmp_path, sounds)
    target = tmp_path / "b"
    target.mkdir()
    path = tmp_path / "clips" / clip.listening
    path.write_bytes(path.read_bytes() + b"\0")
    with pytest.raises(RecordingError, match="not as it was cut"):
        silence_clip(clip, tmp_path / "clips", [], target)
    path = tmp_path / "clips" / clip.file
    path.write_bytes(path.read_bytes() + b"\0")
    with pytest.raises(RecordingError, match="not as it was cut"):
        silence_clip(clip, tmp_path / "clips", [(11.0, 12.0)], target)
    assert list(target.iterdir()) == []


@pytest.mark.parametrize("stretches", [[], [(11.0, 12.0)]], ids=["copied", "silenced"])
def test_folder_that_is_not_there(tmp_path: Path, sounds: Any, stretches: list[Any]) -> None:
    clip = cut(tmp_path, sounds)
    with pytest.raises(OutputError, match="cannot write"):
        silence_clip(clip, tmp_path / "clips", stretches, tmp_path / "没有")


@pytest.mark.parametrize("stretches", [[], [(11.0, 12.0)]], ids=["copied", "silenced"])
def test_full_disk_leaves_nothing(tmp_path: Path, sounds: Any, stretches: list[Any]) -> None:
    resource = pytest.importorskip("resource")
    clip = cut(tmp_path, sounds, "wav-16")
    target = tmp_path / "b"
    target.mkdir()
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, before[1]))
    try:
        with pytest.raises(OutputError, match="cannot write"):
            silence_clip(clip, tmp_path / "clips", stretches, target)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert list(target.iterdir()) == []


def test_a_whole_case(tmp_path: Path, sounds: Any) -> None:
    clip = cut(tmp_path, sounds)
    base = report(
        (("A", "collector", "x"), ("B", "debtor", "打13900001234"), ("A", "collector", "你等着")),
        (("F1", "threat", "exposure", ("U2",)),),
    )
    one = dataclasses.replace(item(base), clips={"F1": clip})
    target = tmp_path / "b"
    target.mkdir()
    before = case(one, folder=tmp_path)
    done = redacted_with_clips(before, (), target)
    assert done.redacted
    made = done.items[0].clips["F1"]
    assert {p.name for p in target.iterdir()} == {made.file, made.listening}
    assert "已遮盖" in made.file
    assert "13900001234" not in repr(done)
    new = levels(decoded(target / made.file))
    at = np.arange(len(new)) / 20 + clip.start_s
    assert new[(at > 10.2) & (at < 14.0)].max() < 0.002  # the utterance lasts to 14.2 s
    assert new[at < 9.5].min() > 0.01
    assert before.items[0].clips["F1"] == clip
