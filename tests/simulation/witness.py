"""Follows what the machine is told, event by event, and checks what it answers before any of it is committed."""

from __future__ import annotations

import heapq
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, Any, ClassVar

from lamplighter.firmware.mac import MAC_BYTES
from lamplighter.firmware.wire import LEASE_BYTES, RECEIPT_BYTES
from lamplighter.gateway.core import effects as f
from lamplighter.gateway.core import events as e
from tests.simulation import kind
from tests.simulation.journal import JobKey, Journal

if TYPE_CHECKING:
    from tests.simulation.world import World

SAID = frozenset((e.NodeBorn, e.NodeBid, e.NodeStatusChanged))
"""What a device says of itself."""
COUNTED = frozenset((e.DeviceIsNewer, e.DeviceMisbehaved))
"""What is counted and no more."""
SLACK_MS = 400
"""How much later than its clock a lease may end: one tick, and the queue before it."""


class Broken(Exception):
    """An invariant of RELIABILITY does not hold."""


def need(holds: bool, invariant: int, about: object, what: str) -> None:
    """Raises Broken unless ``holds``; the text is made only then, for this runs at every effect."""
    if not holds:
        raise Broken(f"invariant {invariant}: {about} {what}")


def spans_of(jobs: Sequence[e.JobSpec], cuts: bytes) -> list[list[int]]:
    """Which jobs are leased together: those of equal contexts stand together, and are cut as it was kept."""
    if not cuts:
        return [[at] for at in range(len(jobs))]
    seen = list(dict.fromkeys(job.contexts for job in jobs))
    places = iter(sorted(range(len(jobs)), key=lambda at: seen.index(jobs[at].contexts)))
    spans = [[next(places) for _ in range(count)] for count in cuts]
    need(not list(places), 2, cuts, "leaves jobs out")
    return spans


class Witness:
    """What one life of the gateway knows of its devices, and the jobs with their right answers, which it does not."""

    def __init__(self, world: World, journal: Journal) -> None:
        self.world, self.journal, self.clock = world, journal, world.clock
        self.jobs: dict[JobKey, list[e.JobSpec]] = {}
        """The jobs that each lease is for, more than one where they are a span."""
        self.spans: dict[tuple[str, int], list[list[int]]] = {}
        """Of each round: which of the jobs that its solver yielded are leased together."""
        self.truth: dict[JobKey, bytes] = {}
        self.misfits: set[tuple[JobKey, int]] = set()
        """What the gateway was asked to compute when no device could hold it, by run."""
        self.yielded: dict[str, e.RoundYielded] = {}
        """What the solver of each task said last."""
        self.releases: dict[tuple[str, int], kind.Release] = {}
        """Under which release each round was begun."""
        self.under: dict[str, kind.Release] = {}
        """Under which release each task goes on: how it is split is its worker's, its kernel is the gateway's."""
        self.given: dict[int, int] = {}
        """Until when a lease may be open whose device had no chance to be heard."""
        self.ends: dict[int, tuple[type, int]] = {}
        """By what event each lease ended without a result, and when."""
        self.lives: dict[str, int] = {}
        """The newest boot of which each device was ever heard."""
        self.restarts: list[int] = []
        """When gateway or broker came back."""
        self.clocks: list[tuple[int, int]] = []
        """(when it must be over, lease), a heap."""
        self.restarted()

    def restarted(self) -> None:
        """Only the journal is left. Report clocks go on; see ``_given_time``."""
        self.rooms: dict[str, int] = {}
        self.began = self.clock.now
        self.heaps: dict[str, int] = {}
        self.messages: dict[str, int] = {}
        """What each device has said last of its memory."""
        self.whole = {(name, number): here for name, task in self.journal.tasks.items()
                      for number, (_, _, here) in enumerate(task.rounds)}
        """Why the gateway computes a round, also where that is yet to be committed."""
        self.can: dict[str, tuple[str, ...]] = {}
        """What the firmware of each device understands, as it was last heard."""
        self.owners: dict[str, str] = {}
        self.newest: dict[tuple[str, type], e.At] = {}
        """What each device has said last, by the kind of its message."""
        self.starts: dict[str, int] = {node: known[3] for node, known in self.journal.standing.items()}
        """The newest of each device that a life has heard of."""
        self.connections = {node: known[3:] for node, known in self.journal.standing.items()}
        """(start, connection), the newest of each device that an earlier life has kept."""
        self.heirs: dict[str, str] = {}
        self.revoked: set[str] = set()
        self.recomputed: dict[JobKey, dict[int, bytes | None]] = {}
        """By run."""
        self.whose: dict[int, dict[str, set[str]]] = {}
        """By lease, until that is committed: the owners of all nodes when it was made."""
        self.said: list[f.Effect] = []
        """What the batch that is being taken has led to: the pump does not hold it yet."""
        self.open_since: dict[str, int] = {}
        """When a round of a task was last recalled."""
        self.held: dict[str, set[int]] = {}
        self.holder: dict[int, str] = {}
        for number, record in self.journal.leases.items():
            if record.ended == "":
                self._hold(number, record.kept.node)
        self.clocks = [(self.clock.now, number) for number in self.holder]
        self.earlier = set(self.holder)
        """Leases of earlier lives."""
        self.deaf = False
        self.restarts.append(self.clock.now)
        self.restored = False
        self.replays: list[e.Event] = []
        self.moved = True
        """Whether anything but replays was taken since the last batch ended."""

    def _hold(self, lease: int, node: str) -> None:
        self.holder[lease] = node
        self.held.setdefault(node, set()).add(lease)

    def handled(self, event: e.Event | None, made: Sequence[f.Effect]) -> None:
        """An event and the answer to it, or None and what a restart says."""
        kind_ = type(event)
        before = self._before.get(kind_)
        if before:
            before(self, event, made)
        self.said += made
        if kind_ is e.BatchTaken:
            self._of_batch(made)
            self.said.clear()
        elif kind_ in SAID and not self.fresh:
            self.replays.append(event)
        elif kind_ not in COUNTED:
            self.moved = True
        new, here = b"", 0
        for effect in made:
            about = type(effect)
            if about is f.KeepRound:
                self.whole[effect.task, effect.round] = effect.here
            elif about is f.Recompute and kind_ is e.BatchTaken:
                self._computes_here(effect)
                here += 1
            if about is f.KeepLease:
                new = effect.nonce   # it is sent next; others are sent again
                self._leased(effect)
                self.whose[effect.lease] = {node: self.both(node) for node in self.owners}
            elif about is f.SendLease:
                knows = not effect.span or effect.nonce != new or "span" in self.can.get(effect.node, ())
                need(knows, 9, effect, "is a span for firmware that knows none")
            elif about is f.KeepEnd or about is f.KeepReceipt:
                if about is f.KeepEnd:
                    self.ends[effect.lease] = (self._cause(event), self.clock.now)
                node = self.holder.pop(effect.lease, None)
                if node is not None:
                    self.held[node].discard(effect.lease)
        need(here <= self.world.policy.max_here, 18, made, "asks for too much at once")
        if event is None:
            self.restored = True
            self._give_time(self.holder)
            self.world.owners.begun(self.owners)
            self._credits()
            need(not any(self.held.get(node) for node in self.revoked), 6, self.held, "has leases on revoked devices")
        after = self._after.get(kind_)
        if after:
            after(self, event)

    def _of_batch(self, made: Sequence[f.Effect]) -> None:
        """What a batch leads to is said at its end: nothing, where all of it was replays."""
        others = [effect for effect in made if type(effect) is not f.SendFloor]
        need(self.moved or not others, 8, (self.replays, others), "are replays, and yet did something")
        self.moved, self.replays = not self.restored, []

    def _cause(self, event: e.Event | None) -> type:
        """The kind of event that ended a lease; none for a start, and for the first that is heard after a reboot."""
        first = isinstance(event, tuple(SAID)) and event.at.boot > self.lives.get(event.node, 0)
        return type(None) if first else type(event)

    def _computes_here(self, x: f.Recompute) -> None:
        """What the gateway takes at the end of a batch is a round of its own, or what no device can hold."""
        task = self.world.gateway.machine.state.tasks[x.task]
        if self.whole[x.task, x.round]:
            return
        there = self.owners.keys() - self.revoked
        heard, early = there & self.heaps.keys(), self.clock.now - self.began < self.world.policy.return_ms
        need(task.where == "auto", 21, x, "is for devices")
        need(heard and not (early and there - heard), 21, x, "may be for a device that is not back yet")
        able = [node for node in heard if self._holds(node, x.job)]
        need(not able, 21, (x, able), "could be held by a device")
        self.misfits.add(((x.task, x.round, x.index), x.run))

    def _holds(self, node: str, job: e.JobSpec) -> bool:
        lease = LEASE_BYTES + MAC_BYTES + 16 * len(job.contexts) + len(job.input)
        result = RECEIPT_BYTES + MAC_BYTES + job.answer_bytes if job.items else 0
        return (max(lease, result) <= self.messages[node] and job.heap_bytes <= self.heaps[node]
                and (not job.items or "span" in self.can.get(node, ())))

    def _leased(self, x: Any) -> None:
        held = self.held.get(x.node, ())
        need(x.node not in self.revoked | self.world.out, 6, x, "goes to a revoked device")
        need(x.owner == self.owners.get(x.node), 6, x, "names another owner")
        room = min(self.rooms.get(x.node, 0), self.world.policy.max_open)
        need(len(held) < room, 11, x, "is more than the device has room for")
        self._hold(x.lease, x.node)

    def both(self, node: str) -> set[str]:
        """Whose it is, and whose it will be when the epoch ends: they count as one."""
        return {self.owners.get(node, ""), self.heirs.get(node, "")} - {""}

    def sent(self, lease: int, report_by_ms: int) -> None:
        """A lease has left: from now on its clock runs."""
        heapq.heappush(self.clocks, (self.clock.now + report_by_ms, lease))

    # Events, before their effects

    def _misbehaved(self, event: e.DeviceMisbehaved, made: Sequence[f.Effect]) -> None:
        need(not made, 8, (event, made), "bytes that nobody may send led to effects")

    def _said(self, event: Any, made: Sequence[f.Effect]) -> None:
        """What is not newer than what was heard, or counts numbers again, leads to word of its numbers at most."""
        node, at, key = event.node, event.at, (event.node, type(event))
        self.fresh = False
        if node in self.owners:
            conn = max((then[:2] for (who, _), then in self.newest.items() if who == node), default=(0, 0))
            conn = max(conn, self.connections.get(node, conn))
            self.fresh = at.boot >= self.starts.get(node, 0) and at[:2] >= conn and at > self.newest.get(key, (0,))
            if type(event) is e.NodeBorn and event.state:
                self.fresh = False
        others = [effect for effect in made if type(effect) is not f.SendFloor]
        need(self.fresh or not others, 8, (event, others), "is a replay, and yet did something")
        ended = {effect.lease for effect in made if type(effect) is f.KeepEnd} & self.earlier
        need(not ended or at.boot > self.starts.get(node, 0), 8, (event, ended), "ends leases of an earlier life")

    def _muted(self, event: e.NodeMuted, made: Sequence[f.Effect]) -> None:
        need(event.node in self.world.flooders, 17, event, "mutes a device that has not flooded")

    def _bid(self, event: e.NodeBid, made: Sequence[f.Effect]) -> None:
        self._said(event, made)
        if self.fresh:
            self.rooms[event.node] = event.room
            if event.node in self.heaps:
                self.heaps[event.node] = event.heap

    def _enrolled(self, event: e.NodeEnrolled, made: Sequence[f.Effect]) -> None:
        self.revoked.discard(event.node)
        self.owners[event.node] = event.owner
        self.heirs[event.node] = event.next_owner

    def _was_revoked(self, event: e.NodeRevoked, made: Sequence[f.Effect]) -> None:
        self.revoked.add(event.node)

    def _was_recomputed(self, event: e.Recomputed, made: Sequence[f.Effect]) -> None:
        self.recomputed.setdefault((event.task, event.round, event.index), {})[event.run] = event.answer

    def _round(self, event: e.RoundYielded, made: Sequence[f.Effect]) -> None:
        self.yielded[event.task] = event
        self._said_by(event.task)
        if self.fits(event.task, event.round):
            for index, places in enumerate(self.spans[event.task, event.round]):
                key = (event.task, event.round, index)
                again = [event.jobs[place] for place in places]
                need(self.jobs[key] == again, 7, key, "is another job after a restart")

    def _was_solved(self, event: e.TaskSolved, made: Sequence[f.Effect]) -> None:
        self._said_by(event.task)

    def _said_by(self, task: str) -> None:
        """What the solver says now follows from the release that it runs under."""
        gateway = self.world.gateway
        kernel = gateway.release.kernel if self.journal.tasks[task].kept.kind in kind.GOOD else ""
        self.under[task] = gateway.solves[task]._replace(kernel=kernel)   # others have one kernel for ever

    def fits(self, task: str, round_: int) -> bool:
        """Whether a round was begun under what its task goes on under, so that its answers count."""
        begun = self.releases.get((task, round_))
        return begun is not None and self.under[task].answers_like(begun)

    def begun(self, x: f.KeepRound) -> None:
        """A round is begun: as its solver has just said."""
        release = self.releases[x.task, x.round] = self.under[x.task]
        kernel = kind.kernel_of(self.journal.tasks[x.task].kept.kind, release)
        yielded = self.yielded[x.task].jobs
        self.spans[x.task, x.round] = spans_of(yielded, x.cuts)
        for index, places in enumerate(self.spans[x.task, x.round]):
            key = (x.task, x.round, index)
            jobs = self.jobs[key] = [yielded[place] for place in places]
            need(len({job.contexts for job in jobs}) == 1, 2, key, "is a span of jobs with different contexts")
            self.truth[key] = b"".join(kind.answer_of(kernel, job.input, job.answer_bytes) for job in jobs)
        need(len(yielded) == x.jobs, 2, x, "is of other jobs")

    def price(self, key: JobKey) -> int:
        """Of one lease of a job, or of a span."""
        return sum(job.price_kop for job in self.jobs[key])

    def advances(self, x: f.AdvanceSolver) -> list[bytes]:
        """The answers that its solver is told, put together as they were leased."""
        spans = self.spans[x.task, x.round]
        need(len(x.answers) == sum(map(len, spans)), 7, x, "goes on with other answers than were asked for")
        return [b"".join(x.answers[place] for place in places) for places in spans]

    # Events, after their effects

    def _nothing_held(self, event: Any) -> None:
        held = self.held.get(event.node) if event.node in self.owners else None
        need(not held, 6, (event, held), "leaves leases on a device that is gone")

    def _gone(self, event: e.NodeRevoked) -> None:
        if self.restored:   # else its leases are yet to be read
            self._nothing_held(event)

    def _heard(self, event: Any) -> None:
        if self.fresh:
            known = self.starts.get(event.node, -1)
            again = event.at.boot > known != 0   # of an aged journal: no start is known
            self.starts[event.node] = event.at.boot
            self.newest[event.node, type(event)] = event.at
            if type(event) is e.NodeBorn:
                self.can[event.node] = event.can
                self.heaps[event.node], self.messages[event.node] = event.heap, event.message
            self.lives[event.node] = max(event.at.boot, self.lives.get(event.node, 0))
            gone = type(event) is e.NodeStatusChanged and event.state == "lost"
            held = self.held.get(event.node, set()) - (set() if again else self.earlier)
            need(not held or not (again or gone), 6, (event, held), "leaves leases on a device that is gone")

    def _recalled(self, event: e.RoundRecalled) -> None:
        self.open_since[event.task] = self.clock.now
        for lease in self.holder:
            record = self.journal.leases.get(lease)   # or it is being leased just now
            if record and record.kept.task == event.task:
                self._give(lease, self.world.policy.ack_by_ms)

    def _lost(self, event: e.BrokerLost) -> None:
        self.deaf = True

    def _found(self, event: e.BrokerFound) -> None:
        self.deaf = False
        self.restarts.append(self.clock.now)
        self._give_time(self.holder)

    def _arrived(self, event: e.ResultArrived) -> None:
        """One that came before its round was replayed comes again."""
        record = self.journal.by_nonce.get(event.receipt.nonce)
        if record and record.kept.lease in self.holder and record.kept.node == event.node:
            self._give_time([record.kept.lease])

    def _give_time(self, leases: Iterable[int]) -> None:
        for lease in leases:
            self._give(lease, self.world.policy.return_ms)
            base = self.world.gateway._base
            if lease in self.journal.leases:
                self._give(lease, self.journal.leases[lease].kept.report_by + base - self.clock.now)

    def _give(self, lease: int, ms: int) -> None:
        self.given[lease] = max(self.given.get(lease, 0), self.clock.now + ms)

    def _sealed(self, event: e.EpochSealed) -> None:
        self._credits()

    def _credits(self) -> None:
        """What is shown as settled is what was paid, what is shown as pending is judged and not sealed, also where
        its commit still waits for others, or the seal and what it was judged by came in one batch."""
        state, held = self.world.gateway.machine.state, [*self.world.gateway.shell.pump.held, *self.said]
        settled, pending = Counter[str](), Counter[str]()
        begun = {number: record.kept for number, record in self.journal.leases.items()}
        begun |= {kept.lease: kept for kept in held if isinstance(kept, f.KeepLease)}
        judged = {number: (record.verdict, record.epoch) for number, record in self.journal.leases.items()}
        judged |= {kept.lease: (kept.verdict, kept.epoch) for kept in held if isinstance(kept, f.KeepVerdict)}
        for number, (verdict, epoch) in judged.items():
            if verdict == "ok":
                due = settled if epoch in self.journal.sealed else pending
                due[begun[number].node] += begun[number].price_kop
        shown = Counter[str]()
        for (_, node), credits in state.settled.items():
            shown[node] += credits
        need(shown == settled, 15, (shown, settled), "are not the sums that were paid")
        for node in state.nodes.values():
            told = sum(node.pending.values())
            need(told == pending[node.name], 15, (node.name, told), "is not what waits for a seal")

    def _ticked(self, event: e.Ticked) -> None:
        while self.clocks and self.clocks[0][0] + SLACK_MS < self.clock.now:
            lease = heapq.heappop(self.clocks)[1]
            task = self.world.gateway.machine.state.tasks.get(self.journal.leases[lease].kept.task)
            if lease in self.holder and (self.deaf or (task and task.replaying)):
                self._give(lease, self.world.policy.ack_by_ms)
            if lease in self.holder and self.given.get(lease, 0) + SLACK_MS > self.clock.now:
                heapq.heappush(self.clocks, (self.given[lease], lease))
            elif lease in self.holder:
                raise Broken(f"liveness: lease {lease} is open after its clock")

    _before: ClassVar[dict[type, Callable[..., None]]] = {
        e.DeviceMisbehaved: _misbehaved, e.NodeMuted: _muted, e.NodeBid: _bid, e.NodeBorn: _said,
        e.NodeStatusChanged: _said, e.NodeEnrolled: _enrolled, e.NodeRevoked: _was_revoked,
        e.Recomputed: _was_recomputed, e.RoundYielded: _round, e.TaskSolved: _was_solved,
    }
    _after: ClassVar[dict[type, Callable[..., None]]] = {
        e.NodeRevoked: _gone, e.NodeStatusChanged: _heard, e.NodeBorn: _heard, e.NodeBid: _heard,
        e.RoundRecalled: _recalled, e.Ticked: _ticked, e.BrokerLost: _lost, e.BrokerFound: _found,
        e.ResultArrived: _arrived,
        e.EpochSealed: _sealed,
    }
