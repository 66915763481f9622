"""What is shown of a station, and in which order."""

from __future__ import annotations

from lamplighter.tasks.environment.sensorqc.method.strip import ranked, strip


def test_a_strip_keeps_the_farthest_score() -> None:
    """In each column, whatever its sign; None where there are no readings."""
    assert strip([1, -9, None, 4, None, None], 3) == [-9, 4, None]
    assert strip([3], 40) == [3]


def test_suspects_come_first() -> None:
    """Then stations by their share of flagged readings."""
    stations = [{"verdict": "no objection", "flagged": 1, "checked": 10, "score_median": 0.1},
                {"verdict": "not checked", "flagged": 0, "checked": 0, "score_median": None},
                {"verdict": "suspect", "flagged": 0, "checked": 10, "score_median": 0.0}]
    assert ranked({"stations": stations}) == [2, 0, 1]
