"""What an operator gets to see: table, CSV, curve and feeder."""

from __future__ import annotations

import csv
import io
import json
import xml.etree.ElementTree as ET

import pytest

from lamplighter.tasks.energy.evhosting import KIND
from lamplighter.tasks.energy.evhosting.model import EvHosting
from lamplighter.tasks.energy.evhosting.prepare import prepare
from lamplighter.tasks.local import run_local

SVG = "{http://www.w3.org/2000/svg}"


@pytest.fixture
def data(feeder_of):
    """A published result, through JSON as it travels."""
    feeder = feeder_of(6, 12, transformer=True)
    feeder["buses"][3]["name"] = feeder["lines"][1]["to_bus"] = 'b<3>&"'
    for line in feeder["lines"]:
        line["from_bus"] = 'b<3>&"' if line["from_bus"] == "b3" else line["from_bus"]
    for load in feeder["loads"]:
        load["bus"] = 'b<3>&"' if load["bus"] == "b3" else load["bus"]
    spec = prepare(EvHosting(feeder=feeder, scenarios_per_level=3, levels_percent=[40, 100], first_slot=70,
                             last_slot=90, policies=["on_arrival", "tariff_22"]))
    published = json.dumps(run_local(KIND, spec).data, allow_nan=False)
    assert len(published) < 300_000
    return json.loads(published)


def test_csv_has_a_row_per_policy_and_level(data) -> None:
    """The CSV says what the data says."""
    rows = list(csv.DictReader(io.StringIO(KIND.files(data)["evhosting.csv"].decode())))
    assert [(row["policy"], row["level_percent"]) for row in rows] == [
        ("on_arrival", "40"), ("on_arrival", "100"), ("tariff_22", "40"), ("tariff_22", "100")]
    assert float(rows[3]["probability"]) == data["policies"][1]["levels"][1]["probability"]
    assert None not in rows[0] and None not in rows[0].values()


def test_pictures_are_valid_svg(data) -> None:
    """Both pictures parse, show every bus, line and level, and stay within their frame."""
    files = KIND.files(data)
    feeder = ET.fromstring(files["evhosting-feeder.svg"])
    assert len(feeder.findall(f"{SVG}circle")) == 12 and len(feeder.findall(f"{SVG}path")) == 11
    curve = ET.fromstring(files["evhosting-curve.svg"])
    assert len(curve.findall(f"{SVG}circle")) == 4
    for picture in (feeder, curve):
        for circle in picture.findall(f"{SVG}circle"):
            assert 0 <= float(circle.get("cx")) <= float(picture.get("width"))
            assert 0 <= float(circle.get("cy")) <= float(picture.get("height"))


def test_given_positions_are_kept(data) -> None:
    """With coordinates on every bus north is up and east is right."""
    for place, bus in enumerate(data["picture"]["buses"]):
        bus["x"], bus["y"] = float(place), float(place * place)
    circles = ET.fromstring(KIND.files(data)["evhosting-feeder.svg"]).findall(f"{SVG}circle")
    xs, ys = [float(c.get("cx")) for c in circles], [float(c.get("cy")) for c in circles]
    assert xs == sorted(xs) and ys == sorted(ys, reverse=True)


def test_table_has_a_line_per_level(data) -> None:
    """The terminal view names the feeder, each level's count and the worst elements, within 110 columns."""
    shown = KIND.text(data)
    assert shown.count(" of 3 ") == 4 and shown.count("worst at") == 2 and "transformer" in shown
    assert max(map(len, shown.splitlines())) <= 110


def test_intervals_are_drawn(data) -> None:
    """The curve's band runs from the lower to the upper bounds; the terminal's bar has the same ends."""
    row = data["policies"][0]["levels"][0]
    band = ET.fromstring(KIND.files(data)["evhosting-curve.svg"]).find(f"{SVG}polygon").get("points").split()
    ys = [float(point.split(",")[1]) for point in band]
    frame = 290.0
    assert ys[-1] - ys[0] == pytest.approx(frame * (row["high_95"] - row["low_95"]), abs=0.11)
    bar = next(line for line in KIND.text(data).splitlines() if line.startswith("   40 %")).split("│")[1]
    assert bar.count("█") == round(24 * row["low_95"])
    assert len(bar.rstrip()) == round(24 * row["high_95"]) and len(bar) == 24


def test_a_cut_answer_says_so_everywhere(data) -> None:
    """Table and curve name the jobs that a deadline left undone."""
    assert "missing" not in KIND.text(data)
    data.update(jobs_missing=3)
    assert f"3 of {data['jobs']} jobs are missing" in KIND.text(data)
    assert f"3 of {data['jobs']} jobs missing".encode() in KIND.files(data)["evhosting-curve.svg"]


def test_the_feeder_names_its_worst_places(data) -> None:
    """The lowest voltage and the busiest branch stand beside their places."""
    buses = data["picture"]["buses"][1:]
    words = [text.text for text in ET.fromstring(KIND.files(data)["evhosting-feeder.svg"]).findall(f"{SVG}text")]
    low = min(buses, key=lambda bus: bus["voltage_pu"])
    busy = max(buses, key=lambda bus: bus["branch_percent"])
    assert f"{low['name']}: {low['voltage_pu']:.3f} pu" in words
    assert f"{busy['branch']}: {busy['branch_percent']:.0f} %" in words
