"""The one queue: events through the core, effects to the journal, then to the world, in that order.

``step`` is the whole rule, and pure; ``Pump`` only waits, for events and for the disk. A commit is of whatever has
come while the last one was at the disk (group commit): under load one fsync serves hundreds of events, when idle an
event waits for nobody, unless nobody waits for it: results of devices that have work ahead share a commit. The core
goes on meanwhile, some hundreds of rows ahead of the disk; nothing of what it says leaves before its own commit.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from typing import Any, NamedTuple, get_args

from lamplighter.gateway.core.effects import (
    CheckAnswer,
    Durable,
    Effect,
    Outward,
    PublishStatus,
    Recompute,
    SendAck,
    SendChunk,
    SendLease,
)
from lamplighter.gateway.core.events import BatchTaken, Event, Ticked
from lamplighter.gateway.core.machine import Machine
from lamplighter.gateway.core.snapshot import Snapshot

DURABLE = frozenset(get_args(Durable))
_TAKEN = BatchTaken()
MAX_BATCH = 160
"""Events of one commit: more would save little of the disk, and let devices wait for over 40 ms."""
PATIENT = frozenset((CheckAnswer, PublishStatus, Recompute, SendAck, SendLease))
"""What may leave a little later, unless the machine says that a device waits for it."""
FREE = frozenset((SendChunk,))
"""What no commit is waited for with: whoever asks for it has been told of the lease that it is for."""
MAX_HELD = 512
"""Rows that wait at most: for others, or for the commit that is at the disk."""
TICK_S = (0.05, 0.25)
"""Lease clocks are looked at when the first is due, but no more and no less often than this: none is shorter."""

After = Callable[[], None]
"""Called when all that follows from an event is durable and released."""


class Batch(NamedTuple):
    """What is to be done about some events: rows to commit, then effects to carry out, then whom to tell."""

    durable: list[Durable]
    outward: list[Outward]
    afters: list[After]
    hurry: bool = False
    """Whether somebody waits for it."""
    free: Sequence[Outward] = ()
    """What may be carried out before all that."""

    def __add__(self, other: Batch) -> Batch:   # type: ignore[override]
        """Both as one, in this order."""
        return Batch(self.durable + other.durable, self.outward + other.outward, self.afters + other.afters,
                     self.hurry or other.hurry)


_NOTHING = Batch([], [], [])


def batch_of(effects: Iterable[Effect], afters: list[After]) -> Batch:
    """The effects in their order, parted by what must come first."""
    durable: list[Any] = []
    outward: list[Any] = []
    free: list[Any] = []
    for effect in effects:
        kind = type(effect)
        (durable if kind in DURABLE else free if kind in FREE else outward).append(effect)
    return Batch(durable, outward, afters, not PATIENT.issuperset(map(type, outward)), free)


def step(machine: Machine, events: Iterable[tuple[Event, After | None]], now_ms: int) -> Batch:
    """Takes events, each with whom to tell, through the core at ``now_ms`` of its clock."""
    effects: list[Effect] = []
    afters: list[After] = []
    for event, after in events:
        effects += machine.handle(event, now_ms)
        if after is not None:
            afters.append(after)
    effects += machine.handle(_TAKEN, now_ms)
    batch = batch_of(effects, afters)
    return batch._replace(hurry=True) if machine.hurries() else batch


class Pump:
    """``commit`` writes durable effects (in a thread), ``release`` carries out the others (on the loop).

    ``now_ms`` is the clock of the core: a monotonic one, never that on the wall. What nobody waits for is committed
    within ``window_ms``.

    If ``commit`` raises, ``run`` raises the same and nothing of that batch has been released.
    """

    worth = 64
    """Events for which the core goes on before the last commit has reached the disk."""

    def __init__(self, machine: Machine, commit: Callable[[Sequence[Durable]], None],
                 release: Callable[[Sequence[Outward]], None], now_ms: Callable[[], int], window_ms: int) -> None:
        self._machine = machine
        self._commit = commit
        self._release = release
        self._now_ms = now_ms
        self._queue: deque[tuple[Event, After | None]] = deque()
        self._wake = asyncio.Event()
        self._ticker: asyncio.Handle
        self._window_s = window_ms / 1_000
        self._held = self._written = _NOTHING
        self._writing: asyncio.Future[None] | None = None
        """The commit of ``_written``, while it is at the disk."""
        self._due = False
        self._told = 0
        self.batches = 0
        self.events = 0

    def put(self, event: Event, after: After | None = None) -> None:
        """Queues an event."""
        self._queue.append((event, after))
        self._wake.set()

    async def told(self, events: Sequence[Event]) -> None:
        """Queues events and returns when all that follows from them is durable and released."""
        done = asyncio.Event()
        for event in events:
            self.put(event, done.set if event is events[-1] else None)
        if events:
            self._told += 1
            try:
                await done.wait()
            finally:
                self._told -= 1

    async def restore(self, events: Iterable[Event], snapshot: Snapshot) -> None:
        """What a start begins with, as one batch: events that need no snapshot, then what the journal kept."""
        first = step(self._machine, ((event, None) for event in events), self._now_ms())
        batch = first + batch_of(self._machine.restore(snapshot, self._now_ms()), [])
        if batch.durable:
            await self._write(batch)
        self._carry_out(batch)

    async def run(self) -> None:
        """Until cancelled, or until the journal cannot be written."""
        self._tick_again()
        try:
            while True:
                await self._wake.wait()
                self._wake.clear()
                self._land()
                if self._may_take:
                    self._take()
                self._go_on()
                if self._may_take:
                    self._wake.set()
                    await asyncio.sleep(0)   # others on the loop get their turn
        finally:
            self._ticker.cancel()
            if self._writing is not None:
                self._writing.cancel()

    @property
    def held(self) -> Sequence[Durable]:
        """What the core knows and the journal does not: what is being committed, and what waits for others."""
        return self._written.durable + self._held.durable

    @property
    def _may_take(self) -> bool:
        """While a commit is at the disk the core waits for a batch that is worth it, if it has room for its rows."""
        if self._writing is None:
            return bool(self._queue)
        return len(self._queue) >= self.worth and len(self._held.durable) < MAX_HELD

    def _take(self) -> None:
        """Some events through the core, also while others are at the disk; what follows from them is held."""
        count = min(len(self._queue), MAX_BATCH)
        batch = step(self._machine, [self._queue.popleft() for _ in range(count)], self._now_ms())
        self.events += count
        self.batches += 1
        if batch.free:
            self._release(batch.free)
        if self._machine.busy:
            self.put(Ticked())
        if batch.durable and not (self._held.durable or batch.hurry):
            asyncio.get_running_loop().call_later(self._window_s, self._hurry, batch.durable[0])
        self._held += batch

    def _hurry(self, first: Durable) -> None:
        """The window of a batch that begins with ``first`` is over, if it still waits."""
        if self._held.durable and self._held.durable[0] is first:
            self._due = True
            self._wake.set()

    def _go_on(self) -> None:
        """Commits what is held, one commit at a time: now if somebody waits, else with what comes in the window."""
        batch = self._held
        waits = batch.durable and not (batch.hurry or self._due or self._told) and len(batch.durable) < MAX_HELD
        if self._writing is not None or waits:
            return
        self._held, self._due = _NOTHING, False
        if batch.durable:
            self._written, self._writing = batch, self._write(batch)
            self._writing.add_done_callback(lambda _: self._wake.set())
        else:
            self._carry_out(batch)

    def _write(self, batch: Batch) -> asyncio.Future[None]:
        return asyncio.get_running_loop().run_in_executor(None, self._commit, batch.durable)

    def _land(self) -> None:
        """Carries out what has been committed meanwhile. Raises what the commit raised."""
        if self._writing is not None and self._writing.done():
            self._writing.result()
            batch, self._written, self._writing = self._written, _NOTHING, None
            self._carry_out(batch)

    def _carry_out(self, batch: Batch) -> None:
        if batch.outward:
            self._release(batch.outward)
        for after in batch.afters:
            after()

    def _tick(self) -> None:
        if self._machine.next_due_ms <= self._now_ms():
            self.put(Ticked())
        self._ticker = asyncio.get_running_loop().call_soon(self._tick_again)   # it may have been taken by then

    def _tick_again(self) -> None:
        least, most = TICK_S
        wait_s = min(max(least, (self._machine.next_due_ms - self._now_ms()) / 1_000), most)
        self._ticker = asyncio.get_running_loop().call_later(wait_s, self._tick)
