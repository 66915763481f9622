"""Exact confidence interval of a binomial share."""

from __future__ import annotations

import math


def at_most(hits: int, trials: int, share: float) -> float:
    """P(X <= hits) for X ~ Binomial(trials, share)."""
    if share <= 0 or hits >= trials:
        return 1.0
    if share >= 1:
        return 0.0
    log_p, log_q = math.log(share), math.log1p(-share)
    total = math.lgamma(trials + 1)
    return min(1.0, math.fsum(
        math.exp(total - math.lgamma(k + 1) - math.lgamma(trials - k + 1) + k * log_p + (trials - k) * log_q)
        for k in range(hits + 1)))


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
