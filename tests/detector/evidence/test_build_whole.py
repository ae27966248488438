"""A case is made whole or not at all, whatever goes wrong and whoever works beside."""

import errno
import os
import shutil
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from made_cases import decide, everything, make, quiet, with_report

from detector.errors import DetectorError, InputError, OptionError, OutputError
from detector.evidence import build, lock
from detector.evidence.build import update_case
from detector.evidence.decisions import read_decisions
from detector.evidence.export import Options
from detector.evidence.lock import beside, locked
from detector.evidence.manifest import read_manifest
from detector.evidence.verify import verify_case

Run = Callable[..., Any]


# ---- all or nothing


def nothing_left(parent: Path, before: dict[str, str]) -> None:
    assert everything(parent) == before
    assert not [p for p in parent.rglob("*") if p.name.startswith(".detector-")]


def test_a_disk_that_fills_up_at_any_point_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    report = with_report(tmp_path, 3.0, [(0.5, 1.0)])
    before = everything(tmp_path)
    real = os.replace
    for allowed in range(0, 12, 3):
        left = [allowed]

        def full(*args: Any, left: list[int] = left) -> None:
            if not left[0]:
                raise OSError(28, "No space left on device")
            left[0] -= 1
            real(*args)

        with monkeypatch.context() as patch:
            patch.setattr(os, "replace", full)
            with pytest.raises(OutputError):
                make([report], tmp_path / "案件")
        nothing_left(tmp_path, before)
    make([report], tmp_path / "案件")


@contextmanager
def tiny_disk(folder: Path, options: str) -> Iterator[None]:
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", options, "tmpfs", str(folder)]
    try:
        done = subprocess.run(mount, capture_output=True, check=False)
    except OSError:
        pytest.skip("no mount here")
    if done.returncode:
        pytest.skip("mounting is not allowed here")
    try:
        yield
    finally:
        subprocess.run(["umount", str(folder)], check=False)


@pytest.mark.parametrize("size", ["40k", "160k", "400k"])
def test_a_real_full_disk_leaves_nothing(tmp_path: Path, size: str) -> None:
    report = with_report(tmp_path, 3.0, [(0.5, 1.0)])
    with tiny_disk(tmp_path / "disk", f"size={size}"):
        with pytest.raises(OutputError, match=r"disk full|cannot write"):
            make([report], tmp_path / "disk" / "案件")
        assert list((tmp_path / "disk").iterdir()) == []


def test_a_disk_that_fills_up_leaves_an_existing_case_whole(case: Path, tmp_path: Path) -> None:
    size = sum(p.stat().st_size for p in case.rglob("*") if p.is_file())
    with tiny_disk(tmp_path / "disk", f"size={size + 150_000}"):
        there = Path(shutil.copytree(case, tmp_path / "disk" / "案件"))
        before = everything(there)
        with pytest.raises(OutputError):
            update_case(there, Options("王律师"), quiet)
        nothing_left(tmp_path / "disk", {f"案件/{k}": v for k, v in before.items()})


def test_a_place_that_cannot_be_written_is_said(tmp_path: Path) -> None:
    report = with_report(tmp_path, 2.0, [(0.5, 1.0)])
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(OutputError, match="可写的位置"):
        make([report], tmp_path / "file" / "案件")
    with tiny_disk(tmp_path / "disk", "ro"), pytest.raises(OutputError, match="可写的位置"):
        make([report], tmp_path / "disk" / "sub" / "案件")


def test_a_failure_in_a_late_step_takes_back_the_folders_made_for_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    report = with_report(tmp_path, 2.0, [(0.5, 1.0)])
    before = everything(tmp_path)

    def broken(*_: object) -> None:
        raise InputError("late")

    monkeypatch.setattr(build, "publish", broken)
    with pytest.raises(InputError, match="late"):
        make([report], tmp_path / "a" / "b" / "案件")
    nothing_left(tmp_path, before)
    assert not (tmp_path / "a").exists()


def test_an_existing_folder_is_never_replaced(case: Path, tmp_path: Path) -> None:
    report = with_report(tmp_path, 2.0, [(0.5, 1.0)])
    other = tmp_path / "photos"
    other.mkdir()
    (other / "a.jpg").write_bytes(b"x")
    before = everything(tmp_path)
    for target, said in (
        (case, "已是案件文件夹"), (other, "已存在"), (report, "录音或报告本身"),
        (case / "original" / "new", "里面"), (tmp_path / "通话.wav" / "x", "里面"),
        (tmp_path / "通话.wav", "录音或报告本身"),
    ):  # fmt: skip
        with pytest.raises(OptionError, match=said):
            make([report], target)
    assert everything(tmp_path) == before
    (tmp_path / "empty").mkdir()
    make([report], tmp_path / "empty")
    assert verify_case(tmp_path / "empty").intact


def test_a_run_that_was_killed_is_mended_by_the_next(case: Path, tmp_path: Path) -> None:
    root = beside(case, "1234abcd")  # killed between taking the old away and putting the new
    (root / "案件" / "clips").mkdir(parents=True)
    case.rename(root / ".old")
    with pytest.raises(InputError, match="里没有 manifest"):
        read_manifest(case)
    update_case(case, Options("王律师"), quiet)
    assert verify_case(case).intact
    assert [p.name for p in tmp_path.iterdir()] == ["案件"]


# ---- two at once


def test_two_runs_on_one_case_do_not_mix(case: Path, tmp_path: Path, detector: Run) -> None:
    before = everything(tmp_path)
    with locked(case):
        done = detector("evidence", case, "--quiet")
        assert done.code == 2 and "另一个程序正在处理" in done.err
        assert "另一个程序正在处理" in detector("case", "delete", case, "--yes").err
    assert everything(tmp_path) == before


def test_of_many_runs_each_is_whole_or_refused(case: Path) -> None:
    ended: list[DetectorError | None] = []

    def run() -> None:
        try:
            update_case(case, Options("王律师"), quiet)
            ended.append(None)
        except DetectorError as error:
            ended.append(error)

    threads = [threading.Thread(target=run) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(ended) == 4 and None in ended
    assert all(e is None or "另一个程序" in str(e) or "正在" in str(e) for e in ended), ended
    assert verify_case(case).intact


def test_a_lock_ends_with_its_process(case: Path) -> None:
    hold = (
        "import sys, time; from pathlib import Path; from detector.evidence.lock import locked\n"
        "with locked(Path(sys.argv[1])): print('held', flush=True); time.sleep(60)"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", hold, str(case)], stdout=subprocess.PIPE,
        cwd=Path(__file__).parents[3],
    )  # fmt: skip
    assert process.stdout is not None
    assert process.stdout.readline().strip() == b"held"
    with pytest.raises(OptionError, match="正在处理"), locked(case):
        pass
    process.kill()
    process.wait()
    process.stdout.close()
    with locked(case):
        pass


def test_a_decision_made_while_the_export_runs_is_not_lost(
    case: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = build._catch_up
    for links in (True, False):
        if not links:

            def no_links(*_: object) -> None:
                raise OSError(95, "no links on this disk")

            monkeypatch.setattr(os, "link", no_links)
        target = "F1" if links else "F2"

        def meanwhile(folder: Path, stage: Path, target: str = target) -> None:
            decide(folder, "confirm", target)
            real(folder, stage)

        monkeypatch.setattr(build, "_catch_up", meanwhile)
        update_case(case, Options("王律师"), quiet)
        monkeypatch.setattr(build, "_catch_up", real)
        decided = read_decisions(case / "reports" / "1.json")
        assert target in {decision.target for decision in decided}
        assert verify_case(case).intact


def test_a_disk_without_locks_is_used_all_the_same(
    case: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def no_locks(_descriptor: int) -> None:
        raise OSError(errno.ENOLCK, "no locks")

    monkeypatch.setattr(lock, "_take", no_locks)
    with locked(case):
        assert case.exists()
