"""What everything else works on: the feeder as a tree, its demand, and the contexts of its jobs."""

from __future__ import annotations

from dataclasses import dataclass

from lamplighter.tasks.api import Context
from lamplighter.tasks.energy.evhosting.method.tree import Tree
from lamplighter.tasks.energy.evhosting.model import EvHosting, Statistics
from lamplighter.tasks.readers.feeder import Feeder


@dataclass(frozen=True, slots=True)
class Demand:
    """Demand of one bus without cars: kW and kvar per slot of the day, and places for cars."""

    kw: tuple[float, ...]
    kvar: tuple[float, ...]
    cars: int


@dataclass(frozen=True, slots=True)
class Spec:
    """A prepared task. ``contexts`` by policy: network, demand, day, profiles and, where there are any, shunts, as
    the kernel's ``load`` reads them. ``source_pu`` is the no-load voltage behind the transformer at the source.
    """

    asked: EvHosting
    feeder: Feeder
    tree: Tree
    demand: tuple[Demand, ...]
    statistics: Statistics
    base_kva: float
    source_pu: float
    contexts: dict[str, tuple[Context, ...]]
    notes: tuple[str, ...] = ()
    """What was not taken into account of what was sent."""

    @property
    def slots(self) -> int:
        """How many quarter-hours are studied."""
        return self.asked.last_slot - self.asked.first_slot + 1

    @property
    def places(self) -> int:
        """How many cars charge here at level 100 %."""
        return sum(one.cars for one in self.demand)

    def cars(self, level_percent: int) -> int:
        """How many cars to expect here at a level, rounded to the nearest; an evening may have more or fewer."""
        return (self.places * level_percent + 50) // 100
