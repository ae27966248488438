"""Timestamps: what is asked, and the check of answers by an authority made for the test."""

import datetime as dt
import hashlib
import shutil
import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from detector.errors import OptionError
from detector.evidence.build import update_case
from detector.evidence.export import Options
from detector.evidence.timestamp import check_answer, make_request, read_roots
from detector.evidence.verify import verify_case

Run = Callable[..., Any]
MANIFEST = b'{"format": "..."}\n'
needs_openssl = pytest.mark.skipif(shutil.which("openssl") is None, reason="needs openssl")


@dataclass(frozen=True)
class Authority:
    """A timestamp authority on this machine; `chain` puts its root into the answers."""

    folder: Path
    root: x509.Certificate

    def answer(self, request: bytes, chain: bool = True) -> bytes:
        (self.folder / "q.tsq").write_bytes(request)
        extra = ["-chain", "root.pem"] if chain else []
        subprocess.run(
            ["openssl", "ts", "-reply", "-config", "ts.cnf", "-queryfile", "q.tsq", "-signer",
             "leaf.pem", "-inkey", "key.pem", *extra, "-out", "a.tsr"],
            cwd=self.folder, check=True, capture_output=True,
        )  # fmt: skip
        return (self.folder / "a.tsr").read_bytes()


def make_authority(folder: Path) -> Authority:
    now = dt.datetime.now(dt.UTC)

    def certificate(subject: str, serial: int, key: Any) -> x509.CertificateBuilder:
        def name(text: str) -> x509.Name:
            return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])

        return (
            x509.CertificateBuilder()
            .subject_name(name(subject))
            .issuer_name(name("测试根证书"))
            .public_key(key)
            .serial_number(serial)
            .not_valid_before(now - dt.timedelta(1))
            .not_valid_after(now + dt.timedelta(9))
        )

    root_key = ec.generate_private_key(ec.SECP256R1())
    leaf_key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    root = (
        certificate("测试根证书", 1, root_key.public_key())
        .add_extension(x509.BasicConstraints(True, None), True)
        .add_extension(
            x509.KeyUsage(True, False, False, False, False, True, True, False, False), True
        )
        .sign(root_key, hashes.SHA256())
    )
    leaf = (
        certificate("测试时间戳机构", 2, leaf_key.public_key())
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.TIME_STAMPING]), True)
        .sign(root_key, hashes.SHA256())
    )
    folder.mkdir()
    pem = serialization.Encoding.PEM
    (folder / "root.pem").write_bytes(root.public_bytes(pem))
    (folder / "leaf.pem").write_bytes(leaf.public_bytes(pem))
    (folder / "key.pem").write_bytes(
        leaf_key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    (folder / "ts.cnf").write_text(
        "[tsa]\ndefault_tsa = t\n[t]\nserial = ./serial\ncrypto_device = builtin\n"
        "signer_digest = sha256\ndefault_policy = 1.2.3.4\ndigests = sha256\n"
    )
    return Authority(folder, root)


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return make_authority(tmp_path_factory.mktemp("tsa") / "tsa")


def test_the_request_holds_the_hash_alone() -> None:
    request = make_request(MANIFEST)
    assert hashlib.sha256(MANIFEST).digest() in request
    assert MANIFEST not in request and len(request) < 100
    assert make_request(MANIFEST) != request  # each has a number of its own


@needs_openssl
def test_an_answer_of_a_trusted_authority_is_good_and_gives_the_time(authority: Authority) -> None:
    request = make_request(MANIFEST)
    for chain in (True, False):
        stamp = check_answer(MANIFEST, authority.answer(request, chain), request, [authority.root])
        assert stamp.state == "trusted", stamp.text
        assert stamp.at is not None and stamp.at.endswith("+08:00") and stamp.at in stamp.text


@needs_openssl
def test_an_authority_that_nobody_vouches_for_is_said(authority: Authority) -> None:
    request = make_request(MANIFEST)
    for chain in (True, False):
        stamp = check_answer(MANIFEST, authority.answer(request, chain), request)
        assert stamp.state == "unknown" and "--tsa-ca" in stamp.text


@needs_openssl
def test_an_answer_to_something_else_is_bad(authority: Authority) -> None:
    request = make_request(MANIFEST)
    answer = authority.answer(request)
    assert "另一份内容" in check_answer(b"other", answer, request, [authority.root]).text
    again = make_request(MANIFEST)
    assert "随机数不符" in check_answer(MANIFEST, answer, again, [authority.root]).text


@needs_openssl
def test_every_changed_byte_of_an_answer_is_noticed_or_harmless(authority: Authority) -> None:
    request = make_request(MANIFEST)
    answer = authority.answer(request, chain=False)
    good = check_answer(MANIFEST, answer, request, [authority.root])
    for at in range(0, len(answer), 5):
        changed = answer[:at] + bytes([answer[at] ^ 0x10]) + answer[at + 1 :]
        stamp = check_answer(MANIFEST, changed, request, [authority.root])
        assert stamp.state == "bad" or stamp == good, at  # never another time that is trusted


@pytest.mark.parametrize(
    "junk", [b"", b"0", b"\x30\x80", b"<html>502</html>", b"\x30\x03\x02\x01\x02"]
)
def test_what_is_no_answer_is_said(junk: bytes) -> None:
    stamp = check_answer(MANIFEST, junk, None)
    assert stamp.state == "bad" and stamp.text


def test_a_refusal_is_said() -> None:
    refused = bytes.fromhex("3005300302010230")[:7]
    assert check_answer(MANIFEST, refused, None).state == "bad"


def test_a_file_without_certificates_is_said(tmp_path: Path) -> None:
    (tmp_path / "ca.pem").write_bytes(b"no certificate")
    for name in ("ca.pem", "gone.pem"):
        with pytest.raises(OptionError, match=r"ca\.pem|gone\.pem"):
            read_roots(tmp_path / name)


@needs_openssl
def test_an_answer_put_back_is_checked_and_outlives_the_next_export(
    case: Path, authority: Authority, detector: Run
) -> None:
    assert "还没有答复" in detector("verify", case).out
    (case / "manifest.tsr").write_bytes(authority.answer((case / "manifest.tsq").read_bytes()))
    done = detector("verify", case, "--tsa-ca", authority.folder / "root.pem")
    assert done.code == 0 and "manifest.json 在" in done.out
    assert detector("verify", case).code == 0

    update_case(case, Options("王律师", timestamp_request=True), lambda _: None)
    found = verify_case(case, [authority.root])
    stamped = {f.file: f.level for f in found.findings if f.file.endswith("manifest.tsr")}
    assert stamped == {"earlier/1/manifest.tsr": "ok"}
    assert found.intact
    late = authority.answer((case / "manifest.tsq").read_bytes())
    update_case(case, Options("王律师"), lambda _: None)
    (case / "earlier" / "2" / "manifest.tsr").write_bytes(late)  # it came after a new export
    found = verify_case(case, [authority.root])
    stamped = {f.file: f.level for f in found.findings if f.file.endswith("manifest.tsr")}
    assert stamped == {"earlier/1/manifest.tsr": "ok", "earlier/2/manifest.tsr": "ok"}
    assert found.intact
    (case / "earlier" / "1" / "manifest.json").write_bytes(b"{}")
    bad = {f.file for f in verify_case(case).findings if f.level == "bad"}
    assert bad == {"earlier/1/manifest.json", "earlier/1/manifest.tsr"}
