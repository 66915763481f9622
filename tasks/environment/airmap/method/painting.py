"""What a running task knows of its map so far."""

from __future__ import annotations

import math
from array import array
from collections.abc import Iterator, Sequence
from dataclasses import replace

from lamplighter.tasks.environment.airmap.jobs import Tile
from lamplighter.tasks.environment.airmap.method.search import variance
from lamplighter.tasks.environment.airmap.method.variogram import Variogram
from lamplighter.tasks.environment.airmap.spec import Spec

NAN = float("nan")


class Painting:
    """Kriged values and their variances as shares of the sill, by target and by station left out; NaN where unknown.

    8 bytes for a target, so that a million cells fit a small gateway.
    """

    def __init__(self, spec: Spec, variogram: Variogram, how: str, preview: bool = False) -> None:
        self.variogram = variogram
        self.how = how
        self.preview = preview
        """Whether this is only shown if the deadline passes before a variogram is found."""
        self.late = False
        self.middle = (min(spec.values) + max(spec.values)) / 2
        self.known = 0
        """Targets with a value. Values count from ``middle``, so that four bytes are enough for each."""
        self.values, self.variances = (array("f", [NAN]) * len(spec.targets) for _ in range(2))
        self.left_out: dict[int, tuple[float, float]] = {}
        """Prediction and variance share of each station predicted from the others."""

    def paint(self, tiles: Sequence[Tile], answers: Sequence[bytes | None]) -> None:
        for target, value, share in self._found(tiles, answers):
            self.values[target], self.variances[target] = value - self.middle, share
            self.known += 1

    def score(self, tiles: Sequence[Tile], answers: Sequence[bytes | None]) -> None:
        for station, value, share in self._found(tiles, answers):
            self.left_out[station] = value, share

    def _found(self, tiles: Sequence[Tile], answers: Sequence[bytes | None]) -> Iterator[tuple[int, float, float]]:
        for tile, answer in zip(tiles, answers, strict=True):
            if answer is not None:
                for target, one in zip(tile.targets, tile.estimates(answer, self.variogram), strict=True):
                    yield target, one.value, one.variance_share

    def with_sill(self, values: Sequence[float]) -> Variogram:
        """The variogram with the sill that makes squared leave-one-out errors as large, on average, as their
        kriging variances; with no station predicted, the variance of all readings."""
        ratios = [(guess - values[i]) ** 2 / max(share, 1e-6) for i, (guess, share) in self.left_out.items()]
        return replace(self.variogram, sill=math.fsum(ratios) / len(ratios) if ratios else variance(values))
