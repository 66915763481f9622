"""Back-tests parameter sets per detector, averages the best, rehearses them honestly, and forecasts: in jobs."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass, field

from lamplighter.tasks.api import DeadlinePassed, Job, Solution
from lamplighter.tasks.traffic.forecast import jobs
from lamplighter.tasks.traffic.forecast.jobs import HOURS_PER_ANSWER, Set, forecast_job, search_job
from lamplighter.tasks.traffic.forecast.result import Found, assemble
from lamplighter.tasks.traffic.forecast.spec import Spec

PROFILES = ((4, 1), (6, 2), (8, 2), (10, 4))
"""How many weeks a profile remembers, and how many of its lowest and highest counts it leaves out."""
SHAPES = (13, 32)
"""Gains of the level of each hour of the day, in 1/64."""
CUTS = (8, 16)
"""Where residuals are cut, in quarters of their running mean size."""
SHAPE_WEIGHTS = (16, 32, 48)
LEVEL_WEIGHTS = (0, 13, 26)
"""What the two levels weigh in the forecast, in 1/64."""
BEST = 8
"""How many parameter sets are averaged: more bring little, fewer follow chance."""
SETS_PER_JOB = 13
DETECTORS_PER_ROUND = 288
PLAIN = bytes(4)


def candidates() -> list[list[Set]]:
    """All 148 sets, in groups of one profile that fill a job each."""
    levels = [PLAIN, *(bytes(one) for one in itertools.product(SHAPES, CUTS, SHAPE_WEIGHTS, LEVEL_WEIGHTS))]
    groups = []
    for profile in PROFILES:
        rest = levels
        while rest:
            groups.append([bytes(profile) + one for one in rest[:SETS_PER_JOB]])
            rest = rest[SETS_PER_JOB:]
    return groups


CANDIDATES = candidates()
SETS = [one for group in CANDIDATES for one in group]


@dataclass
class Errors:
    """Of one detector: each set's error sum in each block of back-tests."""

    sums: list[tuple[int, ...]] = field(default_factory=list)

    def best(self, blocks: int) -> list[Set]:
        """The sets that erred least in the first blocks, those of one profile together."""
        order = sorted(range(len(self.sums)), key=lambda k: (sum(self.sums[k][:blocks]), k))
        return [SETS[k] for k in sorted(order[:BEST])]

    def winner(self) -> Set:
        """The one set that erred least over all back-tests."""
        return SETS[min(range(len(self.sums)), key=lambda k: (sum(self.sums[k]), k))]


def rounds(spec: Spec) -> int:
    """How many rounds there will be."""
    return 1 - (-len(spec.series) // DETECTORS_PER_ROUND)


def solve(spec: Spec) -> Solution:
    """Per detector two steps: every set's back-tests; then a rehearsal of each later week, and the forecast.

    A rehearsal knows only the weeks before: it averages the sets that were best in them, takes its band from their
    errors, and is scored on the week that follows. A round is the first step of some detectors and the second of
    those before them, so that a deadline finds whole forecasts. DeadlinePassed passes if it finds none.
    """
    found: list[Found] = []
    tested: list[tuple[int, Errors]] = []
    done = 0
    late: DeadlinePassed | None = None
    for at in range(0, len(spec.series) + DETECTORS_PER_ROUND, DETECTORS_PER_ROUND):
        fresh = range(len(spec.series))[at:at + DETECTORS_PER_ROUND]
        tests = [search_job(spec, one, group) for one in fresh for group in CANDIDATES]
        answers: Sequence[bytes | None]
        try:
            answers = yield tests + [job for one, known in tested for job in _second(spec, one, known)]
        except DeadlinePassed as passed:
            answers, late = passed.answers, passed
        done += len(answers) - answers.count(None)
        found += [_found(spec, known, part) for (_, known), part in zip(
            tested, _parts(answers[len(tests):], len(tested)), strict=True)]
        if late:
            break
        tested = [(one, Errors(jobs.errors(spec, part))) for one, part in zip(
            fresh, _parts(answers[:len(tests)], len(fresh)), strict=True)]
    if late and not any(one.roots for one in found):
        raise late
    each = len(CANDIDATES) + _chunks(spec) + spec.blocks - 1
    found += [Found()] * (len(spec.series) - len(found))
    return assemble(spec, found, each * len(spec.series) - done)


def _second(spec: Spec, one: int, known: Errors) -> list[Job]:
    ahead = [forecast_job(spec, one, known.best(spec.blocks), spec.blocks, hour)
             for hour in range(0, spec.hours, HOURS_PER_ANSWER)]
    return ahead + [forecast_job(spec, one, known.best(split), split, 0) for split in range(1, spec.blocks)]


def _found(spec: Spec, known: Errors, answers: Sequence[bytes | None]) -> Found:
    chunks = _chunks(spec)
    parts = [part for part in answers[:chunks] if part is not None]
    roots = jobs.forecast(parts) if len(parts) == chunks else []
    rehearsals = [None if answer is None else jobs.rehearsal(answer) for answer in answers[chunks:]]
    return Found(known.winner(), known.best(spec.blocks), roots, rehearsals)


def _chunks(spec: Spec) -> int:
    return -(-spec.hours // HOURS_PER_ANSWER)


def _parts(answers: Sequence[bytes | None], count: int) -> list[Sequence[bytes | None]]:
    """The answers of each of ``count`` detectors."""
    each = len(answers) // count if count else 0
    return [answers[at * each:(at + 1) * each] for at in range(count)]
