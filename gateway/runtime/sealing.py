"""The one writer of the public log: registers devices and seals epochs that have ended."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from itertools import chain
from typing import NamedTuple

from lamplighter.gateway.adapters.registry import Device
from lamplighter.gateway.adapters.store import Store
from lamplighter.gateway.publiclog.writer import PublicLog


class Sealed(NamedTuple):
    """A sealed epoch: how many receipts its bundle holds, and what they are worth in kop."""

    epoch: int
    receipts: int
    credits: int


class Sealing:
    """Takes turns, since a log is for one writer; the work itself is done in a thread."""

    def __init__(self, store: Store, public: PublicLog) -> None:
        self._store, self._public = store, public
        self._turn = asyncio.Lock()

    async def register(self, devices: Iterable[Device]) -> None:
        """Writes into the log who is paid for these devices. Raises LedgerError, OSError."""
        pairs = [(device.name, device.owner) for device in devices]
        async with self._turn:
            await asyncio.to_thread(self._public.register_all, pairs)

    async def seal_overdue(self) -> list[Sealed]:
        """Seals every epoch that has ended, oldest first; one without receipts leaves no trace.

        Raises LedgerError, StoreError, OSError.
        """
        async with self._turn:
            return await asyncio.to_thread(self._seal_all)

    def _seal_all(self) -> list[Sealed]:
        done = []
        for epoch in self._store.unsealed():
            rows = self._store.judged(epoch)
            first = next(rows, None)
            if first is not None:
                seal = self._public.seal(epoch, chain([first], rows))
                done.append(Sealed(epoch, seal.receipts, seal.credits))
            self._store.forget_epoch(epoch)
        return done
