"""Tasks in turn: by priority, by the kernel that a node holds, and then each as often as the others."""

from collections import Counter

import pytest

from lamplighter.gateway.core.entities import Node, Task
from lamplighter.gateway.core.turns import Turns


def task(name, kind="a", priority=0):
    return Task(name, kind, b"", priority, 1, 0, 0)


def turns(*tasks):
    made = Turns()
    for one in tasks:
        made.add(one)
    return made


def order(made, kind="", most=9, **workers):
    node = Node("n", b"d", "o")
    node.kind = kind
    return [one.name for one in made.next(node, Counter(workers), most)]


def test_the_higher_priority_comes_first():
    """Whatever came first; equals stay in their order."""
    made = turns(task("low"), task("high", priority=2), task("next"), task("mid", priority=1))
    assert order(made) == ["high", "mid", "low", "next"]
    assert {one.name for one in made} == {"high", "mid", "low", "next"}


def test_who_was_served_goes_behind_its_equals():
    """Of its kind, and its kind behind others that are as well off; a higher priority stays ahead."""
    first, second, other = task("first"), task("second"), task("other", "b")
    made = turns(first, second, other, task("high", priority=1))
    made.served(first)
    assert order(made) == ["high", "other", "second", "first"]
    made.served(other)
    assert order(made) == ["high", "second", "first", "other"]


def test_a_node_stays_with_its_kind_until_another_has_too_few():
    """So that kernels are not fetched over and over."""
    made = turns(task("one", "a"), task("two", "b"))
    assert order(made, "b", a=2, b=2) == ["two", "one"]
    assert order(made, "b", a=1, b=3) == ["one", "two"]


def test_no_more_are_looked_at_than_wanted():
    """What a lease costs does not grow with the number of tasks."""
    made = turns(*(task(f"t{number}", "ab"[number % 2], number % 3) for number in range(99)))
    assert len(order(made, most=24)) == 24 and len(order(made, most=200)) == 99


@pytest.mark.parametrize("kept", [("b", 0), ("a", 1), ("b", 1)])
def test_who_has_nothing_waiting_is_not_offered(kept):
    """Nor is anything kept of it; to leave twice is to leave once, and so it is with coming."""
    gone, other = task("gone"), task("kept", *kept)
    made = turns(gone, gone, other)
    for _ in range(2):
        made.discard(gone)
    assert order(made, "a", a=5) == ["kept"] and made
    made.discard(other)
    made.discard(other)
    assert not made and order(made) == [] and not made._kinds and list(made) == []
