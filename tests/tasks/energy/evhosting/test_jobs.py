"""Jobs: small, priced before anybody knows what they take; and answers that cannot be."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from lamplighter.tasks.energy.evhosting import KIND
from lamplighter.tasks.energy.evhosting.jobs import check, job
from lamplighter.tasks.energy.evhosting.model import EvHosting
from lamplighter.tasks.energy.evhosting.prepare import prepare
from lamplighter.tasks.energy.evhosting.solve import solve
from lamplighter.tasks.local import run_job


def test_jobs_are_small_and_priced_from_their_input(spec) -> None:
    """Inputs, answers and contexts keep the bounds for boards; equal inputs cost the same."""
    jobs = next(solve(spec))
    for one in jobs:
        assert len(one.input) == 10 and one.answer_bytes <= 256 and one.heap_bytes < 16_000
        assert all(len(context.data) <= 3000 for context in one.contexts)
        assert one.ops % one.input[9] == 0
    prices = {(one.input[8], one.ops // one.input[9]) for one in jobs}
    assert len(prices) == 4, "one price per level"
    assert sum(one.input[9] for one in jobs) == 1 + 2 * 3 * 14
    assert len({context.name for one in jobs for context in one.contexts}) == 5, "only the day differs by policy"


@pytest.mark.parametrize("level", [10, 100])
def test_price_follows_the_work(level: int) -> None:
    """On the demo's feeder the statements run in the plain path are within a fifth of the price."""
    spec = prepare(EvHosting(**KIND.demo(Path("unused")).input))
    one = job(spec, "on_arrival", level, 0, 1)
    statements = 0

    def count(frame, event, arg):
        nonlocal statements
        if frame.f_code.co_filename != str(KIND.kernel):
            return None
        statements += event == "line"
        return count

    before = sys.gettrace()
    sys.settrace(count)
    try:
        run_job(KIND, one)
    finally:
        sys.settrace(before)
    assert 0.8 < statements / one.ops < 1.2


def test_check_catches_contradictions(spec) -> None:
    """True answers pass; flags that do not fit the figures, unknown elements and wrong lengths fail."""
    jobs = next(solve(spec))
    for one in jobs[::7]:
        answer = run_job(KIND, one)
        assert check(spec, one, answer)
        assert not check(spec, one, answer[:-1])
        for place, value in ((0, answer[0] ^ 1), (0, answer[0] ^ 4), (0, answer[0] ^ 8), (0, answer[0] | 32),
                             (1, 200), (3, 9), (9, 9), (10, 99)):
            assert not check(spec, one, answer[:place] + bytes([value]) + answer[place + 1:]), place
