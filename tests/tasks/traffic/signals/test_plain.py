"""Reading the plain-field form."""

from __future__ import annotations

from typing import Any

import pytest

from lamplighter.tasks.api import TaskError
from lamplighter.tasks.readers.sumo import read_network
from lamplighter.tasks.traffic.signals.method.plain import read_plain
from lamplighter.tasks.traffic.signals.model import Plain


def test_says_the_same_as_sumo(crossing: dict[str, Any], network_xml: str) -> None:
    """The crossing in plain fields and in SUMO's format becomes the same tables."""
    junction = crossing["junctions"][0]
    junction["lane_room_vehicles"] = {"s": 18, "e": 18, "w": 37}  # 139, 139 and 278 m
    for movement in junction["movements"]:
        movement["headway_s"] = 2.2 if movement["id"] == "left" else 1.9
    plain, _ = read_plain(Plain.model_validate(crossing), 0.0, None, 1)
    network = read_network(network_xml)[0]
    assert (plain.links, plain.junctions) == (network.links, network.junctions)
    assert (plain.lanes, plain.feeders) == (network.lanes, network.feeders)


def test_lanes_of_one_movement_are_one_approach(crossing: dict[str, Any]) -> None:
    """Lanes that a movement may choose from share an approach and the smallest room given for them."""
    junction = crossing["junctions"][0]
    junction["movements"][2]["lanes"] = ["w", "x"]
    junction["lane_room_vehicles"] = {"x": 3}
    network, _ = read_plain(Plain.model_validate(crossing), 0.0, None, 1)
    assert network.lanes == ((0, 255), (1, 255), (2, 3), (2, 3))
    junction["lane_room_vehicles"] = {"y": 3}
    with pytest.raises(TaskError) as caught:
        read_plain(Plain.model_validate(crossing), 0.0, None, 1)
    assert (caught.value.code, caught.value.path) == ("unknown_lane", "/plain/junctions/0/lane_room_vehicles")


def test_rates_become_arrivals(crossing: dict[str, Any]) -> None:
    """Vehicles per hour give about that many arrivals within the period, the same for the same seed."""
    crossing["routes"] = [{"legs": [{"travel_s": 10, "movement": "west"}], "vehicles_per_hour": 600}]
    given = Plain.model_validate(crossing)
    demand = read_plain(given, 1000.0, 4600.0, 1)[1]
    assert 520 < len(demand.vehicles) < 680
    assert demand.begin_ds >= 10_000 and demand.end_ds <= 46_001
    assert demand == read_plain(given, 1000.0, 4600.0, 1)[1]
    assert demand != read_plain(given, 1000.0, 4600.0, 2)[1]


@pytest.mark.parametrize(("at", "value", "code", "path"), [
    (("junctions",), [], "no_signals", "/plain/junctions"),
    (("routes",), [], "zero_demand", ""),
    (("routes", 0, "legs", 0, "movement"), "up", "unknown_movement", "/plain/routes/0/legs/0/movement"),
    (("routes", 0, "departures_s"), None, "bad_value", "/plain/routes/0"),
    (("routes", 0, "vehicles_per_hour"), 5, "bad_value", "/plain/routes/0"),
    (("junctions", 0, "movements", 3, "gives_way_to"), ["up"], "unknown_movement",
     "/plain/junctions/0/movements/3/gives_way_to"),
    (("junctions", 0, "movements", 3, "id"), "west", "duplicate_id", "/plain/junctions/0/movements/3/id"),
    (("junctions", 0, "movements", 3, "signal"), 4, "bad_programme", "/plain/junctions/0/movements/3/signal"),
    (("junctions", 0, "phases", 1, "signals"), "ryy", "bad_programme", "/plain/junctions/0/phases"),
])
def test_errors_point_at_the_field(crossing: dict[str, Any], at: tuple[Any, ...], value: Any, code: str,
                                   path: str) -> None:
    """Each mistake is named with a JSON pointer into the input."""
    place: Any = crossing
    for key in at[:-1]:
        place = place[key]
    place[at[-1]] = value
    with pytest.raises(TaskError) as caught:
        read_plain(Plain.model_validate(crossing), 0.0, None, 1)
    assert (caught.value.code, caught.value.path) == (code, path)
