"""A task's rounds again, from the journal: after a restart, when a solver's process has ended, and when a device that
took part was proven wrong.

The solver is started anew and yields the rounds that it has yielded before; for each the journal is asked what it
knows. So memory holds one round, however long a task has run. What a liar took part in is recomputed when its round
has come: a right answer stays; a wrong one is replaced, its copies lose their pay, and as what followed from it is
void, the later rounds are begun anew. So is a round that is not what it was, because another version of its kind or
another kernel is installed: answers to the old one are never given to the new one, nor compared with its.
"""

from __future__ import annotations

from lamplighter.gateway.core.effects import RecallRound, StartSolver
from lamplighter.gateway.core.entities import UNKNOWN, Job, Lease, Round, Task
from lamplighter.gateway.core.events import RoundRecalled, SolverLost, WorkFound
from lamplighter.gateway.core.judging import begin_round, open_round, put_away, set_back
from lamplighter.gateway.core.lifecycle import Ended, Phase, Where
from lamplighter.gateway.core.placement import audit, send_again
from lamplighter.gateway.core.snapshot import LeaseRow, Made
from lamplighter.gateway.core.spans import cut
from lamplighter.gateway.core.state import State
from lamplighter.gateway.protocol.verdicts import Verdict
from lamplighter.gateway.protocol.words import named


def on_recalled(state: State, event: RoundRecalled) -> None:
    """The leases and answers that the journal kept for this round find their jobs again."""
    task = state.tasks.get(event.task)
    if task is None or event.run < task.life or event.round != task.round.number or not task.round.recalling:
        return
    if event.made != task.round.made:
        task.round.recalling = False
        set_back(state, task, event.round - 1, _difference(event.made, task.round.made))
        begin_round(state, task)
        return
    if event.round in task.suspects and not event.whole:
        state.turn.emit(RecallRound(task.name, event.round, len(task.round.yielded), True))   # suspected meanwhile
        return
    task.round.recalling = False
    task.round.here = event.here
    cut(task.round, event.cuts)
    jobs = task.round.make_all(task, event.run)
    for index, answer, audited in event.answers:
        jobs[index].recall(answer, bool(audited))
    for row in event.leases:
        _take_up(state, jobs[row.job_index], row)
    open_round(state, task)


def _difference(was: Made, now: Made) -> str:
    """In words for an operator."""
    if was.version != now.version:
        return f"version {now.version} of its kind is installed, the journal is of {was.version or 'one unknown'}"
    return f"its kind {'has another kernel' if was.kernel != now.kernel else 'splits it into other jobs'} than it had"


def _take_up(state: State, job: Job, row: LeaseRow) -> None:
    """What has happened to a lease since the row was read is known here: all that are open or unjudged are."""
    job.fence = max(job.fence, row.fence)
    lease = state.leases.get(row.nonce) or lease_of(job, row)
    if lease.ended is Ended.OPEN and row.nonce not in state.leases:
        return   # it has ended since, and is not remembered
    lease.job = job
    if lease.where is not Where.OVER:
        job.move(Phase.OUT, state.turn.moment)
        send_again(state, state.nodes[lease.node])
    elif lease.ended is Ended.DONE and lease.verdict is Verdict.PENDING:
        job.copies.append(lease)
    elif lease.verdict in (Verdict.OK, Verdict.MINORITY) and job.answer is not None:
        job.copies.append(lease)
        lease.answer = job.answer if lease.verdict is Verdict.OK else b""


def lease_of(job: Job, row: LeaseRow) -> Lease:
    """A lease as the journal has it."""
    lease = Lease(row.lease, job, row.node, row.owner, row.fence, row.nonce)
    lease.ended = Ended(row.ended)
    lease.where = Where.UNSENT if lease.ended is Ended.OPEN else Where.OVER
    lease.story = f"{named(lease.ended)} in the journal, "
    lease.verdict = Verdict(row.verdict or Verdict.PENDING)
    lease.price_kop, lease.boot, lease.seq, lease.answer = row.price_kop, row.boot, row.seq, row.answer
    lease.report_by, lease.epoch = row.report_by, row.epoch
    return lease


def on_work_found(state: State, event: WorkFound) -> None:
    """A liar's work of rounds that have passed is checked again as soon as a replay comes to it."""
    again = set()
    for name, round_, index in event.places:
        task = state.tasks.get(name)
        if task is None or task.over or task.ending:
            continue
        now = task.round
        if round_ == now.number and now.jobs:
            for job in now.jobs[index:index + 1]:   # none, where it was one of a task of this name before
                if job.phase is Phase.ACCEPTED and not job.audited:
                    audit(state, job)
            continue
        task.suspects.setdefault(round_, set()).add(index)
        if round_ < now.number or (round_ == now.number and not now.recalling):
            again.add(name)
    for name in sorted(again):
        _replay(state, state.tasks[name])


def on_lost(state: State, event: SolverLost) -> None:
    """The solver comes back to where it was; if it was to give its last word, it is asked again then."""
    task = state.task_of(event)
    if task is not None and not task.over:
        task.ending = False
        _replay(state, task)


def _replay(state: State, task: Task) -> None:
    """Back to the start. Leases stay; until their round has come again nothing is known of their jobs."""
    for job in task.round.jobs:
        if job.phase is Phase.AUDIT and job.answer is not None:
            task.suspects.setdefault(job.round, set()).add(job.index)
    task.kept = (task.done_jobs, task.all_jobs)
    put_away(state, task)
    for lease in state.leases.values():
        if lease.job.task is task:
            lease.job = Job(task, lease.job.round, lease.job.index, UNKNOWN)
    task.round, task.jobs_before, task.solved = Round(), 0, None
    task.dirty = True
    state.counters["replays"] += 1
    state.turn.emit(StartSolver(task.name, task.kind, task.body, task.life))
