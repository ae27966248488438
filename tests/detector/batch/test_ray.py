"""A real Ray cluster of two nodes on this machine does what one machine does."""

import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from detector.batch.run import TASK, run_batch
from detector.batch.run import Batch as Folder
from detector.batch.show import Show
from detector.errors import ModelError, OptionError
from detector.jobs import Job, WorkersError
from detector.scan import ScanOptions

pytest.importorskip("ray", reason="needs the extra ray: pip install '.[ray]'")
pytestmark = [
    pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc"),
    pytest.mark.filterwarnings("ignore"),
]
HERE = Path(__file__).parent
ROOT = HERE.parents[2]
Run = Callable[..., Any]


@pytest.fixture(scope="module")
def cluster(cache: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """Two nodes of one CPU; what they lay down goes into a folder of its own."""
    from detector.batch.ray_cluster import ray  # first: it switches telemetry off

    assert ray.is_initialized() is False
    from ray.cluster_utils import Cluster

    before = dict(os.environ)
    os.environ["PYTHONPATH"] = os.pathsep.join((str(ROOT), str(HERE), str(HERE.parent)))
    os.environ["RAY_worker_niceness"] = "0"  # noqa: SIM112  15 is slow beside others
    os.environ["TMPDIR"] = str(tmp_path_factory.mktemp("node"))
    small = {"num_cpus": 1, "object_store_memory": 80 << 20, "include_dashboard": False}
    cluster = Cluster(initialize_head=True, head_node_args=small)
    cluster.small = small
    cluster.second = cluster.add_node(num_cpus=1, object_store_memory=80 << 20)
    cluster.nodes_lay_into = Path(os.environ["TMPDIR"])
    os.environ.clear()
    os.environ.update(before)
    yield cluster
    cluster.shutdown()


@pytest.fixture(scope="module")
def engine(cluster: Any) -> Iterator[Any]:
    """Two workers with the tasks of the tests of workers, and little patience."""
    from detector.batch.ray_engine import RayEngine
    from detector.jobs import TimeLimit

    quick = TimeLimit(base_s=6.0, per_second=0.0, silent_s=3.0, silent_per_second=0.0)
    with RayEngine(cluster.address, "worker_tasks:load", None, 2, limit=quick) as made:
        yield made


@pytest.fixture
def run(cluster: Any, fake: Any, recordings: Path, tmp_path: Path) -> Run:
    """Run over the recordings: locally, or on the cluster (`address` given)."""

    def run(out: str, address: str | None = None, **more: Any) -> Any:
        from detector.batch.ray_engine import ray_engine, ray_share

        for path in recordings.rglob("*"):
            if path.is_file():
                os.utime(path, (time.time() - 100, time.time() - 100))
        options = {"html": False, "task": "fake_scan:load", "workers": 2, **more}
        if address:
            options |= {"make_engine": ray_engine(address), "share": ray_share}
        scan = options.pop("scan", ScanOptions())
        return run_batch(Folder(recordings, tmp_path / out, scan, **options), Show(True))

    return run


def files(out: Path) -> dict[str, bytes]:
    return {
        path.relative_to(out).as_posix(): path.read_bytes()
        for path in (out / "reports").rglob("*")
        if path.is_file()
    }


def left_on(cluster: Any) -> list[Path]:
    """Return what is left of recordings on the nodes."""
    return list(cluster.nodes_lay_into.glob("detector-ray-*"))


def wait_for(condition: Any, seconds: float = 120.0) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.02)


def test_a_cluster_says_what_one_machine_says_file_for_file(
    cluster: Any, run: Run, fake: Any, recordings: Path, tmp_path: Path
) -> None:
    for number in range(5):
        fake.recording(
            recordings / f"{number}" / f"通话录音@0210000000{number}_2025060110{number:02}00.amr",
            n=number, flags=[["threat", "violence", 4]] * (number % 3),
        )  # fmt: skip
    fake.recording(recordings / "换\n行.amr", pad="x" * 20_000_000)  # in three pieces
    (recordings / os.fsdecode(b"\xff\xfe.amr")).write_bytes(b'#!AMR\n{"n": 7}')
    fake.recording(recordings / "bad.amr", do="bad")
    fake.recording(recordings / "crash.amr", do="crash")
    here, there = run("local"), run("ray", cluster.address)
    assert here.summary == there.summary
    assert {f["kind"] for f in there.summary["failures"]} == {"bad_input", "crashed"}
    assert (
        files(tmp_path / "local") == files(tmp_path / "ray") and len(files(tmp_path / "ray")) == 7
    )
    assert there.peak_bytes > 1_000_000
    wait_for(lambda: not left_on(cluster))


def test_finished_reports_are_used_again_on_the_cluster(
    cluster: Any, run: Run, fake: Any, recordings: Path, tmp_path: Path, scans: Any
) -> None:
    fake.recording(recordings / "a.amr", n=1)
    run("out")
    (tmp_path / "out" / ".detector" / "ledger.sqlite").unlink()
    scans()
    assert run("out", cluster.address).scanned == 1
    assert (tmp_path / "out" / "reports" / "a.amr.json").exists()


def jobs(*orders: str) -> list[Job]:
    return [Job(str(n), HERE / "conftest.py", order) for n, order in enumerate(orders)]


def test_jobs_end_as_they_do_on_one_machine(engine: Any) -> None:
    orders = ("", "crash", "bad", "bug", "hang", "", "busy", "greedy", "big 3000000")
    seen: list[Any] = []
    ended = {
        outcome.job.id: outcome
        for outcome in engine.run(jobs(*orders), lambda job, *step: seen.append((job.id, *step)))
    }
    assert [ended[str(n)].kind for n in range(len(orders))] == [
        "done", "crashed", "bad_input", "failed", "timed_out", "done", "timed_out", "crashed",
        "done",
    ]  # fmt: skip
    assert "SIGSEGV" in ended["1"].error and ended["1"].tries == 2
    assert ended["2"].error == "不是录音 (not a recording)。"
    assert len(ended["8"].value) == 3_000_000
    assert ("0", "done", 10.0, 10.0) in seen


def test_a_job_can_be_cancelled_while_it_waits_and_while_it_runs(engine: Any) -> None:
    outcomes: list[Any] = []
    started = [threading.Event(), threading.Event()]
    for job in jobs("busy", "busy", ""):
        engine.submit(job, outcomes.append, lambda job, *_: started[int(job.id)].set())
    assert all(event.wait(120) for event in started)
    for job_id in ("2", "0", "1"):
        engine.cancel(job_id)
    wait_for(lambda: len(outcomes) == 3)
    assert {(o.job.id, o.kind) for o in outcomes} == {(name, "cancelled") for name in "012"}
    assert outcomes[0].job.id == "2"
    assert [o.kind for o in engine.run(jobs(""))] == ["done"]


def test_a_recording_that_is_gone_costs_itself(engine: Any, tmp_path: Path) -> None:
    lost = Job("lost", tmp_path / "gone.amr", "")
    ended = {o.job.id: o for o in engine.run([lost, *jobs("")])}
    assert (ended["lost"].kind, ended["0"].kind) == ("failed", "done")
    assert "gone.amr" in ended["lost"].error


def test_closing_kills_all_at_once(engine: Any, cluster: Any) -> None:
    started = threading.Event()
    for job in jobs("busy", "busy"):
        engine.submit(job, lambda _: None, lambda *_: started.set())
    assert started.wait(120)
    began = time.monotonic()
    engine.close()
    assert time.monotonic() - began < 3
    wait_for(lambda: not left_on(cluster))


def test_a_task_that_cannot_be_loaded_ends_the_run(cluster: Any) -> None:
    from detector.batch.ray_engine import RayEngine

    with (
        RayEngine(cluster.address, "worker_tasks:load", "no model", 1) as made,
        pytest.raises(ModelError, match="没有模型"),
    ):
        list(made.run(jobs("", "")))


def test_a_node_with_another_program_is_refused_by_name(
    cluster: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    from detector.batch import ray_cluster
    from detector.batch.program import this_program
    from detector.batch.ray_engine import RayEngine

    def other(whisper_model: str | None) -> Any:
        import dataclasses

        real = this_program(whisper_model)
        return dataclasses.replace(
            real, version="0.0.9", models={**real.models, "words.npz": "f" * 64}
        )

    monkeypatch.setattr(ray_cluster, "this_program", other)
    with pytest.raises(WorkersError, match=r"程序版本 .*本机 0\.0\.9;模型 words\.npz"):
        RayEngine(cluster.address, "worker_tasks:load", None, 2)


def silent_port() -> tuple[socket.socket, int]:
    server = socket.create_server(("127.0.0.1", 0))
    return server, server.getsockname()[1]


@pytest.mark.parametrize(
    ("address", "said"),
    [
        ("closed", "连不上"),
        ("other", "那里不是 Ray"),
        ("nonsense", "看不懂"),
        (None, "没有运行 Ray"),
    ],
)
def test_a_cluster_that_cannot_be_reached_is_said_at_once(
    address: str | None, said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    from detector.batch import ray_cluster

    monkeypatch.setattr(ray_cluster, "_REACH_S", 0.5)
    monkeypatch.setattr("ray.init", no_cluster)
    monkeypatch.delenv("RAY_ADDRESS", raising=False)
    server, port = silent_port()
    with server:
        if address == "closed":
            server.close()
        if address in ("closed", "other"):
            address = f"127.0.0.1:{port}"
        began = time.monotonic()
        with pytest.raises(OptionError, match=said):
            ray_cluster.Cluster(address, 1)
    assert time.monotonic() - began < 5


def no_cluster(address: str, **_: Any) -> None:
    raise ConnectionError("Could not find any running Ray instance.")


def node(name: str, **resources: float) -> dict[str, Any]:
    return {"NodeID": name, "Alive": True, "NodeManagerAddress": name,
            "Resources": {"memory": 8e9, **resources}}  # fmt: skip


@pytest.mark.parametrize(
    ("device", "workers", "gpus"), [("auto", 3, 1), ("cuda", 3, 1), ("cpu", 12, 0)]
)
def test_workers_go_to_gpus_where_the_cluster_has_some(
    monkeypatch: pytest.MonkeyPatch, device: str, workers: int, gpus: int
) -> None:
    from detector.batch import ray_cluster

    nodes = [node("a", CPU=4), node("b", CPU=8, GPU=2), node("c", CPU=2, GPU=1)]
    nodes[0]["Resources"]["memory"] = 2.0e9  # for two workers
    monkeypatch.setattr(ray_cluster, "_connect", lambda _: False)
    monkeypatch.setattr(ray_cluster.Cluster, "_check_programs", lambda _: None)
    monkeypatch.setattr("ray.nodes", lambda: nodes)
    cluster = ray_cluster.Cluster(None, 1, ScanOptions(device=device))
    assert (cluster.capacity(), cluster.demand["num_gpus"]) == (workers, gpus)
    assert cluster.demand["num_cpus"] == 1 and cluster.demand["memory"] > 5e8
    del nodes[1:]
    if device == "cuda":
        with pytest.raises(OptionError, match="没有 GPU"):
            ray_cluster.Cluster(None, 1, ScanOptions(device=device))
    else:
        assert ray_cluster.Cluster(None, 1, ScanOptions(device=device)).gpus == 0


def test_workers_that_no_node_can_hold_are_refused(cluster: Any) -> None:
    from detector.batch.ray_engine import RayEngine

    with pytest.raises(OptionError, match="放得下"):
        RayEngine(cluster.address, "worker_tasks:load", None, 1, threads=64)


def test_ctrl_c_stops_at_once_and_keeps_what_is_done(
    cluster: Any, fake: Any, recordings: Path, tmp_path: Path
) -> None:
    fake.recording(recordings / "a.amr", pad="x" * 100)
    fake.recording(recordings / "b.amr", do="hang")
    code = (
        "import sys; from detector.batch import run; run.TASK = 'fake_scan:load'\n"
        "from detector.cli import main; sys.exit(main(sys.argv[1:]))"
    )
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join((str(ROOT), str(HERE)))}
    with subprocess.Popen(
        [sys.executable, "-c", code, "batch", recordings, "-o", tmp_path / "out", "--no-html",
         "--engine", "ray", "--ray-address", cluster.address],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=environment, start_new_session=True,
    ) as process:  # fmt: skip
        try:
            wait_for((tmp_path / "out" / "reports" / "a.amr.json").exists)
            began = time.monotonic()
            os.killpg(process.pid, signal.SIGINT)
            out, err = process.communicate(timeout=10)
        finally:
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)
        assert process.returncode == 130 and time.monotonic() - began < 5
        assert not out and "已中止" in err.decode() and "Traceback" not in err.decode()
    wait_for(lambda: not left_on(cluster))


@pytest.mark.slow
def test_the_real_scanner_writes_the_same_reports_and_pages(
    cluster: Any, run: Run, recordings: Path, tmp_path: Path, sounds: Any
) -> None:
    from detector.audio import RATE, Decoder, open_recording

    sample = open_recording(ROOT / "samples" / "abusive_debtor.m4a")
    heard = np.concatenate([block.mean(axis=0) for block in Decoder(sample)])
    sounds.encode(recordings / "a.wav", "wav-16", heard[None, 38 * RATE : 46 * RATE], RATE)
    options = {"task": TASK, "workers": 1, "html": True, "scan": ScanOptions(threads=1)}
    here, there = run("local", **options), run("ray", cluster.address, **options)
    assert here.summary == there.summary and here.summary["totals"]["calls"] == 1
    assert files(tmp_path / "local") == files(tmp_path / "ray")
    assert len(files(tmp_path / "ray")) == 2


def test_a_node_killed_midway_loses_nothing(
    cluster: Any, run: Run, fake: Any, recordings: Path, tmp_path: Path
) -> None:
    for number in range(10):
        fake.recording(recordings / f"{number}.amr", n=number, sleep_s=0.6, pad="x" * number)
    quiet = run("local").summary
    reports = tmp_path / "ray" / "reports"

    def kill() -> None:
        wait_for(lambda: len(list(reports.glob("*.json"))) >= 2)
        cluster.remove_node(cluster.second, allow_graceful=False)

    killer = threading.Thread(target=kill)
    killer.start()
    ran = run("ray", cluster.address)
    killer.join()
    assert ran.summary == quiet and not ran.summary["failures"]
    assert files(tmp_path / "local") == files(tmp_path / "ray")
