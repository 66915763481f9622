"""Steps and colours of a legend."""

from __future__ import annotations

import pytest

from lamplighter.tasks.drawing.scale import Scale, blend


def test_scales_step_evenly_or_by_ratio() -> None:
    """Both ends belong to the outer steps."""
    even, ratio = Scale([0, 5, 10], False, 5), Scale([1, 10, 1000], True, 3)
    assert [even.step(value) for value in (0, 1.9, 2.1, 10)] == [0, 0, 1, 4]
    assert [ratio.step(value) for value in (1, 9.9, 10.1, 1000)] == [0, 0, 1, 2]
    assert even.at(0.5) == 5 and ratio.at(1 / 3) == pytest.approx(10)
    assert Scale([3, 3], False, 5).step(3) == 0
    assert [even.label(1), ratio.label(1)] == ["10", "1000"]


def test_colours_are_blended_between_their_neighbours() -> None:
    """Evenly spaced; beyond an end it is the colour there."""
    ramp = ((0, 0, 0), (100, 200, 50), (200, 0, 250))
    assert [blend(ramp, share) for share in (-1, 0, 0.25, 0.5, 0.75, 1, 9)] == [
        (0, 0, 0), (0, 0, 0), (50, 100, 25), (100, 200, 50), (150, 100, 150), (200, 0, 250), (200, 0, 250)]
