"""The words and figures of the published answer."""

from __future__ import annotations

from typing import Any

import pytest

from lamplighter.tasks.traffic.forecast.result import Rehearsal, Score, short, verdict


def score(ours: float, median: float) -> dict[str, Any]:
    """A published back-test."""
    found = Score(100, 100 * ours, 100 * median, 100 * 2 * median, 79, 5000).published()
    assert found is not None
    return found


@pytest.mark.parametrize(("ours", "median", "words", "advice"), [
    (80, 100, "20% less than", False), (98, 100, "hardly any less than", True), (100, 100, "hardly any less", True),
    (101, 100, "hardly any more than", True), (120, 100, "20% more than", True)])
def test_the_verdict_does_not_oversell(ours: float, median: float, words: str, advice: bool) -> None:
    """Below three percent it says that the median would do as well."""
    told = verdict(score(ours, median), 21)
    assert words in told and ("would do as well" in told) == advice and "79% of hours" in told


def test_nothing_rehearsed_is_said() -> None:
    """No score, no claim."""
    assert Score().published() is None and "not tested" in verdict(None, 21)


def test_scores_add_up() -> None:
    """Detectors' sums make the city's mean."""
    total = Score()
    total.add(Score(10, 100, 200, 300, 8, 50))
    total.add(Score(30, 900, 200, 100, 24, 150))
    assert total.published() == {
        "hours": 40, "mean_absolute_error_per_hour": 25, "six_week_median_error_per_hour": 10,
        "last_week_error_per_hour": 10, "inside_band_share": 0.8, "mean_band_width_per_hour": 5}


def test_figures_are_short() -> None:
    """Four digits, and no decimal point where there is nothing behind it."""
    assert [short(value) for value in (1234.56, 0.123456, 7.0, 32_000.4, 0.0)] == [1235, 0.1235, 7, 32_000, 0]
    assert isinstance(short(7.0), int) and Rehearsal(1, 2, 3, 4).counted == 3
