"""Clopper-Pearson against closed forms and published values."""

from __future__ import annotations

from fractions import Fraction
from math import comb

import pytest

from lamplighter.tasks.energy.evhosting.method.interval import at_most, clopper_pearson


@pytest.mark.parametrize("trials", [1, 10, 100, 10_000])
def test_none_and_all_have_closed_forms(trials: int) -> None:
    """For 0 of n the upper bound is 1 - 0.025^(1/n), and n of n mirrors it."""
    edge = 1 - 0.025 ** (1 / trials)
    assert clopper_pearson(0, trials) == (0.0, pytest.approx(edge, abs=1e-9))
    assert clopper_pearson(trials, trials) == (pytest.approx(1 - edge, abs=1e-9), 1.0)


def test_published_values() -> None:
    """5 of 100: 1.64 to 11.28 %; 8 of 20: 19.1 to 63.9 % (textbook tables)."""
    assert clopper_pearson(5, 100) == (pytest.approx(0.0164, abs=5e-5), pytest.approx(0.1128, abs=5e-5))
    assert clopper_pearson(8, 20) == (pytest.approx(0.1912, abs=5e-5), pytest.approx(0.6395, abs=5e-5))


@pytest.mark.parametrize("trials", [1, 2, 7, 25])
def test_tail_is_the_sum_of_the_terms(trials: int) -> None:
    """The tail equals the sum of exact binomial terms, in rationals, for every count and a grid of shares."""
    for hits in range(trials + 1):
        for tenths in range(1, 20):
            p = Fraction(tenths, 20)
            exact = sum(comb(trials, k) * p**k * (1 - p) ** (trials - k) for k in range(hits + 1))
            assert at_most(hits, trials, tenths / 20) == pytest.approx(float(exact), rel=1e-9, abs=1e-12)


def test_bounds_are_where_the_tails_are() -> None:
    """At each bound the tail beyond the observation is 2.5 %, and intervals rise with the hits."""
    last = (-1.0, -1.0)
    for hits in range(1, 50):
        low, high = clopper_pearson(hits, 50)
        assert 1 - at_most(hits - 1, 50, low) == pytest.approx(0.025, abs=1e-8)
        assert at_most(hits, 50, high) == pytest.approx(0.025, abs=1e-8)
        assert low > last[0] and high > last[1] and low < hits / 50 < high
        last = low, high


@pytest.mark.parametrize(("hits", "trials"), [(-1, 5), (6, 5), (0, 0)])
def test_impossible_counts_are_refused(hits: int, trials: int) -> None:
    """Counts outside 0..n raise ValueError."""
    with pytest.raises(ValueError, match="of"):
        clopper_pearson(hits, trials)
