"""Readings from FIWARE entities and SenML packs."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lamplighter.tasks.api import TaskError
from lamplighter.tasks.environment.airmap.method.read import Reading, from_entities, from_senml
from lamplighter.tasks.readers.allow import Left


def _normalised(number: int, **properties: Any) -> dict[str, Any]:
    return {"id": f"urn:ngsi-ld:AirQualityObserved:{number}", "type": "AirQualityObserved",
            "dateObserved": {"type": "Property", "value": {"@type": "DateTime", "@value": "2026-03-01T06:00:00Z"}},
            "location": {"type": "GeoProperty",
                         "value": {"type": "Point", "coordinates": [7 + number / 8, 50.7]}},
            **{key: {"type": "Property", "value": value, "unitCode": "GQ"} for key, value in properties.items()}}


def _key_values(number: int, **properties: Any) -> dict[str, Any]:
    return {"id": f"urn:ngsi-ld:AirQualityObserved:{number}", "type": "AirQualityObserved",
            "dateObserved": "2026-03-01T06:00:00Z",
            "location": {"type": "Point", "coordinates": [7 + number / 8, 50.7]}, **properties}


def test_normalised_and_key_values_give_the_same() -> None:
    """But for the unit, which only the normalised form carries."""
    first = from_entities([_normalised(1, pm10=21.5)], "pm10", Left())
    second = from_entities([_key_values(1, pm10=21.5)], "PM10", Left())
    assert first == [Reading("urn:ngsi-ld:AirQualityObserved:1", 7.125, 50.7, 21.5, "µg/m³")]
    assert second == [Reading("urn:ngsi-ld:AirQualityObserved:1", 7.125, 50.7, 21.5, "")]


def test_entities_without_the_reading_are_counted() -> None:
    """Missing, null, text and boolean readings are no numbers."""
    entities = [_key_values(1, pm10=1.0), _key_values(2, no2=4), _key_values(3, pm10=None),
                _normalised(4, pm10="high"), _key_values(5, pm10=True)]
    left = Left()
    assert [one.value for one in from_entities(entities, "pm10", left)] == [1.0]
    assert left.notes() == [
        "2 entities (urn:ngsi-ld:AirQualityObserved:2, urn:ngsi-ld:AirQualityObserved:3) left out: "
        "no reading of pm10",
        "1 entity (urn:ngsi-ld:AirQualityObserved:4) left out: its pm10 is a text, not a number",
        "1 entity (urn:ngsi-ld:AirQualityObserved:5) left out: its pm10 is true or false, not a number"]


@pytest.mark.parametrize(("entity", "code", "path"), [
    ({"id": "x", "type": "WeatherObserved"}, "wrong_entity", "/entities/0/type"),
    (_key_values(1, pm10=3) | {"location": None}, "bad_position", "/entities/0/location"),
    (_key_values(1, pm10=3) | {"dateObserved": "noon"}, "bad_time", "/entities/0/dateObserved"),
    (_key_values(1, pm25=3), "unknown_property", "/property"),
])
def test_bad_entities_are_pointed_at(entity: dict[str, Any], code: str, path: str) -> None:
    """With the JSON Pointer of what is wrong."""
    with pytest.raises(TaskError) as caught:
        from_entities([entity], "pm10", Left())
    assert (caught.value.code, caught.value.path) == (code, path)


def test_of_one_entity_the_latest_reading_counts() -> None:
    """By dateObserved, in whatever order; entities without an id are all different."""
    old = _key_values(1, pm10=1) | {"dateObserved": "2026-03-01T05:00:00Z"}
    nameless = {key: value for key, value in old.items() if key != "id"}
    other = nameless | {"pm10": 3}
    readings = from_entities([_key_values(1, pm10=2), old, nameless, other], "pm10", left := Left())
    assert [one.value for one in readings] == [2, 1, 3]
    assert "1 entity (urn:ngsi-ld:AirQualityObserved:1) left out: its station has a later reading" in left.notes()


def test_the_reading_s_own_time_counts() -> None:
    """observedAt before dateObserved; devices that report under ids of their own are one station each."""
    def one(number: int, hour: int, value: float) -> dict[str, Any]:
        made = _normalised(1, pm10=value) | {"id": f"urn:{number}", "refDevice": "urn:dev:1"}
        made["pm10"]["observedAt"] = f"2026-03-01T{hour:02d}:00:00Z"
        return made
    for order in ([one(1, 9, 20), one(2, 5, 90)], [one(2, 5, 90), one(1, 9, 20)]):
        (found,) = from_entities(order, "pm10", left := Left())
        assert found.value == 20 and "its station has a later reading" in left.notes()[0]


def test_without_any_time_it_is_told_which_reading_counts() -> None:
    """The one that comes last in the list."""
    timeless = [{key: value for key, value in _key_values(1, pm10=pm10).items() if key != "dateObserved"}
                for pm10 in (3, 4)]
    (found,) = from_entities(timeless, "pm10", left := Left())
    assert found.value == 4 and "further down the list, and neither says when" in left.notes()[0]


def test_of_two_readings_of_one_time_the_lower_in_the_list_counts() -> None:
    """And it is not called a later one."""
    (found,) = from_entities([_key_values(1, pm10=3), _key_values(1, pm10=4)], "pm10", left := Left())
    assert found.value == 4 and left.notes()[0].endswith("a reading further down the list, of the same time")


def test_senml_takes_the_latest_reading_of_each_base_name() -> None:
    """Base name, base time and base value apply to all records that follow."""
    pack = [{"bn": "urn:dev:1:", "bt": 1.276020076e9, "u": "lat", "v": 50.7}, {"u": "lon", "v": 7.1},
            {"n": "pm10", "u": "ug/m3", "v": 20.0}, {"n": "pm10", "u": "ug/m3", "v": 22.0, "t": 60},
            {"n": "pm10", "u": "ug/m3", "v": 21.0, "t": 30}, {"n": "ok", "vb": True},
            {"bn": "urn:dev:2:", "u": "lat", "v": 50.8}, {"u": "lon", "v": 7.2},
            {"n": "pm10", "bu": "ug/m3", "v": 9.0}, {"bn": "urn:dev:3:", "n": "pm10", "v": 5.0}]
    assert from_senml(pack, "pm10", Left()) == [Reading("urn:dev:1:", 7.1, 50.7, 22.0, "ug/m3"),
                                        Reading("urn:dev:2:", 7.2, 50.8, 9.0, "ug/m3")]
    from_senml([*pack, {"bn": "urn:dev:4:", "u": "lat", "v": 50.8}, {"u": "lon", "v": 7.2}], "pm10", left := Left())
    assert left.notes()[1:] == ["1 device (urn:dev:3:) left out: no position",
                                "1 device (urn:dev:4:) left out: no reading of pm10"]


def test_senml_without_positions_or_with_bad_numbers_is_refused() -> None:
    """With a code that says which."""
    with pytest.raises(TaskError) as caught:
        from_senml([{"bn": "a", "n": "pm10", "v": 5.0}], "pm10", Left())
    assert caught.value.code == "unknown_property"
    with pytest.raises(TaskError) as caught:
        from_senml([{"bn": "a", "n": "pm10", "v": "5"}], "pm10", Left())
    assert (caught.value.code, caught.value.path) == ("bad_value", "/senml/0")
    with pytest.raises(TaskError) as caught:
        from_senml([{"bn": "a", "u": "lat", "v": 500}, {"u": "lon", "v": 7}, {"n": "pm10", "v": 5.0}], "pm10", Left())
    assert (caught.value.code, caught.value.path) == ("out_of_range", "/senml/0")


ODD = st.recursive(st.none() | st.booleans() | st.integers() | st.floats() | st.sampled_from(
    ["AirQualityObserved", "Point", "lat", "lon", "pm10", 10**400, -(10**400)]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(
        st.sampled_from(["type", "value", "coordinates", "location", "pm10", "unitCode"]), inner, max_size=4),
    max_leaves=8)


@settings(max_examples=150, deadline=None)
@given(st.lists(st.dictionaries(st.sampled_from(
    ["id", "type", "location", "pm10", "bn", "bt", "bu", "bv", "n", "u", "v", "t"]), ODD, max_size=6), max_size=4))
def test_nothing_but_a_task_error_comes_of_odd_records(records: list[dict[str, Any]]) -> None:
    """Whatever JSON holds where a reading should be."""
    for entity in records:
        if "type" in entity and len(entity) % 2:
            entity["type"] = "AirQualityObserved"
    for reader in (from_entities, from_senml):
        try:
            reader(records, "pm10", Left())
        except TaskError as error:
            assert error.path and error.message
