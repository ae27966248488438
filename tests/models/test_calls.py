"""The corpus reader and its checks."""

import json
from pathlib import Path
from typing import Any

import pytest

from models import calls


def call(**changes: Any) -> dict[str, Any]:
    turns = [
        {"speaker": "collector", "text": "您好,我找江先生。", "labels": [], "subtypes": []},
        {"speaker": "debtor", "text": "你又来骗钱!", "labels": [], "subtypes": ["debtor_abuse"]},
        {
            "speaker": "collector",
            "text": "蠢猪,再不转钱我让你店开不成。",
            "labels": ["threat", "insult"],
            "subtypes": ["livelihood", "name_calling"],
        },
    ]
    base = {"call_id": "t-1", "kind": "debtor_call", "lang": "zh-Hans", "severity": "mixed"}
    return {**base, "turns": turns, **changes}


def test_a_good_call_passes() -> None:
    assert calls.check_call(call()) == []


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"kind": "fax"}, "kind is 'fax'"),
        ({"lang": "zh"}, "lang is 'zh'"),
        ({"severity": "nasty"}, "severity is 'nasty'"),
        ({"severity": "lawful"}, "a lawful call with labelled turns"),
        ({"turns": []}, "no labelled turn"),
    ],
)
def test_what_is_wrong_with_a_call_is_said(changes: dict[str, Any], said: str) -> None:
    assert any(said in message for message in calls.check_call(call(**changes)))


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"speaker": "robot"}, "turn 3: speaker is 'robot'"),
        ({"text": "  "}, "turn 3: no text"),
        ({"labels": ["rude"]}, "unknown label"),
        ({"subtypes": ["livelihood", "shouting"]}, "unknown sub-type ['shouting']"),
        ({"labels": ["threat"]}, "do not follow from sub-types"),
        ({"subtypes": ["livelihood"]}, "do not follow from sub-types"),
        ({"speaker": "debtor"}, "only the collector's turns are labelled"),
    ],
)
def test_what_is_wrong_with_a_turn_is_said(changes: dict[str, Any], said: str) -> None:
    wrong = call()
    wrong["turns"][2].update(changes)
    assert any(said in message for message in calls.check_call(wrong))


def test_repeated_turns_and_ids_are_found_short_ones_may_repeat() -> None:
    twin = call()
    found = calls.duplicates([call(), twin])
    assert found[0] == "t-1: used twice"
    assert [m for m in found if "stands also in" in m] == [
        "t-1: stands also in t-1: 蠢猪,再不转钱我让你店开不成。"
    ]


def test_a_broken_line_is_named(tmp_path: Path) -> None:
    path = tmp_path / "broken.jsonl"
    path.write_text(json.dumps(call()) + "\n\n{oops\n", "utf-8")
    with pytest.raises(SystemExit, match=r"broken\.jsonl, line 3: not JSON"):
        calls.read(path)


def test_files_are_read_in_the_order_of_their_names(tmp_path: Path) -> None:
    for name in ("b", "a"):
        text = json.dumps(call(call_id=name), ensure_ascii=False)
        (tmp_path / f"{name}.jsonl").write_text(text + "\n", "utf-8")
    assert [c["call_id"] for c in calls.load(tmp_path)] == ["a", "b"]


def test_every_subtype_has_the_label_of_the_classifier() -> None:
    from detector.labels import SUBTYPES

    assert {label: tuple(group) for label, group in SUBTYPES.items()} == calls.SUBTYPES


def test_the_corpus_keeps_the_rules() -> None:
    corpus = calls.load()
    assert [message for c in corpus for message in calls.check_call(c)] == []
    assert calls.duplicates(corpus) == []
    counts = calls.balance(corpus)
    assert counts["calls"] >= calls.MIN_CALLS
    assert counts["turns"] >= calls.MIN_TURNS
    assert all(counts["subtypes"][s] >= calls.MIN_SUBTYPE for s in calls.LABEL_OF)
    assert 0.4 <= counts["severity"]["lawful"] / counts["calls"] <= 0.6


def test_the_corpus_names_writers_and_profiles() -> None:
    writers: dict[str, set[str]] = {}
    for c in calls.load():
        writers.setdefault(c["profile"], set()).add(c["writer"])
    assert all(len(found) == 1 for found in writers.values())  # a fold keeps a profile whole
