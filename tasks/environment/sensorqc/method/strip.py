"""A station's scores over time in a few columns, and the order in which stations are shown."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any


def strip(tenths: Sequence[int | None], columns: int) -> list[int | None]:
    """At most so many columns: in each the score farthest from zero, in tenths; None without readings."""
    count = min(columns, len(tenths))
    found: list[int | None] = []
    for column in range(count):
        part = tenths[column * len(tenths) // count:(column + 1) * len(tenths) // count]
        found.append(max((one for one in part if one is not None), key=abs, default=None))
    return found


def ranked(data: dict[str, Any]) -> list[int]:
    """Stations by number, most doubtful first: suspect ones, then by their share of flagged readings."""
    stations = data["stations"]
    return sorted(range(len(stations)), key=lambda i: (
        stations[i]["verdict"] != "suspect", -stations[i]["flagged"] / max(1, stations[i]["checked"]),
        -abs(stations[i]["score_median"] or 0.0), i))
