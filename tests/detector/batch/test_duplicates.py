"""The same call in two formats is known by its sound; different calls never are."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from detector.audio import RATE, Decoder, open_recording
from detector.batch.discover import FoundFile
from detector.batch.duplicates import find_alike, group, listed
from detector.batch.ledger import Result
from detector.batch.plan import Unit
from detector.batch.sound import FRAME_S, compare, fingerprint, unpack

SAMPLES = Path(__file__).parents[3] / "samples"
CALLS = ("abusive_debtor.m4a", "mixed_debtor.amr", "third_party_neutral.ogg")


def heard(path: Path) -> Any:
    return np.concatenate([b.mean(axis=0) for b in Decoder(open_recording(path))])


@pytest.fixture(scope="module")
def prints(tmp_path_factory: pytest.TempPathFactory, sounds: Any) -> dict[str, bytes]:
    """Fingerprints of three calls, as they are and in other forms."""
    folder = tmp_path_factory.mktemp("sounds")
    made = {}
    for name in CALLS:
        samples = heard(SAMPLES / name)
        made[f"{name}|0"] = fingerprint(open_recording(SAMPLES / name))
        cut = 0.3 * samples[round(1.237 * RATE) :]
        noise = np.random.default_rng(1).normal(0, 0.003, len(cut)).astype(np.float32)
        for number, (form, sound) in enumerate((("mp3", cut), ("wav-mulaw", cut + noise)), 1):
            rate = 8_000 if form == "wav-mulaw" else RATE
            told = sound if rate == RATE else sound[: len(sound) // 2 * 2].reshape(-1, 2).mean(1)
            path = sounds.encode(folder / f"{name}{number}", form, told[None], rate)
            made[f"{name}|{number}"] = fingerprint(open_recording(path))
    return made


def test_the_same_call_is_found_in_every_form_and_no_other(prints: dict[str, bytes]) -> None:
    pairs = find_alike(lambda: sorted(prints.items()), prints.__getitem__)
    found = {(pair.first, pair.second) for pair in pairs}
    assert found == {
        (f"{name}|{a}", f"{name}|{b}") for name in CALLS for a, b in ((0, 1), (0, 2), (1, 2))
    }
    for pair in pairs:
        assert pair.match.agreement > 0.78 and pair.match.covered > 0.95
        if pair.first.endswith("|0"):
            assert pair.match.offset_s == pytest.approx(1.237, abs=2 * FRAME_S)


def test_different_calls_agree_by_chance(prints: dict[str, bytes]) -> None:
    first, second = (unpack(prints[f"{name}|0"]) for name in CALLS[:2])
    assert first and second
    match = compare(first, second, 0)
    assert match and 0.4 < match.agreement < 0.6


def test_calls_with_the_same_announcement_first_are_two_calls(
    prints: dict[str, bytes],
) -> None:
    one, other = (unpack(prints[f"{name}|0"]) for name in CALLS[:2])
    assert one and other
    length = min(len(one.codes), len(other.codes))
    half = length // 2
    mixed = replace(
        other,
        codes=np.r_[one.codes[:half], other.codes[half:]],
        loud=np.r_[one.loud[:half], other.loud[half:]],
    )
    match = compare(one, mixed, 0)
    assert match and match.agreement > 0.7 and match.alike < 0.8


def test_silence_and_short_sounds_have_nothing_to_compare(tmp_path: Path, sounds: Any) -> None:
    silent = sounds.encode(tmp_path / "a.wav", "wav-16", np.zeros((1, 5 * RATE), "f4"), RATE)
    short = sounds.encode(tmp_path / "b.wav", "wav-16", sounds.tone(0.5)[None], RATE)
    data = fingerprint(open_recording(silent))
    assert fingerprint(open_recording(short)) == b""
    assert not find_alike(lambda: [("a", data), ("b", data), ("c", b"")], lambda _: data)


def test_what_another_version_made_is_not_read(prints: dict[str, bytes]) -> None:
    data = prints[f"{CALLS[0]}|0"]
    assert unpack(data) and unpack(b"\x09" + data[1:]) is None and unpack(data[:-1]) is None


def unit(sha: str, start: str | None, reliability: str | None = "medium") -> Unit:
    entry = {"start": {"value": start, "reliability": reliability if start else None}}
    result = Result(sha, "done", entry=entry)
    return Unit(FoundFile(f"{sha}.amr", 1, 1, 1), sha, sha, result=result)


@pytest.mark.parametrize(
    ("first", "second", "merged"),
    [
        (None, None, True),
        ("2025-06-01T10:00:00+08:00", None, True),
        ("2025-06-01T10:00:00+08:00", "2025-06-01T10:01:00+08:00", True),
        ("2025-06-01T10:00:00+08:00", "2025-06-01T18:00:40+08:00", True),  # UTC as local time
        ("2025-06-01T10:00:00+08:00", "2025-06-01T12:00:00+08:00", False),
    ],
)
def test_the_same_sound_at_different_times_is_an_announcement(
    prints: dict[str, bytes], first: str | None, second: str | None, merged: bool
) -> None:
    names = (f"{CALLS[0]}|0", f"{CALLS[0]}|1")
    pairs = find_alike(lambda: [(n, prints[n]) for n in names], prints.__getitem__)
    shown, groups = listed([unit(names[0], first), unit(names[1], second)], pairs)
    assert [entry["merged"] for entry in shown] == [merged]
    assert groups == ([list(names)] if merged else [])
    assert ("未合并" in shown[0]["text"]) is not merged


def test_pairs_hold_groups_together() -> None:
    assert group([("d", "e"), ("a", "b"), ("b", "c")]) == [["a", "b", "c"], ["d", "e"]]
