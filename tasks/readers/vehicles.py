"""What SUMO's demand files say of vehicles: types and their classes, distributions, and when flows depart.

Formats: SUMO documentation, "Definition of Vehicles, Vehicle Types, and Routes".
"""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property
from itertools import accumulate
from typing import Generic, TypeVar

from lamplighter.tasks.api import TaskError
from lamplighter.tasks.readers.safexml import Element, number
from lamplighter.tasks.readers.sumoxml import ROUTES_PATH

_LENGTH_M = {"passenger": 5.0, "bus": 12.0, "coach": 14.0, "delivery": 6.5, "truck": 7.1, "trailer": 16.5,
             "emergency": 6.5, "motorcycle": 2.2, "moped": 2.1}
"""SUMO's default per class; others that drive on the street are as long as a car."""
_GAP_M = 2.5
OFF_THE_STREET = frozenset({
    "bicycle", "scooter", "pedestrian", "wheelchair", "tram", "rail_urban", "rail", "rail_electric", "rail_fast",
    "subway", "cable_car", "ship", "container", "drone", "aircraft"})
"""Classes that are not in the queues of cars."""
CARS = frozenset({"passenger", "private", "ignoring"})
DEFAULT_TYPE = "DEFAULT_VEHTYPE"
_DEFAULTS = {"DEFAULT_BIKETYPE": "bicycle", "DEFAULT_PEDTYPE": "pedestrian", "DEFAULT_TAXITYPE": "taxi",
             "DEFAULT_RAILTYPE": "rail", "DEFAULT_CONTAINERTYPE": "container"}

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Type:
    """A vehicle's class, and what one takes of a queue in metres: its length and the gap before it."""

    sort: str
    room_m: float


@dataclass(frozen=True)
class Draw(Generic[T]):
    """Things to draw from by their probabilities."""

    things: tuple[T, ...]
    weights: tuple[float, ...]

    @cached_property
    def _up_to(self) -> list[float]:
        return list(accumulate(self.weights))

    def one(self, rng: random.Random) -> T:
        return self.things[0] if len(self.things) == 1 else rng.choices(self.things, cum_weights=self._up_to)[0]


def draw(element: Element, things: list[tuple[T, Element]], named: dict[str, T], names: str) -> Draw[T]:
    """A distribution: its members by their ``probability``, or those that ``names`` lists by ``probabilities``.

    Raises TaskError ``bad_distribution``.
    """
    words, chances = (element.attributes.get(key, "").split() for key in (names, "probabilities"))
    weights = [number(member, "probability", ROUTES_PATH, "1") for _, member in things]
    weights += [_chance(element, word) for word in chances] if chances else [1.0] * len(words)
    unknown = [word for word in words if word not in named]
    if unknown or len(weights) != len(things) + len(words) or min(weights, default=0.0) < 0 or sum(weights) <= 0:
        raise TaskError("bad_distribution", f"line {element.line}: <{element.tag}> "
                        + (f"names {unknown[0][:64]!r}, which is not in the file" if unknown else
                           "has no members with probabilities that add up to more than 0"),
                        "give each member a probability, or a list of names and one of as many probabilities",
                        ROUTES_PATH)
    return Draw((*(thing for thing, _ in things), *(named[word] for word in words)), tuple(weights))


def _chance(element: Element, word: str) -> float:
    return number(Element(element.tag, {"probabilities": word}, element.line), "probabilities", ROUTES_PATH)


class Types:
    """The vehicle types of a file by id, distributions included."""

    def __init__(self, root: Element) -> None:
        self._drawn: dict[str, Draw[Type]] = {name: Draw((Type(sort, _room_m(sort)),), (1.0,))
                                              for name, sort in (*_DEFAULTS.items(), (DEFAULT_TYPE, "passenger"))}
        self._rooms: dict[str, float | None] = {}
        self.unknown: set[str] = set()
        """Types that vehicles name and the file has not; they are taken for cars."""
        single: dict[str, Type] = {}
        mixed = [element for element in root.children if element.tag == "vTypeDistribution"]
        for element in (*root.children, *(child for mix in mixed for child in mix.children)):
            if element.tag == "vType" and "id" in element.attributes:
                single[element.attributes["id"]] = _type(element)
        self._drawn.update((name, Draw((one,), (1.0,))) for name, one in single.items())
        for mix in mixed:
            members = [(single.get(child.attributes.get("refId", "")) or _type(child), child)
                       for child in mix.children if child.tag == "vType"]
            self._drawn[mix.attributes.get("id", "")] = draw(mix, members, single, "vTypes")

    def of(self, element: Element) -> Draw[Type]:
        name = element.attributes.get("type", DEFAULT_TYPE)
        if name not in self._drawn:
            self.unknown.add(name)
            name = DEFAULT_TYPE
        return self._drawn[name]

    def room_m(self, element: Element) -> float | None:
        """What a vehicle of an element takes of a queue, on average; None if it is in none."""
        name = element.attributes.get("type", DEFAULT_TYPE)
        if name not in self._rooms:
            self._rooms[name] = _mean_room_m(self.of(element))
        return self._rooms[name]


def _mean_room_m(drawn: Draw[Type]) -> float | None:
    pairs = [(one.room_m, weight) for one, weight in zip(drawn.things, drawn.weights, strict=True)
             if one.sort not in OFF_THE_STREET]
    total = sum(weight for _, weight in pairs)
    return sum(room_m * weight for room_m, weight in pairs) / total if total > 0 else None


def _type(element: Element) -> Type:
    sort = element.attributes.get("vClass", "passenger")
    length, gap = (number(element, name, ROUTES_PATH, str(default)) for name, default in
                   (("length", _LENGTH_M.get(sort, _LENGTH_M["passenger"])), ("minGap", _GAP_M)))
    return Type(sort, length + gap)


def _room_m(sort: str) -> float:
    return _LENGTH_M.get(sort, _LENGTH_M["passenger"]) + _GAP_M


def seconds(element: Element, name: str, default: float | None = None) -> float:
    """A time in seconds: as a number, or as SUMO's [days:]hours:minutes:seconds. Raises TaskError."""
    text = element.attributes.get(name)
    if text is None and default is not None:
        return default
    parts = [number(Element(element.tag, {name: part}, element.line), name, ROUTES_PATH)
             for part in text.split(":")] if text else [number(element, name, ROUTES_PATH)]
    if min(parts) < 0:
        raise _out_of_range(element, name, "times begin at 0")
    return sum(part * size for part, size in zip(reversed(parts), (1, 60, 3600, 86_400), strict=False))


def _out_of_range(element: Element, name: str, hint: str) -> TaskError:
    return TaskError("out_of_range", f"line {element.line}: {name} of <{element.tag}> is "
                     f"{element.attributes[name][:40]!r}", hint, ROUTES_PATH)


def departures(element: Element, start_s: float, until_s: float, rng: random.Random) -> Iterator[float]:
    """Departures in [start, until): one of a vehicle or trip, many of a flow; those before and after cost no time.

    Flows depart evenly spaced, each second with a probability, or at random (``period="exp(rate)"``).
    """
    given = element.attributes
    if element.tag != "flow":
        time = seconds(element, "depart")
        if start_s <= time < until_s:
            yield time
        return
    begin, end = seconds(element, "begin", 0.0), seconds(element, "end", math.inf)
    if end == math.inf and until_s == math.inf and "number" not in given:
        number(element, "end", ROUTES_PATH)
    many = number(element, "number", ROUTES_PATH) if "number" in given else math.inf
    chance = _chances(element, rng)
    if chance is None:   # evenly spaced
        step = _step(element, begin, end, many)
        i = max(0, math.ceil((start_s - begin) / step - 1e-9))
        while i < many and (time := begin + i * step) < min(end, until_s):
            yield time
            i += 1
        return
    before_s = max(0.0, start_s - begin)   # without memory, it may begin anywhere
    made = max(0.0, rng.gauss(chance.mean * before_s, math.sqrt(chance.variance * before_s)))
    time = begin + before_s + chance.wait()
    while made < many and time < min(end, until_s):
        yield time
        time += chance.wait()
        made += 1


@dataclass(frozen=True, slots=True)
class _Chances:
    """A flow at random: draws the time to its next departure; how many there are in a second, and their variance."""

    wait: Callable[[], float]
    mean: float
    variance: float


def _chances(element: Element, rng: random.Random) -> _Chances | None:
    """None for a flow that is evenly spaced."""
    given, period = element.attributes, element.attributes.get("period", "")
    if "probability" in given:
        chance = number(element, "probability", ROUTES_PATH)
        if not 0 <= chance <= 1:
            raise _out_of_range(element, "probability", "0 to 1: the chance of a vehicle in each second")
        chance = max(1e-6, chance)
        return _Chances(lambda: 1 + (0 if chance == 1 else int(math.log(1 - rng.random()) / math.log(1 - chance))),
                        chance, chance * (1 - chance))
    if period.startswith("exp(") and period.endswith(")"):
        rate = max(1e-6, number(Element("flow", {"period": period[4:-1]}, element.line), "period", ROUTES_PATH))
        return _Chances(lambda: rng.expovariate(rate), rate, rate)
    return None


def _step(element: Element, begin: float, end: float, many: float) -> float:
    """Seconds between two vehicles of an evenly spaced flow."""
    for name in ("vehsPerHour", "perHour"):
        if name in element.attributes:
            return max(0.01, 3600 / max(1e-3, number(element, name, ROUTES_PATH)))
    if "period" in element.attributes or many == math.inf or end == math.inf:
        return max(0.01, number(element, "period", ROUTES_PATH))
    return max(0.01, (end - begin) / max(1.0, many))
