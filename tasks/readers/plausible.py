"""Whether what was sent can be what it is said to be.

What is certain, a code for a missing value or exchanged coordinates, is refused as ``implausible``, unless the
operator accepts it by name; the rest is told in the notes, with the name by which it is accepted.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from statistics import median

from lamplighter.tasks.readers.allow import Left
from lamplighter.tasks.readers.units import MASS, spelt

LOW_CODES = frozenset((-99.0, -99.9, -99.99, -999.0, -999.9, -999.99, -9999.0, -9999.9, -99999.0, -999999.0, -32767.0,
                       -32768.0, -1e20, -1e30, -2147483648.0))
HIGH_CODES = frozenset((999.0, 999.9, 999.99, 9999.0, 9999.9, 99999.0, 999999.0, 32767.0, 65535.0, 1e20, 1e30,
                        2147483647.0))
"""Numbers that stand for "nothing was measured" in many a logger and database."""
OLD_S = 30 * 86_400
SILENT_H, SILENT_VEHICLES = 24, 50.0
"""So many hours of nothing where so many vehicles were to be expected are no quiet night."""
DEGREE_KM = 111.2
FEW_PERCENT = 5
"""No line and no transformer is limited to less of what it is rated for."""
SMALL_M = 150.0

Point = tuple[float, float]
"""Longitude and latitude in degrees, in this order."""


def no_missing_codes(values: Iterable[tuple[float, str]], left: Left, least: float = 0) -> None:
    """``values`` with their pointers, of which those nearer to 0 than ``least`` say nothing. A code counts as one
    only well outside of what the others span, or where it is the only one below 0.

    Raises TaskError ``implausible``, accepted as ``missing_code``.
    """
    given = list(values)
    far = [one for one in given if abs(one[0]) >= least]
    codes = [one for one in far if one[0] in LOW_CODES or one[0] in HIGH_CODES]
    if not codes:
        return
    known = [value for value, _ in far if value not in LOW_CODES and value not in HIGH_CODES]
    low, high = (min(known), max(known)) if known else (0.0, 0.0)
    spread = max(high - low, 0.1 * max(abs(low), abs(high)))
    found = [one for one in codes if one[0] < (low - spread if low < 0 else 0) or one[0] > high + 2 * spread]
    if found:
        value, path = found[0]
        left.doubt("missing_code", f"a reading is {value:g}, which stands for a missing one in many systems; "
                   f"{len(found)} of {len(given)} readings are such", path)


def no_swapped_axes(points: Sequence[tuple[Point, str]], left: Left, asked: Sequence[Point] = ()) -> None:
    """Positions on WGS 84 with their pointers, one of which lies among the others if its two numbers are exchanged;
    or all of which lie far from what is ``asked`` for, and in its midst if they are.

    That all are exchanged is not to be seen where nothing else is known: somewhere on earth they always are. Raises
    TaskError ``implausible``, accepted as ``swapped_axes``.
    """
    places = [point for point, _ in points]
    if asked and places and not _near(places, asked) and _near([(lat, lon) for lon, lat in places], asked):
        left.doubt("swapped_axes", "longitude and latitude of all positions are exchanged: the other way round they "
                   "lie where the map is wanted", points[0][1])
    middle, usual = _middle(places)
    for (lon, lat), path in points:
        if math.dist((lon, lat), middle) > usual + 1 and math.dist((lat, lon), middle) <= usual:
            left.doubt("swapped_axes", f"longitude {lon:g} and latitude {lat:g} are exchanged: the other way round "
                       "they lie among the others", path)
            return


def _middle(points: Sequence[Point]) -> tuple[Point, float]:
    """The middle of points, and how far from it they usually are, in degrees."""
    if not points:
        return (0.0, 0.0), 0.0
    middle = median(x for x, _ in points), median(y for _, y in points)
    return middle, max(0.1, 3 * median(math.dist(point, middle) for point in points))


def _near(points: Sequence[Point], asked: Sequence[Point]) -> bool:
    (one, reach), (other, wide) = _middle(points), _middle(asked)
    return math.dist(one, other) <= reach + wide + 1


def tell_old(times: Sequence[tuple[float, str]], left: Left) -> None:
    """Readings (seconds from 1970, and whose) that are a month or more older than most."""
    if len(times) > 2:
        usual = median(time for time, _ in times)
        old = [(time, name) for time, name in times if time < usual - OLD_S]
        if old:
            days = round((usual - min(old)[0]) / 86_400)
            left.finding("old_reading", f"{len(old)} of {len(times)} readings ({_names(old)}) are up to {days} days "
                         "older than most")


def tell_below_zero(values: Iterable[tuple[float, str]], unit: str, left: Left) -> None:
    """Readings, with whose they are, of less than no mass in a volume: noise of a sensor, or worse."""
    below = [one for one in values if one[0] < 0] if spelt(unit) in MASS else []
    if below:
        left.finding("below_zero", f"{len(below)} readings ({_names(below)}) are below zero, down to "
                     f"{min(below)[0]:g} {spelt(unit)}, which no mass can be: the map follows them")


def _names(found: Sequence[tuple[float, str]]) -> str:
    return ", ".join(name[:64] for _, name in found[:5]) + (", …" if len(found) > 5 else "")


def tell_share(name: str, percent: float, left: Left, most: float = FEW_PERCENT) -> None:
    """A limit below ``most`` percent that is not 0: a share of 1."""
    if 0 < percent < most:
        left.finding("share_unit", f"{name} is {percent:g} %, which looks like a share of 1")


def silences(flows: Sequence[float | None], period: int) -> list[tuple[int, int]]:
    """Where a counter of hourly ``flows`` counted nothing for a day or more although, by the other weeks (of
    ``period`` hours), many were to be expected: from and until, as places in ``flows``."""
    usual = []
    for slot in range(period):
        seen = [flow for flow in flows[slot::period] if flow]
        usual.append(median(seen) if len(seen) > 1 else 0.0)
    found, start = [], None
    for place in range(len(flows) + 1):
        if place < len(flows) and flows[place] == 0:
            start = place if start is None else start
        elif start is not None and not (place < len(flows) and flows[place] is None):
            expected = sum(usual[hour % period] for hour in range(start, place) if flows[hour] == 0)
            if place - start >= SILENT_H and expected >= SILENT_VEHICLES:
                found.append((start, place))
            start = None
    return found


def tell_quarter_hours(name: str, counts: Sequence[float | None], left: Left) -> None:
    """A series of hours that repeats itself each 96 but not each 24 of them is one of quarter-hours."""
    daily, quarterly = (_alike(counts, lag) for lag in (24, 96))
    if quarterly > 0.6 and daily < 0.3:
        left.finding("period_unit", f"the counts of {name[:64]!r} repeat themselves after 96 of them, not after 24: "
                     "they look like quarter-hours, and are taken as hours")


def _alike(counts: Sequence[float | None], lag: int) -> float:
    """Correlation of a series with itself, so many places later."""
    pairs = [(one, other) for one, other in zip(counts, counts[lag:], strict=False)
             if one is not None and other is not None]
    if len(pairs) < 2 * lag:
        return 0.0
    xs, ys = ([pair[side] for pair in pairs] for side in (0, 1))
    x, y = sum(xs) / len(xs), sum(ys) / len(ys)
    spread = math.sqrt(sum((one - x) ** 2 for one in xs) * sum((one - y) ** 2 for one in ys))
    return sum((one - x) * (other - y) for one, other in pairs) / spread if spread else 0.0


def tell_kilometres(points: Sequence[Point], geographic: bool, range_m: float | None, left: Left) -> None:
    """Stations within a few steps of each other, or a variogram that ends far short of the next one: kilometres."""
    sides = [sorted(side) for side in zip(*points, strict=True)]
    extent = math.hypot(*(side[-1] - side[0] for side in sides)) * (1000 * DEGREE_KM if geographic else 1)
    if not geographic and len(points) > 2 and 0 < extent < SMALL_M:
        left.finding("length_unit", f"all stations lie within {extent:.3g} m: x_m and y_m look like kilometres")
    if range_m is not None and range_m < extent / (20 * math.sqrt(len(points))):
        left.finding("length_unit", f"the variogram's range_m of {range_m:g} m ends far short of the next station: "
                     "it looks like kilometres")
