"""The page's files, the headers of every answer, and the figures."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from fastapi.testclient import TestClient
from http_help import asked, finished, quick_settings, upload


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TestClient]:
    with asked(quick_settings(tmp_path_factory.mktemp("page"))) as client:
        yield client


def test_every_file_of_the_page_is_served(client: TestClient) -> None:
    folder = Path(__file__).parents[2] / "api" / "page"
    types = {".js": "text/javascript", ".css": "text/css", ".svg": "image/svg+xml",
             ".html": "text/html"}  # fmt: skip
    names = [path for path in folder.iterdir() if path.suffix in types]
    assert len(names) > 5
    for path in names:
        answer = client.get(f"/page/{path.name}")
        assert answer.status_code == 200
        assert answer.headers["content-type"].startswith(types[path.suffix])
        tag = {"If-None-Match": answer.headers["etag"]}
        assert client.get(f"/page/{path.name}", headers=tag).status_code == 304
    assert client.get("/favicon.ico").headers["content-type"] == "image/svg+xml"


@pytest.mark.parametrize(
    "path",
    ["/page/", "/page/..%2Fapp.py", "/page/../app.py", "/page/%2e%2e/app.py", "/page/none.js",
     "/page/app.js/", "/page/APP.JS", "/page/app.js%00", "/page//etc/passwd", "/app.js",
     "/page/__init__.py"],
)  # fmt: skip
def test_nothing_else_of_the_disk_is(client: TestClient, path: str) -> None:
    assert client.get(path).status_code == 404


def test_every_answer_is_closed_to_other_pages(client: TestClient) -> None:
    made = upload(client)
    finished(client, made["id"])
    for path in (
        "/", "/page/app.js", "/v1/recordings", f"/v1/recordings/{made['id']}/audio", "/nothing",
        "/v1/openapi.json", "/metrics",
    ):  # fmt: skip
        headers = client.get(path).headers
        assert headers["x-content-type-options"] == "nosniff", path
        assert headers["referrer-policy"] == "no-referrer"
        assert headers["cross-origin-resource-policy"] == "same-origin"
        assert headers["cross-origin-opener-policy"] == "same-origin"
        assert "default-src 'none'" in headers["content-security-policy"]
        assert "frame-ancestors 'none'" in headers["content-security-policy"]
        assert headers["cache-control"] in ("no-store", "no-cache")
        assert "server" not in headers
    refused = client.get("/", headers={"Host": "evil.example"})
    assert refused.headers["x-content-type-options"] == "nosniff"


def test_the_page_asks_nobody_else(client: TestClient) -> None:
    page = client.get("/").text
    assert "http://" not in page
    assert "https://" not in page
    assert "script-src 'self';" in client.get("/").headers["content-security-policy"]


def test_figures_count_without_naming(client: TestClient) -> None:
    made = upload(client, b"counted", name="王小明.wav")
    finished(client, made["id"])
    text = client.get("/metrics").text
    assert 'detector_recordings{state="done"}' in text
    assert 'detector_uploads_total{outcome="accepted"}' in text
    assert "detector_upload_bytes_total" in text
    assert 'route="/v1/recordings/{recording}"' in text
    assert "process_resident_memory_bytes" in text
    assert made["id"] not in text
    assert "王小明" not in text
    for path in ("/a", "/b", "/c"):
        client.get(path)
    assert 'route="/a"' not in client.get("/metrics").text
