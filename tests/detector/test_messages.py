"""Exports, subtitles and scripts become turns with speakers, roles and times."""

import json
from pathlib import Path
from typing import Any

import pytest

from detector.errors import TextFormatError
from detector.messages import TextCall, TextTurn, read_calls


def read(folder: Path, name: str, text: str | bytes, encoding: str = "utf-8") -> list[TextCall]:
    path = folder / name
    path.write_bytes(text if isinstance(text, bytes) else text.encode(encoding))
    return read_calls(str(path))


def turns(folder: Path, name: str, text: str | bytes) -> list[tuple[Any, ...]]:
    (call,) = read(folder, name, text)
    return [(turn.speaker, turn.role, turn.text) for turn in call.turns]


# ---------------------------------------------------------------- plain text


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (
            "催收:今天能还吗\n我:还不上\n",
            [("催收", "collector", "今天能还吗"), ("我", "debtor", "还不上")],
        ),
        (
            "催收员: 今天能还吗\r\n\r\n借款人 : 还不上",
            [("催收员", "collector", "今天能还吗"), ("借款人", "debtor", "还不上")],
        ),
        (
            "催收\uff1a今天能还吗\n我 \uff1a 还不上\n",
            [("催收", "collector", "今天能还吗"), ("我", "debtor", "还不上")],
        ),
        ("晚上10\uff1a30给你打电话\n", [(None, None, "晚上10\uff1a30给你打电话")]),
        (
            "好\uff0c我\uff1a知道\n好\uff0c我\uff1a知道\n",
            [(None, None, "好\uff0c我\uff1a知道")] * 2,
        ),
        (
            "[22:41] 小王:在吗\n[22:42] 李哥:不在\n[22:43] 小王:在哪\n",
            [("小王", None, "在吗"), ("李哥", None, "不在"), ("小王", None, "在哪")],
        ),
        (
            "Agent: hello\nme: hi\n",
            [("Agent", "collector", "hello"), ("me", "debtor", "hi")],
        ),
        ("第一条短信\n第二条短信\n", [(None, None, "第一条短信"), (None, None, "第二条短信")]),
        (
            "本行没有名字\n这行也没有\n请看 https://a.example/b 处理\n",
            [
                (None, None, "本行没有名字"),
                (None, None, "这行也没有"),
                (None, None, "请看 https://a.example/b 处理"),
            ],
        ),
        (
            "没有名字的一行\n再来一行\n第三行\n催收:在吗\n",
            [
                (None, None, "没有名字的一行"),
                (None, None, "再来一行"),
                (None, None, "第三行"),
                ("催收", "collector", "在吗"),
            ],
        ),
        ("晚上10:30给你打电话\n", [(None, None, "晚上10:30给你打电话")]),
        ("再不还钱:我去你家\n", [(None, None, "再不还钱:我去你家")]),
        (
            "最后通知:今天还\n温馨提示:已逾期\n",
            [
                (None, None, "最后通知:今天还"),
                (None, None, "温馨提示:已逾期"),
            ],
        ),
        (
            "尊敬的客户:您已逾期\n尊敬的客户:请还款\n",
            [(None, None, "尊敬的客户:您已逾期"), (None, None, "尊敬的客户:请还款")],
        ),
    ],
)
def test_lines(tmp_path: Path, text: str, expected: list[tuple[Any, ...]]) -> None:
    assert turns(tmp_path, "短信.txt", text) == expected


@pytest.mark.parametrize(
    "text",
    [
        "2026-03-05 22:41:07 催收小王\n你在哪\n快说\n2026-03-05 22:42 我\n在家\n",
        "催收小王 2026/3/5 22:41:07\n你在哪\n快说\n\n我 2026/3/5 22:42\n在家\n",
        "2026年3月5日 22:41 催收小王\n你在哪\n快说\n2026年3月5日 22:42 我\n在家\n",
    ],
)
def test_chat_export(tmp_path: Path, text: str) -> None:
    assert turns(tmp_path, "聊天.txt", text) == [
        ("催收小王", None, "你在哪\n快说"),
        ("我", "debtor", "在家"),
    ]


# ---------------------------------------------------------------- encodings


@pytest.mark.parametrize(
    "encoding", ["utf-8", "utf-8-sig", "gb18030", "gbk", "utf-16", "utf-16-le", "utf-16-be"]
)
@pytest.mark.parametrize("name", ["短信.txt", "短信.csv"])
def test_encodings(tmp_path: Path, encoding: str, name: str) -> None:
    text = "内容\n" if name.endswith("csv") else ""
    text += "你今天必须把钱还上\n"
    if encoding in ("utf-16-le", "utf-16-be"):
        text = "\ufeff" + text
    (call,) = read(tmp_path, name, text, encoding)
    assert [turn.text for turn in call.turns] == ["你今天必须把钱还上"]


def test_traditional_text_in_utf_8(tmp_path: Path) -> None:
    assert turns(tmp_path, "a.txt", "請你還錢😀\n") == [(None, None, "請你還錢😀")]


# ---------------------------------------------------------------- tables


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (
            "发送人,内容,时间\n催收,还钱,1\n我,没有,2\n",
            [("催收", "collector", "还钱"), ("我", "debtor", "没有")],
        ),
        (
            "时间;Speaker;Text\n1;agent;a\n2;me;b\n",
            [("agent", "collector", "a"), ("me", "debtor", "b")],
        ),
        (
            '号码,短信内容\n1069,"您好,请还款\n谢谢"\n1069,\n',
            [("1069", None, "您好,请还款\n谢谢")],
        ),
        ("内容\n还钱,不然\n我,等着\n", [(None, None, "还钱,不然"), (None, None, "我,等着")]),
        ("发送人,内容\n催收,还钱,不然\n", [("催收", "collector", "还钱,不然")]),
        ("内容\n第一条\n\n第二条\n", [(None, None, "第一条"), (None, None, "第二条")]),
        ("第一条\n第二条\n", [(None, None, "第一条"), (None, None, "第二条")]),
        ("talker\tStrContent\n小王\t在吗\n", [("小王", None, "在吗")]),
    ],
)  # fmt: skip
def test_table(tmp_path: Path, text: str, expected: list[tuple[Any, ...]]) -> None:
    assert turns(tmp_path, "表.csv", text) == expected


# ---------------------------------------------------------------- subtitles


SRT = """1
00:00:01,500 --> 00:00:03,000
催收:你好
请讲

2
01:02:03,004 --> 01:02:05,000
<i>我:不知道</i>
"""
VTT = """WEBVTT

NOTE made by hand

1
00:01.500 --> 00:03.000 align:start
<v 催收>你好
请讲

01:02:03.004 --> 01:02:05.000
我:不知道
"""


@pytest.mark.parametrize(("name", "text"), [("a.srt", SRT), ("a.vtt", VTT), ("a.txt", SRT)])
def test_subtitles(tmp_path: Path, name: str, text: str) -> None:
    (call,) = read(tmp_path, name, text)
    assert call.turns == (
        TextTurn("你好 请讲", "催收", "collector", 1.5, 3.0),
        TextTurn("不知道", "我", "debtor", 3723.004, 3725.0),
    )
    assert not call.written


# ---------------------------------------------------------------- scripts


def test_scripts(tmp_path: Path) -> None:
    lines = [
        {"call_id": "A1", "kind": "debtor_call", "turns": [
            {"speaker": "collector", "text": "您好", "labels": ["threat"]},
            {"speaker": "debtor", "text": "你好", "speaker_id": "d1"},
        ]},
        {"kind": "third_party_call", "turns": [{"speaker": "third_party", "text": "谁啊"}]},
        {"kind": "third_party_call", "listener": "guarantor", "turns": []},
        {"call_id": 7, "kind": "messages", "turns": ["只有文字"]},
        {"turns": [{"speaker": "客服", "text": "在吗"}, {"speaker": "老张", "text": "在"}]},
    ]  # fmt: skip
    text = "\n\n".join(json.dumps(line, ensure_ascii=False) for line in lines)
    calls = read(tmp_path, "calls.jsonl", text)
    assert [call.call_id for call in calls] == ["A1", "call-2", "call-3", "7", "call-5"]
    assert [call.listener for call in calls] == [
        "debtor", "third_party", "debtor", "debtor", None,
    ]  # fmt: skip
    assert [call.written for call in calls] == [False, False, False, True, False]
    assert calls[0].turns == (
        TextTurn("您好", "collector", "collector"),
        TextTurn("你好", "d1", "debtor"),
    )
    assert calls[3].turns == (TextTurn("只有文字"),)
    assert [turn.role for turn in calls[4].turns] == ["collector", None]


@pytest.mark.parametrize("indent", [None, 2])
@pytest.mark.parametrize("many", [False, True])
def test_json_over_one_or_several_lines(tmp_path: Path, indent: int | None, many: bool) -> None:
    call = {"call_id": "A1", "turns": [{"text": "您好"}]}
    text = json.dumps([call, call] if many else call, indent=indent)
    calls = read(tmp_path, "call.json", text)
    assert [c.call_id for c in calls] == ["A1"] * (2 if many else 1)


def test_lone_surrogates_become_a_stand_in(tmp_path: Path) -> None:
    (call,) = read(tmp_path, "a.jsonl", '{"turns": [{"text": "a\\ud800b", "speaker": "\\udfff"}]}')
    assert call.turns[0].text.encode("utf-8") == b"a?b"


@pytest.mark.parametrize(
    ("text", "place", "reason"),
    [
        ('{"turns": []}\n{"turns": [\n', "第 2 行", "not JSON"),
        ('\n\n{"turns": []}\n\nnonsense\n', "第 5 行", "not JSON"),
        ('{"turns": []}\n"text"\n', "第 2 行", "turns"),
        ('{"turns": []}\n{"call_id": "A"}\n', "第 2 行", "turns"),
        ('{"turns": {"text": "a"}}\n', "第 1 行", "turns"),
        ('{"turns": [{"text": "a"}, {"speaker": "collector"}]}\n', "第 2 轮", "turn without text"),
        ('{"turns": [{"text": 5}]}\n', "第 1 轮", "turn without text"),
        ('{"turns": [null]}\n', "第 1 轮", "turn without text"),
        ("[1, 2]", "第 1 行", "turns"),
        ("[" * 100_000, "第 1 行", "not JSON"),
    ],
)
def test_broken_scripts_name_the_line(tmp_path: Path, text: str, place: str, reason: str) -> None:
    with pytest.raises(TextFormatError) as caught:
        read(tmp_path, "calls.jsonl", text)
    message = str(caught.value)
    assert "calls.jsonl" in message
    assert place in message
    assert reason in message
    assert "\n" not in message


# ---------------------------------------------------------------- standard input


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        ("你好\n再见\n".encode(), ["你好", "再见"]),
        ("你好\n再见\n".encode("gb18030"), ["你好", "再见"]),
        (b'{"turns": [{"text": "a"}]}', ["a"]),
        (SRT.encode(), ["你好 请讲", "不知道"]),
    ],
)
def test_standard_input(data: bytes, expected: list[str]) -> None:
    (call,) = read_calls("-", data)
    assert [turn.text for turn in call.turns] == expected


# ---------------------------------------------------------------- refused


@pytest.mark.parametrize(
    ("name", "data", "reason"),
    [
        ("a.txt", b"", "no text"),
        ("a.txt", b" \r\n\t\n", "no text"),
        ("a.txt", b"\xef\xbb\xbf", "no text"),
        ("a.csv", b",,\n,,\n", "no text"),
        ("a.csv", "姓名,金额\n张三,5\n".encode(), "no text column"),
        ("a.txt", b"RIFF\x00\x00\x00\x00WAVEfmt " + bytes(200), "not a text file"),
        ("a.txt", "没有标记的\n".encode("utf-16-le"), "not a text file"),
        ("a.txt", b"\xff\xfe\x00", "unknown encoding"),
        ("a.txt", b"\xff\xff\xff\xff\xff", "unknown encoding"),
    ],
)
def test_refused(tmp_path: Path, name: str, data: bytes, reason: str) -> None:
    with pytest.raises(TextFormatError) as caught:
        read(tmp_path, name, data)
    assert reason in str(caught.value)
    assert name in str(caught.value)


def test_missing_and_folder(tmp_path: Path) -> None:
    with pytest.raises(TextFormatError, match="file not found"):
        read_calls(str(tmp_path / "没有.txt"))
    with pytest.raises(TextFormatError, match="a folder"):
        read_calls(str(tmp_path))


def test_too_large(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("detector.messages.MAX_BYTES", 10)
    with pytest.raises(TextFormatError, match="too large"):
        read_calls("-", b"a" * 11)
