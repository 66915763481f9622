"""Local clocks: days of 23 and 25 hours, half-hour zones, times that do not exist."""

from __future__ import annotations

import os
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import pytest

from lamplighter.tasks.api import TaskError
from lamplighter.tasks.traffic.forecast.method.clock import HOUR, Clock, clock_of, require_whole_hours
from lamplighter.tasks.traffic.forecast.method.read import from_detectors
from lamplighter.tasks.traffic.forecast.model import Detector


@pytest.fixture
def zoned():
    """Clocks by IANA name; skips where the machine has no time zone data, and fails there where CI is set."""
    try:
        ZoneInfo("Europe/Berlin")
    except ZoneInfoNotFoundError:
        (pytest.fail if os.environ.get("CI") else pytest.skip)("this machine has no time zone data")
    return lambda name: clock_of(name, [])


def test_a_clock_without_a_zone_has_24_hours_every_day() -> None:
    """Bare local times come back bare; places follow each other."""
    clock = clock_of(None, [("2026-03-29T00:00", "/a"), ("2026-01-01 05:00", "/b")])
    start = clock.read("2026-03-29T00:00", "/a")
    assert [clock.place(start + h * HOUR) - clock.place(start) for h in (1, 2, 3, 24)] == [1, 2, 3, 24]
    assert clock.label(start) == "2026-03-29T00:00"


def test_one_offset_is_kept_and_several_are_refused() -> None:
    """+01:00 throughout is a clock; +01:00 and +02:00 ask for a time zone."""
    clock = clock_of(None, [("2026-03-01T00:00+01:00", "/a"), ("2026-03-02T00:00+01:00", "/b")])
    assert clock.label(clock.read("2026-03-01T00:00+01:00", "/a")) == "2026-03-01T00:00+01:00"
    with pytest.raises(TaskError) as refused:
        clock_of(None, [("2026-03-01T00:00+01:00", "/a"), ("2026-06-02T00:00+02:00", "/b")])
    assert (refused.value.code, refused.value.path) == ("mixed_offsets", "/b")


def test_the_hour_skipped_in_spring_has_no_place_and_no_time(zoned) -> None:
    """Berlin, 29 March 2026: 01:00 is followed by 03:00; the grid's 02:00 has no instant."""
    clock = zoned("Europe/Berlin")
    one = clock.read("2026-03-29T01:00", "/x")
    assert clock.label(one + HOUR) == "2026-03-29T03:00+02:00"
    assert clock.place(one + HOUR) - clock.place(one) == 2
    assert clock.instants(clock.place(one) + 1) == []
    assert clock.instants(clock.place(one) + 2) == [one + HOUR]
    with pytest.raises(TaskError, match="skipped") as refused:
        clock.read("2026-03-29T02:00", "/detectors/3/start")
    assert refused.value.path == "/detectors/3/start"


def test_the_hour_shown_twice_in_autumn_has_one_place_and_two_times(zoned) -> None:
    """Berlin, 25 October 2026: 02:00 comes twice; bare it is refused, with an offset it is one of them."""
    clock = zoned("Europe/Berlin")
    first = clock.read("2026-10-25T02:00+02:00", "/x")
    second = clock.read("2026-10-25T02:00+01:00", "/x")
    assert second - first == HOUR
    assert clock.place(first) == clock.place(second)
    assert clock.instants(clock.place(first)) == [first, second]
    with pytest.raises(TaskError, match="twice"):
        clock.read("2026-10-25T02:00", "/x")


def test_counts_across_a_change_stand_on_the_local_clock(zoned) -> None:
    """Five real hours from Berlin's midnight of 25 October are four places; the two of one name are averaged."""
    clock = zoned("Europe/Berlin")
    counted = Detector(id="d", start="2026-10-25T00:00", counts=[1, 2, 3, 5, 7])
    midnight = clock.place(clock.read("2026-10-25T00:00", "/x"))
    assert from_detectors([counted], clock) == {"d": {midnight: 1, midnight + 1: 2, midnight + 2: 4, midnight + 3: 7}}


@pytest.mark.parametrize("zone", ["Europe/Berlin", "America/Chicago", "Asia/Kolkata", "UTC", "Asia/Kathmandu"])
def test_every_real_hour_of_a_year_is_an_instant_of_its_place(zoned, zone: str) -> None:
    """Place and instants are each other's inverse, also in zones that are off by half an hour or a quarter."""
    clock = zoned(zone)
    at = clock.read("2026-01-01T00:00", "/x")
    for hour in range(0, 24 * 366, 5):
        instant = at + hour * HOUR
        assert clock.hour_of(instant + timedelta(minutes=59, seconds=59)) == instant
        assert instant in clock.instants(clock.place(instant))


def test_a_clock_that_changes_by_half_an_hour_is_refused(zoned) -> None:
    """Lord Howe's days have no whole hours when its clock changes; in steady weeks it passes."""
    clock = zoned("Australia/Lord_Howe")
    with pytest.raises(TaskError) as refused:
        require_whole_hours(clock, datetime(2026, 5, 1, tzinfo=UTC), 10)
    assert refused.value.code == "time_zone" and refused.value.path == "/time_zone"
    require_whole_hours(clock, datetime(2026, 8, 1, tzinfo=UTC), 10)


@pytest.mark.parametrize("given", ["", "yesterday", "2026-13-01T00:00", "1026-03-01T00:00", "2026-03-01T00:30"])
def test_what_is_no_full_hour_is_refused(given: str) -> None:
    """Also years that no counter has seen."""
    clock = Clock(UTC, False)
    with pytest.raises(TaskError) as refused:
        clock.read(given, "/forecast_from")
    assert (refused.value.code, refused.value.path) == ("bad_time", "/forecast_from") and refused.value.hint


@pytest.mark.parametrize("name", ["Europe/Atlantis", "../etc/passwd", "/etc/localtime", ""])
def test_unknown_zones_are_refused(name: str) -> None:
    """Neither a misspelt name nor a path to somewhere is a zone."""
    with pytest.raises(TaskError) as refused:
        clock_of(name, [])
    assert refused.value.code == "unknown_time_zone" and refused.value.path == "/time_zone"
