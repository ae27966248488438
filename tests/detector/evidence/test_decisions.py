"""Decisions: checked, kept at once, laid over the report; crashes and two people at a time."""

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from detector.errors import DetectorError, InputError, OptionError, OutputError
from detector.evidence.decisions import (
    Decision,
    append_decision,
    decide,
    decisions_path,
    make_decision,
    read_decisions,
    review,
)

Make = Callable[..., Any]
ROOT = Path(__file__).parents[3]


@pytest.fixture
def report(make_report: Make) -> Any:
    return make_report()


@pytest.fixture
def path(tmp_path: Path, report: Any) -> Path:
    file = tmp_path / "1.json"
    file.write_text(report.to_json(), "utf-8")
    return file


def statuses(report: Any, path: Path) -> dict[str, str]:
    return {f.flag.id: f.flag.status for f in review(report, read_decisions(path)).flags}


def test_nothing_decided(report: Any, path: Path) -> None:
    assert read_decisions(path) == ()
    assert statuses(report, path) == {"F1": "unreviewed", "F2": "unreviewed"}


def test_what_was_decided_is_read_back_and_the_report_stays(report: Any, path: Path) -> None:
    before = path.read_bytes()
    made = decide(path, report, "confirm", "F1", by=" 王律师\n", note="听\x1b[2J过")
    assert read_decisions(path) == (made,)
    assert made.by == "王律师"
    assert "\x1b" not in made.note
    assert made.at.endswith("+08:00")
    assert path.read_bytes() == before


def test_the_later_decision_counts(report: Any, path: Path) -> None:
    seen = []
    for action in ("confirm", "reject", "confirm", "reopen"):
        decide(path, report, action, "F1", by="王")
        seen.append(statuses(report, path)["F1"])
    assert seen == ["confirmed", "rejected", "confirmed", "unreviewed"]
    assert len(read_decisions(path)) == 4


def test_corrected_text_stands_beside_the_machines(report: Any, path: Path) -> None:
    decide(path, report, "correct", "U3", {"text": "你等着\n今晚有人来"}, by="王")
    decide(path, report, "correct", "U3", {"text": "你等着,今晚有客人来"}, by="李")
    reviewed = review(report, read_decisions(path))
    third = reviewed.utterances[2]
    assert (third.text, third.corrected, third.corrected_by) == (
        "你等着,今晚有客人来", True, "李",
    )  # fmt: skip
    assert third.utterance.text == report.utterances[2].text
    for flag in reviewed.flags:
        assert flag.quote == "你等着,今晚有客人来"
        assert flag.flag.quote == report.flags[0].quote
    assert reviewed.reviewers == ("王", "李")


def test_a_speaker_and_a_role_change_the_flag_too(report: Any, path: Path) -> None:
    decide(path, report, "speaker", "U3", {"speaker": "B"}, by="王")
    reviewed = review(report, read_decisions(path))
    assert {(f.flag.speaker, f.flag.role) for f in reviewed.flags} == {("B", "debtor")}
    decide(path, report, "role", "B", {"role": "third_party"}, by="王")
    reviewed = review(report, read_decisions(path))
    assert [u.utterance.role for u in reviewed.utterances] == [
        "collector", "third_party", "third_party",
    ]  # fmt: skip


def test_a_speaker_the_machine_did_not_hear_gets_a_role(report: Any, path: Path) -> None:
    with pytest.raises(OptionError, match="C"):
        decide(path, report, "role", "C", {"role": "collector"}, by="王")
    decide(path, report, "speaker", "U2", {"speaker": "C"}, by="王")
    assert review(report, read_decisions(path)).utterances[1].utterance.role == "unknown"
    decide(path, report, "role", "C", {"role": "collector"}, by="王")
    assert review(report, read_decisions(path)).utterances[1].utterance.role == "collector"


def test_a_flag_by_hand(report: Any, path: Path) -> None:
    value = {"category": "insult", "subtype": "curse", "utterance_ids": ["U1"]}
    made = decide(path, report, "add", "", value, by="王", note="漏掉的")
    assert made.target == "H1"
    assert decide(path, report, "add", "", value, by="王").target == "H2"
    first = review(report, read_decisions(path)).flags[0].flag
    assert (first.id, first.origin, first.status, first.start_s) == (
        "H1",
        "human",
        "confirmed",
        0.5,
    )
    decide(path, report, "reject", "H1", by="李")
    assert statuses(report, path)["H1"] == "rejected"
    assert statuses(report, path)["H2"] == "confirmed"


@pytest.mark.parametrize(
    ("action", "target", "value", "reason"),
    [
        ("confirm", "F9", {}, "F9"),
        ("confirm", "H1", {}, "H1"),
        ("confirm", "U1", {}, "U1"),
        ("correct", "F1", {"text": "x"}, "F1"),
        ("correct", "U1", {}, "文字"),
        ("correct", "U1", {"text": " \n"}, "听不清"),
        ("correct", "U1", {"text": 5}, "文字"),
        ("speaker", "U9", {"speaker": "B"}, "U9"),
        ("speaker", "U1", {"speaker": "甲"}, "A、B、C"),
        ("speaker", "U1", {}, "A、B、C"),
        ("role", "A", {"role": "boss"}, "collector"),
        ("add", "", {"category": "fraud", "utterance_ids": ["U1"]}, "category"),
        (
            "add",
            "",
            {"category": "insult", "subtype": "veiled", "utterance_ids": ["U1"]},
            "subtype",
        ),
        ("add", "", {"category": "insult", "utterance_ids": ["U1"]}, "subtype"),
        ("add", "", {"category": "insult", "subtype": "curse"}, "utterance_ids"),
        (
            "add",
            "",
            {"category": "insult", "subtype": "curse", "utterance_ids": ["U1", "U9"]},
            "utterance_ids",
        ),
        ("delete", "F1", {}, "delete"),
    ],
)
def test_what_cannot_be_decided_is_refused_and_leaves_nothing(
    report: Any, path: Path, action: str, target: str, value: dict[str, Any], reason: str
) -> None:
    with pytest.raises(OptionError, match=reason):
        decide(path, report, action, target, value, by="王")
    assert not decisions_path(path).exists()


def test_nobody_decides_nothing(report: Any) -> None:
    with pytest.raises(OptionError, match="--by"):
        make_decision(report, "confirm", "F1", by=" \t")


@pytest.mark.parametrize("cut", [1, 20, -1, -12, -40])
def test_a_line_cut_off_by_a_crash_costs_that_line_only(report: Any, path: Path, cut: int) -> None:
    kept = decide(path, report, "confirm", "F1", by="王律师")
    decide(path, report, "reject", "F2", by="王律师", note="不是催收方")
    file = decisions_path(path)
    first, second = file.read_bytes().splitlines(keepends=True)
    file.write_bytes(first + second[:cut])  # also within a character
    whole = cut == -1  # only the line's end is missing
    assert len(read_decisions(path)) == 1 + whole
    after = decide(path, report, "confirm", "F2", by="李")
    again = decide(path, report, "reopen", "F1", by="李")
    found = read_decisions(path)
    assert (found[0], found[-2], found[-1]) == (kept, after, again)
    assert len(found) == 3 + whole
    assert file.read_bytes().startswith(first + second[:cut])  # nothing is taken away


@pytest.mark.parametrize(
    "line",
    [
        "kein JSON", "[]", '{"at": "x"}', "null",
        '{"at": 1, "by": "b", "action": "confirm", "target": "F1"}',
        '{"at": "a", "by": "b", "action": "confirm", "target": "F1", "value": []}',
        '{"at": "a", "by": "b", "action": "delete", "target": "F1"}',
        '{"at": "a", "by": "b", "action": "correct", "target": "U1", "value": {}}',
        '{"at": "a", "by": "b", "action": "role", "target": "A", "value": {"role": "boss"}}',
        '{"at": "a", "by": "b", "action": "add", "target": "H1", "value": {"category": "insult"}}',
        '{"at": "a", "by": "\\ud800", "action": "confirm", "target": "F1"}',
    ],
)  # fmt: skip
def test_a_changed_line_is_named(report: Any, path: Path, line: str) -> None:
    decide(path, report, "confirm", "F1", by="王")
    file = decisions_path(path)
    file.write_text(line + "\n" + file.read_text("utf-8"), "utf-8")
    with pytest.raises(InputError, match="第 1 行"):
        read_decisions(path)
    with pytest.raises(InputError, match="第 1 行"):
        decide(path, report, "confirm", "F2", by="王")


def test_decisions_on_what_the_report_does_not_have_are_ignored(report: Any) -> None:
    alien = [
        Decision("2026-03-06T09:00:00+08:00", "王", action, target, value)
        for action, target, value in [
            ("confirm", "F77", {}),
            ("correct", "U77", {"text": "x"}),
            ("speaker", "U77", {"speaker": "B"}),
            ("add", "H1", {"category": "insult", "subtype": "curse", "utterance_ids": ["U77"]}),
        ]
    ]
    reviewed = review(report, alien)
    assert [f.flag for f in reviewed.flags] == list(report.flags)
    assert [u.utterance for u in reviewed.utterances] == list(report.utterances)


_WRITER = """
import sys
from pathlib import Path
from detector.evidence.decisions import decide
from detector.report import read_report
path = Path(sys.argv[1])
report = read_report(path)
sys.stdin.readline()
for n in range(40):
    value = {"category": "insult", "subtype": "curse", "utterance_ids": ["U1"]}
    decide(path, report, "add", "", value, by=sys.argv[2], note="长" * 3000)
"""


def test_two_processes_at_once_lose_nothing_and_number_apart(path: Path) -> None:
    running = [
        subprocess.Popen(
            [sys.executable, "-c", _WRITER, str(path), name], stdin=subprocess.PIPE, cwd=ROOT
        )
        for name in ("王", "李")
    ]
    for process in running:
        assert process.stdin
        process.stdin.write(b"\n")
        process.stdin.flush()
    assert [process.wait(60) for process in running] == [0, 0]
    found = read_decisions(path)
    assert sorted(int(d.target[1:]) for d in found) == list(range(1, 81))
    assert {d.by for d in found} == {"王", "李"}


def test_a_full_disk_leaves_no_half_of_a_line(
    report: Any, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    decide(path, report, "confirm", "F1", by="王")
    before = decisions_path(path).read_bytes()

    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("detector.evidence.journal.os.fsync", full)
    with pytest.raises(OutputError, match="disk full"):
        decide(path, report, "reject", "F1", by="王")
    assert decisions_path(path).read_bytes() == before


def test_a_place_that_cannot_be_written(report: Any, tmp_path: Path) -> None:
    made = make_decision(report, "confirm", "F1", by="王")
    with pytest.raises(DetectorError, match="cannot write"):
        append_decision(tmp_path / "none" / "1.json", made)


def test_the_file_is_one_json_object_a_line(report: Any, path: Path) -> None:
    decide(path, report, "confirm", "F1", by="王")
    decide(path, report, "correct", "U1", {"text": "喂\u2028你好"}, by="王")
    lines = decisions_path(path).read_text("utf-8").split("\n")
    assert [json.loads(line)["action"] for line in lines[:-1]] == ["confirm", "correct"]
    assert lines[-1] == ""
