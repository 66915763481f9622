"""Whole checks: planted faults, degenerate networks, deadlines, and the reference."""

from __future__ import annotations

import json
import random
from typing import Any

import pytest

from lamplighter.tasks import registry
from lamplighter.tasks.api import DeadlinePassed, Result
from lamplighter.tasks.environment.airmap import KIND as AIRMAP
from lamplighter.tasks.environment.sensorqc import KIND
from lamplighter.tasks.environment.sensorqc.demo import generated
from lamplighter.tasks.environment.sensorqc.method import search
from lamplighter.tasks.environment.sensorqc.spec import Spec
from lamplighter.tasks.local import run_local

Given = dict[str, Any]
VARIOGRAM = {"model": "exponential", "nugget": 0.5, "partial_sill": 30, "range_m": 4000}


def _solved(given: Given, **options: Any) -> tuple[Spec, Result]:
    spec = registry.prepare({KIND.name: KIND}, KIND.name, given)
    result = run_local(KIND, spec, **options)
    json.dumps(result.data, allow_nan=False)
    assert KIND.text(result.data) and all(KIND.files(result.data).values())
    return spec, result


def _field(stations: int, times: int, seed: int = 1) -> Given:
    """A smooth field that changes with time."""
    pick = random.Random(seed)
    places = [(round(pick.uniform(0, 5000), 1), round(pick.uniform(0, 4000), 1)) for _ in range(stations)]
    rows = [[round(20 + t % 5 + x / 1000 + y / 2000 + pick.gauss(0, 0.3), 3) for x, y in places]
            for t in range(times)]
    return {"stations": [{"id": f"s{i}", "x_m": x, "y_m": y} for i, (x, y) in enumerate(places)], "readings": rows}


def _suspects(result: Result) -> list[str]:
    return [one["id"] for one in result.data["stations"] if one["verdict"] == "suspect"]


def test_the_kernel_is_that_of_the_map() -> None:
    """One file, one hash: devices hold it once."""
    assert KIND.kernel.samefile(AIRMAP.kernel)


def test_planted_faults_are_found_with_their_reasons() -> None:
    """A step and a stuck value make suspects, spikes are flagged, and the reference agrees with every score."""
    given = {**generated(24, 36, 3), "variogram": {**VARIOGRAM, "partial_sill": 40}}
    spec, result = _solved(given)
    reasons = {one["id"]: one["reasons"] for one in result.data["stations"] if one["verdict"] == "suspect"}
    assert "stuck at 17.3" in reasons["made-up-12"][0] and len(reasons) <= 3
    spikes = {(one["station"], one["time"]) for one in result.data["flagged"]}
    assert {(19, 7), (19, 15), (19, 33)} & spikes
    assert KIND.reference(spec, result)["ok"]


def test_the_automatic_variogram_and_the_step(monkeypatch: pytest.MonkeyPatch) -> None:
    """A station that reads 40 % low from the middle on is named, with the time and about that figure."""
    monkeypatch.setattr(search, "SAMPLE_PREDICTIONS", 40)
    given = _field(20, 24)
    given["times"] = [f"hour {t}" for t in range(24)]
    for t in range(11, 24):
        given["readings"][t][6] = round(given["readings"][t][6] * 0.6, 3)
    spec, result = _solved(given)
    assert "s6" in _suspects(result) and len(_suspects(result)) <= 2
    (reason,) = result.data["stations"][6]["reasons"][:1]
    assert "below its neighbours since hour 11" in reason and any(f"{size} %" in reason for size in range(37, 44))
    assert "best of" in result.data["variogram"]["how"] and result.data["rechecked"]
    assert KIND.reference(spec, result)["ok"] and "s6" in result.summary


def test_a_liar_does_not_get_its_neighbours_flagged() -> None:
    """One spike flags more than itself at first; the recheck clears the others."""
    given = {**_field(15, 6), "variogram": VARIOGRAM, "scale": "fixed"}
    given["readings"][2][4] = 900.0
    _, first = _solved({**given, "recheck": False})
    _, then = _solved(given)
    assert first.data["flagged_count"] > 1
    assert [(one["station"], one["time"]) for one in then.data["flagged"]] == [(4, 2)]
    assert then.data["left_out_of_recheck"][0][0] == 2


def test_two_stations_differ_but_nobody_is_blamed() -> None:
    """Each predicts the other; the summary says that this tells nothing."""
    stations = [{"x_m": 0, "y_m": 0}, {"x_m": 100, "y_m": 0}]
    _, result = _solved({"stations": stations, "readings": [[10 + t % 3, 11 + t % 4] for t in range(12)],
                         "predictions": True, "recheck": False})
    assert result.data["predicted"][1] == [12, 11] and not _suspects(result)
    assert "Between two stations" in result.summary and "by rule" in result.data["variogram"]["how"]


@pytest.mark.parametrize("direction", [(1, 0), (0, 1), (3, -2)])
def test_collinear_stations_are_checked(direction: tuple[int, int]) -> None:
    """A street of sensors is fine."""
    pick = random.Random(2)
    stations = [{"x_m": 50 * i * direction[0], "y_m": 50 * i * direction[1]} for i in range(11)]
    spec, result = _solved({"stations": stations, "readings": [[round(20 + i / 3 + pick.gauss(0, 1), 2)
                                                                for i in range(11)] for _ in range(3)]})
    assert result.data["unchecked"] == 0 and KIND.reference(spec, result)["ok"]


def test_twins_are_compared_with_others() -> None:
    """Of two sensors on one post, the one that lies is flagged and the other is not."""
    given = {**_field(12, 4), "variogram": VARIOGRAM, "scale": "fixed"}
    given["stations"].append({**given["stations"][0], "id": "twin"})
    for row in given["readings"]:
        row.append(row[0] + 60)
    _, result = _solved(given)
    assert {one["station"] for one in result.data["flagged"]} == {12}
    assert result.data["notes"]


def test_equal_readings_are_all_right() -> None:
    """Nobody is flagged, nothing divides by zero."""
    given = _field(12, 3)
    given["readings"] = [[4.2] * 12 for _ in range(3)]
    _, result = _solved(given)
    assert result.data["flagged_count"] == 0 and not _suspects(result) and result.data["rmse"] == 0


def test_one_reading_among_equal_ones_is_flagged() -> None:
    """However small a nonzero spread is, the one that differs is the one."""
    given = {**_field(12, 3), "readings": [[4.2] * 12 for _ in range(3)]}
    given["readings"][1][5] = 4.3
    _, result = _solved(given)
    assert [(one["station"], one["time"]) for one in result.data["flagged"]] == [(5, 1)]


def test_one_time_flags_readings_but_no_stations() -> None:
    """A single time tells nothing of a station's habits."""
    given = {**_field(30, 1), "variogram": VARIOGRAM, "scale": "fixed"}
    given["readings"][0][9] = 120.0
    _, result = _solved(given)
    assert [one["station"] for one in result.data["flagged"]] == [9] and not _suspects(result)


def test_missing_readings_stay_missing() -> None:
    """A station without readings is not checked; a time with one alone is noted."""
    given = {**_field(11, 4), "variogram": VARIOGRAM}
    for row in given["readings"]:
        row[3] = None
    given["readings"][2] = [None] * 10 + [5.0]
    _, result = _solved(given)
    assert result.data["stations"][3]["verdict"] == "not checked"
    assert result.data["checked"] == 30 and result.data["unchecked"] == 1
    assert result.data["scores_tenths"][10][2] is None


def test_logarithms_come_back_in_the_unit() -> None:
    """Predictions and errors are those of a lognormal number."""
    given = {**_field(12, 2), "transform": "log", "predictions": True,
             "variogram": {"model": "spherical", "nugget": 0.001, "partial_sill": 0.01, "range_m": 6000}}
    spec, result = _solved(given)
    for row, readings in zip(result.data["predicted"], given["readings"], strict=True):
        assert all(abs(value / reading - 1) < 0.2 for value, reading in zip(row, readings, strict=True))
    assert KIND.reference(spec, result)["ok"] and "sensorqc-predictions.csv" in KIND.files(result.data)


def test_solve_is_deterministic() -> None:
    """Two runs give the same result, whatever the order of dictionaries."""
    assert _solved(_field(12, 3))[1] == _solved(_field(12, 3))[1]


def test_a_deadline_leaves_readings_unchecked() -> None:
    """What is missing is said and counted; what is there is the same as without a deadline."""
    given = {**_field(20, 12), "variogram": VARIOGRAM, "scale": "fixed", "recheck": False}
    _, whole = _solved(given)
    _, part = _solved(given, deadline_after_jobs=15)
    assert part.partial and not whole.partial
    assert 0 < part.data["checked"] < whole.data["checked"] == 240
    assert part.data["unchecked"] == 240 - part.data["checked"] and str(part.data["unchecked"]) in part.partial
    for some, every in zip(part.data["scores_tenths"], whole.data["scores_tenths"], strict=True):
        assert all(a is None or a == b for a, b in zip(some, every, strict=True))


def test_a_deadline_in_the_recheck_says_so() -> None:
    """Everything is checked, but a neighbour's fault may still count."""
    given = {**_field(15, 3), "variogram": VARIOGRAM, "scale": "fixed"}
    given["readings"][1][4] = 900.0
    sizes: list[int] = []
    _solved(given, on_round=sizes.append)
    _, part = _solved(given, deadline_after_jobs=sizes[0])
    assert "recheck" in part.partial and part.data["unchecked"] == 0 and not part.data["rechecked"]


def test_a_deadline_in_the_search_leaves_a_preview(monkeypatch: pytest.MonkeyPatch) -> None:
    """The sample is checked with a variogram by rule; the rest counts as unchecked."""
    monkeypatch.setattr(search, "SAMPLE_PREDICTIONS", 12)
    given = _field(12, 3)
    given["readings"][1][5] = 300.0
    _, part = _solved(given, deadline_after_jobs=4)
    assert part.data["checked"] == 12 and part.data["unchecked"] == 24 and "24 of 36" in part.partial
    assert "before the search was done" in part.data["variogram"]["how"]
    assert (5, 1) in {(one["station"], one["time"]) for one in part.data["flagged"]}


def test_a_deadline_before_the_first_prediction_passes_on() -> None:
    """Nothing honest can be said then."""
    with pytest.raises(DeadlinePassed):
        _solved(_field(12, 3), deadline_after_jobs=0)


def test_five_thousand_stations_are_cut_fast_enough() -> None:
    """A whole time of them becomes jobs of at most 600 B, without one being kriged here."""
    given = {**_field(5000, 1), "variogram": VARIOGRAM}
    spec = registry.prepare({KIND.name: KIND}, KIND.name, given)
    jobs = next(KIND.solve(spec))
    assert len(jobs) > 600 and all(len(job.input) <= 600 and not job.contexts for job in jobs)


def test_a_year_of_seventy_stations_fits_a_document() -> None:
    """The input stays far below 4 MB."""
    assert len(json.dumps(_field(70, 365))) < 400_000
