"""How much of the time that boards have to give a gateway finds work for: 8, 40 and 120 boards of Pico class.

In virtual time, over the real core and the real solvers. Every answer is the kernel's, as machine code of this
computer, and what it took here times ``PICO`` is what it takes a board. Tasks are of city size, a minute and more of
kernel time for each board with one copy of each job; at most ``MAX_TASKS`` of them are open; all devices are past
probation and honest. What is assumed:

- messages take ``NETWORK_MS`` each way, a kernel or context comes in pieces of 1 KB, one after the other, each way;
- a lease costs a board ``AGENT_MS`` beside its kernel; it gives 50 to 90 % of its time, and holds eight leases;
- what the gateway recomputes takes a Pi ``PI_SLOWER`` times what it takes here, one job after the other;
- solvers take no time: what they took here is shown, since it may be what a fleet waits for.

Shown are the share of what all boards give from the submission to the last answer that they spend in kernels, of it
that for first copies and for others, and the share of leases that the gateway recomputed.
"""

from __future__ import annotations

import hashlib
import heapq
import itertools
import random
import time
from collections import Counter
from collections.abc import Callable, Generator, Sequence
from typing import Any, NamedTuple

from benchmarks.figures import Figure
from benchmarks.workloads import CITIES, City
from lamplighter.firmware.wire import MAX_CHUNK, blob_name
from lamplighter.gateway.core import effects as f
from lamplighter.gateway.core import events as e
from lamplighter.gateway.core.entities import KindFacts
from lamplighter.gateway.core.machine import Machine
from lamplighter.gateway.core.policy import Policy, price_kop
from lamplighter.gateway.core.spans import items_of
from lamplighter.gateway.devicebuild.compiler import ARCHES
from lamplighter.gateway.devicebuild.kernels import kernel_source
from lamplighter.gateway.kindkit.pool import Pool
from lamplighter.gateway.protocol.frames import Receipt
from lamplighter.tasks.api import Job, Kind
from lamplighter.tasks.registry import load_kinds, prepare

FLEETS = {8: ">= 85", 40: ">= 75", 120: ">= 60"}
MAX_TASKS = 64
PICO = 100
"""A Pico takes so many times as long as a core of this machine: `boards` comes to 95 to 125, by kind."""
PI_SLOWER = 4
NETWORK_MS = 50
AGENT_MS = 20
GATHER_MS = 50
BID_MS, BUSY = 1_000, 4
"""Between bids, and how many times that while it holds leases."""
ROOM, HEAP, MESSAGE, CACHE = 8, 96 << 10, 16_384, 96 << 10
NET, ARCH, SPEED = b"n" * 8, 6 | 3 << 8 | ARCHES.index("armv6m") << 10, 200


class Done(NamedTuple):
    """What a fleet came to."""

    busy: float
    """Share of the time that boards gave."""
    first: float
    """The same, for first copies."""
    each_s: float
    """First copies' kernel time, a board."""
    audited: float
    """Share of leased jobs that were recomputed."""
    copies: float
    """Executions of a leased job."""
    lease_s: float
    """A board's time for a lease."""
    seconds: float
    solver_s: float
    """CPU, here."""


def figures() -> list[Figure]:
    """Of all cities. Raises RuntimeError where a task does not end well."""
    found = []
    for name, city in CITIES.items():
        for boards, aim in FLEETS.items():
            done = run(load_kinds()[name], city, boards)
            found += [Figure(f"{name}, {boards} boards: time in kernels", 100 * done.busy, "%", aim),
                      Figure("  first copies", 100 * done.first, "%"),
                      Figure("  other copies", 100 * (done.busy - done.first), "%"),
                      Figure("  recomputed by the gateway", 100 * done.audited, "%"),
                      Figure("  copies of a job", done.copies),
                      Figure("  a lease takes a board", done.lease_s, "s"),
                      Figure("  kernel time of a board, first copies", done.each_s, "s"),
                      Figure("  from submission to answer", done.seconds, "s"),
                      Figure("  CPU of solvers here", done.solver_s, "s")]
    return found


def run(kind: Kind, city: City, boards: int) -> Done:
    """One fleet at work on one city. Raises RuntimeError where a task does not end well."""
    with Pool(kind.kernel) as pool:
        world = World(kind, boards, Kernels(pool))
        return world.until_done(city(boards))


class Kernels:
    """Answers, and what they take a board: the kernel's own time here, held to twice what is usual for its price,
    since on a busy machine anything may be stopped for a while."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool
        self._known: dict[bytes, tuple[bytes, int]] = {}
        self._usual: list[float] = []

    def add(self, jobs: Sequence[Job]) -> None:
        fresh = [job for job in jobs if _key(job.input, [one.name for one in job.contexts]) not in self._known]
        ran = self._pool.runs(fresh)
        self._usual = self._usual or sorted(run.took_us / job.ops for job, run in zip(fresh, ran, strict=True))
        for job, run in zip(fresh, ran, strict=True):
            key = _key(job.input, [one.name for one in job.contexts])
            self._known[key] = run.answer, int(min(run.took_us, 2 * self.usual * job.ops) * PICO)

    @property
    def usual(self) -> float:
        """Microseconds here for an operation of a job's price."""
        return self._usual[len(self._usual) // 2]

    def of(self, spec: e.JobSpec) -> tuple[bytes, int]:
        """(answer, us on a board)."""
        parts = [self._known[_key(job.input, job.contexts)] for job in items_of(spec)]
        return b"".join(answer for answer, _ in parts), sum(us for _, us in parts)


def _key(given: bytes, contexts: Sequence[bytes]) -> bytes:
    return hashlib.sha256(b"".join((*contexts, given))).digest()


class World:
    """Boards, a core, solvers, and what is on its way between them."""

    def __init__(self, kind: Kind, boards: int, kernels: Kernels) -> None:
        self.kind, self.kernels = kind, kernels
        self.now, self._numbers = 0.0, itertools.count()
        self._due: list[tuple[float, int, Callable[[], object]]] = []
        source = kernel_source(kind.kernel)
        self.kernel = blob_name(source)
        self.blobs = {self.kernel: len(source) // 2}   # about what machine code has
        facts = {kind.name: KindFacts(kind.version, self.kernel, kind.check is not None)}
        self.machine = Machine(Policy(), b"secret", facts, 1, NET)
        self._inputs: list[tuple[int, Any]] = []
        self._solutions: dict[str, Generator[Sequence[Job], Any, Any]] = {}
        self._jobs: Sequence[Job] = ()
        self._solver_s = self._computer_free = 0.0
        self.used: Counter[str] = Counter()
        """Board us in kernels, in those for first copies, and copies."""
        draw = random.Random(1)   # the same boards in every run
        self.boards = {name: Board(self, name, draw.randrange(500, 901)) for name in
                       (f"board-{number}" for number in range(boards))}
        for board in self.boards.values():
            board.join(draw.randrange(BID_MS))
        self.tell(e.KernelsCompiled(ARCH, {kind.name: self.kernel}))
        self.later(0, self._tick)

    def until_done(self, inputs: Sequence[Any]) -> Done:
        """Submits the tasks, a further one when one has ended. Raises RuntimeError where one does not end well."""
        self._inputs = list(reversed(list(enumerate(inputs))))
        self._run(lambda: self.now > BID_MS)   # all boards have said what they offer
        began = self.now
        for _ in range(MAX_TASKS):
            self._submit()
        self._run(lambda: not self._solutions)
        seconds = (self.now - began) / 1_000
        offered = sum(board.spare for board in self.boards.values()) / 1_000 * seconds
        counters, used = self.machine.state.counters, self.used
        return Done(used["us"] / 1e6 / offered, used["first"] / 1e6 / offered, used["first"] / 1e6 / len(self.boards),
                    counters["audits"] / used["leased"], used["copies"] / used["leased"],
                    used["us"] / 1e6 / used["copies"], seconds, self._solver_s)

    def _run(self, enough: Callable[[], bool]) -> None:
        while not enough():
            self.now, _, what = heapq.heappop(self._due)
            what()

    def _submit(self) -> None:
        if self._inputs:
            number, given = self._inputs.pop()
            spec = prepare({self.kind.name: self.kind}, self.kind.name, given)
            self._solutions[f"task-{number}"] = self.kind.solve(spec)
            self.tell(e.TaskSubmitted(f"task-{number}", self.kind.name, b"{}", deadline_ms=86_400_000, where="fleet"))

    def later(self, ms: float, what: Callable[[], object]) -> None:
        heapq.heappush(self._due, (self.now + ms, next(self._numbers), what))

    def tell(self, event: e.Event) -> None:
        now = int(self.now)
        for effect in (*self.machine.handle(event, now), *self.machine.handle(e.BatchTaken(), now)):
            carrier = getattr(self, "_on_" + type(effect).__name__, None)
            if carrier is not None:
                carrier(effect)

    def _tick(self) -> None:
        self.tell(e.Ticked())
        self.later(0 if self.machine.busy else max(1, self.machine.next_due_ms - int(self.now)), self._tick)

    # To boards

    def _on_SendLease(self, effect: f.SendLease) -> None:
        spec = self.machine.state.leases[effect.nonce].job.spec
        self.later(NETWORK_MS, lambda: self.boards[effect.node].leased(effect, spec))

    def _on_SendChunk(self, effect: f.SendChunk) -> None:
        self.later(NETWORK_MS, lambda: self.boards[effect.node].chunk(effect))

    def _on_KeepRound(self, effect: f.KeepRound) -> None:
        self.used["leased"] += len(effect.cuts) or effect.jobs

    # Solvers and the gateway's own computer: one thing after the other

    def _on_StartSolver(self, effect: f.StartSolver) -> None:
        self._step(effect.task, 0, None)

    def _on_AdvanceSolver(self, effect: f.AdvanceSolver) -> None:
        self._step(effect.task, effect.round + 1, effect.answers)

    def _step(self, task: str, number: int, answers: Sequence[bytes] | None) -> None:
        began, event = time.process_time(), self._event(task, number, answers)
        self._solver_s += time.process_time() - began
        if isinstance(event, e.RoundYielded):
            self.kernels.add(self._jobs)
            for board in self.boards.values():
                board.seen(self.kernels.usual)
        self.later(0, lambda: self.tell(event))

    def _event(self, task: str, number: int, answers: Sequence[bytes] | None) -> e.Event:
        try:
            self._jobs = jobs = self._solutions[task].send(answers)
        except StopIteration:
            return e.TaskSolved(task, b"{}", number)
        self.blobs |= {one.name: len(one.data) for job in jobs for one in job.contexts}
        return e.RoundYielded(task, number, tuple(
            e.JobSpec(job.input, tuple(one.name for one in job.contexts), job.answer_bytes, price_kop(job.ops),
                      job.heap_bytes) for job in jobs), 0)

    def _on_PublishResult(self, effect: f.PublishResult) -> None:
        if not effect.result:
            return   # it has been cleared
        if b'"ok": true' not in effect.result:
            raise RuntimeError(f"{effect.task}: {effect.result[:300]!r}")
        del self._solutions[effect.task]
        self._submit()

    def _on_CheckAnswer(self, effect: f.CheckAnswer) -> None:
        said = e.AnswerChecked(effect.task, effect.round, effect.index, effect.run, effect.answer, True)
        self.later(5, lambda: self.tell(said))

    def _on_Recompute(self, effect: f.Recompute) -> None:
        answer, us = self.kernels.of(effect.job)
        self._computer_free = max(self._computer_free, self.now) + us / PICO * PI_SLOWER / 1_000
        said = e.Recomputed(effect.task, effect.round, effect.index, effect.run, answer)
        self.later(self._computer_free - self.now, lambda: self.tell(said))


class Board:
    """Runs one lease at a time, in the order in which they came and have what they need, and fetches meanwhile."""

    def __init__(self, world: World, name: str, spare: int) -> None:
        self._world, self.name, self.spare = world, name, spare
        self._device = name.encode().ljust(16, b".")
        self._held: list[tuple[f.SendLease, e.JobSpec]] = []
        self._blobs: dict[bytes, None] = {}   # the last used last
        self._fetching = b""
        self._running = False
        self._looked = 0
        self._said = itertools.count(1)
        self._outbox: list[e.ResultArrived] = []

    def join(self, after_ms: int) -> None:
        tell, board = self._world.tell, self.name
        tell(e.NodeEnrolled(board, self._device, "owner-" + board))
        self._world.machine.state.nodes[board].score = 1_000   # past probation
        tell(e.NodeStatusChanged(board, self._at(), "ready"))
        tell(e.NodeBorn(board, self._at(), "pico", ARCH, "0.1", HEAP, SPEED, MESSAGE, 1, ("floor", "span"), ""))
        self._bid()
        self._world.later(after_ms, self._bids)

    def seen(self, usual: float) -> None:
        """The gateway knows its pace, as that of every device past probation."""
        pace = self._world.machine.state.nodes[self.name].pace
        pace.setdefault(self._world.kind.name, int(usual * PICO * 1_000 * 1_000 / self.spare))

    def leased(self, lease: f.SendLease, spec: e.JobSpec) -> None:
        self._held.append((lease, spec))
        self._world.later(lease.ack_by_ms // 2, lambda: self._accept(lease))
        self._go_on()

    def chunk(self, chunk: f.SendChunk) -> None:
        at = chunk.offset + MAX_CHUNK
        if at < self._world.blobs[chunk.name]:
            self._want(chunk.name, at)
            return
        self._blobs[chunk.name] = None
        self._fetching = b""
        self._evict()
        self._go_on()

    def _accept(self, lease: f.SendLease) -> None:
        if any(held is lease for held, _ in self._held):
            self._send([e.LeaseAccepted(self.name, lease.nonce)])

    def _go_on(self) -> None:
        for lease, spec in self._held:
            missing = next((name for name in (lease.kernel, *lease.contexts) if name not in self._blobs), None)
            if missing is None and not self._running:
                self._run(lease, spec)
            elif missing is not None and not self._fetching:
                self._fetching = missing
                self._want(missing, 0)

    def _want(self, blob: bytes, offset: int) -> None:
        self._send([e.BlobWanted(self.name, blob, offset)])

    def _run(self, lease: f.SendLease, spec: e.JobSpec) -> None:
        for name in (lease.kernel, *lease.contexts):
            self._blobs[name] = self._blobs.pop(name)
        self._running = True
        answer, us = self._world.kernels.of(spec)
        self._world.later((us / 1_000 + AGENT_MS) * 1_000 / self.spare, lambda: self._ran(lease, spec, answer, us))

    def _ran(self, lease: f.SendLease, spec: e.JobSpec, answer: bytes, us: int) -> None:
        used, known = self._world.used, self._world.machine.state.leases.get(lease.nonce)
        used["us"] += us
        used["copies"] += 1
        used["first"] += us if known is not None and not known.job.copies and known.job.answer is None else 0
        self._running = False
        self._held.remove((lease, spec))
        receipt = Receipt(NET, self._device, 1, next(self._said), lease.epoch, 0, lease.job, lease.nonce, bytes(32),
                          1, bytes(32))
        self._outbox.append(e.ResultArrived(self.name, receipt, b"proof", answer, True))
        if not self._held:
            self._flush()
        elif len(self._outbox) == 1:
            self._world.later(GATHER_MS, self._flush)
        self._go_on()

    def _flush(self) -> None:
        self._send(self._outbox)
        self._outbox = []

    def _send(self, events: Sequence[e.Event]) -> None:
        for event in events:
            self._world.later(NETWORK_MS, lambda event=event: self._world.tell(event))  # type: ignore[misc]

    def _bids(self) -> None:
        self._looked += 1
        if not self._held or self._looked % BUSY == 0:
            self._bid()
        self._world.later(BID_MS, self._bids)

    def _bid(self) -> None:
        self._send([e.NodeBid(self.name, self._at(), self.spare, HEAP, ROOM, (), "mains", None)])

    def _at(self) -> e.At:
        return e.At(1, 1, next(self._said))

    def _evict(self) -> None:
        needed = {name for lease, _ in self._held for name in (lease.kernel, *lease.contexts)}
        for name in [name for name in self._blobs if name not in needed]:
            if sum(self._world.blobs[held] for held in self._blobs) <= CACHE:
                return
            del self._blobs[name]
