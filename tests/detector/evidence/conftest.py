"""A signed case made once, of which every test gets its own copy."""

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from made_cases import make, with_report


@pytest.fixture(scope="session", autouse=True)
def keys(tmp_path_factory: pytest.TempPathFactory, cache: Path) -> Iterator[Path]:
    """Keep the signing key out of the user's own folder."""
    folder = tmp_path_factory.mktemp("keys")
    os.environ["DETECTOR_KEYS"] = str(folder)
    yield folder
    os.environ.pop("DETECTOR_KEYS", None)


@pytest.fixture(scope="session")
def first_case(tmp_path_factory: pytest.TempPathFactory, keys: Path) -> Path:
    """A case of one recording of 12 s with flags at its very start, middle and very end."""
    folder = tmp_path_factory.mktemp("first")
    report = with_report(folder, 12.0, [(0.0, 1.5), (5.0, 6.5), (10.5, 12.0)])
    make([report], folder / "案件", timestamp_request=True)
    return folder / "案件"


@pytest.fixture
def case(first_case: Path, tmp_path: Path) -> Path:
    """A copy of that case, to be tampered with."""
    return Path(shutil.copytree(first_case, tmp_path / "案件"))
