"""The files for deployment, as far as they can be checked without running containers."""

import re
import shutil
import subprocess
from dataclasses import fields
from pathlib import Path

import pytest
import yaml

from api.settings import Settings

ROOT = Path(__file__).parents[2]
DEPLOY = ROOT / "api" / "deploy"
DOCKERFILE = (DEPLOY / "Dockerfile").read_text("utf-8")
COMPOSE = (DEPLOY / "compose.yaml").read_text("utf-8")
UNIT = (DEPLOY / "detector.service").read_text("utf-8")


def _stages() -> list[str]:
    return re.split(r"^FROM ", DOCKERFILE, flags=re.M)[1:]


def test_container_files_say_that_they_were_not_run() -> None:
    assert "NOT RUN" in DOCKERFILE
    assert "NOT RUN" in COMPOSE
    assert "not run" in (ROOT / "api" / "README.md").read_text("utf-8")


def test_the_image_runs_as_nobody_in_particular() -> None:
    last = _stages()[-1]
    instructions = re.findall(r"^([A-Z]+) ", last, re.M)
    assert re.search(r"^USER [1-9]\d+$", last, re.M)
    assert instructions.index("USER") > max(
        n for n, name in enumerate(instructions) if name in ("RUN", "COPY")
    )
    assert "HEALTHCHECK" in instructions
    assert "/v1/health" in last
    assert "torch" not in re.sub("no torch", "", DOCKERFILE)


def test_the_image_copies_what_there_is() -> None:
    for name in re.findall(r"scan (\S+)", _stages()[0]):
        assert (ROOT / name).is_file()
    assert '".[api]"' in _stages()[0]


def test_nothing_needs_the_root_file_system() -> None:
    service = yaml.safe_load(COMPOSE)["services"]["detector"]
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert service["volumes"] == ["recordings:/data"]
    places = re.findall(r"DETECTOR_(?:DATA_DIR|KEYS)=(\S+)", _stages()[-1])
    assert len(places) == 2
    assert all(place.startswith("/data/") for place in places)


def test_ports_are_open_to_this_machine_alone() -> None:
    services = yaml.safe_load(COMPOSE)["services"]
    assert all(port.startswith("127.0.0.1:") for port in services["detector"]["ports"])
    assert "ports" not in services["database"]


def test_no_secret_stands_in_a_file() -> None:
    services = yaml.safe_load(COMPOSE)["services"]
    assert services["database"]["environment"]["POSTGRES_PASSWORD"].startswith("${")
    assert "${POSTGRES_PASSWORD:?" in services["detector"]["environment"]["DETECTOR_DATABASE_URL"]
    assert "DETECTOR_PASSPHRASE:" not in COMPOSE


def test_every_variable_is_one_that_is_read() -> None:
    known = {"DETECTOR_" + one.name.upper() for one in fields(Settings)}
    known |= {"DETECTOR_PASSPHRASE_FILE", "DETECTOR_CACHE", "DETECTOR_KEYS"}
    used = set(re.findall(r"DETECTOR_[A-Z_]+", DOCKERFILE + COMPOSE + UNIT))
    assert used <= known


@pytest.mark.skipif(not shutil.which("systemd-analyze"), reason="no systemd here")
def test_the_unit_is_one(tmp_path: Path) -> None:
    unit = tmp_path / "detector.service"
    unit.write_text(UNIT.replace("/opt/detector/bin/detector", "/bin/true"), "utf-8")
    done = subprocess.run(
        ["systemd-analyze", "verify", str(unit)], capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stderr.strip()) == (0, "")
