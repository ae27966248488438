"""Words become utterances: cut at pauses and where the speaker changes."""

import numpy as np
import pytest

from detector.speakers import FRAME_S, Diarization
from detector.transcript import Word
from detector.utterances import Spoken, Turns, cut, label_words, merge


def words(*places: tuple[str, float, float]) -> list[Word]:
    return [Word(text, start, end, 0.9) for text, start, end in places]


def run(start: float, text: str, step: float = 0.25) -> list[Word]:
    """Return one word a character without pauses."""
    return [Word(c, start + i * step, start + (i + 1) * step, 0.9) for i, c in enumerate(text)]


def texts(spoken: list[Spoken]) -> list[tuple[str, str]]:
    return [(item.speaker, item.text) for item in spoken]


@pytest.mark.parametrize(("pause", "count"), [(0.0, 1), (0.3, 1), (1.1, 1), (1.3, 2), (30.0, 2)])
def test_pauses_cut(pause: float, count: int) -> None:
    said = [*run(0, "你好"), *run(0.5 + pause, "再见")]
    assert len(cut(said, ["A"] * 4)) == count


def test_change_of_speaker_cuts_without_a_pause() -> None:
    said = run(0, "在吗在的好的")
    assert texts(cut(said, list("AABBAA"))) == [("A", "在吗"), ("B", "在的"), ("A", "好的")]


def test_punctuation_alone_does_not_cut() -> None:
    assert len(cut(run(0, "你好。在吗?请讲!"), ["A"] * 9)) == 1


def test_long_speech_is_cut_at_a_short_pause() -> None:
    said = [*run(0, "说" * 52), *run(13.5, "话" * 8)]
    assert [item.start_s for item in cut(said, ["A"] * 60)] == [0, 13.5]


def test_endless_speech_is_cut_anyway() -> None:
    spoken = cut(run(0, "说" * 400), ["A"] * 400)
    assert len(spoken) > 3
    assert max(item.end_s - item.start_s for item in spoken) <= Turns().max_length_s + 0.5
    assert "".join(item.text for item in spoken) == "说" * 400


def test_a_word_stretched_over_a_pause_does_not_hide_it() -> None:
    said = words(("好", 0.0, 0.3), ("的", 0.3, 9.0), ("喂", 9.1, 9.4))
    assert texts(cut(said, ["A"] * 3)) == [("A", "好的"), ("A", "喂")]


def test_nothing() -> None:
    assert cut([], []) == []
    assert merge([[], []]) == []


@pytest.mark.parametrize(
    ("parts", "expected"),
    [
        (["你", "好"], "你好"),
        (["加", "VX", "abc", "123"], "加VX abc 123"),
        (["OK", "吗"], "OK吗"),
        (["hello", ",", "world"], "hello,world"),
    ],
)
def test_text(parts: list[str], expected: str) -> None:
    said = [Word(part, i, i + 1, 0.9) for i, part in enumerate(parts)]
    assert Spoken("A", tuple(said)).text == expected


def test_times_of_an_utterance() -> None:
    spoken = Spoken("A", tuple(words(("a", 1.0, 3.0), ("b", 2.0, 2.5))))
    assert (spoken.start_s, spoken.end_s) == (1.0, 3.0)


def test_channels_merge_in_order_and_overlaps_are_marked() -> None:
    left = [Spoken("L", tuple(run(0, "一二三四"))), Spoken("L", tuple(run(10, "五六七八")))]
    right = [Spoken("R", tuple(run(3, "甲乙丙丁"))), Spoken("R", tuple(run(10.5, "戊己庚辛")))]
    merged = merge([left, right])
    assert [(item.speaker, item.start_s) for item in merged] == [
        ("L", 0), ("R", 3), ("L", 10), ("R", 10.5),
    ]  # fmt: skip
    assert [item.overlapped for item in merged] == [False, False, True, True]


def test_touching_is_no_overlap() -> None:
    merged = merge([[Spoken("L", tuple(run(0, "一二")))], [Spoken("R", tuple(run(0.4, "甲乙")))]])
    assert [item.overlapped for item in merged] == [False, False]


# ---------------------------------------------------------------- who says a word


def diarization(seconds: float, *spoken: tuple[int, float, float]) -> Diarization:
    speakers = 1 + max(who for who, _, _ in spoken)
    activity = np.zeros((round(seconds / FRAME_S), speakers), np.float32)
    for who, start, end in spoken:
        activity[round(start / FRAME_S) : round(end / FRAME_S), who] = 1
    return Diarization(activity, 0.5)


def test_words_go_to_who_is_active() -> None:
    who = diarization(10, (0, 0.0, 2.0), (1, 2.0, 4.0), (0, 5.0, 6.0))
    said = [*run(0, "一二三四五六七八"), *run(2, "甲乙丙丁戊己庚辛"), *run(5, "九十百千")]
    assert label_words(said, who) == [0] * 8 + [1] * 8 + [0] * 4


def test_words_where_nobody_is_active_go_to_the_nearest() -> None:
    who = diarization(10, (0, 0.0, 2.0), (1, 3.0, 4.0))
    said = words(("a", 0.5, 1.0), ("b", 2.1, 2.2), ("c", 2.8, 2.9), ("d", 3.1, 3.4))
    assert label_words(said, who) == [0, 0, 1, 1]


def test_one_word_in_the_middle_of_a_run_is_not_another_speaker() -> None:
    who = diarization(10, (0, 0.0, 1.0), (1, 1.0, 1.25), (0, 1.25, 2.0))
    assert label_words(run(0, "一二三四五六七八"), who) == [0] * 8


def test_an_answer_between_pauses_is_another_speaker() -> None:
    who = diarization(10, (0, 0.0, 1.0), (1, 1.5, 1.9), (0, 2.5, 3.0))
    said = words(("问", 0.5, 1.0), ("嗯", 1.5, 1.9), ("再", 2.5, 3.0))
    assert label_words(said, who) == [0, 1, 0]


def test_words_before_and_after_everything() -> None:
    who = diarization(3, (0, 1.0, 2.0), (1, 2.0, 2.5))
    labels = label_words(words(("a", 0.0, 0.1), ("b", 1.2, 1.8), ("c", 50.0, 50.2)), who)
    assert labels == [0, 0, 0]
