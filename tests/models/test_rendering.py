"""Misheard sounds written as words."""

import random

from detector.pinyin import syllables
from models.rendering import homophones, render, words

SAID = "今天下午开会"


def test_homophones_share_their_folded_syllable() -> None:
    for sound, (group, counts) in homophones().items():
        assert len(group) == len(counts)
        assert {syllables(character)[0] for character in group} == {sound}


def test_words_are_found_by_their_sound() -> None:
    assert "天气" in [word for word, _ in words()["tian", "qi"]]
    for sounds, group in list(words().items())[:2000]:
        assert all(tuple(syllables(word)) == sounds for word, _ in group)


def test_what_is_written_sounds_like_what_was_heard() -> None:
    sounds = syllables(SAID)
    for seed in range(40):
        heard = render(sounds, [""] * len(SAID), list(SAID), random.Random(seed))
        assert syllables(heard) == sounds


def test_characters_heard_rightly_stay_and_others_mostly_change() -> None:
    kept = ["今", "天", "", "", "开", "会"]
    drawn = [render(syllables(SAID), kept, list(SAID), random.Random(seed)) for seed in range(100)]
    assert {text[:2] + text[4:] for text in drawn} == {"今天开会"}
    assert sum("下午" in text for text in drawn) < 60


def test_known_words_are_written_more_often_than_odd_characters() -> None:
    drawn = [render(["tian", "qi"], ["", ""], ["田", "其"], random.Random(s)) for s in range(60)]
    known = {word for word, _ in words()["tian", "qi"]}
    assert sum(text in known for text in drawn) > 40


def test_nothing_gives_nothing() -> None:
    assert render([], [], [], random.Random(0)) == ""
