"""What a plan costs, and how far from the best it can be at the most.

The bound is Lagrangian duality: any price per quarter-hour of what is stored gives a cost that no plan can beat. The
prices are read off the plan itself, so the plan that is best proves it (complementary slackness; see any book on
linear programming, or Boyd and Vandenberghe, Convex Optimization, 5.5). Costs that bend the wrong way (a negative
price, or selling above buying) are replaced by their convex hulls: as if the battery could change its direction
within a quarter-hour, which makes the bound a little lower than what a plan can reach.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass

from lamplighter.tasks.energy.battery.spec import PRICE_STEPS, Spec, Store

NEAR = 1.01
"""A battery this many watt-quarters from full or empty counts as full or empty when prices are read off a plan."""
STEP = 2e-4 * 1e-6
"""Prices per Wh stored that differ by less, as a share of the highest price per MWh, count as one."""
MWH = 1e-6 / 4
"""MWh in a watt for a quarter-hour."""
Points = list[tuple[float, float]]
"""Corners of a slot's cost: (Wh stored in it, EUR), from left to right."""


@dataclass(frozen=True, slots=True)
class Bound:
    """``least_eur``: no plan costs less. ``gap_eur``: how much of the plan's cost that leaves open, counted on the
    hulls. ``prices``: EUR per Wh stored, for each quarter-hour."""

    least_eur: float
    gap_eur: float
    prices: tuple[float, ...]


def limits_w(store: Store, slot: int) -> tuple[int, int]:
    """Lowest and highest power of the battery: it never feeds more into the grid than is allowed."""
    return -min(store.discharge_w, max(0, store.export_w + store.net_w[slot])), store.charge_w


def slot_cost_eur(spec: Spec, store: Store, slot: int, watts: float) -> float:
    """Cost of a quarter-hour in which the battery takes ``watts``; what exceeds the export limit earns nothing."""
    grid = store.net_w[slot] + watts
    return MWH * (spec.buy[slot] * grid if grid > 0 else spec.sell[slot] * max(grid, -store.export_w))


def cost_eur(spec: Spec, store: Store, plan_w: Sequence[float]) -> float:
    """Cost of the day under a plan."""
    return sum(slot_cost_eur(spec, store, slot, watts) for slot, watts in enumerate(plan_w))


def is_feasible(store: Store, plan_w: Sequence[int]) -> bool:
    """Whether a plan keeps every limit, in the whole units of the devices."""
    units = store.held
    for slot, watts in enumerate(plan_w):
        low, high = limits_w(store, slot)
        units += watts * (store.add if watts >= 0 else store.take)
        if not (low <= watts <= high and 0 <= units <= store.full):
            return False
    return units >= store.end


def inside_wh(store: Store, watts: float) -> float:
    """Wh that a quarter-hour at this power adds inside the battery."""
    home = store.home
    return (watts * home.charge_efficiency_permille / 4000 if watts > 0
            else watts * 250 / home.discharge_efficiency_permille)


def hulls(spec: Spec, store: Store) -> list[Points]:
    """The cost of each slot by what is stored in it, as its lower convex hull; straight between the corners."""
    add, take = store.home.charge_efficiency_permille / 4000, 250 / store.home.discharge_efficiency_permille
    limit, least, high = store.export_w, store.discharge_w, store.charge_w
    out = []
    for net, buy, sell in zip(store.net_w, spec.buy, spec.sell, strict=True):
        low = -min(least, max(0, limit + net))
        points = []
        for watts in sorted({low, high, *(at for at in (0, -net, -net - limit) if low < at < high)}):
            grid = net + watts
            cost = buy * grid if grid > 0 else sell * grid if grid > -limit else -sell * limit
            points.append((watts * (add if watts > 0 else take), MWH * cost))
        out.append(points if 0 <= sell <= buy else hull(points))
    return out


def hull(points: Points) -> Points:
    """The lower convex hull of points sorted from left to right (Andrew's monotone chain)."""
    out: Points = []
    for x, y in points:
        while len(out) > 1 and ((out[-1][1] - out[-2][1]) * (x - out[-2][0])
                                >= (y - out[-2][1]) * (out[-1][0] - out[-2][0])):
            out.pop()
        out.append((x, y))
    return out


def _slopes(points: Points, x: float) -> tuple[float, float]:
    """Slopes left and right of ``x``, infinite beyond the ends; equal unless ``x`` is a corner."""
    left, right = -math.inf, math.inf
    for (x0, y0), (x1, y1) in itertools.pairwise(points):
        slope = (y1 - y0) / (x1 - x0)
        if x > x0 + 1e-7:
            left = slope
        if x < x1 - 1e-7:
            right = slope
            break
    return left, right


def _prices(spec: Spec, store: Store, shapes: Sequence[Points], plan_w: Sequence[int]) -> list[float]:
    """Prices at which the plan is right in every slot: they rise only where it is full, fall where it is empty."""
    stored, near = store.stored_wh(plan_w), NEAR * store.take * store.unit_wh
    top, bottom = store.top_wh - near, store.home.soc_min_wh + near
    step = STEP * max(map(abs, (*spec.buy, *spec.sell)))
    ranges = [_slopes(points, inside_wh(store, watts)) for points, watts in zip(shapes, plan_w, strict=True)]
    ranges.append((-math.inf if stored[-1] > top else 0.0,
                   0.0 if stored[-1] > bottom + store.end * store.unit_wh else math.inf))
    out: list[float] = []
    slots = spec.slots
    last, rises, begin = 0.0, False, 0
    while begin < slots:
        low, high, full, empty, end, before = -math.inf, math.inf, -1, -1, slots, (last, rises)
        for slot in range(begin, slots + 1):
            lowest, highest = ranges[slot]
            if lowest > high + step or highest < low - step:
                rises = lowest > high
                end = (full if rises else empty) + 1 or slot
                break
            low, high = max(low, lowest), min(high, highest)
            if slot < slots - 1:
                full = slot if stored[slot] > top else full
                empty = slot if stored[slot] < bottom else empty
        last = min(max(last, low), high)
        if begin and abs(last - before[0]) <= step:   # the wrong way by a rounding error costs all that is stored
            last = max(last, before[0]) if before[1] else min(last, before[0])
        out += [last] * (end - begin)
        begin = end
    return out


def bound(spec: Spec, store: Store, plan_w: Sequence[int], prices: Sequence[float] = ()) -> Bound:
    """How good the plan is. ``prices`` of another home's plan may stand in where this home has none worth reading."""
    home, shapes = store.home, hulls(spec, store)
    prices = prices or _prices(spec, store, shapes, plan_w)
    least = sum(min(y - price * x for x, y in points) for points, price in zip(shapes, prices, strict=True))
    low = high = home.soc_start_wh - home.soc_min_wh   # what can be stored at all by then
    least -= prices[0] * low
    for slot, points in enumerate(shapes):
        low = max(0.0 if slot < spec.slots - 1 else store.end * store.unit_wh, low + points[0][0])
        high = min(home.capacity_wh - home.soc_min_wh, high + points[-1][0])
        falls = prices[slot] - (prices[slot + 1] if slot < spec.slots - 1 else 0.0)
        least += min(falls * low, falls * high)
    gap = sum(_at(points, inside_wh(store, watts)) for points, watts in zip(shapes, plan_w, strict=True)) - least
    return Bound(least, gap, tuple(prices))


def rounding_eur(spec: Spec, store: Store) -> float:
    """What rounding costs at the most: about a watt for every quarter-hour, at the widest spread of prices, and half
    a step of price on full power all day."""
    highest, lowest = max(*spec.buy, *spec.sell), min(*spec.buy, *spec.sell)
    watts = store.charge_w + store.discharge_w
    return spec.slots * MWH * (highest - lowest + watts * max(highest, -lowest) / (2 * PRICE_STEPS)) + 1e-4


def _at(points: Points, x: float) -> float:
    for (x0, y0), (x1, y1) in itertools.pairwise(points):
        if x <= x1:
            return y0 + (y1 - y0) * (x - x0) / (x1 - x0)
    return points[-1][1]
