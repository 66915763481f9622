"""What an operator gets to see: bars and a table, CSV, the charge plan."""

from __future__ import annotations

import csv
import io
import json
import xml.etree.ElementTree as ET

import pytest

from lamplighter.tasks.energy.battery import KIND
from lamplighter.tasks.energy.battery.model import Batteries
from lamplighter.tasks.energy.battery.prepare import prepare
from lamplighter.tasks.local import run_local

SVG = "{http://www.w3.org/2000/svg}"


@pytest.fixture
def data(homes_of):
    """A published result, through JSON as it travels; one home has a name that needs care."""
    given = homes_of(6, homes=18, capacity_wh=10_000, soc_start_wh=2_000, soc_end_wh=2_000)
    given["homes"][0]["id"] = '<b>&", "'
    published = json.dumps(run_local(KIND, prepare(Batteries(**given))).data, allow_nan=False)
    return json.loads(published)


def test_csv_tables_say_what_the_data_says(data) -> None:
    """A row a home; a row a home and quarter-hour, with what is stored, which ends as published."""
    files = KIND.files(data)
    homes = list(csv.DictReader(io.StringIO(files["battery-homes.csv"].decode())))
    assert [row["id"] for row in homes] == [one["id"] for one in data["homes"]]
    assert float(homes[3]["saving_eur"]) == data["homes"][3]["saving_eur"]
    plan = list(csv.DictReader(io.StringIO(files["battery-plan.csv"].decode())))
    assert len(plan) == 18 * 96 and plan[95]["begins"] == "23:45" and plan[95]["quarter_hour"] == "95"
    for number, one in enumerate(data["homes"]):
        rows = plan[96 * number:96 * number + 96]
        assert [int(row["battery_w"]) for row in rows] == one["plan_w"]
        assert float(rows[-1]["stored_wh"]) == pytest.approx(one["stored_at_end_wh"], abs=1.5)
        assert all(-0.1 <= float(row["stored_wh"]) <= one["capacity_wh"] + 0.1 for row in rows)


@pytest.mark.parametrize("name", ["battery-street.svg", "battery-home.svg"])
def test_pictures_are_valid_svg(data, name: str) -> None:
    """They parse, hold a step for every quarter-hour, and stay within their frame."""
    picture = ET.fromstring(KIND.files(data)[name])
    for bar in picture.findall(f"{SVG}rect"):
        x, y = float(bar.get("x", 0)), float(bar.get("y", 0))
        assert x >= 0 and y >= 0 and float(bar.get("height")) >= 0
        assert x + float(bar.get("width")) <= 820.5 and y + float(bar.get("height")) <= 620.5
    steps = [path for path in picture.findall(f"{SVG}path") if path.get("d").count("H") == 96]
    assert len(steps) == 4


def test_pictures_of_nothing_are_drawn(homes_of) -> None:
    """Zero prices, zero load, no battery: axes without a span."""
    given = homes_of(1, capacity_wh=0, soc_start_wh=0, soc_end_wh=0, net_load_w=[0] * 96)
    given["prices"] = {"buy_eur_per_mwh": [0.0] * 24}
    data = run_local(KIND, prepare(Batteries(**given))).data
    for name, content in KIND.files(data).items():
        assert name.endswith(".csv") or ET.fromstring(content).tag == f"{SVG}svg"
    assert "1 homes" in KIND.text(data)


def test_text_fits_a_terminal(data) -> None:
    """Bars for the day and a line for each of the homes that save most, within 100 columns."""
    shown = KIND.text(data)
    assert max(map(len, shown.splitlines())) <= 100 and "and 3 more" in shown
    assert "█" in shown and shown.count("home ") >= 14


@pytest.mark.parametrize("hours", [23, 25])
def test_a_day_on_which_the_clocks_change_is_shown_whole(homes_of, hours: int) -> None:
    """To its last quarter-hour in table, bars and pictures, and a note says what its times of day are."""
    spec = prepare(Batteries(**homes_of(6, hours=hours, capacity_wh=10_000, soc_start_wh=2_000, soc_end_wh=2_000)))
    data = run_local(KIND, spec).data
    text, files = KIND.text(data), KIND.files(data)
    axis = next(line for line in text.splitlines() if line.startswith(" " * 15 + "0h"))
    assert axis.endswith(f"18h{' ' * (2 * hours - 41)}{hours}h")
    assert any(note.startswith(f"the day has {hours} hours") for note in data["notes"]) and data["notes"][0] in text
    plan = list(csv.DictReader(io.StringIO(files["battery-plan.csv"].decode())))
    assert len(plan) == 4 * hours and plan[-1]["begins"] == f"{hours - 1}:45"
    for name in ("battery-street.svg", "battery-home.svg"):
        picture = ET.fromstring(files[name])
        steps = [path.get("d") for path in picture.findall(f"{SVG}path") if path.get("d").count("H") == 4 * hours]
        assert len(steps) == 4 and all(way.endswith("H790.0") for way in steps)
        assert any("790.0" in path.get("d") and path.get("d").endswith("Z") for path in picture.findall(f"{SVG}path"))
