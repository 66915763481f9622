"""Searches the variogram, in jobs: the one that the readings make likely, as far as they can tell."""

from __future__ import annotations

import math
from collections.abc import Generator, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

from lamplighter.tasks.api import Job
from lamplighter.tasks.environment.airmap.jobs import Cutter, Estimate, Tile, along
from lamplighter.tasks.environment.airmap.method.near import Point
from lamplighter.tasks.environment.airmap.method.targets import boxed, scattered
from lamplighter.tasks.environment.airmap.method.typical import Likely, distances, typical
from lamplighter.tasks.environment.airmap.method.variogram import Variogram, first_search, third_search, turned
from lamplighter.tasks.environment.airmap.spec import Spec

FEWEST = 10
MOST_PREDICTED = 900
NUGGETS = (0.0, 0.1, 0.25, 0.5, 0.8)
USUAL_REACH, USUAL_NUGGET = 0.3, 0.15
"""Where a field's variogram usually is at its sill, as a share of the stations' diagonal; and its nugget's share of
the sill. Chosen on the fields ``CHOSEN_ON`` of the quality report."""
LUCK = 2.0
"""A direction must raise the logarithm of the likelihood by this: two parameters more (Akaike 1974)."""
LEAST_SHARE = 1e-6

Answers = Sequence[bytes]
Asked = Generator[Sequence[Job], Answers, Likely]


def worth_it(spec: Spec) -> bool:
    """Whether there are ten different places, and readings that differ."""
    return len(spec.places) >= FEWEST and max(spec.values) > min(spec.values)


def by_rule(spec: Spec) -> Variogram:
    """What is usual, where the readings cannot tell; with their variance as sill."""
    return Variogram("exponential", USUAL_REACH * spec.diagonal_m / 3, USUAL_NUGGET, variance(spec.values))


def variance(values: Sequence[float]) -> float:
    mean = math.fsum(values) / len(values)
    return math.fsum((value - mean) ** 2 for value in values) / (len(values) - 1)


def search(spec: Spec, beside: Sequence[Job]) -> Generator[Sequence[Job], Answers, tuple[Variogram, str]]:
    """The variogram by restricted likelihood: all, directions, and if one is worth it, all in that one; and how.

    Few stations make many variograms nearly as likely as the best one, which then leaps from one sample of a field
    to the next. So what is ``typical`` of all that were tried is taken, and of a direction half: the likeliest of
    eight owes some of that to chance. Its sill is still 1. ``beside`` are jobs that go before those of the first
    round; their answers are passed over.
    """
    plain = Order.of(spec, spec.places)
    first = first_search(spec.diagonal_m, NUGGETS)
    likely = yield from plain.likely(first, beside)
    best = typical(likely, distances(spec, first[0]))
    turns = third_search(best)
    tried = [(best, plain), *((one, Order.of(spec, one.stretched(spec.places))) for one in turns)]
    each = iter((yield [job for one, order in tried for job in order.jobs([one])]))
    logs = [log for one, order in tried for _, log in order.logs([one], each)]
    most = max(range(1, len(tried)), key=lambda number: logs[number])
    if logs[most] >= logs[0] + LUCK:
        way = turned(best, tried[most][0].angle_deg, math.sqrt(tried[most][0].ratio))
        order = Order.of(spec, way.stretched(spec.places))
        likely = yield from order.likely([turned(one, way.angle_deg, way.ratio) for one in first])
        best = typical(likely, distances(spec, way))
    return best, "likely: nearest to the mean of those tried, weighted by restricted likelihood"


@dataclass(frozen=True, slots=True)
class Order:
    """All stations in an order in which each is predicted from those before it.

    The product of these predictions' densities is the restricted likelihood (Stein, Chi and Welty 2004). The order
    leaps over the map, so that early stations tell of long distances and late ones of short ones: stations that stand
    in pairs count as much as they say, where leaving out one at a time hears nothing but their twins.
    """

    values: Sequence[float]
    tiles: list[Tile]
    least: float

    @classmethod
    def of(cls, spec: Spec, places: Sequence[Point]) -> Order:
        """Predictions of at most 900 stations: of every second, third ... in this order where there are more."""
        curve = along(boxed(places))
        order = [curve[at] for at in scattered(len(curve))]
        step = math.ceil(len(order) / MOST_PREDICTED)
        tiles: list[Tile] = []
        for known, end in pairwise(_batches(len(order))):
            before = order[:known]
            wanted = order[known:end][-known % step::step]
            if wanted:
                points = [places[i] for i in wanted]
                cutter = Cutter([places[i] for i in before], [spec.values[i] for i in before])
                tiles += cutter.cut(points, boxed(points), numbers=wanted, small=True)
        return cls(spec.values, tiles, 1e-12 * variance(spec.values))

    def jobs(self, sets: list[Variogram]) -> list[Job]:
        return [tile.job(part) for tile in self.tiles for part in tile.together(sets)]

    def likely(self, sets: list[Variogram], beside: Sequence[Job] = ()) -> Asked:
        """Asks for these sets: see ``logs``."""
        answers = yield [*beside, *self.jobs(sets)]
        return self.logs(sets, iter(answers[len(beside):]))

    def logs(self, sets: list[Variogram], answers: Iterator[bytes]) -> list[tuple[Variogram, float]]:
        """Each set with the sill that makes it likeliest, and the logarithm of its restricted likelihood then, less a
        constant; from answers to ``jobs(sets)``."""
        terms: dict[Variogram, list[tuple[float, float]]] = {one: [] for one in sets}
        for tile in self.tiles:
            for part in tile.together(sets):
                for one, found in zip(part, tile.estimates(next(answers), part), strict=True):
                    terms[one] += self._terms(tile, found)
        likely = []
        for one, some in terms.items():
            sill = max(self.least, math.fsum(ratio for ratio, _ in some) / len(some))
            likely.append((replace(one, sill=sill),
                           -(len(some) * math.log(sill) + math.fsum(log for _, log in some)) / 2))
        return likely

    def _terms(self, tile: Tile, found: Sequence[Estimate]) -> Iterator[tuple[float, float]]:
        """Squared error by variance share, and that share's logarithm."""
        for t, one in zip(tile.targets, found, strict=True):
            share = max(LEAST_SHARE, one.variance_share)
            yield (self.values[t] - one.value) ** 2 / share, math.log(share)


def _batches(count: int) -> list[int]:
    """Where batches of stations begin and end: each is predicted from those before, and a quarter as large."""
    ends = [1]
    while ends[-1] < count:
        ends.append(min(count, ends[-1] + max(1, ends[-1] // 4)))
    return ends
