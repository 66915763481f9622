"""From input to spec: grids, merging, and the right error for each bad input."""

from __future__ import annotations

import math
from typing import Any

import pytest

from lamplighter.tasks.api import TaskError

TWO = [{"x_m": 0, "y_m": 0, "value": 1}, {"x_m": 1000, "y_m": 500, "value": 2}]
GEO = [{"lon_deg": 7.1, "lat_deg": 50.7, "value": 1}, {"lon_deg": 7.2, "lat_deg": 50.75, "value": 2}]
ENTITY = {"type": "AirQualityObserved", "location": {"type": "Point", "coordinates": [7.15, 50.72]},
          "pm10": {"type": "Property", "value": 12, "unitCode": "GQ"}}


@pytest.mark.parametrize(("given", "code", "path"), [
    ({}, "empty_data", "/input/stations"),
    ({"stations": TWO[:1]}, "too_few_stations", "/input/stations"),
    ({"stations": [TWO[0], TWO[0]]}, "too_few_stations", "/input/stations"),
    ({"statoins": TWO}, "unknown_field", "/input/statoins"),
    ({"stations": [{**TWO[0], "valeu": 1}]}, "unknown_field", "/input/stations/0/valeu"),
    ({"stations": [{"x_m": 0, "y_m": 0}]}, "missing_field", "/input/stations/0/value"),
    ({"stations": [{"x_m": 0, "value": 3}, *TWO]}, "bad_position", "/input/stations/0"),
    ({"stations": [*TWO, *GEO]}, "mixed_positions", "/input/stations"),
    ({"stations": TWO, "entities": [ENTITY], "property": "pm10"}, "mixed_positions", "/input/stations"),
    ({"entities": [ENTITY]}, "missing_field", "/input/property"),
    ({"stations": GEO, "entities": [ENTITY, ENTITY | {"pm10": {"value": 3, "unitCode": "GP"}}], "property": "pm10"},
     "mixed_units", "/input/entities/1"),
    ({"entities": [ENTITY], "property": "pm10", "unit": "ppb"}, "mixed_units", "/input/entities/0"),
    ({"stations": TWO, "grid": {"cell_m": 0.1}}, "too_many_cells", "/input/grid"),
    ({"stations": TWO, "grid": {"rows": 5}}, "bad_value", "/input/grid"),
    ({"stations": TWO, "grid": {"rows": 5, "cols": 5, "cell_m": 10}}, "bad_value", "/input/grid"),
    ({"stations": TWO, "grid": {"cell_m": -1}}, "out_of_range", "/input/grid/cell_m"),
    ({"stations": TWO, "grid": {"bbox": [5, 5, 0, 0]}}, "bad_value", "/input/grid/bbox"),
    ({"stations": GEO, "grid": {"bbox": [367000, 5610000, 368000, 5620000]}}, "out_of_range", "/input/grid/bbox"),
    ({"stations": TWO, "grid": {"bbox": [9e6, 9e6, 9.1e6, 9.1e6]}}, "too_far", "/input/grid"),
    ({"stations": TWO, "grid": {}, "targets": [{"x_m": 1, "y_m": 1}]}, "bad_value", "/input/targets"),
    ({"stations": TWO, "targets": [{"lon_deg": 1, "lat_deg": 1}]}, "mixed_positions", "/input/targets/0"),
    ({"stations": TWO, "max_distance_m": 0.001}, "empty_map", "/input/max_distance_m"),
    ({"stations": [*TWO, {"x_m": 9, "y_m": 9, "value": 0}], "transform": "log"}, "not_positive", "/input/transform"),
    ({"stations": TWO, "variogram": "atuo"}, "bad_value", "/input/variogram"),
    ({"stations": TWO, "variogram": {"model": "spherical", "nugget": 0, "partial_sill": 0, "range_m": 9}},
     "out_of_range", "/input/variogram/partial_sill"),
    ({"stations": TWO, "variogram": {"model": "spherical", "nugget": 0, "partial_sill": 1, "range_m": 1e7}},
     "out_of_range", "/input/variogram/range_m"),
    ({"stations": [{**TWO[0], "value": float("nan")}]}, "bad_value", "/input/stations/0/value"),
])
def test_bad_input_is_refused_with_its_place(prepared: Any, given: dict[str, Any], code: str, path: str) -> None:
    """Code, JSON Pointer, and a hint to act on."""
    with pytest.raises(TaskError) as caught:
        prepared(given)
    assert (caught.value.code, caught.value.path) == (code, path)
    assert caught.value.hint


def test_readings_are_mapped_in_the_unit_asked_for(prepared: Any) -> None:
    """Milligrams are no micrograms: they are converted, and that is told."""
    entities = [ENTITY | {"id": f"urn:{i}", "location": {"type": "Point", "coordinates": [7 + i / 8, 50.7]},
                          "pm10": {"value": value, "unitCode": "GP"}} for i, value in enumerate((0.25, 0.5))]
    spec = prepared({"entities": entities, "property": "pm10", "unit": "µg/m³"})
    assert (spec.readings, spec.unit) == ([250.0, 500.0], "µg/m³")
    assert "readings in mg/m³ were converted to µg/m³" in spec.notes
    with pytest.raises(TaskError, match="stands for a missing one"):   # whatever it would be in another unit
        prepared({"entities": [*entities, entities[0] | {"id": "urn:9", "pm10": {"value": -999, "unitCode": "GP"}}],
                  "property": "pm10", "unit": "µg/m³"})


def test_the_hinted_cell_size_fits(prepared: Any) -> None:
    """Whoever follows the hint gets a map."""
    for stations in (TWO, [TWO[0], {"x_m": 1000, "y_m": 0, "value": 3}]):
        with pytest.raises(TaskError) as caught:
            prepared({"stations": stations, "grid": {"cell_m": 0.0001}})
        cell = float(caught.value.hint.split()[3])
        assert 500_000 < len(prepared({"stations": stations, "grid": {"cell_m": cell}}).targets) <= 1_000_000


def test_readings_at_one_place_are_averaged(prepared: Any, stations_of: Any) -> None:
    """And the answer's notes say so; nearly one place is one place."""
    stations = stations_of(1, 12)
    spec = prepared({"stations": [*stations, {**stations[4], "value": stations[4]["value"] + 4},
                                  {**stations[5], "x_m": stations[5]["x_m"] + 0.01}]})
    assert len(spec.places) == 12
    assert spec.readings[4] == pytest.approx(stations[4]["value"] + 2)
    assert "14 readings at 12 positions" in spec.notes[0]


def test_a_grid_covers_what_was_asked(prepared: Any) -> None:
    """Cells are square and the box lies inside the grid; rows and cols divide it exactly."""
    spec = prepared({"stations": TWO, "grid": {"cell_m": 300, "bbox": [0, 0, 1000, 500]}})
    assert (spec.targets.cells.rows, spec.targets.cells.cols) == (2, 4)
    assert spec.targets.at(0) == (50.0, 400.0)  # north-west
    spec = prepared({"stations": TWO, "grid": {"rows": 1, "cols": 1}})
    assert (len(spec.targets), spec.targets.at(0)) == (1, (500.0, 250.0))
    spec = prepared({"stations": [TWO[0], {"x_m": 0, "y_m": 480, "value": 5}]})  # collinear: one column
    assert (spec.targets.cells.rows, spec.targets.cells.cols) == (48, 1)


def test_far_cells_stay_out(prepared: Any) -> None:
    """max_distance_m keeps the cells near a station and no others."""
    spec = prepared({"stations": TWO, "grid": {"cell_m": 50}, "max_distance_m": 120})
    near = [min(math.dist(spec.targets.at(t), place) for place in ((0, 0), (1000, 500))) <= 120
            for t in range(len(spec.targets))]
    assert list(spec.targets.shown) == near
    assert 0 < sum(near) < len(near)


def test_stations_entities_and_senml_make_one_map(prepared: Any) -> None:
    """All three sources together, in degrees."""
    senml = [{"bn": "a", "u": "lat", "v": 50.71}, {"u": "lon", "v": 7.12}, {"n": "pm10", "v": 8.0}]
    spec = prepared({"stations": GEO, "entities": [ENTITY], "senml": senml, "property": "pm10"})
    assert spec.readings == [1, 2, 12, 8]
    assert (spec.quantity, spec.unit) == ("pm10", "µg/m³")
