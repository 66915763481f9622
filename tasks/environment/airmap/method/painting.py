"""What a running task knows of its map so far."""

from __future__ import annotations

import math
from array import array
from collections.abc import Iterator, Sequence
from dataclasses import replace

from lamplighter.tasks.environment.airmap.jobs import Tile
from lamplighter.tasks.environment.airmap.method.held import Apart
from lamplighter.tasks.environment.airmap.method.search import variance
from lamplighter.tasks.environment.airmap.method.variogram import Variogram
from lamplighter.tasks.environment.airmap.spec import Spec

NAN = float("nan")
FITTED = 3
WITHIN_TWO = 0.9545
LEAST_SHARE = 1e-6


class Painting:
    """Kriged values and their variances as shares of the sill, by target and by station left out; NaN where unknown.

    8 bytes for a target, so that a million cells fit a small gateway.
    """

    def __init__(self, spec: Spec, apart: Apart, variogram: Variogram, how: str, preview: bool = False) -> None:
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
        """Prediction and variance share of each station predicted from all others."""
        self.apart = apart
        self._apart: dict[int, tuple[float, float]] = {}

    def paint(self, tiles: Sequence[Tile], answers: Sequence[bytes | None]) -> None:
        for target, value, share in self._found(tiles, answers):
            self.values[target], self.variances[target] = value - self.middle, share
            self.known += 1

    def score(self, tiles: Sequence[Tile], apart: Sequence[Tile], answers: Sequence[bytes | None]) -> None:
        """Takes in stations predicted from all others, then those predicted from the ones not too near."""
        for station, value, share in self._found(tiles, answers[:len(tiles)]):
            self.left_out[station] = value, share
        for station, value, share in self._found(apart, answers[len(tiles):]):
            self._apart[station] = value, share

    @property
    def held_out(self) -> dict[int, tuple[float, float]]:
        """Prediction and variance share of each station, as far from the others as the map's places are."""
        alone = {i: one for i, one in self.left_out.items() if i not in self.apart.too_near}
        return alone | self._apart

    def _found(self, tiles: Sequence[Tile], answers: Sequence[bytes | None]) -> Iterator[tuple[int, float, float]]:
        for tile, answer in zip(tiles, answers, strict=True):
            if answer is not None:
                for target, one in zip(tile.targets, *tile.estimates(answer, [self.variogram]), strict=True):
                    yield target, one.value, one.variance_share

    def with_sill(self, values: Sequence[float]) -> Variogram:
        """The variogram with the sill that the errors of held-out stations ask for; with none held out, the variance
        of all readings.

        A standard error is asked for two things: its square is that of the error on average, and twice it covers 95 %
        of errors. Where these are not normal no sill gives both, so it is the mean of two. Stations too near to each
        other count as one together; three less are counted, for the shape, range and nugget that were fitted to them.
        """
        held = self.held_out
        if not held:
            return replace(self.variogram, sill=variance(values))
        ratios = {i: (guess - values[i]) ** 2 / max(share, LEAST_SHARE) for i, (guess, share) in held.items()}
        weights = {i: self.apart.weight(i) for i in held}
        average = math.fsum(weights[i] * ratios[i] for i in held) / max(1, math.fsum(weights.values()) - FITTED)
        return replace(self.variogram, sill=(average + _covering(list(ratios.values())) / 4) / 2)


def _covering(ratios: list[float]) -> float:
    """What 95.45 % of these are below: between two, where it falls there, and the largest of few."""
    ratios.sort()
    whole, part = divmod(WITHIN_TWO * (len(ratios) + 1) - 1, 1)
    if whole >= len(ratios) - 1:
        return ratios[-1]
    return ratios[int(whole)] * (1 - part) + ratios[int(whole) + 1] * part
