"""What everything else works on: stations and targets in one plane."""

from __future__ import annotations

from dataclasses import dataclass

from lamplighter.tasks.environment.airmap.method.near import Point
from lamplighter.tasks.environment.airmap.method.plane import Plane
from lamplighter.tasks.environment.airmap.method.targets import Targets
from lamplighter.tasks.environment.airmap.method.variogram import Variogram


@dataclass(frozen=True, slots=True)
class Spec:
    """What ``solve`` needs: distinct stations, and where a map is wanted, all in one plane.

    ``values`` is what is kriged: the readings or, with ``log``, their natural logarithms.
    """

    quantity: str
    unit: str
    plane: Plane
    ids: list[str]
    places: list[Point]
    readings: list[float]
    values: list[float]
    log: bool
    targets: Targets
    target_ids: list[str]
    variogram: Variogram | None
    diagonal_m: float
    notes: list[str]
