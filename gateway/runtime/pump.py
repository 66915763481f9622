"""The one queue: events through the core, effects to the journal, then to the world, in that order.

A batch is whatever has come while the last one was being committed (group commit): under load one fsync
serves hundreds of events, when idle an event waits for nobody.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from typing import Any, get_args

from lamplighter.gateway.core.effects import Durable, Effect
from lamplighter.gateway.core.events import Event, Ticked
from lamplighter.gateway.core.machine import Machine

DURABLE = frozenset(get_args(Durable))
MAX_BATCH = 192
"""Events of one commit: more would save little of the disk, and let devices wait for over 40 ms."""
TICK_S = 0.05
"""Lease clocks are looked at this often."""

Release = Callable[[list[Effect]], None]


class Pump:
    """``commit`` writes durable effects (in a thread), ``release`` carries out the others (on the loop).

    ``now_ms`` is the clock of the core: a monotonic one, never that on the wall.

    If ``commit`` raises, ``run`` raises the same and nothing of that batch has been released.
    """

    def __init__(self, machine: Machine, commit: Callable[[Sequence[Durable]], None], release: Release,
                 now_ms: Callable[[], int]) -> None:
        self._machine = machine
        self._commit = commit
        self._release = release
        self._now_ms = now_ms
        self._queue: deque[tuple[Event, Callable[[], None] | None]] = deque()
        self._wake = asyncio.Event()
        self.batches = 0
        self.events = 0

    def put(self, event: Event, after: Callable[[], None] | None = None) -> None:
        """Queues an event; ``after`` is called when all that follows from it is durable and released."""
        self._queue.append((event, after))
        self._wake.set()

    async def settle(self, effects: list[Effect]) -> None:
        """Commits and releases effects that came from elsewhere, such as ``Machine.restore``."""
        await self._carry_out(effects)

    async def run(self) -> None:
        """Until cancelled, or until the journal cannot be written."""
        loop = asyncio.get_running_loop()
        ticker = loop.create_task(self._tick())
        try:
            while True:
                await self._wake.wait()
                self._wake.clear()
                while self._queue:
                    await self._batch()
        finally:
            ticker.cancel()

    async def _batch(self) -> None:
        effects: list[Effect] = []
        afters = []
        for _ in range(min(len(self._queue), MAX_BATCH)):
            event, after = self._queue.popleft()
            effects += self._machine.handle(event, self._now_ms())
            if after is not None:
                afters.append(after)
            self.events += 1
        self.batches += 1
        await self._carry_out(effects)
        for after in afters:
            after()

    async def _carry_out(self, effects: list[Effect]) -> None:
        durable: list[Any] = [effect for effect in effects if type(effect) in DURABLE]
        if durable:
            await asyncio.get_running_loop().run_in_executor(None, self._commit, durable)
        if len(durable) < len(effects):
            self._release([effect for effect in effects if type(effect) not in DURABLE])

    async def _tick(self) -> None:
        while True:
            await asyncio.sleep(TICK_S)
            if self._machine.next_due_ms <= self._now_ms():
                self.put(Ticked())
