"""What a plan costs, and how far from the best it can be at the most.

The bound is Lagrangian duality: any price per quarter-hour of what is stored gives a cost that no plan can beat. The
prices are read off the plan itself, so the plan that is best proves it (complementary slackness; see any book on
linear programming, or Boyd and Vandenberghe, Convex Optimization, 5.5). Costs that bend the wrong way (a negative
price, or selling above buying) are replaced by their convex hulls, so the bound is that of the linear programme.
"""

from __future__ import annotations

import itertools
import math
from array import array
from collections.abc import Sequence
from dataclasses import dataclass

from tasks.energy.battery.model import SLOTS
from tasks.energy.battery.spec import PRICE_STEPS, Spec, Store

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


def plan_of(answer: bytes) -> array[int]:
    """The plan in W that a device answered."""
    return array("h", answer)


def inside_wh(store: Store, watts: float) -> float:
    """Wh that a quarter-hour at this power adds inside the battery."""
    home = store.home
    return (watts * home.charge_efficiency_permille / 4000 if watts > 0
            else watts * 250 / home.discharge_efficiency_permille)


def corners(spec: Spec, store: Store, slot: int) -> Points:
    """The slot's cost by what is stored in it, as it is; it is straight between the corners."""
    low, high = limits_w(store, slot)
    net = store.net_w[slot]
    bends = {low, high, *(watts for watts in (0, -net, -net - store.export_w) if low < watts < high)}
    return [(inside_wh(store, watts), slot_cost_eur(spec, store, slot, watts)) for watts in sorted(bends)]


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


def _prices(store: Store, ranges: Sequence[tuple[float, float]], stored: Sequence[float], step: float) -> list[float]:
    """Prices within ``ranges``, give or take a ``step``, that change only at full (upwards) or empty (downwards)."""
    home, out, last, near = store.home, [], 0.0, NEAR * store.take * store.unit_wh
    begin = 0
    while begin < SLOTS:
        low, high, full, empty, end = -math.inf, math.inf, -1, -1, SLOTS
        for slot in range(begin, SLOTS + 1):
            lowest, highest = ranges[slot]
            if lowest > high + step or highest < low - step:
                end = (full if lowest > high + step else empty) + 1 or slot
                break
            low, high = max(low, lowest), min(high, highest)
            if slot < SLOTS - 1:
                full = slot if stored[slot] > home.capacity_wh - near else full
                empty = slot if stored[slot] < home.soc_min_wh + near else empty
        last = min(max(last, low), high)
        out += [last] * (end - begin)
        begin = end
    return out


def bound(spec: Spec, store: Store, plan_w: Sequence[int], prices: Sequence[float] = ()) -> Bound:
    """How good the plan is. ``prices`` of another home's plan may stand in where this home has none worth reading."""
    home = store.home
    hulls = [hull(corners(spec, store, slot)) for slot in range(SLOTS)]
    inside = [inside_wh(store, watts) for watts in plan_w]
    room, wanted = home.capacity_wh - home.soc_min_wh, store.end * store.unit_wh
    if not prices:
        stored, near = store.stored_wh(plan_w), NEAR * store.take * store.unit_wh
        ranges = [_slopes(points, x) for points, x in zip(hulls, inside, strict=True)]
        ranges.append((-math.inf if stored[-1] > home.capacity_wh - near else 0.0,
                       0.0 if stored[-1] > home.soc_min_wh + wanted + near else math.inf))
        prices = _prices(store, ranges, stored, STEP * max(map(abs, (*spec.buy, *spec.sell))))
    least = sum(min(y - price * x for x, y in points) for points, price in zip(hulls, prices, strict=True))
    least += sum(min(0.0, room * (one - other)) for one, other in itertools.pairwise(prices))
    least += min(prices[-1] * wanted, prices[-1] * room)
    least -= prices[0] * (home.soc_start_wh - home.soc_min_wh)
    gap = sum(_at(points, x) for points, x in zip(hulls, inside, strict=True)) - least
    return Bound(least, gap, tuple(prices))


def rounding_eur(spec: Spec, store: Store) -> float:
    """What rounding costs at the most: about a watt for every quarter-hour, at the widest spread of prices, and half
    a step of price on full power all day."""
    highest, lowest = max(*spec.buy, *spec.sell), min(*spec.buy, *spec.sell)
    watts = store.charge_w + store.discharge_w
    return SLOTS * MWH * (highest - lowest + watts * max(highest, -lowest) / (2 * PRICE_STEPS)) + 1e-4


def _at(points: Points, x: float) -> float:
    for (x0, y0), (x1, y1) in itertools.pairwise(points):
        if x <= x1:
            return y0 + (y1 - y0) * (x - x0) / (x1 - x0)
    return points[-1][1]
