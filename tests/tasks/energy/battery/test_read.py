"""Forecasts as SenML: each home's quarter-hours, or where one is missing."""

from __future__ import annotations

import pytest

from lamplighter.tasks.api import TaskError
from lamplighter.tasks.energy.battery.method.read import net_loads
from lamplighter.tasks.readers.allow import Left


def pack(home: str, name: str, values: list[float], unit: str = "W", begin: float = 1.8e9) -> list[dict]:
    first = {"bn": home + ":", "bu": unit, "bt": begin, "n": name, "v": values[0]}
    return [first, *({"n": name, "t": 900 * slot, "v": value} for slot, value in enumerate(values) if slot)]


def test_net_load_or_load_less_solar_power() -> None:
    """Both ways of saying it give the same W; kW are W times a thousand."""
    net = [float(slot - 40) for slot in range(96)]
    both = pack("b", "load", [2.5] * 96, "kW") + pack("b", "pv", [1.0] * 96, "kW")
    found = net_loads(pack("urn:dev:a", "net_load", net) + both, ["urn:dev:a", "b"], 96, Left())
    assert found == {"urn:dev:a": net, "b": [1500.0] * 96}


def test_readings_of_one_quarter_hour_are_averaged() -> None:
    """A second forecast within the quarter-hour counts half."""
    records = [*pack("a", "load", [100.0] * 96), {"n": "load", "t": 899, "v": 300.0}]
    assert net_loads(records, ["a"], 96, Left())["a"][:2] == [200.0, 100.0]


@pytest.mark.parametrize(("change", "code"), [
    (lambda given: given.pop(41), "missing_reading"), (lambda given: given.clear(), "missing_reading"),
    (lambda given: given[5].update(n="load"), "missing_reading"),
    (lambda given: given[5].update(n="mood"), "unknown_property"),
    (lambda given: given[5].update(u="Wh"), "wrong_unit"), (lambda given: given[5].update(v=1e6), "out_of_range"),
    (lambda given: given[5].update(v="warm"), "bad_value"), (lambda given: given[5].update(t=86_400), "bad_time"),
    (lambda given: given[5].update(bn="elsewhere:"), "unknown_home")])
def test_what_is_missing_or_strange_is_named(change, code: str) -> None:
    """Each refusal has its code and points into the pack."""
    given = pack("a", "net_load", [100.0] * 96)
    change(given)
    with pytest.raises(TaskError) as caught:
        net_loads(given, ["a"], 96, Left())
    assert caught.value.code == code and caught.value.path.startswith("/senml") and caught.value.hint


def test_a_gap_names_home_and_quarter_hour() -> None:
    """The operator learns which reading to look for."""
    given = pack("a", "pv", [0.0] * 96) + pack("a", "load", [1.0] * 96)
    del given[96 + 41]
    with pytest.raises(TaskError, match=r"home 'a' has no load for quarter-hour 41 \(10:15\)"):
        net_loads(given, ["a"], 96, Left())


def test_loads_and_solar_power_are_not_negative() -> None:
    """As in load_w and pv_w; only a net load may be."""
    for name in ("load", "pv"):
        given = pack("a", "load", [1.0] * 96) + pack("a", "pv", [1.0] * 96)
        next(one for one in given if one["n"] == name)["v"] = -1.0
        with pytest.raises(TaskError) as caught:
            net_loads(given, ["a"], 96, Left())
        assert caught.value.code == "out_of_range" and name in caught.value.message


def test_a_day_that_begins_at_no_midnight_is_told() -> None:
    """What stands at 05:00 is planned as from 00:00; a day of UTC, and one that counts from now, need no word."""
    for begin, told in ((1_799_989_200 // 86_400 * 86_400 + 5 * 3600, True),
                        (1_799_989_200 // 86_400 * 86_400, False), (7.0, False)):
        net_loads(pack("a", "net_load", [1.0] * 96, begin=begin), ["a"], 96, left := Left())
        assert any("T05:00:00Z: that is taken for 00:00" in note for note in left.notes()) == told


def test_of_two_forecasts_of_one_time_the_last_counts() -> None:
    """They are not averaged in silence."""
    given = [*pack("a", "net_load", [1.0] * 96, begin=7.0), {"n": "net_load", "t": 900, "v": 9000.0}]
    assert net_loads(given, ["a"], 96, left := Left())["a"][:3] == [1.0, 9000.0, 1.0]
    assert left.notes() == ["1 record (a:net_load) left out: another value of its name and time comes after it"]


@pytest.mark.parametrize("slots", [92, 100])
def test_a_day_on_which_the_clocks_change_is_read_whole(slots: int) -> None:
    """23 or 25 hours after the first record; one quarter-hour less is missing, one more another day's."""
    net = [float(slot) for slot in range(slots)]
    assert net_loads(pack("a", "net_load", net), ["a"], slots, Left()) == {"a": net}
    with pytest.raises(TaskError, match=rf"no net_load for quarter-hour {slots - 1} \({slots // 4 - 1}:45\)"):
        net_loads(pack("a", "net_load", net[:-1]), ["a"], slots, Left())
    with pytest.raises(TaskError, match=f"more than {slots // 4} h after"):
        net_loads(pack("a", "net_load", [*net, 0.0]), ["a"], slots, Left())


def test_a_code_for_a_missing_forecast_is_refused() -> None:
    """With its place, and out of how many; as in the homes themselves."""
    values = [100.0] * 96
    values[7] = -9999.0
    with pytest.raises(TaskError) as caught:
        net_loads(pack("a", "net_load", values), ["a"], 96, Left())
    assert (caught.value.code, caught.value.path) == ("implausible", "/senml/7/v")
    assert "1 of 96 readings" in caught.value.message
    assert net_loads(pack("a", "net_load", values), ["a"], 96, Left(["missing_code"]))["a"][7] == -9999.0
