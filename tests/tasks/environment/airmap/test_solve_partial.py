"""What is answered when the deadline passes first."""

from __future__ import annotations

import json
from typing import Any

import pytest

from lamplighter.tasks.api import DeadlinePassed
from lamplighter.tasks.environment.airmap import KIND, result, solve
from lamplighter.tasks.environment.airmap.result import columns
from lamplighter.tasks.local import run_job, run_local

GIVEN = {"model": "spherical", "nugget": 2.0, "partial_sill": 40.0, "range_m": 2500}


def _cut(spec: Any, after: int) -> Any:
    cut = run_local(KIND, spec, deadline_after_jobs=after)
    json.dumps(cut.data, allow_nan=False)
    assert KIND.text(cut.data) and all(KIND.files(cut.data).values())
    return cut


def test_cells_that_came_are_those_of_the_whole_map(prepared: Any, stations_of: Any) -> None:
    """The rest are null, counted, and said; what came is spread over the map."""
    spec = prepared({"stations": stations_of(1, 25), "grid": {"rows": 24, "cols": 24}, "variogram": GIVEN})
    rounds: list[int] = []
    whole = run_local(KIND, spec, on_round=rounds.append)
    assert len(rounds) == 1 and not whole.partial
    part = _cut(spec, rounds[0] - 12)
    values = part.data["value"]
    known = [t for t, value in enumerate(values) if value is not None]
    assert 0 < part.data["places_missing"] == len(values) - len(known) < 300
    assert all(values[t] == whole.data["value"][t]
               and part.data["standard_error"][t] == whole.data["standard_error"][t] for t in known)
    assert f"{part.data['places_missing']} of 576 cells" in part.partial and "standard deviation" in part.partial
    assert {t // 24 // 8 for t in known} == {t % 24 // 8 for t in known} == {0, 1, 2}
    assert part.data["leave_one_out"] == whole.data["leave_one_out"]
    assert KIND.reference(spec, part)["ok"]


def test_during_the_search_a_preview_by_rule_is_the_answer(prepared: Any, stations_of: Any) -> None:
    """At most 256 cells, no score, and the sentence says that the variogram is not the searched one."""
    spec = prepared({"stations": stations_of(2, 12), "grid": {"rows": 30, "cols": 30}, "variogram": "auto"})
    after = 30
    for _ in range(2):   # in the first round, then in the second
        rounds: list[int] = []
        cut = run_local(KIND, spec, deadline_after_jobs=after, on_round=rounds.append)
        after = rounds[0] + 3
        known = [value for value in cut.data["value"] if value is not None]
        assert 0 < len(known) <= 256
        assert cut.data["places_missing"] == 900 - len(known)
        assert "by rule" in cut.data["variogram"]["how"] and "by rule" in cut.partial
        assert cut.data["leave_one_out"]["rmse"] is None
        assert KIND.reference(spec, cut)["ok"]
        assert "not searched" in cut.partial


def test_with_nothing_painted_the_deadline_passes_on(prepared: Any, stations_of: Any) -> None:
    """No map is no answer."""
    spec = prepared({"stations": stations_of(3, 30), "grid": {"rows": 9, "cols": 9}, "variogram": GIVEN})
    for after in (0, 2):   # two of the stations left out, no cell
        with pytest.raises(DeadlinePassed):
            run_local(KIND, spec, deadline_after_jobs=after)


def test_without_all_stations_the_score_says_so(prepared: Any, stations_of: Any) -> None:
    """The sill comes from those that came."""
    spec = prepared({"stations": stations_of(4, 11), "grid": {"rows": 6, "cols": 6}, "variogram": "auto"})
    rounds: list[int] = []
    run_local(KIND, spec, on_round=rounds.append)
    solution = KIND.solve(spec)
    jobs = next(solution)
    for _ in rounds[1:]:
        jobs = solution.send([_answer(job) for job in jobs])
    lost = [None if number == 1 else _answer(job) for number, job in enumerate(jobs)]
    with pytest.raises(StopIteration) as end:
        solution.throw(DeadlinePassed(lost))
    late = end.value.value
    score = late.data["leave_one_out"]
    assert score["stations"] + score["stations_missing"] == 11 and score["stations_missing"] > 0
    assert "not in the score" in late.partial
    assert sum("predicted" in one for one in late.data["stations"]) == score["stations"]
    assert late.data["places_missing"] == 0


def _answer(job: Any) -> bytes:
    return run_job(KIND, job)


def test_rounds_are_bounded_and_late_ones_are_missing(prepared: Any, stations_of: Any,
                                                      monkeypatch: pytest.MonkeyPatch) -> None:
    """A map of many rounds that is cut in the second keeps the first; a large one is packed."""
    monkeypatch.setattr(solve, "ROUND_JOBS", 20)
    monkeypatch.setattr(result, "MOST_LISTED", 500)
    spec = prepared({"stations": stations_of(5, 12), "grid": {"rows": 4, "cols": 180}, "variogram": GIVEN})
    rounds: list[int] = []
    whole = run_local(KIND, spec, on_round=rounds.append)
    assert len(rounds) >= 2 and max(rounds) < 20 + 60
    assert whole.data["value"] == [] and len(whole.data["raster"]["value"]["cells"]) > 100
    part = _cut(spec, rounds[0] + 10)
    values, _ = columns(part.data)
    known = sum(value == value for value in values)
    assert part.data["places_missing"] == 720 - known and 0 < known < 1_080
    assert KIND.reference(spec, whole)["ok"] and KIND.reference(spec, part)["ok"]
