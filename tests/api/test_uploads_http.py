"""Uploads as they come over a real connection: whole, cut off, too long, mislabelled."""

import json
import os
import time
from collections.abc import Iterator
from pathlib import Path

import httpx2
import pytest
from fastapi.testclient import TestClient
from http_help import Served, asked, eventually, finished, quick_settings, served, upload

BOUNDARY = b"xYz"
HEAD = b'--xYz\r\nContent-Disposition: form-data; name="file"; filename="a.wav"\r\n\r\n'
END = b"\r\n--xYz--\r\n"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    folder = tmp_path_factory.mktemp("served")
    with served(folder, "--max-bytes", "3000000", "--uploads-per-minute", "100000") as server:
        yield server


@pytest.fixture
def client(tmp_path: Path) -> Iterator[TestClient]:
    with asked(quick_settings(tmp_path)) as client:
        yield client


def _request(*lines: bytes, body: bytes = b"") -> bytes:
    head = (
        b"POST /v1/recordings HTTP/1.1", b"Host: 127.0.0.1", b"Connection: close",
        b"Content-Type: multipart/form-data; boundary=" + BOUNDARY, *lines,
    )  # fmt: skip
    return b"\r\n".join(head) + b"\r\n\r\n" + body


def _status(answer: bytes) -> int:
    return int(answer.split(b" ", 2)[1]) if answer else 0


def _content(answer: bytes) -> dict[str, object]:
    return dict(json.loads(answer.partition(b"\r\n\r\n")[2]))


def _length(body: bytes) -> bytes:
    return b"Content-Length: %d" % len(body)


# ---------------------------------------------------------------- broken uploads


def test_an_upload_that_breaks_off_leaves_nothing(server: Served) -> None:
    before = server.files()
    body = HEAD + b"s" * 700_000 + END
    for sent in (10, len(HEAD), len(HEAD) + 1, 70_000, 300_000, 600_000, len(body) - 3):
        with server.connect() as connection:
            connection.sendall(_request(_length(body), body=body[:sent]))
            time.sleep(0.1)
    eventually(lambda: server.files() == before)


def test_a_wrong_length_is_no_recording(server: Served) -> None:
    before = server.files()
    body = HEAD + b"sound" + END
    short = server.raw(_request(b"Content-Length: %d" % (len(body) - 10), body=body))
    assert _status(short) == 400
    with server.connect() as connection:  # the end never comes
        connection.sendall(_request(b"Content-Length: %d" % (len(body) + 10), body=body))
        time.sleep(0.2)
    for text in (b"-1", b"abc", b"1e5", b"99999999999999999999999"):
        assert _status(server.raw(_request(b"Content-Length: " + text, body=body))) in (400, 413)
    both = _request(_length(body), b"Transfer-Encoding: chunked", body=body)
    assert _status(server.raw(both)) == 400
    eventually(lambda: server.files() == before)


def test_more_than_the_limit_is_refused_at_once_or_midway(server: Served) -> None:
    before = server.files()
    declared = server.raw(_request(b"Content-Length: 5000000", body=HEAD))
    assert _status(declared) == 413
    assert "3 MB" in str(_content(declared)["detail"])
    body = HEAD + b"x" * 3_500_000 + END
    chunks = b"".join(
        b"%x\r\n%b\r\n" % (len(part), part)
        for part in (body[i : i + 50_000] for i in range(0, len(body), 50_000))
    )
    chunked = _request(b"Transfer-Encoding: chunked", body=chunks + b"0\r\n\r\n")
    assert _status(server.raw(chunked)[:200]) == 413
    eventually(lambda: server.files() == before)


def test_a_body_of_rubbish_is_refused(server: Served) -> None:
    for body in (b"", b"\0" * 5000, os.urandom(5000), HEAD * 3, b"--xYz--\r\n", b"{}"):
        answer = server.raw(_request(_length(body), body=body))
        assert _status(answer) in (400, 422)
        assert b"application/problem+json" in answer


def test_a_second_request_on_the_connection_is_read_after_a_refused_one(server: Served) -> None:
    body = HEAD + END
    empty = _request(_length(body), body=body).replace(b"Connection: close\r\n", b"")
    after = b"GET /v1/health HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
    answer = server.raw(empty + after)
    assert _status(answer) == 422
    assert b"HTTP/1.1 200" in answer


# ---------------------------------------------------------------- names


@pytest.mark.parametrize(
    "name",
    ["../../../etc/cron.d/x", "..\\..\\x.exe", "a\r\nX-Evil: 1", "<img src=x onerror=alert(1)>.wav",
     "a" * 3000, ";rm -rf ~", "\u202egnp.wav", "%2e%2e%2fx", "CON", "x\0.wav", "\ud800".encode(
        "utf-8", "surrogatepass").decode("latin-1")],
)  # fmt: skip
def test_a_hostile_name_is_shown_and_nothing_else(client: TestClient, name: str) -> None:
    body = HEAD.replace(b"a.wav", name.encode()) + b"sound" + END
    form = {"Content-Type": "multipart/form-data; boundary=xYz"}
    answer = client.post("/v1/recordings", content=body, headers=form)
    if b"\r\nX-Evil" in body:  # cannot be told from a header of the part
        assert answer.status_code in (202, 400)
        if answer.status_code == 400:
            return
    assert answer.status_code == 202, answer.text
    made = answer.json()
    assert not set("/\\\r\n\0\u202e") & set(made["name"])
    assert len(made["name"]) <= 200
    sound = client.get(f"/v1/recordings/{made['id']}/audio")
    assert sound.content == b"sound"
    disposition = sound.headers["content-disposition"]
    assert disposition.startswith('attachment; filename="')
    assert disposition.count('"') == 2
    assert disposition.isascii()
    assert "x-evil" not in sound.headers
    assert sound.headers["content-type"] == "application/octet-stream"
    assert "sandbox" in sound.headers["content-security-policy"]
    data = client.app.state.service.settings.data_dir  # type: ignore[attr-defined]
    assert not [p for p in data.parent.rglob("*") if "etc" in p.name or "evil" in p.name.lower()]


# ---------------------------------------------------------------- the same again


def test_a_repeated_upload_is_the_same_recording(client: TestClient) -> None:
    key = {"Idempotency-Key": "k1"}
    first = client.post("/v1/recordings", files={"file": ("a.wav", b"one")}, headers=key)
    again = client.post("/v1/recordings", files={"file": ("a.wav", b"one")}, headers=key)
    bare = client.post("/v1/recordings", files={"file": ("b.wav", b"one")})
    assert (first.status_code, again.status_code, bare.status_code) == (202, 200, 200)
    assert first.headers["location"] == f"/v1/recordings/{first.json()['id']}"
    assert {r.json()["id"] for r in (first, again, bare)} == {first.json()["id"]}
    other = client.post("/v1/recordings", files={"file": ("a.wav", b"two")}, headers=key)
    assert other.status_code == 422
    options = client.post(
        "/v1/recordings", files={"file": ("a.wav", b"one")}, data={"listener": "debtor"}
    )
    assert options.status_code == 202


@pytest.mark.parametrize("value", ["", "a" * 300, "a b"])
def test_a_bad_idempotency_key_is_refused(client: TestClient, value: str) -> None:
    sent = {"files": {"file": ("a.wav", b"x")}, "headers": {"Idempotency-Key": value}}
    assert client.post("/v1/recordings", **sent).status_code == 422  # type: ignore[arg-type]


def test_options_may_stand_behind_the_file(client: TestClient) -> None:
    behind = b'\r\n--xYz\r\nContent-Disposition: form-data; name="listener"\r\n\r\n'
    form = {"Content-Type": "multipart/form-data; boundary=xYz"}
    good = client.post(
        "/v1/recordings", content=HEAD + b"x" + behind + b"debtor" + END, headers=form
    )
    bad = client.post("/v1/recordings", content=HEAD + b"y" + behind + b"cat" + END, headers=form)
    assert (good.status_code, bad.status_code) == (202, 422)
    service = client.app.state.service  # type: ignore[attr-defined]
    assert service.store.meta("local", good.json()["id"])["options"] == {"listener": "debtor"}
    assert len(client.get("/v1/recordings").json()["items"]) == 1


# ---------------------------------------------------------------- waiting, following, deleting


def test_waiting_brings_the_report(client: TestClient) -> None:
    answer = client.post("/v1/recordings?wait=true", files={"file": ("a.wav", b"call")})
    assert answer.status_code == 200
    assert answer.json()["flags"][0]["category"] == "threat"
    known = client.post("/v1/recordings?wait=true", files={"file": ("a.wav", b"call")})
    assert known.json()["recording"] == answer.json()["recording"]


def test_waiting_for_what_is_no_recording_says_so(client: TestClient) -> None:
    answer = client.post("/v1/recordings?wait=true", files={"file": ("a.wav", b"bad")})
    assert answer.status_code == 422
    assert answer.headers["content-type"] == "application/problem+json"
    assert "不是录音" in answer.json()["detail"]
    assert answer.json()["detail_en"] == "Not a recording."


def test_the_list_has_pages(client: TestClient) -> None:
    made = [upload(client, b"%d" % number)["id"] for number in range(5)]
    seen: list[str] = []
    cursor = ""
    while True:
        page = client.get(f"/v1/recordings?limit=2{cursor}").json()
        seen += [item["id"] for item in page["items"]]
        if page["next"] is None:
            break
        cursor = f"&cursor={page['next']}"
    assert seen == made[::-1]
    for bad in ("x", "nan_" + "0" * 32, "%00", "0x1p+0_" + "0" * 31):
        assert client.get(f"/v1/recordings?cursor={bad}").status_code == 422


def test_a_deleted_recording_is_gone(client: TestClient) -> None:
    made = upload(client)
    finished(client, made["id"])
    assert client.delete(f"/v1/recordings/{made['id']}").status_code == 204
    for path in ("", "/report", "/audio", "/review", "/evidence", "/events"):
        assert client.get(f"/v1/recordings/{made['id']}{path}").status_code == 404
    assert client.delete(f"/v1/recordings/{made['id']}").status_code == 404


def test_events_tell_until_the_end(server: Served) -> None:
    states = []
    with httpx2.Client(base_url=server.url, timeout=30) as client:
        made = upload(client, b"sleep 1.2")
        with client.stream("GET", f"/v1/recordings/{made['id']}/events") as stream:
            assert stream.headers["content-type"].startswith("text/event-stream")
            for line in stream.iter_lines():
                if line.startswith("data:"):
                    states.append(json.loads(line[5:]))
    assert states[-1]["state"] == "done"
    assert states[-1]["counts"] == {"flag": 1, "review": 0}
    assert "running" in {state["state"] for state in states}


def test_events_end_when_the_recording_is_deleted(server: Served) -> None:
    with httpx2.Client(base_url=server.url, timeout=30) as client:
        made = upload(client, b"hang")
        with client.stream("GET", f"/v1/recordings/{made['id']}/events") as stream:
            lines = stream.iter_lines()
            while not next(lines).startswith("data:"):
                pass
            assert httpx2.delete(f"{server.url}/v1/recordings/{made['id']}").status_code == 204
            assert all("done" not in line for line in lines)
