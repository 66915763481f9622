"""The honest difference: the value of stored energy as a convex function, slot by slot backwards, in floats.

Bellman's equation with piecewise linear convex costs: the value before a slot is the infimal convolution of the value
after it with the slot's cost, which merges their pieces by slope (Rockafellar, Convex Analysis, section 5). It knows
nothing of watts, units, prices of storage or the kernel's search. Where prices are negative or selling earns more
than buying costs, the slot's cost is replaced by its convex hull, and the optimum is a bound.
"""

from __future__ import annotations

import heapq
import itertools
import time
from typing import Any

from lamplighter.tasks.api import Result
from lamplighter.tasks.energy.battery.method.worth import Points, hull, inside_wh
from lamplighter.tasks.energy.battery.spec import Spec, Store

SECONDS = 8
BAR_SHARE = 0.99
BAR_EUR = 0.05
SLACK_WH = 0.3
"""A watt for a quarter-hour, inside the battery: what rounding to watts may leave open at the end."""
Pieces = list[tuple[float, float]]
"""(EUR per Wh, Wh), from cheap to dear."""


def reference(spec: Spec, result: Result) -> dict[str, Any]:
    """Compares as many homes as fit in a few seconds. ``ok``: no plan breaks a limit, no bound is above the best, and
    what the plans save is at least 99 % of the best and within 0.05 EUR a home, or the costs are not convex."""
    began = time.monotonic()
    by_id = {home["id"]: home for home in result.data["homes"]}
    idle = cost = best = worst = 0.0
    homes, broken, false_bounds = 0, 0, 0
    bent = any(price < 0 for price in spec.sell) or any(b < s for b, s in zip(spec.buy, spec.sell, strict=True))
    for store in spec.stores:
        if time.monotonic() - began > SECONDS or store.home.id not in by_id:
            continue
        given = by_id[store.home.id]
        least, mine = optimum_eur(spec, store), cost_eur(spec, store, given["plan_w"])
        homes += 1
        broken += not keeps_limits(store, given["plan_w"])
        false_bounds += given["cost_eur"] - given["gap_at_most_eur"] > least + 1e-3
        idle, cost, best = idle + cost_eur(spec, store, [0] * spec.slots), cost + mine, best + least
        worst = max(worst, mine - least)
    share = (idle - cost) / (idle - best) if idle - best > 1e-3 else 1.0
    near = bent or ((share >= BAR_SHARE or cost - best < 1e-3 * homes) and worst <= BAR_EUR)
    note = " (a relaxation here: prices are negative or selling earns more than buying costs)" if bent else ""
    text = (f"An independent optimum in floats{note} for {homes} homes: {idle:.3f} EUR with idle batteries, "
            f"{best:.3f} EUR at best, {cost:.3f} EUR with the plans, which is {100 * share:.2f} % of the saving; at "
            f"most {worst:.4f} EUR short for one home; {broken} plans break limits, {false_bounds} bounds are wrong.")
    return {"ok": near and not broken and not false_bounds, "text": text, "homes": homes, "idle_eur": idle,
            "best_eur": best, "cost_eur": cost, "share_of_saving": share, "worst_eur": worst, "broken": broken,
            "false_bounds": false_bounds}


def _slot_eur(spec: Spec, store: Store, slot: int, watts: float) -> float:
    net, limit = store.net_w[slot] + watts, store.home.export_limit_w
    if net >= 0:
        return net / 4 * spec.buy[slot] / 1e6
    return (net if limit is None else max(net, -float(int(limit)))) / 4 * spec.sell[slot] / 1e6


def cost_eur(spec: Spec, store: Store, plan_w: list[int]) -> float:
    """Cost of a plan, simulated anew."""
    return sum(_slot_eur(spec, store, slot, watts) for slot, watts in enumerate(plan_w))


def keeps_limits(store: Store, plan_w: list[int]) -> bool:
    """Whether a plan keeps the battery's limits, simulated anew with its efficiencies as they were given."""
    home = store.home
    stored = home.soc_start_wh
    for slot, watts in enumerate(plan_w):
        stored += inside_wh(store, watts)
        feed = -store.net_w[slot] - watts if watts < 0 else 0
        if not (home.soc_min_wh - 1e-3 <= stored <= home.capacity_wh + 1e-3
                and -store.discharge_w <= watts <= store.charge_w and feed <= store.export_w):
            return False
    return stored >= home.wanted_wh - SLACK_WH


def _cost_points(spec: Spec, store: Store, slot: int) -> Points:
    """The hull of a slot's cost by what is stored, sampled at every watt where it can bend."""
    net, limit = store.net_w[slot], store.export_w
    low, high = max(-store.discharge_w, min(0, -net - limit)), store.charge_w
    bends = {min(high, max(low, watts)) for watts in (low, high, 0, -net, -net - limit)}
    return hull([(inside_wh(store, watts), _slot_eur(spec, store, slot, watts)) for watts in sorted(bends)])


def optimum_eur(spec: Spec, store: Store) -> float:
    """The least cost of the day by the linear programme, in EUR."""
    home = store.home
    room, wanted = home.capacity_wh - home.soc_min_wh, home.wanted_wh - home.soc_min_wh
    begin, value = max(0.0, min(wanted, room - SLACK_WH)), 0.0   # the value function starts here with this cost
    pieces: Pieces = [(0.0, room - begin)]
    for slot in reversed(range(spec.slots)):
        points = _cost_points(spec, store, slot)
        turned = [((y0 - y1) / (x1 - x0), x1 - x0) for (x0, y0), (x1, y1) in itertools.pairwise(points)]
        begin, value = begin - points[-1][0], value + points[-1][1]
        merged: Pieces = []
        for slope, length in heapq.merge(pieces, reversed(turned)):
            if begin < 0:   # below empty
                cut = min(-begin, length)
                begin, value, length = begin + cut, value + slope * cut, length - cut
            length = min(length, room - begin - sum(one[1] for one in merged))
            if length > 0:
                merged.append((slope, length))
        pieces = merged
    left = home.soc_start_wh - home.soc_min_wh - begin
    for slope, length in pieces:
        value += slope * min(length, max(0.0, left))
        left -= length
    return value
