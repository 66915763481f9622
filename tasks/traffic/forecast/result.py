"""The published answer: flows with their band, how good such forecasts were, and what simple ones would have done."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from lamplighter.tasks.api import Result
from lamplighter.tasks.traffic.forecast.method.baseline import last_week, six_week_median
from lamplighter.tasks.traffic.forecast.spec import Series, Spec

FORMAT = 1
DETECTORS_SHOWN = 6
"""So many detectors' recent counts and parameter sets are published too: the picture and the reference want them."""
RECENT_HOURS = 48
LITTLE = 0.03
"""A gain below this share is called little."""


@dataclass(frozen=True, slots=True)
class Rehearsal:
    """A week forecast day by day with what was known before it. Sums are in 512 squared roots (``Series.unit``)."""

    errors: int
    inside: int
    counted: int
    band: int


@dataclass(frozen=True, slots=True)
class Found:
    """What the devices found for a detector: root, low, high per grid hour (empty if missing), and the rehearsals.

    ``winner`` is the best parameter set, ``sets`` those averaged, as the kernel reads them.
    """

    winner: bytes = b""
    sets: Sequence[bytes] = ()
    roots: Sequence[tuple[int, ...]] = ()
    rehearsals: Sequence[Rehearsal | None] = ()


@dataclass
class Score:
    """Sums of absolute errors in vehicles per hour over rehearsed hours."""

    hours: int = 0
    ours: float = 0.0
    median: float = 0.0
    week: float = 0.0
    inside: int = 0
    band: float = 0.0

    def add(self, other: Score) -> None:
        for name in ("hours", "ours", "median", "week", "inside", "band"):
            setattr(self, name, getattr(self, name) + getattr(other, name))

    def published(self) -> dict[str, Any] | None:
        """Means per hour; None where nothing was rehearsed."""
        if not self.hours:
            return None
        return {"hours": self.hours, "mean_absolute_error_per_hour": short(self.ours / self.hours),
                "six_week_median_error_per_hour": short(self.median / self.hours),
                "last_week_error_per_hour": short(self.week / self.hours),
                "inside_band_share": round(self.inside / self.hours, 4),
                "mean_band_width_per_hour": short(self.band / self.hours)}


def assemble(spec: Spec, found: Sequence[Found], jobs_missing: int) -> Result:
    """``found`` follows ``spec.series``. With jobs missing the result is partial and names what it lacks."""
    columns = [(place, label) for place in range(spec.origin, spec.origin + spec.hours)
               for label in map(spec.clock.label, spec.clock.instants(place))]
    at = [place - spec.origin for place, _ in columns]
    total = Score()
    detectors = []
    for number, (one, known) in enumerate(zip(spec.series, found, strict=True)):
        score = scored(spec, one, known.rehearsals)
        total.add(score)
        entry: dict[str, Any] = {"id": one.id, "backtest": score.published(), **_flows(one, known.roots, at)}
        if number < DETECTORS_SHOWN:
            entry |= {**_recent(one, at), "best_set": _named(known.winner) if known.winner else None,
                      "sets_hex": b"".join(known.sets).hex()}
        detectors.append(entry)
    data: dict[str, Any] = {
        "format": FORMAT, "unit": "vehicles/h", "hours": [label for _, label in columns],
        "band_percent": spec.band_percent, "weeks_of_history": spec.weeks,
        "backtest_days": 7 * (spec.blocks - 1), "backtest": total.published(), "detectors": detectors,
        "left_out": [{"id": name, "why": why} for name, why in spec.refused],
        "jobs_missing": jobs_missing, "notes": list(spec.notes)}
    return Result(_summary(data), data, _missing(data))


def scored(spec: Spec, one: Series, rehearsals: Sequence[Rehearsal | None]) -> Score:
    """Our error and the simple forecasts' over the same hours: those of the weeks that were rehearsed."""
    score = Score()
    vehicles = 512 * one.unit
    for split, rehearsal in enumerate(rehearsals, 1):
        if rehearsal is None:
            continue
        score.add(Score(rehearsal.counted, rehearsal.errors * vehicles, 0.0, 0.0, rehearsal.inside,
                        rehearsal.band * vehicles))
        for day in range(7 * split, 7 * split + 7):
            for hour in range(spec.hours):
                # the simple forecasts know no later midnight than ours
                at = spec.first_test + 24 * day + hour
                flow, median, week = one.flows[at], six_week_median(one.flows, at), last_week(one.flows, at)
                if flow is not None and median is not None and week is not None:
                    score.median += abs(median - flow)
                    score.week += abs(week - flow)
    return score


def short(number: float) -> float:
    """Four significant digits."""
    value = float(f"{number:.4g}")
    return int(value) if value == int(value) else value


def _flows(one: Series, roots: Sequence[tuple[int, ...]], at: Sequence[int]) -> dict[str, Any]:
    names = ("expected_per_hour", "low_per_hour", "high_per_hour")
    return {name: [short(one.flow(roots[hour][k])) for hour in at] if roots else None for k, name in enumerate(names)}


def _named(best: bytes) -> dict[str, Any]:
    keep, trim, gain, cut, shape, level = best
    return {"profile_weeks": keep, "trimmed_each_side": trim, "shape_gain": gain / 64, "cut_deviations": cut / 4,
            "shape_weight": shape / 64, "level_weight": level / 64}


def _recent(one: Series, at: Sequence[int]) -> dict[str, Any]:
    end = len(one.flows)
    usual = [six_week_median(one.flows, end + hour) for hour in at]
    return {"recent_per_hour": [None if flow is None else short(flow) for flow in one.flows[-RECENT_HOURS:]],
            "six_week_median_per_hour": [None if flow is None else short(flow) for flow in usual]}


def _missing(data: dict[str, Any]) -> str:
    if not data["jobs_missing"]:
        return ""
    without = sum(one["expected_per_hour"] is None for one in data["detectors"])
    untested = sum(one["backtest"] is None for one in data["detectors"])
    return (f"{data['jobs_missing']} jobs were not done in time: {without} of {len(data['detectors'])} detectors "
            f"have no forecast, {untested} no back-test; the errors given are of the weeks that were rehearsed.")


def _summary(data: dict[str, Any]) -> str:
    forecast = [one for one in data["detectors"] if one["expected_per_hour"]]
    busy = max(forecast, key=lambda one: max(one["expected_per_hour"]))
    at = busy["expected_per_hour"].index(max(busy["expected_per_hour"]))
    many = f"{len(forecast)} detectors" if len(forecast) > 1 else busy["id"]
    head = (f"Flow at {many} forecast from {data['hours'][0]} to {data['hours'][-1]}: the busiest hour begins "
            f"{data['hours'][at]}{' at ' + busy['id'] if len(forecast) > 1 else ''} with "
            f"{busy['expected_per_hour'][at]:.0f} vehicles ({busy['low_per_hour'][at]:.0f} to "
            f"{busy['high_per_hour'][at]:.0f} in {data['band_percent']} of 100 cases).")
    left = f" {len(data['left_out'])} detectors could not be forecast." if data["left_out"] else ""
    return f"{head} {verdict(data['backtest'], data['backtest_days'])}{left}"


def verdict(score: dict[str, Any] | None, days: int) -> str:
    """How good such forecasts were, beside the simplest ones, in a sentence that does not oversell."""
    if score is None:
        return "How good such forecasts are was not tested."
    ours, median = score["mean_absolute_error_per_hour"], score["six_week_median_error_per_hour"]
    if not median:
        return "Every count was as six weeks' median says, so nothing is gained over it."
    gain = 1 - ours / median
    if abs(gain) < LITTLE:
        told = f"hardly any {'less' if gain >= 0 else 'more'} than"
    else:
        told = f"{abs(gain):.0%} {'less' if gain > 0 else 'more'} than"
    advice = " That median would do as well." if gain < LITTLE else ""
    return (f"Rehearsed on the last {days} days, each only with what was known before it, it erred by "
            f"{ours:.3g} vehicles/h, {told} the plain median of six weeks ({median:.3g}; last week's count "
            f"{score['last_week_error_per_hour']:.3g}); {score['inside_band_share']:.0%} of hours fell in the band."
            f"{advice}")
