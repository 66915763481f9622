"""Cuts kriging into jobs: up to 16 targets that need at most 24 stations between them."""

from __future__ import annotations

import math
import struct
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from lamplighter.tasks.api import Job
from lamplighter.tasks.environment.airmap.method.near import Near, Point
from lamplighter.tasks.environment.airmap.method.targets import boxed
from lamplighter.tasks.environment.airmap.method.variogram import ONE, Variogram, packed, unit_variance

NEIGHBOURS = 12
TILE_TARGETS = 16
LEFT_OUT_TARGETS = 8
TILE_STATIONS = 24
SETS_PER_JOB = 8
ESTIMATES_PER_JOB = 32
CURVE_BITS = 10
BOX_UNITS = 262_143
HIGHEST_SHARE = 2.2
FURTHEST_VALUE = 10


@dataclass(frozen=True, slots=True)
class Estimate:
    """One kriged value, and its kriging variance as a share of the sill."""

    value: float
    variance_share: float


@dataclass(frozen=True, slots=True)
class Tile:
    """Targets, by index, with the geometry and values the kernel needs for them."""

    targets: tuple[int, ...]
    used: tuple[int, ...]
    geometry: bytes
    stations: int
    units_per_m: float
    furthest_m: float
    middle: float
    half: float

    def job(self, variograms: Sequence[Variogram]) -> Job:
        """One job that kriges the tile's targets under each variogram (at most ``SETS_PER_JOB``)."""
        models = b"".join(packed(one, self.units_per_m, self.furthest_m) for one in variograms)
        counts = bytes((self.stations, len(self.targets), len(variograms), 0))
        given = counts + self.geometry + models
        answer = 8 * len(self.targets) * len(variograms)
        pairs = self.stations * (self.stations - 1) // 2 + 12 * len(self.targets)
        words = 4 * self.stations + 15 * len(self.targets) + min(2, len(variograms)) * pairs + 180
        return Job(given, answer, self._ops(len(variograms)), len(given) + 2 * answer + 4 * words + 800)

    def _ops(self, sets: int) -> int:
        """Statements of the kernel's plain path: counted, then fitted within 6 % (a test counts again)."""
        pairs, targets = self.stations * (self.stations - 1) // 2, len(self.targets)
        solving = sum(((k + 14) * k + 70) * k + 80 for k in self.used)
        return 60 + (5 + 7 * targets) * self.stations + 24 * (pairs + sum(self.used)) \
            + sets * (14 * (pairs + 12 * targets) + solving)

    def together(self, sets: Sequence[Variogram]) -> list[Sequence[Variogram]]:
        """What goes into one job together: as many as its answer has room for."""
        most = min(SETS_PER_JOB, ESTIMATES_PER_JOB // len(self.targets))
        return [sets[at:at + most] for at in range(0, len(sets), most)]

    def estimates(self, answer: bytes, variograms: Sequence[Variogram]) -> list[list[Estimate]]:
        """What a job with these variograms answered: a row for each, in target order."""
        words = iter(struct.unpack(f">{len(answer) // 4}I", answer))
        units = [unit_variance(one, self.furthest_m) / 2**24 for one in variograms]
        return [[Estimate(self._value(next(words)), next(words) * unit) for _ in self.targets] for unit in units]

    def _value(self, word: int) -> float:
        return self.middle + self.half * (word - (1 << 28)) / 2**24


class Cutter:
    """Cuts targets into tiles between fixed stations."""

    def __init__(self, places: Sequence[Point], values: Sequence[float]) -> None:
        self.places = places
        self.values = values
        self._near = Near(places)

    def cut(self, targets: Sequence[Point], order: Sequence[tuple[int, int]], leave_out: bool = False,
            numbers: Sequence[int] = (), small: bool = False) -> list[Tile]:
        """Tiles that cover all targets once, which count as ``numbers``, or from 0 on.

        ``order`` gives each target small integer coordinates, along whose Hilbert curve (1891) the targets are
        grouped. With ``leave_out`` target number i is station i and does not see itself. Such tiles are ``small``:
        a job of theirs can carry several variograms.
        """
        curve = along(order)
        names = numbers or range(len(targets))
        near: list[list[int]] = []
        for at in range(0, len(curve), TILE_TARGETS):
            block = curve[at:at + TILE_TARGETS]
            near += self._nearest([targets[t] for t in block], [names[t] if leave_out else -1 for t in block])
        return [_tile(self.places, self.values, [(names[curve[i]], targets[curve[i]], near[i]) for i in part])
                for part in _parts(near, LEFT_OUT_TARGETS if leave_out or small else TILE_TARGETS)]

    def cut_apart(self, wanted: Sequence[int], near: Sequence[Sequence[int]]) -> list[Tile]:
        """Tiles that predict these stations, each from those that ``near`` names for it."""
        points = [self.places[i] for i in wanted]
        curve = along(boxed(points))
        return [_tile(self.places, self.values, [(wanted[curve[i]], points[curve[i]], near[curve[i]]) for i in part])
                for part in _parts([near[t] for t in curve], LEFT_OUT_TARGETS)]

    def _nearest(self, block: Sequence[Point], without: Sequence[int]) -> list[list[int]]:
        """The nearest stations of each target, nearest first.

        Whatever is among the nearest of a target lies, from the block's middle, no further than the same
        count of stations there plus twice the block's radius: so only those are looked at.
        """
        middle = (sum(x for x, _ in block) / len(block), sum(y for _, y in block) / len(block))
        radius = max(math.dist(middle, point) for point in block)
        candidates = [i for _, i in self._near.around(middle, NEIGHBOURS + 1, 2 * radius + 1e-9)]
        return [[i for _, i in sorted((math.dist(point, self.places[i]), i)
                                      for i in candidates if i != itself)[:NEIGHBOURS]]
                for point, itself in zip(block, without, strict=True)]


def cut(places: Sequence[Point], values: Sequence[float], targets: Sequence[Point],
        order: Sequence[tuple[int, int]], leave_out: bool = False) -> list[Tile]:
    """Tiles between stations that are used once: see ``Cutter``."""
    return Cutter(places, values).cut(targets, order, leave_out)


def check(_spec: object, given: Job, answer: bytes) -> bool:
    """Whether an answer is possible: value and variance, 2.0 of the tile's unit at most, within their bounds.

    Values are in half ranges of the tile's readings. Outside a cluster of near stations, honest ones were
    seen at 2.5; the bound is far beyond, as it must never fall on an honest device.
    """
    if len(answer) != given.answer_bytes:
        return False
    words = struct.unpack(f">{len(answer) // 4}I", answer)
    values, variances = words[::2], words[1::2]
    middle, reach = 1 << 28, FURTHEST_VALUE << 24
    return bool(min(values) >= middle - reach and max(values) <= middle + reach
                and max(variances) <= HIGHEST_SHARE * 2**24)


def along(order: Sequence[tuple[int, int]]) -> list[int]:
    """The numbers of places with these small integer coordinates, along the Hilbert curve."""
    return sorted(range(len(order)), key=lambda t: (_hilbert(*order[t]), t))


def _hilbert(x: int, y: int) -> int:
    """The place of (x, y), each below 2**CURVE_BITS, on the Hilbert curve: neighbours there are neighbours here."""
    place = 0
    for bit in reversed(range(CURVE_BITS)):
        right, up = x >> bit & 1, y >> bit & 1
        place = place << 2 | (3 * right ^ up)
        if not up:
            if right:
                x, y = ~x, ~y
            x, y = y, x
    return place


def _parts(near: Sequence[Sequence[int]], most: int) -> Iterator[list[int]]:
    """Runs of at most ``most`` targets that need at most ``TILE_STATIONS`` stations together."""
    part: list[int] = []
    union: set[int] = set()
    for i, stations in enumerate(near):
        if len(part) == most or len(union | set(stations)) > TILE_STATIONS:
            yield part
            part, union = [], set()
        part.append(i)
        union |= set(stations)
    yield part


def _tile(places: Sequence[Point], values: Sequence[float],
          members: Sequence[tuple[int, Point, Sequence[int]]]) -> Tile:
    chosen = sorted({i for _, _, near in members for i in near})
    points = [places[i] for i in chosen] + [point for _, point, _ in members]
    west, south = min(x for x, _ in points), min(y for _, y in points)
    width, height = max(x for x, _ in points) - west, max(y for _, y in points) - south
    units_per_m = BOX_UNITS / max(width, height)
    grid = [(round((x - west) * units_per_m), round((y - south) * units_per_m)) for x, y in points]
    low, high = min(values[i] for i in chosen), max(values[i] for i in chosen)
    middle, half = (low + high) / 2, (high - low) / 2
    geometry = bytearray()
    for i, (x, y) in zip(chosen, grid, strict=False):
        share = (values[i] - middle) / half if half else 0.0
        geometry += _word(x, y, ONE + round(share * (ONE - 1)))
    for (_, point, near), (x, y) in zip(members, grid[len(chosen):], strict=True):
        x += _nudge(point, (x, y), [(places[i], at) for i, at in zip(chosen, grid, strict=False)])
        geometry += _word(x, y, sum(1 << chosen.index(i) for i in near))
    return Tile(tuple(t for t, _, _ in members), tuple(len(near) for _, _, near in members), bytes(geometry),
                len(chosen), units_per_m, math.hypot(width, height), middle, half)


def _word(x: int, y: int, rest: int) -> bytes:
    return (x << 46 | y << 28 | rest).to_bytes(8, "big")


def _nudge(point: Point, at: tuple[int, int], stations: Sequence[tuple[Point, tuple[int, int]]]) -> int:
    """One unit aside, where rounding would put a target on a station that it is only near to."""
    if any(where == at and place != point for place, where in stations):
        return -1 if at[0] else 1
    return 0
