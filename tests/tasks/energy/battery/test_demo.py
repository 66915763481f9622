"""The demo: real days where they can be had, made-up ones named as such where not."""

from __future__ import annotations

import io
import json
import zipfile
from datetime import date
from pathlib import Path

import pytest

from lamplighter.tasks.energy.battery import KIND, demo
from lamplighter.tasks.energy.battery.model import Batteries
from lamplighter.tasks.energy.battery.prepare import prepare


def archive(stamp: str) -> zipfile.ZipFile:
    """A wheel of three days: load counts quarter-hours, the sun counts hours, the price is the hour."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as made:
        made.writestr(demo.LOADS, "".join(",".join([str(slot / 1000)] * 25) + "\n" for slot in range(288)))
        made.writestr(demo.SOLAR, "time,local_time,electricity\n" + "".join(
            f"t,t,{hour / 1000}\n" for hour in range(72)))
        made.writestr(demo.PRICES, "Country,Datetime (UTC),Datetime (Local),Price (EUR/MWhe)\n" + "".join(
            "Netherlands," + stamp.format(day=day, hour=hour) + f",x,{100 * day + hour}\n"
            for day in (1, 2, 3) for hour in range(24)))
    return zipfile.ZipFile(out)


@pytest.mark.parametrize("stamp", ["2024-01-{day:02d} {hour:02d}:00:00", "{day:02d}/01/2024 {hour:02d}:00"])
def test_a_day_is_found_in_the_tables(stamp: str) -> None:
    """However its date is written; net load is load less solar power of the same hour."""
    wheel = archive(stamp)
    assert demo.day_ahead_eur_per_mwh(wheel, date(2024, 1, 2)) == [200.0 + hour for hour in range(24)]
    loads = demo.net_loads_w(wheel, date(2024, 1, 2), 2)
    assert len(loads) == 25 and loads[7] == [96 + slot - 2 * (24 + slot // 4) for slot in range(96)]
    with pytest.raises(ValueError):
        demo.day_ahead_eur_per_mwh(wheel, date(2024, 1, 4))


def test_offline_the_demo_says_that_it_is_made_up(monkeypatch: pytest.MonkeyPatch) -> None:
    """A hundred valid jobs, and no claim of real data."""
    monkeypatch.setattr(demo, "wheel", lambda *_: None)
    shown = demo.demo(Path("unused"))
    assert not shown.real and "made-up" in shown.source and len(json.dumps(shown.input)) < 200_000
    assert len(next(KIND.solve(prepare(Batteries(**shown.input))))) == 100
