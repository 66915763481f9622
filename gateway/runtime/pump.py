"""The one queue: events through the core, effects to the journal, then to the world, in that order.

``step`` is the whole rule, and pure; ``Pump`` only waits, for events and for the disk. A batch is whatever has come
while the last one was being committed (group commit): under load one fsync serves hundreds of events, when idle an
event waits for nobody, unless nobody waits for it: results of devices that have work ahead share a commit.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from typing import NamedTuple, cast, get_args

from lamplighter.gateway.core.effects import Durable, Effect, Outward, PublishStatus, SendAck, SendLease
from lamplighter.gateway.core.events import BatchTaken, Event, Ticked
from lamplighter.gateway.core.machine import Machine
from lamplighter.gateway.core.snapshot import Snapshot

DURABLE = frozenset(get_args(Durable))
_TAKEN = BatchTaken()
MAX_BATCH = 192
"""Events of one commit: more would save little of the disk, and let devices wait for over 40 ms."""
PATIENT = frozenset((SendAck, SendLease, PublishStatus))
"""What may leave a little later, unless the machine says that a device waits for it."""
MAX_HELD = 512
"""Rows that wait for others at most."""
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

    def __add__(self, other: Batch) -> Batch:   # type: ignore[override]
        """Both as one, in this order."""
        return Batch(self.durable + other.durable, self.outward + other.outward, self.afters + other.afters,
                     self.hurry or other.hurry)


_NOTHING = Batch([], [], [])


def batch_of(effects: Iterable[Effect], afters: list[After]) -> Batch:
    """The effects in their order, parted by what must come first."""
    durable: list[Durable] = []
    outward: list[Outward] = []
    for effect in effects:
        if type(effect) in DURABLE:
            durable.append(cast(Durable, effect))
        else:
            outward.append(cast(Outward, effect))
    return Batch(durable, outward, afters, not PATIENT.issuperset(map(type, outward)))


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
        self._held = _NOTHING
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
        again = batch_of(self._machine.restore(snapshot, self._now_ms()), [])
        await self._carry_out(first + again)

    async def run(self) -> None:
        """Until cancelled, or until the journal cannot be written."""
        self._tick_again()
        try:
            while True:
                await self._wake.wait()
                self._wake.clear()
                while self._queue or (self._due and self._held.durable):
                    count = min(len(self._queue), MAX_BATCH)
                    events = [self._queue.popleft() for _ in range(count)]
                    self.events += count
                    self.batches += 1
                    await self._carry_out_in_time(step(self._machine, events, self._now_ms()))
                    if self._machine.busy:
                        self.put(Ticked())
        finally:
            self._ticker.cancel()

    @property
    def held(self) -> Sequence[Durable]:
        """What waits for others to be committed with."""
        return self._held.durable

    async def _carry_out_in_time(self, batch: Batch) -> None:
        """Now if somebody waits, else with what comes within the window."""
        fresh = not self._held.durable
        held = batch if fresh else self._held + batch
        if held.durable and not (held.hurry or self._due or self._told) and len(held.durable) < MAX_HELD:
            self._held = held
            if fresh:
                asyncio.get_running_loop().call_later(self._window_s, self._hurry, held.durable[0])
            return
        self._held, self._due = _NOTHING, False
        await self._carry_out(held)

    def _hurry(self, first: Durable) -> None:
        """The window of a batch that begins with ``first`` is over, if it still waits."""
        if self._held.durable and self._held.durable[0] is first:
            self._due = True
            self._wake.set()

    async def _carry_out(self, batch: Batch) -> None:
        if batch.durable:
            await asyncio.get_running_loop().run_in_executor(None, self._commit, batch.durable)
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
