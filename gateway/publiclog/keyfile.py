"""The gateway's signing key, in a file that only its user can read: PEM, and a line with the hash of that."""

from __future__ import annotations

from hashlib import sha256
from pathlib import Path

from cryptography.exceptions import InternalError, UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from lamplighter.gateway.adapters.files import make_folder, write_atomically
from lamplighter.gateway.ledger.leaves import LedgerError

_END = b"-----END PRIVATE KEY-----\n"


def _line(pem: bytes) -> bytes:
    return b"sha256 %b\n" % sha256(pem).hexdigest().encode()


def load_key(path: Path) -> Ed25519PrivateKey | None:
    """The Ed25519 key in a file, None if there is no file. Raises LedgerError if it holds something else.

    A file of an earlier version has no line after the PEM: see ``seal_key``.
    """
    try:
        pem, end, line = path.read_bytes().partition(_END)
    except FileNotFoundError:
        return None
    pem += end
    try:
        key = serialization.load_pem_private_key(pem, None) if end and line in (b"", _line(pem)) else None
    except (ValueError, TypeError, UnsupportedAlgorithm, InternalError):
        key = None
    if not isinstance(key, Ed25519PrivateKey):
        raise LedgerError(f"{path} is damaged: it holds the key that signs the log, in PEM, and its hash; restore it"
                          " from your backup")
    return key


def make_key(path: Path) -> Ed25519PrivateKey:
    """Write a new key. Raises OSError."""
    key = Ed25519PrivateKey.generate()
    make_folder(path.parent)
    _write(path, key)
    return key


def seal_key(path: Path, key: Ed25519PrivateKey) -> None:
    """Gives a file that has none its line, once the log has shown that ``key`` is the right one. Raises OSError."""
    if path.read_bytes().endswith(_END):
        _write(path, key)


def _write(path: Path, key: Ed25519PrivateKey) -> None:
    pem = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    write_atomically(path, pem + _line(pem), mode=0o600)
