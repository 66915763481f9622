"""The automatic variogram on stations kept back: beside inverse distance and the models that the field fits."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from statistics import fmean
from typing import Any

from benchmarks.quality.report import Sheet
from benchmarks.quality.tools.fields import Fields, Split
from benchmarks.quality.tools.gstat import Table

DESIGNS = ("halves", "pairs")
COLUMNS = ("kept back", "inverse distance", "gstat Exp", "gstat Sph", "likelihood Exp", "ours", "ours / best fitted",
           "published / true", "within two s.e.", "sill at, km")
MODELS = ("exponential", "spherical", "likelihood")
NEAR_BEST = 1.01
COVERED = 0.93, 0.97
TOLD = 0.9, 1.1
GOOD_FIELDS = 6
BAR = "< inverse distance, <= 1.01 best"

Ours = Callable[[dict[str, Any]], dict[str, Any]]
Inverse = Callable[[Table, dict[str, float]], float]


@dataclass
class Tried:
    """What was said of stations kept back, pooled over splits: errors of each method, ours in standard errors too."""

    rival: list[float] = field(default_factory=list)
    fitted: dict[str, list[float]] = field(default_factory=lambda: {name: [] for name in MODELS})
    ours: list[float] = field(default_factory=list)
    scaled: list[float] = field(default_factory=list)
    published: list[float] = field(default_factory=list)
    """As often as stations were kept back."""
    reaches: list[float] = field(default_factory=list)

    @classmethod
    def on(cls, splits: list[Split], ours: Ours, inverse: Inverse, fields: Fields) -> Tried:
        rows = iter(fields.models(splits))
        tried = cls()
        for given, kept in splits:
            answer = ours(_given(given, kept))
            tried.reaches.append(_reach(answer["variogram"]))
            for one, value, error in zip(kept, answer["value"], answer["standard_error"], strict=True):
                row = next(rows)
                tried.rival.append(inverse(given, one) - one["z"])
                for name in MODELS:
                    tried.fitted[name].append(row[name] - one["z"])
                tried.ours.append(value - one["z"])
                tried.scaled.append((value - one["z"]) / error)
                tried.published.append(answer["held_out"]["rmse"])
        return tried

    def and_also(self, other: Tried) -> Tried:
        return Tried(self.rival + other.rival, {name: self.fitted[name] + other.fitted[name] for name in MODELS},
                     self.ours + other.ours, self.scaled + other.scaled, self.published + other.published,
                     self.reaches + other.reaches)

    @property
    def best(self) -> float:
        """The error of the best fitted model."""
        return min(map(_size, self.fitted.values()))

    @property
    def good(self) -> bool:
        """Whether ours is better than inverse distance, and as good as the best fitted model."""
        return _size(self.ours) < _size(self.rival) and _size(self.ours) <= NEAR_BEST * self.best

    @property
    def inside(self) -> float:
        """The share of truths within two standard errors."""
        return fmean(abs(one) <= 2 for one in self.scaled)

    def show(self, sheet: Sheet, case: str) -> None:
        mine, all_of_them = _size(self.ours), (self.rival, *self.fitted.values(), self.ours)
        sheet.row(case, len(self.ours), *(f"{_size(one):.4g}" for one in all_of_them),
                  f"{mine / self.best:.3f}", f"{_size(self.published) / mine:.2f}", f"{100 * self.inside:.1f} %",
                  f"{min(self.reaches):.3g} to {max(self.reaches):.3g}")


def judge(sheet: Sheet, tried: Sequence[Tried]) -> None:
    """Rows with the bars: in how many fields ours is good, and what all of them together say of the errors told."""
    blank = [""] * (len(COLUMNS) - 1)
    good = sum(one.good for one in tried)
    sheet.row("fields", f"{good} of {len(tried)}", *blank, bar=f">= {GOOD_FIELDS}: {BAR}", ok=good >= GOOD_FIELDS)
    inside = fmean(one.inside for one in tried)
    sheet.row("all within two s.e.", f"{100 * inside:.1f} %", *blank, bar="93 to 97 %",
              ok=COVERED[0] <= inside <= COVERED[1])
    told = fmean(_size(one.published) / _size(one.ours) for one in tried)
    sheet.row("all published / true", f"{told:.2f}", *blank, bar="0.9 to 1.1", ok=TOLD[0] <= told <= TOLD[1])


def _given(given: Table, kept: Table) -> dict[str, Any]:
    return {"stations": [{"x_m": one["x"], "y_m": one["y"], "value": one["z"]} for one in given],
            "targets": [{"x_m": one["x"], "y_m": one["y"]} for one in kept]}


def _size(errors: Sequence[float]) -> float:
    return math.sqrt(fmean(error * error for error in errors))


def _reach(variogram: dict[str, Any]) -> float:
    """Where it is at its sill, in km: the mean of all directions."""
    return float(variogram["range_m"] * math.sqrt(variogram["ratio"])
                 * (3 if variogram["model"] == "exponential" else 1) / 1000)
