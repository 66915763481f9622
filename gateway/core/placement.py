"""Who gets which job: a node's bid against a job's needs, one open copy of a job at a time.

Work is looked for from both sides: ``fill`` gives a node what fits it, ``place`` finds a node for one job.
Both look at a bounded number of candidates, so the work of one event does not grow with the city.
"""

from __future__ import annotations

from collections import deque
from heapq import heapify, heappop, heappush
from itertools import chain, islice

from lamplighter.gateway.core.effects import KeepEnd, KeepLease, Recompute, SendLease
from lamplighter.gateway.core.entities import UNKNOWN, Job, Lease, Node, Task
from lamplighter.gateway.core.lifecycle import AUDIT, OUT, OVER, READY, RUNNING, SENT, Ended
from lamplighter.gateway.core.state import State
from lamplighter.gateway.core.whynot import (
    LOOKS,
    bid_pace,
    expected_ms,
    may_have_it_later,
    why_no_work,
    why_not,
    why_not_this,
)

WAKES = 16
"""Devices that want work and are offered it at every tick, so that none waits for its next bid to be looked at."""


def fill(state: State, node: Node) -> None:
    """Gives a node jobs until it is full or nothing fits: committed copies first, tasks in turn."""
    while not why_no_work(state, node):
        job = _next_job(state, node)
        if job is None:
            return
        _lease(state, node, job)
    state.hungry.pop(node.name, None)


def fill_touched(state: State) -> None:
    """The last step of every batch: nodes that now have room get work."""
    touched = state.touched
    while touched:
        fill(state, touched.popitem()[1])


def wake(state: State) -> None:
    """At every tick some nodes that want work look at it again, those first that have not for longest: a queue is
    searched a part at a time, and what kept them from a job may have passed."""
    if state.turns:
        for name in list(islice(state.hungry, WAKES)):
            node = state.hungry.pop(name)
            state.hungry[name] = state.touched[name] = node


def sound(state: State) -> None:
    """How deep the queues are. A device that has a lease ahead does not wait for a commit, so that results can share
    one; and at the end of a round nobody has more ahead than others have left."""
    left = state.workers.total()
    for task in state.turns:
        left -= task.round.unleased
        if left < 0:
            break
    state.deep = left < 0


def fill_all(state: State) -> None:
    """Those that hold least first: each gets one job, then one more."""
    order = [(len(node.open), at, node) for at, node in enumerate(state.hungry.values())]
    heapify(order)
    while order:
        held, at, node = heappop(order)
        if why_no_work(state, node):
            state.hungry.pop(node.name, None)
        elif job := _next_job(state, node):
            _lease(state, node, job)
            heappush(order, (held + 1, at, node))


def place(state: State, job: Job) -> None:
    """Finds a node for a job that has just become ready; where there is none, it waits in its queue."""
    hungry = state.hungry.values()
    start = state.lots(job)[1] % len(hungry) if len(hungry) > 1 else 0
    best: Node | None = None
    for node in chain(islice(hungry, start, start + 64), islice(hungry, min(start, 64))):
        if (best is None or len(node.open) < len(best.open)) and not why_not(state, node, job):
            best = node
            if not node.open:
                break
    if best is None:
        _queue(state, job)
    else:
        _lease(state, best, job)


def _queue(state: State, job: Job) -> None:
    state.turns.add(job.task)
    if job.copies:
        job.task.round.second.setdefault(job.copies[-1].owner, deque()).append(job)
        state.set_timer(state.now_ms + state.policy.quorum_wait_ms, job)
    else:
        job.task.round.fresh.append(job)


def _next_job(state: State, node: Node) -> Job | None:
    most = state.policy.scan
    looked, passed = state.turns.next(node, state.workers, most), []
    for task in looked:
        job = _take_second(state, node, task) or _take_fresh(state, node, task)
        if not task.round.waiting:
            state.turns.discard(task)
        elif job:
            state.turns.served(task)
        else:
            passed.append(task)
        if job:
            return job
    if len(looked) == most:   # there are more, which this node comes to when it looks again
        for task in passed:
            state.turns.served(task)
    return None


def _take_fresh(state: State, node: Node, task: Task) -> Job | None:
    job = _take(state, node, task.round.fresh, state.policy.scan)
    task.round.make(task, state.policy.scan)
    return job


def _take_second(state: State, node: Node, task: Task) -> Job | None:
    """From the queues of committed copies in turn, but that of the node's own owner."""
    second = task.round.second
    owners = list(islice(second, state.policy.scan))
    for owner in owners:
        queue = second.pop(owner)
        job = None if owner == node.owner else _take(state, node, queue, 1 + state.policy.scan // len(owners))
        if queue:
            second[owner] = queue
        if job:
            return job
    return None


def _take(state: State, node: Node, queue: deque[Job], most: int) -> Job | None:
    for _ in range(min(len(queue), most)):
        job = queue.popleft()
        if job.phase is not READY:
            continue   # the gateway itself has taken it meanwhile
        if not why_not_this(state, node, job):
            return job
        queue.append(job)
    return None


def _lease(state: State, node: Node, job: Job) -> None:
    task = job.task
    job.move(OUT, state.turn.moment)
    job.fence += 1
    number = state.next_lease
    state.next_lease = number + 1
    lease = Lease(number, job, node.name, node.owner, job.fence, state.nonce(number))
    lease.takes_ms = expected_ms(node, job)
    report_ms = report_clock(state, node, lease)
    state.turn.emit(KeepLease(number, task.name, job.round, job.index, job.fence, node.name, node.owner,
                              lease.nonce, lease.price_kop, state.now_ms + report_ms))
    state.hurry = state.hurry or node.ahead_ms < state.policy.window_ms
    watch(state, node, lease, report_ms)
    _send(state, node, lease)
    if node.kind != task.kind:
        state.workers[node.kind] -= 1
        node.kind = task.kind
        state.workers[node.kind] += 1
    task.copies += 1
    task.worked_until = state.now_ms
    state.counters["leases"] += 1


def watch(state: State, node: Node, lease: Lease, report_ms: int) -> None:
    """Starts both clocks of a lease that is on its way."""
    lease.move(SENT, state.turn.moment)
    lease.sent_at = state.now_ms
    lease.report_by = state.now_ms + report_ms
    state.leases[lease.nonce] = lease
    node.hold(lease)
    state.set_timer(state.now_ms + min(state.policy.ack_by_ms, report_ms), lease)


def _send(state: State, node: Node, lease: Lease) -> None:
    job = lease.job
    state.turn.emit(SendLease(node.name, lease.fence, lease.nonce, job.name, state.kernels[node.arch][job.task.kind],
                              state.epoch, state.policy.ack_by_ms, lease.report_by - state.now_ms, lease.price_kop,
                              job.spec.contexts, job.spec.input, bool(job.spec.items)))


def take_back(state: State, node: Node, lease: Lease) -> None:
    """A lease of before a restart: its device may be at work on it, or its result on the way."""
    lease.sent_at = state.now_ms
    state.leases[lease.nonce] = lease
    node.hold(lease)
    wait_for(state, lease)
    runs(state, lease)
    lease.again = True
    state.set_timer(lease.report_by, lease)


def runs(state: State, lease: Lease) -> None:
    """Its device has it, or is taken to have it: only the report clock counts."""
    lease.again = False
    if lease.where is not RUNNING:
        lease.move(RUNNING, state.turn.moment)


def wait_for(state: State, lease: Lease) -> None:
    """What a device sends for an open lease may have to be sent again: there is time for that."""
    lease.report_by = max(lease.report_by, state.now_ms + state.policy.return_ms)


def send_again(state: State, node: Node) -> None:
    """What a device may not have got, as soon as it says that it is there; it passes over what it has."""
    if not node.bid or not node.online:
        return
    kernels = state.kernels.get(node.arch, {})
    for lease in node.open.values():
        known = lease.job.spec is not UNKNOWN and lease.job.task.kind in kernels
        if lease.again and known and state.now_ms < lease.report_by:
            lease.again, state.hurry = False, True
            _send(state, node, lease)


def report_clock(state: State, node: Node, lease: Lease) -> int:
    """The report-by clock in ms: generous, since an honest slow device costs less than a lost one.

    It is not below what the device itself reckons by the speed that it bids, which knows nothing of machine code: it
    would decline.
    """
    own = (node.ahead_kop + lease.price_kop) * bid_pace(node) // 1_000
    ahead_ms = node.ahead_ms + lease.takes_ms
    return min(max(state.policy.report_floor_ms + 8 * ahead_ms, own + own // 4), state.policy.report_ceiling_ms)


def lost(state: State, lease: Lease, ended: Ended) -> None:
    """A lease ended without a result: the job is ready again, or the gateway runs it when it keeps failing."""
    lease.end(ended, state.turn.moment)
    state.turn.emit(KeepEnd(lease.number, ended.word))
    state.counters["leases_" + ended] += 1
    state.remember(lease)
    node = state.nodes[lease.node]
    node.drop(lease)
    may_have_room(state, node)
    job = lease.job
    if job.spec is UNKNOWN:
        return   # its round is still being replayed after a restart, and will find the job without a lease
    job.refused[lease.node] = state.now_ms + state.policy.declined_ms
    job.tries[ended] = job.tries.get(ended, 0) + 1
    limits = {Ended.EXPIRED: state.policy.max_expired, Ended.FAILED: state.policy.max_failed}
    if job.tries[ended] >= limits.get(ended, job.tries[ended] + 1):
        audit(state, job)
    else:
        ready_again(state, job)


def ready_again(state: State, job: Job) -> None:
    """Another copy is wanted, unless the one that there is cannot be right."""
    if job.possible is False:
        audit(state, job)
        return
    job.move(READY, state.turn.moment)
    place(state, job)


def audit(state: State, job: Job) -> None:
    """The gateway recomputes the job itself; what it finds decides."""
    state.counters["audits"] += 1
    recompute(state, job)


def recompute(state: State, job: Job) -> None:
    """The gateway's own computer is asked for it."""
    job.move(AUDIT, state.turn.moment)
    state.turn.emit(Recompute(job.task.name, job.task.kind, job.round, job.index, job.run, job.spec))


def may_have_room(state: State, node: Node) -> None:
    """Called after every change to what a node holds or says; it is filled once the event has been dealt with."""
    if not why_no_work(state, node):
        state.hungry[node.name] = state.touched[node.name] = node
    else:
        state.hungry.pop(node.name, None)


def on_clock(state: State, what: Lease | Job) -> None:
    """A timer fired: an unacknowledged or unreported lease expires, a copy without a partner is recomputed."""
    if isinstance(what, Job):
        jobs = what.task.round.jobs   # not its task's any more: the round is over, or is being replayed
        if what.phase is READY and what.copies and what.index < len(jobs) and jobs[what.index] is what:
            if any(may_have_it_later(state, node, what) for node in islice(state.nodes.values(), LOOKS)):
                state.set_timer(state.now_ms + state.policy.quorum_wait_ms, what)
            else:
                audit(state, what)
        return
    if what.where is OVER:
        return
    if what.job.spec is UNKNOWN or state.deaf:
        state.set_timer(state.now_ms + state.policy.ack_by_ms, what)
        return
    if what.where is not SENT and state.now_ms < what.report_by:
        state.set_timer(what.report_by, what)
        return
    node = state.nodes[what.node]
    pace = node.pace.get(what.job.task.kind, 0)
    node.pace[what.job.task.kind] = max(pace, (state.now_ms - what.sent_at) * 1_000 // max(what.price_kop, 1))
    if not node.mends_at:
        node.mends_at = state.now_ms + state.policy.declined_ms
        state.set_timer(node.mends_at, node)
    if what.where is SENT:
        node.bid = False   # it may stand still: it is given no more before it bids again
    lost(state, what, Ended.EXPIRED)
