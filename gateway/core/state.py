"""The whole state of the core, and the small steps that every part of it takes.

The parts (``tasks``, ``placement``, ``judging``, ``nodes``) are functions on a ``State``; ``Machine`` calls
them by event. What the present event leads to is collected by its ``Turn``.
"""

from __future__ import annotations

import hashlib
import struct
from collections import Counter, OrderedDict
from collections.abc import Iterable, Mapping
from typing import Any

from lamplighter.gateway.core.effects import Effect, FindWork, KeepStanding, PublishEvent
from lamplighter.gateway.core.entities import Job, KindFacts, Lease, Node, Task
from lamplighter.gateway.core.events import RoundYielded, SolverLost, TaskBroke, TaskSolved
from lamplighter.gateway.core.lifecycle import OVER, Why
from lamplighter.gateway.core.policy import Policy
from lamplighter.gateway.core.snapshot import StandingRow
from lamplighter.gateway.core.timers import Timers
from lamplighter.gateway.core.turns import Turns
from lamplighter.gateway.protocol.numbers import Numbers

EVENTS_PER_BOOT = 1_000_000
"""Event numbers of a task go on from here after each restart, so that they only rise."""
NO_KIND = KindFacts()
_LOTS = struct.Struct(">HH")


class Turn:
    """What one event leads to; ``Machine`` begins one for each and hands its effects out."""

    __slots__ = ("effects", "emit", "idle", "moment")

    def __init__(self, moment: str) -> None:
        self.moment = moment
        """When and by which event its moves are made, as stories tell it."""
        self.effects: list[Effect] = []
        self.emit = self.effects.append
        """The one way in which anything is done: ``emit(effect)``, durable ones first."""
        self.idle: tuple[Counter[Why], list[Node]] | None = None
        """How many nodes get no work for which reason of their own, and those that may; once somebody has asked."""


def _is_over(what: Lease | Job | Node) -> bool:
    """Most leases are over long before their clock."""
    return type(what) is Lease and what.where is OVER


class State:
    """State of one gateway of the network ``net``. ``secret`` seeds every draw and nonce, so that nobody can foresee
    them."""

    def __init__(self, policy: Policy, secret: bytes, kinds: Mapping[str, KindFacts], boot: int, net: bytes,
                 native: bool = False) -> None:
        self.policy = policy
        self.native = native
        """Whether the gateway's own computer runs kernels as machine code."""
        self.net = net
        self.secret = secret
        self.kinds = kinds
        self.boot = boot
        self.now_ms = self.began_ms = 0
        self._moments: dict[type, str] = {}
        self.turn = self.begin(State, 0)
        self.touched: dict[str, Node] = {}
        """Nodes whose room has changed: they get work when the batch has been dealt with."""
        self.hurry = False
        """Whether somebody has nothing to do until this batch is committed and what follows from it has left."""
        self.deep = False
        """Whether more jobs wait than there are devices: each of them may have one ahead, however long it takes."""
        self.standings: dict[str, Node] = {}
        """Nodes of which something is known that the journal does not know yet."""
        self.tasks: dict[str, Task] = {}
        self.live: list[Task] = []
        """Tasks that have a round open."""
        self.turns = Turns()
        """Those of them that have jobs waiting."""
        self.here: dict[str, Task] = {}
        """Those that have jobs for the gateway itself; the next one's turn comes first."""
        self.asked_here = 0
        """Of these jobs, how many are under way."""
        self.leftover: list[Job] = []
        """Jobs of rounds that are over: let go some at a time, for there may be many."""
        self.nodes: dict[str, Node] = {}
        self.strangers: dict[str, StandingRow] = {}
        """What the journal knows of nodes that are not enrolled, by name: as many as may be enrolled."""
        self.leases: dict[bytes, Lease] = {}
        """By nonce: every open lease, and the ended ones that are still remembered."""
        self.ended: OrderedDict[bytes, None] = OrderedDict()
        self.hungry: dict[str, Node] = {}
        """Nodes that may have room for another lease."""
        self.workers: Counter[str] = Counter()
        """How many connected nodes had their last lease of each kind; "" for those that had none."""
        self.searches = 0
        """How often the journal was asked for the work of a liar and has not answered yet."""
        self.kernels: dict[int, dict[str, bytes]] = {}
        self.compiling: set[int] = set()
        self.timers = Timers[Lease | Job | Node](_is_over)
        self._nonces = -1, b""
        self.next_lease = 1
        self.first_lease = 1
        """Of this life of the gateway; those before it were restored."""
        self.epoch = self.first_epoch = 0
        """In which verdicts are counted, now and when the gateway started."""
        self.deaf = False
        """Whether the broker is away: no device can be heard, and no lease ends by its clock."""
        self.numbers = Numbers()
        """Those of all receipts that were recorded, sealed or not."""
        self.settled: dict[tuple[str, str], int] = {}
        """Credits by (owner, node): what the log pays, as it was last read."""
        self.counters: Counter[str] = Counter()

    def begin(self, event: type, now_ms: int) -> Turn:
        """A new turn; time never goes back."""
        if now_ms > self.now_ms:
            self.now_ms = now_ms
            self._moments.clear()
        moment = self._moments.get(event)
        if moment is None:
            moment = self._moments[event] = f" at {self.now_ms} by {event.__name__}, "
        self.turn = turn = Turn(moment)
        return turn

    def set_timer(self, due_ms: int, what: Lease | Job | Node) -> None:
        """Looks at ``what`` again at ``due_ms``; there is no way to take a timer back, it is ignored when stale."""
        self.timers.set(due_ms, what)

    def lots(self, job: Job) -> tuple[int, ...]:
        """(whether it is audited, where a device is looked for): numbers in 0..65535 that are fixed by the job and
        unknown to devices."""
        if job.lots is None:
            text = f"{job.task.name}\0{job.round}\0{job.index}".encode()
            job.lots = _LOTS.unpack_from(hashlib.sha256(self.secret + b"lots" + text).digest())
        return job.lots

    def nonce(self, lease: int) -> bytes:
        """Names one attempt: lease numbers never come again in the life of a journal, so nonces do not either.

        A hash is as long as four of them.
        """
        four, at = divmod(lease, 4)
        if four != self._nonces[0]:
            self._nonces = four, hashlib.sha512(self.secret + b"nonce" + four.to_bytes(8, "big")).digest()
        return self._nonces[1][16 * at:16 * at + 16]

    def kind_of(self, task: Task) -> KindFacts:
        """What is known of its kind, which may not be installed any more."""
        return self.kinds.get(task.kind, NO_KIND)

    def tell(self, task: Task, what: str, **detail: Any) -> None:
        """One transition, for those who follow a task."""
        task.events += 1
        self.turn.emit(PublishEvent(task.name, self.boot * EVENTS_PER_BOOT + task.events, what, detail))

    def keep_standing(self, node: Node) -> None:
        """What is known of a node outlives the process: it is kept once for each batch."""
        self.standings[node.name] = node

    def let_go(self, most: int) -> None:
        """Leases that are remembered know their jobs: without this they would live on in circles."""
        for job in self.leftover[-most:]:
            job.copies = []
        del self.leftover[-most:]

    def say_standings(self) -> None:
        for node in self.standings.values():
            self.turn.emit(KeepStanding(node.name, node.score, node.lies, node.quarantined_until, node.boot,
                                        node.conn, node.once))
        self.standings.clear()

    def recall(self, node: Node, row: StandingRow) -> None:
        """What journal and log know of a node: its standing, its numbers, the newest of its lives and connections."""
        node.stand(row, self.first_epoch)   # it may be known only now, while that is being sealed
        self.set_timer(node.quarantined_until, node)
        self.numbers.take(node.device, row.used)
        node.start(row.boot, row.conn, row.once)
        newest = self.numbers.highest(node.device) >> 32
        if newest > node.boot:
            node.start(newest)

    def remember_strangers(self, rows: Iterable[StandingRow]) -> None:
        """Of those that are not enrolled: of more than there is room for, those first that have most to answer for,
        or to get. What a receipt pays does not hang on it."""
        known = sorted(rows, reverse=True, key=lambda row: (row.quarantined_until > self.now_ms, row.pending_kop,
                                                            row.lies, row.score))
        self.strangers = {row.node: row for row in known[:self.policy.max_nodes]}
        self.counters["strangers_forgotten"] += max(0, len(known) - self.policy.max_nodes)

    def task_of(self, said: RoundYielded | TaskSolved | TaskBroke | SolverLost) -> Task | None:
        """The task that a solver speaks of; None where its id has another life by now."""
        task = self.tasks.get(said.task)
        return task if task is not None and task.life == said.life else None

    def find_work(self, node: str) -> None:
        """Asks for what a liar did; until the answer comes no task ends with a result."""
        self.searches += 1
        self.turn.emit(FindWork(node))

    def remember(self, lease: Lease) -> None:
        """Keeps a lease that is over and waits for no verdict, for duplicates of its result: a fixed number."""
        self.leases[lease.nonce] = lease
        self.ended[lease.nonce] = None
        if len(self.ended) > self.policy.remembered_leases:
            del self.leases[self.ended.popitem(last=False)[0]]
            self.counters["leases_forgotten"] += 1
