"""The command: answers, exit codes, and one line of error for whatever goes wrong."""

import io
import json
import os
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from detector.classify import LABELS

Run = Callable[..., Any]

ABUSE = "再不把钱打过来,今晚我就带几个兄弟去你家,把你腿打断"


def refused(ended: Any, *reasons: str) -> None:
    """Assert exit code 2 and exactly one line of error."""
    assert ended.code == 2, ended
    assert "Traceback" not in ended.err
    (line,) = ended.error_lines
    for reason in reasons:
        assert reason in line
    assert ended.out == ""


def write(folder: Path, name: str, text: str | bytes, encoding: str = "utf-8") -> Path:
    path = folder / name
    path.write_bytes(text if isinstance(text, bytes) else text.encode(encoding))
    return path


# ---------------------------------------------------------------- scan: what is refused


def _recordings(folder: Path, sounds: Any) -> dict[str, Path]:
    whole = sounds.encode(folder / "whole.m4a", "m4a", sounds.tone(2.0)[None], 16_000)
    return {
        "missing": folder / "没有.m4a",
        "folder": folder,
        "empty": write(folder, "empty.mp3", b""),
        "text": write(folder, "text.mp3", "这不是录音\n" * 30),
        "cut": write(folder, "cut.m4a", whole.read_bytes()[:-1_500]),
        "short": sounds.encode(folder / "short.wav", "wav-16", sounds.tone(0.1)[None], 8_000),
    }


class _NoModel:
    """Stands in for the loaded Whisper model; too short recordings are found out later."""

    workers = 1

    def __init__(self, *_: object) -> None:
        pass


@pytest.mark.parametrize("case", ["missing", "folder", "empty", "text", "cut", "short"])
def test_scan_of_what_is_no_recording(
    tmp_path: Path, sounds: Any, detector: Run, monkeypatch: pytest.MonkeyPatch, case: str
) -> None:
    monkeypatch.setattr("detector.scan.Recogniser", _NoModel)
    path = _recordings(tmp_path, sounds)[case]
    refused(detector("scan", path, "--quiet"), path.name)


def test_scan_of_several_goes_on_after_a_bad_one(tmp_path: Path, detector: Run) -> None:
    ended = detector("scan", tmp_path / "a.m4a", write(tmp_path, "b.m4a", b""), "--quiet")
    assert ended.code == 2
    assert [line for line in ended.err.splitlines() if "错误" in line] == [
        f"错误:找不到文件 {tmp_path / 'a.m4a'},请检查路径 (file not found)。",
        "错误:b.m4a 是空文件(0 字节),请重新拷贝录音 (empty file)。",
    ]
    assert "2 failed" in ended.err


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        (["--threshold", "threat"], "CATEGORY=VALUE"),
        (["--threshold", "threat=high"], "CATEGORY=VALUE"),
        (["--threshold", "=0.5"], "unknown category"),
        (["--threshold", "fraud=0.5"], "unknown category"),
        (["--threshold", "threat=0"], "between 0 and 1"),
        (["--threshold", "threat=1.5"], "between 0 and 1"),
        (["--threshold", "threat=nan"], "between 0 and 1"),
        (["--script", "latin"], "--script"),
        (["--listener", "mother"], "--listener"),
        (["--device", "tpu"], "--device"),
        (["--beam-size", "0"], "--beam-size"),
        (["--beam-size", "21"], "--beam-size"),
        (["--beam-size", "two"], "--beam-size"),
        (["--threads", "-1"], "--threads"),
        (["--started-at", "gestern"], "ISO 8601"),
        (["--collector", "left"], "not a two-channel call"),
        (["--collector", "both"], "--collector"),
        (["--whisper-model", "gigantic"], "base(自带)"),
        (["--whisper-model", "{folder}"], "not a CTranslate2 Whisper folder"),
        (["--case", "{folder}/none.toml"], "facts file not found"),
        (["--case", "{folder}"], "cannot read facts"),
        (["--case", "{folder}/bad.toml"], "answerd_by"),
        (["-o", "{folder}/a.pdf"], "unknown suffix"),
        (["-o", "{folder}/none/a.json"], "no such folder"),
        (["-o", "{folder}/file"], "cannot make the folder"),
        (["-o", "{folder}/file/sub"], "cannot make the folder"),
        (["-o", "{recording}"], "unknown suffix"),
        (["--frobnicate"], "--frobnicate"),
    ],
)
def test_scan_options_that_cannot_be(
    tmp_path: Path, wav: Path, detector: Run, options: list[str], reason: str
) -> None:
    write(tmp_path, "bad.toml", 'answerd_by = "同事"')
    write(tmp_path, "file", "x")
    before = wav.read_bytes()
    filled = [part.format(folder=tmp_path, recording=wav) for part in options]
    refused(detector("scan", wav, *filled), reason)
    assert wav.read_bytes() == before


def test_output_over_the_recording(tmp_path: Path, wav: Path, detector: Run) -> None:
    recording = wav.rename(tmp_path / "call.json")
    before = recording.read_bytes()
    refused(detector("scan", recording, "-o", recording), "overwrite the recording")
    refused(detector("scan", recording, "-o", tmp_path / "." / "call.json"), "overwrite")
    assert recording.read_bytes() == before


def test_one_file_for_several_recordings(tmp_path: Path, wav: Path, detector: Run) -> None:
    refused(detector("scan", wav, wav, "-o", tmp_path / "a.html"), "folder for several")


def test_a_new_folder_may_have_a_date_in_its_name(tmp_path: Path, detector: Run) -> None:
    detector("scan", tmp_path / "none.m4a", "-o", tmp_path / "案件2026.11", "--quiet")
    assert (tmp_path / "案件2026.11").is_dir()


def test_model_that_cannot_be_loaded(tmp_path: Path, wav: Path, detector: Run) -> None:
    write(tmp_path, "model.bin", b"junk" * 100)
    write(tmp_path, "config.json", "{}")
    ended = detector("scan", wav, "--quiet", "--whisper-model", tmp_path)
    refused(ended, "cannot load the Whisper model")


@pytest.mark.parametrize("argv", [[], ["frob"], ["scan"], ["classify"], ["--frob"]])
def test_command_line_that_is_none(detector: Run, argv: list[str]) -> None:
    refused(detector(*argv))


def test_offline_a_model_name_fails_soon_and_names_what_is_here(
    tmp_path: Path, wav: Path, command: Run
) -> None:
    began = time.monotonic()
    ended = command(
        "scan", wav, "--whisper-model", "tiny",
        HF_ENDPOINT="http://127.0.0.1:9", HF_HOME=str(tmp_path / "hf"), HF_HUB_OFFLINE="",
        MODELSCOPE_CACHE=str(tmp_path / "scope"),
    )  # fmt: skip
    refused(ended, "tiny", "http://127.0.0.1:9", "base(自带)")
    assert time.monotonic() - began < 30


def test_error_in_a_process_of_its_own(tmp_path: Path, command: Run) -> None:
    ended = command("scan", tmp_path / "没有.m4a")
    refused(ended, "没有.m4a", "file not found")
    assert ended.err.count("\n") == 1


# ---------------------------------------------------------------- scan: where reports go


@pytest.fixture
def scanned(monkeypatch: pytest.MonkeyPatch, make_report: Run) -> None:
    """Every recording gives the same report, at once."""
    import dataclasses

    class Quick:
        def __init__(self, *_: object, **_more: object) -> None:
            pass

        def scan(self, path: Path, step: Any) -> Any:
            step("read", 0.0, None)
            step("transcribe", 1.0, 2.0)
            step("done", 2.0, 2.0)
            report = make_report()
            facts = dataclasses.replace(report.recording, file=path.name)
            return dataclasses.replace(report, recording=facts)

    monkeypatch.setattr("detector.scan.Scanner", Quick)


@pytest.mark.usefixtures("scanned")
def test_report_on_the_screen(wav: Path, detector: Run) -> None:
    ended = detector("scan", wav)
    assert ended.code == 0
    assert "疑似威胁恐吓 (threat)" in ended.out
    assert wav.name in ended.out
    assert "转写" in ended.err
    assert "转写" not in ended.out


@pytest.mark.usefixtures("scanned")
def test_quiet(wav: Path, detector: Run) -> None:
    assert detector("scan", wav, "--quiet").err == ""


@pytest.mark.usefixtures("scanned")
def test_json_on_the_screen(wav: Path, detector: Run) -> None:
    ended = detector("scan", wav, "--json", "--quiet")
    assert json.loads(ended.out)["recording"]["file"] == wav.name


@pytest.mark.usefixtures("scanned")
@pytest.mark.parametrize("suffix", ["json", "html", "txt", "srt", "vtt", "csv"])
def test_report_in_a_file(tmp_path: Path, wav: Path, detector: Run, suffix: str) -> None:
    target = tmp_path / f"报告.{suffix}"
    ended = detector("scan", wav, "--quiet", "-o", target)
    assert ended.code == 0
    assert str(target) in ended.out
    assert target.stat().st_size > 100


@pytest.mark.usefixtures("scanned")
def test_reports_in_a_folder(tmp_path: Path, sounds: Any, detector: Run) -> None:
    places = [tmp_path / "一" / "call.wav", tmp_path / "二" / "call.wav", tmp_path / "b.mp3"]
    for place in places:
        place.parent.mkdir(exist_ok=True)
        form = "mp3" if place.suffix == ".mp3" else "wav-16"
        sounds.encode(place, form, sounds.tone(1.0)[None], 16_000)
    ended = detector("scan", *places, "--quiet", "-o", tmp_path / "结果" / "今天")
    assert ended.code == 0
    assert sorted(os.listdir(tmp_path / "结果" / "今天")) == [
        "b.mp3.html", "call.wav.2.html", "call.wav.html",
    ]  # fmt: skip


# ---------------------------------------------------------------- classify


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


def test_unusable_cache(tmp_path: Path, command: Run) -> None:
    path = write(tmp_path, "a.txt", f"{ABUSE}\n")
    nowhere = str(path / "cache")
    ended = command("classify", path, DETECTOR_CACHE=nowhere)  # needs none
    assert "疑似威胁恐吓 (threat)" in ended.out
    assert (ended.code, ended.err) == (0, "")
    refused(command("models", DETECTOR_CACHE=nowhere), "DETECTOR_CACHE")


# ---------------------------------------------------------------- consoles


@pytest.mark.parametrize("encoding", ["gbk", "ascii"])
def test_console_that_cannot_show_everything(tmp_path: Path, command: Run, encoding: str) -> None:
    path = write(tmp_path, "a.txt", f"催收:{ABUSE}😡\u2022\u0e01\n")
    ended = command("classify", path, encoding=encoding)
    assert (ended.code, ended.err) == (0, "")
    assert "(threat)" in ended.out
    if encoding == "gbk":
        assert "疑似威胁恐吓" in ended.out
    wrong = command("scan", path, "-o", tmp_path / "没有😡.pdf", encoding=encoding)
    assert wrong.code == 2
    assert "Traceback" not in wrong.err
    assert "unknown suffix" in wrong.err


@pytest.mark.parametrize("encoding", ["gbk", "ascii", "utf-8"])
def test_help_everywhere(command: Run, encoding: str) -> None:
    ended = command("scan", "--help", encoding=encoding)
    assert (ended.code, ended.err) == (0, "")
    assert "--whisper-model" in ended.out


@pytest.mark.parametrize("argv", [["--help"], ["classify", "--help"], ["models", "--help"]])
def test_help(detector: Run, argv: list[str]) -> None:
    ended = detector(*argv)
    assert ended.code == 0
    assert "usage: detector" in ended.out


def test_version(detector: Run) -> None:
    ended = detector("--version")
    assert ended.code == 0
    assert ended.out.startswith("detector ")


def test_models(detector: Run, cache: Path) -> None:
    ended = detector("models")
    assert ended.code == 0
    assert ended.out.startswith("base(自带,默认)")
    assert str(cache) in ended.out
