"""Reviewed calls as training data: what `models.train --extra` takes, and nothing undecided."""

import dataclasses
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from models.calls import check_call, read
from models.vectorise import listener_of

Run = Callable[..., Any]


@pytest.fixture
def write(tmp_path: Path, make_report: Run) -> Callable[..., Path]:
    def make(**changes: Any) -> Path:
        file = tmp_path / "报告.json"
        file.write_text(make_report(**changes).to_json(), "utf-8")
        return file

    return make


@pytest.fixture
def export(tmp_path: Path, detector: Run) -> Callable[..., Any]:
    """Export, and return the end of the command and the calls that `models.train` would read."""

    def run(path: Path, *words: str) -> tuple[Any, list[dict[str, Any]]]:
        target = tmp_path / "calls.jsonl"
        ended = detector("review", path, "--export", target, *words)
        calls = read(target) if target.exists() else []
        assert [fault for call in calls for fault in check_call(call)] == []
        return ended, calls

    return run


def test_confirmed_is_labelled_and_rejected_is_not(write: Run, detector: Run, export: Run) -> None:
    path = write()
    detector("review", path, "--confirm", "F1", "--correct", "U1", "喂,您好")
    detector("review", path, "--reject", "F2", "--by", "王律师", "--note", "见王某的说明")
    ended, (call,) = export(path)
    assert ended.code == 0
    assert [(t["speaker"], t["labels"], t["subtypes"]) for t in call["turns"]] == [
        ("collector", [], []),
        ("debtor", [], []),
        ("collector", ["threat"], ["home_visit_intimidation"]),
    ]
    assert call["turns"][0]["text"] == "喂,您好"
    assert (call["kind"], call["listener"], call["severity"], call["lang"]) == (
        "debtor_call", "debtor", "mixed", "zh-Hans",
    )  # fmt: skip
    assert call["writer"] == "reviewed"
    assert "王" not in json.dumps(call, ensure_ascii=False)  # neither reviewer nor note
    for said in ("姓名", "models.train --extra", "--add"):
        assert said in ended.out


def test_all_rejected_is_a_lawful_call(write: Run, detector: Run, export: Run) -> None:
    path = write()
    detector("review", path, "--reject", "F1", "F2")
    _, (call,) = export(path)
    assert call["severity"] == "lawful"
    assert all(turn["labels"] == turn["subtypes"] == [] for turn in call["turns"])


def test_an_undecided_call_is_refused_and_partly_exported_on_demand(
    write: Run, detector: Run, export: Run
) -> None:
    path = write()
    detector("review", path, "--confirm", "F1", "--add", "U1", "--category", "insult",
             "--subtype", "profanity")  # fmt: skip
    ended, calls = export(path)
    assert ended.code == 2
    assert calls == []
    assert "F2" in ended.error_lines[0]
    assert "--partial" in ended.error_lines[0]
    _, (call,) = export(path, "--partial")
    # nobody said whether the third is an insult too: it can teach nothing
    assert [turn["text"] for turn in call["turns"]] == ["喂,请问是李先生吗", "<我>是 & 请讲"]
    assert call["turns"][0]["subtypes"] == ["profanity"]


def test_two_categories_on_one_turn(write: Run, detector: Run, export: Run) -> None:
    path = write()
    detector("review", path, "--confirm", "F1", "F2")
    _, (call,) = export(path)
    assert call["turns"][2]["labels"] == ["threat", "insult"]
    assert call["turns"][2]["subtypes"] == ["home_visit_intimidation", "mockery"]


def test_utterances_of_one_flag_are_one_turn(
    write: Run, make_report: Run, detector: Run, export: Run
) -> None:
    base = make_report()
    more = dataclasses.replace(base.utterances[2], id="U4", text="听见没有", start_s=3_606.0)
    flag = dataclasses.replace(base.flags[0], utterance_ids=("U3", "U4"))
    path = write(utterances=(*base.utterances, more), flags=(flag,))
    detector("review", path, "--confirm", "F1", "--add", "U1", "U4", "--category", "insult",
             "--subtype", "profanity")  # fmt: skip
    _, (call,) = export(path)
    assert [turn["text"] for turn in call["turns"]][2:] == [
        "=你给我等着,今晚带人砸你家玻璃听见没有"
    ]
    assert call["turns"][0]["labels"] == ["insult"]
    assert call["turns"][2]["labels"] == ["threat", "insult"]


def test_several_people_of_one_role_are_kept_apart(write: Run, detector: Run, export: Run) -> None:
    path = write()
    detector("review", path, "--reject", "F1", "F2", "--speaker", "U3", "C", "--role", "C",
             "collector")  # fmt: skip
    _, (call,) = export(path)
    assert [turn.get("speaker_id") for turn in call["turns"]] == ["A", None, "C"]


@pytest.mark.parametrize(
    ("listener", "answered", "kind", "relation", "heard_by"),
    [
        ("third_party", "colleague", "third_party_call", "colleague", "T"),
        ("third_party", "neighbour", "third_party_call", "neighbor", "T"),
        ("third_party", None, "third_party_call", "other", "T"),
        ("debtor", "guarantor", "debtor_call", "guarantor", "D"),
        ("debtor", "co_borrower", "debtor_call", "co_borrower", "D"),
        ("debtor", None, "debtor_call", "debtor", "D"),
        ("third_party", "debtor", "third_party_call", "other", "T"),  # --listener was stronger
    ],
)
def test_the_listener_is_kept(
    write: Run, detector: Run, export: Run, listener: str, answered: str | None, kind: str,
    relation: str, heard_by: str,
) -> None:  # fmt: skip
    path = write(
        listener={"role": listener, "confidence": 0.8, "source": "inferred"},
        case={} if answered is None else {"answered_by": answered},
    )
    detector("review", path, "--confirm", "F1", "--reject", "F2")
    ended, (call,) = export(path)
    assert (call["kind"], call["listener"]) == (kind, relation)
    assert listener_of(call) == heard_by
    assert "请核对" in ended.out  # who listened was only inferred


def test_traditional_characters_are_told(
    write: Run, make_report: Run, detector: Run, export: Run
) -> None:
    base = make_report()
    text = "你給我聽好,錢還沒還清就別想過安穩日子"
    path = write(
        utterances=(*base.utterances[:2], dataclasses.replace(base.utterances[2], text=text))
    )
    detector("review", path, "--confirm", "F1", "F2")
    assert export(path)[1][0]["lang"] == "zh-Hant"


@pytest.mark.parametrize(
    ("before", "reason"),
    [
        (["--role", "B", "unknown"], "--role B"),
        (["--role", "A", "debtor"], "F1"),
        (["--speaker", "U3", "B"], "F1"),
    ],
)
def test_labels_on_others_than_the_collector_are_not_exported(
    write: Run, detector: Run, export: Run, before: list[str], reason: str
) -> None:
    path = write()
    detector("review", path, "--confirm", "F1", "F2", *before)
    ended, calls = export(path)
    assert ended.code == 2
    assert calls == []
    assert reason in ended.error_lines[0]


def test_of_a_case_those_calls_that_are_ready(
    tmp_path: Path, make_report: Run, detector: Run, export: Run
) -> None:
    reports = tmp_path / "案件" / "reports"
    reports.mkdir(parents=True)
    for number, digest in ((1, "aa" * 32), (2, "bb" * 32)):
        facts = dataclasses.replace(make_report().recording, sha256=digest)
        (reports / f"{number}.json").write_text(make_report(recording=facts).to_json(), "utf-8")
    detector("review", reports.parent, "--confirm", "2-F1", "2-F2")
    ended, calls = export(reports.parent)
    assert ended.code == 0
    assert [call["call_id"] for call in calls] == ["reviewed-bbbbbbbbbbbb"]
    assert "1-F1" in ended.out
    assert detector("review", reports.parent, "--export", reports / "x.jsonl").code == 2


def test_nothing_else_is_overwritten(write: Run, tmp_path: Path, detector: Run) -> None:
    path = write()
    detector("review", path, "--confirm", "F1", "F2")
    other = tmp_path / "other.jsonl"
    other.write_text('{"a": 1}\n', "utf-8")
    decisions = tmp_path / "报告.decisions.jsonl"
    for target in (other, decisions, path, tmp_path, tmp_path / "none" / "x.jsonl"):
        before = target.read_bytes() if target.is_file() else None
        assert detector("review", path, "--export", target).code == 2
        assert before == (target.read_bytes() if target.is_file() else None)
    target = tmp_path / "calls.jsonl"
    for _ in range(2):  # but an earlier export is
        assert detector("review", path, "--export", target).code == 0
