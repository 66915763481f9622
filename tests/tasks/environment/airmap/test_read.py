"""Readings from FIWARE entities and SenML packs."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lamplighter.tasks.api import TaskError
from lamplighter.tasks.environment.airmap.method.read import Reading, from_entities, from_senml


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
    first, _ = from_entities([_normalised(1, pm10=21.5)], "pm10")
    second, _ = from_entities([_key_values(1, pm10=21.5)], "PM10")
    assert first == [Reading("urn:ngsi-ld:AirQualityObserved:1", 7.125, 50.7, 21.5, "µg/m³")]
    assert second == [Reading("urn:ngsi-ld:AirQualityObserved:1", 7.125, 50.7, 21.5, "")]


def test_entities_without_the_reading_are_counted() -> None:
    """Missing, null, text and boolean readings are no numbers."""
    entities = [_key_values(1, pm10=1.0), _key_values(2, no2=4), _key_values(3, pm10=None),
                _normalised(4, pm10="high"), _key_values(5, pm10=True)]
    readings, missing = from_entities(entities, "pm10")
    assert [one.value for one in readings] == [1.0]
    assert missing == 4


@pytest.mark.parametrize(("entity", "code", "path"), [
    ({"id": "x", "type": "WeatherObserved"}, "wrong_entity", "/entities/0/type"),
    (_key_values(1, pm10=3) | {"location": None}, "bad_position", "/entities/0/location"),
    (_key_values(1, pm10=3) | {"dateObserved": "noon"}, "bad_time", "/entities/0/dateObserved"),
    (_key_values(1, pm25=3), "unknown_property", "/property"),
])
def test_bad_entities_are_pointed_at(entity: dict[str, Any], code: str, path: str) -> None:
    """With the JSON Pointer of what is wrong."""
    with pytest.raises(TaskError) as caught:
        from_entities([entity], "pm10")
    assert (caught.value.code, caught.value.path) == (code, path)


def test_of_one_entity_the_latest_reading_counts() -> None:
    """By dateObserved, in whatever order; entities without an id are all different."""
    old = _key_values(1, pm10=1) | {"dateObserved": "2026-03-01T05:00:00Z"}
    nameless = {key: value for key, value in old.items() if key != "id"}
    readings, _ = from_entities([_key_values(1, pm10=2), old, nameless, nameless], "pm10")
    assert [one.value for one in readings] == [2, 1, 1]


def test_senml_takes_the_latest_reading_of_each_base_name() -> None:
    """Base name, base time and base value apply to all records that follow."""
    pack = [{"bn": "urn:dev:1:", "bt": 1.276020076e9, "u": "lat", "v": 50.7}, {"u": "lon", "v": 7.1},
            {"n": "pm10", "u": "ug/m3", "v": 20.0}, {"n": "pm10", "u": "ug/m3", "v": 22.0, "t": 60},
            {"n": "pm10", "u": "ug/m3", "v": 21.0, "t": 30}, {"n": "ok", "vb": True},
            {"bn": "urn:dev:2:", "u": "lat", "v": 50.8}, {"u": "lon", "v": 7.2},
            {"n": "pm10", "bu": "ug/m3", "v": 9.0}, {"bn": "urn:dev:3:", "n": "pm10", "v": 5.0}]
    assert from_senml(pack, "pm10") == [Reading("urn:dev:1:", 7.1, 50.7, 22.0, "ug/m3"),
                                        Reading("urn:dev:2:", 7.2, 50.8, 9.0, "ug/m3")]


def test_senml_without_positions_or_with_bad_numbers_is_refused() -> None:
    """With a code that says which."""
    with pytest.raises(TaskError) as caught:
        from_senml([{"bn": "a", "n": "pm10", "v": 5.0}], "pm10")
    assert caught.value.code == "unknown_property"
    with pytest.raises(TaskError) as caught:
        from_senml([{"bn": "a", "n": "pm10", "v": "5"}], "pm10")
    assert (caught.value.code, caught.value.path) == ("bad_value", "/senml/0")
    with pytest.raises(TaskError) as caught:
        from_senml([{"bn": "a", "u": "lat", "v": 500}, {"u": "lon", "v": 7}, {"n": "pm10", "v": 5.0}], "pm10")
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
            reader(records, "pm10")
        except TaskError as error:
            assert error.path and error.message
