"""Folders are removed whole: what is read-only, and while others remove them too."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from detector.evidence.files import remove_tree


def filled(folder: Path) -> Path:
    for number in range(10):
        inner = folder / str(number) / "inner"
        inner.mkdir(parents=True)
        for name in ("a", "b"):
            (inner / name).write_text(name)
    return folder


def test_many_remove_the_same_folder_at_once(tmp_path: Path) -> None:
    with ThreadPoolExecutor(8) as pool:
        for number in range(20):
            folder = filled(tmp_path / str(number))
            list(pool.map(remove_tree, [folder] * 8))
            assert not folder.exists()


@pytest.mark.parametrize("mode", [0o000, 0o400, 0o500])
def test_what_may_not_be_read_or_written_is_removed(tmp_path: Path, mode: int) -> None:
    folder = filled(tmp_path / "case")
    (folder / "3" / "inner" / "a").chmod(mode)
    (folder / "3" / "inner").chmod(mode)
    (folder / "3").chmod(mode)
    remove_tree(folder)
    assert not folder.exists()
