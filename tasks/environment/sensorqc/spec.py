"""What everything else works on: stations in one plane, their readings by time."""

from __future__ import annotations

import math
from dataclasses import dataclass

from lamplighter.tasks.environment.airmap.method.near import Point
from lamplighter.tasks.environment.airmap.method.plane import Plane
from lamplighter.tasks.environment.airmap.method.variogram import Variogram

Row = list[float | None]


@dataclass(frozen=True, slots=True)
class Spec:
    """What ``solve`` needs. ``rows[t][i]`` is what is kriged: station i's reading at time t, or its logarithm.

    ``place_of[i]`` is the place of station i in ``places``, of which several stations may share one: metres, in a
    plane where a given variogram is the same in all directions;
    ``order`` has the places' coordinates for Hilbert's curve.
    """

    quantity: str
    unit: str
    plane: Plane
    ids: list[str]
    times: list[str]
    rows: list[Row]
    log: bool
    place_of: list[int]
    places: list[Point]
    order: list[tuple[int, int]]
    diagonal_m: float
    variogram: Variogram | None
    threshold: float
    each_time: bool
    recheck: bool
    predictions: bool
    notes: list[str]

    def at(self, t: int, without: frozenset[int] = frozenset()) -> dict[int, float]:
        """The value at each place that has readings at time ``t``: their mean, stations ``without`` left out."""
        there: dict[int, list[float]] = {}
        for i, value in enumerate(self.rows[t]):
            if value is not None and i not in without:
                there.setdefault(self.place_of[i], []).append(value)
        return {place: math.fsum(values) / len(values) for place, values in sorted(there.items())}
