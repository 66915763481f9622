"""Whether queues fit their streets."""

from __future__ import annotations

from typing import Any

import pytest

from lamplighter.tasks.traffic.signals.jobs import Cost, shipped_plan
from lamplighter.tasks.traffic.signals.method.plain import read_plain
from lamplighter.tasks.traffic.signals.method.storage import FULL, full
from lamplighter.tasks.traffic.signals.model import Plain


def test_queues_are_held_against_their_streets(crossing: dict[str, Any]) -> None:
    """By how many wait on average over all copies; of lanes that have room for any number nothing is said, nor of a
    junction that nobody reaches from another signal: whoever queues before it blocks no other."""
    crossing["routes"][0]["departures_s"] = [0.0, 600.0]
    crossing["junctions"][0]["lane_room_vehicles"] = {"s": 20, "e": 20, "w": 10}
    network, demand = read_plain(Plain.model_validate(crossing), 0.0, None, 1)
    assert full(network, demand, shipped_plan(network), Cost((10**9,), (10**9,))) == set()
    crossing["routes"].append({"legs": [{"travel_s": 1, "movement": "east"}, {"travel_s": 1, "movement": "south"}],
                               "departures_s": [300]})
    network, demand = read_plain(Plain.model_validate(crossing), 0.0, None, 1)
    waiting = int(FULL * 50 * 2 * 6001)
    plan = shipped_plan(network)
    assert full(network, demand, plan, Cost((waiting + 1,), (waiting, 1))) == {0}
    assert full(network, demand, plan, Cost((waiting,), (waiting - 1, 1))) == set()
    crossing["junctions"][0]["lane_room_vehicles"] = {"s": 20, "e": 20}
    network, demand = read_plain(Plain.model_validate(crossing), 0.0, None, 1)
    assert full(network, demand, plan, Cost((10**9,), (10**9,))) == set()


@pytest.mark.parametrize(("room", "vehicles", "expected"), [(12, 11, set()), (12, 12, {0}), (None, 200, set())])
def test_the_longest_queue_is_held_against_its_street(crossing: dict[str, Any], room: int | None, vehicles: int,
                                                      expected: set[int]) -> None:
    """All who arrive in one red stand at once; where nobody comes from another signal, nobody is blocked."""
    crossing["routes"] = [{"legs": [{"travel_s": 10, "movement": "south"}],
                           "departures_s": [50 + n / 10 for n in range(vehicles)]}]
    crossing["junctions"][0]["lane_room_vehicles"] = {} if room is None else {"s": room}
    network, demand = read_plain(Plain.model_validate(crossing), 0.0, None, 1)
    assert full(network, demand, shipped_plan(network), Cost((0,), (0,))) == set()
    crossing["routes"].append({"legs": [{"travel_s": 1, "movement": "east"}, {"travel_s": 1, "movement": "south"}],
                               "departures_s": [900]})
    network, demand = read_plain(Plain.model_validate(crossing), 0.0, None, 1)
    assert full(network, demand, shipped_plan(network), Cost((0,), (0,))) == expected
