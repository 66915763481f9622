"""What everything else works on: each detector's last weeks on one grid."""

from __future__ import annotations

import math
from dataclasses import dataclass

from lamplighter.tasks.api import Context
from lamplighter.tasks.traffic.forecast.method.clock import Clock

WEEK = 168
BLOCKS_MAX = 4
"""Back-tests come in blocks of seven midnights; as many as leave two weeks to learn from."""


@dataclass(frozen=True, slots=True)
class Series:
    """One detector's last weeks: flows in vehicles per hour by grid hour, None where nothing was counted.

    ``unit`` is what one squared unit of the devices' roots is, in vehicles per hour.
    """

    id: str
    flows: tuple[float | None, ...]
    unit: float
    context: Context

    def flow(self, root: int) -> float:
        """A device's square root as vehicles per hour."""
        return root * root * self.unit


@dataclass(frozen=True, slots=True)
class Spec:
    """A prepared task. ``origin`` is the grid place of the first hour to forecast."""

    clock: Clock
    origin: int
    weeks: int
    hours: int
    band_percent: int
    series: tuple[Series, ...]
    refused: tuple[tuple[str, str], ...]
    notes: tuple[str, ...]
    shifts: tuple[int, int] = (0, 0)
    """For the first and the second day ahead: days back to the weekday whose profile it takes, 0 for its own."""

    @property
    def blocks(self) -> int:
        """How many weeks of back-tests there are."""
        return min(BLOCKS_MAX, self.weeks - 2)

    @property
    def first_test(self) -> int:
        """The hour of the history at which the first back-test forecasts."""
        return WEEK * self.weeks - 24 * (math.ceil(self.hours / 24) + 7 * self.blocks - 1)
