"""NGSI-LD entities in all three forms, of whatever type."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lamplighter.tasks.api import TaskError
from lamplighter.tasks.readers import ngsi
from lamplighter.tasks.readers.allow import Left

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
    for given_type in ("Sky", "https://example.org/Sky", "https://example.org/ns#Sky", "ns:Sky", ["Cloud", "ns:Sky"]):
        ngsi.require_type({"type": given_type}, "Sky", "/entities/3")
        ngsi.require_type({"@type": given_type}, "Sky", "/entities/3")
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


def _air(**more: Any) -> dict[str, Any]:
    return {"id": "urn:1", "type": "AirQualityObserved", "dateObserved": "2026-03-01T06:00:00Z",
            "location": {"type": "Point", "coordinates": [7.1, 50.7]}, "pm10": 21.5, **more}


def _entities(*given: dict[str, Any]) -> tuple[list[dict[str, Any]], list[str]]:
    left = Left()
    found = [entity for _, entity in ngsi.entities(given, ngsi.AIR, ("pm10",), "/entities", left)]
    return found, left.notes()


URI = "https://smartdatamodels.org/dataModel.Environment/"
FEATURE = {"id": "urn:1", "type": "Feature", "geometry": {"type": "Point", "coordinates": [7.1, 50.7]},
           "properties": {"type": "AirQualityObserved", "dateObserved": "2026-03-01T06:00:00Z", "pm10": 21.5}}
EXPANDED = {
    "@id": "urn:1", "@type": [URI + "AirQualityObserved"],
    URI + "pm10": [{"@type": ["https://uri.etsi.org/ngsi-ld/Property"],
                    "https://uri.etsi.org/ngsi-ld/hasValue": [{"@value": 21.5}]}],
    URI + "dateObserved": [{"https://uri.etsi.org/ngsi-ld/hasValue": [{"@value": "2026-03-01T06:00:00Z"}]}],
    "https://uri.etsi.org/ngsi-ld/location": [{"https://uri.etsi.org/ngsi-ld/hasValue": [
        {"@value": '{"type": "Point", "coordinates": [7.1, 50.7]}'}]}]}


@pytest.mark.parametrize("given", [
    _air(), _air(type="ns:AirQualityObserved"), {"@id": "urn:1", "@type": "AirQualityObserved", **{
        URI + name: value for name, value in _air().items() if name not in ("id", "type")}},
    FEATURE, {"type": "FeatureCollection", "features": [FEATURE]}, EXPANDED,
    {**_air(), "pm10": {"type": "Number", "value": 21.5, "metadata": {}}, "dateObserved": None,
     "TimeInstant": {"type": "DateTime", "value": "2026-03-01T06:00:00Z", "metadata": {}}}],
    ids=["simplified", "prefix", "URIs", "Feature", "FeatureCollection", "JSON-LD, expanded", "NGSIv2"])
def test_entities_say_the_same_in_every_dress(given: dict[str, Any]) -> None:
    """Type, number, time, position and id, by whatever names; and nothing is told of it."""
    (entity,), notes = _entities(given)
    assert (ngsi.text(entity, "id"), ngsi.position(entity, "")) == ("urn:1", (7.1, 50.7))
    found = ngsi.quantity(entity, "pm10")
    assert found is not None and found.value == 21.5 and ngsi.observed(entity, "") == (SIX, SIX) and not notes


def test_an_entity_that_comes_twice_comes_once() -> None:
    """And is told; so is what nobody knows of it, by name, while known readings beside it are not."""
    found, notes = _entities(_air(no2=4, mood="grey"), _air(no2=4, mood="grey"), _air(id="urn:2"))
    assert len(found) == 2 and notes == [
        "1 attribute of an AirQualityObserved (mood) left out: unknown, and not asked for",
        "1 entity (urn:1) left out: it is there twice"]


def test_what_an_attribute_says_beside_its_value_is_told_where_it_is_unknown() -> None:
    """A flag may mean that the value is none."""
    _, notes = _entities(_air(pm10={"type": "Property", "value": 3, "unitCode": "GQ", "qualityFlag": "bad"}))
    assert notes == ["1 attribute of the attribute that is read (qualityFlag) left out: unknown, and not asked for"]


@pytest.mark.parametrize(("given", "code"), [
    ({URI + "pm10": 4, "ns:pm10": 5}, "ambiguous"), ({"type": "FeatureCollection", "features": 3}, "bad_entity"),
    ({"type": "FeatureCollection", "features": [3]}, "bad_entity")])
def test_what_could_mean_two_things_is_refused(given: dict[str, Any], code: str) -> None:
    """With the entity's place."""
    with pytest.raises(TaskError) as caught:
        _entities({"type": "AirQualityObserved", **given})
    assert (caught.value.code, caught.value.path) == (code, "/entities/0")


def test_of_an_attribute_with_a_history_the_latest_counts() -> None:
    """In a list of instances, or in pairs of value and time; and all of it can be had."""
    long = [{"type": "Property", "value": value, "observedAt": f"2026-03-01T0{hour}:00:00Z", "unitCode": "GQ"}
            for value, hour in ((5, 6), (9, 8), (7, 7))]
    short = {"type": "Property", "unitCode": "GQ",
             "values": [[one["value"], one["observedAt"]] for one in long]}
    for form in (long, short):
        assert ngsi.quantity({"pm10": form}, "pm10") == ngsi.Quantity(9.0, "µg/m³", SIX.replace(hour=8))
        assert [one.value for one in ngsi.quantities({"pm10": form}, "pm10")] == [5, 9, 7]
    old = {"value": 4, "metadata": {"TimeInstant": {"value": "2026-03-01T06:00:00Z"}, "unitCode": {"value": "GQ"}}}
    assert ngsi.quantity({"pm10": old}, "pm10") == ngsi.Quantity(4.0, "µg/m³", SIX)


def test_of_several_data_sets_the_one_without_a_name_counts() -> None:
    """Where there is none, the operator says which is meant."""
    named = [{"value": 5, "datasetId": "urn:a"}, {"value": 6, "datasetId": "urn:b"}]
    assert ngsi.quantity({"pm10": [*named, {"value": 7}]}, "pm10") == ngsi.Quantity(7.0, "")
    assert ngsi.quantity({"pm10": named[:1]}, "pm10") == ngsi.Quantity(5.0, "")
    with pytest.raises(TaskError) as caught:
        ngsi.quantity({"pm10": named}, "pm10", "/e")
    assert (caught.value.code, caught.value.path) == ("ambiguous", "/e/pm10")


ODD = st.recursive(st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=9) | st.sampled_from(
    ["Point", "2026-03-01T06:00:00Z", 10**400]), lambda inner: st.lists(inner, max_size=3) | st.dictionaries(
        st.sampled_from(["type", "value", "@value", "object", "coordinates", "unitCode", "values", "observedAt",
                         "metadata", "datasetId", "features", "properties"]), inner, max_size=4),
    max_leaves=8)


@settings(max_examples=150, deadline=None)
@given(st.dictionaries(st.sampled_from(["id", "type", "location", "pm10", "dateObserved", "dateObservedTo"]), ODD))
def test_nothing_but_a_task_error_comes_of_odd_entities(entity: dict[str, Any]) -> None:
    """Whatever JSON holds where an attribute should be."""
    for reader in (lambda: ngsi.require_type(entity, "Sky", "/e"), lambda: ngsi.position(entity, "/e"),
                   lambda: ngsi.observed(entity, "/e"), lambda: ngsi.quantity(entity, "pm10", "/e"),
                   lambda: ngsi.text(entity, "id"),
                   lambda: list(ngsi.entities([entity], ngsi.AIR, ("pm10",), "/e", Left()))):
        try:
            reader()
        except TaskError as error:
            assert error.path.startswith("/e") and error.message and error.hint


def test_so_many_values_are_in_all_entities_together(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of the attribute that is asked for; others may have any number."""
    given = [_air(id=name, pm10=[{"value": 1}, {"value": 2}], no2=[{"value": 1}] * 9) for name in "ab"]
    monkeypatch.setattr(ngsi, "MOST_INSTANCES", 4)
    assert len(_entities(*given)[0]) == 2
    monkeypatch.setattr(ngsi, "MOST_INSTANCES", 3)
    with pytest.raises(TaskError) as refused:
        _entities(*given)
    assert (refused.value.code, refused.value.path) == ("too_large", "/entities/1")
