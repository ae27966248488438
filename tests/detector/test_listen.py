"""Awkward recordings: who speaks is still told apart, and the report says what is odd.

The recogniser is a stand-in that hears a word in every third of a second of speech.
"""

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import zip_longest
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from detector import transcript
from detector.audio import RATE, Decoder, open_recording
from detector.caveats import caveats
from detector.listen import Heard, listen
from detector.report import Speaker, Utterance
from detector.scan import told_apart
from detector.speech import Window
from detector.survey import survey
from detector.transcript import Word
from detector.utterances import Spoken

SAMPLES = Path(__file__).parent.parent.parent / "samples"
Sound = NDArray[np.float32]
WORD_S = 0.33
CALL, ANOTHER = "lawful_debtor", "third_party_disclosure"
HALF_S = 39.67  # the call is between two turns there


class EveryWord:
    """Hears a word in every third of a second of what speech activity lets through."""

    workers = 1

    def __call__(self, windows: Sequence[Window], _change: Any = None) -> list[transcript.Heard]:
        return [transcript.Heard(self._words(window), language="zh") for window in windows]

    def _words(self, window: Window) -> list[Word]:
        words = []
        for _, start, length in window.map:
            for at in np.arange(start / RATE, (start + length) / RATE - WORD_S, WORD_S).tolist():
                words.append(Word("话", at, at + WORD_S, 0.9, window.channel))
        return words


@dataclass(frozen=True)
class Told:
    """What became of a recording."""

    heard: Heard
    spoken: list[Spoken]
    channels: dict[str, str | None]
    warnings: str

    def who(self, start_s: float, end_s: float) -> str:
        """Return who speaks most between two times."""
        said: dict[str, float] = {}
        for item in self.spoken:
            shared = min(end_s, item.end_s) - max(start_s, item.start_s)
            said[item.speaker] = said.get(item.speaker, 0.0) + max(0.0, shared)
        return max(said, key=lambda name: said[name])


@pytest.fixture
def told(tmp_path: Path, sounds: Any) -> Callable[[Sound], Told]:
    def run(samples: Sound) -> Told:
        path = sounds.encode(tmp_path / "x.wav", "wav-16", np.atleast_2d(samples), RATE)
        recording = open_recording(path)
        layout = survey(recording)
        recogniser: Any = EveryWord()
        heard = listen(recording, layout, recogniser)
        spoken, channels = told_apart(heard)
        speakers = [Speaker(n, "unknown", 0.5, "inferred", c, 1.0) for n, c in channels.items()]
        utterances = [
            Utterance(f"U{i}", s.start_s, s.end_s, s.speaker, "unknown", s.text, s.text,
                      s.overlapped, (), {})
            for i, s in enumerate(spoken)
        ]  # fmt: skip
        warnings = caveats(recording, layout.layout, heard, utterances, speakers)
        return Told(heard, spoken, channels, "\n".join(warnings))

    return run


@cache
def sample(name: str) -> tuple[Sound, list[dict[str, Any]]]:
    """Return a sample's samples (channels, n) and its true turns."""
    call = json.loads((SAMPLES / f"{name}.json").read_text("utf-8"))
    blocks = list(Decoder(open_recording(SAMPLES / call["audio"])))
    return np.concatenate(blocks, axis=1), call["turns"]


@cache
def mono() -> Sound:
    """The first eight turns of a call, in one channel."""
    return sample(CALL)[0][0, : round(HALF_S * RATE)]


@cache
def stereo() -> Sound:
    """The whole call, the collector on the left."""
    whole, said = sample(CALL)
    at = np.arange(whole.shape[1]) / RATE
    left = np.zeros(len(at), bool)
    for turn in said:
        if turn["speaker"] == "collector":
            left |= (at > turn["start"] - 0.1) & (at < turn["end"] + 0.1)
    return whole[0] * np.stack([left, ~left]) + hiss(len(at), 0.0005)


def turns(until_s: float = HALF_S) -> Iterator[tuple[float, float, str]]:
    for turn in sample(CALL)[1]:
        if turn["start"] < until_s:
            yield turn["start"], min(turn["end"], until_s), turn["speaker"]


def agrees(told: Told, shift_s: float = 0.0, until_s: float = HALF_S) -> bool:
    """Tell whether the turns of the sample are given to the same two voices as in truth."""
    pairs = {(who, told.who(start + shift_s, end + shift_s)) for start, end, who in turns(until_s)}
    return len(pairs) == 2 and len({voice for _, voice in pairs}) == 2


def hiss(count: int, level: float) -> Sound:
    return (np.random.default_rng(0).standard_normal(count) * level).astype(np.float32)


def test_a_plain_call_has_two_voices_and_nothing_odd(told: Callable[[Sound], Told]) -> None:
    found = told(mono())
    assert agrees(found)
    assert set(found.channels) == {"A", "B"}
    assert "roles unclear" in found.warnings  # the stand-in's words tell nothing
    assert found.warnings.count("\n") == 0


@pytest.mark.parametrize("gain", [1.0, 0.5, 0.2, -1.0])
def test_the_same_on_both_channels_is_one_channel(
    told: Callable[[Sound], Told], gain: float
) -> None:
    other = gain * mono() + hiss(len(mono()), 0.0005)
    found = told(np.stack([mono(), other.astype(np.float32)]))
    assert agrees(found)
    assert set(found.channels.values()) == {None}
    assert "both channels hold the same" in found.warnings


def test_a_silent_channel_is_left_out(told: Callable[[Sound], Told]) -> None:
    found = told(np.stack([hiss(len(mono()), 1e-4), mono()]))
    assert agrees(found)
    assert "one channel is silent" in found.warnings


def test_channels_that_change_places_keep_their_people(told: Callable[[Sound], Told]) -> None:
    half = round(HALF_S * RATE)
    swapped = np.concatenate([stereo()[:, :half], stereo()[::-1, half:]], axis=1)
    found = told(swapped)
    assert agrees(found, until_s=70)
    assert "the channels change places" in found.warnings
    assert found.heard.swapped_s == pytest.approx(HALF_S, abs=1)
    straight = told(stereo())
    assert agrees(straight, until_s=70)
    assert straight.heard.swapped_s is None
    assert "change places" not in straight.warnings


def test_waiting_music_and_ringing_are_nobody(told: Callable[[Sound], Told]) -> None:
    at = np.arange(15 * RATE) / RATE
    ringing = 0.2 * np.sin(2 * np.pi * 450 * at) * (at % 5 < 1)
    notes = 220 * 2 ** (np.array([0, 4, 7, 12, 7, 4, 9, 5]) / 12)
    pitch = notes[(at / 0.5).astype(int) % len(notes)]
    music = 0.2 * np.exp(-3 * (at % 0.5)) * np.sin(2 * np.pi * pitch * at)
    found = told(np.concatenate([ringing, music, mono()]).astype(np.float32))
    assert agrees(found, shift_s=30.0)
    assert len(found.channels) == 2
    assert "sounds without speech" in found.warnings
    (start, end), *_ = found.heard.sounds
    assert start < 1
    assert end == pytest.approx(30, abs=2.5)


def test_three_seconds(told: Callable[[Sound], Told]) -> None:
    found = told(mono()[: 3 * RATE])
    assert list(found.channels) == ["A"]
    assert "very short" in found.warnings
    assert "one voice only" in found.warnings


def test_one_voice(told: Callable[[Sound], Told]) -> None:
    only = np.concatenate(
        [mono()[round(s * RATE) : round(e * RATE)] for s, e, who in turns() if who == "collector"]
    )
    found = told(only)
    assert list(found.channels) == ["A"]
    assert "one voice only" in found.warnings


def parts_of(name: str, who: str, most: int = 99) -> list[Sound]:
    """Return what one person says in a sample, a part each turn."""
    whole, said = sample(name)
    theirs = [t for t in said if t["speaker"] == who][:most]
    mixed = whole.sum(axis=0)
    return [mixed[round(t["start"] * RATE) : round(t["end"] * RATE)] for t in theirs]


def joined(parts: list[Sound]) -> tuple[Sound, list[tuple[float, float]]]:
    """Return the parts one after another with a third of a second between, and when each is."""
    pause = np.zeros(RATE // 3, np.float32)
    ends = np.cumsum([len(part) + len(pause) for part in parts]) / RATE
    spans = [
        (end - (len(p) + len(pause)) / RATE, end - 1 / 3)
        for p, end in zip(parts, ends, strict=True)
    ]
    return np.concatenate([piece for part in parts for piece in (part, pause)]), spans


def test_a_voice_menu_is_a_voice_of_its_own(told: Callable[[Sound], Told]) -> None:
    menu, spans = joined(parts_of(ANOTHER, "third_party", most=4))
    found = told(np.concatenate([menu, mono()]))
    assert agrees(found, shift_s=len(menu) / RATE)
    assert {found.who(start, end) for start, end in spans} == {"A"}
    assert len(found.channels) == 3
    assert "more than two voices" in found.warnings


def test_a_call_handed_to_a_supervisor(told: Callable[[Sound], Told]) -> None:
    supervisor = parts_of(ANOTHER, "third_party", most=5)
    debtor = parts_of(CALL, "debtor", most=3)
    turns_ = [part for pair in zip_longest(supervisor, debtor) for part in pair if part is not None]
    after, spans = joined(turns_)
    found = told(np.concatenate([mono(), after]))
    assert agrees(found)
    assert len(found.channels) == 3
    assert "more than two voices" in found.warnings
    at_first = {who: found.who(start, end) for start, end, who in turns()}
    for part, (start, end) in zip(turns_, spans, strict=True):
        known = found.who(HALF_S + start, HALF_S + end)
        if any(part is one for one in debtor):
            assert known == at_first["debtor"]
        else:
            assert known not in at_first.values()


def far_off(sound: Sound) -> Sound:
    """Return what a telephone in a pocket records: an echoing room, muffled, faint, with noise."""
    generator = np.random.default_rng(0)
    at = np.arange(RATE // 2) / RATE
    room = generator.standard_normal(len(at)) * np.exp(-14 * at / 0.5)
    room[0] = 2.0
    size = len(sound) + len(room)
    shape = np.fft.rfft(sound, size) * np.fft.rfft(room / np.sqrt((room**2).sum()), size)
    shape *= 1 / np.sqrt(1 + (np.fft.rfftfreq(size, 1 / RATE) / 2500) ** 4)
    muffled = 0.05 * np.fft.irfft(shape, size)[: len(sound)]
    return (muffled + hiss(len(sound), 0.6 * float(np.sqrt(np.mean(muffled**2))))).astype(
        np.float32
    )


def test_a_home_visit_recorded_in_a_pocket(told: Callable[[Sound], Told]) -> None:
    third, spans = joined(parts_of(ANOTHER, "third_party"))
    found = told(far_off(np.concatenate([mono(), third])))
    assert len(found.channels) >= 2
    assert "faint or noisy" in found.warnings
    heard = sum(len(item.words) for item in found.spoken) * WORD_S
    assert heard > 0.6 * sum(end - start for start, end, *_ in (*turns(), *spans))
    if len(found.channels) > 2:
        assert "more than two voices" in found.warnings


def test_overlap_in_one_channel_is_marked(told: Callable[[Sound], Told]) -> None:
    first, second = (mono()[round(s * RATE) : round(e * RATE)] for s, e, _ in list(turns())[2:4])
    lead = len(first) - round(1.5 * RATE)
    both = np.zeros(lead + len(second), np.float32)
    both[: len(first)] += first
    both[lead:] += second
    joined = np.concatenate([mono(), np.zeros(RATE, np.float32), both])
    found = told(joined)
    clash = (len(mono()) + RATE + lead) / RATE
    marked = [s for s in found.spoken if s.overlapped]
    assert any(s.start_s < clash + 1.5 and s.end_s > clash for s in marked)
    assert not [s for s in marked if s.end_s < HALF_S]  # turns follow one another there


def test_speech_is_noticed_after_minutes_of_silence(told: Callable[[Sound], Told]) -> None:
    def words(found: Told) -> int:
        return sum(len(item.words) for item in found.spoken)

    silence = np.zeros(200 * RATE, np.float32)
    found = told(np.concatenate([silence, mono()]))
    assert agrees(found, shift_s=200.0)
    assert words(found) > 0.95 * words(told(mono()))
    assert "sounds without speech" not in found.warnings
