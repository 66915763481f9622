"""Demand from detectors' counts and turn shares."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest

from lamplighter.tasks.api import TaskError
from lamplighter.tasks.readers.allow import Left
from lamplighter.tasks.readers.network import Demand
from lamplighter.tasks.readers.sumo import read_network
from lamplighter.tasks.traffic.signals.method.counts import read_counts
from lamplighter.tasks.traffic.signals.method.plain import read_plain
from lamplighter.tasks.traffic.signals.model import Counts, Plain

TURNS = [{"from_road": "w_in", "to_road": "e_out", "share": 0.75}, {"from_road": "w_in", "to_road": "n_out",
                                                                    "share": 0.25}]


def _observed(detector: str, begin: str, end: str, intensity: float) -> dict[str, Any]:
    return {"id": f"urn:ngsi-ld:TrafficFlowObserved:{detector}:{begin}", "type": "TrafficFlowObserved",
            "refDevice": detector, "dateObservedFrom": f"2026-03-02T{begin}:00Z",
            "dateObservedTo": f"2026-03-02T{end}:00Z", "intensity": intensity}


def _counts(*entities: dict[str, Any], turns: list[dict[str, Any]] = TURNS, **more: Any) -> dict[str, Any]:
    return {"entities": list(entities), "entries": [{"detector": "west", "road": "w_in"}], "turns": turns, **more}


HOUR = [_observed("west", "07:00", "07:30", 100), _observed("west", "07:30", "08:00", 300)]


def _read(network_xml: str, given: dict[str, Any], until_s: float = 1e9) -> Demand:
    return read_counts(Counts.model_validate(given), read_network(network_xml)[1], 0.0, until_s, 1)


def test_counted_vehicles_turn_by_their_shares(network_xml: str) -> None:
    """All that were counted come, in the half-hour in which they were counted, and turn about as often as said."""
    demand = _read(network_xml, _counts(*HOUR))
    assert len(demand.vehicles) == 400
    assert sum(depart < 18_000 for depart, _ in demand.vehicles) == 100
    movements = Counter(demand.routes[route][0][0] for _, route in demand.vehicles)
    assert movements[2] + movements[3] == 400 and 70 <= movements[3] <= 130
    assert demand == _read(network_xml, _counts(*HOUR))


def test_normalised_entities_say_the_same(network_xml: str) -> None:
    """NGSI-LD normalised observations, in an interval of dateObserved, give the same demand as key-values."""
    normalised = [{"id": one["id"], "type": one["type"],
                   "refDevice": {"type": "Relationship", "object": one["refDevice"]},
                   "dateObserved": {"type": "Property",
                                    "value": f"{one['dateObservedFrom']}/{one['dateObservedTo']}"},
                   "intensity": {"type": "Property", "value": one["intensity"]}} for one in HOUR]
    assert _read(network_xml, _counts(*normalised)) == _read(network_xml, _counts(*HOUR))


def test_without_shares_every_way_but_back_is_as_likely(network_xml: str) -> None:
    """Half of those from the west turn left where nothing is said."""
    demand = _read(network_xml, _counts(*HOUR, turns=[]))
    movements = Counter(demand.routes[route][0][0] for _, route in demand.vehicles)
    assert movements[2] + movements[3] == 400 and 160 <= movements[3] <= 240


def test_the_period_cuts_counts(network_xml: str) -> None:
    """Times count from the first observation; who comes at the period's end or later is left out."""
    assert len(_read(network_xml, _counts(*HOUR), 1800.0).vehicles) == 100


QUARTERS = [_observed("west", f"07:{i * 15:02d}", f"{7 + (i + 1) // 4:02d}:{(i + 1) * 15 % 60:02d}", 100)
            for i in range(4)]


def test_holes_in_counts_are_filled_and_told(network_xml: str) -> None:
    """Half an hour that was not sent is not taken for an empty road; one that was sent as 0 is."""
    roads, left = read_network(network_xml)[1], Left()
    given = _counts(QUARTERS[0], {**QUARTERS[3], "intensity": 200})
    demand = read_counts(Counts.model_validate(given), roads, 0.0, 1e9, 1, left)
    assert len(demand.vehicles) == 100 + 300 + 200
    assert any("1 hole in the counts of west, 30 minutes in all, got 300 vehicles" in note
               for note in left.notes())
    zeros = [{**one, "intensity": 0} for one in QUARTERS[1:3]]
    assert len(_read(network_xml, _counts(QUARTERS[0], *zeros, QUARTERS[3])).vehicles) == 200


def test_a_lane_that_was_silent_is_filled_by_its_own_counts(network_xml: str) -> None:
    """A hole of one lane of a detector is one though another lane counted then, at the end too."""
    lanes = [{**one, "id": f"{one['id']}:{lane}", "laneId": lane, "intensity": 10 * lane}
             for one in QUARTERS for lane in (1, 2)]
    assert len(_read(network_xml, _counts(*lanes)).vehicles) == 120
    assert len(_read(network_xml, _counts(*lanes[:-1])).vehicles) == 120


def test_what_was_hardly_counted_is_refused(network_xml: str) -> None:
    """More holes than counts are no demand; outside the period asked for they do not matter."""
    far = [QUARTERS[0], _observed("west", "09:00", "09:15", 100)]
    with pytest.raises(TaskError) as caught:
        _read(network_xml, _counts(*far))
    assert (caught.value.code, caught.value.path) == ("missing_counts", "/sumo/counts/entities")
    assert "'west'" in caught.value.message and caught.value.hint
    assert len(_read(network_xml, _counts(*far), 900.0).vehicles) == 100


def test_a_detector_at_an_exit_is_named(network_xml: str) -> None:
    """Who was counted on the way out passes no signal: the entry is refused, others beside it or not."""
    entries = [{"detector": "west", "road": "w_in"}, {"detector": "west", "road": "e_out"}]
    with pytest.raises(TaskError, match="'e_out' of detector 'west'") as caught:
        _read(network_xml, _counts(*HOUR, entries=entries))
    assert (caught.value.code, caught.value.path) == ("zero_demand", "/sumo/counts/entries/1/road")


def test_a_period_longer_than_the_counts_is_told(network_xml: str) -> None:
    """Nobody is made up for the time after the last count of all detectors, and the notes say so."""
    left = Left()
    read_counts(Counts.model_validate(_counts(QUARTERS[0])), read_network(network_xml)[1], 0.0, 3600.0, 1, left)
    assert any("counts end 900 s after" in note for note in left.notes())


def test_demand_without_detectors_has_no_notes_on_counts(crossing: dict[str, Any]) -> None:
    """Where nothing is counted no count ends too early."""
    left = Left()
    read_plain(Plain.model_validate(crossing), 0.0, 3600.0, 1, left)
    assert left.notes() == []


def test_plain_routes_take_shares_of_a_detector(crossing: dict[str, Any]) -> None:
    """A route may name its detector and how much of its count goes that way."""
    crossing["entities"] = HOUR
    crossing["routes"] = [{"legs": [{"travel_s": 10, "movement": movement}], "detector": "west", "share": share}
                          for movement, share in (("west", 0.8), ("left", 0.2))]
    _, demand = read_plain(Plain.model_validate(crossing), 0.0, None, 1)
    assert Counter(route for _, route in demand.vehicles) == {0: 320, 1: 80}


@pytest.mark.parametrize(("given", "code", "path"), [
    (_counts({**HOUR[0], "type": "AirQualityObserved"}), "wrong_entity", "/sumo/counts/entities/0/type"),
    (_counts({**HOUR[0], "intensity": "many"}), "missing_field", "/sumo/counts/entities/0/intensity"),
    (_counts({**HOUR[0], "intensity": -1}), "out_of_range", "/sumo/counts/entities/0/intensity"),
    (_counts({**HOUR[0], "dateObservedFrom": "monday"}), "bad_time", "/sumo/counts/entities/0/dateObservedFrom"),
    (_counts({**HOUR[0], "dateObservedTo": None}), "missing_field", "/sumo/counts/entities/0"),
    (_counts({**HOUR[0], "refDevice": "east"}), "unknown_detector", "/sumo/counts/entities"),
    (_counts(*HOUR, {**HOUR[0], "dateObservedTo": "2026-03-05T07:00:00Z"}), "out_of_range", "/sumo/counts/entities"),
    (_counts(*[{**one, "intensity": 30_000} for one in HOUR]), "too_large", "/sumo/counts/entities"),
    (_counts({**HOUR[0], "intensity": 0}), "zero_demand", ""),
    (_counts(*HOUR, entries=[{"detector": "west", "road": "x"}]), "unknown_road", "/sumo/counts/entries/0/road"),
    (_counts(*HOUR, turns=[{**TURNS[0], "from_road": "x"}]), "unknown_road", "/sumo/counts/turns/0/from_road"),
    (_counts(*HOUR, turns=[{**TURNS[0], "to_road": "s_in"}]), "unknown_road", "/sumo/counts/turns/0/to_road"),
    (_counts(*HOUR, turns=[{**TURNS[0], "share": 0.1}]), "bad_share", "/sumo/counts/turns"),
])
def test_counts_that_cannot_be_used(network_xml: str, given: dict[str, Any], code: str, path: str) -> None:
    """Each error has its code and points at what is wrong."""
    with pytest.raises(TaskError) as caught:
        _read(network_xml, given)
    assert (caught.value.code, caught.value.path) == (code, path)
