"""Plans to start from, and the moves that make new plans of old ones."""

from __future__ import annotations

import copy
from typing import Any

from lamplighter.tasks.traffic.signals.method.search import START_UP_DS, Moves
from lamplighter.tasks.traffic.signals.model import SignalsInput
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
