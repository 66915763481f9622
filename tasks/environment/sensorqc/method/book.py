"""What is known of each reading while a check goes on: its prediction, its error, its standard error."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from statistics import median

from lamplighter.tasks.environment.airmap.method.variogram import Variogram
from lamplighter.tasks.environment.sensorqc.jobs import Cut
from lamplighter.tasks.environment.sensorqc.method.judge import NORMAL, Verdict, judge
from lamplighter.tasks.environment.sensorqc.spec import Spec

LEAST_SHARE = 1e-6
LEAST_SCALE = 1e-6
"""Of the readings' range: a smaller standard deviation is rounding."""
POOLED_COUNT = 10
"""For how many readings all other times speak when one time's scale is estimated."""


class Book:
    """``value[t][i]`` and ``share[t][i]``: what the others say of station i at time t, and its kriging variance as
    a share of the sill; None where not predicted. ``scale[t]``: standard deviation at share 1."""

    def __init__(self, spec: Spec, variogram: Variogram) -> None:
        self.spec = spec
        self.variogram = variogram
        empty: list[None] = [None] * len(spec.ids)
        self.value: list[list[float | None]] = [list(empty) for _ in spec.times]
        self.share: list[list[float | None]] = [list(empty) for _ in spec.times]
        self.scale = [1.0] * len(spec.times)
        self._at: list[list[int]] = [[] for _ in spec.places]
        for i, place in enumerate(spec.place_of):
            self._at[place].append(i)

    def write(self, cuts: Sequence[Cut], answers: Sequence[bytes | None]) -> int:
        """Takes the answers in; returns how many are missing."""
        missing = 0
        for cut, answer in zip(cuts, answers, strict=True):
            if answer is None:
                missing += 1
                continue
            (guesses,) = cut.tile.estimates(answer, [self.variogram])
            for place, guess in zip(cut.places, guesses, strict=True):
                for i in self._at[place]:
                    if self.spec.rows[cut.t][i] is not None:
                        self.value[cut.t][i] = guess.value
                        self.share[cut.t][i] = max(LEAST_SHARE, guess.variance_share)
        return missing

    def known(self) -> Iterator[tuple[int, int, float, float]]:
        """(time, station, error, share) of each predicted reading; the error is reading minus prediction."""
        for t in range(len(self.scale)):
            yield from ((t, *one) for one in self._known_at(t))

    def _known_at(self, t: int) -> Iterator[tuple[int, float, float]]:
        columns = zip(self.spec.rows[t], self.value[t], self.share[t], strict=True)
        for i, (reading, value, share) in enumerate(columns):
            if reading is not None and value is not None and share is not None:
                yield i, reading - value, share

    def set_scale(self) -> None:
        """The standard deviations, from the errors: half of them lie within 0.6745 of theirs, as normal ones do.

        A given variogram's sill stays with ``fixed``. With ``each_time`` a time's own errors decide, as far as
        there are enough of them: all other times together speak for ten more readings.
        """
        sizes: list[list[float]] = [[abs(error) / math.sqrt(share) for _, error, share in self._known_at(t)]
                                    for t in range(len(self.scale))]
        pooled = NORMAL * median(size for row in sizes for size in row)
        values = [value for row in self.spec.rows for value in row if value is not None]
        least = LEAST_SCALE * (max(values) - min(values)) or 1.0
        if not self.spec.each_time:
            fixed = math.sqrt(self.spec.variogram.sill) if self.spec.variogram else pooled
            self.scale = [max(fixed, least)] * len(sizes)
            return
        self.scale = []
        for row in sizes:
            own = NORMAL * median(row) if row else pooled
            both = (POOLED_COUNT * pooled**2 + len(row) * own**2) / (POOLED_COUNT + len(row))
            self.scale.append(max(math.sqrt(both), least))

    def scores(self) -> list[list[float | None]]:
        """``[t][i]``: errors over their standard errors."""
        found: list[list[float | None]] = [[None] * len(self.spec.ids) for _ in self.scale]
        for t, i, error, share in self.known():
            found[t][i] = error / (self.scale[t] * math.sqrt(share))
        return found

    def verdicts(self, scores: Sequence[Sequence[float | None]]) -> list[Verdict]:
        """A verdict for each station."""
        columns = [[row[i] for row in scores if row[i] is not None] for i in range(len(self.spec.ids))]
        return judge([[score for score in column if score is not None] for column in columns], self.spec.rows,
                     self.spec.threshold)

    def doubtful(self) -> dict[int, frozenset[int]]:
        """For each time the stations whose readings had better predict nobody: flagged now, or suspect at all."""
        scores = self.scores()
        suspect = {i for i, verdict in enumerate(self.verdicts(scores)) if verdict.suspect}
        found: dict[int, frozenset[int]] = {}
        for t, row in enumerate(scores):
            out = frozenset(i for i, score in enumerate(row) if self.spec.rows[t][i] is not None and (
                i in suspect or (score is not None and abs(score) > self.spec.threshold)))
            if out and len(self.spec.at(t, out)) >= 2:
                found[t] = out
        return found
