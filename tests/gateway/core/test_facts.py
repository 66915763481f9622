"""Facts: equal by their fields, and never changed."""

from dataclasses import FrozenInstanceError

import pytest

from lamplighter.gateway.core import effects as f
from lamplighter.gateway.core.facts import fact
from tests.facts import FACTS


def test_facts_are_what_their_fields_are():
    """Equal and of one hash where those are, and with their defaults; another kind of fact is another one."""
    @fact
    class One:
        node: str
        count: int = 1

    assert One("a") == One("a", 1) != One("a", 2)
    assert len({One("a"), One("a", 1), One("b")}) == 2
    assert f.StopSolver("a") != One("a") and repr(One("a")).endswith("One(node='a', count=1)")


def test_nobody_may_change_one():
    """Neither to another value nor to the same, nor take one away; and there is no room for another field."""
    ack = f.SendAck("a", 1, "ok")
    for change in (lambda: setattr(ack, "seq", 2), lambda: setattr(ack, "seq", 1), lambda: delattr(ack, "seq")):
        with pytest.raises(FrozenInstanceError, match="seq"):
            change()
    assert ack == f.SendAck("a", 1, "ok") and not hasattr(ack, "__dict__")


def test_all_events_and_effects_are_facts():
    """So that none is left out of the above."""
    assert all("__dict__" not in dir(kind) and kind.__setattr__ is FACTS[0].__setattr__ for kind in FACTS)
