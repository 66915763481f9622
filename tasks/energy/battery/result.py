"""The answer in data and in words: plans, costs, and what they are worth."""

from __future__ import annotations

from array import array
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from lamplighter.tasks.api import Result
from lamplighter.tasks.energy.battery.method import worth
from lamplighter.tasks.energy.battery.spec import Spec


@dataclass
class Street:
    """What is known so far: plans by place of the home, and the mean price of what is stored, for those without."""

    plans: dict[int, array[int]] = field(default_factory=dict)
    bounds: dict[int, worth.Bound] = field(default_factory=dict)


def assemble(spec: Spec, street: Street) -> Result:
    """The plans that there are and, where a deadline left homes without one, what those cost."""
    homes = [_home(spec, street, place) for place in sorted(street.plans)]
    missing = [place for place in range(len(spec.stores)) if place not in street.plans]
    data = {"kind": "energy.battery", "day": spec.asked.day, "buy_eur_per_mwh": _short(spec.buy),
            "sell_eur_per_mwh": _short(spec.sell), "homes_planned": len(homes), "jobs_missing": len(missing),
            **_totals(homes), "street": _street(spec, street), "homes": homes,
            "homes_without_plan": _unplanned(spec, street, missing), "picture": _picture(spec, homes, street),
            "method": "marginal price of storage between full and empty, exact to the watt; costs are for the load "
                      "and prices given: nothing is said of how good these forecasts are",
            "notes": list(spec.notes)}
    return Result(_summary(data), data, _partial(data))


def _home(spec: Spec, street: Street, place: int) -> dict[str, Any]:
    store, plan = spec.stores[place], street.plans[place]
    idle, cost = worth.cost_eur(spec, store, [0] * spec.slots), worth.cost_eur(spec, store, plan)
    stored = store.stored_wh(plan)
    low = street.bounds[place].least_eur if place in street.bounds else cost
    home = store.home
    return {"id": home.id, "cost_without_eur": round(idle, 4), "cost_eur": round(cost, 4),
            "saving_eur": round(idle - cost, 4), "gap_at_most_eur": round(max(0.0, cost - low), 4),
            "stored_at_end_wh": round(stored[-1], 1),
            "capacity_wh": home.capacity_wh, "soc_start_wh": home.soc_start_wh,
            "efficiency_permille": [home.charge_efficiency_permille, home.discharge_efficiency_permille],
            "plan_w": plan.tolist()}


def _totals(homes: Sequence[dict[str, Any]]) -> dict[str, float]:
    return {f"total_{name}": round(sum(home[name] for home in homes), 4) for name in (
        "cost_without_eur", "cost_eur", "saving_eur", "gap_at_most_eur")}


def _street(spec: Spec, street: Street) -> dict[str, Any]:
    """Sums over all homes with a plan, per quarter-hour."""
    load, battery, stored = [0] * spec.slots, [0] * spec.slots, [0.0] * spec.slots
    for place, plan in street.plans.items():
        store = spec.stores[place]
        for slot, (wh, net, watts) in enumerate(zip(store.stored_wh(plan), store.net_w, plan, strict=True)):
            load[slot] += net
            battery[slot] += watts
            stored[slot] += wh
    return {"net_load_w": load, "battery_w": battery, "stored_wh": [round(wh, 1) for wh in stored],
            "stored_at_start_wh": sum(spec.stores[place].home.soc_start_wh for place in street.plans),
            "capacity_wh": sum(spec.stores[place].home.capacity_wh for place in street.plans)}


def _picture(spec: Spec, homes: Sequence[dict[str, Any]], street: Street) -> dict[str, Any]:
    """The home that saves most, as an example."""
    order = sorted(street.plans)
    best = max(range(len(homes)), key=lambda place: (homes[place]["saving_eur"], -place))
    store, plan = spec.stores[order[best]], street.plans[order[best]]
    return {"id": store.home.id, "saving_eur": homes[best]["saving_eur"], "net_load_w": store.net_w.tolist(),
            "battery_w": plan.tolist(), "stored_wh": [round(wh, 1) for wh in store.stored_wh(plan)],
            "stored_at_start_wh": store.home.soc_start_wh, "capacity_wh": store.home.capacity_wh}


def _unplanned(spec: Spec, street: Street, missing: Sequence[int]) -> list[dict[str, Any]]:
    """Homes that the deadline left without a plan: cost with an idle battery, and what no plan can beat."""
    if not missing:
        return []
    known = [bound.prices for bound in street.bounds.values()]
    prices = [sum(column) / len(known) for column in zip(*known, strict=True)]
    idle = [0] * spec.slots
    out = []
    for place in missing:
        store = spec.stores[place]
        cost = worth.cost_eur(spec, store, idle)
        least = worth.bound(spec, store, idle, prices).least_eur
        out.append({"id": store.home.id, "cost_without_eur": round(cost, 4), "cost_at_least_eur": round(least, 4)})
    return out


def _short(prices: Sequence[float]) -> list[float]:
    return [round(price, 4) for price in prices]


def _partial(data: dict[str, Any]) -> str:
    if not data["jobs_missing"]:
        return ""
    missing = data["homes_without_plan"]
    names = ", ".join(home["id"] for home in missing[:10]) + (", ..." if len(missing) > 10 else "")
    idle = sum(home["cost_without_eur"] for home in missing)
    least = sum(home["cost_at_least_eur"] for home in missing)
    return (f"{len(missing)} of {len(missing) + data['homes_planned']} homes have no plan ({names}): with idle "
            f"batteries they cost {idle:.2f} EUR, and no plan could bring that below {least:.2f} EUR.")


def _summary(data: dict[str, Any]) -> str:
    homes = data["homes_planned"]
    base, cost, saving = data["total_cost_without_eur"], data["total_cost_eur"], data["total_saving_eur"]
    gap = data["total_gap_at_most_eur"]
    many = f"{homes} homes" if homes != 1 else "The home"
    share = f" ({100 * saving / base:.0f} %)" if base > saving > 0 else ""
    verb = "saves" if saving >= 0 else "loses"
    when = "Tomorrow" if data["day"] == "tomorrow" else f"On {data['day']}"
    return (f"{when} the batteries of {many} bring the cost from {base:.2f} to {cost:.2f} EUR: the plan "
            f"{verb} {abs(saving):.2f} EUR{share}. No plan could save more than {gap:.2f} EUR beyond that, for the "
            "loads and prices given.")
