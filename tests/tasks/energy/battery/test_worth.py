"""Costs of plans, and bounds that no plan can beat."""

from __future__ import annotations

import random

import pytest

from lamplighter.tasks.energy.battery import KIND
from lamplighter.tasks.energy.battery.jobs import job, plan_of
from lamplighter.tasks.energy.battery.method.worth import bound, cost_eur, hull, is_feasible, limits_w, rounding_eur
from lamplighter.tasks.energy.battery.model import Batteries
from lamplighter.tasks.energy.battery.prepare import prepare
from lamplighter.tasks.energy.battery.reference import optimum_eur
from lamplighter.tasks.energy.battery.spec import Spec
from lamplighter.tasks.local import run_job


def planned(given) -> tuple[Spec, list[int]]:
    spec = prepare(Batteries(**given))
    return spec, plan_of(run_job(KIND, job(spec, spec.stores[0]))).tolist()


def test_hull_leaves_out_what_lies_above() -> None:
    """A dent is bridged, a corner below the chord stays."""
    assert hull([(0, 0), (1, 3), (2, 2), (3, 1.5)]) == [(0, 0), (3, 1.5)]
    assert hull([(0, 2), (1, 0), (2, 1), (4, 9)]) == [(0, 2), (1, 0), (2, 1), (4, 9)]


@pytest.mark.parametrize("seed", range(12))
def test_no_plan_beats_the_bound(homes_of, seed: int) -> None:
    """Random feasible plans cost at least the bound that is read off the best plan, and off an idle one."""
    spec, best = planned(homes_of(seed, manner=("ordinary", "negative", "feed_in")[seed % 3], soc_end_wh=0))
    store, pick = spec.stores[0], random.Random(seed)
    least = [bound(spec, store, best).least_eur, bound(spec, store, [0] * 96).least_eur,
             bound(spec, store, best, [0.0001] * 96).least_eur]
    assert cost_eur(spec, store, best) >= max(least) - 1e-6
    for _ in range(20):
        plan: list[int] = []
        units = store.held
        for slot in range(96):
            low, high = limits_w(store, slot)
            watts = pick.randint(max(low, -(units // store.take)), min(high, (store.full - units) // store.add))
            units += watts * (store.add if watts >= 0 else store.take)
            plan.append(watts)
        assert is_feasible(store, plan)
        assert cost_eur(spec, store, plan) >= max(least) - 1e-6


@pytest.mark.parametrize("seed", range(20))
def test_the_bound_is_the_optimum(homes_of, seed: int) -> None:
    """Duality leaves no gap: the bound read off the plan is the linear programme's optimum, to rounding."""
    spec, plan = planned(homes_of(seed, manner=("ordinary", "negative", "flat", "feed_in")[seed % 4]))
    store = spec.stores[0]
    found = bound(spec, store, plan)
    assert found.gap_eur <= 2 * rounding_eur(spec, store)
    assert found.least_eur == pytest.approx(optimum_eur(spec, store), abs=3 * rounding_eur(spec, store))


def test_two_slots_by_hand(homes_of) -> None:
    """Charge 1 kWh at 50, give it back at 250, everything else at 100 and no load: 950 Wh in, 902.5 Wh out."""
    prices = [100.0] * 96
    prices[10], prices[50] = 50.0, 250.0
    given = homes_of(1, capacity_wh=10_000, charge_w=4_000, discharge_w=None, soc_start_wh=0, soc_end_wh=0,
                     net_load_w=[0] * 96, charge_efficiency_permille=950, discharge_efficiency_permille=950,
                     export_limit_w=None)
    given["prices"] = {"buy_eur_per_mwh": prices}
    spec, plan = planned(given)
    assert plan[10] == 4000 and plan[50] == -4000
    # 1000 Wh in at 50 and the rest of what the second slot takes at 100: 1052.6 Wh inside, of which 950 came first
    assert sum(plan[:50]) == pytest.approx(4000 + (1000 / 0.95 - 950) / 0.95 * 4, abs=2)
    assert cost_eur(spec, spec.stores[0], plan) == pytest.approx(
        0.05 + 0.1 * (1000 / 0.95 - 950) / 0.95 / 1000 - 0.25, abs=1e-4)


def test_what_breaks_a_limit_is_not_feasible(homes_of) -> None:
    """Each limit for itself: power in, out and to the grid, empty, full, end."""
    spec = prepare(Batteries(**homes_of(
        1, capacity_wh=1_000, charge_w=2_000, discharge_w=1_000, soc_start_wh=500, soc_end_wh=500,
        export_limit_w=300, net_load_w=[200] * 96, charge_efficiency_permille=1000,
        discharge_efficiency_permille=1000)))
    store, idle = spec.stores[0], [0] * 96
    assert is_feasible(store, idle) and is_feasible(store, [400, -400, *idle[2:]])
    for start in ([2001, -1000, -1000], [-501, 501], [-500] * 4 + [-100, 600, 600, 600, 600],
                  [1000, 1000, 1000, -250, -250, -250], [-4]):
        assert not is_feasible(store, [*start, *idle[len(start):]]), start
