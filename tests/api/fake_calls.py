"""Invented calls for the page's tests, in the form of `/v1/recordings/{id}/review`."""

import io
import math
import struct
import wave
from typing import Any

__all__ = ["SAID", "marking", "review", "sound", "waveform"]

DURATION_S = 62.0
STORED_SCRIPT = '<img src=x onerror="window.hacked=1"><script>window.hacked=1</script>'

SAID: tuple[tuple[float, float, str, str], ...] = (
    (0.6, 5.2, "A", "您好,这里是蓝岸金服,请问是周先生吗?"),
    (5.6, 7.4, "B", "是我,什么事?"),
    (7.9, 13.8, "A", "您的分期已经晚了二十天,今天方便处理一下吗?"),
    (14.2, 18.0, "B", "我下周三发工资,到时候先还一半。"),
    (18.5, 23.4, "A", "每次都是下周,你这个人就是一张骗人的嘴,脸皮真厚。"),
    (23.9, 26.2, "B", "请你说话放尊重一点。"),
    (26.8, 33.5, "A", "尊重?明天我带几个人去你楼下等着,看你敢不敢出门。"),
    (34.0, 36.1, "B", "你这是在吓唬谁?"),
    (36.6, 43.9, "A", "我还要给你们部门经理打电话,把你欠八千块的事讲给他听。"),
    (44.4, 47.0, "B", "这事跟我单位没有关系。"),
    (47.6, 54.0, "A", "那你自己看着办,你家老人住几栋几号,我们清楚得很。"),
    (54.6, 57.3, "B", "我会把这通电话录下来。"),
    (57.9, 61.2, "A", "随便你,晚上八点之前见不到钱再说。"),
)

_BASIS = (
    ("中华人民共和国民法典", "第1032条", "私人生活安宁和私密信息受保护,不得侵扰、泄露、公开。"),
    ("中华人民共和国民法典", "第1033条第1项", "不得以电话、短信等方式侵扰他人的私人生活安宁。"),
)


def _basis() -> list[dict[str, Any]]:
    return [
        {
            "title": title, "article": article, "text": text, "condition": "",
            "source": "测试资料", "version": "2021-01-01 起", "reference_only": False,
        }
        for title, article, text in _BASIS
    ]  # fmt: skip


def _flag(
    name: str, category: str, subtype: str, line: int, words: str, said: list[dict[str, Any]],
    **changed: Any,
) -> dict[str, Any]:  # fmt: skip
    mine = said[line]
    quote, start = mine["text"], mine["text"].find(words)
    why = [{"start": start, "end": start + len(words), "text": words, "reading": None}]
    made = {
        "id": name, "category": category, "subtype": subtype, "start_s": mine["start_s"],
        "end_s": mine["end_s"], "quote": quote, "corrected_text": None,
        "why": why if words and start >= 0 else [], "note": None, "decision": "flagged",
        "score": 0.91, "status": "unreviewed", "origin": "machine", "speaker": mine["speaker"],
        "role": mine["role"], "utterance_ids": [mine["id"]], "by": None, "decided_at": None,
        "urgent": subtype == "self_harm", "basis": _basis(),
    }  # fmt: skip
    return made | changed


def review(name: str, kind: str = "plain") -> dict[str, Any]:
    """Return what the page shows of a call; kind is plain, urgent, hostile, or quiet."""
    lines = list(SAID)
    if kind == "urgent":
        lines[10] = (47.6, 54.0, "A", "还不上你就从楼上跳下去,一了百了。")
    if kind == "hostile":
        lines[4] = (18.5, 23.4, "A", STORED_SCRIPT + "\u202e你这个骗子")
    roles = {"A": "collector", "B": "debtor"}
    said: list[dict[str, Any]] = [
        {
            "id": f"U{n}", "start_s": start, "end_s": end, "speaker": who, "role": roles[who],
            "text": text, "corrected_text": None, "original_speaker": who, "overlapped": n == 8,
        }
        for n, (start, end, who, text) in enumerate(lines, 1)
    ]  # fmt: skip
    flags = [
        _flag("F1", "insult", "name_calling", 4, "骗子" if kind == "hostile" else "脸皮真厚", said),
        _flag("F2", "threat", "home_visit_intimidation", 6, "带几个人去你楼下等着", said),
        _flag("F3", "third_party_disclosure", "announced", 8, "把你欠八千块的事讲给他听", said),
        _flag("F4", "threat", "exposure", 8, "给你们部门经理打电话", said, score=0.74),
        _flag(
            "F5", "threat", "veiled", 10, "几栋几号,我们清楚得很", said, decision="review",
            score=0.43, note="分数低于标记线,请听录音判断",
        ),
    ]  # fmt: skip
    if kind == "urgent":
        flags[4] = _flag("F5", "threat", "self_harm", 10, "从楼上跳下去", said, score=0.97)
    if kind == "hostile":
        for flag in flags:
            flag["note"] = STORED_SCRIPT
    return {
        "flags": [] if kind == "quiet" else flags,
        "utterances": said,
        "speakers": [
            {"id": "A", "role": "collector", "confidence": 0.96, "source": "inferred",
             "channel": None, "speech_s": 36.4},
            {"id": "B", "role": "debtor", "confidence": 0.96, "source": "inferred",
             "channel": None, "speech_s": 14.1},
        ],
        "observations": [
            {"id": "O1", "kind": "info_probing", "start_s": 47.6, "end_s": 54.0,
             "quote": lines[10][3], "utterance_ids": ["U11"],
             "note": "说出了对方家人的住处,请核对。"},
        ],
        "dropped": [], "warnings": ["谁是催收方由内容推断,请核对 (roles inferred)。"],
        "disclaimer": "", "basis_note": "条文为转述,不是官方表述。",
        "recording": {
            "file": name, "sha256": "3f" * 32, "bytes": 991_500, "duration_s": DURATION_S,
            "container": "wav", "codec": "pcm_s16le", "channels": 1, "layout": "mono",
            "started_at": {"value": "2026-03-05T22:41:07+08:00", "source": "file_name",
                           "reliability": "medium"},
        },
        "listener": {"role": "debtor"}, "case": {"lender_type": "microloan"},
    }  # fmt: skip


def sound() -> bytes:
    """Return a wav of the call's length: a tone where somebody speaks."""
    rate, out = 8000, io.BytesIO()
    pitch = [0.0] * round(DURATION_S * rate)
    for start, end, who, _ in SAID:
        step = 2 * math.pi * (220 if who == "A" else 330) / rate
        for n in range(round(start * rate), round(end * rate)):
            swell = 0.3 + 0.7 * abs(math.sin(n / rate * 5.3)) * abs(math.sin(n / rate * 1.7 + 1))
            pitch[n] = math.sin(n * step) * swell
    with wave.open(out, "wb") as file:
        file.setparams((1, 2, rate, 0, "NONE", ""))
        file.writeframes(b"".join(struct.pack("<h", round(9000 * x)) for x in pitch))
    return out.getvalue()


def waveform() -> dict[str, Any]:
    """Return peaks as the service would."""
    step, peaks = 0.05, []
    for n in range(round(DURATION_S / step)):
        at = n * step
        loud = next((0.9 if who == "A" else 0.6 for s, e, who, _ in SAID if s <= at < e), 0.02)
        swell = 0.35 + 0.65 * abs(math.sin(at * 5.3)) * abs(math.sin(at * 1.7 + 1))
        peaks.append(round(loud * swell * (0.7 + 0.3 * math.sin(n * 12.9898) ** 2), 3))
    return {"seconds_per_peak": step, "duration_s": DURATION_S, "peaks": [peaks]}


def marking(text: str) -> dict[str, Any]:
    """Return what `/v1/text` answers: lines with 跳 or 脸皮 are marked."""
    turns = []
    for n, line in enumerate(filter(None, text.splitlines())):
        flags = []
        for words, category, subtype in (
            ("跳", "threat", "self_harm"), ("脸皮", "insult", "mockery"),
        ):  # fmt: skip
            if (at := line.find(words)) >= 0:
                flags.append({
                    "category": category, "subtype": subtype, "decision": "flagged",
                    "score": 0.9, "why": [{"start": at, "end": at + len(words)}],
                    "basis": _basis(),
                })  # fmt: skip
        turns.append({"index": n, "text": line, "speaker": None, "role": "collector",
                      "at_s": None, "flags": flags})  # fmt: skip
    urgent = any(f["subtype"] == "self_harm" for turn in turns for f in turn["flags"])
    return {"name": None, "turns": turns, "urgent": urgent, "disclaimer": ""}
