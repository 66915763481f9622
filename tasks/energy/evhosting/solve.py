"""Split and merge: scenarios into jobs, answers into the probability of violation per level."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from lamplighter.tasks.api import DeadlinePassed, Solution
from lamplighter.tasks.energy.evhosting import kernel
from lamplighter.tasks.energy.evhosting.jobs import (
    OPS_PER_JOB,
    SCENARIOS_PER_JOB_MAX,
    job,
    ops_per_scenario,
    outcomes,
)
from lamplighter.tasks.energy.evhosting.method.tally import UNKNOWN, Tally
from lamplighter.tasks.energy.evhosting.result import assemble
from lamplighter.tasks.energy.evhosting.spec import Spec
from lamplighter.tasks.local import answer_of

JOBS_PER_ROUND = 8_000
"""So a task of a million jobs needs no more memory than one of eight thousand. Fewer would be a pity: devices idle at
the end of each round."""
FLAGS_MAX = 50_000
"""Scenarios whose flags are published one by one, all levels together."""


def solve(spec: Spec) -> Solution:
    """The day without cars, then all policies and levels side by side: a few more scenarios of each with every round.

    A deadline leaves fewer scenarios per level, which the intervals and the range of the hosting capacity say.
    """
    asked = spec.asked
    levels = sorted(asked.levels_percent)
    pairs: list[tuple[str, int]] = [(policy, level) for policy in asked.policies for level in levels]
    share = min(asked.scenarios_per_level, FLAGS_MAX // len(pairs))
    tallies = {pair: Tally(spec.cars(pair[1]), bytearray([UNKNOWN]) * share) for pair in pairs}
    base = Tally(0, bytearray())
    work = _work(spec, pairs)
    missing, given = 0, 0
    late = False
    owners = list(_take(work))
    while owners and not late:
        jobs = [job(spec, *owner) for owner in owners]
        answers: Sequence[bytes | None]
        try:
            answers = yield jobs
        except DeadlinePassed as passed:
            if not any(passed.answers) and not given:
                raise
            answers, late = passed.answers, True
        for (policy, level, first, _), answer in zip(owners, answers, strict=True):
            if answer is None:
                missing += 1
                continue
            given += 1
            (tallies[policy, level] if level else base).add(first, outcomes(answer))
        owners = list(_take(work))
    while owners:  # only counted: the deadline has passed
        missing += len(owners)
        owners = list(_take(work))
    if not base.scenarios:
        base.add(0, outcomes(answer_of(kernel, job(spec, asked.policies[0], 0, 0, 1))))
    return assemble(spec, base, tallies, given + missing, missing)


def rounds(spec: Spec) -> int:
    """How many rounds there will be."""
    asked = spec.asked
    jobs = 1 - (-asked.scenarios_per_level // _per_job(spec)) * len(asked.policies) * len(asked.levels_percent)
    return -(-jobs // JOBS_PER_ROUND)


def _per_job(spec: Spec) -> int:
    return max(1, min(SCENARIOS_PER_JOB_MAX, OPS_PER_JOB // ops_per_scenario(spec, 100)))


def _work(spec: Spec, pairs: list[tuple[str, int]]) -> Iterator[tuple[str, int, int, int]]:
    """Policy, level, first scenario and count of every job; level 0 is the day without cars."""
    per_job = _per_job(spec)
    total = spec.asked.scenarios_per_level
    yield spec.asked.policies[0], 0, 0, 1
    for first in range(0, total, per_job):
        for policy, level in pairs:
            yield policy, level, first, min(per_job, total - first)


def _take(work: Iterator[tuple[str, int, int, int]]) -> Iterator[tuple[str, int, int, int]]:
    for _, one in zip(range(JOBS_PER_ROUND), work, strict=False):
        yield one
