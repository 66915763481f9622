"""Files and text of a check: complete, escaped, well-formed."""

from __future__ import annotations

import csv
import io
import json
from typing import Any
from xml.etree import ElementTree

import pytest

from lamplighter.tasks import registry
from lamplighter.tasks.environment.sensorqc import KIND
from lamplighter.tasks.local import run_local


@pytest.fixture(scope="module")
def data() -> dict[str, Any]:
    """A small network in degrees with a name that needs escaping and one wild reading."""
    stations = [{"id": f"<post & {i}>", "lon_deg": 8 + 0.01 * (i % 4), "lat_deg": 50 + 0.01 * (i // 4)}
                for i in range(12)]
    readings = [[20 + (i * 7 + t * 3) % 5 / 5 for i in range(12)] for t in range(3)]
    readings[1][5] = 90.0
    given = {"quantity": "PM10 & dust", "unit": "µg/m³", "stations": stations, "readings": readings}
    return run_local(KIND, registry.prepare({KIND.name: KIND}, KIND.name, given)).data


def test_csv_has_every_station_and_flagged_reading(data: dict[str, Any]) -> None:
    """In the coordinates of the input."""
    files = KIND.files(data)
    stations = list(csv.DictReader(io.StringIO(files["sensorqc-stations.csv"].decode())))
    assert len(stations) == 12 and stations[5]["station"] == "<post & 5>" and stations[5]["lat_deg"] == "50.01"
    flagged = list(csv.DictReader(io.StringIO(files["sensorqc-flagged.csv"].decode())))
    assert [row["reading"] for row in flagged] == ["90.0"]


def test_geojson_is_in_degrees(data: dict[str, Any]) -> None:
    """A point for each station, with its verdict."""
    document = json.loads(KIND.files(data)["sensorqc.geojson"])
    assert len(document["features"]) == 12
    assert document["features"][0]["geometry"]["coordinates"] == pytest.approx([8, 50])


def test_the_picture_is_well_formed(data: dict[str, Any]) -> None:
    """SVG that parses, with a circle for each station and names escaped."""
    root = ElementTree.fromstring(KIND.files(data)["sensorqc.svg"])  # our own output
    circles = root.findall(".//{http://www.w3.org/2000/svg}circle")
    assert len(circles) == 12 + 3  # and the legend's


def test_text_names_the_wild_reading(data: dict[str, Any]) -> None:
    """With what its neighbours say."""
    assert "read 90, neighbours say 2" in KIND.text(data)
