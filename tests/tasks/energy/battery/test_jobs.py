"""Jobs: small, priced before anybody knows what they take; and answers that cannot be."""

from __future__ import annotations

import sys

import pytest

from lamplighter.tasks.energy.battery import KIND
from lamplighter.tasks.energy.battery.jobs import check
from lamplighter.tasks.energy.battery.model import Batteries
from lamplighter.tasks.energy.battery.prepare import prepare
from lamplighter.tasks.local import run_job


def test_jobs_are_small_priced_alike_and_share_the_prices(homes_of) -> None:
    """214 bytes in, 192 out, one context for all; no job for a home without a battery."""
    given = homes_of(5, homes=6, capacity_wh=10_000)
    given["homes"][2] |= {"capacity_wh": 0, "soc_start_wh": 0, "soc_end_wh": 0}
    jobs = next(KIND.solve(prepare(Batteries(**given))))
    assert len(jobs) == 5 and {(len(one.input), one.answer_bytes) for one in jobs} == {(214, 192)}
    assert {len(one.contexts[0].data) for one in jobs} == {384} and len({one.contexts for one in jobs}) == 1
    assert len({one.ops for one in jobs}) == 1 and max(one.heap_bytes for one in jobs) < 8_000


@pytest.mark.parametrize("hours", [23, 25])
def test_a_day_on_which_the_clocks_change_has_jobs_of_its_length(homes_of, hours: int) -> None:
    """Eight bytes an hour more or less in and out, sixteen in the context, and the price by the length."""
    usual, = next(KIND.solve(prepare(Batteries(**homes_of(5, capacity_wh=20_000)))))
    job, = next(KIND.solve(prepare(Batteries(**homes_of(5, hours=hours, capacity_wh=20_000)))))
    more = hours - 24
    assert (len(job.input), job.answer_bytes, len(job.contexts[0].data)) == (214 + 8 * more, 192 + 8 * more,
                                                                             384 + 16 * more)
    assert job.ops == usual.ops * hours // 24 and job.heap_bytes == usual.heap_bytes


@pytest.mark.parametrize("hours", [23, 24, 25])
def test_price_follows_the_work(homes_of, hours: int) -> None:
    """The statements run in the plain path, averaged over ordinary homes, are within a quarter of the price."""
    ran, paid = 0, 0

    def count(frame, event, arg):
        nonlocal ran
        if frame.f_code.co_filename != str(KIND.kernel):
            return None
        ran += event == "line"
        return count

    before = sys.gettrace()
    for seed in range(4):
        for given in next(KIND.solve(prepare(Batteries(**homes_of(seed, hours=hours))))):
            sys.settrace(count)
            try:
                run_job(KIND, given)
            finally:
                sys.settrace(before)
            paid += given.ops
    assert 0.75 < ran / paid < 1.25


def test_check_refuses_what_cannot_be(homes_of) -> None:
    """True answers pass; broken limits, lazy plans and plans of another home do not."""
    spec = prepare(Batteries(**homes_of(9, homes=2, capacity_wh=10_000, charge_w=5_000, discharge_w=None,
                                        soc_start_wh=5_000, soc_end_wh=5_000, export_limit_w=None,
                                        charge_efficiency_permille=950, discharge_efficiency_permille=950)))
    first, second = next(KIND.solve(spec))
    answer, other = run_job(KIND, first), run_job(KIND, second)
    assert check(spec, first, answer) and check(spec, second, other)
    for false in (bytes(192), other, answer[:190] + b"\xff\x7f", answer[:-2] + b"\0\x80", answer[96:] + answer[:96]):
        assert not check(spec, first, false)
