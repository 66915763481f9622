"""How much of all time that vehicles lose a closed loop may find saved.

Devices predict the delay at signals. What is lost elsewhere, in turns and behind others, no plan saves. Split
conformal prediction (Vovk, Gammerman and Shafer 2005; Lei et al. 2018) does the rest: on networks that no plan and no
model was made for, SUMO ran the programmes as shipped and as proposed. Between the lowest and the highest error that
it found there lies the next network's with the chance below, however they are spread, if it is drawn as they were.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from statistics import fmean, stdev

from lamplighter.tasks.traffic.signals.method.errors import ERRORS_PERMILLE

ELSEWHERE_S = 4.0
"""What a vehicle loses in SUMO beside waiting at signals: with it the errors below spread least."""
CONFIDENCE_PERMILLE = 1000 * (len(ERRORS_PERMILLE) - 1) // (len(ERRORS_PERMILLE) + 1)
"""How often the next error lies between the lowest and the highest."""
STUDENT_95 = (12.71, 4.30, 3.18, 2.78, 2.57, 2.45, 2.36)
"""Two-sided 95 % quantiles of Student's t for 1, 2, ... degrees of freedom."""


def expected(before_s: float, after_s: float, signalled: float) -> float:
    """The share saved of all time lost, from the delay at signals of those who pass one, and which share does."""
    return signalled * (before_s - after_s) / (signalled * before_s + ELSEWHERE_S)


def promised(share: float, copies: Sequence[float]) -> tuple[float, float]:
    """The lowest and the highest share saved of all time lost in a closed loop, where ``share`` is expected.

    Wider where that of ``copies`` of the demand differs by more than the model errs: then it is their 95 % interval.
    """
    middle, half = share, 0.0
    if len(copies) > 1:
        middle, half = fmean(copies), STUDENT_95[len(copies) - 2] * stdev(copies) / math.sqrt(len(copies))
    return (round(min(share + ERRORS_PERMILLE[0] / 1000, middle - half), 4),
            round(min(1.0, max(share + ERRORS_PERMILLE[-1] / 1000, middle + half)), 4))
