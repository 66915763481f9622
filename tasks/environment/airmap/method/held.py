"""Stations held out, each predicted from the others: all others, or only those as far away as a map's places see."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from lamplighter.tasks.environment.airmap.jobs import NEIGHBOURS, Cutter, Tile
from lamplighter.tasks.environment.airmap.method.near import Near
from lamplighter.tasks.environment.airmap.method.targets import boxed
from lamplighter.tasks.environment.airmap.method.variogram import Variogram
from lamplighter.tasks.environment.airmap.spec import Spec

FEWEST_PLACES = 16
MOST_PLACES = 1_024


def left_out(spec: Spec, variogram: Variogram) -> list[Tile]:
    """Tiles that predict every station from all others."""
    places = variogram.stretched(spec.places)
    return Cutter(places, spec.values).cut(places, boxed(places), leave_out=True)


@dataclass(frozen=True, slots=True)
class Apart:
    """For each station that stands closer to another than the map's places do: which others are too near to it.

    Distances from the map's places to their nearest stations, and from stations to each other, are put in order and
    matched rank by rank (after Milà and others 2022, nearest neighbour distance matching): so stations are held out
    as far from the others as the places of the map are. With all stations alone, or most places near, no one is too
    near. Never more than half of the others are.
    """

    too_near: dict[int, frozenset[int]]
    short: int
    """Stations that even so have a nearer one than their place of the map has: there, errors may be larger."""

    @classmethod
    def of(cls, spec: Spec) -> Apart:
        """Nobody where the map has fewer than 16 places, which say nothing of how far places are."""
        near = Near(spec.places)
        wanted = sorted(near.around(spec.targets.at(t), 1)[0][0] for t in spec.targets.sample(MOST_PLACES))
        count = len(spec.places)
        if len(wanted) < FEWEST_PLACES or count < 3:
            return cls({}, 0)
        own = [near.around(place, 2)[1][0] for place in spec.places]
        too_near: dict[int, frozenset[int]] = {}
        short = 0
        for rank, i in enumerate(sorted(range(count), key=lambda i: (own[i], i))):
            apart_m = wanted[(2 * rank + 1) * len(wanted) // (2 * count)]
            others, short_here = _nearer(near, i, apart_m)
            short += short_here
            if others:
                too_near[i] = others
        return cls(too_near, short)

    def tiles(self, spec: Spec, variogram: Variogram) -> list[Tile]:
        """Tiles that predict these stations from those that are not too near."""
        if not self.too_near:
            return []
        places = variogram.stretched(spec.places)
        near = Near(places)
        found = [[j for _, j in near.around(places[i], len(others) + NEIGHBOURS + 1) if j != i and j not in others]
                 for i, others in self.too_near.items()]
        return Cutter(places, spec.values).cut_apart(list(self.too_near), [some[:NEIGHBOURS] for some in found])

    def weight(self, i: int) -> float:
        """Stations too near to each other count as one together."""
        return 1 / (1 + len(self.too_near.get(i, ())))

    def inverse_distance(self, spec: Spec) -> list[float]:
        """Each station's reading by inverse squared distance from the twelve nearest that are not too near."""
        near = Near(spec.places)
        return [_inverse(spec.values, [(away, j) for away, j in near.around(
            place, len(others) + NEIGHBOURS + 1) if j != i and j not in others][:NEIGHBOURS])
            for i, place in enumerate(spec.places) for others in [self.too_near.get(i, frozenset())]]


def _nearer(near: Near, i: int, apart_m: float) -> tuple[frozenset[int], bool]:
    """The stations nearer to station i than this, half of the others at most; and whether there are more."""
    place, most = near.places[i], (len(near.places) - 1) // 2
    count = NEIGHBOURS
    while True:
        around = near.around(place, count)
        if around[-1][0] >= apart_m or count > most + 1:   # the station itself is among them
            break
        count *= 2
    nearer = [j for away, j in around if away < apart_m and j != i]
    return frozenset(nearer[:most]), len(nearer) > most


def _inverse(values: Sequence[float], near: Sequence[tuple[float, int]]) -> float:
    weights = [(away**-2, values[j]) for away, j in near]
    return sum(weight * value for weight, value in weights) / sum(weight for weight, _ in weights)
