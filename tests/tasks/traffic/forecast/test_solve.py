"""Whole forecasts: what is gained, degenerate detectors, deadlines, and answers that lie."""

from __future__ import annotations

import json
import os
import struct
from collections.abc import Callable
from contextlib import ExitStack
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import pytest

import lamplighter.tasks.traffic.forecast.solve as module
from lamplighter.gateway.devicebuild.interpreter import find_micropython
from lamplighter.gateway.kindkit.pool import Pool
from lamplighter.tasks.api import DeadlinePassed, Result
from lamplighter.tasks.local import run_job, run_local
from lamplighter.tasks.registry import prepare
from lamplighter.tasks.traffic.forecast import KIND
from lamplighter.tasks.traffic.forecast.demo import generated
from lamplighter.tasks.traffic.forecast.solve import CANDIDATES, DETECTORS_PER_ROUND, SETS, solve
from lamplighter.tasks.traffic.forecast.spec import Spec


@pytest.fixture(scope="module")
def solved():
    """The result of a task; its jobs run as machine code where there is a MicroPython, since that is quick."""
    with ExitStack() as stack:
        quick = stack.enter_context(Pool(KIND.kernel)).answers if find_micropython() else None

        def solve_it(given: dict[str, Any], **how: Any) -> Result:
            result = run_local(KIND, prepared(given), run_jobs=quick, **how)
            json.dumps(result.data, allow_nan=False)
            return result

        yield solve_it


def prepared(given: dict[str, Any]) -> Spec:
    """As a gateway prepares it."""
    spec: Spec = prepare({KIND.name: KIND}, KIND.name, given)
    return spec


Solved = Callable[..., Result]


def one(counts: list[Any], **more: Any) -> dict[str, Any]:
    """A task of one detector."""
    return {"detectors": [{"id": "d", "start": "2026-01-05T00:00", "counts": counts}], **more}


def test_a_level_that_moves_is_followed(solved: Solved) -> None:
    """Weather that lasts for days, the same share at every hour: well ahead of the median, and honest about it."""
    given = generated(1, 3)
    counts = given["detectors"][0]["counts"]
    level = [1 + 0.3 * ((day // 6) % 2) for day in range(70)]
    given["detectors"][0]["counts"] = [round(count * level[at // 24]) for at, count in enumerate(counts)]
    result = solved(given)
    score = result.data["backtest"]
    assert score["mean_absolute_error_per_hour"] < 0.9 * score["six_week_median_error_per_hour"]
    assert score["hours"] == 21 * 24 and 0.6 < score["inside_band_share"] < 0.95
    assert "less than the plain median" in result.summary and "would do as well" not in result.summary


def test_little_gain_is_called_little(solved: Solved) -> None:
    """Days that differ by chance only: nothing to gain over the median, and the summary says so."""
    result = solved(generated(2, 8))
    score = result.data["backtest"]
    assert abs(score["mean_absolute_error_per_hour"] / score["six_week_median_error_per_hour"] - 1) < 0.06
    assert "hardly any" in result.summary or "more than" in result.summary or "%" in result.summary
    assert ("would do as well" in result.summary) == (
        score["mean_absolute_error_per_hour"] > 0.97 * score["six_week_median_error_per_hour"])


def test_solve_is_deterministic() -> None:
    """Two runs give the same jobs and the same result."""
    given = generated(1, 4, 6)
    runs = []
    for _ in range(2):
        rounds: list[list[bytes]] = []
        solution = solve(prepared(given))
        try:
            jobs = next(solution)
            while True:
                rounds.append([job.input for job in jobs])
                jobs = solution.send([run_job(KIND, job) for job in jobs])
        except StopIteration as end:
            runs.append((rounds, end.value))
    assert runs[0] == runs[1]


@pytest.mark.parametrize("flow", [0, 1, 700, 32_000])
def test_constant_counts_are_forecast_as_they_are(solved: Solved, flow: int) -> None:
    """Also none at all; no error, a band of no width, and nothing gained."""
    result = solved(one([flow] * 840))
    detector = result.data["detectors"][0]
    for name in ("expected_per_hour", "low_per_hour", "high_per_hour"):
        assert detector[name] == pytest.approx([flow] * 24, rel=1e-3)
    assert detector["backtest"]["mean_absolute_error_per_hour"] == pytest.approx(0, abs=0.001 * flow)
    assert "nothing is gained" in result.summary
    assert KIND.text(result.data) and all(KIND.files(result.data).values())


def test_a_burst_does_not_spoil_the_next_days(solved: Solved) -> None:
    """One absurd hour (a demonstration, a fault) moves no other hour of the forecast much."""
    counts = generated(1, 6, 8)["detectors"][0]["counts"]
    calm = solved(one(counts)).data["detectors"][0]["expected_per_hour"]
    hit = solved(one([32_000 if at == len(counts) - 30 else count for at, count in enumerate(counts)]))
    burst = hit.data["detectors"][0]["expected_per_hour"]
    assert max(abs(a - b) for a, b in zip(calm, burst, strict=True)) < 0.2 * max(calm)


def test_gaps_are_bridged(solved: Solved) -> None:
    """A fifth of the hours missing, days of them on end: still a forecast, scored on what was counted."""
    counts = generated(1, 7, 8)["detectors"][0]["counts"]
    result = solved(one([None if at % 240 < 48 else count for at, count in enumerate(counts)]))
    score = result.data["detectors"][0]["backtest"]
    assert 0.7 * 504 < score["hours"] < 504
    assert score["mean_absolute_error_per_hour"] < 2 * score["six_week_median_error_per_hour"]


def test_a_holiday_is_forecast_like_a_sunday(solved: Solved) -> None:
    """A Monday named as such has no rush hour; the reference agrees."""
    given = generated(1, 12, 8)
    plain = solved(given).data["detectors"][0]["expected_per_hour"]
    spec = prepared({**given, "days_like_sunday": ["2026-03-02"]})
    result = run_local(KIND, spec)
    off = result.data["detectors"][0]["expected_per_hour"]
    assert off[7] < 0.5 * plain[7] and off[14] > 1.5 * plain[14]
    assert KIND.reference(spec, result)["ok"]


@pytest.mark.parametrize("hours", [1, 24, 25, 48])
def test_the_horizon_is_what_was_asked(solved: Solved, hours: int) -> None:
    """From one hour to two days; the second day is scored too."""
    data = solved({**generated(1, 2, 6), "horizon_hours": hours}).data
    assert len(data["hours"]) == hours == len(data["detectors"][0]["expected_per_hour"])
    assert data["detectors"][0]["backtest"]["hours"] == 21 * hours


def test_days_of_23_and_25_hours(solved: Solved) -> None:
    """The forecast of the day on which clocks change has its hours, with their offsets."""
    try:
        ZoneInfo("Europe/Berlin")
    except ZoneInfoNotFoundError:
        (pytest.fail if os.environ.get("CI") else pytest.skip)("this machine has no time zone data")
    for start, hours, first, last in (("2026-02-01T00:00", 23, "2026-03-29T00:00+01:00", "2026-03-29T23:00+02:00"),
                                      ("2026-08-30T00:00", 25, "2026-10-25T00:00+02:00", "2026-10-25T23:00+01:00")):
        counts = [100 + 10 * (hour % 24) for hour in range(56 * 24)]
        data = solved({"detectors": [{"id": "d", "start": start, "counts": counts}],
                       "time_zone": "Europe/Berlin"}).data
        assert (len(data["hours"]), data["hours"][0], data["hours"][-1]) == (hours, first, last)
        assert len(data["detectors"][0]["expected_per_hour"]) == hours


def test_a_deadline_leaves_whole_forecasts(solved: Solved, monkeypatch: pytest.MonkeyPatch) -> None:
    """Detectors go by the round: those that are done are published, the others are named as missing."""
    monkeypatch.setattr(module, "DETECTORS_PER_ROUND", 4)
    given = generated(6, 9, 5)
    first, each = 4 * len(CANDIDATES), len(CANDIDATES) + 3
    result = solved(given, deadline_after_jobs=first + 2 * len(CANDIDATES) + 2 * 3 + 1)
    data = result.data
    done = [entry["id"] for entry in data["detectors"] if entry["expected_per_hour"]]
    assert len(data["detectors"]) == 6 and done == ["made-up 1", "made-up 2", "made-up 3"]
    assert data["jobs_missing"] == 6 * each - first - 2 * len(CANDIDATES) - 7
    assert "3 of 6 detectors have no forecast, 4 no back-test" in result.partial
    assert result.summary and KIND.text(data) and all(KIND.files(data).values())
    json.dumps(data, allow_nan=False)
    with pytest.raises(DeadlinePassed):
        solved(given, deadline_after_jobs=first - 1)


def test_a_deadline_without_rehearsals_says_so(solved: Solved) -> None:
    """The forecast came, its back-tests did not."""
    result = solved(generated(1, 9, 5), deadline_after_jobs=len(CANDIDATES) + 1)
    assert result.data["backtest"] is None and "not tested" in result.summary and "1 no back-test" in result.partial
    assert KIND.text(result.data) and all(KIND.files(result.data).values())


def test_there_are_148_sets_in_twelve_jobs() -> None:
    """No set twice; a job's answer fits 256 bytes."""
    assert len(SETS) == len(set(SETS)) == 148 and len(CANDIDATES) == 12
    assert max(map(len, CANDIDATES)) * 16 <= 256


def test_a_large_task_stays_small_on_paper() -> None:
    """100 detectors: the published document is under 75 KB, answers as honest devices would give them."""
    given = {"detectors": [{"id": f"detector {number}", "start": "2026-01-05T00:00", "counts": [
        (number * 7 + hour) % 3000 for hour in range(168)] * 5} for number in range(100)]}
    answer = {208: bytes(208), 176: bytes(176), 156: bytes(156), 132: bytes(132),
              144: struct.pack("<HHH", 12_345, 11_111, 13_579) * 24,
              12: struct.pack("<IHHI", 99_999, 130, 168, 9_999)}
    rounds: list[int] = []
    result = run_local(KIND, prepared(given), on_round=rounds.append,
                       run_jobs=lambda jobs: [answer[job.answer_bytes] for job in jobs])
    assert sum(rounds) == 100 * 15 and max(rounds) <= DETECTORS_PER_ROUND * 15
    assert len(json.dumps(result.data, separators=(",", ":"))) < 75_000
