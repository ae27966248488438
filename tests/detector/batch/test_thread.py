"""Voice messages of a folder read as one conversation."""

import dataclasses
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from detector.audio import open_recording
from detector.batch.task import Config, Order, Task
from detector.batch.thread import GAP_S, in_order, join, thread_hash
from detector.errors import RecordingError
from detector.jobs import Job
from detector.report import read_report
from detector.scan import ScanOptions


@pytest.fixture
def messages(recordings: Path, sounds: Any) -> list[Path]:
    """Three messages of 1, 2 and 3 s, the third of a name that sorts before the second."""
    made = []
    for number, seconds in ((1, 1.0), (2, 2.0), (10, 3.0)):
        path = recordings / "聊天" / f"msg {number}.amr"
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(sounds.silk_voice(seconds, tencent=number != 2))
        made.append(path)
    return made


def test_numbers_and_times_in_names_tell_the_order() -> None:
    assert in_order(["a/10.slk", "a/9.slk", "a/b.slk"]) == ["a/9.slk", "a/10.slk", "a/b.slk"]
    timed = ["语音 2025-06-02 09-00-00.slk", "语音 2025-06-01 10-00-00.slk"]
    assert in_order(timed) == timed[::-1]


def test_every_message_keeps_its_place_and_hash(messages: list[Path], tmp_path: Path) -> None:
    joined = join(messages, tmp_path / "joined.wav")
    assert [m["file"] for m in joined.messages] == [path.name for path in messages]
    assert [m["sha256"] for m in joined.messages] == [open_recording(p).sha256 for p in messages]
    starts = [m["start_s"] for m in joined.messages]
    assert starts == pytest.approx([0.0, 1 + GAP_S, 3 + 2 * GAP_S], abs=0.15)
    length = open_recording(tmp_path / "joined.wav").duration_s
    assert length == pytest.approx(joined.duration_s) == pytest.approx(6 + 3 * GAP_S, abs=0.3)


def test_a_broken_message_is_left_out_and_named(messages: list[Path], tmp_path: Path) -> None:
    messages[1].write_bytes(b"#!SILK_V3")
    joined = join(messages, tmp_path / "joined.wav")
    assert len(joined.messages) == 2 and "msg 2.amr" in joined.unusable[0]
    for path in messages:
        path.write_bytes(b"#!SILK_V3")
    with pytest.raises(RecordingError):
        join(messages, tmp_path / "joined.wav")


def test_the_report_of_a_conversation_names_its_messages(
    messages: list[Path], tmp_path: Path, make_report: Callable[..., Any]
) -> None:
    seen = []

    def scan(path: Path, _step: Any) -> Any:
        recording = open_recording(path)
        seen.append(recording.duration_s)
        plain = make_report()
        facts = dataclasses.replace(plain.recording, sha256=recording.sha256)
        return dataclasses.replace(plain, recording=facts)

    hashes = tuple(open_recording(path).sha256 for path in messages)
    order = Order(thread_hash(hashes), 0, 0, "语音对话", ("msg 1.amr",), messages=hashes)
    job = Job("1", messages[0], order, tmp_path / "made", tuple(messages[1:]))
    scanned = Task(scan, Config(ScanOptions(), html=False))(job, lambda *_: None)
    report = read_report(tmp_path / "made" / "语音对话.json")
    assert not scanned.changed and seen[0] == pytest.approx(6 + 3 * GAP_S, abs=0.3)
    assert report.recording.sha256 == order.sha256 and report.recording.codec == "silk"
    assert report.recording.file == "聊天/语音对话"
    assert [m["sha256"] for m in report.settings["messages"]] == list(hashes)
    assert any("3 条语音" in warning for warning in report.warnings)
    messages[2].write_bytes(messages[1].read_bytes() + b"\x00")
    assert Task(scan, Config(ScanOptions(), html=False))(job, lambda *_: None).changed


def test_a_folder_is_one_conversation_only_where_asked_for(
    messages: list[Path], recordings: Path, batch: Callable[..., Any]
) -> None:
    given: list[Job] = []

    class Engine:
        def run(self, jobs: Any, _report: Any) -> Any:
            given.extend(jobs)
            return iter(())

        def close(self) -> None:
            pass

    single = recordings / "单独" / "a.amr"
    single.parent.mkdir()
    single.write_bytes(messages[0].read_bytes() + b"\0")
    batch(make_engine=lambda *_: Engine())
    assert len(given) == 4 and not any(job.also for job in given)
    given.clear()
    ran = batch(make_engine=lambda *_: Engine(), join_messages=True)
    whole, alone = sorted(given, key=lambda job: -len(job.also))
    assert [path.name for path in (whole.path, *whole.also)] == [p.name for p in messages]
    assert len(whole.payload.messages) == 3 and alone.path == single
    assert ran.summary["totals"]["recordings"] == 4
