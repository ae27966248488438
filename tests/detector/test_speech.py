"""Regions of speech from a stream, and windows whose times lead back to the recording."""

from itertools import pairwise

import numpy as np
import pytest
from numpy.typing import NDArray

from detector import speech
from detector.audio import RATE
from detector.speech import FRAME, Region, SpeechOptions, SpeechStream, Window, WindowPacker


class Loudness:
    """Stands in for the network: whatever is loud is speech."""

    def __call__(self, frames: NDArray[np.float32]) -> NDArray[np.float32]:
        return np.abs(frames).max(axis=1)


NETWORK = speech._Probabilities


@pytest.fixture(autouse=True)
def loud_is_speech(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(speech, "_Probabilities", Loudness)


OPTIONS = SpeechOptions(min_silence_s=0.5, pad_s=0.2, min_speech_s=0.1, max_region_s=10.0)


def recording(seconds: float, *spoken: tuple[float, float], level: float = 0.9) -> NDArray:
    samples = np.zeros(round(seconds * RATE), np.float32)
    for start, end in spoken:
        samples[round(start * RATE) : round(end * RATE)] = level
    return samples


def regions(samples: NDArray, block: int = RATE, options: SpeechOptions = OPTIONS) -> list[Region]:
    stream = SpeechStream(options)
    found: list[Region] = []
    for start in range(0, len(samples), block):
        found += stream.feed(samples[start : start + block])
    return [*found, *stream.finish()]


def times(found: list[Region]) -> list[tuple[float, float]]:
    return [(region.start / RATE, region.end / RATE) for region in found]


@pytest.mark.parametrize(
    ("spoken", "expected"),
    [
        ([(2.0, 3.0)], [(1.8, 3.2)]),
        ([(2.0, 3.0), (3.2, 4.0)], [(1.8, 4.2)]),
        ([(2.0, 3.0), (5.0, 6.0)], [(1.8, 3.2), (4.8, 6.2)]),
        ([(0.0, 1.0)], [(0.0, 1.2)]),
        ([(7.0, 8.0)], [(6.8, 8.0)]),
        ([(2.0, 2.05)], []),
        ([], []),
    ],
    ids=["one", "short-pause", "long-pause", "at-start", "at-end", "click", "silence"],
)
def test_regions(spoken: list[tuple[float, float]], expected: list[tuple[float, float]]) -> None:
    found = times(regions(recording(8.0, *spoken)))
    assert len(found) == len(expected)
    for (start, end), (first, last) in zip(found, expected, strict=True):
        assert start == pytest.approx(first, abs=0.04)
        assert end == pytest.approx(last, abs=0.04)


@pytest.mark.parametrize("block", [100, FRAME, 1_600, 7_777, RATE, 10 * RATE])
def test_block_size_does_not_matter(block: int) -> None:
    samples = recording(20.0, (0.5, 1.7), (2.9, 3.0), (4.0, 9.0), (11.0, 12.5), (18.9, 20.0))
    assert times(regions(samples, block)) == times(regions(samples))


def test_samples_of_a_region_are_those_of_the_recording() -> None:
    samples = np.random.default_rng(0).uniform(-0.2, 0.2, 12 * RATE).astype(np.float32)
    samples[3 * RATE : 5 * RATE] *= 4.5
    samples[8 * RATE : 9 * RATE] *= 4.5
    found = regions(samples, 999)
    assert len(found) == 2
    for region in found:
        assert np.array_equal(region.samples, samples[region.start : region.end])


def test_endless_speech_is_cut_at_its_quietest_place() -> None:
    samples = recording(14.0, (0.5, 14.0))
    samples[8 * RATE : round(8.1 * RATE)] = 0.6  # a dip that is still speech
    found = times(regions(samples))
    assert len(found) == 2
    assert found[0][1] == pytest.approx(8.0, abs=0.15)
    assert found[1][0] == pytest.approx(found[0][1], abs=0.05)
    assert all(end - start <= OPTIONS.max_region_s + 0.5 for start, end in found)


def test_what_is_left_of_endless_speech_is_speech() -> None:
    samples = recording(12.0, (0.5, 10.6))
    samples[6 * RATE : round(6.1 * RATE)] = 0.6
    found = regions(samples)
    assert [round(end) for _, end in times(found)] == [6, 11]
    assert [region.doubtful for region in found] == [False, False]


def test_the_unsure_end_of_a_sentence_is_heard() -> None:
    samples = recording(12.0, (1.0, 3.0)) + recording(12.0, (3.2, 5.0), level=0.4)
    assert times(regions(samples)) == [pytest.approx((0.8, 5.2), abs=0.04)]


def test_what_is_hardly_sure_anywhere_is_doubtful() -> None:
    samples = recording(12.0, (1.0, 9.0), level=0.4)
    assert [region.doubtful for region in regions(samples)] == [True]
    samples[4 * RATE : 6 * RATE] = 0.6
    assert [region.doubtful for region in regions(samples)] == [False]
    unsure, sure = (Region(0, np.zeros(RATE, np.float32), doubtful) for doubtful in (True, False))
    packer = WindowPacker(0)
    for together, doubtful in (([unsure], True), ([unsure] * 2, True), ([unsure, sure], False)):
        assert not any(list(packer.add(region)) for region in together)
        assert [window.doubtful for window in packer.finish()] == [doubtful]


def test_regions_never_overlap_nor_go_back() -> None:
    generator = np.random.default_rng(7)
    levels = np.repeat(generator.choice([0.0, 0.4, 0.9], 400), RATE // 10)
    found = times(regions(levels.astype(np.float32), 3_333))
    assert len(found) > 3
    for (_, end), (start, _) in pairwise(found):
        assert start >= end


def test_memory_stays_small_in_a_long_silence_and_a_long_speech() -> None:
    stream = SpeechStream(OPTIONS)
    for level in (0.0, 0.9):
        for _ in range(120):
            list(stream.feed(np.full(RATE, level, np.float32)))
            assert len(stream._held) <= (OPTIONS.max_region_s + 3) * RATE


@pytest.mark.parametrize("kind", ["silence", "hiss", "hum"])
def test_network_hears_no_speech_where_there_is_none(
    kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(speech, "_Probabilities", NETWORK)
    at = np.arange(6 * RATE) / RATE
    samples = {
        "silence": np.zeros(len(at)),
        "hiss": 0.01 * np.random.default_rng(0).standard_normal(len(at)),
        "hum": 0.1 * np.sin(2 * np.pi * 50 * at),
    }[kind]
    assert regions(samples.astype(np.float32), options=SpeechOptions()) == []


def test_network_remembers_what_it_heard_before() -> None:
    frames = np.random.default_rng(0).uniform(-0.5, 0.5, (40, FRAME)).astype(np.float32)
    whole, parts = NETWORK(), NETWORK()
    pieces = [parts(frames[start:end]) for start, end in ((0, 1), (1, 17), (17, 40))]
    assert np.concatenate(pieces) == pytest.approx(whole(frames), abs=1e-4)


# ---------------------------------------------------------------- windows


def _region(start_s: float, seconds: float) -> Region:
    start, count = round(start_s * RATE), round(seconds * RATE)
    return Region(start, np.arange(start, start + count, dtype=np.float32))


def _packed(found: list[Region]) -> list[Window]:
    packer = WindowPacker(1, max_window_s=28.0, gap_s=0.3)
    windows = [window for region in found for window in packer.add(region)]
    return [*windows, *packer.finish()]


def test_windows_are_filled_but_never_too_long() -> None:
    windows = _packed([_region(10 * n, 8.0) for n in range(9)])
    assert [len(window.map) for window in windows] == [3, 3, 3]
    assert all(len(window.samples) <= 28 * RATE for window in windows)
    assert {window.channel for window in windows} == {1}


def test_every_sample_of_a_window_leads_back_to_its_place() -> None:
    (window,) = _packed([_region(3.0, 2.0), _region(100.0, 4.0), _region(3_600.5, 1.0)])
    for offset, start, length in window.map:
        part = window.samples[offset : offset + length]
        assert np.array_equal(part, np.arange(start, start + length, dtype=np.float32))
        for inside in (0, length // 3, length - 1):
            seconds = (offset + inside) / RATE
            assert window.original_time(seconds) == pytest.approx((start + inside) / RATE)


@pytest.mark.parametrize(
    ("time_s", "expected"),
    [
        (0.0, 3.0),
        (1.9, 4.9),
        (2.1, 5.0),  # in the gap, nearer to what was before
        (2.25, 100.0),  # in the gap, nearer to what comes after
        (2.3, 100.0),
        (6.0, 103.7),
        (99.0, 104.0),  # the recogniser may name times beyond the window
        (-1.0, 3.0),
    ],
)
def test_times_in_a_window(time_s: float, expected: float) -> None:
    (window,) = _packed([_region(3.0, 2.0), _region(100.0, 4.0)])
    assert window.original_time(time_s) == pytest.approx(expected)


@pytest.mark.parametrize(
    ("start_s", "end_s", "expected"),
    [
        (0.5, 1.0, (3.5, 4.0)),
        (2.4, 3.0, (100.1, 100.7)),
        (1.9, 2.8, (100.0, 100.5)),  # drawn back over the pause: it is said after it
        (1.5, 2.4, (4.5, 5.0)),  # drawn on over the pause: it is said before it
    ],
)
def test_a_word_never_spans_a_pause(
    start_s: float, end_s: float, expected: tuple[float, float]
) -> None:
    (window,) = _packed([_region(3.0, 2.0), _region(100.0, 4.0)])
    assert window.original_span(start_s, end_s) == pytest.approx(expected)


def test_times_never_run_backwards() -> None:
    (window,) = _packed([_region(5.0 * n, 1.7) for n in range(1, 9)])
    found = [window.original_time(t) for t in np.arange(0, 20, 0.01)]
    assert found == sorted(found)


def test_nothing_gives_no_window() -> None:
    assert _packed([]) == []
