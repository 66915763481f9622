"""The table from effect to carrier: complete, or nothing starts."""

from typing import get_args

import pytest

from lamplighter.gateway.core import effects as f
from lamplighter.gateway.runtime.carriers import Carriers


def table(**changed):
    """A carrier that writes down its effect for each kind there is."""
    return {kind: changed.get(kind.__name__, lambda effect: None) for kind in get_args(f.Outward)}


def test_effects_are_carried_out_in_their_order_and_then_sent():
    """Each goes to the carrier of its kind; what carriers put together leaves at the end, once."""
    did = []
    carriers = Carriers(table(StopSolver=did.append, PublishResult=did.append), lambda: did.append("flush"))
    effects = [f.StopSolver("a"), f.PublishResult("a", b""), f.StopSolver("b")]
    carriers.release(effects)
    assert did == [*effects, "flush"]


def test_an_effect_without_a_carrier_is_refused_before_anything_happens():
    """One that nobody carries out would be lost in silence: the error names it."""
    lacking = table()
    del lacking[f.SealEpoch]
    with pytest.raises(TypeError, match="SealEpoch"):
        Carriers(lacking, lambda: None)


def test_a_carrier_of_no_effect_is_refused():
    """Durable effects have no carrier, and what is gone from the core leaves no carrier behind."""
    with pytest.raises(TypeError, match="KeepEpoch"):
        Carriers({**table(), f.KeepEpoch: lambda effect: None}, lambda: None)
