"""Back-tests parameter sets per detector, averages the best, rehearses them honestly, and forecasts: in jobs."""

from __future__ import annotations

import itertools
import struct
from collections.abc import Sequence
from dataclasses import dataclass, field

from lamplighter.tasks.api import DeadlinePassed, Job, Solution
from lamplighter.tasks.traffic.forecast import kernel
from lamplighter.tasks.traffic.forecast.prepare import WEEK, Series, Spec
from lamplighter.tasks.traffic.forecast.result import Found, Rehearsal, assemble

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
DETECTORS_PER_ROUND = 32
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
    """Per detector two steps: every set's back-tests; then a rehearsal of each later week, and the forecast.

    A rehearsal knows only the weeks before: it averages the sets that were best in them, takes its band from their
    errors, and is scored on the week that follows. A round is the first step of some detectors and the second of
    those before them, so that a deadline finds whole forecasts. DeadlinePassed passes if it finds none.
    """
    found: list[Found] = []
    tested: list[tuple[Series, Errors]] = []
    done = 0
    late: DeadlinePassed | None = None
    for at in range(0, len(spec.series) + DETECTORS_PER_ROUND, DETECTORS_PER_ROUND):
        fresh = spec.series[at:at + DETECTORS_PER_ROUND]
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
        tested = [(one, _errors(spec, part)) for one, part in zip(
            fresh, _parts(answers[:len(tests)], len(fresh)), strict=True)]
    if late and not any(one.roots for one in found):
        raise late
    each = len(CANDIDATES) + _chunks(spec) + spec.blocks - 1
    found += [Found()] * (len(spec.series) - len(found))
    return assemble(spec, found, each * len(spec.series) - done)


def search_job(spec: Spec, one: Series, group: Sequence[Set]) -> Job:
    """Every back-test of sets that share a profile."""
    keep, trim = group[0][:2]
    data = struct.pack("<8B", 0, spec.weeks, spec.hours, spec.blocks, keep, trim, 0, 0)
    data += b"".join(each[2:] for each in group)
    return Job(data, 4 * spec.blocks * len(group), search_ops(spec, keep, len(group)), heap_bytes(spec, len(group)),
               (one.context,))


def forecast_job(spec: Spec, one: Series, sets: Sequence[Set], split: int, first_hour: int) -> Job:
    """A rehearsal of the block at ``split``, or, where that is behind them all, up to 24 hours of the forecast."""
    shifts = spec.shifts if split == spec.blocks else (0, 0)
    data = struct.pack("<8B", 1, spec.weeks, spec.hours, spec.blocks, split, first_hour, 100 - spec.band_percent,
                       shifts[0] | shifts[1] << 4)
    hours = min(HOURS_PER_ANSWER, spec.hours - first_hour)
    return Job(data + b"".join(sets), 12 if split < spec.blocks else 6 * hours, forecast_ops(spec, sets, split),
               heap_bytes(spec, len(sets)) + 4 * spec.hours * (7 * spec.blocks + 3) + 84 * split, (one.context,))


def profile_ops(spec: Spec, keep: int, days: range) -> int:
    """Statements for the profiles of those days: an hour is 12, and 5 and its square for each count sorted in."""
    kept = [min(keep, day // 7) for day in days]
    return max(24, spec.hours) * sum(12 + 5 * k + k * k for k in kept)


def search_ops(spec: Spec, keep: int, sets: int) -> int:
    """Cost model, counted in the plain path: 19 statements per set and hour learnt, 10 per set and hour scored."""
    days = range(7, spec.first_test // 24 + 7 * spec.blocks)
    return profile_ops(spec, keep, days) + sets * (len(days) * 24 * 19 + 7 * spec.blocks * spec.hours * 10)


def forecast_ops(spec: Spec, sets: Sequence[Set], split: int) -> int:
    """Cost model: as a search, once for each profile; then the errors of three hours are sorted for each hour."""
    days = range(7, 7 * spec.weeks + 1)
    profiles = sum(profile_ops(spec, keep, days) for keep, _ in {(one[0], one[1]) for one in sets})
    learnt = len(sets) * (len(days) * 24 * 19 + (7 * spec.blocks + 1) * spec.hours * 10)
    errors = 21 * split
    return profiles + learnt + spec.hours * (errors * (3 * errors + 40) // 4 + 21 * spec.blocks + 120)


def heap_bytes(spec: Spec, sets: int) -> int:
    """Working set on a 32-bit board: the context, the state, and 4,600 bytes for the kernel and its small objects."""
    return 2 * WEEK * spec.weeks + 4 * int(kernel.SETS + kernel.SIZE * sets) + 4600


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


def _errors(spec: Spec, answers: Sequence[bytes | None]) -> Errors:
    return Errors([sums for answer in answers if answer is not None
                   for sums in struct.iter_unpack(f"<{spec.blocks}I", answer)])


def _found(spec: Spec, known: Errors, answers: Sequence[bytes | None]) -> Found:
    chunks = _chunks(spec)
    parts = [part for part in answers[:chunks] if part is not None]
    whole = len(parts) == chunks
    roots = list(struct.iter_unpack("<HHH", b"".join(parts))) if whole else []
    rehearsals = [None if answer is None else Rehearsal(*struct.unpack("<IHHI", answer))
                  for answer in answers[chunks:]]
    return Found(known.winner(), known.best(spec.blocks), roots, rehearsals)


def _chunks(spec: Spec) -> int:
    return -(-spec.hours // HOURS_PER_ANSWER)


def _parts(answers: Sequence[bytes | None], count: int) -> list[Sequence[bytes | None]]:
    """The answers of each of ``count`` detectors."""
    each = len(answers) // count if count else 0
    return [answers[at * each:(at + 1) * each] for at in range(count)]
