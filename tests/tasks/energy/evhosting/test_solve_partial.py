"""What a deadline leaves, and tasks too large for one round."""

from __future__ import annotations

import json
import struct
import subprocess
import sys

import pytest

from lamplighter.tasks.api import DeadlinePassed
from lamplighter.tasks.energy.evhosting import KIND
from lamplighter.tasks.energy.evhosting import solve as solving
from lamplighter.tasks.energy.evhosting.method.interval import clopper_pearson
from lamplighter.tasks.energy.evhosting.model import EvHosting
from lamplighter.tasks.energy.evhosting.prepare import prepare
from lamplighter.tasks.local import run_local


@pytest.fixture
def spec(feeder_of):
    """A feeder that gives way between 20 and 100 %, with forty scenarios of six slots a level."""
    feeder = feeder_of(11, 8, transformer=True, stress=1.0)
    for load in feeder["loads"]:
        load["cars"] = 4
    return prepare(EvHosting(feeder=feeder, levels_percent=[20, 40, 60, 80, 100], scenarios_per_level=40,
                             first_slot=70, last_slot=75))


@pytest.fixture
def small_jobs(monkeypatch) -> None:
    """Two scenarios a job, so that a deadline finds something to cut."""
    monkeypatch.setattr(solving, "SCENARIOS_PER_JOB_MAX", 2)


def test_a_deadline_leaves_wider_intervals(spec, small_jobs) -> None:
    """All levels lose alike; counts, intervals, missing jobs and the sentence agree with each other."""
    whole = run_local(KIND, spec)
    cut = run_local(KIND, spec, deadline_after_jobs=1 + 5 * 6 + 2)
    assert not whole.partial and whole.data["jobs_missing"] == 0 and whole.data["jobs"] == 101
    data = cut.data
    assert (data["jobs"], data["jobs_missing"]) == (101, 68)
    rows, full = data["policies"][0]["levels"], whole.data["policies"][0]["levels"]
    assert [row["scenarios"] for row in rows] == [14, 14, 12, 12, 12]
    for row, other in zip(rows, full, strict=True):
        assert (row["low_95"], row["high_95"]) == clopper_pearson(row["violated"], row["scenarios"])
        assert row["high_95"] - row["low_95"] > other["high_95"] - other["low_95"]
        flags = bytes.fromhex(row["flags_hex"])
        assert flags[:12] == bytes.fromhex(other["flags_hex"])[:12] and set(flags[14:]) == {255}
    policy = data["policies"][0]
    assert policy["hosting_low_percent"] <= whole.data["policies"][0]["hosting_percent"]
    assert policy["hosting_low_percent"] < policy["hosting_high_percent"]
    said = f"{policy['hosting_low_percent']} to {policy['hosting_high_percent']} %"
    assert "68 of 101 jobs" in cut.partial and "12 to 14 of 40 evenings" in cut.partial and said in cut.partial
    assert f"between {policy['hosting_low_percent']} and {policy['hosting_high_percent']} %" in cut.summary
    assert KIND.reference(spec, cut)["ok"]
    json.dumps(data, allow_nan=False)


def test_levels_without_a_scenario_are_listed(spec, small_jobs) -> None:
    """After three jobs two levels have values, three have none; table, CSV and pictures show what there is."""
    result = run_local(KIND, spec, deadline_after_jobs=3)
    assert [row["level_percent"] for row in result.data["policies"][0]["levels"]] == [20, 40]
    assert [one["level_percent"] for one in result.data["levels_missing"]] == [60, 80, 100]
    assert result.data["policies"][0]["hosting_high_percent"] >= 60, "nothing speaks against them"
    assert "0 to 2 of 40 evenings" in result.partial
    assert KIND.text(result.data).count(" of 2 ") == 2
    assert set(KIND.files(result.data)) == {"evhosting.csv", "evhosting-curve.svg", "evhosting-feeder.svg"}


def test_nothing_done_is_no_answer(spec) -> None:
    """With no job answered there is nothing to say: the deadline passes through."""
    with pytest.raises(DeadlinePassed):
        run_local(KIND, spec, deadline_after_jobs=0)


def test_a_missing_day_without_cars_is_computed_here(spec, small_jobs) -> None:
    """If just the first job is missing, the gateway computes that one scenario itself."""
    solution = solving.solve(spec)
    jobs = next(solution)
    whole = run_local(KIND, spec)
    fine = struct.pack("<BBHIHBBII", 0, 3, 2, 1_000_000, 1, 3, 3, 9000, 9000)
    with pytest.raises(StopIteration) as end:
        solution.throw(DeadlinePassed([None, *(fine * job.input[9] for job in jobs[1:])]))
    assert end.value.value.data["without_cars"] == whole.data["without_cars"]
    assert end.value.value.data["jobs_missing"] == 1


def test_rounds_are_bounded_and_change_nothing(spec, small_jobs, monkeypatch) -> None:
    """With seven jobs a round the answer is the same, and a deadline in the third keeps the first two."""
    whole = run_local(KIND, spec)
    monkeypatch.setattr(solving, "JOBS_PER_ROUND", 7)
    sizes: list[int] = []
    assert run_local(KIND, spec, on_round=sizes.append) == whole
    assert sizes == [7] * 14 + [3]
    assert run_local(KIND, spec, deadline_after_jobs=17).data["jobs_missing"] == 101 - 17


MANY = """
import json, resource, struct, sys
from lamplighter.tasks.energy.evhosting import solve as solving
from lamplighter.tasks.energy.evhosting.model import EvHosting
from lamplighter.tasks.energy.evhosting.prepare import prepare
solving.SCENARIOS_PER_JOB_MAX = 1
given = {"feeder": json.loads(sys.argv[1]), "levels_percent": range(1, 101), "scenarios_per_level": int(sys.argv[2])}
fine = struct.pack("<BBHIHBBII", 0, 3, 1, 1_000_000, 1, 3, 3, 9000, 9000)
solution = solving.solve(prepare(EvHosting(**given)))
jobs, count = next(solution), 0
try:
    while True:
        count += len(jobs)
        jobs = solution.send([fine] * len(jobs))
except StopIteration as end:
    size = len(json.dumps(end.value.data))
print(count, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, size)
"""


@pytest.mark.soak
def test_a_million_jobs_need_no_more_memory(feeder_of) -> None:
    """1,000,001 jobs of one scenario: the process peaks as with 10,001, and the result stays small."""
    def peak(scenarios: int) -> list[int]:
        done = subprocess.run([sys.executable, "-c", MANY, json.dumps(feeder_of(2, 3)), str(scenarios)],
                              capture_output=True, text=True, check=True)
        return [int(word) for word in done.stdout.split()]

    (few, small_kb, _), (many, large_kb, size) = peak(100), peak(10_000)
    assert (few, many) == (10_001, 1_000_001)
    assert large_kb < small_kb + 2_000 and size < 300_000
