"""Exact confidence interval of a binomial share."""

from __future__ import annotations

import math


def at_most(hits: int, trials: int, share: float) -> float:
    """P(X <= hits) for X ~ Binomial(trials, share), as the regularised incomplete beta function."""
    if share <= 0 or hits >= trials:
        return 1.0
    if share >= 1:
        return 0.0
    a, b = trials - hits, hits + 1
    front = math.exp(math.lgamma(a + b) - math.lgamma(a) - math.lgamma(b)
                     + a * math.log1p(-share) + b * math.log(share))
    if 1 - share < (a + 1) / (a + b + 2):
        return front * _fraction(a, b, 1 - share) / a
    return 1 - front * _fraction(b, a, share) / b


def _fraction(a: int, b: int, x: float) -> float:
    """The continued fraction of the incomplete beta function (DLMF 8.17.22), by Lentz's method.

    Converges in some sqrt(a + b) steps for x < (a + 1) / (a + b + 2).
    """
    value = denominator = 1 / (1 - (a + b) * x / (a + 1))
    numerator = 1.0
    for m in range(1, 10_000):
        for term in (m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m)),
                     -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1))):
            denominator = 1 / (1 + term * denominator)
            numerator = 1 + term / numerator
            value *= numerator * denominator
        if abs(numerator * denominator - 1) < 1e-14:
            break
    return value


def clopper_pearson(hits: int, trials: int, confidence: float = 0.95) -> tuple[float, float]:
    """Lower and upper bound of the share (Clopper and Pearson, Biometrika 26, 1934), by bisection to 1e-12.

    Raises ValueError unless 0 <= hits <= trials and trials > 0.
    """
    if not 0 <= hits <= trials or trials < 1:
        raise ValueError(f"{hits} of {trials}")
    tail = (1 - confidence) / 2
    low = 0.0 if hits == 0 else _falls_to(hits - 1, trials, 1 - tail)
    high = 1.0 if hits == trials else _falls_to(hits, trials, tail)
    return low, high


def _falls_to(hits: int, trials: int, wanted: float) -> float:
    """The share at which P(X <= hits), which falls with the share, equals ``wanted``."""
    low, high = 0.0, 1.0
    while high - low > 1e-12:
        middle = (low + high) / 2
        if at_most(hits, trials, middle) > wanted:
            low = middle
        else:
            high = middle
    return (low + high) / 2
