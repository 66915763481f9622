"""The gateway around the core: one queue in, group commits, outward effects in order, and crashes anywhere."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from random import Random
from typing import TYPE_CHECKING, Any

from lamplighter.firmware import wire
from lamplighter.gateway.core import effects as f
from lamplighter.gateway.core import events as e
from lamplighter.gateway.core.intake import read
from lamplighter.gateway.core.machine import Machine
from lamplighter.gateway.core.policy import Policy
from lamplighter.gateway.protocol import frames, verdicts
from tests.simulation import kind
from tests.simulation.journal import REMEMBERED
from tests.simulation.network import SITE

if TYPE_CHECKING:
    from tests.simulation.world import World

POLICY = Policy(quarantine_ms=20_000, max_finished=8, remembered_leases=REMEMBERED)
SECRET = b"the gateway's secret"
Handled = tuple[e.Event, tuple[str, bytes] | None, list[f.Effect]]
"""An event, the message it came in (None for our own), and what the machine says to it."""

GROUP = 12
"""Events in one commit, at most."""
TICK_MS = 100


class Crash(Exception):
    """The process ends here."""


class Gateway:
    """One life after another of the same gateway: what survives is in the world's journal and registry."""

    def __init__(self, world: World, rng: Random) -> None:
        self.world, self.clock, self.broker, self.journal = world, world.clock, world.broker, world.journal
        self.rng = rng
        self.life = self.base = self.lost_ms = 0
        self.up = False
        self.calm = False
        self.queue: list[tuple[e.Event, tuple[str, bytes] | None]] = []
        self.solvers: dict[str, Any] = {}
        self.carriers: dict[type, Callable[[Any], None]] = {
            f.SendLease: self._send_lease, f.SendCancel: self._send_cancel, f.SendAck: self._send_ack,
            f.StartSolver: self._start_solver, f.AdvanceSolver: self._advance_solver,
            f.GiveUp: self._give_up, f.RecallRound: self._recall, f.FindWork: self._find_work,
            f.StopSolver: lambda x: self.solvers.pop(x.task, None), f.Recompute: self._recompute,
            f.CompileKernels: self._compile, f.Reply: world.replied, f.PublishResult: world.published,
            f.SealEpoch: self._seal, f.SendChunk: lambda x: None, f.PublishStatus: lambda x: None,
            f.PublishEvent: lambda x: None,
        }

    # Life and death

    def start(self) -> None:
        """Opens the journal, restores the core, goes on where it was. May crash on the way, as anywhere."""
        if self.up:
            return
        self.life += 1
        self.up = True
        if self.life == 1 or self.rng.random() < 0.5:   # the computer was switched off and on
            self.lost_ms += self.now_ms - self.journal.clock_ms
            self.base = self.clock.now - self.journal.clock_ms
        self.queue, self.solvers, self.pumping, self.tick_at = [], {}, False, 1 << 62
        self.machine = Machine(POLICY, SECRET, self._check, boot=self.life)
        self.world.auditor.restarted()
        try:
            for device in self.world.devices:
                self._enrol(device)
            for epoch in self.journal.unsealed():
                self._seal(f.SealEpoch(epoch))
            self._restore()
        except Crash:
            self._die([])
            return
        self.broker.subscribe(self.receive)
        self._wake_for_tick()

    def _restore(self) -> None:
        enrolments, self.queue = self.queue, []
        handled = [(event, None, self.machine.handle(event, self.now_ms)) for event, _ in enrolments]
        self._carry_out(handled, self.machine.restore(self.journal.snapshot(), self.now_ms))

    def _enrol(self, device: Any) -> None:
        """A revoked device stays in the registry, marked; at times an old copy of the registry is all there is."""
        if device.node in self.world.revoked and self.life % 4 == 3:
            self.world.forgotten.add(device.node)
        if device.node in self.world.forgotten:
            return
        self.queue.append((e.NodeEnrolled(device.node, device.name16, device.owner), None))
        if device.node in self.world.revoked:
            self.queue.append((e.NodeRevoked(device.node), None))

    @property
    def now_ms(self) -> int:
        """The monotonic clock, which goes on; the time that a computer was switched off is missing in it."""
        return self.clock.now - self.base

    def _die(self, unacknowledged: list[tuple[str, bytes]]) -> None:
        self.up = False
        self.broker.leave(unacknowledged)
        self.queue, self.solvers = [], {}
        self.world.note("crash", self.life)
        self.clock.after(50 + int(3_000 * self.rng.random()), self.start)

    def kill(self) -> None:
        """kill -9 between two batches."""
        if self.up:
            self._die([message for _, message in self.queue if message])

    # In

    def receive(self, topic: str, payload: bytes) -> None:
        for event in read(SITE, self.world.keys, topic, payload):
            self.offer(event, (topic, payload))

    def offer(self, event: e.Event, message: tuple[str, bytes] | None = None) -> None:
        """Puts an event on the one queue; it is handled with whatever else is there then."""
        if self.up:
            self.queue.append((event, message))
            if not self.pumping:
                self.pumping = True
                self.clock.after(int(3 * self.rng.random()), self._pump, self.life)

    def _later(self, delay_ms: int, event: e.Event) -> None:
        self.clock.after(delay_ms, self._offer_in, self.life, event)

    def _offer_in(self, life: int, event: e.Event) -> None:
        if life == self.life:
            self.offer(event)

    def _pump(self, life: int) -> None:
        if life != self.life or not self.up:
            return
        batch, self.queue = self.queue[:GROUP], self.queue[GROUP:]
        now_ms = self.now_ms
        try:
            self._carry_out([(event, message, self.machine.handle(event, now_ms)) for event, message in batch])
        except Crash:
            self._die([message for _, message in batch + self.queue if message])
            return
        self.pumping = bool(self.queue)
        if self.pumping:
            self.clock.after(1, self._pump, life)
        self._wake_for_tick()

    def _wake_for_tick(self) -> None:
        due = self.machine.next_due_ms + self.base
        due = max(due + -due % TICK_MS, self.clock.now + 1)
        if due < self.tick_at:
            self.tick_at = due
            self.clock.at(due, self._tick, self.life)

    def _tick(self, life: int) -> None:
        if life == self.life and self.up:
            self.tick_at = 1 << 62
            self.offer(e.Ticked())

    # Out: commit everything durable, then release the rest in order

    def _carry_out(self, handled: list[Handled], more: Sequence[f.Effect] = ()) -> None:
        self.world.auditor.handled(handled, more)
        self.world.trace(handled, more)
        effects = [effect for _, _, made in handled for effect in made] + list(more)
        outward = [effect for effect in effects if type(effect) in self.carriers]
        self.finish(effects, outward, self._crash_stage(len(outward)))

    def finish(self, effects: list[f.Effect], outward: list[f.Effect], stage: int) -> None:
        """Commits, then lets the first ``stage`` outward effects leave. Raises Crash when that is not all."""
        if stage < 0:
            raise Crash
        self.commit(self.journal.durable(effects))
        self.release(outward[:stage])
        if stage < len(outward):
            raise Crash

    def commit(self, durable: list[f.Effect]) -> None:
        """One transaction: the auditor looks at each row as it is applied."""
        for effect in durable:
            self.world.auditor.keeping(effect)
            self.journal.apply(effect)
        if durable:
            self.world.auditor.committed()

    def release(self, outward: list[f.Effect]) -> None:
        for effect in outward:
            self.world.auditor.released(effect)
            self.carriers[type(effect)](effect)

    def _crash_stage(self, outward: int) -> int:
        """How many outward effects leave before the process dies: -1 for not even the commit, all for no crash."""
        mix = self.world.mix
        if self.calm:
            return outward
        if mix.write_error and self.rng.random() < mix.write_error:
            return -1
        if mix.crash and self.rng.random() < mix.crash:
            return int((outward + 1) * self.rng.random()) - 1
        return outward

    # Carriers

    def _send(self, node: str, leaf: str, frame: bytes) -> None:
        self.broker.down(node, leaf, frame)

    def _send_lease(self, x: f.SendLease) -> None:
        lease = wire.Lease(x.fence, x.nonce, x.job, x.kernel, x.epoch, x.ack_by_ms, x.report_by_ms, x.budget_kop,
                           x.contexts, x.input)
        self._send(x.node, "lease", frames.encode_lease(lease, self.world.by_node[x.node].down))

    def _send_cancel(self, x: f.SendCancel) -> None:
        self._send(x.node, "lease", wire.encode_nonce(wire.CANCEL, x.nonce, self.world.by_node[x.node].down))

    def _send_ack(self, x: f.SendAck) -> None:
        pair = (x.seq, verdicts.VERDICTS.index(x.verdict))
        self._send(x.node, "ack", frames.encode_ack([pair], self.world.by_node[x.node].down))

    def _start_solver(self, x: f.StartSolver) -> None:
        solver = kind.solve(x.kind, x.body)
        self.solvers[x.task] = solver
        self._later(int(200 * self.rng.random()), e.RoundYielded(x.task, 0, next(solver)))

    def _advance_solver(self, x: f.AdvanceSolver) -> None:
        solver = self.solvers.get(x.task)
        if solver is None:
            return
        try:
            self._later(2, e.RoundYielded(x.task, x.round + 1, solver.send(x.answers)))
        except StopIteration as end:
            self._later(2, e.TaskSolved(x.task, end.value))
        except ValueError as error:
            self._later(2, e.TaskBroke(x.task, "bug", str(error), "kind"))

    def _give_up(self, x: f.GiveUp) -> None:
        self._later(2, e.TaskBroke(x.task, "deadline", f"{sum(a is not None for a in x.answers)} answers", "nobody"))

    def _recall(self, x: f.RecallRound) -> None:
        known = self.journal.recall(x)
        if known is not None:
            self._later(int(20 * self.rng.random()), known)

    def _find_work(self, x: f.FindWork) -> None:
        self._later(int(50 * self.rng.random()), e.WorkFound(self.journal.work_of(x.node)))

    def _recompute(self, x: f.Recompute) -> None:
        answer = None if x.kind == kind.BROKEN else kind.answer_of(x.kind, x.job.input, x.job.answer_bytes)
        wait = 5 if self.rng.random() < 0.8 else 3_000   # other work may be before it
        self._later(wait + x.job.price_kop // 20, e.Recomputed(x.task, x.round, x.index, x.run, answer))

    def _compile(self, x: f.CompileKernels) -> None:
        blobs = {name: kind.blob_of(name, x.arch) for name in kind.KINDS}
        self._later(200, e.KernelsCompiled(x.arch, blobs))

    def _seal(self, x: f.SealEpoch) -> None:
        self.world.auditor.paying(x.epoch)
        self.world.auditor.paid(self.journal.seal(x.epoch))
        self.offer(e.EpochSealed(x.epoch))

    @staticmethod
    def _check(task: str, job: e.JobSpec, answer: bytes) -> bool:
        return kind.possible(answer)
