"""How far the saving that a closed loop finds may be from the one predicted."""

from __future__ import annotations

import pytest

from lamplighter.tasks.traffic.signals.method.promise import (
    CONFIDENCE_PERMILLE,
    ELSEWHERE_S,
    ERRORS_PERMILLE,
    expected,
    promised,
)


def test_the_errors_are_of_twenty_networks_at_least() -> None:
    """In order, on both sides of the prediction; the chance is that of the next network's to lie between the ends."""
    assert len(ERRORS_PERMILLE) >= 20 and list(ERRORS_PERMILLE) == sorted(ERRORS_PERMILLE)
    assert ERRORS_PERMILLE[0] < 0 < ERRORS_PERMILLE[-1]
    assert 900 <= CONFIDENCE_PERMILLE < 1000


def test_the_range_is_of_the_model_or_of_the_demand() -> None:
    """Copies that agree leave the model's error, those that differ by more their own; nobody saves more than all."""
    low, high = ERRORS_PERMILLE[0] / 1000, ERRORS_PERMILLE[-1] / 1000
    for copies in ([0.3], [0.3, 0.3, 0.3]):
        assert promised(0.3, copies) == pytest.approx((0.3 + low, 0.3 + high))
    wide = promised(0.3, [0.1, 0.3, 0.5])
    assert wide == pytest.approx((0.3 - 4.30 * 0.2 / 3 ** 0.5, 0.3 + 4.30 * 0.2 / 3 ** 0.5), abs=1e-4)
    assert promised(0.99, [0.99])[1] == 1.0


def test_what_is_lost_elsewhere_is_not_saved() -> None:
    """The share of all time lost is less than that of the delay at signals, and less where few pass one."""
    assert expected(30.0, 20.0, 1.0) == pytest.approx(10 / (30 + ELSEWHERE_S))
    assert expected(30.0, 20.0, 0.5) == pytest.approx(5 / (15 + ELSEWHERE_S))
    assert expected(0.0, 0.0, 1.0) == 0
