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

ELSEWHERE_S = 4.0
"""What a vehicle loses in SUMO beside waiting at signals: with it the errors below spread least."""
ERRORS_PERMILLE = (
    -59, -47, -38, -34, -32, -32, -20, -13, -11, -8, -7, -5, 5, 5, 6, 7, 9, 9, 10, 11, 12, 15, 19, 19, 20, 22,
    25, 25, 26, 28, 28, 29, 30, 32, 32, 33, 34, 36, 37, 37, 38, 39, 45, 46, 49, 49, 50, 64, 67, 79, 80, 83,
    84, 85, 89, 90, 100, 121, 132, 143, 199)
"""SUMO's share saved of time loss with delay before departure, less the one expected here, in order, on those of
``CALIBRATED_ON`` in ``benchmarks/quality/tools/signal_networks.py`` where no more queue than was simulated.

``python -m benchmarks.quality.tools.signal_promise`` makes it anew."""
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
