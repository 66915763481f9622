"""What an operator gets to see: table, plot, CSV, JSON."""

from __future__ import annotations

import csv
import io
import json
from typing import Any

import pytest

from lamplighter.tasks.local import run_local
from lamplighter.tasks.registry import prepare
from lamplighter.tasks.traffic.forecast import KIND
from lamplighter.tasks.traffic.forecast.demo import generated


@pytest.fixture(scope="module")
def data() -> dict[str, Any]:
    """A published result, through JSON as it travels: one detector forecast, one left out."""
    given = generated(2, 11, 5)
    given["detectors"][0]["id"] = 'Ring <3> & "A"'
    given["detectors"][1]["counts"][-200:] = [None] * 200
    result = run_local(KIND, prepare({KIND.name: KIND}, KIND.name, given))
    published: dict[str, Any] = json.loads(json.dumps(result.data, allow_nan=False))
    return published


def test_the_text_fits_a_terminal_and_says_what_is_known(data: dict[str, Any]) -> None:
    """A plot with its band, a line per detector, what was left out and the verdict."""
    shown = KIND.text(data)
    for words in ("█", "▒", 'Ring <3> & "A"', "left out: made-up 2", "plain median", "hours fell in the band"):
        assert words in shown
    assert max(map(len, shown.splitlines()[:-1])) <= 120


def test_two_days_fit_as_well(data: dict[str, Any]) -> None:
    """48 hours are narrower columns."""
    one = data["detectors"][0]
    twice = {**one, **{name: one[name] * 2 for name in ("expected_per_hour", "low_per_hour", "high_per_hour")}}
    shown = KIND.text({**data, "hours": data["hours"] * 2, "detectors": [twice]})
    assert max(map(len, shown.splitlines()[:-1])) <= 130


def test_many_detectors_are_listed_in_part(data: dict[str, Any]) -> None:
    """Twenty lines, and where the rest is."""
    shown = KIND.text({**data, "detectors": data["detectors"] * 25})
    assert "and 5 more detectors" in shown and len(shown.splitlines()) < 50


def test_csv_and_json_hold_every_hour(data: dict[str, Any]) -> None:
    """A row per detector and hour, with the band around the forecast."""
    files = KIND.files(data)
    rows = list(csv.DictReader(io.StringIO(files["forecast.csv"].decode())))
    assert [row["hour"] for row in rows] == data["hours"] and {row["detector"] for row in rows} == {'Ring <3> & "A"'}
    assert all(float(row["low_per_hour"]) <= float(row["expected_per_hour"]) <= float(row["high_per_hour"])
               for row in rows)
    assert json.loads(files["forecast.json"]) == data
