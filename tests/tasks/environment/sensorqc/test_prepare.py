"""From a table of readings to a spec, or a refusal that says what to do."""

from __future__ import annotations

import math
from typing import Any

import pytest

from lamplighter.tasks import registry
from lamplighter.tasks.api import TaskError
from lamplighter.tasks.environment.sensorqc import KIND
from lamplighter.tasks.environment.sensorqc.spec import Spec

Given = dict[str, Any]
THREE = [{"x_m": 0, "y_m": 0}, {"x_m": 900, "y_m": 0}, {"x_m": 900.01, "y_m": 0}]


def prepared(given: Given) -> Spec:
    return registry.prepare({KIND.name: KIND}, KIND.name, given)


def test_stations_at_one_position_share_a_place() -> None:
    """Their readings are averaged for others, and a note says so."""
    spec = prepared({"stations": THREE, "readings": [[1, 2, 4], [None, 2, None]]})
    assert spec.place_of == [0, 1, 1] and len(spec.places) == 2
    assert spec.at(0) == {0: 1, 1: 3} and spec.at(0, frozenset({2})) == {0: 1, 1: 2}
    assert any("3 stations at 2 positions" in note for note in spec.notes)
    assert any(note.startswith("1 times") for note in spec.notes)


def test_a_direction_is_taken_into_the_plane() -> None:
    """With half the range across north, places lie twice as far apart east of each other."""
    variogram = {"model": "spherical", "nugget": 0, "partial_sill": 1, "range_m": 500, "angle_deg": 0, "ratio": 0.5}
    given = {"stations": [{"x_m": 0, "y_m": 0}, {"x_m": 100, "y_m": 300}], "readings": [[1, 2]]}
    plain, spec = prepared(given), prepared({**given, "variogram": variogram})
    (x0, y0), (x1, y1) = plain.places
    assert math.dist(*spec.places) == pytest.approx(math.hypot(2 * (x1 - x0), y1 - y0))
    assert spec.variogram is not None and spec.variogram.ratio == 0.5


def test_logarithms_are_taken_once() -> None:
    """With ``log`` the rows hold natural logarithms."""
    spec = prepared({"stations": THREE[:2], "readings": [[math.e, 1]], "transform": "log"})
    assert spec.rows == [[pytest.approx(1), 0]]


@pytest.mark.parametrize(("more", "code", "path"), [
    ({"readings": [[None, None]]}, "empty_data", "/input/readings"),
    ({"readings": [[1, None], [None, 1]]}, "too_few_stations", "/input/stations"),
    ({"stations": [THREE[1], THREE[1]], "readings": [[1, 2]]}, "too_few_stations", "/input/stations"),
    ({"readings": [[1, 0]], "transform": "log"}, "not_positive", "/input/readings/0/1"),
    ({"readings": [[1, 2]] * 10_000, "predictions": True, "stations": THREE[:2] * 3}, "wrong_length",
     "/input/readings/0"),
    ({"variogram": {"model": "spherical", "nugget": 0, "partial_sill": 0, "range_m": 1}}, "out_of_range",
     "/input/variogram/partial_sill"),
    ({"variogram": {"model": "spherical", "nugget": 0, "partial_sill": 1, "range_m": 1e7}}, "out_of_range",
     "/input/variogram/range_m"),
    ({"variogram": "best"}, "bad_value", "/input/variogram"),
    ({"threshold": 0.5}, "out_of_range", "/input/threshold"),
    ({"treshold": 3}, "unknown_field", "/input/treshold"),
    ({"readings": [[1, math.nan]]}, "bad_value", "/input/readings/0/1"),
])
def test_refusals(more: Given, code: str, path: str) -> None:
    """Each with its code, its place and something to do about it."""
    with pytest.raises(TaskError) as caught:
        prepared({"stations": THREE[:2], "readings": [[1, 2]], **more})
    assert (caught.value.code, caught.value.path) == (code, path) and caught.value.hint


def test_too_many_readings_are_refused() -> None:
    """Whole predictions are limited further, since they are published."""
    stations = [{"x_m": i, "y_m": i * i % 7} for i in range(12)]
    rows = [[1.0] * 12] * 9_000
    with pytest.raises(TaskError) as caught:
        prepared({"stations": stations, "readings": rows})
    assert caught.value.code == "too_many_readings"
    with pytest.raises(TaskError) as caught:
        prepared({"stations": stations, "readings": rows[:4_000], "predictions": True})
    assert "predictions" in caught.value.hint
