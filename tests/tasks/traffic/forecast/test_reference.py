"""The floating-point forecast agrees, and would notice a wrong one."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest

from lamplighter.tasks.local import run_local
from lamplighter.tasks.registry import prepare
from lamplighter.tasks.traffic.forecast import KIND
from lamplighter.tasks.traffic.forecast.demo import generated
from lamplighter.tasks.traffic.forecast.reference import forecast


def test_it_agrees_with_the_devices_and_notices_a_change() -> None:
    """Within half a percent of the highest count; ten percent off is not."""
    given = generated(1, 11, 7) | {"horizon_hours": 30}
    given["detectors"][0]["counts"][40:90] = [None] * 50
    spec = prepare({KIND.name: KIND}, KIND.name, given)
    result = run_local(KIND, spec)
    told = KIND.reference(spec, result)
    assert told["ok"] and told["largest_difference_share"] < 0.002 and "floating point" in told["text"]
    entry = result.data["detectors"][0]
    wrong = {**entry, "expected_per_hour": [1.1 * flow for flow in entry["expected_per_hour"]]}
    assert not KIND.reference(spec, replace(result, data={**result.data, "detectors": [wrong]}))["ok"]


def test_levels_by_hand() -> None:
    """One residual of known size, weighed as the definition says: the level of its hour, and of all hours."""
    roots: list[float | None] = [10.0] * 336
    roots[335] = 14.0
    ahead = forecast(roots, 48, (1, 0, 32, 255, 32, 0))
    cut = min(4.0, 255 / 4 * _usual(14.0, 167))
    assert ahead[:23] == [10.0] * 23
    assert ahead[23] == pytest.approx(10.0 + 0.5 * 0.5 * cut)
    assert ahead[47] == pytest.approx(10.0 + 0.75 * 0.5 * 0.5 * cut)
    level = forecast(roots, 1, (1, 0, 32, 255, 0, 64))
    assert level[0] == pytest.approx(10.0 + cut * 5 / 64)


def _usual(top: float, hours: int) -> float:
    """The running mean size of residuals after so many hours without one."""
    return top * 2**14 / 320_000 * math.pow(63 / 64, hours)
