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
from lamplighter.tasks.environment.airmap.method.variogram import (
    Shape,
    Variogram,
    first_search,
    second_search,
    third_search,
)
from lamplighter.tasks.environment.airmap.spec import Spec

FEWEST = 10
MOST_PREDICTED = 900
NUGGETS = (0.0, 0.1, 0.25, 0.5, 0.8)
USUAL_REACH, REACH_FACTOR = 0.3, 2.0
USUAL_NUGGET, NUGGET_APART = 0.15, 0.25
"""What is thought of a field before it is seen: where its variogram is at its sill, as a share of the stations'
diagonal, within a factor; and its nugget's share of the sill, more or less. Chosen on the fields ``CHOSEN_ON`` of the
quality report."""
LUCK = 2.0
"""A direction must raise the logarithm of the likelihood by this: two parameters more (Akaike 1974)."""
LEAST_SHARE = 1e-6
DIGITS = 4

Answers = Sequence[bytes]
Asked = Generator[Sequence[Job], Answers, dict[Variogram, float]]


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
    """The variogram by restricted likelihood: coarse, fine, directions, and if one is worth it, fine again; and how
    it was found.

    Few stations make many variograms nearly as likely as the best one, which then leaps from one sample of a field
    to the next. So of each round the mean is taken, weighted by likelihood and by what is usual. Its sill is still
    1. ``beside`` are jobs that go before those of the first round; their answers are passed over. The mean is
    rounded, so that it is the same wherever this runs again.
    """
    plain = Order.of(spec, spec.places)
    best = _mean(spec, (yield from plain.likely(first_search(spec.diagonal_m, NUGGETS), beside)))
    best = _mean(spec, (yield from plain.likely(second_search(best))))
    third = third_search(best)
    orders = {one: Order.of(spec, one.stretched(spec.places)) for one in third}
    jobs = [(one, order.jobs([one])) for one, order in [(best, plain), *orders.items()]]
    each = iter((yield [job for _, some in jobs for job in some]))
    directed = {one: order.logs([one], each)[one] for one, order in [(best, plain), *orders.items()]}
    turned = max(third, key=lambda one: directed[one])
    if directed[turned] >= directed[best] + LUCK:
        best = _mean(spec, (yield from orders[turned].likely(second_search(turned))))
    return best, "likely: mean of those tried, weighted by restricted likelihood and by what is usual"


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
        """Asks for these sets, and gives the logarithm of each one's restricted likelihood, less a constant."""
        answers = yield [*beside, *self.jobs(sets)]
        return self.logs(sets, iter(answers[len(beside):]))

    def logs(self, sets: list[Variogram], answers: Iterator[bytes]) -> dict[Variogram, float]:
        """The same from answers to ``jobs(sets)``, with the sill that makes each set likeliest."""
        terms: dict[Variogram, list[tuple[float, float]]] = {one: [] for one in sets}
        for tile in self.tiles:
            for part in tile.together(sets):
                for one, found in zip(part, tile.estimates(next(answers), part), strict=True):
                    terms[one] += self._terms(tile, found)
        return {one: -(len(some) * math.log(max(self.least, math.fsum(ratio for ratio, _ in some) / len(some)))
                       + math.fsum(log for _, log in some)) / 2 for one, some in terms.items()}

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


def _mean(spec: Spec, likely: dict[Variogram, float]) -> Variogram:
    """The mean of the likelier shape's sets."""
    logs = {one: log - _unusual(one, spec.diagonal_m) for one, log in likely.items()}
    highest = max(logs.values())
    weights = {one: math.exp(log - highest) for one, log in logs.items()}
    first = max(logs, key=lambda one: logs[one])
    shapes: tuple[Shape, ...] = ("exponential", "spherical")
    shape = max(shapes, key=lambda name: math.fsum(
        weight for one, weight in weights.items() if one.shape == name))
    some = {one: weight for one, weight in weights.items() if one.shape == shape}
    total = math.fsum(some.values())
    reach = math.exp(math.fsum(weight * math.log(one.range_m) for one, weight in some.items()) / total)
    nugget = math.fsum(weight * one.nugget_share for one, weight in some.items()) / total
    return replace(first, shape=shape, range_m=float(f"{reach:.{DIGITS}g}"), nugget_share=round(nugget, DIGITS))


def _unusual(one: Variogram, diagonal_m: float) -> float:
    """How much less likely a variogram is thought to be than the usual one, as a logarithm."""
    reach = one.range_m * math.sqrt(one.ratio) * (3 if one.shape == "exponential" else 1)
    far = math.log(reach / (USUAL_REACH * diagonal_m)) / math.log(REACH_FACTOR)
    return (far**2 + ((one.nugget_share - USUAL_NUGGET) / NUGGET_APART) ** 2) / 2
