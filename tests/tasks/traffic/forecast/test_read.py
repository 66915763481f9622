"""TrafficFlowObserved entities and lists of counts as hourly flows."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from lamplighter.tasks.api import TaskError
from lamplighter.tasks.readers.allow import Left
from lamplighter.tasks.traffic.forecast.method.clock import Clock
from lamplighter.tasks.traffic.forecast.method.read import from_detectors, from_entities
from lamplighter.tasks.traffic.forecast.model import Detector

CLOCK = Clock(UTC, True)
SIX = CLOCK.place(datetime(2026, 3, 1, 6, tzinfo=UTC))


def entity(period: str, intensity: Any, **more: Any) -> dict[str, Any]:
    """Key-values of one observation."""
    return {"id": "urn:ngsi-ld:TrafficFlowObserved:7", "type": "TrafficFlowObserved", "dateObserved": period,
            "intensity": intensity, **more}


def normalised(one: dict[str, Any]) -> dict[str, Any]:
    """The same, normalised."""
    return {name: value if name in ("id", "type") else {"type": "Property", "value": value}
            for name, value in one.items()}


def read(*entities: dict[str, Any]) -> dict[str, dict[int, float]]:
    """The flows of those entities."""
    return from_entities(entities, CLOCK, Left())


def test_quarter_hours_make_hours_in_both_forms() -> None:
    """Four quarters of 06:00 and four of 07:00, key-values and normalised, are two hourly counts."""
    quarters = [entity(f"2026-03-01T0{h}:{m:02d}:00Z/2026-03-01T0{h + (m == 45)}:{(m + 15) % 60:02d}:00Z", 10 * h + m)
                for h in (6, 7) for m in (0, 15, 30, 45)]
    wanted = {"urn:ngsi-ld:TrafficFlowObserved:7": {SIX: 330.0, SIX + 1: 370.0}}
    assert read(*quarters) == read(*map(normalised, quarters)) == wanted


def test_a_single_time_on_the_hour_stands_for_the_hour() -> None:
    """As many platforms write it; off the hour nobody knows how long was counted."""
    assert read(entity("2026-03-01T06:00:00Z", 444)) == {"urn:ngsi-ld:TrafficFlowObserved:7": {SIX: 444.0}}
    with pytest.raises(TaskError) as refused:
        read(entity("2026-03-01T06:00:00Z", 4), entity("2026-03-01T06:10:00Z", 444))
    assert (refused.value.code, refused.value.path) == ("bad_time", "/entities/1/dateObserved")


def test_a_period_across_the_hour_is_shared_out() -> None:
    """Half of it each; an hour covered by three quarters is scaled up, one covered by less is missing."""
    found = read(entity("2026-03-01T06:00:00Z/2026-03-01T06:40:00Z", 40),
                 entity("2026-03-01T06:40:00Z/2026-03-01T07:20:00Z", 40))
    assert found == {"urn:ngsi-ld:TrafficFlowObserved:7": {SIX: 60.0}}
    assert read(entity("2026-03-01T06:15:00Z/2026-03-01T07:00:00Z", 45))[
        "urn:ngsi-ld:TrafficFlowObserved:7"] == {SIX: 60.0}


def test_devices_and_lanes_are_told_apart() -> None:
    """refDevice names the detector where it is given, laneId splits it."""
    found = read(entity("2026-03-01T06:00:00Z", 1, refDevice="d1", laneId=1),
                 entity("2026-03-01T06:00:00Z", 2, refDevice="d1", laneId=2), entity("2026-03-01T06:00:00Z", 3))
    assert found == {"d1 lane 1": {SIX: 1.0}, "d1 lane 2": {SIX: 2.0},
                     "urn:ngsi-ld:TrafficFlowObserved:7": {SIX: 3.0}}


def test_repeated_periods() -> None:
    """The same count twice is one count; two counts, or periods that overlap, are refused with their place."""
    one = entity("2026-03-01T06:00:00Z/2026-03-01T06:30:00Z", 5)
    rest = entity("2026-03-01T06:30:00Z/2026-03-01T07:00:00Z", 7)
    assert read(one, one, rest, rest) == {"urn:ngsi-ld:TrafficFlowObserved:7": {SIX: 12.0}}
    for other in ({**one, "intensity": 6}, entity("2026-03-01T06:00:00Z/2026-03-01T06:45:00Z", 6)):
        with pytest.raises(TaskError) as refused:
            read(one, rest, other)
        assert (refused.value.code, refused.value.path) == ("duplicate", "/entities/2/dateObserved")


@pytest.mark.parametrize(("wrong", "code", "path"), [
    ({"intensity": -1}, "out_of_range", "/intensity"), ({"intensity": 40_000}, "out_of_range", "/intensity"),
    ({"dateObserved": "2026-03-01T06:00:00Z/2026-03-01T06:01:00Z", "intensity": 600}, "out_of_range", "/intensity"),
    ({"type": "AirQualityObserved"}, "wrong_entity", "/type"),
    ({"dateObserved": "soon"}, "bad_time", "/dateObserved"),
    ({"dateObserved": "2026-03-01T06:00:00Z/2026-03-01T09:00:00Z"}, "bad_time", "/dateObserved"),
    ({"dateObserved": None}, "missing_field", "/dateObserved")])
def test_wrong_entities_are_refused(wrong: dict[str, Any], code: str, path: str) -> None:
    """With the place."""
    good = entity("2026-03-01T05:00:00Z", 5)
    bad = entity("2026-03-01T06:00:00Z", 5) | wrong
    if bad["dateObserved"] is None:
        del bad["dateObserved"]
    with pytest.raises(TaskError) as refused:
        read(good, bad)
    assert (refused.value.code, refused.value.path) == (code, "/entities/1" + path) and refused.value.hint


def test_entities_without_a_count_are_left_out_and_counted() -> None:
    """Unless none has one."""
    silent = entity("2026-03-01T06:00:00Z", None)
    from_entities([silent, entity("2026-03-01T07:00:00Z", 1)], CLOCK, left := Left())
    assert left.notes() == ["1 entity (urn:ngsi-ld:TrafficFlowObserved:7) left out: no reading of intensity"]
    with pytest.raises(TaskError) as refused:
        read(silent)
    assert refused.value.code == "missing_field"


def test_a_list_of_counts_goes_hour_by_hour() -> None:
    """Missing hours stay missing; a name that comes twice is refused."""
    one = Detector(id="a", start="2026-03-01T06:00:00Z", counts=[1, None, 2.5])
    assert from_detectors([one], CLOCK) == {"a": {SIX: 1.0, SIX + 2: 2.5}}
    with pytest.raises(TaskError) as refused:
        from_detectors([one, one], CLOCK)
    assert (refused.value.code, refused.value.path) == ("duplicate", "/detectors/1/id")


def test_codes_for_missing_counts_are_refused_where_they_stand() -> None:
    """9999 vehicles in an hour where there are tens; -999 is no count at all."""
    hours = [entity(f"2026-03-01T0{hour}:00:00Z", 40 + hour) for hour in range(5)]
    with pytest.raises(TaskError) as refused:
        read(*hours, entity("2026-03-01T06:00:00Z", 9999))
    assert (refused.value.code, refused.value.path) == ("implausible", "/entities/5/intensity")
