"""Feeders that the tests of energy.evhosting share."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

import pytest

from lamplighter.tasks.energy.evhosting.model import EvHosting
from lamplighter.tasks.energy.evhosting.prepare import prepare
from lamplighter.tasks.energy.evhosting.spec import Spec

FeederOf = Callable[..., dict[str, Any]]


@pytest.fixture
def feeder_of() -> FeederOf:
    """A random radial low-voltage feeder: ``feeder_of(seed, buses, transformer=False, stress=1.0, back=4)``.
    Each bus hangs on one of the last ``back``."""

    def make(seed: int, buses: int, transformer: bool = False, stress: float = 1.0, back: int = 4) -> dict[str, Any]:
        pick = random.Random(seed)
        first = 1 if transformer else 0
        lines = [{"from_bus": f"b{pick.randrange(max(first, i - back), i)}", "to_bus": f"b{i}",
                  "r_ohm": round(stress * pick.uniform(0.002, 0.03), 5),
                  "x_ohm": round(stress * pick.uniform(0.001, 0.01), 5), "limit_a": pick.choice([142.0, 270.0])}
                 for i in range(first + 1, buses)]
        loads = [{"bus": f"b{i}", "kw": round(pick.uniform(0.5, 4), 2), "kvar": round(pick.uniform(-0.5, 1.5), 2),
                  "cars": pick.randrange(3), "profile": pick.choice(["flat", "evening"])}
                 for i in range(first, buses)]
        loads[-1]["cars"] = 1
        feeder: dict[str, Any] = {
            "name": f"random {seed}", "nominal_kv": 0.4, "source_bus": "b0", "source_voltage_pu": 1.0,
            "buses": [{"name": f"b{i}"} for i in range(buses)], "lines": lines, "loads": loads,
            "profiles": {"flat": [1.0] * 96, "evening": [0.3 + 0.7 * (68 <= slot < 88) for slot in range(96)]}}
        if transformer:
            feeder["transformer"] = {"from_bus": "b0", "to_bus": "b1", "rated_kva": 160.0,
                                     "short_circuit_percent": 4.0, "resistive_percent": 1.4}
        return feeder

    return make


@pytest.fixture
def spec(feeder_of: FeederOf) -> Spec:
    """A feeder of ten buses behind a transformer that gives way somewhere between no car and all."""
    feeder = feeder_of(11, 10, transformer=True, stress=1.0)
    for load in feeder["loads"]:
        load["cars"] = 4
    return prepare(EvHosting(feeder=feeder, levels_percent=[100, 25, 50], scenarios_per_level=14,
                             policies=["on_arrival", "tariff_22"]))
