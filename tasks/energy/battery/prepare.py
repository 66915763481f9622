"""Validated input -> spec: storage in whole units, prices for quarter-hours."""

from __future__ import annotations

from array import array
from collections.abc import Sequence
from fractions import Fraction

from lamplighter.tasks.api import TaskError
from lamplighter.tasks.energy.battery.jobs import pack, prices
from lamplighter.tasks.energy.battery.method.read import MUCH_W, clock, net_loads
from lamplighter.tasks.energy.battery.model import DAYS_SLOTS, HOURS, POWER_MAX_W, Batteries, Home
from lamplighter.tasks.energy.battery.spec import Spec, Store
from lamplighter.tasks.readers.allow import Left
from lamplighter.tasks.readers.plausible import no_missing_codes

UNITS_MAX = 32_767
"""Units of storage that one watt takes in a quarter-hour, at most; the kernel's products rely on it."""
SLOT_MAX = 1 << 28
"""Units that full power both ways takes in a quarter-hour, at most; likewise."""
CAPACITY_MAX = (1 << 29) - 1
FEW_EUR_PER_MWH, FEW_W, FEW_WH = 3, 30, 100
"""Less is hardly a price, a home or a battery."""
MUCH_WH = 1_000
"""A battery of less may well hold 100 Wh."""


def prepare(asked: Batteries) -> Spec:
    """Checks what must hold across fields and packs it. Raises TaskError: other_day, end_unreachable,
    missing_reading and those of ``read.net_loads``."""
    buy = _quarters(asked.prices.buy_eur_per_mwh)
    sell = buy if asked.prices.sell_eur_per_mwh is None else _quarters(asked.prices.sell_eur_per_mwh)
    without = [home.id for home in asked.homes if home.net_load_w is None and home.load_w is None]
    left = Left(asked.accept)
    _one_day(asked, len(buy), len(sell))
    if len(buy) != 4 * HOURS:
        left.tell(f"the day has {len(buy) // 4} hours: times of day count from 00:00, and are not the clock's "
                  "once it has been changed")
    read = net_loads(asked.senml, without, len(buy), left)
    stores = tuple(_store(home, place, _net(home, read)) for place, home in enumerate(asked.homes))
    _plausible(asked, stores, left)
    by_input = {pack(store): store for store in stores if not store.idle}
    return Spec(asked, buy, sell, prices(buy, sell), stores, by_input, tuple(left.notes()))


def _plausible(asked: Batteries, stores: Sequence[Store], left: Left) -> None:
    """Raises TaskError ``implausible`` for codes of missing prices and loads; tells what looks like another unit."""
    for name, prices_ in (("buy", asked.prices.buy_eur_per_mwh), ("sell", asked.prices.sell_eur_per_mwh or [])):
        no_missing_codes([(price, f"/prices/{name}_eur_per_mwh/{i}") for i, price in enumerate(prices_)], left)
        if 0 < max(map(abs, prices_), default=0) < FEW_EUR_PER_MWH:
            left.finding("price_unit", f"no price of {name}_eur_per_mwh is over {FEW_EUR_PER_MWH} EUR/MWh: they look "
                         "like EUR/kWh")
    for place, store in enumerate(stores):
        home, most = store.home, max(map(abs, store.net_w))
        own = [(watts, f"/homes/{place}/{name}/{slot}") for name in ("net_load_w", "load_w", "pv_w")
               for slot, watts in enumerate(getattr(home, name) or ())]
        no_missing_codes(own, left, MUCH_W)
        if 0 < home.soc_start_wh <= 100 and home.capacity_wh >= MUCH_WH:
            left.finding("share_unit", f"home {home.id!r}: soc_start_wh is {home.soc_start_wh:g} Wh of "
                         f"{home.capacity_wh:g}, which looks like percent")
        looks = {f"its net load never exceeds {most} W": 0 < most < FEW_W,
                 f"charge_w is {home.charge_w:g} W": 0 < home.charge_w < FEW_W,
                 f"capacity_wh is {home.capacity_wh:g} Wh": 0 < home.capacity_wh < FEW_WH}
        for what in (words for words, is_so in looks.items() if is_so):
            left.finding("power_unit", f"home {home.id!r}: {what}, which looks like kW and kWh")


def _quarters(prices: Sequence[float]) -> tuple[float, ...]:
    return tuple(prices) if len(prices) in DAYS_SLOTS else tuple(price for price in prices for _ in range(4))


def _one_day(asked: Batteries, slots: int, sell_slots: int) -> None:
    """Raises TaskError ``other_day`` where prices and forecasts are of days of another length."""
    given = [("/prices/sell_eur_per_mwh", sell_slots), *(
        (f"/homes/{place}/{name}", len(row)) for place, home in enumerate(asked.homes)
        for name in ("net_load_w", "load_w", "pv_w") if (row := getattr(home, name)) is not None)]
    for path, others in given:
        if others != slots:
            raise TaskError("other_day", f"{path} is of a day of {others} quarter-hours, what to buy costs of "
                            f"one of {slots}", f"give all of one day: {slots} quarter-hours as there", path)


def _net(home: Home, read: dict[str, list[float]]) -> list[float]:
    if home.net_load_w is not None:
        return home.net_load_w
    if home.load_w is None:
        return read[home.id]
    return [load - pv for load, pv in zip(home.load_w, home.pv_w or [0.0] * len(home.load_w), strict=True)]


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
    full = max(0, int(room * units - len(net) * int(home.charge_w) * more))
    end = max(0, min(int((home.wanted_wh - home.soc_min_wh) * units), full - take))
    limit = POWER_MAX_W if home.export_limit_w is None else home.export_limit_w
    store = Store(home, array("h", map(round, net)), add, take, int(home.charge_w), discharge, int(limit), full,
                  min(full, int((home.soc_start_wh - home.soc_min_wh) * units)), end)
    best = store.held
    for _ in net:
        best += min(store.charge_w, (full - best) // add) * add
    if best < end:
        reach = home.soc_min_wh + best * store.unit_wh
        raise TaskError("end_unreachable", f"home {home.id!r}: charging at full power from 00:00 on, the battery "
                        f"holds {reach:.0f} Wh after quarter-hour {len(net) - 1} ({clock(len(net) - 1)}), not the "
                        f"{home.wanted_wh:g} Wh wanted", f"ask for at most {reach:.0f} Wh, or start with more",
                        f"/homes/{place}/soc_end_wh")
    return store
