"""People decide on reports through the service; evidence and clips are made from that."""

import io
import shutil
import threading
import wave
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jsonschema
import numpy as np
import pytest
from quick_tasks import SAID
from uploads import OWNER, send, wait_for

from api.errors import BadOptionError, ConflictError, NotFoundError
from api.service import Service
from api.settings import Settings
from detector.evidence.verify import verify_case
from detector.report import schema


def _tone(seconds: float) -> bytes:
    file = io.BytesIO()
    with wave.open(file, "wb") as sound:
        sound.setnchannels(1)
        sound.setsampwidth(2)
        sound.setframerate(8000)
        at = np.arange(round(seconds * 8000))
        sound.writeframes((8000 * np.sin(at / 4)).astype("<i2").tobytes())
    return file.getvalue()


@pytest.fixture
def scanned(service: Service) -> tuple[Service, str]:
    sent = send(service, b"call", name="电话 2026.wav")
    wait_for(service, sent.id, "done")
    return service, sent.id


def test_a_flag_is_confirmed_rejected_and_reopened(scanned: tuple[Service, str]) -> None:
    service, recording = scanned
    reviewing = service.reviewing
    flag = reviewing.view(OWNER, recording)["flags"][0]
    assert (flag["status"], flag["quote"], flag["by"]) == ("unreviewed", SAID[1], None)
    assert flag["basis"]
    assert {"title", "article", "text", "source", "version"} <= flag["basis"][0].keys()
    for status in ("confirmed", "rejected", "unreviewed"):
        made = reviewing.decide(OWNER, recording, "F1", by="李复核", status=status, note="听过")
        assert made["status"] == status
        assert reviewing.view(OWNER, recording)["flags"][0] == made
        assert reviewing.report(OWNER, recording)["flags"][0]["status"] == status
    assert made["by"] == "李复核"


def test_words_speakers_and_roles_are_corrected(scanned: tuple[Service, str]) -> None:
    service, recording = scanned
    reviewing = service.reviewing
    changed = reviewing.correct(OWNER, recording, "U2", by="李", text="改过的话", speaker="B")
    assert changed["utterance"]["corrected_text"] == "改过的话"
    assert changed["utterance"]["text"] == SAID[1]
    assert changed["utterance"]["original_speaker"] == "A"
    assert changed["flags"][0]["corrected_text"] == "改过的话"
    reviewing.role(OWNER, recording, "B", "debtor", by="李")
    view = reviewing.view(OWNER, recording)
    assert [s["role"] for s in view["speakers"]] == ["collector", "debtor"]
    assert view["flags"][0]["role"] == "debtor"
    assert view["reviewers"] == ["李"]
    made = reviewing.decide(OWNER, recording, "F1", by="李", text="又改", status="confirmed")
    assert (made["corrected_text"], made["status"]) == ("又改", "confirmed")


def test_a_flag_is_added_by_hand(scanned: tuple[Service, str]) -> None:
    service, recording = scanned
    made = service.reviewing.add(
        OWNER, recording, by="李", category="insult", subtype="mockery", utterance_ids=["U1"]
    )
    assert (made["id"], made["origin"], made["status"]) == ("H1", "human", "confirmed")
    report = service.reviewing.report(OWNER, recording)
    jsonschema.validate(report, schema())
    assert [flag["id"] for flag in report["flags"]] == ["H1", "F1"]


def test_what_cannot_be_decided_is_refused_and_changes_nothing(
    scanned: tuple[Service, str],
) -> None:
    service, recording = scanned
    reviewing = service.reviewing
    before = reviewing.view(OWNER, recording)

    def decide(flag: str, by: str = "x", **what: str) -> Callable[[], Any]:
        return lambda: reviewing.decide(OWNER, recording, flag, by=by, **what)

    def correct(utterance: str, **what: str) -> Callable[[], Any]:
        return lambda: reviewing.correct(OWNER, recording, utterance, by="x", **what)

    bad: list[tuple[type[Exception], Callable[[], Any]]] = [
        (NotFoundError, decide("F9", status="confirmed")),
        (BadOptionError, decide("F1", status="maybe")),
        (BadOptionError, decide("F1")),
        (BadOptionError, decide("F1", by=" ", status="rejected")),
        (NotFoundError, correct("U9", text="y")),
        (BadOptionError, correct("U1", text=" ")),
        (BadOptionError, correct("U1", text="y" * 20_000)),
        (BadOptionError, correct("U1", text="y", speaker="AA")),
        (NotFoundError, lambda: reviewing.role(OWNER, recording, "Z", "debtor", by="x")),
        (BadOptionError, lambda: reviewing.role(OWNER, recording, "A", "boss", by="x")),
        (BadOptionError, lambda: reviewing.rendered(OWNER, recording, "exe")),
        (NotFoundError, lambda: reviewing.clip(OWNER, recording, "F9")),
    ]  # fmt: skip
    for kind, call in bad:
        with pytest.raises(kind):
            call()
    assert reviewing.view(OWNER, recording) == before


def test_decisions_of_several_people_and_servers_are_all_kept(
    settings: Settings, opened: Callable[..., Service]
) -> None:
    services = [opened(settings), opened(settings, work=False)]
    sent = send(services[0], b"call")
    wait_for(services[0], sent.id, "done")

    def add(service: Service) -> None:
        for _ in range(10):
            service.reviewing.add(
                OWNER, sent.id, by="x", category="insult", subtype="mockery", utterance_ids=["U1"]
            )

    threads = [threading.Thread(target=add, args=(services[n % 2],)) for n in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    flags = services[1].reviewing.view(OWNER, sent.id)["flags"]
    assert {flag["id"] for flag in flags} == {"F1"} | {f"H{n}" for n in range(1, 41)}


def test_before_it_is_done_there_is_nothing_to_review(
    settings: Settings, opened: Callable[..., Service]
) -> None:
    service = opened(settings, work=False)
    sent = send(service, b"call")
    with pytest.raises(ConflictError):
        service.reviewing.view(OWNER, sent.id)


@pytest.mark.parametrize("form", ["json", "html", "txt", "srt", "vtt", "csv"])
def test_reports_are_rendered_as_reviewed(scanned: tuple[Service, str], form: str) -> None:
    service, recording = scanned
    service.reviewing.correct(OWNER, recording, "U2", by="李", text="改过的话")
    data, media, name = service.reviewing.rendered(OWNER, recording, form)
    assert "改过的话" in data.decode("utf-8-sig")
    assert name == f"电话 2026.{form}"
    assert "/" in media


def test_clips_and_evidence_are_made_and_leave_nothing_plain(
    settings: Settings, opened: Callable[..., Service], tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    if settings.database_url:
        pytest.skip("the same on each database")
    monkeypatch.setenv("DETECTOR_KEYS", str(tmp_path / "keys"))
    service = opened(settings)
    for name in ("../w\u00f6rk/<b>电话\n?.wav", "work"):
        content = _tone(8.0) + name.encode()
        sent = send(service, content, name=name)
        wait_for(service, sent.id, "done")
        data, media, clip = service.reviewing.clip(OWNER, sent.id, "F1")
        assert (media, clip[-4:], data[:4]) == ("audio/wav", ".wav", b"RIFF")
    service.reviewing.decide(OWNER, sent.id, "F1", by="李", status="confirmed")
    path = service.reviewing.evidence(OWNER, sent.id)
    with zipfile.ZipFile(path) as file:
        file.extractall(tmp_path / "out")
    (case,) = (tmp_path / "out").iterdir()
    (original,) = (case / "original").iterdir()
    assert original.read_bytes() == content
    assert [f for f in verify_case(case).findings if f.level == "bad"] == []
    shutil.rmtree(path.parent)
    assert list(service.vault.places.tmp.iterdir()) == []
    path = service.reviewing.evidence(OWNER, sent.id, redact=True, names=["王"])
    with zipfile.ZipFile(path) as file:
        assert not [name for name in file.namelist() if "/original/" in name]
