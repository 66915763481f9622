"""Validated input -> spec: each detector's last weeks on one grid, as the devices get them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, date, datetime

from lamplighter.tasks.api import TaskError
from lamplighter.tasks.readers.allow import Left
from lamplighter.tasks.readers.plausible import no_missing_codes, silences, tell_quarter_hours
from lamplighter.tasks.traffic.forecast.jobs import pack
from lamplighter.tasks.traffic.forecast.method.clock import Clock, clock_of, require_whole_hours
from lamplighter.tasks.traffic.forecast.method.read import Flows, from_detectors, from_entities
from lamplighter.tasks.traffic.forecast.model import DETECTORS_MAX, ForecastInput
from lamplighter.tasks.traffic.forecast.spec import WEEK, Series, Spec

WEEKS_MIN, WEEKS_MAX = 5, 10
MISSING_MAX = 0.5
SILENT_MAX_H = WEEK


def prepare(asked: ForecastInput) -> Spec:
    """Raises TaskError: ``empty_data``, ``too_short``, ``no_usable_detector``, ``too_many_detectors`` and those of
    the readers and the clock. A detector that cannot be forecast is left out and named, if another one can.
    """
    clock = _clock(asked)
    found = from_detectors(asked.detectors, clock)
    left = Left(asked.accept)
    for number, one in enumerate(asked.detectors):
        no_missing_codes([(count, f"/detectors/{number}/counts/{hour}") for hour, count in enumerate(one.counts)
                          if count is not None], left)
    entities = from_entities(asked.entities, clock, left)
    for name, flows in entities.items():
        if name in found:
            raise TaskError("duplicate", f"{name!r} is both a detector and an entity", "give each once", "/entities")
        found[name] = flows
    sent = "/entities" if asked.entities and not asked.detectors else "/detectors"
    if not any(found.values()):
        raise TaskError("empty_data", "nothing was counted", "give detectors or entities with counts", sent)
    if len(found) > DETECTORS_MAX:
        raise TaskError("too_many_detectors", f"{len(found)} detectors, at most {DETECTORS_MAX}",
                        "cut the city into several tasks", sent)
    origin = _origin(asked, clock, found)
    weeks = _weeks(found, origin, sent)
    shifts = _without_days_off(asked, origin, found)
    series, refused = _usable(found, origin, weeks, left, sent)
    return Spec(clock, origin, weeks, asked.horizon_hours, asked.band_percent, series, refused,
                tuple(left.notes()), shifts)


def _clock(asked: ForecastInput) -> Clock:
    times = [(one.start, f"/detectors/{number}/start") for number, one in enumerate(asked.detectors)]
    if asked.forecast_from is not None:
        times.append((asked.forecast_from, "/forecast_from"))
    if asked.entities and asked.time_zone is None and not asked.detectors:
        return Clock(UTC, True)
    return clock_of(asked.time_zone, times)


def _origin(asked: ForecastInput, clock: Clock, found: dict[str, Flows]) -> int:
    last = max(max(flows) for flows in found.values() if flows)
    origin = last + 1
    if asked.forecast_from is not None:
        origin = clock.place(clock.read(asked.forecast_from, "/forecast_from"))
        if origin > last + SILENT_MAX_H:
            raise TaskError("out_of_range", "forecast_from is more than a week after the last count",
                            "give newer counts, or an earlier hour", "/forecast_from")
    near: datetime = next(one for back in range(2) for one in clock.instants(origin - back))
    require_whole_hours(clock, near, WEEKS_MAX)
    return origin


def _without_days_off(asked: ForecastInput, origin: int, found: dict[str, Flows]) -> tuple[int, int]:
    """Takes days like Sundays out of the weeks that are learnt from; the shifts to Sunday where one is ahead."""
    off = {one.toordinal() for one in asked.days_like_sunday}
    for flows in found.values():
        for at in [at for at in flows if at // 24 in off]:
            del flows[at]
    ahead = [day for day in range(origin // 24, (origin + asked.horizon_hours - 1) // 24 + 1) if day in off]
    if ahead and origin % 24:
        raise TaskError("bad_time", f"{date.fromordinal(ahead[0])} is like a Sunday, but the forecast does not begin "
                        "with a day", "begin it at midnight: give forecast_from", "/forecast_from")
    first, second = (day % 7 if day in off else 0 for day in (origin // 24, origin // 24 + 1))
    return first, second


def _weeks(found: dict[str, Flows], origin: int, sent: str) -> int:
    """The weeks of history that the longest detector fills; ``sent`` is where the counts stand."""
    earliest = min((at for flows in found.values() for at in flows if at < origin), default=origin)
    weeks = (origin - earliest) // WEEK
    if weeks < WEEKS_MIN:
        raise TaskError("too_short", f"{(origin - earliest) / WEEK:.1f} weeks of counts before the forecast; "
                        f"{WEEKS_MIN} are needed to learn a week and to test it",
                        f"give {WEEKS_MAX - 2} to {WEEKS_MAX} weeks of hourly counts", sent)
    return min(weeks, WEEKS_MAX)


def _usable(found: dict[str, Flows], origin: int, weeks: int, left: Left,
            sent: str) -> tuple[tuple[Series, ...], tuple[tuple[str, str], ...]]:
    series: list[Series] = []
    refused: list[tuple[str, str]] = []
    for name, flows in found.items():
        window = _heard(name, [flows.get(at) for at in range(origin - WEEK * weeks, origin)], left)
        why = _unusable(window)
        if why:
            refused.append((name, why))
        else:
            series.append(pack(name, window))
    if not series:
        name, why = refused[0]
        raise TaskError("no_usable_detector", f"{name!r}: {why}" + (
            f"; and {len(refused) - 1} more detectors" if len(refused) > 1 else ""),
            f"at most {MISSING_MAX:.0%} of the last {weeks} weeks may be missing, every hour of the week must have "
            "been counted twice, and the last week must hold a count", sent)
    return tuple(series), tuple(refused)


def _heard(name: str, window: list[float | None], left: Left) -> tuple[float | None, ...]:
    """A detector's history without the days on which it was silent, unless that is meant."""
    tell_quarter_hours(name, window, left)
    if not left.accept & {"silent", "implausible"}:
        for begin, end in silences(window, WEEK):
            window[begin:end] = [None] * (end - begin)
            left.finding("silent", f"{name!r} counted nothing for {end - begin} hours, {len(window) - end} hours "
                         "before the forecast, where many were to be expected: they are taken as not counted")
    return tuple(window)


def _unusable(window: Sequence[float | None]) -> str:
    """Why a detector's history cannot carry a forecast; empty if it can."""
    counted = [flow is not None for flow in window]
    if not any(counted[-SILENT_MAX_H:]):
        return "nothing counted in the last week"
    missing = 1 - sum(counted) / len(counted)
    if missing > MISSING_MAX:
        return f"{missing:.0%} of the hours are missing"
    fewest = min(sum(counted[slot::WEEK]) for slot in range(WEEK))
    if fewest < 2:
        return f"an hour of the week was counted {'once' if fewest else 'never'} in {len(window) // WEEK} weeks"
    return ""
