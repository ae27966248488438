"""`detector classify`: any text in, what is suspected out, or one line of error."""

import io
import json
import sys
from pathlib import Path
from typing import Any

import pytest
from command_parts import ABUSE, Run, refused, write

from detector.classify import LABELS


def answers(ended: Any) -> list[dict[str, Any]]:
    assert ended.code == 0, ended
    return [json.loads(line) for line in ended.out.splitlines()]


@pytest.mark.parametrize(
    ("name", "text", "encoding"),
    [
        ("a.txt", f"催收:{ABUSE}\n", "utf-8"),
        ("a.txt", f"催收:{ABUSE}\n", "gb18030"),
        ("a.txt", f"{ABUSE}\n", "utf-16"),
        ("a.csv", f"发送人,内容\n催收,{ABUSE}\n", "utf-8"),
        ("a.csv", f"内容\n{ABUSE}\n", "utf-8-sig"),
        ("a.csv", f"发送人\t内容\r\n催收\t{ABUSE}\r\n", "gb18030"),
        ("a.csv", f"内容\r\n{ABUSE}\r\n", "utf-16"),
        ("a.srt", f"1\n00:00:01,000 --> 00:00:05,000\n催收:{ABUSE}\n", "utf-8"),
        ("a.vtt", f"WEBVTT\n\n00:01.000 --> 00:05.000\n<v 催收>{ABUSE}\n", "utf-8"),
        ("a.jsonl", json.dumps({"turns": [{"speaker": "collector", "text": ABUSE}]}), "utf-8"),
    ],
)
def test_classify_any_text(
    tmp_path: Path, detector: Run, name: str, text: str, encoding: str
) -> None:
    path = write(tmp_path, name, text, encoding)
    (call,) = answers(detector("classify", path, "--json"))
    assert "threat" in [label for turn in call["turns"] for label in turn["labels"]]
    ended = detector("classify", path)
    assert "疑似威胁恐吓 (threat)" in ended.out
    assert "打断" in ended.out.replace("【", "").replace("】", "")
    assert "标记" in ended.out
    assert ended.err == ""


def test_json_lines(tmp_path: Path, detector: Run) -> None:
    lines = [
        {"call_id": "A1", "turns": [
            {"speaker": "collector", "text": ABUSE}, {"speaker": "debtor", "text": "操你妈的骗子"},
        ]},
        {"call_id": "A2", "turns": []},
        {"call_id": "A3", "turns": [{"speaker": "collector", "text": "好的,谢谢,再见"}]},
    ]  # fmt: skip
    path = write(tmp_path, "a.jsonl", "\n".join(map(json.dumps, lines)))
    first, second, third = answers(detector("classify", path, "--json"))
    assert [call["call_id"] for call in (first, second, third)] == ["A1", "A2", "A3"]
    assert second["turns"] == []
    assert [len(call["turns"]) for call in (first, third)] == [2, 1]
    for turn in (*first["turns"], *third["turns"]):
        assert set(turn) == {"labels", "review", "subtypes", "scores"}
        assert set(turn["scores"]) == set(LABELS)
        assert all(0 <= score <= 1 for score in turn["scores"].values())
        assert set(turn["labels"]) <= set(LABELS)
        assert not set(turn["labels"]) & set(turn["review"])
    assert first["turns"][0]["labels"] == ["threat"]
    assert first["turns"][0]["subtypes"]
    assert first["turns"][1]["labels"] == first["turns"][1]["review"] == []


def test_threshold_and_listener_are_heeded(tmp_path: Path, detector: Run) -> None:
    path = write(tmp_path, "a.txt", f"催收:{ABUSE}\n")
    (call,) = answers(detector("classify", path, "--json", "--threshold", "threat=1"))
    assert call["turns"][0]["labels"] == []
    (call,) = answers(
        detector("classify", path, "--json", "--threshold=threat=0.9", "--threshold=insult=0.0001")
    )
    assert call["turns"][0]["labels"] == ["threat", "insult"]
    scores = [
        answers(detector("classify", path, "--json", "--listener", who))[0]["turns"][0]["scores"]
        for who in ("debtor", "third-party")
    ]
    assert scores[0] != scores[1]


@pytest.mark.parametrize(
    "text",
    [
        "催收:\n我:嗯\n",
        "啊" * 10_000,
        "😀😡🔪 👨‍👩‍👧‍👦",
        "Pay now or I will tell your boss, OK?",
        "明天 pay 吧 ok 嗎,請你還錢 ありがとう привет",
        "٣٤٥ \u202eabc\u202c \u200b",
        "甲:你好\n乙:你好\n丙:在吗\n甲:在\n",
        "=1+1\n@SUM(A1)\n",
        "\x07\x1b[31m红\x1b[0m",
    ],
)
def test_odd_text_gives_an_answer(tmp_path: Path, detector: Run, text: str) -> None:
    path = write(tmp_path, "a.txt", text)
    ended = detector("classify", path)
    assert (ended.code, ended.err) == (0, "")
    assert ended.out.startswith("a:")
    if len(text) < 1_000:  # seconds, each
        (call,) = answers(detector("classify", path, "--json"))
        assert call["turns"]


def test_empty_turns_of_a_script(tmp_path: Path, detector: Run) -> None:
    turns = [{"speaker": "collector", "text": text} for text in ("", "  ", ABUSE, "\n")]
    path = write(tmp_path, "a.jsonl", json.dumps({"turns": turns}))
    (call,) = answers(detector("classify", path, "--json"))
    assert [turn["labels"] for turn in call["turns"]] == [[], [], ["threat"], []]


def test_abuse_deep_in_a_long_paragraph_is_found(tmp_path: Path, detector: Run) -> None:
    calm = "您好,这边跟您核对一下账单。请您留意还款时间。" * 25
    path = write(tmp_path, "a.txt", f"{calm}{ABUSE}。{calm}")
    (call,) = answers(detector("classify", path, "--json"))
    assert "threat" in [label for turn in call["turns"] for label in turn["labels"]]


def test_nothing_found_is_no_acquittal(tmp_path: Path, detector: Run) -> None:
    ended = detector("classify", write(tmp_path, "a.txt", "好的,谢谢,再见\n"))
    assert ended.code == 0
    assert "没有发现" in ended.out
    assert "机器可能漏看" in ended.out


@pytest.mark.parametrize(
    ("name", "data", "reasons"),
    [
        ("a.txt", b"", ["no text"]),
        ("a.txt", b"RIFF\0\0\0\0WAVEfmt ", ["detector scan"]),
        ("a.csv", b",,\n", ["no text"]),
        ("a.csv", b"a,b\n1,2\n", ["no text column"]),
        ("a.jsonl", b'{"turns": []}\n{"turns": [}\n', ["第 2 行", "not JSON"]),
        ("a.jsonl", b'{"turns": []}\n\n{"turns": [{"text": 1}]}\n', ["第 3 行", "第 1 轮"]),
        ("a.json", b'{"recording": {}}', ["第 1 行", "turns"]),
    ],
)
def test_text_that_is_none(
    tmp_path: Path, detector: Run, name: str, data: bytes, reasons: list[str]
) -> None:
    refused(detector("classify", write(tmp_path, name, data)), name, *reasons)


def test_missing_text(tmp_path: Path, detector: Run) -> None:
    refused(detector("classify", tmp_path / "没有.txt"), "file not found")
    refused(detector("classify", tmp_path), "a folder")


@pytest.mark.parametrize("option", ["threat", "fraud=0.5", "threat=2", "threat=x"])
def test_classify_options_that_cannot_be(tmp_path: Path, detector: Run, option: str) -> None:
    path = write(tmp_path, "a.txt", "你好\n")
    refused(detector("classify", path, "--threshold", option))


def test_a_bad_file_does_not_stop_the_others(tmp_path: Path, detector: Run) -> None:
    good = write(tmp_path, "a.txt", f"{ABUSE}\n")
    ended = detector("classify", tmp_path / "没有.txt", good)
    assert ended.code == 2
    assert len(ended.error_lines) == 1
    assert "疑似威胁恐吓" in ended.out


@pytest.mark.parametrize("encoding", ["utf-8", "gb18030", "utf-16"])
def test_standard_input(detector: Run, monkeypatch: pytest.MonkeyPatch, encoding: str) -> None:
    data = io.BytesIO(f"{ABUSE}\n".encode(encoding))
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(data))
    (call,) = answers(detector("classify", "-", "--json"))
    assert call["call_id"] == "stdin"
    assert call["turns"][0]["labels"] == ["threat"]
