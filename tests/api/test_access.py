"""Who gets in: this machine's user, holders of keys, and nobody's web page."""

import json
import os
import socket
import subprocess
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import pytest
from fastapi.routing import APIRoute
from fastapi.testclient import TestClient
from http_help import asked, finished, quick_settings, served, upload

from api.peers import _asked, _listed, peer_is_mine

OURS = {"host": "127.0.0.1:8666", "origin": "http://127.0.0.1:8666"}


@pytest.fixture
def client(tmp_path: Path) -> Iterator[TestClient]:
    with asked(quick_settings(tmp_path)) as client:
        yield client


def _key(client: TestClient, owner: str | None = None) -> dict[str, str]:
    _, text = client.app.state.service.keys.create(owner)  # type: ignore[attr-defined]
    client.app.state.access._cache.any_key = (0.0, False)  # type: ignore[attr-defined]
    return {"Authorization": f"Bearer {text}"}


def _status(client: TestClient, path: str = "/v1/recordings", **headers: str) -> int:
    return client.get(
        path, headers={k.replace("_", "-"): v for k, v in headers.items()}
    ).status_code


# ---------------------------------------------------------------- without keys


def test_this_machine_gets_in_by_each_of_its_names(client: TestClient) -> None:
    for name in ("127.0.0.1", "127.0.0.1:8666", "localhost:8666", "LOCALHOST", "[::1]:8666"):
        assert _status(client, host=name) == 200


@pytest.mark.parametrize(
    "name",
    ["evil.example", "127.0.0.1.evil.example", "localhost.evil.example:8666", "127.0.0.1@evil",
     "", "a b", "192.168.1.5", "127.0.0.1:8666:1"],
)  # fmt: skip
def test_a_rebound_name_does_not(client: TestClient, name: str) -> None:
    for path in ("/v1/recordings", "/", "/v1/health", "/page/app.js", "/metrics"):
        assert _status(client, path, host=name) == 403


@pytest.mark.parametrize(
    "headers",
    [
        {"origin": "http://evil.example"},
        {"origin": "https://127.0.0.1.evil.example"},
        {"origin": "http://127.0.0.1:3000"},
        {"origin": "null"},
        {"origin": "file://"},
        {"sec-fetch-site": "cross-site"},
        {"sec-fetch-site": "same-site"},
        {"sec-fetch-site": "cross-site", "sec-fetch-mode": "navigate"},
        {"sec-fetch-site": "cross-site", "sec-fetch-mode": "no-cors", "sec-fetch-dest": "image"},
        OURS | {"sec-fetch-site": "cross-site"},
    ],
)
def test_another_page_does_not(client: TestClient, headers: dict[str, str]) -> None:
    made = upload(client)
    headers = {"host": "127.0.0.1:8666"} | headers
    for method, path in (
        ("GET", "/v1/recordings"), ("DELETE", f"/v1/recordings/{made['id']}"),
        ("POST", "/v1/recordings"), ("OPTIONS", "/v1/recordings"), ("POST", "/v1/text"),
    ):  # fmt: skip
        answer = client.request(method, path, headers=headers)
        assert answer.status_code == 403
        assert "access-control-allow-origin" not in answer.headers
    assert client.get(f"/v1/recordings/{made['id']}").status_code == 200


def test_our_page_does(client: TestClient) -> None:
    assert _status(client, **OURS) == 200
    assert _status(client, **OURS, sec_fetch_site="same-origin") == 200
    assert _status(client, "/", host="127.0.0.1:8666", sec_fetch_site="none") == 200


def test_a_link_elsewhere_may_open_the_page(client: TestClient) -> None:
    foreign = {"sec_fetch_site": "cross-site", "sec_fetch_mode": "navigate"}
    assert _status(client, "/", **foreign) == 200
    assert _status(client, "/v1/recordings", **foreign) == 403


def test_a_proxy_between_needs_a_key(client: TestClient) -> None:
    assert _status(client, x_forwarded_for="192.168.1.7") == 403
    assert _status(client, forwarded="for=192.168.1.7") == 403


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="Linux tells whose a peer is")
def test_another_user_of_the_machine_does_not_get_in(tmp_path: Path) -> None:
    if os.getuid():
        pytest.skip("only root can be two users")
    ask = (
        "import os, socket, sys; 'x'.encode('idna')\n"
        "os.setuid(int(sys.argv[2]))\n"
        "c = socket.create_connection(('127.0.0.1', int(sys.argv[1])))\n"
        "c.sendall(b'GET /v1/recordings HTTP/1.1\\r\\nHost: localhost\\r\\n\\r\\n')\n"
        "print(c.recv(20).split()[1].decode())\n"
    )
    with served(tmp_path) as server:
        for user, status in ((0, "200"), (65534, "403")):
            words = [sys.executable, "-c", ask, str(server.port), str(user)]
            said = subprocess.run(words, capture_output=True, text=True, check=True, cwd="/")
            assert said.stdout.strip() == status


def test_a_peer_that_is_gone_is_nobody() -> None:
    if sys.platform.startswith("linux"):
        assert not peer_is_mine(("127.0.0.1", 1), ("127.0.0.1", 2))
    assert peer_is_mine(("testclient", 1), ("127.0.0.1", 2))


# ---------------------------------------------------------------- with keys


def test_the_first_key_closes_the_door(client: TestClient) -> None:
    made = upload(client)
    key = _key(client, "wang")
    assert _status(client) == 401
    refused = client.get("/v1/recordings", headers={"Authorization": "Bearer hd_0_wrong"})
    assert refused.status_code == 401
    assert refused.headers["www-authenticate"].startswith("Bearer")
    assert client.get("/v1/recordings", headers=key).json()["items"] == []
    assert client.get(f"/v1/recordings/{made['id']}", headers=key).status_code == 404
    assert client.get("/v1/health").json()["key_needed"] is True


@pytest.mark.parametrize(
    "value",
    ["Bearer", "Bearer ", "Basic dTpw", "hd_abc", "Bearer \x00", "Bearer " + "a" * 10_000,
     "Bearer hd_'; DROP TABLE keys;--"],
)  # fmt: skip
def test_what_is_no_key_is_refused(client: TestClient, value: str) -> None:
    _key(client)
    try:
        answer = client.get("/v1/recordings", headers={"Authorization": value})
    except Exception as error:  # the client's own library sends no such header
        assert "header" in str(error).lower()
        return
    assert answer.status_code == 401


def test_a_revoked_key_is_good_no_more(client: TestClient) -> None:
    key = _key(client, "a")
    _key(client, "b")
    assert client.get("/v1/recordings", headers=key).status_code == 200
    service = client.app.state.service  # type: ignore[attr-defined]
    service.keys.revoke(key["Authorization"].split("_")[1])
    client.app.state.access._cache.owners.clear()  # type: ignore[attr-defined]
    assert client.get("/v1/recordings", headers=key).status_code == 401


def _bodies() -> dict[str, Any]:
    return {
        "POST /v1/recordings/{recording}/evidence": {"redact": True, "names": ["王芳"]},
        "POST /v1/recordings/{recording}/flags": {
            "by": "x", "category": "threat", "subtype": "veiled", "utterance_ids": ["U1"],
        },
        "PATCH /v1/recordings/{recording}/flags/{flag}": {"by": "x", "status": "confirmed"},
        "PATCH /v1/recordings/{recording}/utterances/{utterance}": {"by": "x", "text": "y"},
        "PATCH /v1/recordings/{recording}/speakers/{speaker}": {"by": "x", "role": "debtor"},
    }  # fmt: skip


def _routes(routes: Iterable[Any]) -> Iterator[APIRoute]:
    for route in routes:
        if isinstance(route, APIRoute):
            yield route
        elif inner := getattr(route, "original_router", None):  # as newer versions keep them
            yield from _routes(inner.routes)


def test_every_route_denies_another_owners_recording(client: TestClient) -> None:
    mine, other = _key(client, "mine"), _key(client, "other")
    made = upload(client, headers=mine)
    finished(client, made["id"], headers=mine)
    bodies, tried = _bodies(), 0
    names = {"recording": made["id"], "flag": "F1", "utterance": "U1", "speaker": "A"}
    for route in _routes(client.app.routes):  # type: ignore[attr-defined]
        if "{recording}" not in route.path:
            continue
        for method in route.methods:
            tried += 1
            path = route.path.format(**names)
            body = bodies.get(f"{method} {route.path}")
            assert (body is None) == (method in ("GET", "DELETE")), f"no body for {route.path}"
            answer = client.request(method, path, headers=other, json=body)
            assert answer.status_code == 404, f"{method} {route.path}"
            gone = client.request(
                method, path.replace(made["id"], "0" * 32), headers=other, json=body
            )
            assert answer.json() | {"instance": ""} == gone.json() | {"instance": ""}
    assert tried >= 14
    assert client.get("/v1/recordings", headers=other).json()["items"] == []
    kept = client.get(f"/v1/recordings/{made['id']}/review", headers=mine).json()
    assert [flag["status"] for flag in kept["flags"]] == ["unreviewed"]


def test_the_same_recording_of_two_owners_is_two(client: TestClient) -> None:
    one, two = _key(client, "one"), _key(client, "two")
    first, second = upload(client, headers=one), upload(client, headers=two)
    assert first["id"] != second["id"]
    client.delete(f"/v1/recordings/{first['id']}", headers=one)
    assert client.get(f"/v1/recordings/{second['id']}", headers=two).status_code == 200


# ---------------------------------------------------------------- the reading cookie


def test_the_cookie_reads_and_does_nothing_else(client: TestClient) -> None:
    key = _key(client, "wang")
    made = upload(client, headers=key)
    begun = client.post("/v1/session", headers=key)
    assert begun.status_code == 204
    cookie = begun.headers["set-cookie"]
    assert all(word in cookie for word in ("HttpOnly", "SameSite=strict", "Path=/v1"))
    assert key["Authorization"].split("_", 2)[2] not in cookie
    assert client.get(f"/v1/recordings/{made['id']}/audio").content == b"a call"
    assert client.get(f"/v1/recordings/{made['id']}/evidence").status_code != 401
    for path in ("/v1/recordings", f"/v1/recordings/{made['id']}", "/v1/session/"):
        assert client.get(path).status_code in (401, 404)
    assert client.get("/v1/session").json() == {"key_needed": True, "signed_in": False}
    assert client.get("/v1/session", headers=key).json()["signed_in"] is True
    assert client.delete(f"/v1/recordings/{made['id']}").status_code == 401
    assert client.post("/v1/text", json={"text": "你好"}).status_code == 401
    assert client.post("/v1/session").status_code == 401  # it cannot prolong itself
    client.delete("/v1/session")
    assert client.get(f"/v1/recordings/{made['id']}/audio").status_code == 401


def test_a_forged_or_revoked_cookie_is_refused(client: TestClient) -> None:
    key, other = _key(client, "wang"), _key(client, "other")
    sound = f"/v1/recordings/{upload(client, headers=key)['id']}/audio"
    assert client.post("/v1/session", headers=other).status_code == 204
    assert client.get(sound).status_code == 404
    client.post("/v1/session", headers=key)
    assert client.get(sound).status_code == 200
    client.app.state.service.keys.revoke(  # type: ignore[attr-defined]
        key["Authorization"].split("_")[1]
    )
    client.app.state.access._cache.owners.clear()  # type: ignore[attr-defined]
    assert client.get(sound).status_code == 401
    client.cookies.set("detector_read", json.dumps({"owner": "wang"}), path="/v1")
    assert client.get(sound).status_code == 401


# ---------------------------------------------------------------- other addresses


def test_an_open_address_needs_keys_from_the_start(tmp_path: Path) -> None:
    with asked(quick_settings(tmp_path, host="0.0.0.0")) as client:
        assert _status(client) == 401
        assert client.post("/v1/text", json={"text": "你好"}).status_code == 401
        assert _status(client, "/v1/health") == 200
        assert _status(client, "/") == 200
        assert _status(client, "/metrics", x_forwarded_for="1.2.3.4") == 401


def test_allowed_hosts_limit_an_open_address(tmp_path: Path) -> None:
    settings = quick_settings(tmp_path, host="0.0.0.0", allowed_hosts=("call.example",))
    with asked(settings) as client:
        key = _key(client)
        proxied = {"host": "call.example", "origin": "https://call.example"}
        assert client.get("/v1/recordings", headers=key | proxied).status_code == 200
        elsewhere = {"host": "other.example"}
        assert client.get("/v1/recordings", headers=key | elsewhere).status_code == 403


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="Linux tells whose a peer is")
def test_a_connection_is_found_in_both_ways() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        server = listening.getsockname()
        with socket.create_connection(server) as connection:
            client = connection.getsockname()
            assert _asked(client, server) == os.getuid()
            assert list(_listed(client, server)) == [os.getuid()]
            assert peer_is_mine(client, server)
        assert not peer_is_mine(client, server)
