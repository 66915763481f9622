"""NGSI-LD entities in all three forms, of whatever type."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lamplighter.tasks.api import TaskError
from lamplighter.tasks.readers import ngsi

NORMALISED = {
    "id": "urn:ngsi-ld:TrafficFlowObserved:1", "type": "TrafficFlowObserved",
    "intensity": {"type": "Property", "value": 197, "unitCode": "HUR"},
    "averageVehicleSpeed": {"type": "Property", "value": 52.6, "unitCode": "KMH"},
    "refRoadSegment": {"type": "Relationship", "object": "urn:ngsi-ld:RoadSegment:7"},
    "dateObserved": {"type": "Property", "value": {"@type": "DateTime", "@value": "2026-03-01T06:00:00Z"}},
    "location": {"type": "GeoProperty", "value": {"type": "Point", "coordinates": [7.1, 50.7]}}}
SIMPLIFIED = {
    "id": "urn:ngsi-ld:TrafficFlowObserved:1", "type": "TrafficFlowObserved", "intensity": 197,
    "averageVehicleSpeed": 52.6, "refRoadSegment": "urn:ngsi-ld:RoadSegment:7",
    "dateObserved": "2026-03-01T06:00:00Z",
    "location": {"type": "Point", "coordinates": [7.1, 50.7]}}
CONCISE = SIMPLIFIED | {"averageVehicleSpeed": {"value": 52.6, "unitCode": "KMH"},
                        "refRoadSegment": {"object": "urn:ngsi-ld:RoadSegment:7"}}
SIX = datetime(2026, 3, 1, 6, tzinfo=UTC)


@pytest.mark.parametrize("entity", [NORMALISED, SIMPLIFIED, CONCISE])
def test_all_forms_read_the_same(entity: dict[str, Any]) -> None:
    """Number, relationship, time and position."""
    ngsi.require_type(entity, "TrafficFlowObserved", "")
    speed = ngsi.quantity(entity, "averagevehiclespeed")
    assert speed is not None and speed.value == 52.6
    assert speed.unit == ("" if entity is SIMPLIFIED else "km/h")
    assert ngsi.text(entity, "refRoadSegment") == "urn:ngsi-ld:RoadSegment:7"
    assert ngsi.observed(entity, "") == (SIX, SIX)
    assert ngsi.position(entity, "") == (7.1, 50.7)
    assert ngsi.numbers_of([entity]) == {"intensity", "averageVehicleSpeed"}


def test_types_by_short_name_or_uri_alone_or_among_others() -> None:
    """And another type is refused at its place."""
    for given_type in ("Sky", "https://example.org/Sky", ["Cloud", "Sky"]):
        ngsi.require_type({"type": given_type}, "Sky", "/entities/3")
    with pytest.raises(TaskError) as caught:
        ngsi.require_type({"type": "Earth"}, "Sky", "/entities/3")
    assert (caught.value.code, caught.value.path) == ("wrong_entity", "/entities/3/type")
    assert "Sky" in caught.value.hint


@pytest.mark.parametrize("value", [None, "12", True, float("nan"), float("inf"), 10**400, [3], {"value": "3"}])
def test_what_is_no_number_is_no_quantity(value: object) -> None:
    """Nor is a missing attribute."""
    assert ngsi.quantity({"pm10": value}, "pm10") is None
    assert ngsi.quantity({"pm10": 3}, "no2") is None


def test_an_unknown_unit_code_is_shown_as_it_is() -> None:
    """Better than none."""
    assert ngsi.quantity({"x": {"value": 1, "unitCode": "XYZ"}}, "x") == ngsi.Quantity(1.0, "XYZ")


@pytest.mark.parametrize(("time", "begin", "end"), [
    ("2026-03-01T06:00:00Z", SIX, SIX),
    ("2026-03-01T07:00:00+01:00", SIX, SIX),
    ("2026-03-01T06:00:00.000", SIX, SIX),
    ("2026-03-01T06:00:00Z/2026-03-01T06:05:00Z", SIX, SIX.replace(minute=5)),
])
def test_times_and_intervals(time: str, begin: datetime, end: datetime) -> None:
    """With a zone, without one (UTC), and two with a slash."""
    assert ngsi.observed({"dateObserved": time}, "") == (begin, end)


def test_an_interval_in_two_attributes_or_none_at_all() -> None:
    """dateObservedFrom and dateObservedTo; an entity without time has none."""
    entity = {"dateObservedFrom": "2026-03-01T06:00:00Z", "dateObservedTo": {"value": "2026-03-01T06:05:00Z"}}
    assert ngsi.observed(entity, "") == (SIX, SIX.replace(minute=5))
    assert ngsi.observed({}, "") is None


@pytest.mark.parametrize("time", ["yesterday", "2026-13-01T00:00:00Z", "2026-03-02T06:00Z/2026-03-01T06:00Z", 7, "",
                                  "0001-01-01T00:00:00+14:00"])
def test_bad_times_are_pointed_at(time: object) -> None:
    """With the pointer of the attribute and a hint."""
    with pytest.raises(TaskError) as caught:
        ngsi.observed({"dateObserved": time}, "/entities/2")
    assert (caught.value.code, caught.value.path) == ("bad_time", "/entities/2/dateObserved")
    assert caught.value.hint


def test_a_position_may_be_json_text() -> None:
    """As some brokers write a GeoProperty."""
    entity = {"location": {"type": "GeoProperty", "value": '{"type": "Point", "coordinates": [7, 50]}'}}
    assert ngsi.position(entity, "") == (7.0, 50.0)


@pytest.mark.parametrize(("location", "code", "path"), [
    (None, "bad_position", "/location"), ("{", "bad_position", "/location"),
    ({"type": "LineString", "coordinates": [[7, 50], [8, 51]]}, "bad_position", "/location"),
    ({"type": "Point", "coordinates": ["7", 50]}, "bad_position", "/location"),
    ({"type": "Point", "coordinates": [50, 187]}, "out_of_range", "/location/coordinates"),
])
def test_bad_positions_are_pointed_at(location: object, code: str, path: str) -> None:
    """With the pointer of what is wrong."""
    with pytest.raises(TaskError) as caught:
        ngsi.position({"location": location}, "/e")
    assert (caught.value.code, caught.value.path) == (code, "/e" + path)


def test_a_misspelt_property_is_offered_its_neighbour() -> None:
    """By spelling, by case, or all that there are."""
    assert "'pm10'" in ngsi.no_such("pm1O", {"pm10", "no2"}, "/property").hint
    assert "'PM10'" in ngsi.no_such("pm10", {"PM10", "no2"}, "/property").hint
    assert "no2, pm10" in ngsi.no_such("", {"pm10", "no2"}, "/property").hint
    assert ngsi.no_such("", set(), "/property").code == "missing_field"


ODD = st.recursive(st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=9) | st.sampled_from(
    ["Point", "2026-03-01T06:00:00Z", 10**400]), lambda inner: st.lists(inner, max_size=3) | st.dictionaries(
        st.sampled_from(["type", "value", "@value", "object", "coordinates", "unitCode"]), inner, max_size=4),
    max_leaves=8)


@settings(max_examples=150, deadline=None)
@given(st.dictionaries(st.sampled_from(["id", "type", "location", "pm10", "dateObserved", "dateObservedTo"]), ODD))
def test_nothing_but_a_task_error_comes_of_odd_entities(entity: dict[str, Any]) -> None:
    """Whatever JSON holds where an attribute should be."""
    for reader in (lambda: ngsi.require_type(entity, "Sky", "/e"), lambda: ngsi.position(entity, "/e"),
                   lambda: ngsi.observed(entity, "/e"), lambda: ngsi.quantity(entity, "pm10"),
                   lambda: ngsi.text(entity, "id")):
        try:
            reader()
        except TaskError as error:
            assert error.path.startswith("/e") and error.message and error.hint
