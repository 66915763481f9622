"""Whole maps: the automatic variogram, degenerate stations, and answers that lie."""

from __future__ import annotations

import json
import math
from typing import Any

import pytest

from lamplighter.tasks.environment.airmap import KIND
from lamplighter.tasks.local import run_job, run_local


def _solved(prepared: Any, given: dict[str, Any]) -> tuple[Any, Any]:
    spec = prepared(given)
    result = run_local(KIND, spec)
    json.dumps(result.data, allow_nan=False)
    return spec, result


def _wavy(stations: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [one | {"value": one["value"] + 12 * math.sin(one["x_m"] / 900) + 9 * math.cos(one["y_m"] / 700)}
            for one in stations]


def test_the_automatic_variogram_is_as_good_as_fixed_ones(prepared: Any, stations_of: Any) -> None:
    """At places that it never saw; held-out stations tell how far it misses them, and the reference agrees."""
    stations = _wavy(stations_of(2, 145))
    given, kept = stations[:45], stations[45:]
    shared = {"stations": given, "targets": [{"x_m": one["x_m"], "y_m": one["y_m"]} for one in kept]}
    spec, auto = _solved(prepared, shared)
    assert auto.data["variogram"]["how"].startswith("likely")
    for range_m in (100, 1000, 4000):
        variogram = {"model": "spherical", "nugget": 0.1, "partial_sill": 1, "range_m": range_m}
        _, fixed = _solved(prepared, shared | {"variogram": variogram})
        assert _missed(auto, kept) <= 1.01 * _missed(fixed, kept)
    held = auto.data["held_out"]
    assert held["rmse"] == pytest.approx(_missed(auto, kept), rel=0.2)
    assert held["rmse"] < held["rmse_inverse_distance"] and held["stations"] == 45
    assert 0.85 < held["within_two_standard_errors_share"] <= 1
    assert KIND.reference(spec, auto)["ok"]


def _missed(result: Any, kept: list[dict[str, Any]]) -> float:
    return math.sqrt(sum((value - one["value"]) ** 2 for value, one in zip(result.data["value"], kept, strict=True))
                     / len(kept))


def test_twins_do_not_flatter_the_error(prepared: Any, stations_of: Any) -> None:
    """Every station twice, ten metres apart: left out alone its twin predicts it; held out as far as the map's places
    are, it is missed as they are. Standard errors follow that, and a note tells."""
    town = [one | {"value": 30 + 12 * math.sin(one["x_m"] / 900) + 9 * math.cos(one["y_m"] / 700)}
            for one in stations_of(2, 160)]
    twins = [one | {"x_m": one["x_m"] + dx} for one in town[:20] for dx in (0, 10)]
    kept = town[20:]
    _, found = _solved(prepared, {"stations": twins, "targets": [{"x_m": one["x_m"], "y_m": one["y_m"]}
                                                                 for one in kept]})
    truth = _missed(found, kept)
    assert found.data["leave_one_out"]["rmse"] < 0.2 * truth
    assert 0.75 * truth < found.data["held_out"]["rmse"] < 1.5 * truth
    assert found.data["held_out"]["stations_apart"] >= 20
    covered = [abs(value - one["value"]) <= 2 * error for value, error, one in zip(
        found.data["value"], found.data["standard_error"], kept, strict=True)]
    assert sum(covered) >= 0.9 * len(kept)
    assert any("closer to each other than to the map's places" in note for note in found.data["notes"])


def test_too_few_stations_are_told(prepared: Any, stations_of: Any) -> None:
    """Nine: no variogram is chosen, and a note says so; equal readings need none."""
    _, few = _solved(prepared, {"stations": stations_of(2, 9), "grid": {"rows": 4, "cols": 5}})
    assert any("too few to choose a variogram" in note for note in few.data["notes"])


def test_solve_is_deterministic(prepared: Any, stations_of: Any) -> None:
    """Two runs give the same jobs and the same result."""
    runs = []
    for _ in range(2):
        rounds: list[Any] = []
        spec = prepared({"stations": stations_of(3, 12), "grid": {"rows": 3, "cols": 3}})
        solution = KIND.solve(spec)
        try:
            jobs = next(solution)
            while True:
                rounds.append([job.input for job in jobs])
                jobs = solution.send([run_job(KIND, job) for job in jobs])
        except StopIteration as end:
            runs.append((rounds, end.value))
    assert runs[0] == runs[1]


def test_two_stations_make_a_map(prepared: Any) -> None:
    """By rule; symmetric between them, each reading at its own station."""
    stations = [{"x_m": 0, "y_m": 0, "value": 10}, {"x_m": 100, "y_m": 0, "value": 20}]
    targets = [{"x_m": x, "y_m": 0} for x in (0, 30, 50, 70, 100)]
    spec, result = _solved(prepared, {"stations": stations, "targets": targets})
    values = result.data["value"]
    assert values[0] == pytest.approx(10, abs=1e-4) and values[4] == pytest.approx(20, abs=1e-4)
    assert values[2] == pytest.approx(15, abs=1e-3)
    assert values[1] + values[3] == pytest.approx(30, abs=2e-3)
    assert result.data["standard_error"][0] == 0 < result.data["standard_error"][2]
    assert "by rule" in result.data["variogram"]["how"]
    assert KIND.reference(spec, result)["ok"]


@pytest.mark.parametrize("direction", [(1, 0), (0, 1), (3, -2)])
def test_collinear_stations_make_a_map(prepared: Any, direction: tuple[int, int]) -> None:
    """A street of sensors is fine."""
    stations = [{"x_m": 50 * i * direction[0], "y_m": 50 * i * direction[1], "value": 20 + (i * 7) % 5}
                for i in range(14)]
    spec, result = _solved(prepared, {"stations": stations, "grid": {"cell_m": 200}})
    assert KIND.reference(spec, result)["ok"]


def test_equal_readings_give_that_reading(prepared: Any, stations_of: Any) -> None:
    """Exactly, with no claim of error where the variogram was automatic."""
    stations = [{**one, "value": 4.2} for one in stations_of(5, 15)]
    spec, result = _solved(prepared, {"stations": stations, "grid": {"rows": 2, "cols": 2}})
    assert result.data["value"] == [4.2] * 4
    assert result.data["standard_error"] == [0] * 4
    assert "All readings are equal" in result.summary
    assert KIND.reference(spec, result)["ok"]


def test_one_cell(prepared: Any, stations_of: Any) -> None:
    """The smallest grid has one value and one error, and can be shown and written."""
    _, result = _solved(prepared, {"stations": stations_of(6, 5), "grid": {"rows": 1, "cols": 1}})
    assert len(result.data["value"]) == len(result.data["standard_error"]) == 1
    assert KIND.text(result.data) and all(KIND.files(result.data).values())


def test_logarithms_come_back_as_medians(prepared: Any, stations_of: Any) -> None:
    """exp of the kriged logarithm, with the lognormal deviation; the answer says so."""
    stations = [{**one, "value": math.exp(one["value"] / 10)} for one in stations_of(7, 20)]
    logs = [{**one, "value": math.log(one["value"])} for one in stations]
    given = {"model": "exponential", "nugget": 0.1, "partial_sill": 0.5, "range_m": 800}
    shared = {"variogram": given, "grid": {"rows": 3, "cols": 3}}
    spec, back = _solved(prepared, {"stations": stations, "transform": "log", **shared})
    _, plain = _solved(prepared, {"stations": logs, **shared})
    for value, log, error, log_error in zip(back.data["value"], plain.data["value"], back.data["standard_error"],
                                            plain.data["standard_error"], strict=True):
        assert value == pytest.approx(math.exp(log), rel=1e-4)
        variance = log_error**2
        assert error == pytest.approx(value * math.sqrt(math.exp(variance) * (math.exp(variance) - 1)), rel=1e-2)
    assert "median" in back.data["scale_note"]
    assert KIND.reference(spec, back)["ok"]
