"""What a result is worth: recorded first, then compared, then judged; recomputation settles every doubt.

A second copy is leased only after the first is recorded, and to another owner. Of a drawn share of jobs the
gateway's own recomputation is the second copy, which runs beside the fleet while the round goes on. Copies that
agree are accepted; where they differ a recomputation decides, which is exact because kernels are integer-only. A
device proven wrong waits in quarantine, and what it took part in without a recomputation is checked again: at once
where the round is open, else as ``replay`` describes, as long as it is neither sealed nor its task over.
"""

from __future__ import annotations

from lamplighter.gateway.core.effects import (
    AdvanceSolver,
    CheckAnswer,
    KeepAnswer,
    KeepEnd,
    KeepReceipt,
    KeepRound,
    KeepSetback,
    KeepVerdict,
    SendAck,
    SendCancel,
)
from lamplighter.gateway.core.entities import UNKNOWN, Job, Lease, Node, Task
from lamplighter.gateway.core.events import AnswerChecked, Recomputed, ResultArrived
from lamplighter.gateway.core.here import done_here, plan
from lamplighter.gateway.core.lifecycle import ACCEPTED, AUDIT, CHECK, DONE, OVER, READY, Ended, TaskState
from lamplighter.gateway.core.placement import (
    audit,
    fill_all,
    lost,
    may_have_room,
    place,
    ready_again,
    runs,
    wait_for,
)
from lamplighter.gateway.core.spans import answers_to, cut
from lamplighter.gateway.core.state import State
from lamplighter.gateway.protocol.numbers import number_of
from lamplighter.gateway.protocol.verdicts import MINORITY, OK, PENDING, Verdict

DAY_MS = 86_400_000
RENUMBERED_MS = 1_000
"""How long a node gets nothing after a receipt with a number that it had used before."""


def on_result(state: State, event: ResultArrived) -> None:
    """Records a result against the lease that its nonce names, acknowledges it, and judges what it can."""
    node = state.nodes.get(event.node)
    if node is None or node.revoked:
        state.counters["misbehaved_unknown_node"] += 1
        return
    receipt = event.receipt
    lease = state.leases.get(receipt.nonce)
    if lease is None or lease.node != node.name:
        state.counters["results_lease_unknown"] += 1
        state.turn.emit(SendAck(node.name, receipt.seq, Verdict.LEASE_UNKNOWN))
        return
    if lease.seq:
        state.counters["results_duplicate"] += 1
        known = (lease.seq, lease.boot) == (receipt.seq, receipt.boot)
        state.turn.emit(SendAck(node.name, receipt.seq, lease.verdict if known else Verdict.DUPLICATE))
        return
    if lease.job.spec is UNKNOWN:
        _unknown(state, lease, receipt.seq)
        return
    names = (receipt.net, receipt.device, receipt.job)
    if names != (state.net, node.device, lease.job.name) or not receipt.seq:
        state.counters["misbehaved_receipt"] += 1
        state.turn.emit(SendAck(node.name, receipt.seq, Verdict.LEASE_UNKNOWN))
        return
    if state.numbers.use(node.device, number_of(receipt.boot, receipt.seq)):
        _record(state, node, lease, event)
        return
    # The ledger would not pay it: a number counts once.
    state.counters["results_renumbered"] += 1
    if lease.where is not OVER:
        node.backoff_until = state.now_ms + RENUMBERED_MS
        state.set_timer(node.backoff_until, node)
        lost(state, lease, Ended.FAILED)
    state.turn.emit(SendAck(node.name, receipt.seq, Verdict.DUPLICATE))


def _unknown(state: State, lease: Lease, seq: int) -> None:
    """While its round is still to be replayed the device sends it again, and is waited for. Else the round is void or
    long past, and nobody wants it."""
    task = lease.job.task
    if task.over or not task.replaying:
        state.counters["results_lease_unknown"] += 1
        state.turn.emit(SendAck(lease.node, seq, Verdict.LEASE_UNKNOWN))
        return
    state.counters["results_early"] += 1
    if lease.where is not OVER:
        wait_for(state, lease)
        runs(state, lease)


def _record(state: State, node: Node, lease: Lease, event: ResultArrived) -> None:
    job, turn, answer = lease.job, state.turn, event.answer
    late = lease.where is OVER
    lease.end(Ended.LATE if late else DONE, turn.moment)
    if not late:
        node.drop(lease)
        may_have_room(state, node)
        _learn_pace(state, node, lease)
        job.task.devices[node.name] = job.task.devices.get(node.name, 0) + 1
    lease.boot, lease.seq = event.receipt.boot, event.receipt.seq
    state.counters["results"] += 1
    turn.emit(KeepReceipt(lease.number, lease.ended.word, lease.boot, lease.seq, event.proof, answer))
    if late:
        judge(state, lease, Verdict.CANCELLED if job.task.state is TaskState.CANCELLED else Verdict.LATE)
    elif len(answer) != job.spec.answer_bytes or not event.sealed:
        judge(state, lease, Verdict.WRONG_SIZE if event.sealed else Verdict.BAD_SEAL)
        _punish(state, node)
        ready_again(state, job)
    else:
        lease.answer = answer
        _commit(state, job, lease)
    turn.emit(SendAck(node.name, lease.seq, lease.verdict))


def _learn_pace(state: State, node: Node, lease: Lease) -> None:
    """A running mean of microseconds per credit, by the gateway's clock: a device's own claims count for nothing."""
    kind = lease.job.task.kind
    ahead = len(node.open) + 1
    seen = (state.now_ms - lease.sent_at) * 1_000 // (max(lease.price_kop, 1) * ahead)
    node.pace[kind] = (node.pace.get(kind, seen) * 7 + seen) // 8


def _commit(state: State, job: Job, lease: Lease) -> None:
    """A well-formed copy has been recorded: its kind is asked whether it is possible, and meanwhile another is made,
    if it is not the gateway's own that the lot falls on.

    One answer is asked about: copies that differ from it are recomputed anyway.
    """
    job.copies.append(lease)
    if len(job.copies) < state.policy.copies and _drawn(state, job):
        audit(state, job)
        return
    if state.kind_of(job.task).checks and job.asked is None:
        job.asked = lease.answer
        state.turn.emit(CheckAnswer(job.task.name, job.round, job.index, job.run, job.spec, lease.answer))
    if len(job.copies) < state.policy.copies:
        ready_again(state, job)
    else:
        _compare(state, job)


def _compare(state: State, job: Job) -> None:
    """There are copies enough: accept them, have them recomputed, or wait for their kind's word."""
    agree = len({copy.answer for copy in job.copies}) == 1
    if not agree or job.possible is False or _drawn(state, job):
        audit(state, job)
    elif job.asked is not None and job.possible is None:
        job.move(CHECK, state.turn.moment)
    else:
        _accept(state, job, job.copies[0].answer, audited=False)


def on_checked(state: State, event: AnswerChecked) -> None:
    """An impossible answer is recomputed, whoever agrees with it; while a copy is out, once that has ended."""
    job = _job_of(state, event)
    if job is None or job.asked != event.answer:
        return
    job.possible = event.possible
    if job.phase is CHECK:
        _compare(state, job)
    elif job.phase is READY and not job.possible:
        audit(state, job)


def _drawn(state: State, job: Job) -> bool:
    """Whether the gateway recomputes what copies say: by lot, and always where a proven liar took part.

    A job's number is drawn once: asked again for another copy, only the device of that can make a difference."""
    policy = state.policy
    share = policy.audit_permille
    for copy in job.copies:
        node = state.nodes.get(copy.node)
        if node is not None:
            if state.now_ms < node.quarantined_until:
                return True
            if node.score < policy.probation_score:
                share = policy.probation_audit_permille
    return state.lots(job)[0] * 1_000 < share << 16


def _accept(state: State, job: Job, answer: bytes, audited: bool) -> None:
    task = job.task
    again = job.answer is not None
    if again and answer != job.answer:
        _set_back(state, task)
    job.move(ACCEPTED, state.turn.moment)
    job.answer = answer
    job.audited = audited
    state.turn.emit(KeepAnswer(task.name, job.round, job.index, answer, audited, job.here))
    for copy in job.copies:
        _reward(state, copy, copy.answer == answer)
    jobs = job.spec.jobs
    task.audited += jobs * audited
    task.dirty = True
    if not again:
        state.counters["jobs"] += jobs
        task.accepted += jobs
        if job.here:
            task.here[job.here] = task.here.get(job.here, 0) + jobs
        task.round.open_jobs -= jobs
        task.advance(task.round.number, task.round.done_jobs, len(task.round.yielded))
    if task.round.open_jobs == 0 and not task.over and not task.round.rechecking:
        finish_round(state, task)


def _reward(state: State, copy: Lease, right: bool) -> None:
    node = state.nodes.get(copy.node)
    verdict = OK if right else MINORITY
    if copy.verdict is verdict:
        return
    judge(state, copy, verdict)
    if node is None:
        return
    if not right:
        _punish(state, node)
    else:
        node.score += 1
        state.keep_standing(node)


def judge(state: State, lease: Lease, verdict: Verdict) -> None:
    """Gives a receipt its verdict; credit follows ``ok`` and nothing else."""
    if lease.verdict is OK and lease.epoch != state.epoch:
        state.counters["corrections_too_late"] += 1   # its epoch has ended with it
        return
    node = state.nodes.get(lease.node)
    if node is not None:
        earned = lease.price_kop * ((verdict is OK) - (lease.verdict is OK))
        node.pending[state.epoch] = node.pending.get(state.epoch, 0) + earned
    lease.judge(verdict, state.turn.moment)
    lease.epoch = state.epoch
    state.counters["verdicts_" + verdict] += 1
    state.turn.emit(KeepVerdict(lease.number, verdict.word, state.epoch))
    state.remember(lease)


def _punish(state: State, node: Node) -> None:
    """iExec's rule on the score, a quarantine that doubles, and a second look at its unchecked work."""
    node.score = node.score * 2 // 3
    node.lies += 1
    node.quarantined_until = state.now_ms + quarantine_ms(state, node)
    state.set_timer(node.quarantined_until, node)
    state.keep_standing(node)
    state.counters["lies"] += 1
    may_have_room(state, node)
    for task in state.live:
        for job in task.round.jobs:
            if job.phase is ACCEPTED and not job.audited and any(c.node == node.name for c in job.copies):
                audit(state, job)
    state.find_work(node.name)


def quarantine_ms(state: State, node: Node) -> int:
    return min(state.policy.quarantine_ms << min(node.lies - 1, 16), DAY_MS) if node.lies else 0


def on_recomputed(state: State, event: Recomputed) -> bool:
    """The gateway's own answer decides. Returns False when the kernel raised here too: the kind is broken."""
    job = _job_of(state, event)
    if job is None or job.phase is not AUDIT:
        return True
    if job.here:
        done_here(state, job.task)
    if event.answer is None:
        return False
    _accept(state, job, event.answer, audited=True)
    return True


def _job_of(state: State, event: AnswerChecked | Recomputed) -> Job | None:
    """The job that was asked about, unless its round is over, or was begun anew."""
    task = state.tasks.get(event.task)
    if task is None or task.over or event.round != task.round.number or event.index >= len(task.round.jobs):
        return None
    job = task.round.jobs[event.index]
    return job if job.run == event.run else None


def _set_back(state: State, task: Task) -> None:
    """An accepted answer was wrong: what the solver made of it is void."""
    if task.rounds > task.round.number + 1:
        set_back(state, task, task.round.number, "an accepted answer was wrong")


def set_back(state: State, task: Task, after: int, why: str) -> None:
    """The rounds ``after`` that one are void, and begun anew if they come again."""
    call_off(state, task, after)
    task.rounds = after + 1
    task.run += 1
    task.setback = why
    task.dirty = True
    task.suspects.clear()
    state.counters["setbacks"] += 1
    state.turn.emit(KeepSetback(task.name, after, task.run, why))
    state.tell(task, "set_back", round=task.rounds, why=why)


def call_off(state: State, task: Task, after: int = -1) -> None:
    """Devices stop working on what nobody needs, in rounds ``after`` that one; copies that can no longer be compared
    are not paid."""
    for lease in [lease for lease in state.leases.values() if lease.job.task is task and lease.job.round > after]:
        if lease.where is not OVER:
            state.turn.emit(SendCancel(lease.node, lease.nonce))
            close(state, lease)
        elif lease.ended is DONE and lease.verdict is PENDING:
            judge(state, lease, Verdict.CANCELLED)


def close(state: State, lease: Lease) -> None:
    """Ends an open lease whose job is not wanted any more."""
    lease.end(Ended.CANCELLED, state.turn.moment)
    state.turn.emit(KeepEnd(lease.number, lease.ended.word))
    state.remember(lease)
    node = state.nodes[lease.node]
    node.drop(lease)
    may_have_room(state, node)


def put_away(state: State, task: Task) -> None:
    """Nobody works on its round any more."""
    if task in state.live:
        state.live.remove(task)
    state.turns.discard(task)
    state.here.pop(task.name, None)
    done_here(state, task, task.round.asked_here)
    state.leftover += task.round.jobs
    task.put_round_away()


def finish_round(state: State, task: Task) -> None:
    """All jobs of the round are accepted: the solver goes on."""
    answers = tuple(answer or b"" for answer in answers_to(task.round, [job.answer for job in task.round.jobs]))
    put_away(state, task)
    state.turn.emit(AdvanceSolver(task.name, task.round.number, answers))


def begin_round(state: State, task: Task) -> None:
    """The round that the solver has yielded is one that nobody has worked on."""
    number = task.round.number
    task.rounds = number + 1
    task.round.here, cuts, _ = plan(state, task, task.round.yielded)
    cut(task.round, cuts)
    jobs = len(task.round.yielded)
    task.advance(number, 0, jobs)
    state.turn.emit(KeepRound(task.name, number, task.run, state.next_lease, jobs, task.expected, *task.round.made,
                              cuts, task.round.here))
    open_round(state, task)


def open_round(state: State, task: Task) -> None:
    """A new round: what the journal already knows is taken up, the rest is placed."""
    now = task.round
    now.open_jobs = len(now.yielded) - sum(job.spec.jobs for job in now.jobs if job.answer is not None)
    state.live.append(task)
    suspects = task.suspects.pop(now.number, ())
    for job in [job for job in now.jobs if job.index in suspects] if suspects else ():
        if job.phase is ACCEPTED and not job.audited:
            audit(state, job)
    if now.open_jobs == 0 and not now.rechecking:
        finish_round(state, task)
        return
    for job in list(now.jobs):
        if job.phase is READY and job.copies and (
                len(job.copies) >= state.policy.copies or _drawn(state, job)):
            audit(state, job)   # copies were judged in the crash between receipt and verdict, or it was under way
        elif job.phase is READY and job.copies:
            place(state, job)
        elif job.phase is READY:
            now.fresh.append(job)
    now.make(task, state.policy.scan)
    if now.here:
        state.here[task.name] = task
    elif now.waiting:
        state.turns.add(task)
    fill_all(state)
