"""Back-tests parameter sets per detector, averages the best, rehearses them honestly, and forecasts: in jobs."""

from __future__ import annotations

import itertools
import struct
from collections.abc import Sequence
from dataclasses import dataclass, field

from tasks.api import DeadlinePassed, Job, Solution
from tasks.traffic.forecast import kernel
from tasks.traffic.forecast.prepare import WEEK, Series, Spec
from tasks.traffic.forecast.result import Found, Rehearsal, assemble

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
HOURS_PER_ANSWER = 24
PLAIN = bytes(4)

Set = bytes
"""K, trim, lambda, q, c, b as the kernel reads them; without levels the profile alone, as a baseline is."""


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


def solve(spec: Spec) -> Solution:
    """Two rounds: every set's back-tests; then, per detector, a rehearsal of each later week and the forecast.

    A rehearsal knows only the weeks before: it averages the sets that were best in them, takes its band from their
    errors, and is scored on the week that follows. Raises DeadlinePassed if not one forecast came.
    """
    answers = yield [search_job(spec, one, group) for one in spec.series for group in CANDIDATES]
    errors = [_errors(spec, answers[at:at + len(CANDIDATES)]) for at in range(0, len(answers), len(CANDIDATES))]
    jobs = [job for one, known in zip(spec.series, errors, strict=True) for job in _second(spec, one, known)]
    late: DeadlinePassed | None = None
    second: Sequence[bytes | None]
    try:
        second = yield jobs
    except DeadlinePassed as passed:
        late = passed
        second = passed.answers
    each = len(jobs) // len(spec.series)
    found = [_found(spec, known, second[at * each:(at + 1) * each]) for at, known in enumerate(errors)]
    if not any(one.roots for one in found):
        raise late or DeadlinePassed(second)
    return assemble(spec, found, sum(answer is None for answer in second))


def search_job(spec: Spec, one: Series, group: Sequence[Set]) -> Job:
    """Every back-test of sets that share a profile."""
    keep, trim = group[0][:2]
    data = struct.pack("<8B", 0, spec.weeks, spec.hours, spec.blocks, keep, trim, 0, 0)
    data += b"".join(each[2:] for each in group)
    return Job(data, 4 * spec.blocks * len(group), search_ops(spec, keep, len(group)), heap_bytes(spec, len(group)),
               (one.context,))


def forecast_job(spec: Spec, one: Series, sets: Sequence[Set], split: int, first_hour: int) -> Job:
    """A rehearsal of the block at ``split``, or, where that is behind them all, up to 24 hours of the forecast."""
    data = struct.pack("<8B", 1, spec.weeks, spec.hours, spec.blocks, split, first_hour, 100 - spec.band_percent, 0)
    hours = min(HOURS_PER_ANSWER, spec.hours - first_hour)
    return Job(data + b"".join(sets), 12 if split < spec.blocks else 6 * hours, forecast_ops(spec, sets, split),
               heap_bytes(spec, len(sets)) + 4 * spec.hours * (7 * spec.blocks + 3) + 84 * split, (one.context,))


def profile_ops(spec: Spec, keep: int) -> int:
    """Statements for the profile of one hour: a walk over the weeks, and the kept counts sorted in."""
    kept = min(keep, spec.weeks - 1)
    return 20 + 5 * spec.weeks + 7 * kept + kept * kept


def search_ops(spec: Spec, keep: int, sets: int) -> int:
    """Cost model, counted in the plain path: an hour learnt is 13 statements and 17 per set, one scored 9 and 11."""
    days = (spec.first_test // 24) + 7 * spec.blocks - 7
    profiles = days * max(24, spec.hours) * profile_ops(spec, keep)
    return profiles + days * 24 * (13 + 17 * sets) + 7 * spec.blocks * spec.hours * (9 + 11 * sets)


def forecast_ops(spec: Spec, sets: Sequence[Set], split: int) -> int:
    """Cost model: the days again for each set with a profile for each, then sorting the errors of three hours."""
    days = 7 * spec.weeks - 6
    span = max(24, spec.hours)
    keeps = [keep for keep, _ in dict.fromkeys((one[0], one[1]) for one in sets)]
    profiles = days * span * sum(profile_ops(spec, keep) for keep in keeps)
    learnt = len(sets) * (days * 24 * 30 + (7 * spec.blocks + 1) * spec.hours * 13)
    errors = 21 * split
    return profiles + learnt + spec.hours * (errors * (errors + 8) + 7 * spec.blocks * 5 + 250)


def heap_bytes(spec: Spec, sets: int) -> int:
    """Working set on a 32-bit board: the context, the state, the answer being put together."""
    return 2 * WEEK * spec.weeks + 4 * (kernel.SETS + kernel.SIZE * sets) + 1600


def check(spec: Spec, job: Job, answer: bytes) -> bool:
    """False when an answer is impossible: errors beyond the largest, more hours than there are, ends out of order."""
    if len(answer) != job.answer_bytes:
        return False
    hours = 7 * spec.hours
    if job.input[0] == 0:
        return all(total <= hours << 21 for (total,) in struct.iter_unpack("<I", answer))
    if job.input[4] < spec.blocks:
        total, inside, counted, wide = struct.unpack("<IHHI", answer)
        return bool(inside <= counted <= hours and total <= counted << 21 and wide <= counted << 21)
    return all(low <= root <= high <= 0x7FFF for root, low, high in struct.iter_unpack("<HHH", answer))


def _second(spec: Spec, one: Series, known: Errors) -> list[Job]:
    jobs = [forecast_job(spec, one, known.best(spec.blocks), spec.blocks, at)
            for at in range(0, spec.hours, HOURS_PER_ANSWER)]
    return jobs + [forecast_job(spec, one, known.best(split), split, 0) for split in range(1, spec.blocks)]


def _errors(spec: Spec, answers: Sequence[bytes]) -> Errors:
    return Errors([sums for answer in answers for sums in struct.iter_unpack(f"<{spec.blocks}I", answer)])


def _found(spec: Spec, known: Errors, answers: Sequence[bytes | None]) -> Found:
    chunks = -(-spec.hours // HOURS_PER_ANSWER)
    parts = [part for part in answers[:chunks] if part is not None]
    whole = len(parts) == chunks
    roots = list(struct.iter_unpack("<HHH", b"".join(parts))) if whole else []
    rehearsals = [None if answer is None else Rehearsal(*struct.unpack("<IHHI", answer))
                  for answer in answers[chunks:]]
    return Found(known.winner(), known.best(spec.blocks), roots, rehearsals)
