"""Crossings in plain fields that the tests of traffic.signals share."""

from __future__ import annotations

import random
from typing import Any

import pytest


@pytest.fixture
def crossing() -> dict[str, Any]:
    """The crossing of ``network_xml`` in plain fields, with departures a test may replace."""
    return {"junctions": [{
        "id": "C", "offset_s": 0,
        "phases": [{"duration_s": 30, "signals": "rGGg"}, {"duration_s": 4, "signals": "ryyy"},
                   {"duration_s": 22, "signals": "Grrr"}, {"duration_s": 4, "signals": "yrrr"}],
        "movements": [
            {"id": "south", "turn": "straight", "lanes": ["s"], "signal": 0},
            {"id": "east", "turn": "straight", "lanes": ["e"], "signal": 1},
            {"id": "west", "turn": "straight", "lanes": ["w"], "signal": 2},
            {"id": "left", "turn": "left", "lanes": ["w"], "signal": 3, "gives_way_to": ["east"]}]}],
        "routes": [{"legs": [{"travel_s": 10, "movement": "south"}], "departures_s": [0.0]}]}


@pytest.fixture
def wild_street() -> Any:
    """``wild_street(seed)``: a random street in plain fields, for comparing simulations on odd inputs."""

    def make(seed: int) -> dict[str, Any]:
        pick = random.Random(seed)
        junctions = []
        for j in range(pick.randint(1, 4)):
            signals = pick.randint(2, 7)
            phases = [{"duration_s": pick.choice([1, 2.5, 5, 17, 40]),
                       "signals": "".join(pick.choice("GGgyrr") for _ in range(signals))}
                      for _ in range(pick.randint(1, 9))]
            phases.append({"duration_s": 12, "signals": "G" * signals})
            names = [f"{j}.{m}" for m in range(pick.randint(1, 6))]
            movements = [{"id": name, "turn": pick.choice(["straight", "right", "left"]),
                          "lanes": pick.sample(["a", "b", "c", "d"], pick.randint(1, 3)),
                          "signal": pick.randrange(signals),
                          "gives_way_to": [n for n in names if n != name and pick.random() < 0.3]} for name in names]
            used = sorted({lane for movement in movements for lane in movement["lanes"]})
            room = {lane: pick.choice([1, 1, 2, 5, 254]) for lane in used if pick.random() < 0.6}
            junctions.append({"id": f"J{j}", "offset_s": pick.randint(0, 90), "phases": phases,
                              "movements": movements, "lane_room_vehicles": room})
        known = [movement["id"] for junction in junctions for movement in junction["movements"]]
        routes = [{"legs": [{"travel_s": pick.choice([0, 0.1, 7.3, 30, 700]), "movement": pick.choice(known)}
                            for _ in range(pick.randint(1, 5))],
                   "departures_s": [pick.choice([0, 100, pick.uniform(0, 600)]) for _ in range(pick.randint(1, 60))]}
                  for _ in range(pick.randint(1, 6))]
        return {"junctions": junctions, "routes": routes}

    return make
