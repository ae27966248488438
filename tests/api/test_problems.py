"""Errors are problem documents in two languages, and repeat nothing of what was sent."""

import logging
from collections.abc import Iterator
from pathlib import Path

import pytest
from fastapi.testclient import TestClient
from http_help import asked, quick_settings
from starlette.exceptions import HTTPException

from api.errors import AwayError, FullError, LockedError, NotFoundError, TooManyError
from api.problems import problem, problem_of, split_sentence
from detector.errors import ModelError, OptionError, RecordingError

SECRET = "欠款人王小明13800138000"


@pytest.fixture
def client(tmp_path: Path) -> Iterator[TestClient]:
    with asked(quick_settings(tmp_path)) as client:
        yield client


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("找不到文件 a (file not found)。", ("找不到文件 a。", "file not found")),
        ("大小(字节)不对 (wrong size)。", ("大小(字节)不对。", "wrong size")),
        ("没有英文。", ("没有英文。", "")),
    ],
)
def test_a_sentence_of_the_house_has_two_languages(text: str, parts: tuple[str, str]) -> None:
    assert split_sentence(text) == parts


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (NotFoundError(), 404),
        (LockedError(), 503),
        (AwayError(), 503),
        (FullError(), 507),
        (TooManyError("太多。", "Too many."), 429),
        (OptionError("不行 (no)。"), 422),
        (RecordingError("不行 (no)。"), 422),
        (ModelError("没有模型 (no model)。"), 503),
        (HTTPException(405), 405),
        (ZeroDivisionError(SECRET), 500),
    ],
)
def test_every_error_has_a_status_and_two_sentences(error: Exception, status: int) -> None:
    found = problem_of(error)
    assert found["status"] == status
    assert found["type"].startswith("urn:harassment-detector:problem:")
    assert any("\u4e00" <= c <= "\u9fff" for c in found["detail"])
    assert found["detail_en"].isascii()
    assert SECRET not in str(found)


def test_types_differ_by_what_happened() -> None:
    kinds = (NotFoundError(), LockedError(), AwayError(), FullError())
    assert len({problem_of(kind)["type"] for kind in kinds}) == 4
    assert problem(404)["type"].endswith(":not-found")


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/nothing", 404),
        ("GET", "/v1/", 404),
        ("GET", "/v1/recordings/", 404),
        ("GET", "/v1/recordings/../../etc/passwd", 404),
        ("GET", "/v1/recordings/%00", 404),
        ("GET", "/v1/recordings/" + "0" * 32, 404),
        ("GET", "/v1/recordings/" + "a" * 3000, 422),
        ("PUT", "/v1/recordings", 405),
        ("GET", "/v1/text", 405),
        ("GET", "/v1/recordings?limit=0", 422),
        ("GET", "/v1/recordings?limit=many", 422),
        ("GET", "/docs", 404),
    ],
)
def test_what_cannot_be_asked_is_a_problem(
    client: TestClient, method: str, path: str, status: int
) -> None:
    answer = client.request(method, path)
    assert answer.status_code == status
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["status"] == status
    assert answer.json()["instance"].startswith("/")


@pytest.mark.parametrize(
    "body",
    [
        b"", b"{", b"[]", b'"text"', b'{"text": 5}', b'{"text": ""}', b'{"text": "a\\u0000b"}',
        b'{"text": "\\ud800"}', b'{"text": "a", "extra": 1}', b'{"text": "a", "listener": "cat"}',
        b"\xff\xfe", b"[" * 5000, b'{"text": ' + b"1" * 5000 + b"}",
    ],
)  # fmt: skip
def test_a_bad_body_is_a_problem(client: TestClient, body: bytes) -> None:
    answer = client.post("/v1/text", content=body, headers={"Content-Type": "application/json"})
    assert answer.status_code in (400, 422)
    assert answer.headers["content-type"] == "application/problem+json"


def test_a_large_body_is_refused_before_it_is_read(client: TestClient) -> None:
    answer = client.post("/v1/text", json={"text": "长" * 3_000_000})
    assert answer.status_code == 413
    assert answer.json()["detail_en"]
    flags = client.patch(f"/v1/recordings/{'0' * 32}/flags/F1", content=iter([b" " * 200_000]))
    assert flags.status_code == 413


def test_words_are_neither_answered_nor_logged(
    client: TestClient, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    caplog.set_level(logging.DEBUG)
    service = client.app.state.service  # type: ignore[attr-defined]

    def broken(*_: object) -> None:
        raise KeyError(SECRET)

    monkeypatch.setattr(service.store, "get", broken)
    answers = [
        client.get("/v1/recordings/" + "0" * 32),
        client.get("/v1/recordings", params={"limit": SECRET}),
        client.get(f"/{SECRET}"),
        client.post("/v1/text", json={"text": "a", "listener": SECRET}),
        client.post("/v1/recordings", data={"note": SECRET}, files={"file": (SECRET, b"")}),
    ]
    assert [a.status_code for a in answers] == [500, 422, 404, 422, 422]
    for answer in answers:
        assert SECRET not in str(answer.json() | {"instance": ""})
    own = [r.getMessage() for r in caplog.records if not r.name.startswith("httpx")]
    assert own
    assert not [line for line in own if SECRET in line or "%E6" in line]
