"""What the gateway computes itself in place of devices: where leases would cost it about as much as the work, what no
device can hold, and what its task says.

Whether a round is computed here is decided once, when it begins, and stands with it in the journal. The gateway is
then like one more device that has room for few jobs: tasks take turns, and what is to be recomputed for others comes
between. Nobody is paid for it, and nobody has to check it.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import islice
from typing import Any, NamedTuple

from lamplighter.gateway.core.entities import Job, Task
from lamplighter.gateway.core.events import JobSpec
from lamplighter.gateway.core.lifecycle import READY, Here, Place
from lamplighter.gateway.core.placement import recompute
from lamplighter.gateway.core.policy import Policy
from lamplighter.gateway.core.snapshot import TaskRow
from lamplighter.gateway.core.spans import MOST, credit_ns, cuts_for, cuts_here, those_there
from lamplighter.gateway.core.state import State
from lamplighter.gateway.core.whynot import SAMPLE, may_be_held


class Plan(NamedTuple):
    """``here`` says why the gateway computes a round, '' where devices do; ``cuts`` how it is cut for that, and
    ``leases`` how many it would be on devices, in each copy."""

    here: str
    cuts: bytes
    leases: int


def plan(state: State, task: Task, jobs: Sequence[JobSpec]) -> Plan:
    """Where a round of ``jobs`` is computed."""
    if task.where == Place.HERE:
        return Plan(Here.ASKED.word, cuts_here(state, task, jobs), 0)
    cuts = cuts_for(state, task, jobs)
    leases = len(cuts) or len(jobs)
    if not those_there(state):   # then nobody knows what a span may be: as many jobs as there can be in one
        leases = -(-leases // MOST)
    kop = sum(job.price_kop for job in jobs)
    if task.where == Place.FLEET or pays(state.policy, leases, kop, credit_ns(state, task)):
        return Plan("", cuts, leases)
    return Plan(Here.COST.word, cuts_here(state, task, jobs), leases)


def pays(policy: Policy, leases: int, price_kop: int, each_ns: int) -> bool:
    """Whether devices should compute what is worth so many credits, each of which would take the gateway ``each_ns``:
    unless so many leases, in each copy, cost it more than that."""
    return leases * policy.copies * policy.lease_us * 1_000 <= price_kop * each_ns * policy.lease_permille // 1_000


def look(state: State, task: Task) -> None:
    """At every tick: a job that no device can hold need not wait for one."""
    if task.where == Place.AUTO and not task.round.here and _misfit(state, task, 1) is not None:
        state.here[task.name] = task


def work(state: State) -> None:
    """The last step of every batch: the gateway takes further jobs, if it has room for them, tasks in turn."""
    while state.here and state.asked_here < state.policy.max_here:
        name, task = next(iter(state.here.items()))
        del state.here[name]
        job = _take(state, task)
        if job is not None:
            state.here[name] = task
            job.here = task.round.here or Here.MISFIT.word
            state.asked_here += 1
            task.round.asked_here += 1
            state.hurry = True   # its computer may have nothing else to do
            recompute(state, job)


def _take(state: State, task: Task) -> Job | None:
    fresh = task.round.fresh
    at = (0 if fresh else None) if task.round.here else _misfit(state, task, SAMPLE)
    if at is None:
        return None
    job = fresh[at]
    del fresh[at]
    task.round.make(task, state.policy.scan)
    return job


def _misfit(state: State, task: Task, most: int) -> int | None:
    """Where among the first jobs that wait there is one that no device can hold."""
    for at, job in enumerate(islice(task.round.fresh, most)):
        if job.phase is READY and not may_be_held(state, job):
            return at
    return None


def done_here(state: State, task: Task, jobs: int = 1) -> None:
    """So many of a task's jobs are not under way any more."""
    state.asked_here -= jobs
    task.round.asked_here -= jobs


def recalled(row: TaskRow) -> dict[str, int]:
    """Jobs by why the gateway computed them, as the journal has them: all of a round for one reason, or some of them
    because no device could hold them."""
    whole = Here.ASKED if row.where == Place.HERE else Here.COST
    counts = {whole.word: row.here - row.misfits, Here.MISFIT.word: row.misfits}
    return {why: count for why, count in counts.items() if count}


def shown(task: Task) -> dict[str, Any]:
    """How many jobs the gateway computed in place of devices, and why, as words for an operator."""
    counts = {**({task.round.here: 0} if task.round.here else {}), **task.here}
    several = len(counts) > 1
    whys = [f"{count}: {Here(why).meaning}" if several else Here(why).meaning for why, count in counts.items()]
    return {"here": sum(counts.values()), "here_why": "; ".join(whys)}
