"""What any forecast has to beat: the median of the last six weeks at the same hour, and last week's count."""

from __future__ import annotations

from collections.abc import Sequence

WEEK = 168
MEDIAN_WEEKS = 6


def six_week_median(flows: Sequence[float | None], at: int) -> float | None:
    """The median of the same hour of the week in the six weeks before hour ``at``; where none of them was counted,
    the latest count of that hour; None where there is none."""
    near = [flow for flow in (flows[at - WEEK * back] for back in range(1, MEDIAN_WEEKS + 1) if at >= WEEK * back)
            if flow is not None]
    if not near:
        return last_week(flows, at)
    near.sort()
    return (near[(len(near) - 1) // 2] + near[len(near) // 2]) / 2


def last_week(flows: Sequence[float | None], at: int) -> float | None:
    """The latest count of the same hour of the week before hour ``at``, or None."""
    while at >= WEEK:
        at -= WEEK
        flow = flows[at]
        if flow is not None:
            return flow
    return None
