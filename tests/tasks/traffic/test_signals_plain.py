"""Reading the plain-field form."""

from __future__ import annotations

from typing import Any

import pytest

from tasks.api import TaskError
from tasks.traffic.signals.model import Plain
from tasks.traffic.signals.plain import read_plain
from tasks.traffic.signals.sumo import read_network


def test_says_the_same_as_sumo(crossing: dict[str, Any], network_xml: str) -> None:
    """The crossing in plain fields and in SUMO's format becomes the same tables."""
    plain, _ = read_plain(Plain.model_validate(crossing), 0.0, None, 1)
    assert plain.links == read_network(network_xml)[0].links
    assert plain.junctions == read_network(network_xml)[0].junctions


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
