"""The same forecast in floating point, recomputed from its definition, and the plain median beside it."""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence
from typing import Any

from lamplighter.tasks.api import Result
from lamplighter.tasks.traffic.forecast.spec import WEEK, Series, Spec

NEAR = 0.005
SHARE_NEAR = 0.99


def reference(spec: Spec, result: Result) -> dict[str, Any]:
    """Forecasts the first detectors again, in doubles, from the counts as given and the sets that were chosen.

    Roots are not rounded and the levels are written out as weighted sums of all past residuals. ``ok``: 99 % of the
    hours within 0.5 % of the detector's highest count.
    """
    apart: list[float] = []
    medians: list[float] = []
    known = [(one, entry) for one, entry in zip(spec.series, result.data["detectors"], strict=True)
             if entry["expected_per_hour"] and "sets_hex" in entry]
    for one, entry in known:
        sets = bytes.fromhex(entry["sets_hex"])
        most = max(1.0, *(flow for flow in one.flows if flow is not None))
        roots = [None if flow is None else math.sqrt(flow) for flow in one.flows]
        each = [forecast(roots, spec.hours, sets[at:at + 6], spec.shifts) for at in range(0, len(sets), 6)]
        again = [statistics.fmean(values) ** 2 for values in zip(*each, strict=True)]
        published = _by_place(spec, entry["expected_per_hour"])
        apart += [abs(again[hour] - flow) / most for hour, flow in published.items()]
        medians += [abs(_median(one, hour) - flow) / most for hour, flow in published.items()]
    near = sum(one <= NEAR for one in apart) / len(apart)
    largest = max(apart)
    text = (f"Against the same forecast in floating point at {len(known)} of {len(spec.series)} detectors, in shares "
            f"of each one's highest count: largest difference {largest:.2%}, {near:.1%} of hours within {NEAR:.1%};"
            f" the median of six weeks is {statistics.fmean(medians):.2%} away from the forecast on average.")
    return {"ok": near >= SHARE_NEAR, "text": text, "detectors": len(known), "largest_difference_share": largest,
            "near_share": near, "median_difference_share": statistics.fmean(medians)}


def forecast(roots: Sequence[float | None], hours: int, chosen: Sequence[int],
             shifts: Sequence[int] = (0, 0)) -> list[float]:
    """The roots of the hours after ``roots`` by one parameter set; ``shifts`` as in ``Spec``."""
    keep, trim, gain, cut, shape_weight, level_weight = chosen
    profile = [_profile(roots, at, keep, trim) for at in range(len(roots))]
    profile += [_profile(roots, len(roots) + hour, keep, trim, shifts[hour // 24]) for hour in range(hours)]
    top = max((root for root in roots if root is not None), default=0.0) or 1.0
    usual = top * 2**14 / (16 * 20_000)
    cuts: list[float | None] = []
    for at in range(WEEK, len(roots)):
        root, mean = roots[at], profile[at]
        if root is None or mean is None:
            cuts.append(None)
            continue
        e = root - mean
        most = usual * cut / 4
        cuts.append(max(-most, min(most, e)))
        usual += (min(abs(e), 4 * usual) - usual) / 64
    level = _smoothed(cuts, 5 / 64)
    shapes = [_smoothed(cuts[hour::24], gain / 64) for hour in range(24)]
    found = []
    for hour in range(hours):
        mean = profile[len(roots) + hour]
        weight = 1.0 if hour < 24 else 0.75
        change = weight * (shape_weight * shapes[hour % 24] + level_weight * level) / 64
        found.append(max(0.0, (mean or 0.0) + change))
    return found


def _profile(roots: Sequence[float | None], at: int, keep: int, trim: int, shift: int = 0) -> float | None:
    latest = at - 24 * shift if shift else at - WEEK
    past = [root for back in range(latest, -1, -WEEK)
            if back < len(roots) and (root := roots[back]) is not None][:keep]
    if not past:
        return None
    drop = min(trim, (len(past) - 1) // 2)
    return statistics.fmean(sorted(past)[drop:len(past) - drop])


def _smoothed(values: Sequence[float | None], gain: float) -> float:
    """Exponential smoothing from zero, as the weighted sum that it is."""
    past = [value for value in reversed(values) if value is not None]
    return math.fsum(gain * (1 - gain) ** back * value for back, value in enumerate(past))


def _median(one: Series, hour: int) -> float:
    at = len(one.flows) + hour
    past = [flow for back in range(1, 7) if at >= WEEK * back and (flow := one.flows[at - WEEK * back]) is not None]
    return statistics.median(past) if past else 0.0


def _by_place(spec: Spec, flows: Sequence[float]) -> dict[int, float]:
    """Published flows by hour ahead on the grid; hours of one name share theirs."""
    at = [hour for hour in range(spec.hours) for _ in spec.clock.instants(spec.origin + hour)]
    return dict(zip(at, flows, strict=True))
