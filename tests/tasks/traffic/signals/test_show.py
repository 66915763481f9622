"""What people and SUMO get to see."""

from __future__ import annotations

import csv
import io
import json
from typing import Any
from xml.etree import ElementTree

import pytest

from lamplighter.tasks.traffic.signals import KIND


@pytest.fixture
def data() -> dict[str, Any]:
    """A published answer for two junctions, one with an id that needs escaping."""
    def junction(name: str) -> dict[str, Any]:
        return {"id": name, "vehicles": 400, "delay_before_s_per_vehicle": 20.5, "delay_after_s_per_vehicle": 12.25,
                "shipped": {"cycle_s": 90.0, "offset_s": 0.0, "durations_s": [40.0, 5.0, 40.0, 5.0]},
                "proposed": {"cycle_s": 60.0, "offset_s": 12.0, "durations_s": [30.0, 5.0, 20.0, 5.0]},
                "signals": ["GGr", "yyr", "rrg", "rry"]}
    return {"delay_before_s_per_vehicle": 30.0, "delay_after_s_per_vehicle": 20.0, "vehicles": 700,
            "plans_tried": 100, "saved_share": 0.33, "saved_share_low": 0.3, "saved_share_high": 0.36,
            "junctions": [junction("<A&B>"), junction("a junction with a very long name " * 2)]}


def test_table_fits_a_terminal(data: dict[str, Any]) -> None:
    """Every junction's delay, cycle, offset and greens, in at most 100 columns."""
    shown = KIND.text(data)
    assert max(map(len, shown.splitlines())) <= 100
    assert "90 ->  60 s" in shown and "greens 40/40 -> 30/20 s" in shown and "100 plans" in shown


def test_additional_file_is_what_sumo_reads(data: dict[str, Any]) -> None:
    """Well-formed, with the proposed phases, states and offsets."""
    root = ElementTree.fromstring(KIND.files(data)["signals.add.xml"])
    logic = root.findall("tlLogic")[0]
    assert root.tag == "additional" and logic.attrib == {"id": "<A&B>", "type": "static", "offset": "12",
                                                         "programID": "lamplighter"}
    assert [(p.get("duration"), p.get("state")) for p in logic] == [("30", "GGr"), ("5", "yyr"), ("20", "rrg"),
                                                                    ("5", "rry")]


def test_table_shows_the_proposed_programmes_in_blocks(data: dict[str, Any]) -> None:
    """A row of blocks per signal group, one for two seconds; beyond twelve junctions a count of the rest."""
    assert "  0,1            ███████████████▒▒▒············" in KIND.text(data)
    data["junctions"] *= 10
    assert KIND.text(data).splitlines()[-1] == "... and 8 more junctions"


def test_diagram_has_a_bar_per_phase_and_group(data: dict[str, Any]) -> None:
    """Signals that always agree share a row; bars are as wide as what they show is long; red is one thin bar."""
    root = ElementTree.fromstring(KIND.files(data)["signals.svg"])
    bars = [e for e in root.iter("{http://www.w3.org/2000/svg}rect") if e.find("{*}title") is not None]
    assert len(bars) == 2 * 2 * (3 + 3)
    widths = [float(bar.get("width", "0")) for bar in bars[:3]]
    assert widths == pytest.approx([420 * s / 90 for s in (40, 5, 45)], abs=0.1)
    assert "33% less (30% to 36% of all time lost)" in "".join(root.itertext())


def test_csv_and_json_hold_the_answer(data: dict[str, Any]) -> None:
    """One CSV line per junction, programme and phase; the JSON is the published data."""
    files = KIND.files(data)
    rows = list(csv.DictReader(io.StringIO(files["signals.csv"].decode())))
    assert len(rows) == 2 * 2 * 4 and rows[4]["duration_s"] == "30.0"
    assert json.loads(files["signals.json"]) == data
