"""Reads forecasts of homes from SenML: one record a quarter-hour, or several that are averaged."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from lamplighter.tasks.api import TaskError
from lamplighter.tasks.energy.battery.model import POWER_MAX_W
from lamplighter.tasks.readers.allow import Left
from lamplighter.tasks.readers.plausible import no_missing_codes
from lamplighter.tasks.readers.senml import RELATIVE_S, resolved

SLOT_S, DAY_S = 900, 86_400
NAMES = {"net_load": 1, "load": 1, "pv": -1}
UNITS = {"W": 1.0, "kW": 1000.0}
MUCH_W = 1_000
"""What stands for a missing value elsewhere may be a load if it is less."""
PATH = "/senml"


def net_loads(records: list[dict[str, Any]], homes: Sequence[str], slots: int,
              left: Left) -> dict[str, list[float]]:
    """Net load in W of a day of so many ``slots`` for each of ``homes``, found by the records' names (less load, pv
    or net_load, and a colon or slash before it).

    The earliest time of all records is the beginning of the day; where that is no midnight of UTC it is told.
    ``load`` counts up, ``pv`` down; readings of one name in one quarter-hour are averaged. Raises TaskError: those of
    ``senml.resolved``, unknown_home, unknown_property, wrong_unit, bad_time, out_of_range, implausible (codes of
    missing values), missing_reading (with the home and the quarter-hour).
    """
    known, found = set(homes), list(resolved(records, PATH, left))
    begin = min((one.time_s for one in found), default=0.0)
    if begin >= RELATIVE_S and begin % DAY_S:
        first = datetime.fromtimestamp(begin, UTC)
        left.tell(f"the forecasts begin at {first:%Y-%m-%dT%H:%M:%SZ}: that is taken for 00:00 of the day planned, "
                  "where the prices begin too")
    sums: dict[tuple[str, str], list[tuple[float, int]]] = {}
    read: dict[str, list[tuple[float, str]]] = {}
    for one in found:
        here, (home, name) = f"{PATH}/{one.number}", _split(one.name, known)
        if home not in known:
            raise TaskError("unknown_home", f"no home that lacks a forecast has the id {home[:64]!r}",
                            "list it under 'homes'", here)
        if name not in NAMES:
            raise TaskError("unknown_property", f"a record is named {name[:64]!r}", "net_load, load or pv", here)
        if one.unit not in UNITS:
            raise TaskError("wrong_unit", f"a record's unit is {one.unit!r}", "give W or kW", here + "/u")
        slot = int((one.time_s - begin) // SLOT_S)
        if slot >= slots:
            raise TaskError("bad_time", f"a record lies more than {slots // 4} h after the first", "send one day",
                            here + "/t")
        value = one.value * UNITS[one.unit]
        if abs(value) > POWER_MAX_W:
            raise TaskError("out_of_range", f"{value:g} W", f"at most {POWER_MAX_W} W either way", here + "/v")
        if value < 0 and name != "net_load":
            raise TaskError("out_of_range", f"{name} is {value:g} W", "loads and solar power are 0 or more; a "
                            "surplus is a negative net_load", here + "/v")
        read.setdefault(home, []).append((value, here + "/v"))
        row = sums.setdefault((home, name), [(0.0, 0)] * slots)
        total, count = row[slot]
        row[slot] = total + value, count + 1
    for values in read.values():
        no_missing_codes(values, left, MUCH_W)
    return {home: _whole(home, sums, slots) for home in homes}


def _split(name: str, known: set[str]) -> tuple[str, str]:
    """The home and the reading of a record's whole name."""
    for word in NAMES:
        home = name.removesuffix(word).rstrip(":/")
        if name.endswith(word) and home in known:
            return home, word
    cut = max(name.rfind(":"), name.rfind("/")) + 1
    return name[:cut].rstrip(":/"), name[cut:]


def _whole(home: str, sums: dict[tuple[str, str], list[tuple[float, int]]], slots: int) -> list[float]:
    rows = {name: sums[home, name] for name in NAMES if (home, name) in sums}
    if set(rows) not in ({"net_load"}, {"load"}, {"load", "pv"}):
        raise TaskError("missing_reading", f"home {home[:64]!r} has no forecast",
                        "give net_load_w, or load_w and pv_w, or SenML records net_load, or load and pv", PATH)
    net = [0.0] * slots
    for name, row in rows.items():
        for slot, (total, count) in enumerate(row):
            if not count:
                raise TaskError("missing_reading", f"home {home[:64]!r} has no {name} for quarter-hour {slot} "
                                f"({clock(slot)})", f"the day has {slots} quarter-hours", PATH)
            net[slot] += NAMES[name] * total / count
    return net


def clock(slot: int) -> str:
    """Beginning of a quarter-hour, as HH:MM since 00:00."""
    return f"{slot // 4:02d}:{slot % 4 * 15:02d}"
