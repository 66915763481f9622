"""Readings over time out of tables, NGSI-LD entities and SenML packs."""

from __future__ import annotations

from typing import Any

import pytest

from lamplighter.tasks.api import TaskError
from lamplighter.tasks.environment.sensorqc.method import read
from lamplighter.tasks.environment.sensorqc.method.read import network
from lamplighter.tasks.environment.sensorqc.model import SensorqcInput
from lamplighter.tasks.readers.allow import Left

Given = dict[str, Any]


def _entity(device: str, lon: float, when: str, value: float | None, unit: str = "GQ") -> Given:
    entity: Given = {"id": f"urn:{device}:{when}", "type": "AirQualityObserved", "refDevice": device,
                     "location": {"type": "Point", "coordinates": [lon, 50.0]}, "dateObserved": when}
    if value is not None:
        entity["pm10"] = {"type": "Property", "value": value, "unitCode": unit}
    return entity


def _refused(given: Given) -> TaskError:
    with pytest.raises(TaskError) as caught:
        network(SensorqcInput.model_validate(given), Left())
    assert caught.value.hint
    return caught.value


def test_a_table_is_taken_as_it_is() -> None:
    """Names and times are made up where none are given."""
    given = {"stations": [{"x_m": 0, "y_m": 0}, {"id": "b", "x_m": 5, "y_m": 0}], "readings": [[1, None], [2, 3]]}
    found = network(SensorqcInput.model_validate(given), Left())
    assert (found.ids, found.times, found.readings) == (["station 0", "b"], ["0", "1"], [[1, None], [2, 3]])
    assert not found.geographic and found.points == [(0, 0), (5, 0)]


def test_entities_become_a_table() -> None:
    """By device and hour, readings within one averaged, gaps as None, entities without the property counted."""
    entities = [_entity("a", 8.0, "2026-03-01T00:10:00Z", 10), _entity("a", 8.0, "2026-03-01T00:50:00Z", 14),
                _entity("b", 8.1, "2026-03-01T01:00:00+00:00", 20), _entity("b", 8.1, "2026-03-01T02:00:00Z", None)]
    found = network(SensorqcInput.model_validate({"entities": entities, "property": "PM10"}), left := Left())
    assert (found.ids, found.unit, found.geographic) == (["a", "b"], "µg/m³", True)
    assert found.times == ["2026-03-01T00:00:00Z", "2026-03-01T01:00:00Z"]
    assert found.readings == [[12, None], [None, 20]]
    assert left.notes() == ["1 entity (urn:b:2026-03-01T02:00:00Z) left out: no reading of PM10"]


def test_senml_becomes_a_table() -> None:
    """Positions come from lat and lon records wherever they stand in the pack; times are worked in."""
    pack = [{"bn": "a:", "bt": 7200, "n": "lat", "u": "lat", "v": 50}, {"n": "lon", "u": "lon", "v": 8},
            {"n": "pm", "u": "ug/m3", "v": 5}, {"n": "pm", "u": "ug/m3", "v": 7, "t": 3600},
            {"bn": "b:", "n": "pm", "u": "ug/m3", "v": 9}, {"n": "lat", "u": "lat", "v": 51},
            {"n": "lon", "u": "lon", "v": 9}, {"bn": "nowhere:", "n": "pm", "u": "ug/m3", "v": 9}]
    found = network(SensorqcInput.model_validate({"senml": pack, "property": "pm"}), Left())
    assert found.ids == ["a:", "b:"] and found.readings == [[5, 9], [7, None]]
    assert found.times == ["now +7200 s", "now +10800 s"]


def test_each_refusal_names_its_place() -> None:
    """What does not fit together is refused with code, path and hint."""
    two = [{"x_m": 0, "y_m": 0}, {"x_m": 1, "y_m": 0}]
    cases: list[tuple[Given, str, str]] = [
        ({}, "empty_data", "/readings"),
        ({"stations": two, "readings": [[1, 2]], "senml": [{"n": "x", "v": 1}]}, "mixed_sources", "/readings"),
        ({"readings": [[1, 2]]}, "empty_data", "/stations"),
        ({"stations": two, "readings": [[1, 2], [1]]}, "wrong_length", "/readings/1"),
        ({"stations": two, "readings": [[1, 2]], "times": ["a", "b"]}, "wrong_length", "/times"),
        ({"stations": [two[0], {"lon_deg": 8, "lat_deg": 50}], "readings": [[1, 2]]}, "mixed_positions",
         "/stations/1"),
        ({"stations": [{"x_m": 0}], "readings": [[1]]}, "bad_position", "/stations/0"),
        ({"entities": [{**_entity("a", 8, "2026-03-01T00:00:00Z", 1), "dateObserved": None}], "property": "pm10"},
         "bad_time", "/entities/0/dateObserved"),
        ({"entities": [_entity("a", 8, "2026-03-01T00:00:00Z", 1)], "property": "pm25"}, "unknown_property",
         "/property"),
        ({"entities": [_entity("a", 8, "2026-03-01T00:00:00Z", 1), _entity("b", 8, "2026-03-01T00:00:00Z", 1, "59")],
          "property": "pm10"}, "mixed_units", "/entities/1"),
        ({"entities": [_entity("a", 8, "2026-03-01T00:00:00Z", 1, "61")], "property": "pm10", "unit": "µg/m³"},
         "mixed_units", "/entities/0"),
        ({"stations": two, "readings": [[1, 2], [1, 2]], "times": ["2026-03-01T05:00Z", "2026-03-01T04:00Z"]},
         "bad_time", "/times/1"),
        ({"stations": two, "readings": [[1, 2], [1, 2]], "times": ["2026-03-01T05:00Z", "2026-03-01T06:00+01:00"]},
         "duplicate", "/times/1"),
        ({"stations": two, "readings": [[1, 2], [1, 2]], "times": ["noon", "noon"]}, "duplicate", "/times/1"),
        ({"stations": [one | {"id": "a"} for one in two], "readings": [[1, 2]]}, "duplicate", "/stations/1/id"),
        ({"senml": [{"n": "pm", "v": 1}], "property": "pm"}, "unknown_property", "/property"),
    ]
    for given, code, path in cases:
        error = _refused(given)
        assert (error.code, error.path) == (code, path), given


def test_a_table_of_hardly_any_readings_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """Stations that each report at times of their own fill a table that is far longer than the document."""
    monkeypatch.setattr(read, "MOST_PLACES", 15)
    entities = [_entity(f"s{i}", i / 100, f"2026-03-01T0{i}:00:00Z", 1.0) for i in range(4)]
    given = {"property": "pm10", "step_s": 3_600}
    assert len(network(SensorqcInput.model_validate({**given, "entities": entities[:3]}), Left()).times) == 3
    assert _refused({**given, "entities": entities}).code == "too_many_readings"


def test_a_station_without_any_reading_is_told() -> None:
    """It is in the table, and nothing is said of it."""
    given = {"stations": [{"id": "a", "x_m": 0, "y_m": 0}, {"id": "b", "x_m": 5, "y_m": 0}],
             "readings": [[1, None], [2, None]]}
    network(SensorqcInput.model_validate(given), left := Left())
    assert left.notes() == ["1 station (b) left out: it has no reading"]
