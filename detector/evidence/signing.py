"""The Ed25519 key that signs manifests: made at first use, kept in the user's own folder.

Everything can be checked without this program::

    openssl pkeyutl -verify -pubin -inkey public_key.pem -rawin -in manifest.json \\
        -sigfile manifest.sig
    openssl pkey -pubin -in public_key.pem -outform DER | sha256sum     # the fingerprint
"""

import hashlib
import os
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING
from uuid import uuid4

import platformdirs

from detector.errors import InputError, OutputError

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

__all__ = ["Key", "fingerprint", "grouped", "key_file", "own_fingerprint", "signing_key", "verify"]


@dataclass(frozen=True, slots=True)
class Key:
    """A signing key: sign with it, give `public` and `fingerprint` away."""

    private: "Ed25519PrivateKey"
    public: bytes
    """PEM."""
    fingerprint: str
    """SHA-256 of the public key's DER form, 64 hexadecimal digits."""

    def sign(self, data: bytes) -> bytes:
        """Return the signature, 64 bytes."""
        return self.private.sign(data)


def key_file() -> Path:
    """Return where the private key lies (`DETECTOR_KEYS` moves the folder)."""
    own = os.environ.get("DETECTOR_KEYS")
    folder = Path(own) if own else Path(platformdirs.user_data_dir("harassment-detector", False))
    return folder / "signing_key.pem"


def signing_key() -> Key:
    """Return this user's key, making it at first use.

    Raises:
        InputError: the key file is damaged or cannot be read.
        OutputError: it cannot be written.
    """
    path = key_file()
    if not path.exists():
        _make(path)
    return _load(path)


def own_fingerprint() -> str | None:
    """Return the fingerprint of this user's key, or None where there is none (none is made)."""
    try:
        return _load(key_file()).fingerprint if key_file().exists() else None
    except InputError:
        return None


def _make(path: Path) -> None:
    from cryptography.hazmat.primitives import serialization
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    pem = Ed25519PrivateKey.generate().private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    partial = path.with_name(f".{uuid4().hex[:12]}.part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        descriptor = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.write(pem)
            file.flush()
            os.fsync(file.fileno())
        try:
            os.link(partial, path)  # unlike a rename, does not replace one just made elsewhere
        except FileExistsError:
            pass
        except OSError:  # a disk without links
            if not path.exists():
                os.replace(partial, path)
    except OSError as error:
        raise OutputError(
            f"无法保存签名密钥 {path}:{error.strerror};可用环境变量 DETECTOR_KEYS 换一个文件夹 "
            "(cannot write the signing key)。"
        ) from None
    finally:
        with suppress(OSError):
            partial.unlink(missing_ok=True)


def _load(path: Path) -> Key:
    from cryptography.hazmat.primitives import serialization
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    try:
        private = serialization.load_pem_private_key(path.read_bytes(), None)
    except OSError as error:
        raise InputError(f"无法读取签名密钥 {path}:{error.strerror} (cannot read)。") from None
    except (ValueError, TypeError):
        private = None
    if not isinstance(private, Ed25519PrivateKey):
        raise InputError(
            f"签名密钥 {path} 已损坏;请从备份恢复,或把它移走后重新生成(指纹会随之改变) "
            "(the signing key is damaged)。"
        )
    public = private.public_key().public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    return Key(private, public, fingerprint(public))


def fingerprint(public: bytes) -> str:
    """Return the fingerprint of a PEM public key.

    Raises:
        InputError: it is no Ed25519 public key.
    """
    from cryptography.hazmat.primitives import serialization

    der = _public(public).public_bytes(
        serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    return hashlib.sha256(der).hexdigest()


def grouped(digest: str) -> str:
    """Write a fingerprint in groups of eight, to be compared by eye."""
    return " ".join(digest[at : at + 8] for at in range(0, len(digest), 8))


def _public(pem: bytes):  # type: ignore[no-untyped-def]
    from cryptography.hazmat.primitives import serialization
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

    try:
        public = serialization.load_pem_public_key(pem)
    except Exception:  # cryptography names several, and the bytes come from anybody
        public = None
    if not isinstance(public, Ed25519PublicKey):
        raise InputError("public_key.pem 不是可用的公钥 (not an Ed25519 public key)。")
    return public


def verify(public: bytes, data: bytes, signature: bytes) -> bool:
    """Tell whether a signature over data stems from the owner of a PEM public key.

    Raises:
        InputError: it is no Ed25519 public key.
    """
    from cryptography.exceptions import InvalidSignature

    try:
        _public(public).verify(signature, data)
    except InvalidSignature:
        return False
    return True
