"""The ways to be wrong: each lie turns (device, lease, right answer) into (answer, seal or None for its own)."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from random import Random
from typing import TYPE_CHECKING

from lamplighter.firmware import wire
from tests.simulation import kind

if TYPE_CHECKING:
    from tests.simulation.devices import Device

Lie = Callable[["Device", wire.Lease, bytes], tuple[bytes, bytes | None]]


def _forged(salt: bytes, lease: wire.Lease, right: bytes) -> bytes:
    """A wrong answer that passes the kind's cheap check; of a span one job's, of every second one's all."""
    made, at = b"", 0
    sizes = [kind.size_of(one) for one in kind.inputs_of(lease)]
    for place, size in enumerate(sizes):
        head = hashlib.sha256(b"lie" + salt).digest()[: size - 1]
        lies = lease.job[1] % 2 or place == lease.job[2] % len(sizes)
        made += head + bytes((sum(head) & 0xFF,)) if lies else right[at:at + size]
        at += size
    return made


def alone(device: Device, lease: wire.Lease, right: bytes) -> tuple[bytes, bytes | None]:
    """Wrong in its own way on every job."""
    return _forged(device.name16 + lease.job, lease, right), None


def sometimes(device: Device, lease: wire.Lease, right: bytes) -> tuple[bytes, bytes | None]:
    """Wrong on every third job."""
    return alone(device, lease, right) if lease.job[0] % 3 == 0 else (right, None)


def patient(device: Device, lease: wire.Lease, right: bytes) -> tuple[bytes, bytes | None]:
    """Honest until it has a name to lose."""
    return (right, None) if device.answered <= 6 else alone(device, lease, right)


def careless(device: Device, lease: wire.Lease, right: bytes) -> tuple[bytes, bytes | None]:
    """Noise of the right size: the cheap check sees it."""
    return hashlib.shake_128(device.name16 + lease.job).digest(len(right) - 1) + bytes((right[-1] ^ 0x55,)), None


def missized(device: Device, lease: wire.Lease, right: bytes) -> tuple[bytes, bytes | None]:
    return (right + b"\0" if lease.job[0] % 2 else right[:-1]), None


def unsealed(device: Device, lease: wire.Lease, right: bytes) -> tuple[bytes, bytes | None]:
    """The seal belongs to another answer."""
    return right, wire.seal_of(device.name16, lease.nonce, right + b"\0")


def again(device: Device, lease: wire.Lease, right: bytes) -> tuple[bytes, bytes | None]:
    """Right, but every third under a number that it has used before."""
    if lease.job[0] % 3 == 0:
        device.seq = max(0, device.seq - 1)
    return right, None


class Copier:
    """Sends what the liar last seen on the wire answered, sometimes with that one's seal."""

    def __init__(self, seen: list[tuple[bytes, bytes]]) -> None:
        self.seen = seen
        """(answer, seal) of what other devices sent, newest last."""

    def __call__(self, device: Device, lease: wire.Lease, right: bytes) -> tuple[bytes, bytes | None]:
        if not self.seen:
            return alone(device, lease, right)
        answer, seal = self.seen[-1]
        return answer, seal if lease.job[0] % 2 else None


class Cartel:
    """Members of different owners agree on the same wrong answer, on a share of jobs that the job's name picks."""

    def __init__(self, share: float) -> None:
        self.share = share

    def __call__(self, device: Device, lease: wire.Lease, right: bytes) -> tuple[bytes, bytes | None]:
        if lease.job[0] >= 256 * self.share:
            return right, None
        return _forged(lease.job, lease, right), None


ALONE: tuple[Lie, ...] = (alone, sometimes, patient, careless, missized, unsealed)


def lies_for(count: int, cartel: bool, rng: Random, seen: list[tuple[bytes, bytes]]) -> list[Lie]:
    """One lie per liar: all the same cartel, or each its own."""
    if cartel:
        pact = Cartel(0.1 + 0.9 * rng.random())
        return [pact] * count
    kinds = (*ALONE, Copier(seen))
    return [kinds[int(rng.random() * len(kinds))] for _ in range(count)]
