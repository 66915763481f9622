"""The core: events in, effects out. It awaits nothing, logs nothing, reads no clock and draws no dice.

``handle`` is the one public mutator. Effects come in an order that is safe to carry out as it stands: what
must be durable (``Keep*``) stands before what tells the outside; the caller commits all ``Keep*`` effects of
a batch before it releases any other.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from lamplighter.gateway.core import events as e
from lamplighter.gateway.core import here, judging, nodes, placement, replay, tasks
from lamplighter.gateway.core.effects import (
    Effect,
    KeepClock,
    KeepEnd,
    KeepEpoch,
    PublishResult,
    PublishStatus,
    SealEpoch,
    StartSolver,
)
from lamplighter.gateway.core.entities import UNKNOWN, Job, KindFacts, Lease, Node, Task
from lamplighter.gateway.core.lifecycle import Ended, TaskState, Where
from lamplighter.gateway.core.policy import Policy
from lamplighter.gateway.core.replay import lease_of
from lamplighter.gateway.core.snapshot import LeaseRow, Snapshot, TaskRow
from lamplighter.gateway.core.state import State
from lamplighter.gateway.protocol.verdicts import Verdict

PUBLISH_MS = 250
"""Statuses that changed are published at most this often."""
SLICE = 128
"""Timers that one event looks at: each may end a lease and find another device for its job."""
SEEN = 32
"""Tasks that one event looks at: each may ask of many devices what keeps them from its jobs."""
LET_GO = 512
"""Jobs of past rounds that are let go with one batch."""
CLOCK_MS = 5_000
"""The clock is kept this often while anything depends on it: what a start of the computer may add to a deadline."""


class Machine:
    """``secret`` (any bytes) must be the same after a restart; ``boot`` must rise with each. ``kinds`` are those that
    are installed, ``native`` says whether the gateway's own computer runs their kernels as machine code."""

    def __init__(self, policy: Policy, secret: bytes, kinds: Mapping[str, KindFacts], boot: int, net: bytes,
                 native: bool = False) -> None:
        self.state = State(policy, secret, kinds, boot, net, native)
        self._published_at = -PUBLISH_MS
        self._clock_kept_at = -CLOCK_MS
        self._more = False
        self._unseen: list[Task] = []
        """Tasks that are still to be looked at since statuses were published last."""
        self._handlers: dict[type, Callable[[State, Any], object]] = {
            e.TaskSubmitted: tasks.on_submitted,
            e.TaskCancelled: tasks.on_cancelled,
            e.RoundYielded: tasks.on_round,
            e.TaskSolved: tasks.on_solved,
            e.TaskBroke: tasks.on_broke,
            e.SolverLost: replay.on_lost,
            e.AnswerChecked: judging.on_checked,
            e.Recomputed: _on_recomputed,
            e.RoundRecalled: replay.on_recalled,
            e.WorkFound: _on_work_found,
            e.KernelsCompiled: nodes.on_kernels,
            e.NodeEnrolled: nodes.on_enrolled,
            e.NodeRevoked: nodes.on_revoked,
            e.NodeBorn: nodes.on_born,
            e.NodeBid: nodes.on_bid,
            e.NodeStatusChanged: nodes.on_status,
            e.NodeMuted: nodes.on_muted,
            e.ResultArrived: judging.on_result,
            e.LeaseRefused: nodes.on_refused,
            e.LeaseAccepted: nodes.on_accepted,
            e.BlobWanted: nodes.on_wanted,
            e.DeviceMisbehaved: _on_misbehaved,
            e.DeviceIsNewer: _on_newer,
            e.BrokerLost: nodes.on_broker_lost,
            e.BrokerFound: nodes.on_broker_found,
            e.Ticked: self._on_tick,
            e.BatchTaken: _on_batch_taken,
            e.EpochEnded: _on_epoch_ended,
            e.LogRead: _on_log_read,
            e.EpochSealed: _on_epoch_sealed,
        }

    def handle(self, event: e.Event, now_ms: int) -> list[Effect]:
        """What to do about ``event``, which happened at ``now_ms`` of a monotonic clock.

        Raises IllegalMove on a bug of ours only; whatever peers send is counted or judged.
        """
        turn = self.state.begin(type(event), now_ms)
        self._handlers[type(event)](self.state, event)
        return turn.effects

    @property
    def next_due_ms(self) -> int:
        """When ``Ticked`` is wanted at the latest."""
        due, first = self._published_at + PUBLISH_MS, self.state.timers.first_ms
        return due if first is None else min(due, first)

    @property
    def busy(self) -> bool:
        """Whether ``Ticked`` is wanted at once: the last one has done as much as one event may."""
        return self._more or bool(self.state.leftover)

    def hurries(self) -> bool:
        """Whether a device, or the gateway's own computer, waits for what was handled since the last call."""
        hurry, self.state.hurry = self.state.hurry, False
        return hurry

    def _on_tick(self, state: State, _event: e.Ticked) -> None:
        for what in state.timers.due(state.now_ms, SLICE):
            if isinstance(what, Node):
                nodes.on_clock(state, what)
            else:
                placement.on_clock(state, what)
        if not self._unseen and state.now_ms - self._published_at >= PUBLISH_MS:
            self._published_at = state.now_ms
            self._keep_clock(state)
            placement.sound(state)
            placement.wake(state)
            self._unseen = [task for task in state.tasks.values() if not task.over]
        now, self._unseen = self._unseen[:SEEN], self._unseen[SEEN:]
        for task in now:
            _look_at(state, task)
        first = state.timers.first_ms
        self._more = bool(self._unseen) or (first is not None and first <= state.now_ms)

    def _keep_clock(self, state: State) -> None:
        waited_for = any(not task.over for task in state.tasks.values()) or any(
            state.now_ms < node.quarantined_until for node in state.nodes.values())
        if waited_for and state.now_ms - self._clock_kept_at >= CLOCK_MS:
            self._clock_kept_at = state.now_ms
            state.turn.emit(KeepClock(state.now_ms))

    def restore(self, snapshot: Snapshot, now_ms: int) -> list[Effect]:
        """Rebuilds the state that the journal kept, before any event. Devices must be enrolled already.

        ``now_ms`` is not before ``snapshot.clock_ms``: deadlines, quarantines and report clocks go on; the
        solver of each unfinished task is replayed from its recorded answers.
        """
        state = self.state
        turn = state.begin(Snapshot, max(now_ms, snapshot.clock_ms))
        state.began_ms = state.now_ms
        state.next_lease = state.first_lease = snapshot.next_lease
        state.epoch = state.first_epoch = snapshot.epoch
        for row in snapshot.standing:
            node = state.nodes.get(row.node)
            if node is not None:
                state.recall(node, row)
            if state.now_ms < row.quarantined_until:
                if node is not None:
                    state.set_timer(row.quarantined_until, node)
                state.find_work(row.node)   # what the last life had not checked again yet
        state.remember_strangers(row for row in snapshot.standing if row.node not in state.nodes)
        for task_row in snapshot.tasks:
            self._restore_task(task_row)
        for name, who, leases, done in snapshot.shares:
            state.tasks[name].copies += leases
            if done:
                state.tasks[name].devices[who] = done
        for lease in snapshot.leases:
            self._restore_lease(lease)
        for task in state.tasks.values():
            if task.over:
                state.turn.emit(PublishStatus(task.name, tasks.status(task)))
                state.turn.emit(PublishResult(task.name, task.result))
            else:
                if task.life:
                    state.turn.emit(PublishResult(task.name, b""))   # that it was cancelled is history
                state.turn.emit(StartSolver(task.name, task.kind, task.body, task.life))
        return turn.effects

    def _restore_task(self, row: TaskRow) -> None:
        task = Task(row.task, row.kind, row.body, row.priority, row.deadline_ms, row.submitted_at_ms, row.started_ms,
                    row.by, row.life, row.where)
        task.here = here.recalled(row)
        task.rate_at = self.state.now_ms
        task.run, task.rounds, task.audited, task.setback = row.run, row.rounds, row.audited, row.setback
        task.expected, task.kept = row.expected, (row.all_jobs - row.round_jobs + row.answered, row.all_jobs)
        if row.rounds:
            task.advance(row.rounds - 1, row.answered, row.round_jobs)
        if row.state:
            task.state, task.result = TaskState(row.state), row.result
            if row.totals:   # else it ended under a version that did not keep them
                tasks.recall_totals(task, row.totals)
        self.state.tasks[row.task] = task

    def _restore_lease(self, row: LeaseRow) -> None:
        state = self.state
        task = state.tasks.get(row.task)
        node = state.nodes.get(row.node)
        if task is None:
            return
        lease = lease_of(Job(task, row.round, row.job_index, UNKNOWN), row)
        state.leases[row.nonce] = lease
        if not row.ended and node is not None and not node.revoked:
            placement.take_back(state, node, lease)
            return
        if not row.ended:   # the device was revoked, or the registry does not know it any more
            lease.move(Where.SENT, state.turn.moment)
            lease.end(Ended.EXPIRED, state.turn.moment)
            state.turn.emit(KeepEnd(row.lease, lease.ended.word))
        if lease.verdict is not Verdict.PENDING or lease.ended is not Ended.DONE:
            state.remember(lease)


def _look_at(state: State, task: Task) -> None:
    if not task.over:
        tasks.check_deadline(state, task)
    if not task.over:
        here.look(state, task)
        tasks.measure(state, task)
        if task.dirty or task.waits != tasks.waits_for(state, task):
            tasks.publish_status(state, task)


def _on_batch_taken(state: State, _event: e.BatchTaken) -> None:
    placement.fill_touched(state)
    here.work(state)
    state.say_standings()
    state.let_go(LET_GO)


def _on_recomputed(state: State, event: e.Recomputed) -> None:
    if not judging.on_recomputed(state, event):
        tasks.fail(state, state.tasks[event.task], "kernel_failed",
                   f"the kernel raised on job {event.index} of round {event.round} on the gateway itself", "kind")


def _on_work_found(state: State, event: e.WorkFound) -> None:
    state.searches -= 1
    replay.on_work_found(state, event)
    for task in list(state.tasks.values()):
        if task.solved is not None and not state.searches:
            tasks.on_solved(state, task.solved)


def _on_misbehaved(state: State, event: e.DeviceMisbehaved) -> None:
    state.counters["misbehaved_" + event.reason] += 1


def _on_newer(state: State, event: e.DeviceIsNewer) -> None:
    state.counters["unknown_" + event.what] += event.times


def _on_epoch_ended(state: State, event: e.EpochEnded) -> None:
    sealed = state.epoch
    state.epoch += 1
    for nonce in [nonce for nonce in state.ended if _forgotten(state.leases[nonce])]:
        del state.ended[nonce], state.leases[nonce]
    state.turn.emit(KeepEpoch(state.epoch))
    state.turn.emit(SealEpoch(sealed, event.ref))


def _forgotten(lease: Lease) -> bool:
    """Whether the journal lets a lease go with its epoch: no result came, and its task is over.

    One that comes now names no lease any more; to acknowledge it as late would be a promise to keep it.
    """
    return lease.job.task.over and not lease.seq


def _on_log_read(state: State, event: e.LogRead) -> None:
    state.settled, state.numbers = event.settled, event.numbers


def _on_epoch_sealed(state: State, event: e.EpochSealed) -> None:
    """Settlement has the last word: what was pending is not any more, and a verdict that it lowered is lower here."""
    state.counters["epochs_sealed"] += len(event.epochs)
    state.settled = event.settled
    for node in state.nodes.values():
        for epoch in event.epochs:
            node.pending.pop(epoch, None)
    state.strangers = {name: row._replace(pending_kop=0) for name, row in state.strangers.items()}
    for nonce, verdict in event.lowered:
        state.counters["lowered_" + verdict] += 1
        lease = state.leases.get(nonce)
        if lease is not None:
            lease.judge(verdict, state.turn.moment)
