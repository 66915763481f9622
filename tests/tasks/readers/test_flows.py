"""One rule for what detectors counted, in both kinds of traffic task."""

from __future__ import annotations

from typing import Any

import pytest

from lamplighter.tasks.api import TaskError
from lamplighter.tasks.readers.allow import Left
from lamplighter.tasks.readers.flows import flows
from lamplighter.tasks.traffic.signals.method.counts import read_periods

SEVEN = "2026-03-02T07:00:00Z/2026-03-02T08:00:00Z"


def _count(count: float, number: int = 0, **more: Any) -> dict[str, Any]:
    return {"id": f"urn:{number}", "type": "TrafficFlowObserved", "intensity": count, "dateObserved": SEVEN,
            **more}


def _read(*entities: dict[str, Any]) -> tuple[dict[str, float], list[str]]:
    left = Left()
    return {one.name: one.vehicles for one in flows(entities, "/entities", left)}, left.notes()


def test_a_detector_is_its_device_else_its_road_else_itself() -> None:
    """Observations of one road segment are one detector, whatever their ids."""
    found, _ = _read(_count(1, 1, refDevice="d", refRoadSegment="r"), _count(2, 2, refRoadSegment="r"), _count(3, 3))
    assert found == {"d": 1, "r": 2, "urn:3": 3}
    later = [_count(1, number, refRoadSegment="r", dateObserved=f"2026-03-02T0{number}:00:00Z") for number in (1, 2)]
    assert len(flows(later, "", Left())) == 2


def test_a_count_per_hour_is_no_count() -> None:
    """Four quarter-hours in vehicles per hour would be four times too many; one (C62) is what a count is in."""
    assert _read(_count(1, intensity={"value": 7, "unitCode": "C62"}))[0] == {"urn:0": 7}
    with pytest.raises(TaskError) as caught:
        _read(_count(1, intensity={"value": 7, "unitCode": "VPH"}))
    assert (caught.value.code, caught.value.path) == ("wrong_unit", "/entities/0/intensity")


def test_lanes_and_directions_are_kept_apart() -> None:
    """By laneId and laneDirection."""
    found, _ = _read(_count(1, 1, refDevice="d", laneId=1, laneDirection="forward"),
                     _count(2, 2, refDevice="d", laneId=2, laneDirection="forward"),
                     _count(3, 3, refDevice="d", laneId=1, laneDirection="backward"))
    assert found == {"d lane 1 forward": 1, "d lane 2 forward": 2, "d lane 1 backward": 3}


@pytest.mark.parametrize("van", [10, 4])
def test_vehicle_classes_are_added_up(van: float) -> None:
    """Whether or not two classes counted the same; a count of all vehicles counts instead of its classes."""
    classes = [_count(10, 1, refDevice="d", vehicleType="car"), _count(van, 2, refDevice="d", vehicleType="van")]
    assert _read(*classes) == ({"d": 10 + van}, [])
    found, notes = _read(*classes, _count(17, 3, refDevice="d"))
    assert found == {"d": 17} and notes == [
        "2 counts of a vehicle class (d) left out: there is one of all vehicles for its period"]


def test_the_same_count_twice_is_one_and_of_two_the_later() -> None:
    """Where the entity says when; two counts that nothing tells apart are refused."""
    found, notes = _read(_count(5, 1, refDevice="d"), _count(5, 2, refDevice="d"))
    assert found == {"d": 5} and notes == ["1 entity (urn:2) left out: the same count again"]
    new, old = (_count(0) | {"intensity": {"value": value, "observedAt": f"2026-03-02T{hour}:00:00Z"}}
                for value, hour in ((7, "10"), (5, "09")))
    for order in ([new, old], [old, new]):
        found, notes = _read(*order)
        assert found == {"urn:0": 7} and "a later count" in notes[0]
    with pytest.raises(TaskError) as caught:
        _read(_count(5, 1, refDevice="d"), _count(6, 2, refDevice="d"))
    assert (caught.value.code, caught.value.path) == ("duplicate", "/entities/1/dateObserved")


def test_signals_count_as_the_forecast_does() -> None:
    """The same entity twice counts once, classes are added, lanes of a name too; two directions are refused."""
    car = _count(10, 1, refDevice="d", vehicleType="car", laneId=1)
    given = [car, car, _count(4, 2, refDevice="d", vehicleType="van", laneId=1),
             _count(6, 3, refDevice="d", laneId=2)]
    assert sum(count for *_, count in read_periods(given, ["d"], "/e")["d"]) == 20
    assert [count for *_, count in read_periods(given, ["d lane 2"], "/e")["d lane 2"]] == [6]
    read_periods([car, _count(9, 4, refDevice="other")], ["d"], "/e", left := Left())
    assert left.notes() == ["1 observation (other) left out: nothing asks for its detector"]
    both = [_count(5, 1, refDevice="d", laneDirection="forward"),
            _count(6, 2, refDevice="d", laneDirection="backward")]
    assert [count for *_, count in read_periods(both, ["d backward"], "/e")["d backward"]] == [6]
    with pytest.raises(TaskError) as caught:
        read_periods(both, ["d"], "/e")
    assert caught.value.code == "ambiguous" and "'d backward'" in caught.value.hint
