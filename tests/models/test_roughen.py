"""Text as a recogniser would mishear it."""

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from detector.pinyin import syllables
from models.confusion import NOTHING_ALIKE, cost
from models.roughen import PUNCTUATION, roughen, roughen_call

TEXT = "您那笔装修贷款还有八千四没到账,周五之前能不能先处理一部分?"
CALL = {
    "call_id": "r-1",
    "kind": "debtor_call",
    "turns": [
        {"speaker": "collector", "text": TEXT, "labels": [], "subtypes": []},
        {"speaker": "debtor", "text": "嗯。", "labels": [], "subtypes": []},
    ],
}


def test_the_same_seed_gives_the_same_text() -> None:
    assert roughen_call(CALL, 7) == roughen_call(CALL, 7)
    assert roughen_call(CALL, 7) != roughen_call(CALL, 8)


def test_only_the_text_changes_and_the_original_stays() -> None:
    rough = roughen_call(CALL, 3)
    assert CALL["turns"][0]["text"] == TEXT
    assert [{**turn, "text": ""} for turn in rough["turns"]] == [
        {**turn, "text": ""} for turn in CALL["turns"]
    ]


def test_at_rate_zero_only_punctuation_goes() -> None:
    said = "".join(c for c in roughen(TEXT, 0.0, random.Random(1)) if c not in PUNCTUATION + " ")
    assert said == "".join(c for c in TEXT if c not in PUNCTUATION)


def test_many_replaced_characters_sound_alike_and_the_others_somewhat() -> None:
    text = TEXT.replace(",", "").replace("?", "")
    same = near = wrong = 0
    for seed in range(200):
        heard = roughen(text, 0.5, random.Random(seed))
        if len(heard) != len(text):  # something lost
            continue
        for said, got in zip(text, heard, strict=True):
            a, b = syllables(said)[0], syllables(got)[0]
            wrong += said != got
            same += said != got and a == b
            near += a != b and cost(a, b) < NOTHING_ALIKE
    assert 0.2 < same / wrong < 0.75
    assert near > 0


@pytest.mark.parametrize(("rate", "least", "most"), [(0.1, 0.0, 0.2), (0.45, 0.2, 0.6)])
def test_the_rate_is_about_the_share_that_differs(rate: float, least: float, most: float) -> None:
    text = TEXT.replace(",", "").replace("?", "")
    rng = random.Random(5)
    heard = [roughen(text, rate, rng) for _ in range(200)]
    differ = sum(a != b for h in heard if len(h) == len(text) for a, b in zip(h, text, strict=True))
    whole = len(text) * sum(len(h) == len(text) for h in heard)
    assert least < differ / whole < most


@given(st.text(max_size=40), st.floats(0, 1), st.integers(0, 9))
def test_any_text_survives(text: str, rate: float, seed: int) -> None:
    heard = roughen(text, rate, random.Random(seed))
    assert heard or not text.strip()
