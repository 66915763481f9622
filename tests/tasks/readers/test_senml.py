"""SenML packs: base fields, times, and what must be refused."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lamplighter.tasks.api import TaskError
from lamplighter.tasks.readers.allow import Left
from lamplighter.tasks.readers.senml import Record, devices, latest, resolved


def test_the_multiple_measurements_of_rfc_8428() -> None:
    """Section 5.1.3 in short: base name, base time, base unit; a record's own unit and time go before them."""
    pack = [{"bn": "urn:dev:ow:10e2073a0108006:", "bt": 1.276020076001e9, "bu": "A", "bver": 5,
             "n": "voltage", "u": "V", "v": 120.1},
            {"n": "current", "t": -5, "v": 1.2}, {"n": "current", "t": -4, "v": 1.3}]
    device = "urn:dev:ow:10e2073a0108006:"
    assert list(resolved(pack, "", Left())) == [
        Record(0, device + "voltage", "V", 120.1, 1.276020076001e9),
        Record(1, device + "current", "A", 1.2, 1.276020071001e9),
        Record(2, device + "current", "A", 1.3, 1.276020072001e9)]


def test_base_fields_hold_until_they_are_given_again() -> None:
    """The base value is added; a base record without a value yields nothing."""
    pack = [{"bn": "a:", "bv": 20, "bu": "Cel", "bt": 300}, {"n": "t", "v": 1},
            {"bn": "b:", "bv": 0, "n": "t", "v": 2}]
    assert [(one.name, one.value, one.unit, one.time_s) for one in resolved(pack, "", Left())] \
        == [("a:t", 21, "Cel", 300), ("b:t", 2, "Cel", 300)]


PACKS = [
    [{"bn": "urn:dev:1:", "bt": 1.8e9, "n": "lat", "u": "lat", "v": 50.7}, {"n": "lon", "u": "lon", "v": 7.1},
     {"n": "pm10", "u": "ug/m3", "v": 20.0, "t": -60}, {"bn": "urn:dev:2:", "u": "lat", "v": 50.8},
     {"u": "lon", "v": 7.2}, {"n": "pm10", "bu": "ug/m3", "v": 9.0}],
    [{"bn": "one", "n": "lat", "u": "lat", "v": 50.7}, {"n": "lon", "u": "lon", "v": 7.1}, {"n": "pm10", "v": 20.0},
     {"bn": "two", "n": "lat", "u": "lat", "v": 50.8}, {"n": "lon", "u": "lon", "v": 7.2}, {"n": "pm10", "v": 9.0}],
    [{"bn": "town/", "n": "7/pos", "u": "lat", "v": 50.7}, {"n": "7/pos", "u": "lon", "v": 7.1},
     {"n": "7/pm10", "v": 20.0}, {"n": "8/where", "u": "lat", "v": 50.8}, {"n": "8/where", "u": "lon", "v": 7.2},
     {"n": "8/pm10", "v": 9.0}],
    [{"bn": "urn:dev:ow:10e20", "bu": "pm10", "v": 20.0}, {"u": "lon", "v": 7.1}, {"u": "lat", "v": 50.7},
     {"bn": "urn:dev:ow:10e21", "v": 9.0}, {"u": "lon", "v": 7.2}, {"u": "lat", "v": 50.8}]]


@pytest.mark.parametrize("pack", PACKS, ids=["colons", "no separators", "paths", "RFC 8428, 5.1.4"])
def test_a_pack_means_the_same_resolved_or_not(pack: list[dict[str, Any]]) -> None:
    """Devices are known by resolved names; two devices never share a position, wherever base names end."""
    whole = [{"n": one.name, "u": one.unit, "v": one.value, "t": one.time_s} for one in resolved(pack, "", Left())]
    found = []
    for form in (pack, whole, whole[::-1]):
        known = devices(resolved(form, "", Left()), "pm10")
        found.append({device: {what: one[0].value for what, one in series.items()}
                      for device, series in known.items()})
    assert found[0] == found[1] == found[2] and len(found[0]) == 2
    assert sorted(found[0].values(), key=lambda one: one["lat"]) == [
        {"lat": 50.7, "lon": 7.1, "pm10": 20.0}, {"lat": 50.8, "lon": 7.2, "pm10": 9.0}]


def test_names_without_a_position_are_cut_at_their_last_separator() -> None:
    """So that what is left out has a name."""
    long = [{"n": "urn:dev:1:pm10", "v": 3}, {"n": "pm10", "v": 4}, {"n": "town/7/pm10", "v": 5}]
    assert {device: list(known) for device, known in devices(resolved(long, "", Left()), "pm10").items()} \
        == {"urn:dev:1:": ["pm10"], "": ["pm10"], "town/7/": ["pm10"]}


def test_times_from_now_are_newer_than_those_of_a_clock() -> None:
    """RFC 8428, 4.5.3: below 2**28 a time counts from now."""
    old, new = (Record(0, "a", "", value, time) for value, time in ((1, 1.8e9), (2, -60)))
    assert latest([new, old]) == latest([old, new]) == new and old.moment == 1.8e9 and new.moment is None
    assert latest([old, Record(1, "a", "", 3, 1.8e9)]).value == 3


def test_text_booleans_data_and_sums_are_passed_over() -> None:
    """Only numbers are readings; what is left out is told."""
    left = Left()
    given = [{"bn": "a", "vs": "x"}, {"vb": True}, {"vd": "AA"}, {"s": 9}, {}, {"n": "b", "u": "Cel", "t": 5}]
    assert not list(resolved(given, "", left))
    assert left.notes() == ["4 records (a) left out: it carries text, a truth, data or a sum, no number",
                            "1 record (ab) left out: it carries no value"]


@pytest.mark.parametrize(("record", "code", "path"), [
    ({"n": "a", "v": "5"}, "bad_value", "/senml/1"), ({"n": "a", "v": True}, "bad_value", "/senml/1"),
    ({"n": "a", "v": 1, "t": None}, "bad_value", "/senml/1"), ({"v": 1}, "bad_value", "/senml/1"),
    ({"n": "a", "v": 1, "bt": 1e300}, "bad_value", "/senml/1"),
    ({"n": "a", "v": 1, "bver": 11}, "unknown_version", "/senml/1/bver"),
    ({"n": "a", "v": 1, "must_": 1}, "unknown_field", "/senml/1"),
])
def test_bad_records_are_pointed_at(record: dict[str, Any], code: str, path: str) -> None:
    """With the pointer of the record and a hint."""
    with pytest.raises(TaskError) as caught:
        list(resolved([{"n": "fine", "v": 1}, record], "/senml", Left()))
    assert (caught.value.code, caught.value.path) == (code, path)
    assert caught.value.hint


ODD = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5) | st.lists(st.integers()) \
    | st.sampled_from([10**400, -(10**400)])


@settings(max_examples=150, deadline=None)
@given(st.lists(st.dictionaries(st.sampled_from(
    ["bn", "bt", "bu", "bv", "bver", "n", "u", "v", "t", "s", "vb"]), ODD, max_size=6), max_size=4))
def test_nothing_but_a_task_error_comes_of_odd_records(records: list[dict[str, Any]]) -> None:
    """Whatever JSON holds where a number should be."""
    try:
        for record in resolved(records, "/senml", Left()):
            assert abs(record.value) <= 2e9 and abs(record.time_s) <= 2e12
    except TaskError as error:
        assert error.path.startswith("/senml") and error.hint


def test_a_field_that_nobody_knows_is_told() -> None:
    """RFC 8428 has it ignored; the answer says so by name. What the standard has beside readings is not told."""
    left = Left()
    assert len(list(resolved([{"n": "a", "v": 1, "ut": 60, "mood": "grey"}], "/senml", left))) == 1
    assert left.notes() == ["1 attribute of a SenML record (mood) left out: unknown, and not asked for"]


def test_of_records_of_one_name_unit_and_time_the_last_counts() -> None:
    """The others are counted and named; lat and lon of one name are two things."""
    pack = [{"bn": "a", "u": "lat", "v": 50.0}, {"u": "lon", "v": 7.0}, {"u": "pm", "v": 1.0}, {"u": "pm", "v": 2.0},
            {"u": "lon", "v": 7.0}, {"u": "pm", "v": 3.0, "t": 1}]
    found = list(resolved(pack, "", left := Left()))
    assert [(one.unit, one.value) for one in found] == [("lat", 50.0), ("pm", 2.0), ("lon", 7.0), ("pm", 3.0)]
    assert left.notes() == ["1 record (a) left out: another value of its name and time comes after it",
                            "1 record (a) left out: it is there twice"]


def test_a_time_beyond_all_calendars_is_no_time() -> None:
    """Neither a base time nor what it makes with a record's own."""
    for more in ({"bt": 3e11}, {"bt": 2e11, "t": 2e11}):
        with pytest.raises(TaskError, match="finite numbers"):
            list(resolved([{"n": "a", "v": 1, **more}], "", Left()))


def test_a_name_has_so_many_parts() -> None:
    """The base name's counted: it is said once and looked at with every record."""
    assert len(list(resolved([{"bn": "a:" * 8, "n": "/" * 8, "v": 1}], "", Left()))) == 1
    with pytest.raises(TaskError) as refused:
        list(resolved([{"bn": "a:" * 8, "n": "/" * 9, "v": 1}], "/senml", Left()))
    assert (refused.value.code, refused.value.path) == ("bad_value", "/senml/0")
