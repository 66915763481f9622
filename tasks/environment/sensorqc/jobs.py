"""Spec -> jobs of the kernel of ``airmap``: tiles of one time that predict each place from the others."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from lamplighter.tasks.environment.airmap.jobs import NEIGHBOURS, Cutter, Tile, check
from lamplighter.tasks.environment.airmap.method.near import Near
from lamplighter.tasks.environment.sensorqc.spec import Spec

__all__ = ["Cut", "beside", "check", "left_out"]


@dataclass(frozen=True, slots=True)
class Cut:
    """A tile of time ``t``; its target numbers count along ``names``, which are places."""

    t: int
    tile: Tile
    names: list[int]

    @property
    def places(self) -> list[int]:
        """The place of each target, in the order of its answers."""
        return [self.names[target] for target in self.tile.targets]


def left_out(spec: Spec, t: int, without: frozenset[int] = frozenset(), only: Collection[int] | None = None
             ) -> list[Cut]:
    """Each place with readings at ``t`` (or of these ``only``), predicted from the other places.

    Readings of the stations ``without`` predict nobody; their own places can still be among the predicted.
    """
    values = spec.at(t, without)
    if len(values) < 2:
        return []
    known = list(values)
    names = known + [place for place in sorted(only or ()) if place not in values]
    wanted = [number for number, place in enumerate(names) if only is None or place in only]
    cutter = Cutter([spec.places[place] for place in known], list(values.values()))
    tiles = cutter.cut([spec.places[names[number]] for number in wanted],
                       [spec.order[names[number]] for number in wanted], leave_out=True, numbers=wanted)
    return [Cut(t, tile, names) for tile in tiles]


def beside(spec: Spec, t: int, stations: frozenset[int]) -> set[int]:
    """The places at time ``t`` that a reading of ``stations`` helped to predict."""
    there = list(spec.at(t))
    touched = {spec.place_of[i] for i in stations}
    near = Near([spec.places[place] for place in there])
    found = set()
    for place in there:
        nearest = near.around(spec.places[place], NEIGHBOURS + 1)
        if any(there[number] in touched and there[number] != place for _, number in nearest):
            found.add(place)
    return found
