"""The independent optimum is right by itself, and tells a true plan from a false one."""

from __future__ import annotations

import copy

import pytest

from lamplighter.tasks.api import Result
from lamplighter.tasks.energy.battery import KIND
from lamplighter.tasks.energy.battery.model import Batteries
from lamplighter.tasks.energy.battery.prepare import prepare
from lamplighter.tasks.energy.battery.reference import optimum_eur
from lamplighter.tasks.local import run_local


def test_optimum_by_hand(homes_of) -> None:
    """A full battery of 8 kWh, 2 kW, no losses: given at 300 in the dearest hours as far as the load goes."""
    given = homes_of(1, capacity_wh=8_000, charge_w=2_000, discharge_w=None, soc_start_wh=8_000, soc_end_wh=0,
                     net_load_w=[1_000] * 96, charge_efficiency_permille=1000, discharge_efficiency_permille=1000,
                     export_limit_w=0)
    given["prices"] = {"buy_eur_per_mwh": [100.0] * 18 + [300.0] * 6}
    spec = prepare(Batteries(**given))
    assert optimum_eur(spec, spec.stores[0]) == pytest.approx(18 * 0.1 - 2 * 0.1)
    given["homes"][0]["soc_end_wh"] = 8_000   # 6 kWh at 300 come back in full at 100, before
    spec = prepare(Batteries(**given))
    assert optimum_eur(spec, spec.stores[0]) == pytest.approx(18 * 0.1 + 6 * 0.3, abs=1e-3)


@pytest.mark.parametrize("hours", [23, 24, 25])
@pytest.mark.parametrize("manner", ["ordinary", "negative", "flat", "feed_in"])
def test_plans_agree_with_the_optimum(homes_of, manner: str, hours: int) -> None:
    """On ten homes of each manner and day no limit is broken, no bound wrong; convex ones reach the best."""
    spec = prepare(Batteries(**homes_of(4, homes=10, manner=manner, hours=hours)))
    report = KIND.reference(spec, run_local(KIND, spec))
    assert report["ok"], report["text"]
    assert report["homes"] == 10
    if manner == "ordinary":
        given = copy.deepcopy(spec.asked.model_dump())
        given["prices"]["sell_eur_per_mwh"] = [min(20.0, price) for price in given["prices"]["buy_eur_per_mwh"]]
        spec = prepare(Batteries(**given))
        report = KIND.reference(spec, run_local(KIND, spec))
        assert report["share_of_saving"] > 0.9995 and report["worst_eur"] < 0.002


def test_a_false_plan_is_found(homes_of) -> None:
    """A plan that empties an empty battery, a lazy one, and a bound that promises too much do not pass."""
    given = homes_of(5, homes=3, capacity_wh=10_000, soc_start_wh=0, soc_end_wh=0)
    given["prices"]["sell_eur_per_mwh"] = [20.0] * 24
    spec = prepare(Batteries(**given))
    true = run_local(KIND, spec)
    assert KIND.reference(spec, true)["ok"]
    for change in ({"plan_w": [-100] * 96}, {"plan_w": [0] * 96},
                   {"cost_eur": 99.0, "gap_at_most_eur": 0}):
        forged = copy.deepcopy(true.data)
        forged["homes"][1] |= change
        assert not KIND.reference(spec, Result("", forged))["ok"], change
