"""What a benchmark returns: figures with their aims, and how they are printed."""

from __future__ import annotations

import operator
import statistics
from collections.abc import Sequence
from typing import NamedTuple

RUNS = 5
"""Alternating runs of which medians are taken."""

_SIGNS = {">=": operator.ge, "<=": operator.le}


class Figure(NamedTuple):
    """One line of the table. ``aim`` is "", or a sign and a number such as ``>= 0.45``."""

    name: str
    value: float
    unit: str = ""
    aim: str = ""

    @property
    def met(self) -> bool | None:
        """Whether the aim is reached; None where there is none."""
        if not self.aim:
            return None
        sign, _, bound = self.aim.partition(" ")
        return bool(_SIGNS[sign](self.value, float(bound)))


def median_of(runs: Sequence[float]) -> float:
    return statistics.median(runs)


def percentile(values: Sequence[float], permille: int) -> float:
    """The value that so many permille of ``values`` do not exceed."""
    return sorted(values)[min(len(values) * permille // 1_000, len(values) - 1)]


def row(figure: Figure) -> str:
    """A line of the table."""
    value = f"{figure.value:,.0f}" if abs(figure.value) >= 100 else f"{figure.value:,.3g}"
    met = {None: "", True: "yes", False: "NO"}[figure.met]
    return f"  {figure.name:<66} {value + ' ' + figure.unit:>16}  {figure.aim:>9}  {met}"


def print_table(title: str, figures: Sequence[Figure]) -> None:
    """A heading and a line per figure."""
    print(f"\n{title}")
    for figure in figures:
        print(row(figure), flush=True)
