"""Files go to a node and come back as they were; no cluster is needed to see that."""

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from detector.batch import ray_carry
from detector.batch.ray_carry import CancelledError, fetch, send
from detector.batch.ray_node import Ended, NodeWorker
from detector.errors import OutputError
from detector.jobs import Job, Outcome, TimeLimit

HERE = Path(__file__).parent
ROOT = HERE.parents[2]
Ask = Callable[..., Any]


@pytest.fixture
def node(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[NodeWorker]:
    """An actor without Ray, whose task leaves what `carry_task` says."""
    monkeypatch.syspath_prepend(str(HERE))
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    made = NodeWorker("carry_task:load", None, 1, TimeLimit())
    yield made
    made._engine.close()


@pytest.fixture
def ask(node: NodeWorker) -> Ask:
    return lambda method, *values: getattr(node, method)(*values)


def done(ask: Ask, job: Job) -> Ended:
    ask("begin", job, send(ask, job, lambda: False))
    until = time.monotonic() + 60
    while time.monotonic() < until:
        for news in ask("hear", 1.0):
            if isinstance(news, Ended):
                return news
    raise AssertionError("waited in vain")


def file(path: Path, data: bytes) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
    os.utime(path, ns=(1_700_000_000_123_456_789,) * 2)
    return path


def test_a_task_finds_its_files_as_they_are_here_and_nothing_else(
    ask: Ask, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ray_carry, "PIECE", 10)
    job = Job(
        "1", file(tmp_path / "微信" / "a.silk", b"0123456789" * 3), None, tmp_path / "out",
        (file(tmp_path / "微信" / "b\n.silk", b""), file(tmp_path / "c.silk", b"x" * 25)),
        {"report": file(tmp_path / "r.json", b"{}"), "more": tmp_path / "folder"},
    )  # fmt: skip
    file(tmp_path / "folder" / "deep" / "d", b"d")
    (tmp_path / "out").mkdir()
    ended = done(ask, job)
    assert ended.outcome.kind == "done", ended.outcome.error
    said = ended.outcome.value
    assert said["path"] == ["微信", "a.silk", 30, job.path.stat().st_mtime_ns]
    assert [one[:3] for one in said["also"]] == [
        ["微信", "b\n.silk", 0],
        [tmp_path.name, "c.silk", 25],
    ]
    assert said["extra"] == {"report": "{}", "more": ["deep/d"]}
    fetch(ask, ended, tmp_path / "out")
    assert (tmp_path / "out" / "a.json").read_bytes() == b"0123456789" * 3
    assert (tmp_path / "out" / "sub" / "empty").read_bytes() == b""
    ask("clear")
    again = done(ask, Job("2", file(tmp_path / "e.silk", b"e"), None, tmp_path / "out"))
    assert again.outcome.value["path"][1] == "e.silk" and len(again.files) == 2


def test_a_file_that_changes_on_the_way_has_another_time(ask: Ask, tmp_path: Path) -> None:
    path = file(tmp_path / "a.silk", b"x" * 100)
    before = path.stat().st_mtime_ns

    def meddling(method: str, *values: Any) -> Any:
        if method == "put":
            os.utime(path)
        return ask(method, *values)

    big = Job("1", path, None, tmp_path)
    ray_piece, ray_carry.PIECE = ray_carry.PIECE, 50
    try:
        ask("begin", big, send(meddling, big, lambda: False))
    finally:
        ray_carry.PIECE = ray_piece
    news: list[Any] = []
    while not news or not isinstance(news[-1], Ended):
        news += ask("hear", 1.0)
    assert news[-1].outcome.value["path"][3] != before


def test_a_job_given_up_is_not_sent_to_the_end(ask: Ask, tmp_path: Path) -> None:
    job = Job("1", file(tmp_path / "a.silk", b"x"))
    with pytest.raises(CancelledError):
        send(ask, job, lambda: True)


def test_a_node_cannot_write_elsewhere(tmp_path: Path) -> None:
    for name in ("../a", "/a", "b/../../a"):
        ended = Ended(Outcome(Job("1", tmp_path), "done"), ((name, 1),))
        with pytest.raises(ValueError, match="a"):
            fetch(lambda *_: b"x", ended, tmp_path / "out")
    assert not (tmp_path / "a").exists()


def test_a_result_that_cannot_be_written_is_said(tmp_path: Path) -> None:
    (tmp_path / "out").touch()
    ended = Ended(Outcome(Job("1", tmp_path), "done"), (("a", 1),))
    with pytest.raises(OutputError, match="无法写入"):
        fetch(lambda *_: b"x", ended, tmp_path / "out")


@pytest.mark.skipif(os.name == "nt", reason="a shell and kill -9")
def test_what_lies_on_a_node_goes_with_the_actor_even_if_that_is_killed(tmp_path: Path) -> None:
    code = (
        "import os; from detector.batch.ray_node import _Folder\n"
        "folder = _Folder(); (folder.path / 'in').mkdir(); (folder.path / 'in' / 'a').touch()\n"
        "print(folder.path, flush=True); os.kill(os.getpid(), 9)"
    )
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "TMPDIR": str(tmp_path)}
    done = subprocess.run([sys.executable, "-c", code], env=environment, stdout=subprocess.PIPE,
                          check=False)  # fmt: skip
    folder = Path(os.fsdecode(done.stdout.strip()))
    assert done.returncode == -9 and folder.parent == tmp_path
    until = time.monotonic() + 30
    while folder.exists() and time.monotonic() < until:
        time.sleep(0.02)
    assert not folder.exists()
