"""What may run where: the one rule. Placement, prices, waiting tasks and the lists of devices ask it.

It is asked for every job that is looked at, so its reasons are words of ``lifecycle.Why`` and nothing is made of
them before somebody wants to read them. Of several reasons the first counts: those of the device before those that
it has for one job.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from itertools import chain, islice

from lamplighter.firmware.mac import MAC_BYTES
from lamplighter.firmware.wire import LEASE_BYTES, RECEIPT_BYTES
from lamplighter.gateway.core.entities import UNBORN, UNKNOWN, Job, Lease, Node, Task
from lamplighter.gateway.core.events import JobSpec
from lamplighter.gateway.core.lifecycle import Phase, Why
from lamplighter.gateway.core.state import State

(REVOKED, AWAY, NO_BID, NO_ROOM, FULL, QUARANTINE, MUTED, BACKOFF, NO_KERNELS, NO_KERNEL, NO_SPANS, HEAP, MESSAGE,
 NO_HEAP, OWNER, DECLINED, BACKLOG, DEADLINE) = Why   # as attributes of it they would cost as much as the checks
SPANS = "span"
"""A device says in its birth that it takes several jobs under one lease."""
LOOKS = 256
"""Devices that are looked at for one job, or of which a waiting task says what keeps each: bounds the work of one
tick."""
SAMPLE = 8
"""Waiting jobs that a list of devices is compared with."""
BUSY = (FULL, BACKLOG, BACKOFF)
"""Reasons of a device that has other work, or is left alone for a moment: it will have the job after that."""


def why_not(state: State, node: Node, job: Job) -> Why | None:
    """Why this device may not have this job now; None where it may."""
    return why_no_work(state, node) or why_not_this(state, node, job)


def why_no_work(state: State, node: Node) -> Why | None:
    """Why a device may not be given a lease now, whatever the job; None where it may."""
    if not node.online:
        return REVOKED if node.revoked else AWAY
    if node.revoked:   # it was heard of once more while its keys were taken away
        return REVOKED
    if not node.bid:
        return NO_BID
    held = len(node.open)
    if held >= node.room:
        return FULL if held else NO_ROOM
    if node.ahead_ms > state.policy.backlog_ms and (held > 1 or not state.deep):
        return BACKLOG
    now_ms, most = state.now_ms, state.policy.max_open
    if (held >= most or now_ms < node.backoff_until or now_ms < node.quarantined_until
            or now_ms < node.muted_until):
        return _kept_back(state, node)
    return None if node.arch in state.kernels else NO_KERNELS


def may_have_it_later(state: State, node: Node, job: Job) -> bool:
    """Whether a device may have this job now, or will when it has done what it holds."""
    reason = why_no_work(state, node)
    return (reason is None or reason in BUSY) and node.arch in state.kernels and not why_not_this(state, node, job)


def _kept_back(state: State, node: Node) -> Why:
    """Which of the rarer reasons it is, the weightiest first."""
    if state.now_ms < node.quarantined_until:
        return QUARANTINE
    if state.now_ms < node.muted_until:
        return MUTED
    return BACKOFF if state.now_ms < node.backoff_until else FULL


def why_not_this(state: State, node: Node, job: Job) -> Why | None:
    """Why a device that wants work may not have this job: kernel, heap, message, owner, time. It has been born."""
    kind, spec = job.task.kind, job.spec
    too_much = _cannot_hold(state, node, kind, spec)
    if too_much:
        return too_much
    if kind in node.no_heap:
        least, until = node.no_heap[kind]
        if state.now_ms < until and spec.heap_bytes >= least:
            return NO_HEAP
    for copy in job.copies:
        if same_owner(state, copy, node):
            return OWNER
    refused = job.refused
    if node.name in refused and state.now_ms < refused[node.name] and len(state.hungry) > len(refused):
        return DECLINED
    return None if state.now_ms + expected_ms(node, job) < job.task.deadline_at else DEADLINE


def _cannot_hold(state: State, node: Node, kind: str, spec: JobSpec) -> Why | None:
    """Why such a job is too much for a device at any time, as far as it has said."""
    if kind not in state.kernels[node.claimed]:
        return NO_KERNEL
    if spec.items and not _takes_spans(node, spec):
        return MESSAGE if SPANS in node.can else NO_SPANS
    if spec.heap_bytes > node.heap:
        return HEAP
    if LEASE_BYTES + MAC_BYTES + 16 * len(spec.contexts) + len(spec.input) > node.message:
        return MESSAGE
    return None


def may_be_held(state: State, job: Job) -> bool:
    """Whether a device could hold this job, be it away now. For a while after a start those that were not heard of
    yet may come back; where nobody has been, nobody knows."""
    early, heard = state.now_ms < state.began_ms + state.policy.return_ms, False
    for node in state.nodes.values():
        if node.revoked:
            continue
        if node.claimed == UNBORN:
            if early:
                return True
            continue
        heard = True
        if node.claimed not in state.kernels or not _cannot_hold(state, node, job.task.kind, job.spec):
            return True
    return not heard


def _takes_spans(node: Node, spec: JobSpec) -> bool:
    """Whether it knows what a span is, and its answer fits a message of its own."""
    return SPANS in node.can and RECEIPT_BYTES + MAC_BYTES + spec.answer_bytes <= node.message


def same_owner(state: State, copy: Lease, node: Node) -> bool:
    """Whether a copy and a node count as one owner's.

    A copy is of whoever owned its device when it was leased, and of all to whom that belongs now or will at the end
    of the epoch.
    """
    device = state.nodes.get(copy.node)
    return node.belongs_to(copy.owner) or (
        device is not None and (node.belongs_to(device.owner) or node.belongs_to(device.next_owner)))


def expected_ms(node: Node, job: Job) -> int:
    """Time from lease to result on an idle node: measured where the node has done this kind, else by its bid."""
    pace_us = node.pace.get(job.task.kind)
    if pace_us is None:
        pace_us = bid_pace(node)
    return pace_us * job.spec.price_kop // 1_000 + 1


def bid_pace(node: Node) -> int:
    """Microseconds per credit, from lease to result, by what a node says of its speed and its spare share."""
    return 1_000_000 * 1_000 // (max(node.speed, 1) * max(node.spare, 50))


def hypothetical(state: State, kind: str, specs: Sequence[JobSpec]) -> Job:
    """A job as demanding as the most demanding of ``specs`` in each way, of a task submitted now with a day to go."""
    largest = max(specs, key=lambda spec: 16 * len(spec.contexts) + len(spec.input), default=UNKNOWN)
    needs = JobSpec(largest.input, largest.contexts, largest.answer_bytes,
                    max((spec.price_kop for spec in specs), default=0),
                    max((spec.heap_bytes for spec in specs), default=0))
    return Job(Task("", kind, b"", 0, 86_400_000, 0, state.now_ms), 0, 0, needs)


def waiting_jobs(state: State) -> list[Job]:
    """A few jobs that wait for a device: of each task one without a copy, and two that wait for another owner's."""
    return list(islice(chain.from_iterable(map(first_waiting, state.turns)), SAMPLE))


def first_waiting(task: Task) -> Iterable[Job]:
    """One that waits for a first copy, and two that wait for another's."""
    for queue in (task.round.fresh, *islice(task.round.second.values(), 2)):
        yield from islice((job for job in queue if job.phase is Phase.READY), 1)


def why_idle(state: State, node: Node, waiting: Sequence[Job]) -> Why | None:
    """Why a device gets none of ``waiting``; None where it may have one of them, or would if there were any."""
    reason = why_no_work(state, node)
    if reason or not waiting:
        return reason
    reasons = [why_not_this(state, node, job) for job in waiting]
    return None if None in reasons else reasons[0]


def reasons_of_all(state: State, job: Job) -> tuple[Counter[Why | None], int]:
    """(how many devices have which reason not to get a job, most heap in bytes of those that have too little).

    Revoked devices do not count, and of those that want work only the first ``LOOKS``.
    """
    if state.turn.idle is None:
        there = [(why_no_work(state, node), node) for node in state.nodes.values() if not node.revoked]
        state.turn.idle = (Counter(reason for reason, _ in there if reason),
                           [node for reason, node in there if not reason][:LOOKS])
    away, wanting = state.turn.idle
    reasons = [(why_not_this(state, node, job), node.heap) for node in wanting]
    return (away + Counter(reason for reason, _ in reasons),
            max((heap for reason, heap in reasons if reason is HEAP), default=0))
