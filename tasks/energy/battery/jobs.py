"""Spec -> the bytes that devices get, and the plans that they answer."""

from __future__ import annotations

import struct
from array import array
from collections.abc import Sequence

from lamplighter.tasks.api import Context, Job
from lamplighter.tasks.energy.battery.method import worth
from lamplighter.tasks.energy.battery.model import SLOTS
from lamplighter.tasks.energy.battery.spec import PRICE_STEPS, Spec, Store

BIAS = 32_768
OPS = 12_500
"""Statements of the plain path for the pieces and their order; then ``OPS_A_PRICE`` for each price of storage. Both
are of a day of 96 quarter-hours; another day has its share."""
OPS_A_PRICE = 1_750
PRICES = 8
"""Times that a battery is full or empty on an ordinary day; the price is for these, whatever a day takes."""
HEAP_BYTES = 6_850
"""3,208 for the pieces, 1,204 for their order, 200 for the plan; input and prices, and both again as arrays."""
LAZY = 2
"""A plan is refused if it is provably further from the best than so many times what rounding can cost."""


def prices(buy: Sequence[float], sell: Sequence[float]) -> Context:
    """The prices of the day's quarter-hours in whole steps, as all homes share them."""
    step = max(map(abs, (*buy, *sell))) / PRICE_STEPS or 1.0
    return Context(struct.pack(f"<{2 * len(buy)}H", *(round(price / step) + BIAS for price in (*buy, *sell))))


def pack(store: Store) -> bytes:
    """The input of one job, as the kernel's ``load`` reads it."""
    return struct.pack(f"<5H3I{len(store.net_w)}H", store.add, store.take, store.charge_w, store.discharge_w,
                       store.export_w, store.full, store.held, store.end, *(watts + BIAS for watts in store.net_w))


def job(spec: Spec, store: Store) -> Job:
    """The plan of one home."""
    return Job(pack(store), 2 * spec.slots, (OPS + PRICES * OPS_A_PRICE) * spec.slots // SLOTS, HEAP_BYTES,
               (spec.context,))


def plan_of(answer: bytes) -> array[int]:
    """The plan in W that a device answered."""
    return array("h", answer)


def check(spec: Spec, given: Job, answer: bytes) -> bool:
    """False when a plan breaks a limit of its battery, or is lazy: provably further from the best than rounding to
    watts and to steps of price explains. A step a slot, no search."""
    store = spec.by_input[given.input]
    plan = plan_of(answer)
    return (worth.is_feasible(store, plan)
            and worth.bound(spec, store, plan).gap_eur <= LAZY * worth.rounding_eur(spec, store))
