"""The signed head of the log: C2SP ``tlog-checkpoint`` in a C2SP ``signed-note``, signed with Ed25519.

https://c2sp.org/tlog-checkpoint and https://c2sp.org/signed-note. Lines signed by keys that the reader does not
know (witnesses) are passed over, as the format asks for.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
from typing import NamedTuple

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from lamplighter.gateway.ledger.leaves import LedgerError

ED25519 = b"\1"
_DASH = "\u2014 "


class Checkpoint(NamedTuple):
    """The tree of ``size`` leaves of the log ``origin`` has this ``root`` (32 bytes)."""

    origin: str
    size: int
    root: bytes


def key_id(name: str, key: bytes) -> bytes:
    """Four bytes that tell which key of a name signed; ``key`` is the raw public key."""
    return hashlib.sha256(name.encode() + b"\n" + ED25519 + key).digest()[:4]


def verifier_key(name: str, key: bytes) -> str:
    """The public key as other tools for signed notes take it."""
    return f"{name}+{key_id(name, key).hex()}+{_encode(ED25519 + key)}"


def sign(checkpoint: Checkpoint, key: Ed25519PrivateKey) -> str:
    """The signed note of a checkpoint; the key's name is the origin of the log."""
    name = checkpoint.origin
    text = f"{name}\n{checkpoint.size}\n{_encode(checkpoint.root)}\n"
    signature = key_id(name, key.public_key().public_bytes_raw()) + key.sign(text.encode())
    return f"{text}\n{_DASH}{name} {_encode(signature)}\n"


def parse(note: bytes) -> Checkpoint:
    """What a note claims, without looking at its signatures. Raises LedgerError."""
    text, _ = _halves(note)
    lines = text.split("\n")
    if len(lines) != 4 or not lines[0]:
        raise LedgerError("is not three lines of origin, size and root")
    if not (lines[1].isascii() and lines[1].isdigit()) or len(lines[1]) > 18 or str(int(lines[1])) != lines[1]:
        raise LedgerError("names no size of a tree")
    if lines[1] == "0":
        raise LedgerError("names an empty tree")
    root = _decode(lines[2])
    if len(root) != 32:
        raise LedgerError("names no root of 32 bytes")
    return Checkpoint(lines[0], int(lines[1]), root)


def check(note: bytes, key: bytes) -> Checkpoint:
    """The checkpoint of a note that the raw public ``key`` signed. Raises LedgerError."""
    checkpoint = parse(note)
    text, signatures = _halves(note)
    head = f"{_DASH}{checkpoint.origin} "
    for line in signatures:
        if not line.startswith(head):
            continue
        raw = _decode(line[len(head) :])
        if raw[:4] != key_id(checkpoint.origin, key):
            continue
        try:
            Ed25519PublicKey.from_public_bytes(key).verify(raw[4:], text.encode())
        except (InvalidSignature, ValueError):
            raise LedgerError("carries a signature that does not fit its text") from None
        return checkpoint
    raise LedgerError("is not signed by the key in the genesis leaf")


def _halves(note: bytes) -> tuple[str, list[str]]:
    """The signed text with its last newline, and the signature lines. Raises LedgerError."""
    try:
        text, _, tail = note.decode().rpartition("\n\n")
    except UnicodeDecodeError:
        raise LedgerError("is not text") from None
    if not text or not tail.endswith("\n"):
        raise LedgerError("is not a signed note")
    lines = tail[:-1].split("\n")
    if not all(line.startswith(_DASH) for line in lines):
        raise LedgerError("is not a signed note")
    return text + "\n", lines


def _encode(raw: bytes) -> str:
    return base64.b64encode(raw).decode()


def _decode(text: str) -> bytes:
    """Base64 with exactly one spelling for each value. Raises LedgerError."""
    try:
        raw = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        raise LedgerError("holds a value that is not base64") from None
    if _encode(raw) != text:
        raise LedgerError("holds a value that is not base64")
    return raw
