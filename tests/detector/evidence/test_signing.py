"""The signing key: made once, private, and checkable with openssl."""

import hashlib
import os
import shutil
import stat
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from detector.errors import InputError, OutputError
from detector.evidence import signing
from detector.evidence.signing import fingerprint, key_file, signing_key, verify


@pytest.fixture
def own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("DETECTOR_KEYS", str(tmp_path / "keys"))
    return tmp_path / "keys"


def test_the_key_is_made_once_and_is_nobody_elses_to_read(own: Path) -> None:
    assert signing.own_fingerprint() is None and not own.exists()
    first, second = signing_key(), signing_key()
    assert first.fingerprint == second.fingerprint == signing.own_fingerprint()
    if os.name != "nt":
        assert stat.S_IMODE(key_file().stat().st_mode) == 0o600
    assert [p.name for p in own.iterdir()] == ["signing_key.pem"]


def test_runs_that_make_the_key_at_once_get_the_same(own: Path) -> None:
    found: list[str] = []
    threads = [
        threading.Thread(target=lambda: found.append(signing_key().fingerprint)) for _ in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 8 and len(set(found)) == 1


def test_a_signature_holds_for_that_content_and_key_alone(
    own: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    key = signing_key()
    signature = key.sign(b"list")
    assert verify(key.public, b"list", signature)
    assert not verify(key.public, b"lisT", signature)
    assert not verify(key.public, b"list", signature[:-1])
    monkeypatch.setenv("DETECTOR_KEYS", str(tmp_path / "other"))
    assert not verify(signing_key().public, b"list", signature)


@pytest.mark.parametrize("content", [b"", b"junk", b"-----BEGIN PRIVATE KEY-----\nAA==\n"])
def test_a_damaged_key_is_said_and_never_replaced(own: Path, content: bytes) -> None:
    own.mkdir()
    key_file().write_bytes(content)
    with pytest.raises(InputError, match="已损坏"):
        signing_key()
    assert key_file().read_bytes() == content


def test_no_public_key_is_said(own: Path) -> None:
    for junk in (b"", b"x", b"-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n"):
        with pytest.raises(InputError, match="公钥"):
            fingerprint(junk)


def test_a_place_that_cannot_be_written_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").write_bytes(b"")
    monkeypatch.setenv("DETECTOR_KEYS", str(tmp_path / "file" / "keys"))
    with pytest.raises(OutputError, match="DETECTOR_KEYS"):
        signing_key()


@pytest.mark.skipif(shutil.which("openssl") is None, reason="needs openssl")
def test_openssl_confirms_signature_and_fingerprint(first_case: Path) -> None:
    done = subprocess.run(
        ["openssl", "pkeyutl", "-verify", "-pubin", "-inkey", "public_key.pem", "-rawin",
         "-in", "manifest.json", "-sigfile", "manifest.sig"],
        cwd=first_case, capture_output=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    der = subprocess.run(
        ["openssl", "pkey", "-pubin", "-in", "public_key.pem", "-outform", "DER"],
        cwd=first_case, capture_output=True, check=True,
    )  # fmt: skip
    public = (first_case / "public_key.pem").read_bytes()
    assert hashlib.sha256(der.stdout).hexdigest() == fingerprint(public)


@pytest.mark.skipif(shutil.which("sha256sum") is None, reason="needs coreutils")
@pytest.mark.skipif(sys.platform == "win32", reason="no coreutils")
def test_sha256sum_confirms_every_file(first_case: Path) -> None:
    done = subprocess.run(
        ["sha256sum", "-c", "SHA256SUMS"], cwd=first_case, capture_output=True, check=False
    )
    assert done.returncode == 0, done.stdout
