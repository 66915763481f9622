"""Plans to start from, and the moves that make new plans of old ones."""

from __future__ import annotations

import copy
from typing import Any

from lamplighter.tasks.traffic.signals.method.search import START_UP_DS, Moves, alive
from lamplighter.tasks.traffic.signals.model import Search, SignalsInput
from lamplighter.tasks.traffic.signals.prepare import prepare


def test_a_weaker_pair_leaves_the_wave_of_a_stronger_one(crossing: dict[str, Any]) -> None:
    """Two crossings that many pass eastbound and few westbound: once joined, the few move neither of them again."""
    first = crossing["junctions"][0]
    second = copy.deepcopy(first) | {"id": "D"}
    for movement in second["movements"]:
        movement["id"] += "2"
        movement["gives_way_to"] = [name + "2" for name in movement.get("gives_way_to", ())]
    routes = [
        {"legs": [{"travel_s": 10, "movement": "east"}, {"travel_s": 10, "movement": "east2"}],
         "departures_s": [float(n) for n in range(30)]},
        {"legs": [{"travel_s": 10, "movement": "west2"}, {"travel_s": 25, "movement": "west"}],
         "departures_s": [float(n) for n in range(5)]}]
    spec = prepare(SignalsInput.model_validate({"plain": {"junctions": [first, second], "routes": routes}}))
    moves = Moves(spec.network, spec.demand, 50, 1)
    here, there = moves.waved(moves.shipped, 600)
    assert (there[0] - here[0]) % 600 == (100 + START_UP_DS) // 10 * 10


def _cycles_s(given: dict[str, Any], search: dict[str, Any]) -> list[int]:
    spec = prepare(SignalsInput.model_validate({**given, "search": search}))
    return [cycle // 10 for cycle in spec.cycles_ds]


def test_cycles_follow_the_load(crossing: dict[str, Any]) -> None:
    """Where nobody says which: five from 30 s up at little traffic, longer ones at more, whole pairs of seconds."""
    few = _cycles_s({"plain": crossing}, {})
    assert few == [30, 36, 44, 52, 60]
    departures = [2.7 * n for n in range(300)]
    crossing["routes"] = [{"legs": [{"travel_s": 10, "movement": name}], "departures_s": departures}
                          for name in ("south", "east")]
    many = _cycles_s({"plain": crossing}, {})
    assert len(many) == 5 and few[0] < many[0] and 60 < many[-1] <= 120 and all(cycle % 2 == 0 for cycle in many)
    crossing["routes"][0]["departures_s"] = [0.5 * n for n in range(300)]
    assert _cycles_s({"plain": crossing}, {}) == [50, 64, 78, 98, 120]
    assert _cycles_s({"plain": crossing}, {"cycles_s": [75]}) == [75]


def test_the_shortest_cycle_is_one_that_all_can_follow(crossing: dict[str, Any]) -> None:
    """Where signals need 40 s at least, no shorter cycle takes the place of one that can be followed."""
    for phase in crossing["junctions"][0]["phases"][::2]:
        phase["shortest_s"] = 16
    assert _cycles_s({"plain": crossing}, {})[0] == 40
    for phase in crossing["junctions"][0]["phases"][::2]:
        phase["shortest_s"] = 22
    assert _cycles_s({"plain": crossing}, {}) == [52, 62, 74, 88, 104]


def test_the_longest_cycle_has_room_at_every_junction(crossing: dict[str, Any]) -> None:
    """A walk of 60 s at one junction takes longer than little traffic needs: half as much again is tried, too."""
    second = copy.deepcopy(crossing["junctions"][0]) | {"id": "D"}
    for movement in second["movements"]:
        movement["id"] += "2"
        movement["gives_way_to"] = [name + "2" for name in movement.get("gives_way_to", ())]
    crossing["junctions"].append(second)
    few = _cycles_s({"plain": crossing}, {})
    for phase, walk in zip(second["phases"], "Grrr", strict=True):
        phase["signals"] += walk
    second["phases"][0]["duration_s"] = 60
    walked = _cycles_s({"plain": crossing}, {})
    assert few[0] == walked[0] == 30 and few[-1] == 60 < 73 < walked[-1] == 110


def test_the_better_half_of_the_cycles_goes_on() -> None:
    """After each fifth of the generations, whether the cycles were asked for or not."""
    assert [alive(Search(), 5, generation) for generation in range(0, 20, 4)] == [5, 3, 2, 1, 1]
