"""The command: answers, exit codes, and one line of error for whatever goes wrong."""

import json
import os
import time
from pathlib import Path
from typing import Any

import pytest
from command_parts import ABUSE, Run, refused, write

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
