"""Charging tables follow the statistics and the policy."""

from __future__ import annotations

import math
from statistics import NormalDist

import pytest

from lamplighter.tasks.api import TaskError
from lamplighter.tasks.energy.evhosting.method.charging import arrival_table, builtin, length_table, lengths
from lamplighter.tasks.energy.evhosting.model import Statistics


def _statistics(arrivals: dict[int, float], energy: list[float]) -> Statistics:
    return Statistics(arrivals_per_slot=[arrivals.get(slot, 0.0) for slot in range(96)], energy_kwh=energy)


def test_shares_of_arrivals_are_kept() -> None:
    """A quarter at 08:00 and three quarters at 18:00 are 64 and 192 of 256 steps."""
    table = arrival_table(_statistics({32: 1.0, 72: 3.0}, [5, 5]), "on_arrival")
    assert table == bytes([32] * 64 + [72] * 192)


def test_tariff_moves_the_evening_only() -> None:
    """Under the 22:00 tariff slots 60 to 87 become 88; 59, 88 and 95 stay."""
    table = arrival_table(_statistics({59: 1, 60: 1, 87: 1, 88: 1, 95: 4}, [5, 5]), "tariff_22")
    assert sorted(set(table)) == [59, 88, 95]
    assert table.count(88) == 96


def test_charging_time_is_energy_over_power_in_eighths() -> None:
    """11 kWh at 11 kW take 32 eighths of a quarter-hour, 11.2 take 33; 0.1 still one; 75 at 1 kW are cut at a day."""
    for energy, power, wanted in ((11, 11.0, 32), (11.2, 11.0, 33), (0.1, 11.0, 1), (75, 1.0, 768)):
        assert set(lengths(_statistics({0: 1}, [energy, energy]), power)) == {wanted}
    assert length_table(_statistics({0: 1}, [11, 11]), 11.0) == bytes([32, 0]) * 256


def test_builtin_statistics_are_what_their_text_says() -> None:
    """Energy quantiles are 9 x 2^z kWh, 85 % arrive round 18:00, and the source says synthetic."""
    own = builtin()
    for step in range(1, 20):
        assert own.energy_kwh[step] == pytest.approx(9 * 2 ** NormalDist().inv_cdf(step / 20), abs=0.051)
    table = arrival_table(own, "on_arrival")
    assert 70 <= table[128] <= 72
    assert math.isclose(sum(own.arrivals_per_slot), 100_000, rel_tol=1e-3)
    assert own.source.startswith("synthetic")


def test_impossible_statistics_are_refused() -> None:
    """No arrival at all and falling quantiles are errors with their place."""
    with pytest.raises(TaskError) as none:
        arrival_table(_statistics({}, [5, 5]), "on_arrival")
    assert (none.value.code, none.value.path) == ("empty_data", "/statistics/arrivals_per_slot")
    with pytest.raises(TaskError) as falling:
        length_table(_statistics({0: 1}, [5, 6, 4]), 11.0)
    assert (falling.value.code, falling.value.path) == ("bad_value", "/statistics/energy_kwh/2")
