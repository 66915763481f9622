"""From an operator's input to what devices get: windows, limits, and errors that say where."""

from __future__ import annotations

import struct
from typing import Any

import pytest

from lamplighter.tasks.api import TaskError
from lamplighter.tasks.registry import prepare
from lamplighter.tasks.traffic.forecast import KIND
from lamplighter.tasks.traffic.forecast.demo import generated
from lamplighter.tasks.traffic.forecast.jobs import pack
from lamplighter.tasks.traffic.forecast.spec import Spec


def prepared(given: dict[str, Any]) -> Spec:
    """As a gateway prepares it."""
    spec: Spec = prepare({KIND.name: KIND}, KIND.name, given)
    return spec


def refused(given: dict[str, Any]) -> TaskError:
    """The error, which must have a place and a hint."""
    with pytest.raises(TaskError) as error:
        prepared(given)
    assert error.value.path and error.value.hint
    return error.value


def one(counts: list[Any], **more: Any) -> dict[str, Any]:
    """A task of one detector."""
    return {"detectors": [{"id": "d", "start": "2026-01-05T00:00", "counts": counts}], **more}


WEEK = [100 + 40 * (hour % 24) for hour in range(168)]
COUNTED = {"id": "e", "type": "TrafficFlowObserved", "refDevice": "d", "intensity": 7,
           "dateObserved": "2026-01-05T00:00:00Z/2026-01-05T01:00:00Z"}


def test_the_window_is_the_last_ten_weeks_before_the_origin() -> None:
    """Older hours are left out; the forecast begins after the last count, or where it is asked to."""
    counts = [hour % 9000 for hour in range(14 * 168 + 5)]
    spec = prepared(one(counts))
    assert spec.weeks == 10 and spec.blocks == 4 and spec.series[0].flows == tuple(map(float, counts[-1680:]))
    earlier = prepared(one(counts, forecast_from="2026-03-16T00:00"))
    assert earlier.series[0].flows == tuple(map(float, counts[:1680]))
    assert spec.origin - earlier.origin == 4 * 168 + 5


@pytest.mark.parametrize(("weeks", "blocks"), [(5, 3), (6, 4), (7.5, 4), (10, 4)])
def test_five_weeks_are_enough(weeks: float, blocks: int) -> None:
    """Fewer back-tests where they leave no two weeks to learn from."""
    spec = prepared(one((WEEK * 10)[:round(168 * weeks)]))
    assert (spec.weeks, spec.blocks) == (int(weeks), blocks)
    assert spec.first_test >= 168


def test_two_weeks_are_too_short() -> None:
    """And the error says what would do."""
    error = refused(one(WEEK * 2))
    assert error.code == "too_short" and "2.0 weeks" in error.message and "8 to 10 weeks" in error.hint


def test_roots_use_the_range_of_the_detector() -> None:
    """The highest count becomes 20,000, a missing one 65,535, and squares come back as counts."""
    series = pack("d", tuple([0.0, 1.0, 400.0, None, 7280.0] * 168))
    roots = struct.unpack("<840H", series.context.data)[:5]
    assert roots[0] == 0 and roots[3] == 65535 and roots[4] == 20_000
    for root, flow in zip(roots, (0, 1, 400, None, 7280), strict=True):
        assert flow is None or abs(series.flow(root) - flow) < 0.1
    quiet = pack("d", (0.0, 0.0, None))
    assert struct.unpack("<3H", quiet.context.data) == (0, 0, 65535) and quiet.flow(0) == 0


@pytest.mark.parametrize(("wrong", "code", "path"), [
    (one([5, -1] * 840), "out_of_range", "/input/detectors/0/counts/1"),
    (one([1e9] * 840), "out_of_range", "/input/detectors/0/counts/0"),
    (one([32_001] * 840), "out_of_range", "/input/detectors/0/counts/0"),
    (one(["many"] * 840), "bad_value", "/input/detectors/0/counts/0"),
    (one([5] * 840, horizon_hours=49), "out_of_range", "/input/horizon_hours"),
    (one([5] * 840, horizon=24), "unknown_field", "/input/horizon"),
    (one([5] * 840, band_percent=99), "out_of_range", "/input/band_percent"),
    (one([5] * 840, time_zone="Mars/Olympus"), "unknown_time_zone", "/input/time_zone"),
    (one([5] * 840, forecast_from="2027-01-01T00:00"), "out_of_range", "/input/forecast_from"),
    (one([5] * 840, forecast_from="2026-01-01T00:00"), "too_short", "/input/detectors"),
    ({"entities": [COUNTED]}, "too_short", "/input/entities"),
    ({"entities": [COUNTED | {"refDevice": f"d{i}"} for i in range(501)]}, "too_many_detectors", "/input/entities"),
    (one([None] * 840), "empty_data", "/input/detectors"),
    ({}, "empty_data", "/input/detectors"),
    ({"detectors": [{"id": "d", "start": "2026-01-05T00:00", "count": [5] * 840}]}, "unknown_field",
     "/input/detectors/0/count")])
def test_what_cannot_be_forecast_is_refused(wrong: dict[str, Any], code: str, path: str) -> None:
    """With a code, the place and a hint."""
    error = refused(wrong)
    assert (error.code, error.path) == (code, path)


def test_a_misspelt_field_is_offered_its_spelling() -> None:
    """horizon is horizon_hours."""
    assert "horizon_hours" in refused(one([5] * 840, horizon=24)).hint


def test_gaps_up_to_half_are_taken() -> None:
    """Every other hour of every other week may be missing; more than half may not."""
    counts: list[Any] = WEEK * 8
    for hour in range(0, len(counts), 2):
        if hour // 168 % 2:
            counts[hour] = None
    assert prepared(one(counts)).series[0].flows.count(None) == 4 * 84
    error = refused(one([flow if hour % 168 > 100 else None for hour, flow in enumerate(counts)]))
    assert error.code == "no_usable_detector" and "missing" in error.message


@pytest.mark.parametrize(("hurt", "why"), [
    (lambda at: at % 168 == 50 and at < 1200, "an hour of the week was counted once"),
    (lambda at: at % 168 == 50, "an hour of the week was counted never"),
    (lambda at: at >= 1344 - 168, "nothing counted in the last week")])
def test_a_broken_detector_is_left_out_and_named(hurt: Any, why: str) -> None:
    """The others are forecast all the same."""
    given = generated(2, 5, 8)
    counts = given["detectors"][1]["counts"]
    given["detectors"][1]["counts"] = [None if hurt(at) else count for at, count in enumerate(counts)]
    spec = prepared(given)
    assert [series.id for series in spec.series] == ["made-up 1"]
    assert spec.refused[0][0] == "made-up 2" and why in spec.refused[0][1]


def test_duplicate_detectors_are_refused() -> None:
    """Also where one is a list of counts and the other an entity."""
    given = generated(2, 5, 8)
    given["detectors"][1]["id"] = "made-up 1"
    assert refused(given).path == "/input/detectors/1/id"
    entity = {"id": "made-up 1", "type": "TrafficFlowObserved", "intensity": 5,
              "dateObserved": "2026-02-05T06:00:00Z"}
    assert refused({**generated(1, 5, 8), "entities": [entity]}).code == "duplicate"


def test_days_like_sunday_are_not_learnt_from_and_shift_what_is_ahead() -> None:
    """Past ones become gaps; the next Monday takes Sunday's profile, and a Sunday its own."""
    given = one(WEEK * 8, days_like_sunday=["2026-01-08", "2026-03-02", "2026-03-08"], horizon_hours=48)
    spec = prepared(given)
    assert spec.shifts == (1, 0)
    assert [hour for hour, flow in enumerate(spec.series[0].flows) if flow is None] == list(range(72, 96))
    assert prepared({**given, "forecast_from": "2026-03-01T00:00"}).shifts == (0, 1)
    assert prepared({**given, "forecast_from": "2026-02-27T00:00"}).shifts == (0, 0)
    error = refused({**given, "forecast_from": "2026-03-01T20:00"})
    assert (error.code, error.path) == ("bad_time", "/input/forecast_from") and "2026-03-02" in error.message


def test_entities_alone_make_a_task() -> None:
    """Eight weeks of hourly TrafficFlowObserved; without a time zone their clock is UTC."""
    entities = [{"id": "urn:e", "type": "TrafficFlowObserved", "intensity": 10 + hour % 24,
                 "dateObserved": f"2026-{1 + day // 28:02d}-{1 + day % 28:02d}T{hour:02d}:00:00Z"}
                for day in range(56) for hour in range(24)]
    spec = prepared({"entities": [one for one in entities if not one["dateObserved"].startswith("2026-01-29")]})
    assert spec.weeks == 8 and spec.series[0].id == "urn:e" and spec.clock.shown


def test_five_hundred_detectors_are_one_task() -> None:
    """Each with its own context; one more is too many."""
    given = {"detectors": [{"id": str(number), "start": "2026-01-05T00:00", "counts": [(number + hour) % 50
             for hour in range(168)] * 8} for number in range(500)]}
    spec = prepared(given)
    assert len(spec.series) == 500 and len({series.context.name for series in spec.series}) > 40
    given["detectors"].append({**given["detectors"][0], "id": "500"})
    assert refused(given).path == "/input/detectors"
