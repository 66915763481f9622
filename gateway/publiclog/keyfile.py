"""The gateway's signing key, in a file that only its user can read."""

from __future__ import annotations

from pathlib import Path

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from lamplighter.gateway.adapters.files import write_atomically
from lamplighter.gateway.ledger.leaves import LedgerError


def load_key(path: Path) -> Ed25519PrivateKey | None:
    """The Ed25519 key in a PEM file, None if there is no file. Raises LedgerError if it holds something else."""
    try:
        key = serialization.load_pem_private_key(path.read_bytes(), None)
    except FileNotFoundError:
        return None
    except (ValueError, TypeError):
        key = None
    if not isinstance(key, Ed25519PrivateKey):
        raise LedgerError(f"{path} is not an Ed25519 key in PEM")
    return key


def make_key(path: Path) -> Ed25519PrivateKey:
    """Write a new key. Raises OSError."""
    key = Ed25519PrivateKey.generate()
    pem = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    path.parent.mkdir(parents=True, exist_ok=True)
    write_atomically(path, pem, mode=0o600)
    return key
