"""`detector review`: the dialogue, its forms without dialogue, and leaving it at any moment."""

import builtins
import json
import os
import signal
import subprocess
import sys
import time
import wave
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from detector.evidence.decisions import read_decisions, review
from detector.evidence.material import open_material
from detector.evidence.player import Piece, play, write_wav
from detector.report import read_report

Run = Callable[..., Any]
ROOT = Path(__file__).parents[3]


@pytest.fixture
def path(tmp_path: Path, make_report: Run) -> Path:
    file = tmp_path / "报告.json"
    file.write_text(make_report().to_json(), "utf-8")
    return file


@pytest.fixture
def case(tmp_path: Path, make_report: Run) -> Path:
    """A case folder with two recordings, as far as the review looks at it."""
    folder = tmp_path / "案件"
    (folder / "reports").mkdir(parents=True)
    (folder / "original").mkdir()
    for number in (1, 2):
        (folder / "reports" / f"{number}.json").write_text(make_report().to_json(), "utf-8")
    return folder


@pytest.fixture
def answers(monkeypatch: pytest.MonkeyPatch) -> Callable[..., list[str]]:
    """Let a person type these answers, and then close the terminal; an exception is raised."""

    def give(*typed: Any) -> list[str]:
        prompts: list[str] = []
        waiting: Iterator[Any] = iter(typed)

        def ask(prompt: str = "") -> str:
            prompts.append(prompt)
            answer = next(waiting, EOFError())
            if isinstance(answer, BaseException):
                raise answer
            return str(answer)

        monkeypatch.setattr(builtins, "input", ask)
        return prompts

    return give


def states(path: Path) -> dict[str, str]:
    reviewed = review(read_report(path), read_decisions(path))
    return {f.flag.id: f.flag.status for f in reviewed.flags}


def test_a_flag_is_shown_with_its_context_and_decided(
    path: Path, detector: Run, answers: Run
) -> None:
    before = path.read_bytes()
    prompts = answers("y 听清楚了", "n 没有辱骂")
    ended = detector("review", path, "--by", "王律师")
    assert ended.code == 0
    assert states(path) == {"F1": "confirmed", "F2": "rejected"}
    made = read_decisions(path)
    assert [(d.by, d.note) for d in made] == [("王律师", "听清楚了"), ("王律师", "没有辱骂")]
    assert path.read_bytes() == before
    for shown in (
        "疑似威胁恐吓", "上门恐吓", "1:00:00.0–1:00:05.5", "A(催收方)", "0.91",
        "喂,请问是李先生吗", "<我>是 & 请讲", "=你给【我等着】,今晚带人【砸你家玻】璃",
        "za li jia bo", "分数低于标记线", "待复核", f"detector evidence {path}",
    ):  # fmt: skip
        assert shown in ended.out
    assert all(word in prompts[0] for word in ("y 确认", "n 不是", "u 退回未复核", "q 结束"))


def test_answers_in_words_and_full_width(path: Path, detector: Run, answers: Run) -> None:
    answers("\uff39", "不是")
    detector("review", path, "--by", "王")
    assert states(path) == {"F1": "confirmed", "F2": "rejected"}


def test_what_was_decided_is_not_asked_again_unless_wanted(
    path: Path, detector: Run, answers: Run
) -> None:
    answers("", "y")
    detector("review", path, "--by", "王")
    assert states(path) == {"F1": "unreviewed", "F2": "confirmed"}
    prompts = answers("q")
    ended = detector("review", path, "--by", "王")
    assert "── F1  第 1 条,共 1 条" in ended.out
    answers("", "u 再想想", "")
    detector("review", path, "--by", "王", "--all")
    assert states(path) == {"F1": "unreviewed", "F2": "unreviewed"}
    answers("y", "b", "n")
    detector("review", path, "--by", "王")
    assert states(path) == {"F1": "rejected", "F2": "unreviewed"}
    assert len(prompts) == 1


def test_text_and_speaker_are_corrected_on_the_way(path: Path, detector: Run, answers: Run) -> None:
    answers("t", "你给我等着,今晚带人来", "s", "B", "s", "B=第三方", "s", "甲", "t", "", "x", "y")
    ended = detector("review", path, "--by", "王")
    assert ended.code == 0
    third = review(read_report(path), read_decisions(path)).utterances[2]
    assert (third.text, third.utterance.speaker, third.utterance.role) == (
        "你给我等着,今晚带人来", "B", "third_party",
    )  # fmt: skip
    assert "机器听作:=你给我等着,今晚带人砸你家玻璃" in ended.out
    assert "a speaker is a letter" in ended.out  # refused, and asked again
    assert states(path)["F1"] == "confirmed"


@pytest.mark.parametrize(("leave", "code"), [(EOFError(), 0), (KeyboardInterrupt(), 130), ("q", 0)])
def test_leaving_keeps_what_was_decided(
    path: Path, detector: Run, answers: Run, leave: Any, code: int
) -> None:
    answers("y", leave)
    ended = detector("review", path, "--by", "王")
    assert ended.code == code
    assert states(path) == {"F1": "confirmed", "F2": "unreviewed"}
    assert "已保存 1 条决定" in ended.out
    assert "报告.decisions.jsonl" in ended.out
    assert "未复核 1" in ended.out
    assert "Traceback" not in ended.err


def test_the_name_is_asked_for_once(
    path: Path, detector: Run, answers: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("getpass.getuser", lambda: "lawyer7")
    prompts = answers("", "y", "y")
    detector("review", path)
    assert {d.by for d in read_decisions(path)} == {"lawyer7"}
    assert sum("复核人姓名" in prompt for prompt in prompts) == 1


def test_the_whole_transcript_is_proofread(path: Path, detector: Run, answers: Run) -> None:
    answers("t 喂,您好", "", "a", "2", "3", "s C", "b", "b", "U3", "p", "什么", "q")
    ended = detector("review", path, "--transcript", "--by", "王")
    assert ended.code == 0
    reviewed = review(read_report(path), read_decisions(path))
    assert reviewed.utterances[0].text == "喂,您好"
    (added,) = [f.flag for f in reviewed.flags if f.flag.origin == "human"]
    assert (added.category, added.subtype, added.utterance_ids) == ("insult", "mockery", ("U3",))
    assert reviewed.utterances[2].utterance.speaker == "C"
    assert "找不到录音" in ended.out


def test_decisions_without_a_dialogue(path: Path, detector: Run) -> None:
    ended = detector(
        "review", path, "--by", "王律师", "--confirm", "f1", "--reject", "F2", "--note", "说笑",
        "--correct", "U1", "喂,您好", "--speaker", "U2", "c", "--role", "C", "借款人",
        "--add", "U1", "U2", "--category", "threat", "--subtype", "veiled",
    )  # fmt: skip
    assert ended.code == 0, ended
    assert states(path) == {"F1": "confirmed", "F2": "rejected", "H1": "confirmed"}
    reviewed = review(read_report(path), read_decisions(path))
    assert [u.utterance.role for u in reviewed.utterances] == ["collector", "debtor", "collector"]
    assert {(d.by, d.note) for d in reviewed.decisions} == {("王律师", "说笑")}
    listed = detector("review", path, "--list").out
    assert "已确认(王律师," in listed
    assert "已否定" in listed
    assert "喂,您好" in listed
    detector("review", path, "--reopen", "H1", "F1", "F2", "--by", "李")
    assert set(states(path).values()) == {"unreviewed"}


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        (["--confirm", "F1", "F9"], "F9"),
        (["--confirm", "F1", "--speaker", "U1", "甲"], "A、B、C"),
        (["--confirm", "F1", "--role", "A", "老板"], "unknown role"),
        (["--confirm", "第一条"], "write F3"),
        (["--confirm", "2-F1"], "no such recording"),
        (["--confirm", "F1", "--correct", "U1", " "], "听不清"),
        (["--add", "U1"], "--category"),
        (["--add", "U1", "--category", "insult"], "subtype"),
        (["--add", "U1", "--category", "insult", "--subtype", "veiled"], "subtype"),
        (["--category", "insult"], "--add"),
        (["--note", "x"], "--note"),
        (["--confirm", "F1", "--by", " "], "--by"),
        (["--list", "--export", "x.jsonl"], "--export"),
    ],
)
def test_refused_whole(path: Path, detector: Run, words: list[str], reason: str) -> None:
    ended = detector("review", path, *words)
    assert ended.code == 2
    (line,) = ended.error_lines
    assert reason in line
    assert read_decisions(path) == ()  # not even those that could have been


def test_a_case_of_several_recordings(case: Path, detector: Run, answers: Run) -> None:
    ended = detector("review", case, "--confirm", "F1", "--by", "王")
    assert "1-F1" in ended.error_lines[0]
    detector("review", case, "--confirm", "2-F1", "--by", "王")
    assert states(case / "reports" / "2.json")["F1"] == "confirmed"
    assert read_decisions(case / "reports" / "1.json") == ()
    answers("n", "y", "y")
    ended = detector("review", case, "--by", "李")
    assert "── 1-F1" in ended.out
    assert states(case / "reports" / "1.json") == {"F1": "rejected", "F2": "confirmed"}
    assert states(case / "reports" / "2.json") == {"F1": "confirmed", "F2": "confirmed"}
    assert f"detector evidence {case}" in ended.out


def test_a_case_that_is_being_exported_is_not_decided_on(
    case: Path, detector: Run, answers: Run
) -> None:
    from detector.evidence.lock import locked

    answers("y", "q")
    with locked(case):
        ended = detector("review", case, "--by", "李")
        assert "the case is in use" in ended.out
        assert detector("review", case, "--confirm", "1-F1").code == 2
    assert read_decisions(case / "reports" / "1.json") == ()


@pytest.mark.parametrize("what", ["missing", "folder", "recording", "other", "broken", "decisions"])
def test_what_cannot_be_reviewed(path: Path, wav: Path, detector: Run, what: str) -> None:
    other = path.with_name("other.json")
    other.write_text('{"a": 1}', "utf-8")
    if what in ("broken", "decisions"):
        text = '{"at": 1}\n{}\n' if what == "decisions" else "\0\n\0\n"
        path.with_name("报告.decisions.jsonl").write_text(text, "utf-8")
    target = {"missing": path.with_name("none.json"), "folder": path.parent, "recording": wav,
              "other": other}.get(what, path)  # fmt: skip
    ended = detector("review", target, "--list")
    assert ended.code == 2
    assert len(ended.error_lines) == 1
    if what == "recording":
        assert "detector scan" in ended.err


def test_a_hostile_report_cannot_write_to_the_terminal(
    path: Path, detector: Run, answers: Run
) -> None:
    data = json.loads(path.read_text("utf-8"))
    for utterance in data["utterances"]:
        utterance["text"] += "\x1b]0;owned\x07\r"
    data["flags"][0]["quote"] = data["utterances"][2]["text"]
    data["flags"][0]["note"] = "\x1b[2J"
    data["recording"]["file"] = "a\x1b[31m.wav"
    path.write_text(json.dumps(data), "utf-8")
    answers("y", "q")
    for words in ((), ("--list",), ("--transcript",)):
        ended = detector("review", path, "--by", "王", *words)
        assert ended.code == 0
        assert "\x1b" not in ended.out
        assert "\r" not in ended.out


# ---------------------------------------------------------------- sound


@pytest.fixture
def heard(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Put a player into the path that keeps what it was given to play."""
    if os.name == "nt":
        pytest.skip("a shell script stands in for the player")
    folder = tmp_path / "bin"
    folder.mkdir()
    player = folder / "mpv"
    kept = tmp_path / "heard.wav"
    player.write_text(f'#!/bin/sh\nfor last; do :; done\ncat "$last" > "{kept}"\n', "utf-8")
    player.chmod(0o755)
    monkeypatch.setenv("PATH", f"{folder}:/usr/bin:/bin")
    return kept


def seconds(file: Path) -> float:
    with wave.open(str(file)) as sound:
        return sound.getnframes() / sound.getframerate()


def located(path: Path, recording: Path) -> None:
    """Make the report one of this recording, with flags that lie within it."""
    from detector.audio import open_recording

    opened = open_recording(recording)
    data = json.loads(path.read_text("utf-8"))
    data["recording"] |= {"file": recording.name, "sha256": opened.sha256, "bytes": opened.bytes}
    for item in (*data["flags"], data["utterances"][2]):
        item["start_s"], item["end_s"] = 6.0, 8.0
    path.write_text(json.dumps(data, ensure_ascii=False), "utf-8")


def test_the_passage_is_cut_from_the_recording_beside_the_report(
    path: Path, sounds: Any, detector: Run, answers: Run, heard: Path
) -> None:
    recording = sounds.encode(path.with_name("通话.wav"), "wav-16", sounds.tone(20.0)[None], 16_000)
    located(path, recording)
    answers("q")
    ended = detector("review", path, "--by", "王")
    assert seconds(heard) == pytest.approx(10.0, abs=0.1)  # four seconds before and after
    assert "播放器" not in ended.out
    heard.unlink()
    detector("review", path, "--by", "王", "--no-play")
    assert not heard.exists()


def test_another_file_of_that_name_is_not_played(
    path: Path, sounds: Any, detector: Run, answers: Run, heard: Path
) -> None:
    recording = sounds.encode(path.with_name("通话.wav"), "wav-16", sounds.tone(20.0)[None], 16_000)
    located(path, recording)
    changed = bytearray(recording.read_bytes())
    changed[-5] ^= 1
    recording.write_bytes(changed)
    answers("p", "q")
    ended = detector("review", path, "--by", "王")
    assert ended.code == 0
    assert "找不到录音" in ended.out
    assert not heard.exists()


def test_a_case_plays_the_clips_listening_copy(
    case: Path, sounds: Any, detector: Run, answers: Run, heard: Path
) -> None:
    (case / "clips").mkdir()
    name = "1-F1_1h00m00.0s-1h00m05.5s_abababab.试听副本-非证据.mp3"
    sounds.encode(case / "clips" / name, "mp3", sounds.tone(3.0)[None], 16_000)
    answers("q")
    detector("review", case, "--by", "王")
    assert seconds(heard) == pytest.approx(3.0, abs=0.2)


def test_without_a_player_it_says_where_to_listen(
    path: Path, sounds: Any, detector: Run, answers: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(path.parent))
    monkeypatch.setattr("detector.evidence.player._windows_player", lambda: None)
    recording = sounds.encode(path.with_name("通话.wav"), "wav-16", sounds.tone(20.0)[None], 16_000)
    located(path, recording)
    answers("y", "q")
    ended = detector("review", path, "--by", "王")
    assert f"{recording} 0:00:06.0 处" in ended.out
    assert states(path)["F1"] == "confirmed"


def test_players_that_fail_are_passed_over(tmp_path: Path, wav: Path, heard: Path) -> None:
    broken = heard.parent / "bin" / "ffplay"
    broken.write_text("#!/bin/sh\nexit 1\n", "utf-8")
    broken.chmod(0o755)
    assert play(Piece(wav))
    assert heard.exists()
    assert not play(Piece(wav), players=(("ffplay",),))
    assert not play(Piece(tmp_path / "none.wav"))


def test_a_piece_beyond_the_end_is_as_long_as_there_is_sound(tmp_path: Path, sounds: Any) -> None:
    recording = sounds.encode(tmp_path / "a.wav", "wav-16", sounds.tone(5.0)[None], 16_000)
    write_wav(Piece(recording, 4.0, 99.0), tmp_path / "b.wav")
    assert seconds(tmp_path / "b.wav") == pytest.approx(1.0, abs=0.05)


def test_material_of_one_report_within_a_case(case: Path) -> None:
    (one,) = open_material(case / "reports" / "2.json")
    assert (one.number, one.case) == (2, case)


@pytest.mark.skipif(os.name == "nt", reason="no SIGINT to a child there")
def test_an_interrupt_loses_nothing(path: Path) -> None:
    running = subprocess.Popen(
        [sys.executable, "-m", "detector", "review", str(path)],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, cwd=ROOT,
        env={**os.environ, "PYTHONIOENCODING": "utf-8", "PATH": str(path.parent)},
    )  # fmt: skip
    assert running.stdin
    running.stdin.write("王律师\ny\n".encode())
    running.stdin.flush()
    for _ in range(600):
        if read_decisions(path):
            break
        time.sleep(0.05)
    time.sleep(0.3)  # until it asks again
    running.send_signal(signal.SIGINT)
    out, err = running.communicate(timeout=30)
    assert running.returncode == 130
    assert "已保存 1 条决定" in out.decode()
    assert b"Traceback" not in err
    assert states(path) == {"F1": "confirmed", "F2": "unreviewed"}
