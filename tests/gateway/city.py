"""A machine with a clock, devices and toy tasks; whatever a test does, the machine's own invariants hold."""

from __future__ import annotations

import hashlib
from typing import Any

import pytest

from lamplighter.gateway.core import effects as f
from lamplighter.gateway.core import events as e
from lamplighter.gateway.core.entities import KindFacts, Node, Task
from lamplighter.gateway.core.lifecycle import Ended, Phase, Where
from lamplighter.gateway.core.machine import Machine
from lamplighter.gateway.core.policy import Policy
from lamplighter.gateway.core.snapshot import AnswerRow, LeaseRow, Made, Snapshot
from lamplighter.gateway.core.spans import items_of
from lamplighter.gateway.protocol.frames import Receipt
from lamplighter.gateway.protocol.verdicts import REFUSALS

KINDS = ("toy.sum", "toy.mix")
ANSWER_BYTES = 8
NET = b"n" * 8
LIE = b"a lie..."


def kernel_of(kind: str, arch: int = 0) -> bytes:
    """The name of a kind's kernel for one instruction set."""
    return hashlib.sha256(b"%s %d" % (kind.encode(), arch)).digest()[:16]


def right(given: bytes) -> bytes:
    """What an honest device answers."""
    return hashlib.sha256(given).digest()[:ANSWER_BYTES]


def job(index: int = 0, *, price: int = 10, heap: int = 1_000, contexts: tuple[bytes, ...] = ()) -> e.JobSpec:
    """A job whose input is its number."""
    return e.JobSpec(b"job %d" % index, contexts, ANSWER_BYTES, price, heap)


class City:
    """``tell`` hands an event to the machine, checks its invariants and returns the effects; ``out`` keeps all."""

    KINDS, LIE = KINDS, LIE
    job, kernel_of, right = staticmethod(job), staticmethod(kernel_of), staticmethod(right)

    def __init__(self, **policy: Any) -> None:
        """No audits unless a test asks for them: they are drawn, and most tests are about something else. Nor does a
        lease cost anything, so that devices get all jobs."""
        self.policy = Policy(**{"audit_permille": 0, "probation_audit_permille": 0, "lease_us": 0, **policy})
        self.now, self.boot, self.out, self.sent = 1_000, 0, [], {}
        self.kinds = {kind: KindFacts(1, b"kernel of " + kind.encode()) for kind in KINDS}
        self.numbers = 0
        """Of what devices have said, over all of them."""
        self.restart()

    def restart(self) -> None:
        """A new life: nothing is known any more."""
        self.boot += 1
        self.known: dict[int, tuple[list[AnswerRow], list[LeaseRow]]] = {}
        """What the journal says of each round when it is asked."""
        self.machine = Machine(self.policy, b"secret", self.kinds, self.boot, NET)
        self.state = self.machine.state

    # Events

    def tell(self, event: e.Event) -> list[f.Effect]:
        said = self._said([*self.machine.handle(event, self.now), *self.machine.handle(e.BatchTaken(), self.now)])
        for asked in [effect for effect in said if isinstance(effect, f.RecallRound) and effect.round in self.known]:
            said += self.recall(asked)
        return said

    def made(self, kind: str = KINDS[0], digest: bytes = b"") -> Made:
        """What a round is, in this life."""
        facts = self.kinds[kind]
        return Made(facts.version, facts.kernel, digest)

    def recall(self, asked: f.RecallRound, run: int = 0, made: Made | None = None,
               cuts: bytes = b"", here: str = "") -> list[f.Effect]:
        """The journal's word on a round; which is like one of now, unless another is given."""
        answers, leases = self.known.get(asked.round, ([], []))
        whole = asked.leases or len(answers) < (len(cuts) or asked.jobs)
        return self.tell(e.RoundRecalled(asked.task, asked.round, run, tuple(answers),
                                         tuple(leases) if whole else (), whole,
                                         made or self.made(self.of(asked.task).kind), cuts, here))

    def restore(self, snapshot: Snapshot) -> list[f.Effect]:
        return self._said(self.machine.restore(snapshot, self.now))

    def _said(self, effects: list[f.Effect]) -> list[f.Effect]:
        self.out += effects
        self.sent.update({x.nonce: x for x in effects if isinstance(x, f.SendLease)})
        check_effects(self, effects)
        check_state(self)
        return effects

    def enrol(self, name: str, owner: str = "") -> list[f.Effect]:
        return self.tell(e.NodeEnrolled(name, device_of(name), owner or f"owner-of-{name}"))

    def device(self, name: str, owner: str = "", *, room: int = 4, heap: int = 100_000, arch: int = 0,
               spare: int = 500, speed: int = 100, boot: int = 1, message: int = 16_384,
               can: tuple[str, ...] = ("floor",)) -> list[f.Effect]:
        """Enrols, connects and bids; returns what the machine says to the bid."""
        self.enrol(name, owner)
        self.status(name, "ready", boot)
        self.born(name, boot, arch=arch, heap=heap, speed=speed, message=message, can=can)
        if arch not in self.state.kernels:
            self.tell(e.KernelsCompiled(arch, {kind: kernel_of(kind, arch) for kind in KINDS}))
        return self.bid(name, room=room, heap=heap, spare=spare)

    def bid(self, name: str, *, room: int = 4, heap: int = 100_000, spare: int = 500) -> list[f.Effect]:
        return self.tell(e.NodeBid(name, self.at(name), spare, heap, room, (), "mains", None))

    def at(self, name: str, boot: int = 0, conn: int = 0) -> e.At:
        """When a node says what it says now: in its present start and connection unless told otherwise."""
        node = self.state.nodes.get(name)
        self.numbers += 1
        return e.At(boot or (node.boot if node else 0) or 1, conn or (node.conn if node else 0) or 1, self.numbers)

    def status(self, name: str, state: str, boot: int = 0, conn: int = 0) -> list[f.Effect]:
        return self.tell(e.NodeStatusChanged(name, self.at(name, boot, conn), state))

    def born(self, name: str, boot: int = 0, conn: int = 0, *, arch: int = 0, heap: int = 100_000, speed: int = 100,
             message: int = 16_384, once: int = 0, can: tuple[str, ...] = ("floor",),
             state: str = "") -> list[f.Effect]:
        at = self.at(name, boot, conn)
        return self.tell(e.NodeBorn(name, at, "board", arch, "0.1", heap, speed, message, once or at.boot, can,
                                    state))

    def submit(self, name: str = "t", kind: str = KINDS[0], body: bytes = b"{}", **more: Any) -> list[f.Effect]:
        return self.tell(e.TaskSubmitted(name, kind, body, ref=f"ref-{name}", **more))

    def task(self, name: str = "t", jobs: int = 1, kind: str = KINDS[0], expected: int = 1,
             **more: Any) -> list[f.Effect]:
        """Submits a task and yields its first round; returns what the machine says to the round."""
        self.submit(name, kind, **more)
        return self.round(name, 0, jobs, expected)

    def round(self, name: str = "t", number: int = 0, jobs: int | list[e.JobSpec] = 1,
              expected: int = 1) -> list[f.Effect]:
        specs = [job(i) for i in range(jobs)] if isinstance(jobs, int) else jobs
        return self.tell(e.RoundYielded(name, number, tuple(specs), expected))

    def answer(self, lease: f.SendLease, answer: bytes | None = None, *, seq: int = 0, sealed: bool = True,
               boot: int = 1, node: str = "", **other: Any) -> list[f.Effect]:
        """The result of a lease; honest unless ``answer`` is given. ``other`` overrides fields of the receipt."""
        node = node or lease.node
        number = seq or 1 + sum(isinstance(x, f.SendAck) for x in self.out)
        receipt = Receipt(NET, device_of(node), boot, number, lease.epoch, 0, lease.job, lease.nonce, b"s" * 32,
                          1, b"p" * 32)._replace(**other)
        answer = right(lease.input) if answer is None else answer
        return self.tell(e.ResultArrived(node, receipt, b"proof", answer, sealed))

    def refuse(self, lease: f.SendLease, reason: str) -> list[f.Effect]:
        return self.tell(e.LeaseRefused(lease.node, lease.nonce, REFUSALS.index(reason)))

    def recompute(self, asked: f.Recompute, answer: bytes | None = b"right") -> list[f.Effect]:
        """The gateway's own answer; None when the kernel raised."""
        given = b"".join(right(one.input) for one in items_of(asked.job)) if answer == b"right" else answer
        return self.tell(e.Recomputed(asked.task, asked.round, asked.index, asked.run, given))

    def wait(self, ms: int = 0) -> list[f.Effect]:
        self.now += ms
        return self.tell(e.Ticked())

    # What there is now

    def leases(self, node: str = "") -> list[f.SendLease]:
        """What devices hold, oldest first."""
        names = [node] if node else list(self.state.nodes)
        held = [lease for name in names for lease in self.state.nodes[name].open.values()]
        return [self.sent[lease.nonce] for lease in sorted(held, key=lambda lease: lease.number)]

    def lease(self, node: str = "") -> f.SendLease:
        (only,) = self.leases(node)
        return only

    def node(self, name: str) -> Node:
        return self.state.nodes[name]

    def pending(self, name: str) -> int:
        """Credits of a device that are not settled."""
        return sum(self.state.nodes[name].pending.values())

    def of(self, name: str = "t") -> Task:
        return self.state.tasks[name]

    def work(self, name: str = "t") -> None:
        """Honest devices answer until nothing is out and the round is over or stuck."""
        while leases := [x for x in self.leases() if self.state.leases[x.nonce].job.task.name == name]:
            self.answer(leases[0])

    def agreed(self, *nodes: str) -> list[f.Effect]:
        """Each node in turn answers the one lease that it holds; returns what the last answer led to."""
        said: list[f.Effect] = []
        for node in nodes:
            said = self.answer(self.lease(node))
        return said


def device_of(name: str) -> bytes:
    return name.encode().ljust(16, b".")


def check_effects(city: City, effects: list[f.Effect]) -> None:
    """What is told to the outside stands behind what makes it durable, and no node gets more than it bid for."""
    kept = set()
    for effect in effects:
        if isinstance(effect, f.KeepLease):
            kept.add(effect.nonce)
        elif isinstance(effect, f.KeepReceipt):
            kept.add(effect.seq)
        elif isinstance(effect, f.SendLease):
            node = city.node(effect.node)
            again = city.state.leases[effect.nonce].where is Where.RUNNING
            assert effect.nonce in kept or again, "a lease left before it was kept"
            assert len(node.open) <= min(node.room, city.policy.max_open), "more leases than room"
        elif isinstance(effect, f.SendAck) and effect.verdict == "pending":
            known = any(lease.seq == effect.seq for lease in city.state.leases.values())
            assert effect.seq in kept or known, "a receipt was acknowledged before it was kept"


def check_state(city: City) -> None:
    """Every open lease is with its node and its job, every job has its place, every list its bound."""
    state = city.state
    outs: dict[int, int] = {}
    for node in state.nodes.values():
        for number, lease in node.open.items():
            assert lease.number == number and lease.node == node.name and lease.ended is Ended.OPEN
            assert lease.where is not Where.OVER and state.leases[lease.nonce] is lease
            outs[id(lease.job)] = outs.get(id(lease.job), 0) + 1
    for lease in state.leases.values():
        assert (lease.where is Where.OVER) == (lease.number not in getattr(state.nodes.get(lease.node), "open", {}))
    for task in state.tasks.values():
        check_task(city, task, outs)
    assert not state.touched
    assert state.asked_here == sum(task.round.asked_here for task in state.tasks.values()) <= city.policy.max_here
    assert len(state.ended) <= city.policy.remembered_leases


def check_task(city: City, task: Task, outs: dict[int, int]) -> None:
    """Its counters fit its jobs; a job is out, waits in a queue, is recomputed or is accepted, and nothing else."""
    second = [job for queue in task.round.second.values() for job in queue]
    queued = {id(job) for job in (*task.round.fresh, *second)}
    round_, jobs = task.round, task.round.jobs
    assert round_.open_jobs == len(round_.yielded) - sum(job.spec.jobs for job in jobs if job.answer is not None)
    assert round_.phases == {phase: sum(job.phase is phase for job in jobs) for phase in Phase}
    assert len(jobs) == len(round_.specs) or len(round_.fresh) >= city.policy.scan or round_.recalling
    assert {*city.state.turns, *city.state.here.values()} >= {
        task for task in city.state.live if task.round.phases[Phase.READY]}
    assert round_.asked_here == sum(job.phase is Phase.AUDIT and bool(job.here) for job in jobs)
    assert len(task.round.fresh) + len(second) <= 2 * len(jobs)
    assert (task in city.state.live) == bool(jobs)
    for job in jobs:
        assert outs.get(id(job), 0) == (job.phase is Phase.OUT), job.phase
        assert job.phase is not Phase.READY or id(job) in queued, "a job was forgotten"
        assert (job.answer is not None) or job.phase is not Phase.ACCEPTED
        owners = [copy.owner for copy in job.copies]
        assert len(owners) == len(set(owners)) <= city.policy.copies
        assert all(copy.seq and copy.ended is Ended.DONE for copy in job.copies)


@pytest.fixture
def make_city():
    """make_city(**policy) gives a City; its invariants are checked again at the end."""
    made: list[City] = []

    def make(**policy: Any) -> City:
        made.append(City(**policy))
        return made[-1]

    yield make
    for city in made:
        check_state(city)


@pytest.fixture
def city(make_city):
    """A city without devices and tasks."""
    return make_city()


@pytest.fixture
def pair(city):
    """Two devices of two owners with room for one lease each."""
    city.device("anna-1", "anna", room=1)
    city.device("ben-1", "ben", room=1)
    return city


@pytest.fixture
def of():
    """of(kind of effect, effects): those of that kind, in order."""
    def pick(kind: type, effects: list[f.Effect]) -> list[Any]:
        return [effect for effect in effects if isinstance(effect, kind)]
    return pick


