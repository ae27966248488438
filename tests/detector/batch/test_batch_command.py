"""`detector batch` as a user meets it."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

Detector = Callable[..., Any]


@pytest.fixture(autouse=True)
def _faked(fake: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("detector.batch.run.TASK", "fake_scan:load")


def test_all_well_is_exit_code_0_and_one_line(
    detector: Detector, fake: Any, recordings: Path, tmp_path: Path
) -> None:
    fake.recording(recordings / "a.amr", flags=[["threat", "self_harm", 4]])
    ended = detector("batch", recordings, "-o", tmp_path / "out", "--no-html", "--quiet")
    assert ended.code == 0 and not ended.err
    help_line, result = ended.out.splitlines()
    assert "12356" in help_line
    assert result.startswith("1 个录音,1 通电话") and "summary.html" in result


def test_some_failed_is_exit_code_1_and_a_list(
    detector: Detector, fake: Any, recordings: Path, tmp_path: Path
) -> None:
    fake.recording(recordings / "a.amr")
    fake.recording(recordings / "坏\n.amr", do="bad")
    ended = detector("batch", recordings, "-o", tmp_path / "out", "--no-html")
    assert ended.code == 1
    assert "没有完成:坏\ufffd.amr  不是录音 (not a recording)。" in ended.err
    assert "没有完成 1 个" in ended.out


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["gone", "-o", "out"], "找不到文件夹"),
        (["file", "-o", "out"], "不是文件夹"),
        (["in", "-o", "in"], "不能是录音文件夹本身"),
        (["in", "-o", "file"], "是文件"),
        (["in", "-o", "out"], "没有找到录音"),
        (["in", "-o", "out", "--workers", "0"], "--workers"),
        (["in", "-o", "out", "--engine", "ray"], "[ray]"),
        (["in", "-o", "out", "--ray-address", "x"], "--engine ray"),
        (["in", "-o", "out", "--call-log", "gone.csv"], "通话记录"),
        (["in", "-o", "out", "--threshold", "x=0.5"], "类别"),
        (["in", "-o", "out", "--whisper-model", "no-such"], "no-such"),
        (["in", "-o", "file/out"], "无法写入"),
        (["in", "-o", "out", "--time-zone", "Mars/Base"], "时区"),
    ],
)
def test_bad_input_is_one_sentence_and_exit_code_2(
    detector: Detector, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, words: list[str], said: str
) -> None:
    if "[ray]" in said:
        monkeypatch.setitem(__import__("sys").modules, "detector.batch.ray_engine", None)
    monkeypatch.chdir(tmp_path)
    (tmp_path / "in").mkdir()
    (tmp_path / "file").touch()
    ended = detector("batch", *words)
    assert ended.code == 2 and not ended.out
    (line,) = ended.error_lines
    assert said in line


def test_progress_counts_recordings_hours_and_speed(
    detector: Detector, fake: Any, recordings: Path, tmp_path: Path
) -> None:
    fake.recording(recordings / "a.amr", duration_s=7_200.0)
    ended = detector("batch", recordings, "-o", tmp_path / "out", "--no-html")
    assert "1/1 个录音  2.00 小时音频" in ended.err and "× 实时" in ended.err
