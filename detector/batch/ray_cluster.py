"""A Ray cluster: how it is reached, what it can hold, whether its nodes run this program.

The cluster is never started here, and nothing is reported to anybody: Ray's usage statistics are
switched off before Ray is imported.
"""

import io
import logging
import os
import re
import socket
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

os.environ["RAY_USAGE_STATS_ENABLED"] = "0"

import ray
from ray.exceptions import RayError, RayTaskError

from detector.batch.program import Program, this_program
from detector.batch.ray_node import describe
from detector.errors import DetectorError, OptionError
from detector.jobs import WORKER_BYTES, WorkersError

__all__ = ["Cluster", "RayError", "first_line", "ray"]

_REACH_S = 5.0
_LOOK_S = 120.0
_TICK_S = 0.2
_CLIENT = "ray://"
_FRAME = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + bytes((0, 0, 0, 4, 0, 0, 0, 0, 0))
_SETTINGS = 4


def first_line(error: BaseException) -> str:
    """Return what an error says, without the traceback that Ray packs into it."""
    cause = getattr(error, "cause", None)
    if isinstance(cause, BaseException):
        return first_line(cause)
    lines = str(error).strip().splitlines() or [type(error).__name__]
    return lines[-1 if isinstance(error, RayTaskError) else 0].strip()[:300]


def _speaks_ray(host: str, port: int) -> bool:
    """Tell whether a gRPC server answers there: Ray would wait minutes and then end the process.

    OSError where nothing answers at all.
    """
    with socket.create_connection((host, port), _REACH_S) as connection:
        connection.settimeout(_REACH_S)
        connection.sendall(_FRAME)
        answer = b""
        with suppress(OSError):
            while len(answer) < 9 and (piece := connection.recv(9 - len(answer))):
                answer += piece
    return len(answer) == 9 and answer[3] == _SETTINGS


def _check_reachable(address: str) -> None:
    plain = address.removeprefix(_CLIENT)
    match = re.fullmatch(r"\[?([^\[\]/]+?)\]?(?::([0-9]{1,5}))?", plain)
    if not match or not (match[2] or address.startswith(_CLIENT)):
        raise OptionError(
            f"--ray-address {address} 看不懂;请写成 主机:6379 或 ray://主机:10001 "
            "(write HOST:6379 or ray://HOST:10001)。"
        )
    host, port = match[1], int(match[2] or 10_001)
    try:
        reason = "" if _speaks_ray(host, port) else "那里不是 Ray"
    except (OSError, OverflowError) as error:
        reason = getattr(error, "strerror", None) or str(error) or type(error).__name__
    if reason:
        raise OptionError(
            f"连不上 Ray 集群 {address}:{reason};请确认主节点已启动(ray start --head)、"
            "地址和端口正确、防火墙放行 (cluster not reachable)。"
        )


@contextmanager
def _quiet(said: io.StringIO) -> Iterator[None]:
    """Keep what Ray's native code says on stderr while it connects: an error says it in words."""
    with tempfile.TemporaryFile() as file:
        sys.stderr.flush()
        before = os.dup(2)
        os.dup2(file.fileno(), 2)
        try:
            yield
        finally:
            os.dup2(before, 2)
            os.close(before)
            file.seek(0)
            said.write(file.read().decode("utf-8", "replace"))


def _not_connected(address: str, error: Exception, native: str) -> OptionError:
    """Say what can be done where a connection failed; native is what Ray itself printed."""
    if "AuthToken" in native + str(error):
        return OptionError(
            f"Ray 集群 {address} 要求令牌:请把主节点的令牌放到本机,并设置 RAY_AUTH_MODE=token "
            "(wrong or missing token)。"
        )
    if address == "auto":
        return OptionError(
            "本机没有运行 Ray;请先运行 ray start,或用 --ray-address 给出集群地址 "
            "(no Ray cluster on this machine)。"
        )
    if "ray[client]" in str(error):
        return OptionError(
            "ray:// 地址需要另装:pip install 'ray[client]' (Ray Client is not installed)。"
        )
    if "mismatch" in str(error):
        words = " ".join(str(error).split())[:300]
        return OptionError(f"集群与本机的 Ray 或 Python 版本不同:{words} (versions differ)。")
    return OptionError(
        f"连不上 Ray 集群 {address}:{first_line(error)};本机须是集群的节点"
        "(ray start --address=…),否则请用 ray://主机:10001 (cannot connect)。"
    )


def _connect(address: str | None) -> bool:
    """Connect this process; False where it was connected already."""
    if ray.is_initialized():
        return False
    wanted = address or os.environ.get("RAY_ADDRESS") or "auto"
    if wanted != "auto":
        _check_reachable(wanted)
    with suppress(AttributeError):  # raylets' last words would go to our stdout
        ray._private.worker._worker_logs_enabled = False
    native = io.StringIO()
    try:
        with _quiet(native):
            ray.init(address=wanted, log_to_driver=False, logging_level=logging.CRITICAL)
    except Exception as error:  # whatever Ray raises, the user can only look at the cluster
        raise _not_connected(wanted, error, native.getvalue()) from None
    return True


class Cluster:
    """A connection to a cluster; `close` ends it if it was made here.

    Raises:
        OptionError: it cannot be reached, or holds no worker of that size.
        WorkersError: a node runs another version of this program or of its models, or none.
    """

    def __init__(self, address: str | None, threads: int, options: Any = None) -> None:
        self.whisper_model: str | None = getattr(options, "whisper_model", None)
        self.program = this_program(self.whisper_model)
        self._device = getattr(options, "device", "auto")
        self._threads = threads
        self._mine = _connect(address)
        try:
            self._has_gpus = any("GPU" in node["Resources"] for node in self._nodes())
            self._check_room()
            self._check_programs()
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """Leave the cluster."""
        if self._mine:
            self._mine = False
            ray.shutdown()

    def _nodes(self) -> list[dict[str, Any]]:
        return [node for node in ray.nodes() if node["Alive"]]

    def alive(self) -> set[str]:
        """Return the ids of the nodes that are there now."""
        return {node["NodeID"] for node in self._nodes()}

    @property
    def gpus(self) -> int:
        """GPUs a worker: one where the cluster has any, unless the user wants none."""
        return int(self._has_gpus and self._device != "cpu")

    @property
    def demand(self) -> dict[str, Any]:
        """Return what Ray is to set aside for a worker."""
        return {"num_cpus": self._threads, "num_gpus": self.gpus, "memory": WORKER_BYTES}

    def _holds(self, node: dict[str, Any]) -> int:
        has = node["Resources"]
        room = min(has.get("CPU", 0) // self._threads, has.get("memory", 0) // WORKER_BYTES)
        return int(min(room, has.get("GPU", 0)) if self.gpus else room)

    def capacity(self) -> int:
        """Return how many workers the nodes that are there now can hold."""
        return sum(self._holds(node) for node in self._nodes())

    def _check_room(self) -> None:
        if self._device == "cuda" and not self._has_gpus:
            raise OptionError("Ray 集群里没有 GPU,请去掉 --device cuda (no GPU in the cluster)。")
        if not self.capacity():
            raise OptionError(
                f"Ray 集群里没有一个节点放得下一个工作进程(要 {self._threads} 个 CPU、"
                f"{WORKER_BYTES / 1e9:.1f} GB 内存);请增加节点或减少 --threads "
                "(no node is big enough)。"
            )

    def _check_programs(self) -> None:
        from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

        look = ray.remote(describe)
        asked = {}
        for node in self._nodes():
            if self._holds(node):
                there = NodeAffinitySchedulingStrategy(node["NodeID"], soft=False)
                ref = look.options(num_cpus=0, scheduling_strategy=there).remote(self.whisper_model)
                asked[ref] = node["NodeManagerAddress"]
        until = time.monotonic() + _LOOK_S
        waiting = list(asked)
        while waiting and time.monotonic() < until:  # in ticks: Ctrl-C must get in
            _, waiting = ray.wait(waiting, num_returns=len(waiting), timeout=_TICK_S)
        wrong: dict[str, None] = {}
        for ref, where in asked.items():
            try:
                with self.understood(where):
                    self.check(ray.get(ref, timeout=0), where)
            except WorkersError as error:
                wrong[str(error)] = None
            except RayError:
                continue  # a node that has just gone or does not answer: Ray will use the others
        if wrong:
            more = f"(另有 {len(wrong) - 1} 个节点也不同)" if len(wrong) > 1 else ""
            raise WorkersError(next(iter(wrong)) + more)

    def check(self, found: Program, where: str) -> None:
        """Raise WorkersError if a node's installation is not as this one."""
        differences = self.program.differences(found)
        if differences:
            listed = ";".join(differences[:4]) + (" …" if len(differences) > 4 else "")
            raise WorkersError(
                f"Ray 节点 {where} 上的程序与本机不同:{listed};请在所有节点安装同一版本 "
                "(a node runs another version)。"
            )

    @contextmanager
    def understood(self, where: str) -> Iterator[None]:
        """Say in a sentence what fails on a node before any work is done there."""
        try:
            yield
        except RayError as error:
            cause = getattr(error, "cause", None)
            if isinstance(cause, DetectorError):
                raise WorkersError(f"Ray 节点 {where}:{cause}") from None
            if "No module named" in str(error):
                raise WorkersError(
                    f"Ray 节点 {where} 上没有安装本程序(或其依赖),请在所有节点运行 pip install . "
                    "(not installed on a node)。"
                ) from None
            raise
