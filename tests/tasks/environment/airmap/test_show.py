"""The map as text and files."""

from __future__ import annotations

import csv
import io
import itertools
import json
import xml.etree.ElementTree as ElementTree
from typing import Any

import pytest

from lamplighter.tasks.environment.airmap import KIND
from lamplighter.tasks.local import run_local


@pytest.fixture
def published(prepared: Any) -> dict[str, Any]:
    """A map in degrees with empty cells, as read back from its JSON."""
    stations = [{"id": f"<{i}> & co", "lon_deg": 7.1 + (i * 7 % 11) / 100, "lat_deg": 50.7 + (i * 5 % 7) / 100,
                 "value": 20 + i % 4} for i in range(14)]
    given = {"model": "exponential", "nugget": 0.1, "partial_sill": 3, "range_m": 2000}
    spec = prepared({"stations": stations, "quantity": "PM<10>", "unit": "µg/m³", "variogram": given,
                     "grid": {"cell_m": 500}, "max_distance_m": 600})
    data: dict[str, Any] = json.loads(json.dumps(run_local(KIND, spec).data))
    assert None in data["value"]
    return data


def test_csv_has_a_row_for_each_cell_with_a_value(published: dict[str, Any]) -> None:
    """Positions inside the grid, value and standard error as published."""
    rows = list(csv.DictReader(io.StringIO(KIND.files(published)["airmap.csv"].decode())))
    known = [(value, error) for value, error in zip(published["value"], published["standard_error"], strict=True)
             if value is not None]
    assert [(float(row["value"]), float(row["standard_error"])) for row in rows] == known
    grid = published["grid"]
    assert all(grid["west"] < float(row["lon_deg"]) < grid["east"] for row in rows)
    assert all(grid["south"] < float(row["lat_deg"]) < grid["north"] for row in rows)


def test_geojson_cells_are_closed_counterclockwise_rings(published: dict[str, Any]) -> None:
    """RFC 7946, 3.1.6."""
    document = json.loads(KIND.files(published)["airmap.geojson"])
    assert document["type"] == "FeatureCollection"
    assert len(document["features"]) == sum(value is not None for value in published["value"])
    for feature in document["features"]:
        (ring,) = feature["geometry"]["coordinates"]
        assert ring[0] == ring[-1] and len(ring) == 5
        area = sum(a[0] * b[1] - b[0] * a[1] for a, b in itertools.pairwise(ring))
        assert area > 0
        assert feature["properties"]["standard_error"] >= 0


def test_svg_is_well_formed_and_shows_both_maps(published: dict[str, Any]) -> None:
    """Names with markup in them stay text; each station is drawn in both panels."""
    root = ElementTree.fromstring(KIND.files(published)["airmap.svg"])
    texts = ["".join(one.itertext()) for one in root.iter("{http://www.w3.org/2000/svg}text")]
    assert texts[0] == "PM<10> in µg/m³"
    assert {"value", "standard error"} <= set(texts)
    titles = [one.text for one in root.iter("{http://www.w3.org/2000/svg}title")]
    assert len(titles) == 2 * 14 and "<3> & co 23" in titles


def test_text_puts_value_and_error_side_by_side(published: dict[str, Any]) -> None:
    """At most 80 columns of map, no control characters, the unit in the first line."""
    lines = KIND.text(published).splitlines()
    assert "µg/m³" in lines[0]
    maps = lines[2:lines.index(next(line for line in lines if line.startswith("value   ") and "from" in line))]
    assert maps and all(len(line) <= 80 for line in maps)
    assert all(line.isprintable() for line in lines)
    assert set("".join(maps)) - {" "} <= set("·░▒▓█")


def test_points_are_listed(prepared: Any, stations_of: Any) -> None:
    """A task with targets prints and writes them by name."""
    spec = prepared({"stations": stations_of(1, 6), "targets": [{"id": "school", "x_m": 100, "y_m": 200},
                                                                {"x_m": 300, "y_m": 900}]})
    data = run_local(KIND, spec).data
    assert "school" in KIND.text(data)
    features = json.loads(KIND.files(data)["airmap.geojson"])["features"]
    assert features[0]["properties"]["id"] == "school"
    assert features[0]["geometry"] == {"type": "Point", "coordinates": [100, 200]}
    assert ElementTree.fromstring(KIND.files(data)["airmap.svg"]) is not None
