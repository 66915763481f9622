"""Demand from counts: FIWARE ``TrafficFlowObserved`` entities at the edge of a network, and turn shares inside it.

Model: Smart Data Models, Transportation, TrafficFlowObserved: ``intensity`` is how many vehicles were counted in
the period from ``dateObservedFrom`` to ``dateObservedTo`` (or of ``dateObserved``, an interval).
"""

from __future__ import annotations

import math
import random
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from itertools import accumulate, chain

from lamplighter.tasks.api import TaskError
from lamplighter.tasks.readers import ngsi
from lamplighter.tasks.readers.allow import Left
from lamplighter.tasks.readers.flows import flows
from lamplighter.tasks.readers.network import Demand, Steps, collect
from lamplighter.tasks.readers.routes import MAX_DRAWN, MAX_VEHICLES, crowded, lay
from lamplighter.tasks.readers.sumo import Roads
from lamplighter.tasks.registry import nearest
from lamplighter.tasks.traffic.signals.model import Counts

MAX_PERIOD_S = 24 * 3600
MAX_ROADS = 60
"""A vehicle that has taken so many roads has left the network: turn shares may lead in circles."""
COUNTS_PATH = "/sumo/counts"
HOLE = 0.1
"""A time without counts is a hole if it is longer than this share of the count after it, or else before it."""
MISSING = 0.5
"""Of more than this share of the time without counts nobody can say what came."""

Span = tuple[float, float, int]
Periods = dict[str, list[Span]]
"""Per detector: from and until, in seconds since the first observation began, and how many vehicles came."""


def read_periods(entities: Sequence[ngsi.Entity], detectors: Iterable[str], path: str, left: Left | None = None,
                 start_s: float = 0.0, end_s: float = math.inf) -> Periods:
    """What each of ``detectors`` counted, by the rule of ``readers.flows``; a name without a lane is all its lanes.
    Times in [start_s, end_s) for which a lane has no count, while others have, are filled and told.

    Raises TaskError: wrong_entity, missing_field, bad_time, out_of_range, too_large, unknown_detector, duplicate,
    ambiguous (a detector of both directions), missing_counts.
    """
    found: dict[str, dict[str, list[Span]]] = {detector: {} for detector in detectors}
    left = left or Left()
    directions: dict[str, str] = {}
    spans = []
    for one in flows(entities, path, left, all_counted=True):
        if one.times is None or one.times[0] == one.times[1]:
            raise TaskError("missing_field", "an observation does not say from when until when it counted",
                            "give dateObservedFrom and dateObservedTo, or an interval as dateObserved", one.path)
        if not 0 <= one.vehicles <= MAX_VEHICLES:
            raise TaskError("out_of_range", f"an intensity of {one.vehicles:g} vehicles",
                            f"0 to {MAX_VEHICLES} in one period", one.path + "/intensity")
        name = next((name for name in (one.name, *one.names) if name in found), None)
        if name is not None and name != one.name and directions.setdefault(name, one.direction) != one.direction:
            raise TaskError("ambiguous", f"{name[:64]!r} counted in several directions",
                            f"name the one that is meant: {one.name!r}", one.path + "/laneDirection")
        if name is None:
            left.out("observation", "nothing asks for its detector", one.name)
        spans.append((name, one.name, *one.times, round(one.vehicles)))
    origin = min((begin for _, _, begin, _, _ in spans), default=None)
    for name, lane, begin, end, count in spans:
        if name is not None and origin is not None:
            found[name].setdefault(lane, []).append(
                ((begin - origin).total_seconds(), (end - origin).total_seconds(), count))
    if origin is not None and max(end for *_, end, _ in spans).timestamp() - origin.timestamp() > MAX_PERIOD_S:
        raise TaskError("out_of_range", "observations span more than a day",
                        "one programme serves one period of the day", path)
    if sum(count for *_, count in spans) > MAX_VEHICLES:
        raise TaskError("too_large", f"more than {MAX_VEHICLES} vehicles were counted",
                        "give the observations of the period in question", path)
    for detector, periods in found.items():
        if not periods:
            raise TaskError("unknown_detector", f"no observation is of a detector {detector[:64]!r}",
                            "observations name theirs in refDevice, refRoadSegment, name or id", path)
    return _filled(found, start_s, end_s, path, left)


def _filled(found: Mapping[str, Mapping[str, list[Span]]], start_s: float, end_s: float, path: str, left: Left
            ) -> Periods:
    """The counts of each detector's lanes, with their holes filled. Raises TaskError: missing_counts, too_large."""
    lanes = [(detector, lane, spans) for detector, own in found.items() for lane, spans in own.items()]
    last = max((end for *_, spans in lanes for _, end, _ in spans), default=0.0)
    until = min(last, end_s)
    if lanes and last < end_s < math.inf:
        left.tell(f"counts end {last:g} s after the first begins, the period asked for at {end_s:g} s: nobody comes "
                  "after the last count")
    names, filled = [], []
    for _, lane, spans in lanes:
        holes = _holes(spans, start_s, until)
        missing = sum(end - begin for begin, end, _ in holes)
        if missing > MISSING * max(0.0, until - start_s):
            raise TaskError("missing_counts", f"detector {lane[:64]!r} has no count for {missing / 60:g} of "
                            f"{(until - start_s) / 60:g} minutes", "send the missing observations (0 where nobody "
                            "came), or a period in which it counted", path)
        spans += holes
        names += [lane] * bool(holes)
        filled += holes
    if filled:
        minutes, came = sum(end - begin for begin, end, _ in filled) / 60, sum(count for *_, count in filled)
        left.tell(f"{len(filled)} hole{'s' * (len(filled) > 1)} in the counts of {', '.join(names)[:120]}, "
                  f"{minutes:g} minutes in all, got {came} vehicles: the mean rate of the counts before and after")
    if sum(count for *_, spans in lanes for *_, count in spans) > MAX_VEHICLES:
        raise TaskError("too_large", f"more than {MAX_VEHICLES} vehicles with the holes in the counts filled",
                        "send the missing observations", path)
    return {detector: list(chain.from_iterable(own.values())) for detector, own in found.items()}


def _holes(spans: Sequence[Span], start_s: float, until_s: float) -> list[Span]:
    """What is missing of [start_s, until_s), with as many vehicles as at the mean rate of the counts around it."""
    found: list[Span] = []
    at, before = start_s, None
    for span in [*sorted(spans), None]:
        begin = until_s if span is None else min(span[0], until_s)
        around = [one for one in (before, span) if one is not None]
        if begin - at > HOLE * (around[-1][1] - around[-1][0]):
            rate = sum(count / (end - begin) for begin, end, count in around) / len(around)
            found.append((at, begin, round(rate * (begin - at))))
        if span is not None:
            at, before = max(at, span[1]), span
    return found


def draws_of(periods: Periods) -> dict[str, int]:
    """How much there is to draw for each detector, whether or not it falls into the period asked for."""
    return {name: sum(1 + count for *_, count in spans) for name, spans in periods.items()}


def departures(periods: Iterable[Span], share: float, start_s: float, end_s: float,
               rng: random.Random) -> list[float]:
    """Times of the vehicles counted, or a share of them, in [start_s, end_s); all moments of a period are alike."""
    times = [rng.uniform(begin, end) for begin, end, count in periods
             for _ in range(int(count * share + rng.random()))]
    return sorted(time for time in times if start_s <= time < end_s)


def read_counts(counts: Counts, roads: Roads, start_s: float, end_s: float, seed: int,
                left: Left | None = None) -> Demand:
    """Sends every counted vehicle through the network, at each road by its turn shares.

    Raises TaskError: what ``read_periods`` raises, unknown_road, bad_share, zero_demand, too_large.
    """
    shares = _shares(counts, roads)
    for number, entry in enumerate(counts.entries):
        _known(entry.road, roads, f"{COUNTS_PATH}/entries/{number}/road")
        if not roads.edges[entry.road].onward:
            raise TaskError("zero_demand", f"road {entry.road[:64]!r} of detector {entry.detector[:64]!r} leads out "
                            "of the network: who was counted there passes no signal",
                            "give a road into the network, and leave out detectors at its exits",
                            f"{COUNTS_PATH}/entries/{number}/road")
    periods = read_periods(counts.entities, [entry.detector for entry in counts.entries], f"{COUNTS_PATH}/entities",
                           left, start_s, end_s)
    rng = random.Random(seed)  # noqa: S311 (arrivals, not secrets)
    laid: dict[tuple[str, ...], Steps] = {}
    trips: list[tuple[int, Steps]] = []
    taken: Counter[tuple[str, ...]] = Counter()
    ways = _Ways(shares, roads)
    draws, drawn = draws_of(periods), 0
    for entry in counts.entries:
        drawn += draws[entry.detector]
        if drawn > MAX_DRAWN:
            raise TaskError("too_large", f"more than {MAX_DRAWN} vehicles at all entries", "name each detector once",
                            f"{COUNTS_PATH}/entries")
        for time in departures(periods[entry.detector], 1.0, start_s, end_s, rng):
            way = ways.walk(entry.road, rng)
            if way not in laid:
                laid[way] = lay(roads, way)
            taken[way] += 1
            trips.append((round(10 * time), laid[way]))
        if len(trips) > MAX_VEHICLES:
            raise TaskError("too_large", f"more than {MAX_VEHICLES} vehicles in the period",
                            "set period_start_s and period_end_s to the hours in question", COUNTS_PATH)
    return replace(collect(trips), crowded=crowded(roads, taken, trips, left or Left()))


def _shares(counts: Counts, roads: Roads) -> dict[str, dict[str, float]]:
    found: dict[str, dict[str, float]] = {}
    for number, turn in enumerate(counts.turns):
        path = f"{COUNTS_PATH}/turns/{number}"
        _known(turn.from_road, roads, path + "/from_road")
        if turn.to_road not in roads.edges[turn.from_road].onward:
            raise TaskError("unknown_road", f"no connection for cars from {turn.from_road!r} to {turn.to_road!r}",
                            nearest(turn.to_road, list(roads.edges[turn.from_road].onward)), path + "/to_road")
        found.setdefault(turn.from_road, {})[turn.to_road] = turn.share
    for road, ways in found.items():
        if not 0.5 <= sum(ways.values()) <= 1.5:
            raise TaskError("bad_share", f"turn shares of road {road[:64]!r} add up to {sum(ways.values()):g}",
                            "shares of one road add up to 1", f"{COUNTS_PATH}/turns")
    return found


def _known(road: str, roads: Roads, path: str) -> None:
    if road not in roads.edges:
        raise TaskError("unknown_road", f"edge {road[:64]!r} is not in the network", "use the network's edge ids",
                        path)


class _Ways:
    """Where vehicles go on: from each road by its shares, which are put together once."""

    def __init__(self, shares: Mapping[str, Mapping[str, float]], roads: Roads) -> None:
        self._shares, self._roads = shares, roads
        self._onward: dict[str, tuple[list[str], list[float]]] = {}

    def walk(self, road: str, rng: random.Random) -> tuple[str, ...]:
        """Roads one after the other until one leads nowhere; without shares every way but back is as likely."""
        way = [road]
        while len(way) < MAX_ROADS:
            names, weights = self._options(way[-1])
            if not names:
                break
            way.append(rng.choices(names, cum_weights=weights)[0])
        return tuple(way)

    def _options(self, road: str) -> tuple[list[str], list[float]]:
        if road not in self._onward:
            edge = self._roads.edges[road]
            options = self._shares.get(road) or {name: 1.0 for name in edge.onward
                                                 if self._roads.edges[name].to != edge.start}
            self._onward[road] = list(options), list(accumulate(options.values()))
        return self._onward[road]
