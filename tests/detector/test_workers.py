"""Workers do jobs, and what happens to one costs one job."""

import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

import pytest

from detector.errors import ModelError
from detector.jobs import Job, TimeLimit, WorkersError, cores, share
from detector.workers import LocalEngine

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
QUICK = TimeLimit(base_s=1.0, per_second=0.0, silent_s=0.6, silent_per_second=0.0)


@pytest.fixture(autouse=True)
def _tasks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(HERE))


def engine(config: Any = None, workers: int = 1, **more: Any) -> LocalEngine:
    return LocalEngine("worker_tasks:load", config, workers, **more)


def jobs(*orders: str) -> list[Job]:
    return [Job(str(n), HERE, order) for n, order in enumerate(orders)]


def alive(pid: int) -> bool:
    try:
        with open(f"/proc/{pid}/stat", encoding="ascii") as file:
            return file.read().rsplit(")", 1)[1].split()[0] not in "ZX"
    except OSError:
        return False


def wait_until(condition: Any, seconds: float = 10.0) -> bool:
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if condition():
            return True
        time.sleep(0.02)
    return False


def test_every_job_ends_once_whatever_happens_to_its_worker() -> None:
    orders = ("", "crash", "bad", "bug", "hang", "", "busy", "greedy", "print", "big 3000000", "")
    with engine(workers=2, limit=QUICK) as local:
        ended = {o.job.id: o for o in local.run(jobs(*orders))}
    assert [ended[str(n)].kind for n in range(len(orders))] == [
        "done", "crashed", "bad_input", "failed", "timed_out", "done", "timed_out", "crashed",
        "done", "done", "done",
    ]  # fmt: skip
    assert "SIGSEGV" in ended["1"].error
    assert ended["1"].tries == 2 and ended["2"].tries == 1 and ended["4"].tries == 1
    assert ended["2"].error == "不是录音 (not a recording)。"
    assert "ZeroDivisionError" in ended["3"].error and "密码" not in ended["3"].error
    assert "没有进展" in ended["4"].error and "用时超过" in ended["6"].error
    assert len(ended["9"].value) == 3_000_000
    assert ended["0"].peak_bytes is None or ended["0"].peak_bytes > 5_000_000


def test_a_job_whose_worker_was_killed_once_is_done_at_the_second_try(tmp_path: Path) -> None:
    with engine() as local:
        (outcome,) = local.run(jobs(f"crash-once {tmp_path / 'mark'}"))
    assert (outcome.kind, outcome.tries) == ("done", 2)


def test_a_worker_keeps_its_models_from_job_to_job() -> None:
    with engine() as local:
        pids = {o.value[2] for o in local.run(jobs("", "", ""))}
        assert pids == {o.value[2] for o in local.run(jobs("", ""))}
    assert len(pids) == 1


def test_jobs_are_taken_only_as_they_are_needed() -> None:
    taken = 0

    def source() -> Any:
        nonlocal taken
        for job in jobs(*[""] * 50):
            taken += 1
            yield job

    with engine() as local:
        next(iter(local.run(source())))
        assert taken <= 4


def test_steps_are_reported_with_their_job() -> None:
    seen: list[Any] = []
    with engine() as local:
        list(local.run(jobs("sleep 0.01"), lambda job, *step: seen.append((job.id, *step))))
    assert seen == [("0", "read", 0.0, 10.0), ("0", "done", 10.0, 10.0)]


def test_a_task_that_cannot_be_loaded_is_said_once_and_ends_the_run() -> None:
    with engine("no model", workers=2) as local, pytest.raises(ModelError, match="没有模型"):
        list(local.run(jobs("", "")))


def test_workers_that_die_at_the_start_are_not_started_for_ever() -> None:
    with engine("dies", workers=2) as local, pytest.raises(WorkersError, match="7"):
        list(local.run(jobs("", "")))


def test_closing_stops_a_worker_that_hangs_within_two_seconds() -> None:
    local = engine(workers=2)
    outcomes: list[Any] = []
    for job in jobs("hang", "hang"):
        local.submit(job, outcomes.append)
    assert wait_until(lambda: len(local.pids()) == 2)
    time.sleep(0.5)
    pids, began = local.pids(), time.monotonic()
    local.close()
    assert time.monotonic() - began < 2
    assert not any(alive(pid) for pid in pids)


def test_a_job_can_be_cancelled_while_it_waits_and_while_it_runs() -> None:
    outcomes: list[Any] = []
    with engine() as local:
        started = threading.Event()
        for job in jobs("hang", "", ""):
            local.submit(job, outcomes.append, lambda *_: started.set())
        assert started.wait(10)
        local.cancel("1")
        local.cancel("0")
        assert wait_until(lambda: len(outcomes) == 3)
    assert [(o.job.id, o.kind) for o in outcomes] == [
        ("1", "cancelled"), ("0", "cancelled"), ("2", "done"),
    ]  # fmt: skip


def test_threads_a_worker_are_limited() -> None:
    with engine(threads=3) as local:
        (outcome,) = local.run(jobs("threads"))
    assert outcome.value == "3"


def test_the_machine_is_shared_out_whole() -> None:
    assert share(1) == (1, cores())
    workers, threads = share()
    assert 1 <= workers * threads <= cores()
    assert share(3 * cores())[1] == 1
    assert share(None, cores())[0] == 1
    assert share(jobs=1) == (1, cores())


def test_a_worker_that_has_grown_too_big_is_replaced() -> None:
    with engine(recycle_bytes=1) as local:
        pids = [outcome.value[2] for outcome in local.run(jobs("", "", ""))]
    assert len({*pids}) == 3


def test_a_lying_header_does_not_stretch_the_limit(tmp_path: Path) -> None:
    file = tmp_path / "a.wav"
    file.write_bytes(b"x" * 1_000)
    limit = TimeLimit(base_s=60, per_second=20, silent_s=60, silent_per_second=1)
    assert limit.of(Job("1", file), 1e9) == limit.of(Job("1", file), None) == (260, 70)
    assert limit.of(Job("1", file), 2.0) == (100, 62)


PARENT = """
import sys, time
sys.path[:0] = [{here!r}, {root!r}]
from pathlib import Path
from detector.jobs import Job
from detector.workers import LocalEngine
local = LocalEngine("worker_tasks:load", None, 2)
for n in range(2):
    local.submit(Job(str(n), Path("."), "hang"), print)
while len(local.pids()) < 2:
    time.sleep(0.01)
time.sleep({nap})
print(*local.pids(), flush=True)
time.sleep(60)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc")
@pytest.mark.parametrize("nap", [0.0, 0.02, 1.0])
def test_workers_die_with_a_parent_that_is_killed(nap: float) -> None:
    code = PARENT.format(here=str(HERE), root=str(HERE.parent.parent), nap=nap)
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE) as parent:
        assert parent.stdout
        pids = [int(word) for word in parent.stdout.readline().split()]
        os.kill(parent.pid, signal.SIGKILL)
    assert len(pids) == 2
    assert wait_until(lambda: not any(alive(pid) for pid in pids), 2.0)


@pytest.mark.skipif(sys.platform != "linux", reason="asks the kernel for its parent")
def test_an_orphan_whose_parent_died_before_it_began_ends_itself() -> None:
    code = "import sys; from detector.worker_child import main; main({pid})"
    # a shell starts it, says its id and ends; its stdin stays open, so that cannot tell it
    script = 'exec 3<&0; sleep 0.3 && "$0" -c "$1" <&3 3<&- & echo $!'
    with subprocess.Popen(
        ["/bin/sh", "-c", script, sys.executable, code.format(pid=os.getpid() + 100_000_000)],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, env={**os.environ, "PYTHONPATH": str(ROOT)},
    ) as shell:  # fmt: skip
        assert shell.stdout
        pid = int(shell.stdout.readline())
        assert alive(pid)
        assert wait_until(lambda: not alive(pid), 30.0)
