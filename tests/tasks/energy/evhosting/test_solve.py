"""From input to answer: splits, merges, sums up; prices before it knows."""

from __future__ import annotations

import struct

import pytest

from lamplighter.tasks.energy.evhosting import KIND
from lamplighter.tasks.energy.evhosting.jobs import outcomes
from lamplighter.tasks.energy.evhosting.method.interval import clopper_pearson
from lamplighter.tasks.energy.evhosting.model import EvHosting
from lamplighter.tasks.energy.evhosting.prepare import prepare
from lamplighter.tasks.energy.evhosting.solve import solve
from lamplighter.tasks.local import run_job, run_local


def test_counts_are_those_of_the_answers(spec) -> None:
    """Each level's count, interval and worst moment come from exactly its own scenarios."""
    solution = solve(spec)
    jobs = next(solution)
    answers = [run_job(KIND, one) for one in jobs]
    with pytest.raises(StopIteration) as end:
        solution.send(answers)
    data = end.value.value.data
    assert not data["without_cars"]["violated"]
    everything = {}
    for one, answer in zip(jobs[1:], answers[1:], strict=True):
        everything.setdefault((one.contexts[2], one.input[8]), []).extend(outcomes(answer))
    for policy in data["policies"]:
        assert [row["level_percent"] for row in policy["levels"]] == [25, 50, 100]
        for row in policy["levels"]:
            mine = everything.pop((spec.contexts[policy["policy"]][2], row["level_percent"]))
            assert len(mine) == 14
            assert row["violated"] == sum(one.flags != 0 for one in mine)
            assert (row["low_95"], row["high_95"]) == clopper_pearson(row["violated"], 14)
            lowest = min(one.voltage2 for one in mine) ** 0.5 / 1024
            assert row["lowest_voltage_pu"] == pytest.approx(lowest, abs=1e-6)
            assert bytes.fromhex(row["flags_hex"]) == bytes(one.flags for one in mine)
    assert not everything
    counts = [row["violated"] for policy in data["policies"] for row in policy["levels"]]
    assert 0 in counts and 14 in counts, "the case should span from never to always"


def test_hosting_is_the_last_level_before_the_first_that_fails(spec) -> None:
    """A level that passes above one that fails does not count."""
    solution = solve(spec)
    jobs = next(solution)
    fine = struct.pack("<BBHIHBBII", 0, 3, 2, 1_000_000, 1, 3, 3, 9000, 9000)
    bad = struct.pack("<BBHIHBBII", 1, 3, 2, 900_000, 2, 3, 3, 9000, 9000)
    answers = [(bad if one.input[8] == 50 else fine) * (one.answer_bytes // 20) for one in jobs]
    with pytest.raises(StopIteration) as end:
        solution.send(answers)
    result = end.value.value
    assert [policy["hosting_percent"] for policy in result.data["policies"]] == [25, 25]
    assert result.data["policies"][0]["hosting_cars"] == 9
    assert "25 % of 36 cars (9) with charging on arrival" in result.summary
    assert "At 50 % the first thing to give is the voltage at bus" in result.summary


def test_a_feeder_that_fails_without_cars_says_so(feeder_of) -> None:
    """If limits are broken before any car comes, the summary says that and hosting is nothing."""
    feeder = feeder_of(2, 20, stress=5)
    result = run_local(KIND, prepare(EvHosting(feeder=feeder, levels_percent=[50], scenarios_per_level=2)))
    assert "even without a single electric car" in result.summary
    assert result.data["policies"][0]["hosting_percent"] == 0


def test_a_feeder_that_collapses_without_cars_says_so(feeder_of) -> None:
    """It has no lowest voltage and no busiest line that could be told."""
    feeder = feeder_of(2, 12, stress=8)
    for load in feeder["loads"]:
        load["kw"] = 30 * (load["kw"] or 1)
    result = run_local(KIND, prepare(EvHosting(feeder=feeder, levels_percent=[50], scenarios_per_level=2)))
    assert "collapses even without a single electric car" in result.summary and "0.000" not in result.summary


def test_a_collapse_is_a_violation_not_a_crash(feeder_of) -> None:
    """Far beyond its capacity the feeder has no solution: counted, and the picture says so."""
    feeder = feeder_of(2, 12, stress=8)
    for load in feeder["loads"]:
        load["cars"] = 9
    spec = prepare(EvHosting(feeder=feeder, levels_percent=[100], scenarios_per_level=3, policies=["tariff_22"]))
    result = run_local(KIND, spec)
    row = result.data["policies"][0]["levels"][0]
    assert row["violated"] == row["violated_by"]["collapse"] == 3 and row["lowest_voltage_pu"] == 0
    assert b"no solution" in KIND.files(result.data)["evhosting-feeder.svg"]
    shown = KIND.text(result.data) + result.summary
    assert "None" not in shown and "collapse 22:00" in shown and "less than 100 %" in shown
