"""What was found, over HTTP: reports in every form, sound by ranges, reviews, evidence."""

import io
import json
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient
from http_help import asked, finished, quick_settings, upload
from jsonschema import Draft202012Validator

from detector.report import schema

CONTENT = bytes(range(256)) * 4000


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TestClient]:
    with asked(quick_settings(tmp_path_factory.mktemp("results"))) as client:
        yield client


@pytest.fixture(scope="module")
def base(client: TestClient) -> str:
    made = upload(client, CONTENT, name="<b>录音.wav")
    assert finished(client, made["id"])["state"] == "done"
    return f"/v1/recordings/{made['id']}"


@pytest.fixture
def fresh(client: TestClient, request: pytest.FixtureRequest) -> str:
    made = upload(client, request.node.name.encode())
    finished(client, made["id"])
    return f"/v1/recordings/{made['id']}"


def test_links_lead_somewhere(client: TestClient, base: str) -> None:
    links = client.get(base).json()["links"]
    assert {"self", "report", "review", "waveform", "audio", "events", "evidence"} == set(links)
    for name in ("self", "report", "review", "waveform", "audio", "events"):
        assert client.get(links[name]).status_code == 200


def test_the_report_is_as_published(client: TestClient, base: str) -> None:
    report = client.get(f"{base}/report").json()
    Draft202012Validator(schema()).validate(report)
    assert report["flags"][0]["status"] == "unreviewed"


@pytest.mark.parametrize(
    ("form", "media_type"),
    [
        ("html", "text/html"), ("txt", "text/plain"), ("srt", "application/x-subrip"),
        ("vtt", "text/vtt"), ("csv", "text/csv"), ("json", "application/json"),
    ],
)  # fmt: skip
def test_the_report_has_other_forms(
    client: TestClient, base: str, form: str, media_type: str
) -> None:
    answer = client.get(f"{base}/report", params={"format": form})
    assert answer.status_code == 200
    assert answer.headers["content-type"].startswith(media_type)
    assert "疑似" in answer.text or "贴照片" in answer.text
    assert client.get(f"{base}/report", params={"format": "exe"}).status_code == 422


def test_the_page_is_asked_for_by_accept_and_lives_alone(client: TestClient, base: str) -> None:
    page = client.get(f"{base}/report", headers={"Accept": "text/html,*/*;q=0.8"})
    assert page.text.startswith("<!DOCTYPE html>")
    assert "<b>录音" not in page.text
    policy = page.headers["content-security-policy"]
    assert policy.startswith("sandbox allow-scripts")
    assert "allow-same-origin" not in policy
    assert "script-src 'sha256-" in page.text


def test_nothing_is_there_before_the_end(client: TestClient) -> None:
    made = upload(client, b"hang")
    for path in ("report", "review", "waveform", "clips/F1", "evidence", "audio?listen=true"):
        answer = client.get(f"/v1/recordings/{made['id']}/{path}")
        assert answer.status_code == 409, path
        assert answer.json()["detail"]
    assert client.get(f"/v1/recordings/{made['id']}/audio").content == b"hang"
    client.delete(f"/v1/recordings/{made['id']}")


# ---------------------------------------------------------------- sound


def test_the_original_comes_back_byte_for_byte(client: TestClient, base: str) -> None:
    whole = client.get(f"{base}/audio")
    assert whole.content == CONTENT
    assert whole.headers["accept-ranges"] == "bytes"
    assert "%E5%BD%95%E9%9F%B3" in whole.headers["content-disposition"]


@pytest.mark.parametrize(
    ("asked_for", "first", "last"),
    [("bytes=0-99", 0, 99), ("bytes=500000-", 500_000, len(CONTENT) - 1),
     ("bytes=-7", len(CONTENT) - 7, len(CONTENT) - 1), ("bytes=65530-65540", 65530, 65540)],
)  # fmt: skip
def test_a_part_comes_back(
    client: TestClient, base: str, asked_for: str, first: int, last: int
) -> None:
    answer = client.get(f"{base}/audio", headers={"Range": asked_for})
    assert answer.status_code == 206
    assert answer.content == CONTENT[first : last + 1]
    assert answer.headers["content-range"] == f"bytes {first}-{last}/{len(CONTENT)}"
    assert answer.headers["content-length"] == str(last - first + 1)


def test_a_part_behind_the_end_is_refused(client: TestClient, base: str) -> None:
    answer = client.get(f"{base}/audio", headers={"Range": "bytes=99999999-"})
    assert answer.status_code == 416
    assert answer.headers["content-range"] == f"bytes */{len(CONTENT)}"


def test_a_part_of_something_else_is_the_whole(client: TestClient, base: str) -> None:
    tag = client.get(f"{base}/audio").headers["etag"]
    for held, status in ((tag, 206), ('"other"', 200)):
        headers = {"Range": "bytes=0-9", "If-Range": held}
        assert client.get(f"{base}/audio", headers=headers).status_code == status


def test_the_listening_copy_can_be_sought_in(client: TestClient, base: str) -> None:
    answer = client.get(f"{base}/audio?listen=true", headers={"Range": "bytes=0-3"})
    assert (answer.status_code, answer.content) == (206, b"mp3 ")
    assert answer.headers["content-type"] == "audio/mpeg"
    assert "content-disposition" not in answer.headers


# ---------------------------------------------------------------- reviewing


def test_a_flag_is_confirmed_rejected_and_put_back(client: TestClient, fresh: str) -> None:
    for status in ("confirmed", "rejected", "unreviewed"):
        flag = client.patch(f"{fresh}/flags/F1", json={"status": status, "by": "王芳"})
        assert flag.status_code == 200, flag.text
        assert flag.json()["status"] == status
        shown = client.get(f"{fresh}/review").json()["flags"][0]
        assert (shown["id"], shown["status"]) == ("F1", status)
        report = client.get(f"{fresh}/report").json()
        assert report["flags"][0]["status"] == status


def test_words_and_speakers_are_corrected(client: TestClient, fresh: str) -> None:
    words = {"text": "<script>alert(1)</script>", "by": "王芳"}
    answer = client.patch(f"{fresh}/utterances/U2", json=words)
    assert answer.json()["utterance"]["corrected_text"] == words["text"]
    assert [flag["id"] for flag in answer.json()["flags"]] == ["F1"]
    page = client.get(f"{fresh}/report?format=html").text
    assert "<script>alert(1)" not in page
    role = client.patch(f"{fresh}/speakers/A", json={"role": "debtor", "by": "王芳"})
    assert role.status_code == 200
    assert client.get(f"{fresh}/review").json()["speakers"][0]["role"] == "debtor"


def test_a_flag_is_added_by_hand(client: TestClient, fresh: str) -> None:
    wish = {"category": "insult", "subtype": "mockery", "utterance_ids": ["U1"], "by": "王芳"}
    added = client.post(f"{fresh}/flags", json=wish)
    assert added.status_code == 201
    names = [flag["id"] for flag in client.get(f"{fresh}/review").json()["flags"]]
    assert added.json()["id"] in names


@pytest.mark.parametrize(
    ("method", "path", "body", "status"),
    [
        ("PATCH", "flags/F1", {"status": "confirmed"}, 422),
        ("PATCH", "flags/F1", {"status": "confirmed", "by": ""}, 422),
        ("PATCH", "flags/F1", {"by": "x"}, 422),
        ("PATCH", "flags/F1", {"status": "sure", "by": "x"}, 422),
        ("PATCH", "flags/F1", {"status": "confirmed", "by": "x", "note": "\0"}, 422),
        ("PATCH", "flags/F1", {"status": "confirmed", "by": "x", "score": 1}, 422),
        ("PATCH", "flags/F99", {"status": "confirmed", "by": "x"}, 404),
        ("PATCH", "flags/..%2F", {"status": "confirmed", "by": "x"}, 404),
        ("PATCH", "utterances/U99", {"text": "a", "by": "x"}, 404),
        ("PATCH", "utterances/U1", {"by": "x"}, 422),
        ("PATCH", "speakers/Z", {"role": "debtor", "by": "x"}, 404),
        ("PATCH", "speakers/A", {"role": "judge", "by": "x"}, 422),
        ("POST", "flags", {"category": "threat", "subtype": "nice", "utterance_ids": ["U1"],
                           "by": "x"}, 422),
        ("POST", "flags", {"category": "threat", "subtype": "veiled", "utterance_ids": ["U9"],
                           "by": "x"}, 422),
        ("POST", "flags", {"category": "threat", "subtype": "veiled", "utterance_ids": [],
                           "by": "x"}, 422),
    ],
)  # fmt: skip
def test_what_cannot_be_decided_is_refused(
    client: TestClient, base: str, method: str, path: str, body: dict[str, object], status: int
) -> None:
    headers = {"Content-Type": "application/json"}
    answer = client.request(method, f"{base}/{path}", content=json.dumps(body), headers=headers)
    assert answer.status_code == status, answer.text
    assert answer.json()["detail_en"]


# ---------------------------------------------------------------- real sound


def test_a_clip_and_the_evidence_are_handed_out(client: TestClient, wav: bytes) -> None:
    made = upload(client, wav, name="电话.wav")
    finished(client, made["id"])
    base = f"/v1/recordings/{made['id']}"
    clip = client.get(f"{base}/clips/F1")
    assert clip.status_code == 200, clip.text
    assert clip.content[:4] == b"RIFF"
    assert clip.headers["content-disposition"].startswith("attachment")
    assert client.get(f"{base}/clips/F9").status_code == 404
    _is_evidence(client, client.get(f"{base}/evidence"))


@pytest.mark.slow
def test_names_are_masked_in_the_evidence(client: TestClient, wav: bytes) -> None:
    made = upload(client, wav + b"\0\0", name="电话.wav")
    finished(client, made["id"])
    names = {"names": ["王先生"], "by": "王芳"}
    packed = _is_evidence(client, client.post(f"/v1/recordings/{made['id']}/evidence", json=names))
    for name in packed.namelist():
        if name.endswith((".txt", ".json", ".html", ".csv")):
            assert "王先生".encode() not in packed.read(name), name


def _is_evidence(client: TestClient, answer: Any) -> zipfile.ZipFile:
    assert answer.headers["content-type"] == "application/zip"
    assert answer.headers["content-disposition"].startswith("attachment; filename=")
    packed = zipfile.ZipFile(io.BytesIO(answer.content))
    assert any(name.endswith("manifest.json") for name in packed.namelist())
    data = client.app.state.service.settings.data_dir  # type: ignore[attr-defined]
    assert not [path for path in (data / "tmp").rglob("*") if path.is_file()]
    return packed


@pytest.fixture
def wav(tmp_path: Path) -> bytes:
    import wave

    import numpy as np

    path = tmp_path / "tone.wav"
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(8000)
        tone = np.sin(np.arange(8 * 8000) / 5) * 8000
        file.writeframes(tone.astype("<i2").tobytes())
    return path.read_bytes()
