"""One variogram for all times, found in jobs on a sample of them."""

from __future__ import annotations

from collections.abc import Generator, Sequence
from statistics import median

from lamplighter.tasks.api import DeadlinePassed, Job
from lamplighter.tasks.environment.airmap.method.variogram import Variogram, first_search, second_search
from lamplighter.tasks.environment.sensorqc.jobs import Cut, left_out
from lamplighter.tasks.environment.sensorqc.method.book import Book
from lamplighter.tasks.environment.sensorqc.method.judge import NORMAL
from lamplighter.tasks.environment.sensorqc.spec import Spec

FEWEST = 10
SAMPLE_PREDICTIONS = 2_000
FAR = 3
"""Errors count by their square up to so many robust standard deviations, beyond by their size (Huber 1964).

On PM10 of 2003, 2004 and 2006 this came within 0.2 % of the least error found; absolute errors within 0.4 %.
"""
UNITS = 1 << 20

Asked = Generator[Sequence[Job], Sequence[bytes], tuple[Variogram, str]]


def by_rule(spec: Spec) -> Variogram:
    """Exponential, without nugget, range a sixth of the stations' diagonal; its sill comes from the errors."""
    return Variogram("exponential", spec.diagonal_m / 6, 0.0)


def choose(spec: Spec, preview: Book) -> Asked:
    """The given variogram, or the one with the least leave-one-out error over a sample of times; and how.

    Large errors count less than by their square, so that the liars sought do not decide. Errors are summed as
    integers: the choice is the same wherever this runs again. The sill is still 1 where it was not given. With
    fewer than ten places, or readings all equal, by rule. The first round also checks the sample for ``preview``,
    which is what can be said if the deadline passes meanwhile.
    """
    if spec.variogram is not None:
        return spec.variogram, "given"
    sample = _sample(spec)
    if len(spec.places) < FEWEST or not sample:
        return preview.variogram, "by rule: too few different readings to search"
    cuts = [cut for t in sample for cut in left_out(spec, t)]
    first = first_search(spec.diagonal_m)
    jobs = [cut.tile.job(part) for cut in cuts for part in cut.tile.together(first)]
    try:
        answers = yield [*(cut.tile.job([preview.variogram]) for cut in cuts), *jobs]
    except DeadlinePassed as late:
        preview.write(cuts, late.answers[:len(cuts)])
        raise
    preview.write(cuts, answers[:len(cuts)])
    best = _least(spec, cuts, first, answers[len(cuts):])
    second = second_search(best)
    best = _least(spec, cuts, second, (yield [cut.tile.job(part) for cut in cuts
                                              for part in cut.tile.together(second)]))
    tried = len(first) + len(second) - 1
    return best, f"best of {tried} by leave-one-out at {len(sample)} times; sill from the leave-one-out errors"


def _sample(spec: Spec) -> list[int]:
    """Times evenly taken that have ten places and readings that differ; about 2,000 predictions in all."""
    sizes = {t: len(there) for t in range(len(spec.times))
             if len(there := spec.at(t)) >= FEWEST and min(there.values()) < max(there.values())}
    if not sizes:
        return []
    usable = list(sizes)
    count = max(1, min(len(usable), round(SAMPLE_PREDICTIONS * len(usable) / sum(sizes.values()))))
    return [usable[(2 * number + 1) * len(usable) // (2 * count)] for number in range(count)]


def _least(spec: Spec, cuts: list[Cut], sets: list[Variogram], answers: Sequence[bytes]) -> Variogram:
    each = iter(answers)
    sizes: dict[Variogram, list[float]] = {one: [] for one in sets}
    for cut in cuts:
        values = spec.at(cut.t)
        for part in cut.tile.together(sets):
            for one, guesses in zip(part, cut.tile.estimates(next(each), part), strict=True):
                sizes[one] += [abs(guess.value - values[place])
                               for place, guess in zip(cut.places, guesses, strict=True)]
    limit = FAR * NORMAL * min(map(median, sizes.values())) or max(map(max, sizes.values())) or 1.0
    return min(sizes, key=lambda one: sum(_loss(size / limit) for size in sizes[one]))


def _loss(size: float) -> int:
    """Huber's, in integers: of an error in units of its limit."""
    return round(UNITS * (size * size if size < 1 else 2 * size - 1))
