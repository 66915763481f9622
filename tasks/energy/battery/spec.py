"""What everything else works on: prices, and batteries in the whole units of the devices."""

from __future__ import annotations

from array import array
from collections.abc import Sequence
from dataclasses import dataclass

from lamplighter.tasks.api import Context
from lamplighter.tasks.energy.battery.model import Batteries, Home

PRICE_STEPS = 16_383


@dataclass(frozen=True, slots=True)
class Store:
    """A battery in units: what 1 W for a quarter-hour adds and takes, W in and out and to the grid at most, units
    held at most (``full``), at first (``held``) and at the end at least (``end``), all above ``soc_min_wh``."""

    home: Home
    net_w: array[int]
    add: int
    take: int
    charge_w: int
    discharge_w: int
    export_w: int
    full: int
    held: int
    end: int

    @property
    def unit_wh(self) -> float:
        """Wh inside the battery per unit."""
        return 250 / (self.home.discharge_efficiency_permille * self.take)

    @property
    def top_wh(self) -> float:
        """Wh stored at ``full`` units, which lies a little below the capacity."""
        return self.home.soc_min_wh + self.full * self.unit_wh

    @property
    def idle(self) -> bool:
        """Whether there is nothing to plan: no battery, or none that takes or gives a watt."""
        return self.full < self.take or self.charge_w + self.discharge_w == 0

    def stored_wh(self, plan_w: Sequence[int]) -> list[float]:
        """Wh stored at the end of each quarter-hour under a plan."""
        units, out, low, each = self.held, [], self.home.soc_min_wh, self.unit_wh
        for watts in plan_w:
            units += watts * (self.add if watts >= 0 else self.take)
            out.append(low + units * each)
        return out


@dataclass(frozen=True, slots=True)
class Spec:
    """A prepared task: prices of the day's quarter-hours in EUR/MWh, the same as devices get them, and batteries."""

    asked: Batteries
    buy: tuple[float, ...]
    sell: tuple[float, ...]
    context: Context
    stores: tuple[Store, ...]
    by_input: dict[bytes, Store]
    """The batteries that need a job, by its input; equal inputs are equal batteries."""
    notes: tuple[str, ...] = ()
    """What was not taken into account of what was sent."""

    @property
    def slots(self) -> int:
        """Quarter-hours of the day: 96, or 92 and 100 where the clocks change."""
        return len(self.buy)
