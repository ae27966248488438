"""The examples of `api/README.md` do what they say, and it names what there is."""

import json
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from http_help import Served, quick_settings, served

from api.app import create_app
from api.options import FIELDS

ROOT = Path(__file__).parents[2]
README = (ROOT / "api" / "README.md").read_text("utf-8")
ADDRESS = "http://127.0.0.1:8666"


def _blocks(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", README, re.S)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with served(tmp_path_factory.mktemp("readme")) as server:
        yield server


@pytest.fixture
def place(tmp_path: Path) -> Path:
    shutil.copytree(ROOT / "samples", tmp_path / "samples")
    return tmp_path


@pytest.mark.slow
@pytest.mark.skipif(not shutil.which("curl") or not shutil.which("bash"), reason="needs curl")
def test_the_curl_examples_work(server: Served, place: Path) -> None:
    blocks = _blocks("bash")
    assert len(blocks) == 3
    said = []
    for block in blocks:
        script = "set -euo pipefail\n" + block.replace(ADDRESS, server.url).replace(
            "curl ", "curl --fail-with-body "
        )
        done = subprocess.run(
            ["bash", "-c", script], capture_output=True, text=True, cwd=place, check=False
        )
        assert done.returncode == 0, done.stdout + done.stderr
        said.append(done.stdout)
    assert json.loads((place / "report.json").read_text("utf-8"))["schema_version"]
    assert "event: state" in said[1]
    assert '"status":"confirmed"' in said[1]
    assert "疑似" in said[1]
    original = (ROOT / "samples" / "abusive_debtor.m4a").read_bytes()
    assert (place / "first-kilobyte").read_bytes() == original[:1024]
    assert (place / "evidence.zip").read_bytes()[:2] == b"PK"
    assert json.loads(said[2])["turns"][0]["flags"]


def test_the_python_client_works(server: Served, place: Path) -> None:
    (block,) = _blocks("python")
    assert len(block.splitlines()) <= 75
    (place / "client.py").write_text(block.replace(ADDRESS, server.url), "utf-8")
    sample = str(place / "samples" / "lawful_debtor.mp3")
    done = subprocess.run(
        [sys.executable, "client.py", sample],
        capture_output=True,
        text=True,
        cwd=place,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("F1 4.0 threat")
    more = (
        "from client import Detector\n"
        "service = Detector()\n"
        f"sent = service.wait(service.send({sample!r}, answered_by='debtor'))\n"
        "print(service.decide(sent, 'F1', 'rejected', '王芳')['status'])\n"
        "service.delete(sent)\n"
        "try: service.report(sent)\n"
        "except RuntimeError as error: print(error)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", more], capture_output=True, text=True, cwd=place, check=False
    )
    assert done.returncode == 0, done.stderr
    first, second = done.stdout.splitlines()
    assert first == "rejected"
    assert "No such recording" in second


def test_every_route_and_field_is_named(tmp_path: Path) -> None:
    paths = create_app(quick_settings(tmp_path)).openapi()["paths"]
    for path in paths:
        last = re.sub(r"\{(\w+)\}", lambda m: "{id}" if m[1] == "recording" else m[0], path)
        assert last in README or last.replace("/v1/recordings/{id}", "…") in README, path
    fields = README.partition("Fields of the upload")[2].partition("after")[0]
    assert set(FIELDS) <= set(re.findall(r"\w+", fields))
