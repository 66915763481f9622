"""Cutting demand into windows and packing jobs."""

from __future__ import annotations

from typing import Any

import pytest

from lamplighter.tasks.api import TaskError
from lamplighter.tasks.readers.network import Demand
from lamplighter.tasks.traffic.signals.jobs import (
    CONTEXT_BYTES,
    jittered,
    job,
    merged,
    network_context,
    plans_per_job,
    shipped_plan,
    windows,
)
from lamplighter.tasks.traffic.signals.method.plain import read_plain
from lamplighter.tasks.traffic.signals.model import Plain
from lamplighter.tasks.traffic.signals.spec import Window


def _demand(vehicles: int, ways: int, every_ds: int) -> Demand:
    routes = tuple(((0, 100 + way),) for way in range(ways))
    return Demand(routes, tuple((i * every_ds, i % ways) for i in range(vehicles)), 0)


def _windows(demand: Demand) -> list[Window]:
    return windows(demand, [jittered(demand, 0, 1)], 300)[0]


@pytest.mark.parametrize("demand", [_demand(1, 1, 1), _demand(700, 3, 17), _demand(2000, 200, 15),
                                    _demand(9, 9, 9000), _demand(6000, 250, 6)])
def test_every_vehicle_is_counted_once(demand: Demand) -> None:
    """However departures are cut, each vehicle counts in exactly one window, and each context fits."""
    cut = _windows(demand)
    assert sum(window.counted for window in cut) == len(demand.vehicles)
    assert all(window.counted and len(window.context.data) <= CONTEXT_BYTES for window in cut)


def test_jitter_keeps_vehicles_and_order() -> None:
    """Departures move by no more than asked; the seed decides; none leaves before zero."""
    demand = _demand(300, 5, 20)
    moved = jittered(demand, 600, 3)
    assert moved == jittered(demand, 600, 3) != jittered(demand, 600, 4)
    assert moved == sorted(moved) and moved[0][0] >= 0
    assert sorted(route for _, route in moved) == sorted(route for _, route in demand.vehicles)
    assert jittered(demand, 0, 3) == sorted(demand.vehicles)


def test_travel_times_merge_within_the_tolerance() -> None:
    """Near travel times to one movement become one, none by more than the tolerance."""
    demand = _demand(10, 300, 1)
    near = merged(demand, 15)
    assert len(set(near.routes)) <= 20
    assert max(abs(a[0][1] - b[0][1]) for a, b in zip(demand.routes, near.routes, strict=True)) <= 15
    assert merged(demand, 0) == demand


def test_demand_too_dense_for_a_device_is_an_error() -> None:
    """A thousand vehicles a minute does not fit, and the error says what to do."""
    with pytest.raises(TaskError) as caught:
        windows(_demand(20_000, 3, 1), [_demand(20_000, 3, 1).vehicles], 300, "/plain/routes")
    assert (caught.value.code, caught.value.path) == ("too_dense", "/plain/routes") and caught.value.hint
    assert sum(window.counted for window in _windows(_demand(5000, 3, 2))) == 5000   # a quarter of it just fits


def test_a_way_round_and_round_is_too_long_for_a_device() -> None:
    """However few the signals are that it passes, more often than two bytes can count."""
    with pytest.raises(TaskError) as caught:
        windows(Demand((((0, 10), (1, 10)) * 40_000,), ((0, 0),), 0), [[(0, 0)]], 300)
    assert caught.value.code == "too_dense"


def test_jobs_keep_to_their_sizes(crossing: dict[str, Any]) -> None:
    """Input, answer and contexts stay within what devices take, for one junction and for 64."""
    network, demand = read_plain(Plain.model_validate(crossing), 0.0, None, 1)
    plans = [shipped_plan(network)] * plans_per_job(1)
    one = job(network, network_context(network), _windows(demand)[0], plans)
    assert len(one.input) <= 1024 and one.answer_bytes == 4 * len(plans) <= 256
    assert one.ops > 0 and one.heap_bytes < 16_000
    assert 4 * 64 * plans_per_job(64) <= 256 and plans_per_job(64) == 1
