"""Homes that the tests of energy.battery share."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

import pytest

HomesOf = Callable[..., dict[str, Any]]


@pytest.fixture
def homes_of() -> HomesOf:
    """A random day of homes with batteries: ``homes_of(seed, homes=1, manner="ordinary", hours=24, **fields)``,
    these of each home.

    Manners: ordinary, negative (prices), flat, feed_in (selling earns more), wild (all of it, at the extremes).
    """

    def make(seed: int, homes: int = 1, manner: str = "ordinary", hours: int = 24, **fields: Any) -> dict[str, Any]:
        pick = random.Random(seed)
        slots = 4 * hours if manner == "wild" else hours
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
                "net_load_w": [max(-30_000, min(30_000, round(pick.gauss(200, spread)))) for _ in range(4 * hours)],
                "discharge_w": pick.choice((power, 2_000)) if wild else power,
                "charge_efficiency_permille": pick.randrange(500, 1001) if wild else pick.randrange(900, 1001),
                "discharge_efficiency_permille": pick.choice((500, 1000)) if wild else pick.randrange(900, 1001),
                "soc_start_wh": capacity * pick.choice((0, 0.5, 1)), "soc_end_wh": capacity * pick.choice((0, 0.25)),
                "export_limit_w": pick.choice((None, 0, 2_000)), **fields})
        return {"prices": {"buy_eur_per_mwh": buy, "sell_eur_per_mwh": sell}, "homes": made}

    return make
