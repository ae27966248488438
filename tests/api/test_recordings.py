"""Uploads come in whole or not at all, belong to one owner, and are not scanned twice."""

import threading
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from uploads import OWNER, eventually, send, wait_for

from api.drafts import clean_name
from api.errors import (
    BadOptionError,
    ConflictError,
    FullError,
    NotFoundError,
    TooLargeError,
    TooManyError,
)
from api.service import Service
from api.settings import Settings


def test_a_recording_comes_back_as_it_was_sent_and_is_scanned(service: Service) -> None:
    content = b"plain " + bytes(range(256)) * 3000
    sent = send(service, content, name="2026-03-05 李.m4a")
    assert sent.state in ("queued", "running")
    done = wait_for(service, sent.id)
    assert (done.state, done.name, done.bytes) == ("done", "2026-03-05 李.m4a", len(content))
    assert (done.flagged, done.to_review, done.duration_s, done.urgent) == (1, 0, 8.0, False)
    reader = service.store.reader(OWNER, sent.id, "original")
    assert reader.size == len(content)
    assert reader.read(0, len(content)) == content
    assert reader.read(300_000, 1000) == content[300_000:301_000]
    assert reader.read(len(content) - 3, 100) == content[-3:]
    assert service.store.report(OWNER, sent.id).recording.file == "2026-03-05 李.m4a"
    assert service.store.waveform(OWNER, sent.id)["peaks"] == [[0.5] * 8]
    assert service.store.reader(OWNER, sent.id, "listen").read(0, 4) == b"mp3 "


def test_what_a_call_urges_to_is_told_in_the_list(service: Service) -> None:
    sent = send(service, b"urgent call")
    wait_for(service, sent.id, "done")
    assert service.store.list(OWNER).items[0].urgent


def test_another_owner_sees_nothing(service: Service) -> None:
    store, sent = service.store, send(service, b"mine")
    wait_for(service, sent.id)
    reads: list[Callable[[], Any]] = [
        lambda: store.get("other", sent.id),
        lambda: store.report("other", sent.id),
        lambda: store.reader("other", sent.id, "original"),
        lambda: store.reader("other", sent.id, "listen"),
        lambda: store.waveform("other", sent.id),
        lambda: store.delete("other", sent.id),
        lambda: store.changed("other", sent.id, 0, 0.1),
        lambda: service.reviewing.view("other", sent.id),
        lambda: service.reviewing.decide("other", sent.id, "F1", by="x", status="confirmed"),
        lambda: service.reviewing.evidence("other", sent.id),
        lambda: service.reviewing.clip("other", sent.id, "F1"),
    ]
    for read in reads:
        with pytest.raises(NotFoundError):
            read()
    assert store.list("other").items == []
    assert store.get(OWNER, sent.id).state == "done"


def test_the_same_recording_is_not_scanned_twice(service: Service) -> None:
    first = send(service, b"same", options={"script": "simplified"})
    draft = service.store.create(OWNER, "other name.wav")
    draft.write(b"same")
    again, existed = draft.commit({"script": "simplified"})
    assert (again.id, existed) == (first.id, True)
    assert send(service, b"same", options={"script": "traditional"}).id != first.id
    assert send(service, b"same", owner="other", options={"script": "simplified"}).id != first.id


def test_the_same_sent_at_the_same_moment_is_taken_once(service: Service) -> None:
    ids: list[str] = []

    def upload() -> None:
        ids.append(send(service, b"at once" * 10_000).id)

    threads = [threading.Thread(target=upload) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(ids) == 8
    assert len(set(ids)) == 1
    assert len(service.store.list(OWNER).items) == 1
    vault = service.vault.places.vault
    assert [folder.name for folder in vault.iterdir()] == [ids[0]]


def test_an_idempotency_key_finds_its_recording_and_no_other(service: Service) -> None:
    first = send(service, b"keyed", key="k-1")
    assert send(service, b"keyed", key="k-1").id == first.id
    with pytest.raises(BadOptionError):
        send(service, b"something else", key="k-1")
    assert send(service, b"something else", owner="other", key="k-1").id != first.id
    service.store.delete(OWNER, first.id)
    assert send(service, b"something else", key="k-1").id != first.id


def test_a_bad_file_fails_with_the_scanners_sentence(service: Service) -> None:
    failed = wait_for(service, send(service, b"bad bytes", name="账单.pdf").id)
    assert failed.state == "failed"
    assert failed.error is not None
    assert failed.error.detail == "账单.pdf 不是录音,请换一个 (not a recording)。"
    assert (failed.error.detail_en, failed.error.status) == ("Not a recording.", 422)
    with pytest.raises(ConflictError):
        service.store.report(OWNER, failed.id)


@pytest.mark.parametrize("content", [b"bug here", b"crash here"])
def test_a_scan_that_breaks_fails_and_may_be_sent_again(service: Service, content: bytes) -> None:
    first = send(service, content)
    failed = wait_for(service, first.id)
    assert failed.state == "failed"
    assert failed.error is not None
    assert "words of a call" not in failed.error.detail
    assert send(service, content).id != first.id
    assert wait_for(service, send(service, b"good").id).state == "done"


def test_an_upload_that_is_broken_off_leaves_nothing(service: Service) -> None:
    draft = service.store.create(OWNER, "a.wav")
    draft.write(b"x" * 400_000)
    draft.abort()
    draft.abort()
    assert list(service.vault.places.incoming.iterdir()) == []
    assert service.store.list(OWNER).items == []
    with pytest.raises(RuntimeError):
        draft.commit({})


def test_empty_and_too_large_uploads_are_refused(
    settings: Settings, opened: Callable[..., Service]
) -> None:
    service = opened(replace(settings, max_bytes=1000))
    with pytest.raises(BadOptionError):
        send(service, b"")
    with pytest.raises(TooLargeError, match="1000 B"):
        send(service, b"x" * 1001)
    assert send(service, b"x" * 1000).bytes == 1000
    assert list(service.vault.places.incoming.iterdir()) == []


def test_full_queues_and_hasty_owners_wait(
    settings: Settings, opened: Callable[..., Service]
) -> None:
    service = opened(replace(settings, queue_limit=2, uploads_per_minute=3), work=False)
    send(service, b"1", owner="a")
    send(service, b"2", owner="b")
    with pytest.raises(TooManyError):
        send(service, b"3", owner="c")
    other = opened(replace(settings, queue_limit=100, uploads_per_minute=3), work=False)
    send(other, b"4", owner="a")
    send(other, b"5", owner="a")
    with pytest.raises(TooManyError) as error:
        send(other, b"6", owner="a")
    assert error.value.retry_after_s
    assert send(other, b"6", owner="b")


def test_a_full_disk_refuses_before_the_upload(
    settings: Settings, opened: Callable[..., Service]
) -> None:
    service = opened(replace(settings, min_free_bytes=1 << 60), work=False)
    with pytest.raises(FullError):
        service.store.create(OWNER, "a.wav")


def test_pages_list_everything_once_the_latest_first(
    settings: Settings, opened: Callable[..., Service]
) -> None:
    service = opened(settings, work=False)
    sent = [send(service, b"n%d" % n).id for n in range(7)]
    found: list[str] = []
    cursor = None
    while True:
        page = service.store.list(OWNER, 3, cursor)
        found += [item.id for item in page.items]
        cursor = page.next
        if cursor is None:
            break
    assert found == sent[::-1]
    assert [i.queue_position for i in service.store.list(OWNER).items] == [7, 6, 5, 4, 3, 2, 1]
    assert service.store.get(OWNER, sent[3]).queue_position == 4
    for bad in ("", "x", "0x1_", "_", "1" * 400, "é_é"):
        with pytest.raises(BadOptionError):
            service.store.list(OWNER, 3, bad or "zz")


def test_a_change_is_heard_of_here_and_from_other_servers(
    settings: Settings, opened: Callable[..., Service]
) -> None:
    works, looks = opened(settings, work=False), opened(settings, work=False)
    sent = send(looks, b"sleep 0.3")
    assert looks.store.changed(OWNER, sent.id, sent.version, 0.2) is None
    heard: list[str] = []
    stop = looks.store.watch(heard.append)
    works.dispatcher.start()
    changed = looks.store.changed(OWNER, sent.id, sent.version, 10.0)
    assert changed is not None
    assert changed.version > sent.version
    eventually(lambda: looks.store.get(OWNER, sent.id).state == "done")
    assert sent.id in heard
    stop()


def test_progress_is_shown(service: Service) -> None:
    sent = send(service, b"sleep 3")
    found = eventually(lambda: service.store.get(OWNER, sent.id).progress)
    assert found.step in ("read", "transcribe")
    eventually(lambda: (p := service.store.get(OWNER, sent.id).progress) and p.step == "transcribe")
    assert service.store.get(OWNER, sent.id).state == "running"


@pytest.mark.parametrize(
    ("given", "shown"),
    [
        ("../../etc/passwd", "passwd"),
        ("C:\\Users\\me\\录音.amr", "录音.amr"),
        ("a\r\nSet-Cookie: x=1.wav", "aSet-Cookie: x=1.wav"),
        ("<script>alert(1)</script>.wav", "script>.wav"),
        ("\u202egnp.wav", "gnp.wav"),
        ("..", "recording"),
        ("", "recording"),
        (None, "recording"),
        ("x" * 5000, "x" * 200),
        ("\ud800.wav", ".wav"),
    ],
)
def test_names_are_shown_without_folders_and_tricks(given: str | None, shown: str) -> None:
    assert clean_name(given) == shown


@pytest.mark.parametrize("bad", ["", "..", "../vault", "a" * 31, "A" * 32, "a/" * 16, "\0" * 32])
def test_ids_from_outside_are_no_paths(service: Service, bad: str) -> None:
    for read in (
        lambda: service.store.get(OWNER, bad),
        lambda: service.store.delete(OWNER, bad),
        lambda: service.vault.folder(bad),
    ):
        with pytest.raises(NotFoundError):
            read()
