"""The simple forecasts that ours is measured by."""

from __future__ import annotations

import random
import statistics

from lamplighter.tasks.traffic.forecast.method.baseline import last_week, six_week_median


def test_the_median_is_the_median() -> None:
    """Of the same hour in the six weeks before, whatever of it was counted."""
    pick = random.Random(1)
    flows = [pick.choice((None, pick.uniform(0, 900))) for _ in range(168 * 8)]
    for at in range(168 * 6, 168 * 9, 5):
        past = [flow for back in range(1, 7) if at - 168 * back < len(flows)
                and (flow := flows[at - 168 * back]) is not None] if at < len(flows) + 168 else []
        if past and at < len(flows) + 168:
            assert six_week_median(flows, at) == statistics.median(past)


def test_what_was_never_counted_has_no_median() -> None:
    """Nor a last week; a count older than six weeks is better than none."""
    flows: list[float | None] = [None] * (168 * 8)
    assert six_week_median(flows, 168 * 8) is None and last_week(flows, 168 * 8 + 3) is None
    flows[0] = 7.0
    assert six_week_median(flows, 168 * 8) == last_week(flows, 168 * 8) == 7.0


def test_last_week_is_the_latest_week_that_counted() -> None:
    """A gap is passed over; the hours of the first week have none before them."""
    flows: list[float | None] = [float(hour // 168) for hour in range(168 * 4)]
    assert last_week(flows, 168 * 4 + 5) == 3.0
    flows[168 * 3 + 5] = None
    assert last_week(flows, 168 * 4 + 5) == 2.0
    assert last_week(flows, 5) is None
