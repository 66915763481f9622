"""The reference finds what is wrong with a map."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from lamplighter.tasks.environment.airmap import KIND
from lamplighter.tasks.environment.airmap.method.variogram import Variogram
from lamplighter.tasks.environment.airmap.reference import krige, solve_linear
from lamplighter.tasks.local import run_local

GIVEN = {"model": "spherical", "nugget": 2.0, "partial_sill": 40.0, "range_m": 2500}


def test_a_shifted_map_is_not_ok(prepared: Any, stations_of: Any) -> None:
    """An honest map is; one that is off by 0.05 is not, nor one whose score is flattered."""
    spec = prepared({"stations": stations_of(1, 25), "grid": {"rows": 8, "cols": 8}, "variogram": GIVEN})
    honest = run_local(KIND, spec)
    found = KIND.reference(spec, honest)
    assert found["ok"] and found["share_within_0.02"] == 1 and found["largest_difference"] < 0.003
    shifted = replace(honest, data=honest.data | {"value": [value + 0.05 for value in honest.data["value"]]})
    assert not KIND.reference(spec, shifted)["ok"]
    score = honest.data["leave_one_out"]
    flattered = replace(honest, data=honest.data | {"leave_one_out": score | {"rmse": 0.99 * score["rmse"]}})
    assert not KIND.reference(spec, flattered)["ok"]


def test_kriging_by_hand() -> None:
    """Two stations, target in the middle of two spherical ranges: weights one half, variance from the formula."""
    variogram = Variogram("spherical", 100.0, 0.0, 3.0)
    value, variance = krige([(0, 0), (200, 0)], [1.0, 2.0], (100, 0), variogram)
    assert value == pytest.approx(1.5)
    assert variance == pytest.approx(1.5 * 3.0)  # 2 * gamma(100) * sill - gamma(200) / 2 * sill, both gammas 1


def test_linear_solver() -> None:
    """A system that needs its rows swapped."""
    assert solve_linear([[0.0, 2.0, 4.0], [3.0, 1.0, 5.0]]) == pytest.approx([1.0, 2.0])
