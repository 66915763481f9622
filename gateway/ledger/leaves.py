"""The leaves of the log: fixed big-endian structs, one spelling for each value.

All start ``rules u8 | kind u8``. Names are ASCII identifiers padded with zeros to 32 bytes, so that a leaf of a
kind always has the same length and nothing in it has to be parsed before it is hashed.
"""

from __future__ import annotations

import hashlib
import struct
from typing import NamedTuple

from lamplighter.firmware.wire import is_identifier

RULES = 1
"""Version of the rules of settlement. A change of what is paid is a new number, never a new reading of this one."""

GENESIS, REGISTRATION, SEAL, REVOCATION, RESTORATION = 1, 2, 3, 4, 5

_HEAD = struct.Struct(">BB")
_GENESIS = struct.Struct(">BB32s32s")
_REGISTRATION = struct.Struct(">BB16s32s")
_SEAL = struct.Struct(">BBI32sIQ32s")
_DEVICE = struct.Struct(">BB16s")


class LedgerError(ValueError):
    """Something in the ledger is not true. The message reads after the name of a file or leaf."""


class Genesis(NamedTuple):
    """The first leaf: whose log this is. ``key`` is the gateway's raw Ed25519 public key."""

    site: str
    key: bytes


class Registration(NamedTuple):
    """From here on ``owner`` is paid for the device (its 16 bytes); the latest before a seal counts."""

    device: bytes
    owner: str


class Revocation(NamedTuple):
    """From here on the device (its 16 bytes) gets no work. What it had earned is paid all the same."""

    device: bytes


class Restoration(NamedTuple):
    """From here on the device (its 16 bytes), which was revoked, takes part again."""

    device: bytes


class Seal(NamedTuple):
    """Epoch ``epoch`` is settled: SHA-256 of its bundle, receipts in it, credits paid.

    ``previous`` is the leaf hash of the seal before, zeros in the first.
    """

    epoch: int
    bundle: bytes
    receipts: int
    credits: int
    previous: bytes


Fact = Registration | Revocation | Restoration
Leaf = Genesis | Fact | Seal


def encode_leaf(leaf: Leaf) -> bytes:
    """The bytes of a leaf. Raises LedgerError if a name is no identifier, struct.error if a number does not fit."""
    if isinstance(leaf, Genesis):
        return _GENESIS.pack(RULES, GENESIS, _padded(leaf.site), leaf.key)
    if isinstance(leaf, Registration):
        return _REGISTRATION.pack(RULES, REGISTRATION, leaf.device, _padded(leaf.owner))
    if isinstance(leaf, Revocation):
        return _DEVICE.pack(RULES, REVOCATION, leaf.device)
    if isinstance(leaf, Restoration):
        return _DEVICE.pack(RULES, RESTORATION, leaf.device)
    return _SEAL.pack(RULES, SEAL, *leaf)


def decode_leaf(entry: bytes) -> Leaf:
    """Inverts ``encode_leaf``; raises LedgerError on anything that it would not have written."""
    if len(entry) < 2:
        raise LedgerError("is too short for a leaf")
    rules, kind = _HEAD.unpack(entry[:2])
    layouts = {GENESIS: _GENESIS, REGISTRATION: _REGISTRATION, SEAL: _SEAL, REVOCATION: _DEVICE, RESTORATION: _DEVICE}
    if rules != RULES or kind not in layouts:
        raise LedgerError(f"is a leaf of kind {kind} under rules {rules}, which this version does not know")
    if len(entry) != layouts[kind].size:
        raise LedgerError(f"is {len(entry)} bytes long, a leaf of kind {kind} has {layouts[kind].size}")
    fields = layouts[kind].unpack(entry)[2:]
    if kind == GENESIS:
        return Genesis(_name(fields[0]), fields[1])
    if kind == REGISTRATION:
        return Registration(fields[0], _name(fields[1]))
    if kind == SEAL:
        return Seal(*fields)
    return Revocation(*fields) if kind == REVOCATION else Restoration(*fields)


def net_of(genesis: bytes) -> bytes:
    """The id of the network, 8 bytes: what every receipt for this log carries."""
    return hashlib.sha256(genesis).digest()[:8]


def origin_of(genesis: bytes) -> str:
    """The name of the log in its checkpoints: unique, because the network's id is in it."""
    leaf = decode_leaf(genesis)
    if not isinstance(leaf, Genesis):
        raise LedgerError("is not a genesis leaf")
    return f"lamplighter/{leaf.site}/{net_of(genesis).hex()}"


def _padded(name: str) -> bytes:
    if not is_identifier(name):
        raise LedgerError(f"{name!r} is no identifier: 1 to 32 of a-z, 0-9 and '-'")
    return name.encode().ljust(32, b"\0")


def _name(padded: bytes) -> str:
    name = padded.rstrip(b"\0").decode("ascii", "replace")
    if not is_identifier(name):
        raise LedgerError("holds a name that is no identifier")
    return name
