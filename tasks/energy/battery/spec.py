"""Validated input -> what devices get: storage in whole units, prices in whole steps."""

from __future__ import annotations

import struct
from array import array
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

from lamplighter.tasks.api import Context, TaskError
from lamplighter.tasks.energy.battery.method.read import clock, net_loads
from lamplighter.tasks.energy.battery.model import HOURS, POWER_MAX_W, SLOTS, Batteries, Home

UNITS_MAX = 32_767
"""Units of storage that one watt takes in a quarter-hour, at most; the kernel's products rely on it."""
SLOT_MAX = 1 << 28
"""Units that full power both ways takes in a quarter-hour, at most; likewise."""
CAPACITY_MAX = (1 << 29) - 1
PRICE_STEPS = 16_383
BIAS = 32_768


@dataclass(frozen=True, slots=True)
class Store:
    """A battery in units: what 1 W for a quarter-hour adds and takes, W in and out and to the grid at most, units
    held at most (``full``), at first (``held``) and at the end at least (``end``), all above ``soc_min_wh``."""

    home: Home
    net_w: array[int]
    add: int
    take: int
    charge_w: int
    discharge_w: int
    export_w: int
    full: int
    held: int
    end: int

    @property
    def unit_wh(self) -> float:
        """Wh inside the battery per unit."""
        return 250 / (self.home.discharge_efficiency_permille * self.take)

    @property
    def top_wh(self) -> float:
        """Wh stored at ``full`` units, which lies a little below the capacity."""
        return self.home.soc_min_wh + self.full * self.unit_wh

    @property
    def idle(self) -> bool:
        """Whether there is nothing to plan: no battery, or none that takes or gives a watt."""
        return self.full < self.take or self.charge_w + self.discharge_w == 0

    def stored_wh(self, plan_w: Sequence[int]) -> list[float]:
        """Wh stored at the end of each quarter-hour under a plan."""
        units, out, low, each = self.held, [], self.home.soc_min_wh, self.unit_wh
        for watts in plan_w:
            units += watts * (self.add if watts >= 0 else self.take)
            out.append(low + units * each)
        return out


@dataclass(frozen=True, slots=True)
class Spec:
    """A prepared task: prices of 96 quarter-hours in EUR/MWh, the same as devices get them, and the batteries."""

    asked: Batteries
    buy: tuple[float, ...]
    sell: tuple[float, ...]
    context: Context
    stores: tuple[Store, ...]
    by_input: dict[bytes, Store]
    """The batteries that need a job, by its input; equal inputs are equal batteries."""


def prepare(asked: Batteries) -> Spec:
    """Checks what must hold across fields and packs it. Raises TaskError: end_unreachable, missing_reading and
    those of ``read.net_loads``."""
    buy = _quarters(asked.prices.buy_eur_per_mwh)
    sell = buy if asked.prices.sell_eur_per_mwh is None else _quarters(asked.prices.sell_eur_per_mwh)
    step = max(map(abs, (*buy, *sell))) / PRICE_STEPS or 1.0
    context = Context(struct.pack(f"<{2 * SLOTS}H", *(round(price / step) + BIAS for price in (*buy, *sell))))
    without = [home.id for home in asked.homes if home.net_load_w is None and home.load_w is None]
    read = net_loads(asked.senml, without)
    stores = tuple(_store(home, place, _net(home, read)) for place, home in enumerate(asked.homes))
    return Spec(asked, buy, sell, context, stores, {pack(store): store for store in stores if not store.idle})


def pack(store: Store) -> bytes:
    """The input of one job, as the kernel's ``load`` reads it."""
    return struct.pack("<5H3I", store.add, store.take, store.charge_w, store.discharge_w, store.export_w, store.full,
                       store.held, store.end) + struct.pack(f"<{SLOTS}H", *(watts + BIAS for watts in store.net_w))


def _quarters(prices: Sequence[float]) -> tuple[float, ...]:
    times = SLOTS // len(prices)
    return tuple(price for price in prices for _ in range(times)) if len(prices) == HOURS else tuple(prices)


def _net(home: Home, read: dict[str, list[float]]) -> list[float]:
    if home.net_load_w is not None:
        return home.net_load_w
    if home.load_w is None:
        return read[home.id]
    return [load - pv for load, pv in zip(home.load_w, home.pv_w or [0.0] * SLOTS, strict=True)]


def _ratio(share: Fraction, most: int) -> tuple[int, int]:
    """Whole units that a watt adds and takes: the largest fraction up to ``share`` whose parts are at most ``most``
    (its lower neighbour in the Farey sequence, by continued fractions), times what fits."""
    p, q, lower, last = 1, 0, 0, 1   # neighbours p/q and lower/last; share lies between
    n, d = share.numerator, share.denominator
    while d and last + n // d * q <= most:
        p, q, lower, last = lower + n // d * p, last + n // d * q, p, q
        n, d = d, n % d
    if d:
        times = (most - last) // q
        lower, last = lower + times * p, last + times * q
        if Fraction(lower, last) > share:
            lower, last = p, q
    else:
        lower, last = p, q
    return lower * (most // last), last * (most // last)


def _store(home: Home, place: int, net: Sequence[float]) -> Store:
    room, give = home.capacity_wh - home.soc_min_wh, home.discharge_efficiency_permille
    discharge = int(home.charge_w if home.discharge_w is None else home.discharge_w)
    most = min(UNITS_MAX, SLOT_MAX // max(1, int(home.charge_w) + discharge),
               int(CAPACITY_MAX * 250 / (max(1.0, room) * give)))
    add, take = _ratio(Fraction(home.charge_efficiency_permille * give, 1_000_000), most)
    units = give * take / 250   # per Wh
    more = home.charge_efficiency_permille * give * take / 1e6 - add   # what a watt adds in truth, beyond ``add``
    full = max(0, int(room * units - SLOTS * int(home.charge_w) * more))
    end = max(0, min(int((home.wanted_wh - home.soc_min_wh) * units), full - take))
    limit = POWER_MAX_W if home.export_limit_w is None else home.export_limit_w
    store = Store(home, array("h", map(round, net)), add, take, int(home.charge_w), discharge, int(limit), full,
                  min(full, int((home.soc_start_wh - home.soc_min_wh) * units)), end)
    best = store.held
    for _ in range(SLOTS):
        best += min(store.charge_w, (full - best) // add) * add
    if best < end:
        reach = home.soc_min_wh + best * store.unit_wh
        raise TaskError("end_unreachable", f"home {home.id!r}: charging at full power from 00:00 on, the battery "
                        f"holds {reach:.0f} Wh after quarter-hour {SLOTS - 1} ({clock(SLOTS - 1)}), not the "
                        f"{home.wanted_wh:g} Wh wanted", f"ask for at most {reach:.0f} Wh, or start with more",
                        f"/homes/{place}/soc_end_wh")
    return store
