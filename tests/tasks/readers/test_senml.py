"""SenML packs: base fields, times, and what must be refused."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lamplighter.tasks.api import TaskError
from lamplighter.tasks.readers.senml import Record, resolved


def test_the_multiple_measurements_of_rfc_8428() -> None:
    """Section 5.1.3 in short: base name, base time, base unit; a record's own unit and time go before them."""
    pack = [{"bn": "urn:dev:ow:10e2073a0108006:", "bt": 1.276020076001e9, "bu": "A", "bver": 5,
             "n": "voltage", "u": "V", "v": 120.1},
            {"n": "current", "t": -5, "v": 1.2}, {"n": "current", "t": -4, "v": 1.3}]
    device = "urn:dev:ow:10e2073a0108006:"
    assert list(resolved(pack, "")) == [
        Record(0, device, "voltage", "V", 120.1, 1.276020076001e9),
        Record(1, device, "current", "A", 1.2, 1.276020071001e9),
        Record(2, device, "current", "A", 1.3, 1.276020072001e9)]


def test_base_fields_hold_until_they_are_given_again() -> None:
    """The base value is added; a base record without a value yields nothing."""
    pack = [{"bn": "a:", "bv": 20, "bu": "Cel", "bt": 300}, {"n": "t", "v": 1},
            {"bn": "b:", "bv": 0, "n": "t", "v": 2}]
    assert [(one.device, one.value, one.unit, one.time_s) for one in resolved(pack, "")] \
        == [("a:", 21, "Cel", 300), ("b:", 2, "Cel", 300)]


def test_a_resolved_pack_reads_as_the_one_with_base_names() -> None:
    """Without base names, the device is the name up to its last colon or slash."""
    long = [{"n": "urn:dev:1:", "u": "lat", "v": 50.7}, {"n": "urn:dev:1:pm10", "v": 3}, {"n": "pm10", "v": 4},
            {"n": "town/7/pm10", "v": 5}]
    assert [(one.device, one.name) for one in resolved(long, "")] \
        == [("urn:dev:1:", ""), ("urn:dev:1:", "pm10"), ("", "pm10"), ("town/7/", "pm10")]


def test_text_booleans_data_and_sums_are_passed_over() -> None:
    """Only numbers are readings."""
    assert not list(resolved([{"bn": "a", "vs": "x"}, {"vb": True}, {"vd": "AA"}, {"s": 9}, {}], ""))


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
        list(resolved([{"n": "fine", "v": 1}, record], "/senml"))
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
        for record in resolved(records, "/senml"):
            assert abs(record.value) <= 2e9 and abs(record.time_s) <= 2e12
    except TaskError as error:
        assert error.path.startswith("/senml") and error.hint
