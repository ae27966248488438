"""With `--engine ray` recordings are scanned on a cluster, encrypted on their way."""

import os
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from uploads import OWNER, eventually, send, wait_for

from api.errors import NotFoundError
from api.service import Service
from api.settings import Settings

pytest.importorskip("ray", reason="needs the extra ray: pip install '.[ray]'")
pytestmark = [
    pytest.mark.skipif(sys.platform != "linux", reason="as the engine's own tests"),
    pytest.mark.filterwarnings("ignore"),
    pytest.mark.slow,
]
HERE = Path(__file__).parent


@pytest.fixture(scope="module")
def node(cache: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """A cluster of one node, and the folder into which it lays what it works on."""
    from detector.batch.ray_cluster import ray

    assert ray.is_initialized() is False
    from ray.cluster_utils import Cluster

    before = dict(os.environ)
    os.environ["PYTHONPATH"] = os.pathsep.join((str(HERE.parent.parent), str(HERE)))
    os.environ["TMPDIR"] = str(tmp_path_factory.mktemp("node"))
    head = {"num_cpus": 2, "object_store_memory": 80 << 20, "include_dashboard": False}
    cluster = Cluster(initialize_head=True, head_node_args=head)
    folder = Path(os.environ["TMPDIR"])
    os.environ.clear()
    os.environ.update(before)
    yield cluster.address, folder
    cluster.shutdown()


def _in_clear(folder: Path, needle: bytes) -> list[Path]:
    files = [path for path in folder.rglob("*") if path.is_file()]
    return [path for path in files if needle in path.read_bytes()]


def test_recordings_are_scanned_on_the_cluster(
    node: tuple[str, Path], tmp_path: Path, opened: Callable[..., Service]
) -> None:
    address, folder = node
    settings = Settings(
        data_dir=tmp_path / "data", workers=1, threads=1, min_free_bytes=0,
        task="quick_tasks:load", engine="ray", ray_address=address,
    )  # fmt: skip
    service = opened(settings)
    needle = b"needle-in-the-recording"
    good = send(service, b"sleep 0.2 " + needle * 40_000, name="电话.wav")
    bad = send(service, b"bad one", name="账单.pdf")
    assert wait_for(service, good.id, timeout_s=300.0).state == "done"
    assert service.store.report(OWNER, good.id).recording.file == "电话.wav"
    assert service.store.reader(OWNER, good.id, "listen").read(0, 4) == b"mp3 "
    failed = wait_for(service, bad.id, timeout_s=60.0)
    assert failed.error is not None
    assert failed.error.detail.startswith("账单.pdf 不是录音")
    runs = send(service, b"hang " + needle)
    wait_for(service, runs.id, "running", timeout_s=60.0)
    eventually(lambda: _in_clear(folder, needle))
    service.store.delete(OWNER, runs.id)
    with pytest.raises(NotFoundError):
        service.store.get(OWNER, runs.id)
    eventually(lambda: not _in_clear(folder, needle))
    assert wait_for(service, send(service, b"next").id, timeout_s=120.0).state == "done"
    assert _in_clear(settings.data_dir, needle) == []


def test_without_a_cluster_work_waits(tmp_path: Path, opened: Callable[..., Service]) -> None:
    settings = Settings(
        data_dir=tmp_path / "data", workers=1, min_free_bytes=0, task="quick_tasks:load"
    )
    service = opened(replace(settings, engine="ray", ray_address="127.0.0.1:1"))
    sent = send(service, b"waits")
    eventually(lambda: service.dispatcher.problem == "unusable", 90.0)
    assert service.store.get(OWNER, sent.id).state == "queued"
