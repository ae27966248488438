"""RFC 3161 timestamps of a manifest: the request, and the check of the answer.

Only the manifest's SHA-256 is in the request. It is sent nowhere: the user has it stamped where
they choose, as with `curl -H 'Content-Type: application/timestamp-query' --data-binary
@manifest.tsq ADDRESS -o manifest.tsr`, and puts the answer into the case folder.
"""

import hashlib
import ssl
import warnings
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from detector.case import SHANGHAI
from detector.errors import OptionError

if TYPE_CHECKING:
    from cryptography.x509 import Certificate

__all__ = ["ANSWER", "REQUEST", "Stamp", "check_answer", "make_request", "read_roots"]

REQUEST, ANSWER = "manifest.tsq", "manifest.tsr"


@dataclass(frozen=True, slots=True)
class Stamp:
    """What an answer says. `state` is one of:

    - "trusted": the signature is good and leads to an authority that is trusted here
    - "unknown": it fits the manifest, but the authority is not known here
    - "bad": it is no answer, or not one to this manifest
    """

    state: str
    at: str | None
    """ISO 8601 with +08:00."""
    text: str
    """One Chinese clause."""


def make_request(manifest: bytes) -> bytes:
    """Return the request (DER) for a timestamp of the manifest's SHA-256."""
    from rfc3161_client import HashAlgorithm, TimestampRequestBuilder

    builder = TimestampRequestBuilder().data(manifest).hash_algorithm(HashAlgorithm.SHA256)
    return bytes(builder.build().as_bytes())


def read_roots(path: Path) -> "list[Certificate]":
    """Read the certificates (PEM or DER) of the authorities that the user trusts.

    Raises:
        OptionError: there is none in the file.
    """
    from cryptography import x509

    try:
        data = path.read_bytes()
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            if b"-----BEGIN" in data:
                return x509.load_pem_x509_certificates(data)
            return [x509.load_der_x509_certificate(data)]
    except OSError as error:
        raise OptionError(f"无法读取证书 {path}:{error.strerror} (cannot read)。") from None
    except ValueError:
        raise OptionError(f"{path.name} 里没有证书 (no certificate in it)。") from None


def check_answer(
    manifest: bytes, answer: bytes, request: bytes | None, roots: "Sequence[Certificate]" = ()
) -> Stamp:
    """Check an answer against the manifest, and against the request where it is still there."""
    from rfc3161_client import PKIStatus, decode_timestamp_response

    try:
        response = decode_timestamp_response(_sorted_certificates(answer))
        if PKIStatus(response.status) != PKIStatus.GRANTED:
            return Stamp("bad", None, "时间戳机构没有签发(答复为拒绝),请重新申请")
        info = response.tst_info
        at = info.gen_time.astimezone(SHANGHAI).isoformat(timespec="seconds")
        imprint, nonce = info.message_imprint.message, info.nonce
        inside = _certificates(response.signed_data.certificates)
        own = [c for c in inside if c.subject == c.issuer]
    except Exception:  # the libraries name several, and the bytes come from anybody
        return Stamp("bad", None, "不是能读懂的时间戳答复(RFC 3161),可能已损坏")
    if imprint != hashlib.sha256(manifest).digest():
        return Stamp("bad", at, f"盖的是另一份内容的时间戳({at}),不是现在这份 manifest.json")
    asked = _nonce(request) if request else None
    if asked is not None and nonce != asked:
        return Stamp("bad", at, f"不是对 {REQUEST} 的答复(随机数不符)")
    trusted = [*roots, *_system_roots()]
    if trusted and _chained(response, manifest, trusted):
        return Stamp("trusted", at, f"有效:manifest.json 在 {at} 已存在,签发机构受本机或您信任")
    if own and _chained(response, manifest, own):
        return Stamp(
            "unknown", at,
            f"签名有效,所载时间 {at};但签发机构不在本机信任之列,请用 --tsa-ca 给出它公布的根证书",
        )  # fmt: skip
    if own or roots:
        return Stamp("bad", at, "签名核对不通过(答复被改动,或不是所给机构签发)")
    return Stamp(
        "unknown", at,
        f"与 manifest.json 相符,所载时间 {at};但签名还没有核对,请用 --tsa-ca 给出签发机构的根证书",
    )  # fmt: skip


def _chained(response, manifest: bytes, roots: "list[Certificate]") -> bool:  # type: ignore[no-untyped-def]
    from rfc3161_client import VerifierBuilder

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            verifier = VerifierBuilder(roots=list(roots)).build()
            return bool(verifier.verify(response, hashlib.sha256(manifest).digest()))
    except Exception:  # as above: whatever cannot be confirmed is not confirmed
        return False


def _nonce(request: bytes) -> int | None:
    from rfc3161_client import _rust

    try:
        return _rust.parse_timestamp_request(request).nonce
    except ValueError:
        return None  # a damaged request is reported by its own hash


def _certificates(found: set[bytes]) -> "list[Certificate]":
    from cryptography import x509

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return [x509.load_der_x509_certificate(data) for data in found]


@cache
def _system_roots() -> "tuple[Certificate, ...]":
    from cryptography import x509

    roots = []
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for data in ssl.create_default_context().get_ca_certs(binary_form=True):
            with suppress(ValueError):
                roots.append(x509.load_der_x509_certificate(data))
    return tuple(roots)


# ---- DER: authorities that run OpenSSL leave the certificates in the order of the chain, which
# is not that of a DER set, and the library refuses them. That set is not under the signature.


def _sorted_certificates(answer: bytes) -> bytes:
    """Return an answer with its certificates in DER order; as it is where there are none."""
    token = _parts(answer, *_body(answer, 0))[1:2]
    if not token:
        return answer
    content = _parts(answer, *_inner(token[0]))[1]
    signed = _parts(answer, *_inner(content))[0]
    for tag, _, start, end in _parts(answer, *_inner(signed)):
        if tag == 0xA0:
            pieces = sorted(answer[a:b] for _, a, _, b in _parts(answer, start, end))
            return answer[:start] + b"".join(pieces) + answer[end:]
    return answer


def _inner(part: tuple[int, int, int, int]) -> tuple[int, int]:
    return part[2], part[3]


def _body(data: bytes, at: int) -> tuple[int, int]:
    """Return where the content of the element at a place begins and ends."""
    length, head = data[at + 1], 2
    if length & 0x80:
        count = length & 0x7F
        length, head = int.from_bytes(data[at + 2 : at + 2 + count], "big"), 2 + count
    if at + head + length > len(data):
        raise ValueError("cut off")
    return at + head, at + head + length


def _parts(data: bytes, start: int, end: int) -> list[tuple[int, int, int, int]]:
    """Return the elements between two places: tag, place, start and end of content."""
    found = []
    while start < end:
        first, last = _body(data, start)
        found.append((data[start], start, first, last))
        start = last
    return found
