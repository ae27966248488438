"""Fuzzing with a fixed budget: three minutes in all, and arbitrary text through the classifier."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from detector.classify_text import classify_calls, render_calls
from detector.errors import DetectorError
from detector.messages import read_calls

ROOT = Path(__file__).parent.parent.parent.parent


@pytest.mark.slow
@pytest.mark.parametrize(("script", "seconds"), [("fuzz_containers", 80), ("fuzz_parsers", 80)])
def test_nothing_is_found(script: str, seconds: int) -> None:
    if script == "fuzz_parsers":
        pytest.importorskip("atheris")
    done = subprocess.run(
        [sys.executable, f"tests/bench/{script}.py", "--seconds", str(seconds)],
        capture_output=True, text=True, encoding="utf-8", cwd=ROOT, timeout=600, check=False,
        env={**os.environ, "PYTHONPATH": str(ROOT), "PYTHONUTF8": "1"},
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr


_PIECES = st.sampled_from(
    ["催收:", "我\uff1a", "\n", "\r\n", ",", "\t", '"', "00:01:02,000 --> 00:01:03,000\n", "1\n",
     '{"turns": [', '{"text": "', '"}]}', "2026-03-05 22:41:07 ", "再不还钱就去你家", "\ufeff",
     "WEBVTT\n\n", "<v 催收>", "。", "😡", "\u202e", "\x1b[2J", "\0", "内容,发送人\n"]
)  # fmt: skip
_TEXTS = st.one_of(st.text(max_size=400), st.lists(_PIECES | st.text(max_size=8)).map("".join))
_NAMES = st.sampled_from(["a.txt", "a.csv", "a.srt", "a.vtt", "a.jsonl", "-"])
_ENCODINGS = st.sampled_from(["utf-8", "utf-8-sig", "gb18030", "utf-16", "big5"])


def said(name: str, data: bytes) -> None:
    """Classify as the command does: an answer for every turn, or one sentence."""
    try:
        calls = read_calls(name, data)
    except DetectorError as error:
        assert str(error).endswith("。") and "\n" not in str(error)
        return
    for result in classify_calls(calls[:3]):
        assert len(result.scored) == len(result.call.turns)
        assert all(0 <= p <= 1 for one in result.scored for p in one.scores.values())
        assert "\x1b[2J" not in render_calls(result)
        result.to_json()


_RULES = {"deadline": None, "suppress_health_check": list(HealthCheck), "derandomize": True}


@settings(max_examples=60, **_RULES)
@given(name=_NAMES, text=_TEXTS, encoding=_ENCODINGS)
def test_any_text_gets_an_answer(name: str, text: str, encoding: str) -> None:
    said(name, text.encode(encoding, "ignore"))


@settings(max_examples=60, **_RULES)
@given(name=_NAMES, data=st.binary(max_size=300))
def test_any_bytes_get_an_answer(name: str, data: bytes) -> None:
    said(name, data)
