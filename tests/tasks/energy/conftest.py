"""Feeders and homes that the tests of the energy kinds share."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

import pytest

FeederOf = Callable[..., dict[str, Any]]


@pytest.fixture
def feeder_of() -> FeederOf:
    """A random radial low-voltage feeder: ``feeder_of(seed, buses, transformer=False, stress=1.0)``."""

    def make(seed: int, buses: int, transformer: bool = False, stress: float = 1.0) -> dict[str, Any]:
        pick = random.Random(seed)
        first = 1 if transformer else 0
        lines = [{"from_bus": f"b{pick.randrange(max(first, i - 4), i)}", "to_bus": f"b{i}",
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


HomesOf = Callable[..., dict[str, Any]]


@pytest.fixture
def homes_of() -> HomesOf:
    """A random day of homes with batteries: ``homes_of(seed, homes=1, manner="ordinary", **fields of each home)``.

    Manners: ordinary, negative (prices), flat, feed_in (selling earns more), wild (all of it, at the extremes).
    """

    def make(seed: int, homes: int = 1, manner: str = "ordinary", **fields: Any) -> dict[str, Any]:
        pick = random.Random(seed)
        slots = 96 if manner == "wild" else 24
        shift = {"negative": -200, "wild": pick.choice((-9000, -300, 0))}.get(manner, 50)
        buy = [round(pick.uniform(0, 18_000 if shift == -9000 else 350) + shift, 2) for _ in range(slots)]
        if manner == "flat":
            buy = [pick.choice((-80.0, 0.0, 230.0))] * slots
        sell = [round(price - pick.choice((0, 100)), 2) for price in buy]
        if manner in ("feed_in", "wild") and pick.random() < 0.7:
            sell = [round(pick.uniform(-100, 600), 2) for _ in buy]
        made = []
        for number in range(homes):
            wild = manner == "wild"
            capacity = pick.choice((1, 100, 13_500, 200_000)) if wild else pick.choice((5_000, 10_000, 13_500))
            power = pick.choice((0, 1, 30_000)) if wild else pick.choice((2_500, 3_680, 5_000))
            spread = pick.choice((0, 30_000)) if wild else 1500
            made.append({
                "id": f"home {number}", "capacity_wh": capacity, "charge_w": power,
                "net_load_w": [max(-30_000, min(30_000, round(pick.gauss(200, spread)))) for _ in range(96)],
                "discharge_w": pick.choice((power, 2_000)) if wild else power,
                "charge_efficiency_permille": pick.randrange(500, 1001) if wild else pick.randrange(900, 1001),
                "discharge_efficiency_permille": pick.choice((500, 1000)) if wild else pick.randrange(900, 1001),
                "soc_start_wh": capacity * pick.choice((0, 0.5, 1)), "soc_end_wh": capacity * pick.choice((0, 0.25)),
                "export_limit_w": pick.choice((None, 0, 2_000)), **fields})
        return {"prices": {"buy_eur_per_mwh": buy, "sell_eur_per_mwh": sell}, "homes": made}

    return make
