"""Scales of a legend: steps equal in value or, for maps of logarithms, in ratio, and colours along a ramp."""

from __future__ import annotations

import math
from collections.abc import Sequence

from lamplighter.tasks.drawing.png import Colour


class Scale:
    """``steps`` equal steps from the least to the greatest of ``values``."""

    def __init__(self, values: Sequence[float], log: bool, steps: int) -> None:
        self.log = log and min(values) > 0
        self.steps = steps
        self.low, self.top = (math.log(end) if self.log else end for end in (min(values), max(values)))

    def step(self, value: float) -> int:
        """The step that ``value`` falls into, from 0."""
        if self.top == self.low:
            return 0
        share = ((math.log(value) if self.log else value) - self.low) / (self.top - self.low)
        return min(self.steps - 1, int(share * self.steps))

    def at(self, share: float) -> float:
        """The value at ``share`` (0 to 1) of the way from the least to the greatest."""
        value = self.low + share * (self.top - self.low)
        return math.exp(value) if self.log else value

    def label(self, share: float) -> str:
        return plain(self.at(share))


def short(number: float, digits: int) -> float:
    """So many significant digits."""
    return float(f"{number:.{digits}g}")


def plain(value: float) -> str:
    """About three digits, never in powers of ten below a million."""
    return f"{value:.0f}" if 999.5 <= abs(value) < 1e6 else f"{value:.3g}"


def blend(ramp: Sequence[Colour], share: float) -> Colour:
    """The colour at ``share`` (0 to 1, else the nearer end) of the way along evenly spaced ones."""
    at = min(1.0, max(0.0, share)) * (len(ramp) - 1)
    first = min(len(ramp) - 2, int(at))
    red, green, blue = (round(a + (b - a) * (at - first)) for a, b in zip(ramp[first], ramp[first + 1], strict=True))
    return red, green, blue
