"""Verdicts on stations, from what their neighbours predicted for them."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate, groupby, pairwise
from statistics import median

FEWEST_FOR_BIAS = 5
FEWEST_FOR_CHANGE = 20
FEWEST_STATIONS = 5
UNLIKE_OTHERS = 3.5
LEAST_SCORE = 0.5
SURE = 0.05
MOST_FLAGGED_SHARE = 0.1
STUCK_BY_CHANCE = 0.01
SHORTEST_STUCK = 4
FAR = 3.0
NORMAL = 1.4826
"""Standard deviation of normal numbers over the median of their magnitudes."""


@dataclass(frozen=True, slots=True)
class Change:
    """Scores before place ``at`` of the series and from there on have medians ``shift`` apart; ``gradual`` or not."""

    at: int
    shift: float
    chance: float
    gradual: bool


@dataclass(frozen=True, slots=True)
class Verdict:
    """What is wrong with a station: each field is None, empty or False where nothing is."""

    bias: bool
    change: Change | None
    often_flagged: bool
    stuck: tuple[tuple[int, int], ...]
    """Runs of one value: first and last time."""

    @property
    def suspect(self) -> bool:
        return bool(self.bias or self.change or self.often_flagged or self.stuck)


def judge(scores: Sequence[Sequence[float]], rows: Sequence[Sequence[float | None]], threshold: float
          ) -> list[Verdict]:
    """A verdict for each station: ``scores[i]`` are its standardised errors in order of time; ``rows[t][i]`` its
    readings.

    A station's bias is the median of its scores; its change the largest step in them (Pettitt 1979). Both are held
    against those of the other stations, since neighbours of a mountain or a street differ for good reasons: unlike
    the others is a modified z-score over 3.5 (Iglewicz & Hoaglin 1993). With fewer than five stations nobody is.
    """
    biases = [median(one) if len(one) >= FEWEST_FOR_BIAS else None for one in scores]
    changes = [change(one) if len(one) >= FEWEST_FOR_CHANGE else None for one in scores]
    centre = median([bias for bias in biases if bias is not None] or [0.0])
    unlike_bias = _unlike([None if bias is None else abs(bias - centre) for bias in biases], around=0.0)
    unlike_change = _unlike([None if one is None else abs(one.shift) for one in changes])
    stuck = stuck_runs(rows)
    found = []
    for i, one in enumerate(scores):
        far = sum(abs(score) > threshold for score in one)
        step = changes[i]
        found.append(Verdict(
            unlike_bias[i], step if step is not None and unlike_change[i] and step.chance < SURE else None,
            len(one) >= FEWEST_FOR_BIAS and far >= 2 and far > MOST_FLAGGED_SHARE * len(one), tuple(stuck[i])))
    return found


def _unlike(sizes: Sequence[float | None], around: float | None = None) -> list[bool]:
    """Which sizes are larger than those of the others; of fewer than five, none."""
    known = [size for size in sizes if size is not None]
    if len(known) < FEWEST_STATIONS:
        return [False] * len(sizes)
    middle = median(known) if around is None else around
    spread = NORMAL * median(abs(size - middle) for size in known)
    return [size is not None and size - middle > UNLIKE_OTHERS * spread and size > LEAST_SCORE for size in sizes]


def change(scores: Sequence[float]) -> Change:
    """The place of the largest step by ranks, and how likely one as large is by chance (Pettitt 1979).

    Neighbouring times are alike; so fewer of them count: (1 - r) / (1 + r), r being the scores' correlation with
    the next ones when the step is taken out (Yue & Wang 2004). Gradual: a line through the medians of the first and
    the last third fits better than a step.
    """
    count = len(scores)
    order = sorted(range(count), key=lambda k: (scores[k], k))
    ranks = [0.0] * count
    for _, group in groupby(enumerate(order), key=lambda pair: scores[pair[1]]):
        ties = list(group)
        for _, k in ties:
            ranks[k] = (ties[0][0] + ties[-1][0]) / 2 - (count - 1) / 2
    sums = list(accumulate(ranks))
    at = max(range(count - 1), key=lambda k: (abs(sums[k]), -k))
    before, after = median(scores[:at + 1]), median(scores[at + 1:])
    rest = [max(-FAR, min(FAR, score - (after if k > at else before))) for k, score in enumerate(scores)]
    square = math.fsum(one * one for one in rest)
    alike = max(0.0, math.fsum(a * b for a, b in pairwise(rest)) / square) if square else 0.0
    chance = 2 * math.exp(-6 * (2 * sums[at]) ** 2 / (count**3 + count**2) * (1 - alike) / (1 + alike))
    return Change(at + 1, after - before, min(1.0, chance), _gradual(scores, at + 1))


def _gradual(scores: Sequence[float], at: int) -> bool:
    third = len(scores) // 3
    first, last = median(scores[:third]), median(scores[-third:])
    slope = (last - first) / (len(scores) - third)
    middle = median(score - slope * k for k, score in enumerate(scores))
    line = math.fsum(abs(score - middle - slope * k) for k, score in enumerate(scores))
    levels = median(scores[:at]), median(scores[at:])
    step = math.fsum(abs(score - levels[k >= at]) for k, score in enumerate(scores))
    return line < step


def stuck_runs(rows: Sequence[Sequence[float | None]]) -> list[list[tuple[int, int]]]:
    """Runs of one value, for each station, too long for chance: (first time, last time).

    By chance such a run would come once in a hundred tables like this, if every reading were like the one before as
    often as at this station (its longest run left out) or at the median one, whichever is more, but half of the time
    at most. So a coarse sensor, round numbers and zeros do no harm; where the median station repeats itself half of
    the time, nobody is called stuck.
    """
    columns = [[(t, row[i]) for t, row in enumerate(rows) if row[i] is not None] for i in range(len(rows[0]))]
    total = sum(map(len, columns))
    runs = [[list(group) for _, group in groupby(column, key=lambda pair: pair[1])] for column in columns]
    shares = [_repeats(list(map(len, one))) for one in runs]
    common = median([share for share, one in zip(shares, runs, strict=True) if one] or [1.0])
    if common >= 0.5:
        return [[] for _ in columns]
    found: list[list[tuple[int, int]]] = []
    for one, own in zip(runs, shares, strict=True):
        share = max(common, min(0.5, own), 1 / max(total, 2))
        longest = max(SHORTEST_STUCK, 1 + math.log(STUCK_BY_CHANCE / total) / math.log(share))
        found.append([(run[0][0], run[-1][0]) for run in one if len(run) >= longest])
    return found


def _repeats(lengths: Sequence[int]) -> float:
    """How often a reading is like the one before, the longest run left out: it may be the fault."""
    others = sum(lengths) - max(lengths, default=0)
    return (others - len(lengths) + 1) / others if others else 0.0
