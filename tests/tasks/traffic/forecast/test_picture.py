"""The picture: valid, inside its frame, with gaps where nothing was counted."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from typing import Any

from lamplighter.tasks.traffic.forecast.picture import picture

SVG = "{http://www.w3.org/2000/svg}"


def published(top: float = 900.0, recent: list[float | None] | None = None, count: int = 1) -> dict[str, Any]:
    """As much of a result as the picture wants."""
    flows = [top * (hour + 1) / 24 for hour in range(24)]
    one = {"id": "a < b", "expected_per_hour": flows, "low_per_hour": [0.9 * flow for flow in flows],
           "high_per_hour": [1.1 * flow for flow in flows], "six_week_median_per_hour": flows,
           "recent_per_hour": recent or [top / 2] * 48, "backtest": None}
    return {"unit": "vehicles/h", "band_percent": 80, "backtest_days": 21, "detectors": [one] * count,
            "hours": [f"2026-03-01T{hour:02d}:00" for hour in range(24)]}


def test_it_is_svg_inside_its_frame() -> None:
    """Every point of every line and of the band, whatever the size of the flows."""
    for top in (0.0, 0.4, 7.0, 999.0, 32_000.0):
        root = ET.fromstring(picture(published(top, count=3)))
        shapes = [*root.findall(f"{SVG}polyline"), *root.findall(f"{SVG}polygon")]
        assert len(shapes) == 12
        for shape in shapes:
            for point in shape.get("points", "").split():
                x, y = map(float, point.split(","))
                assert 0 <= x <= float(root.get("width", 0)) and 0 <= y <= float(root.get("height", 0))


def test_missing_hours_are_gaps() -> None:
    """A line on each side, and a dot for a lone hour; nothing where nothing was counted."""
    recent: list[float | None] = [5.0] * 10 + [None] * 5 + [6.0] + [None] * 2 + [7.0] * 30
    assert len(ET.fromstring(picture(published(9, recent))).findall(f"{SVG}polyline")) == 5
    assert len(ET.fromstring(picture(published(9, [None] * 48))).findall(f"{SVG}polyline")) == 2


def test_detectors_without_a_forecast_or_recent_counts_are_not_drawn() -> None:
    """The title says how many are."""
    data = published(count=2)
    data["detectors"] = [*data["detectors"], {"id": "c", "expected_per_hour": [1.0] * 24, "backtest": None},
                         {**data["detectors"][0], "expected_per_hour": None}]
    drawn = picture(data)
    assert drawn.count("<polygon") == 2 and "2 of 4 detectors" in drawn
