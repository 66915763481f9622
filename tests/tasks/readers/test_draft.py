"""A feeder made piece by piece out of another format, and errors about it told of what was sent."""

from __future__ import annotations

import pytest

from lamplighter.tasks.api import TaskError
from lamplighter.tasks.readers.allow import Left
from lamplighter.tasks.readers.draft import Draft
from lamplighter.tasks.readers.feeder import Bus, Line, Load

TABLES = {"": "/net", "buses": "/net/bus", "lines": "/net/line"}


def _draft(*ends: tuple[str, str], loads: str = "b") -> Draft:
    draft = Draft("bad_net", TABLES, Left())
    draft.buses = [(Bus(name=name), 0.4, ("/net/bus", f"bus {name}")) for name in "abcd"]
    draft.lines = [(Line(from_bus=one, to_bus=other, r_ohm=1, x_ohm=1, limit_a=10), ("/net/line", f"line {number}"))
                   for number, (one, other) in enumerate(ends, 7)]
    draft.loads = [(Load(bus=bus, kw=1), ("/net/load", f"load {bus}")) for bus in loads]
    return draft


def test_dead_ends_without_loads_are_left_out_and_told() -> None:
    """Their buses too; a load there is refused where it stands."""
    made = _draft(("a", "b"), ("c", "d")).finished("a")
    assert [bus.name for bus in made.feeder.buses] == ["a", "b"] and len(made.feeder.lines) == 1
    draft = _draft(("c", "d"), ("a", "b"))
    draft.finished("a")
    assert draft.left.notes() == ["1 line (line 7) left out: not connected to the source",
                                  "2 buses (c, d) left out: not connected to the source"]
    with pytest.raises(TaskError) as caught:
        _draft(("a", "b"), ("c", "d"), loads="bd").finished("a")
    assert (caught.value.code, caught.value.path) == ("disconnected", "/net/load")


def test_errors_about_the_feeder_become_errors_about_what_was_sent() -> None:
    """By the piece, by its table, or by the whole; others stay as they are."""
    made = _draft(("c", "d"), ("a", "b")).finished("a")
    for path, wanted, words in (
            ("/feeder/lines/0/to_bus", "/net/line", "line 8: x"), ("/feeder/buses", "/net/bus", "x"),
            ("/feeder/lines/9", "/net/line", "x"), ("/feeder/profiles", "/net", "x"),
            ("/levels_percent/0", "/levels_percent/0", "x")):
        found = made.located(TaskError("code", "x", "hint", path))
        assert (found.path, found.message, found.code, found.hint) == (wanted, words, "code", "hint")


def test_a_value_that_cannot_be_is_told_where_it_stands() -> None:
    """With the reader's own code."""
    with pytest.raises(TaskError) as caught:
        _draft(("a", "b")).made(Line, ("/net/line", "line 7"), from_bus="a", to_bus="b", r_ohm=-1, x_ohm=1, limit_a=1)
    assert (caught.value.code, caught.value.path) == ("bad_net", "/net/line")
    assert caught.value.message.startswith("line 7: r_ohm")
