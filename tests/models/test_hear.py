"""Recognised words go to the turn in which they were said."""

import json
from pathlib import Path

import pytest

from detector.listen import Channel, Heard
from detector.transcript import Word
from models import hear

SAMPLES = Path(__file__).parents[2] / "samples"


def word(text: str, start: float, channel: int = 0) -> Word:
    return Word(text, start, start + 0.4, 0.9, channel)


TURNS = [
    {"speaker": "collector", "text": "喂你好", "start": 1.0, "end": 2.0},
    {"speaker": "debtor", "text": "哪位", "start": 2.2, "end": 3.0},
    {"speaker": "collector", "text": "还钱", "start": 9.0, "end": 10.0},
]


def test_words_go_to_the_turn_in_which_they_stand() -> None:
    words = [word("喂", 1.0), word("你好", 1.5), word("哪位", 2.3), word("嗯", 6.0)]
    texts = hear.align({"turns": TURNS}, Heard([Channel(words)]))
    assert texts == ["喂你好", "哪位", ""]


def test_a_channel_only_says_what_its_speaker_said() -> None:
    left = Channel([word("喂", 1.0), word("在", 2.3)])
    right = Channel([word("哪位", 2.3, 1)])
    call = {"turns": TURNS, "collector_channel": "left"}
    assert hear.align(call, Heard([left, right])) == ["喂在", "哪位", ""]
    call = {"turns": TURNS, "collector_channel": "right"}
    assert hear.align(call, Heard([right, left])) == ["喂在", "哪位", ""]


def test_labels_stay_and_what_was_not_heard_has_a_sign() -> None:
    call = {"call_id": "x", "turns": [{**t, "labels": ["threat"]} for t in TURNS]}
    made = hear.joined(call, {"heard": ["为你好", "", "害钱"]})
    assert [turn["text"] for turn in made["turns"]] == ["为你好", "…", "害钱"]
    assert all(turn["labels"] == ["threat"] and "start" not in turn for turn in made["turns"])


@pytest.mark.slow
def test_a_sample_is_heard_once_and_never_again(tmp_path: Path) -> None:
    truth = next(iter(sorted(SAMPLES.glob("*.json"))))
    folder = tmp_path / "spoken"
    folder.mkdir()
    for path in SAMPLES.glob(f"{truth.stem}.*"):
        (folder / path.name).write_bytes(path.read_bytes())
    out, calls = tmp_path / "heard.jsonl", tmp_path / "calls.jsonl"
    assert hear.main([str(folder), "-o", str(out), "--calls", str(calls)]) == 0
    once = out.read_text("utf-8")
    assert hear.main([str(folder), "-o", str(out)]) == 0
    assert out.read_text("utf-8") == once
    record, call = json.loads(once), json.loads(calls.read_text("utf-8"))
    assert len(record["heard"]) == len(call["turns"])
    assert sum(turn["text"] != "…" for turn in call["turns"]) > len(call["turns"]) / 2
