"""Split and merge: scenarios into jobs, answers into the probability of violation per level."""

from __future__ import annotations

import struct
from collections.abc import Iterator, Sequence

from lamplighter.tasks.api import DeadlinePassed, Job, Solution
from lamplighter.tasks.energy.evhosting import kernel
from lamplighter.tasks.energy.evhosting.method.tally import (
    COLLAPSED,
    LINE,
    TRANSFORMER,
    UNDERVOLTAGE,
    UNKNOWN,
    Tally,
    outcomes,
)
from lamplighter.tasks.energy.evhosting.result import build
from lamplighter.tasks.energy.evhosting.spec import Q16, Q20, Spec

OPS_PER_JOB = 1_200_000
SCENARIOS_PER_JOB_MAX = 12
"""Twelve answers of 20 bytes are what one result carries."""
SWEEPS = 3
"""Iterations of a typical slot; the price is for these, whatever a slot takes."""
JOBS_PER_ROUND = 2_000
"""So a task of a million jobs needs no more memory than one of two thousand."""
FLAGS_MAX = 50_000
"""Scenarios whose flags are published one by one, all levels together."""


def ops_per_scenario(spec: Spec, level: int) -> int:
    """Cost model, counted in the plain path: 5 statements per place and 22 more per car; then per bus and slot 18
    to set it, 42 to judge it and 63 for each of ``SWEEPS`` iterations."""
    return 5 * spec.places + 22 * spec.cars(level) + len(spec.tree.names) * spec.slots * (18 + 42 + 63 * SWEEPS)


def heap_bytes(spec: Spec, policy: str) -> int:
    """Working set on a 32-bit board: 84 bytes per bus, two per bus and slot, contexts and copies of the tables."""
    contexts = spec.contexts[policy]
    return (len(spec.tree.names) * (84 + 2 * spec.slots) + sum(len(context.data) for context in contexts)
            + sum(len(context.data) for context in contexts[3:]) + 3072)


def job(spec: Spec, policy: str, level: int, first: int, count: int) -> Job:
    """Scenarios ``first`` to ``first + count - 1`` of a level."""
    data = struct.pack("<IIBB", spec.asked.seed, first, level, count)
    return Job(data, kernel.ANSWER * count, count * ops_per_scenario(spec, level), heap_bytes(spec, policy),
               spec.contexts[policy])


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
        base.add(0, outcomes(_here(job(spec, asked.policies[0], 0, 0, 1))))
    return build(spec, base, tallies, given + missing, missing)


def _work(spec: Spec, pairs: list[tuple[str, int]]) -> Iterator[tuple[str, int, int, int]]:
    """Policy, level, first scenario and count of every job; level 0 is the day without cars."""
    per_job = max(1, min(SCENARIOS_PER_JOB_MAX, OPS_PER_JOB // ops_per_scenario(spec, 100)))
    total = spec.asked.scenarios_per_level
    yield spec.asked.policies[0], 0, 0, 1
    for first in range(0, total, per_job):
        for policy, level in pairs:
            yield policy, level, first, min(per_job, total - first)


def _take(work: Iterator[tuple[str, int, int, int]]) -> Iterator[tuple[str, int, int, int]]:
    for _, one in zip(range(JOBS_PER_ROUND), work, strict=False):
        yield one


def _here(one: Job) -> bytes:
    """The answer of a job that no device gave, computed by the gateway itself."""
    slices = kernel.run(one.input, tuple(context.data for context in one.contexts))
    while True:
        try:
            next(slices)
        except StopIteration as end:
            return bytes(end.value)


def check(spec: Spec, given: Job, answer: bytes) -> bool:
    """False when an answer names elements that are not there, or its flags contradict its own figures."""
    low = round(spec.asked.voltage_min_pu**2 * Q20)
    line = round((spec.asked.line_limit_percent / 100) ** 2 * Q16)
    trafo = round((spec.asked.transformer_limit_percent / 100) ** 2 * Q16)
    buses, slots = len(spec.tree.names), spec.slots
    return len(answer) == given.answer_bytes and all(
        one.flags < 32 and max(one.bus, one.branch) < buses
        and max(one.slot, one.branch_slot, one.transformer_slot) < slots
        and bool(one.flags & LINE) == (one.line2 > line)
        and bool(one.flags & TRANSFORMER) == (one.transformer2 > trafo)
        and bool(one.flags & COLLAPSED) == (one.voltage2 == 0)
        and (one.voltage2 == 0 or bool(one.flags & UNDERVOLTAGE) == (one.voltage2 < low))
        for one in outcomes(answer))
