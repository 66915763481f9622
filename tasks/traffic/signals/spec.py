"""What everything else works on: junctions, demand, and its windows as devices get them."""

from __future__ import annotations

from dataclasses import dataclass

from lamplighter.tasks.api import Context
from lamplighter.tasks.readers.network import Demand, Network
from lamplighter.tasks.traffic.signals.model import Search

CHECK_SEED = 1_000_003
"""Further on from the seed of the search are those of the demand that finalists are judged on."""
Plan = tuple[tuple[int, ...], ...]
"""Per junction the offset and the durations of its adjustable phases, in 0.1 s."""


@dataclass(frozen=True, slots=True)
class Window:
    """Vehicles of one departure window of one replica, as a context."""

    context: Context
    replica: int
    vehicles: int
    passages: int
    """Signals passed by all its vehicles together."""
    counted: int
    length_ds: int


@dataclass(frozen=True, slots=True)
class Region:
    """Some junctions of a city as a network of their own."""

    junctions: tuple[int, ...]
    network: Network
    movements: dict[int, int]
    """The city's movements as the region's."""


@dataclass(frozen=True, slots=True)
class Spec:
    """A validated request with all it needs to run."""

    network: Network
    demand: Demand
    search: Search
    cycles_ds: tuple[int, ...]
    """The cycles to try, in 0.1 s."""
    shared: Context
    training: tuple[Window, ...]
    unseen: tuple[Window, ...]
    """The same demand, jittered anew: what the finalists are judged and the prediction is made on."""
    notes: tuple[str, ...]
    """What was not taken into account, a sentence each."""
    regions: tuple[tuple[Region, Spec], ...] = ()
    """Of a city that no device can hold: its regions. Then the windows are theirs alone."""
