"""The clock that traffic follows: real hours to hours of local days that all have 24.

Where clocks change, a local day has 23 or 25 hours. Traffic follows the local clock, so the grid does too: the
hour that is skipped in spring stays empty, the two hours of one name in autumn share a place.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta, timezone, tzinfo
from zoneinfo import ZoneInfo

from lamplighter.tasks.api import TaskError

HOUR = timedelta(hours=1)
YEARS = range(1980, 2100)


@dataclass(frozen=True, slots=True)
class Clock:
    """A time zone, or a clock that never changes. Places on the grid are hours since year 1, 24 to each local day."""

    zone: tzinfo
    shown: bool
    """Whether times are shown with their offset; a bare local clock has none."""

    def place(self, instant: datetime) -> int:
        """The place of a real hour on the grid."""
        local = instant.astimezone(self.zone)
        return local.toordinal() * 24 + local.hour

    def hour_of(self, instant: datetime) -> datetime:
        """The beginning of the local hour that holds ``instant``."""
        local = instant.astimezone(self.zone)
        return instant - timedelta(minutes=local.minute, seconds=local.second, microseconds=local.microsecond)

    def instants(self, place: int) -> list[datetime]:
        """The real hours at a place: one; none where the clock skips it, two where it shows it twice."""
        noon = datetime.combine(date.fromordinal(place // 24), datetime.min.time()).replace(hour=place % 24)
        near = noon.replace(tzinfo=self.zone).astimezone(UTC)
        return [one for one in (near - HOUR, near, near + HOUR) if self.place(one) == place]

    def label(self, instant: datetime) -> str:
        """ISO 8601 in local time, with its offset where the zone is known."""
        local = instant.astimezone(self.zone)
        return (local if self.shown else local.replace(tzinfo=None)).isoformat(timespec="minutes")

    def read(self, given: str, path: str) -> datetime:
        """A full hour, as UTC. Raises TaskError ``bad_time``: no time, not on the hour, skipped or shown twice."""
        moment = parse(given, path)
        if moment.tzinfo is None:
            moment = self._from_local(moment, given, path)
        if self.hour_of(moment) != moment:
            raise TaskError("bad_time", f"{given!r} is not on a full hour of the local clock", "hours begin at :00",
                            path)
        return moment.astimezone(UTC)

    def _from_local(self, moment: datetime, given: str, path: str) -> datetime:
        meant = {moment.replace(tzinfo=self.zone, fold=fold).astimezone(UTC) for fold in (0, 1)}
        real = [one for one in meant if one.astimezone(self.zone).replace(tzinfo=None) == moment]
        if len(real) != 1:
            what = "is shown twice" if real else "is skipped"
            raise TaskError("bad_time", f"{given!r} {what} where clocks change", "write it with its offset from UTC, "
                            "as in 2026-03-01T06:00:00+01:00", path)
        return real[0]


def parse(given: str, path: str) -> datetime:
    """A date and time, naive or not. Raises TaskError ``bad_time``."""
    try:
        moment = datetime.fromisoformat(given.strip())
    except ValueError:
        moment = datetime.min
    if moment.year not in YEARS:
        raise TaskError("bad_time", f"{given!r} is no date and time", "write it as in 2026-03-01T06:00:00+01:00 "
                        "(ISO 8601)", path)
    return moment


def clock_of(name: str | None, given: list[tuple[str, str]]) -> Clock:
    """The clock named, or one that never changes: at the one offset of ``given``, pairs of time and path.

    Raises TaskError: ``unknown_time_zone``, ``mixed_offsets``, ``bad_time``.
    """
    if name is not None:
        return Clock(_zone(name), True)
    offsets: dict[timedelta | None, str] = {}
    for text, path in given:
        offsets.setdefault(parse(text, path).utcoffset(), path)
    if len(offsets) > 1:
        raise TaskError("mixed_offsets", "times have different offsets from UTC",
                        "give time_zone, whose clock the traffic follows", list(offsets.values())[1])
    offset = next(iter(offsets), None)
    return Clock(UTC, False) if offset is None else Clock(timezone(offset), True)


def _zone(name: str) -> ZoneInfo:
    try:
        return ZoneInfo(name)
    except (KeyError, ValueError, OSError):
        raise TaskError("unknown_time_zone", f"no time zone {name!r}",
                        "IANA names: Europe/Berlin, America/Chicago, UTC", "/time_zone") from None


def require_whole_hours(clock: Clock, until: datetime, weeks: int) -> None:
    """Raises TaskError ``time_zone`` where the clock changed by part of an hour in the weeks before ``until``."""
    offsets = [(until - timedelta(weeks=back)).astimezone(clock.zone).utcoffset() for back in range(weeks + 1)]
    if any(one is None or offsets[0] is None or (one - offsets[0]) % HOUR for one in offsets):
        raise TaskError("time_zone", "this clock changes by half an hour, so its days have no whole hours",
                        "give UTC times and no time_zone", "/time_zone")
