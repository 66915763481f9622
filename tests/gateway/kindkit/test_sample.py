"""Which jobs are looked at."""

from __future__ import annotations

import pytest

from lamplighter.gateway.kindkit.sample import Sample, spread
from lamplighter.tasks.api import Job, Result


@pytest.mark.parametrize(("count", "most", "chosen"), [
    (0, 3, []), (2, 3, [0, 1]), (3, 3, [0, 1, 2]), (9, 3, [0, 4, 8]), (100, 2, [0, 99])])
def test_a_spread_has_both_ends(count: int, most: int, chosen: list[int]) -> None:
    """All where there are few, evenly where there are many."""
    assert spread(count, most) == chosen


def test_few_jobs_of_every_round_are_picked() -> None:
    """First, middle and last, each with its answer."""
    rounds = [[Job(bytes((at, index)), 1, 1, 1) for index in range(5)] for at in range(2)]
    sample = Sample(Result("", {}), rounds, [[job.input for job in jobs] for jobs in rounds])
    assert [answer for _, answer in sample.picked] == [bytes((at, index)) for at in (0, 1) for index in (0, 2, 4)]
    assert all(job.input == answer for job, answer in sample.picked) and len(sample.jobs) == 10
