"""The one writer of the public log: registers devices and seals epochs that have ended."""

from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import Callable, Iterable, Iterator
from itertools import chain
from typing import NamedTuple

from lamplighter.gateway.adapters.registry import Device
from lamplighter.gateway.adapters.store import Store
from lamplighter.gateway.core.events import EpochSealed, LogRead
from lamplighter.gateway.ledger.leaves import Fact, Registration, Restoration, Revocation
from lamplighter.gateway.ledger.settle import Record
from lamplighter.gateway.protocol.verdicts import Verdict
from lamplighter.gateway.publiclog.survey import survey
from lamplighter.gateway.publiclog.writer import PublicLog

log = logging.getLogger("lamplighter.log")

MAX_TOLD = 16
"""Damaged files that are named; all are counted, and none is served."""


class Sealed(NamedTuple):
    """A sealed epoch: how many receipts its bundle holds, and what they are worth in credits."""

    epoch: int
    receipts: int
    credits: int


class Settlement(NamedTuple):
    """What sealing came to: ``seals`` are those of the ``epochs`` that had receipts.

    ``lowered`` receipts were judged ``ok`` and do not pay: the nonce of the lease, and why.
    """

    epochs: tuple[int, ...]
    seals: list[Sealed]
    lowered: list[tuple[bytes, Verdict]]


class Sealing:
    """Takes turns, since a log is for one writer; the work itself is done in a thread.

    ``moves`` tells the devices, with their next owners, that change hands before an epoch.
    """

    def __init__(self, store: Store, public: PublicLog, moves: Callable[[int], list[tuple[bytes, str]]]) -> None:
        self._store, self._public, self._moves = store, public, moves
        self._turn = asyncio.Lock()
        self.damaged: dict[str, str] = {}
        """Published files that are known to be damaged, and one sentence on each."""
        self.missing: list[str] = []
        """Devices of the log that the registry does not have: they cannot connect."""

    async def register(self, devices: Iterable[Device]) -> None:
        """Writes into the log what it does not know yet of these, all devices that there are, but for owners that
        change.

        Raises LedgerError, OSError.
        """
        devices = list(devices)
        async with self._turn:
            await asyncio.to_thread(lambda: self._public.enter(self._facts(devices)))
        known, self.missing = self.missing, sorted(
            device.hex()[:16] for device in self._public.registered - {device.name for device in devices})
        if self.missing and self.missing != known:
            log.warning("%d devices of the public log are not in the registry, so they cannot connect (%s). If it is "
                        "an old copy, restore the newest, or enrol each again with its key.",
                        len(self.missing), ", ".join(self.missing[:MAX_TOLD]))

    async def look_over(self) -> None:
        """Checks every published file, in a thread: a start reads few of them. What is found is told, once."""
        ended = threading.Event()
        try:
            self.damaged = await asyncio.to_thread(survey, self._public.folder, ended.is_set)
        finally:
            ended.set()
        for sentence in self.view()["log_damage"]:
            log.error("%s", sentence)

    def view(self) -> dict[str, list[str]]:
        """For ``health``: what is damaged of the public log, and devices that only the log knows, some of them."""
        told = list(self.damaged.values())[:MAX_TOLD]
        if len(self.damaged) > MAX_TOLD:
            told.append(f"{len(self.damaged) - MAX_TOLD} more files of {self._public.folder} are damaged.")
        return {"log_damage": told, "not_in_registry": self.missing[:MAX_TOLD]}

    def says(self, device: bytes) -> tuple[str, bool]:
        """What the log says of a device (its 16 bytes): its owner, '' if it knows none, and whether it is revoked."""
        return self._public.owner(device) or "", self._public.revoked(device)

    def epoch(self) -> int:
        """The epoch that verdicts are counted in. Raises StoreError."""
        return self._store.epoch()

    def _facts(self, devices: Iterable[Device]) -> Iterator[Fact]:
        for device in devices:
            if self._public.owner(device.name) is None:
                yield Registration(device.name, device.owner)
            if device.revoked:
                yield Restoration(device.name) if device.restore else Revocation(device.name)

    def log_read(self) -> LogRead:
        """What the core must know of the log at a start."""
        return LogRead(self._public.settled, self._public.numbers)

    def sealed(self, done: Settlement) -> EpochSealed:
        """What the core must know of a settlement."""
        return EpochSealed(done.epochs, self._public.settled, tuple(done.lowered))

    async def seal_overdue(self) -> Settlement:
        """Seals every epoch that has ended, oldest first; one without receipts leaves no trace.

        After each, and before any receipt of the next can be paid, devices change hands that are to.
        Raises LedgerError, StoreError, RegistryError, OSError.
        """
        async with self._turn:
            return await asyncio.to_thread(self._seal_all)

    def _seal_all(self) -> Settlement:
        done = Settlement(tuple(self._store.unsealed()), [], [])

        def tell(record: Record) -> None:
            if record.verdict is not record.given:
                log.warning("settlement lowers receipt %s:%d:%d from %s to %s", record.receipt.device.hex()[:16],
                            record.receipt.boot, record.receipt.seq, record.given, record.verdict)
                done.lowered.append((record.receipt.nonce, record.verdict))

        for epoch in done.epochs:
            self._public.register_all(self._moves(epoch))
            rows = self._store.judged(epoch)
            first = next(rows, None)
            if first is not None:
                seal = self._public.seal(epoch, chain([first], rows), tell)
                done.seals.append(Sealed(epoch, seal.receipts, seal.credits))
            self._store.forget_epoch(epoch)
        self._public.register_all(self._moves(self._store.epoch()))
        return done
