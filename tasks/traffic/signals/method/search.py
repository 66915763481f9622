"""Plans to start from, and the moves that make new plans of old ones."""

from __future__ import annotations

import math
import random
from collections import Counter
from collections.abc import Mapping, Sequence
from itertools import pairwise

from lamplighter.tasks.readers.groups import Bounds, bounds
from lamplighter.tasks.readers.network import GREEN, PERMISSIVE, Demand, Junction, Network
from lamplighter.tasks.traffic.signals.jobs import Cost, programme_cycle_ds, shipped_plan
from lamplighter.tasks.traffic.signals.model import Search
from lamplighter.tasks.traffic.signals.spec import Plan

OFFSET_STEPS_S = (-20, -10, -5, -3, -2, -1, 1, 2, 3, 5, 10, 20)
START_UP_DS = 35
CROSSED = 0.3
HALVED = 0.06
HALVINGS = 5
LOST_DS = 5
"""Of each green, in 0.1 s: what its first vehicle takes more than others, less the yellow that the last one uses."""
MOST_BUSY = 0.9
LEAST_PERIOD_DS = 3000
"""A load is over as much time, at least."""
CYCLES = 5
SHORTEST, LONGEST = 0.6, 1.5
"""Cycles to try, as shares of what the busiest junction needs by itself."""
ROOMY = 1.5
"""The longest, as a share of what the junction that needs most time for all its signals cannot do without."""
LEAST_DS, MOST_DS = 300, 1200
"""The bounds of good practice (RiLSA 2010: 30 s, and 90 s, at most 120 s)."""
DENSE_DS = 500
"""However dense demand is, so short a cycle is tried if it can be followed: Webster's formula knows no waves."""

Part = tuple[int, ...]
"""One junction's share of a plan: offset, then the durations of its adjustable phases, in 0.1 s."""


def fitted(junction: Junction, limits: Bounds, cycle_ds: int, weights: Sequence[int] | None = None) -> Part | None:
    """A junction's programme with its greens set in whole seconds to fill ``cycle_ds``; None if it cannot.

    The greens above their least keep the proportions of ``weights``: by default of the programme as shipped.
    """
    greens = [phase.duration_ds for phase in junction.phases if phase.adjustable]
    room = cycle_ds - programme_cycle_ds(junction, (0,)) - sum(least for least, _ in limits)
    if not greens or not 0 <= room <= sum(most - least for least, most in limits):
        return None
    above = [max(0, green - least) for green, (least, _) in zip(weights or greens, limits, strict=True)]
    shares = [room * a // sum(above) if sum(above) else room // len(above) for a in above]
    scaled = [min(least + share // 10 * 10, most) for share, (least, most) in zip(shares, limits, strict=True)]
    rest = room + sum(least for least, _ in limits) - sum(scaled)
    for i in sorted(range(len(scaled)), key=lambda i: -shares[i]):
        more = min(rest, limits[i][1] - scaled[i])
        scaled[i] += more
        rest -= more
    offset = junction.offset_ds * cycle_ds // programme_cycle_ds(junction, (0, *greens)) // 10 * 10
    return (offset, *scaled)


def alive(search: Search, cycles: int, generation: int) -> int:
    """How many of so many cycles still breed: the better half goes on after each fifth of the generations."""
    alive = cycles
    for _ in range(generation // max(1, search.generations // HALVINGS)):
        alive = (alive + 1) // 2
    return alive


def cycles_by_load(network: Network, demand: Demand, minimum_ds: int) -> list[int]:
    """Cycles to try where nobody says which, in whole pairs of seconds: they can be halved.

    They are spread evenly, as proportions, about what the busiest junction needs by itself (Webster 1958), the
    longest at least twice the shortest. All junctions can follow the shortest, or where one of them takes longer than
    the busiest needs (for a walk), or than `DENSE_DS`, some; all can follow the longest.
    """
    moves = Moves(network, demand, minimum_ds, 0)
    free = [j for j, own in enumerate(moves.limits) if own]
    busiest = max((moves.webster_ds(j, demand.end_ds - demand.begin_ds) for j in free), default=600)
    needed = [programme_cycle_ds(network.junctions[j], (0,)) + sum(low for low, _ in moves.limits[j]) for j in free]
    low = min(DENSE_DS, max(LEAST_DS, SHORTEST * busiest, min(max(needed, default=0), busiest)))
    low = max(low, min(needed, default=0))
    high = max(1.5 * low, min(MOST_DS, max(2 * low, LONGEST * busiest, ROOMY * max(needed, default=0))))
    steps = (low * (high / low) ** (i / (CYCLES - 1)) for i in range(CYCLES))
    return list(dict.fromkeys(20 * math.ceil(step / 20) for step in steps))


class Moves:
    """All that the search knows of a network and its demand, and the random source that it draws from."""

    def __init__(self, network: Network, demand: Demand, minimum_ds: int, seed: int) -> None:
        self.network = network
        self.limits = [bounds(junction, minimum_ds) for junction in network.junctions]
        self.rng = random.Random(seed)  # noqa: S311 (the search must be repeatable)
        self.shipped = shipped_plan(network)
        self.flows: Counter[int] = Counter()
        self.follows: Counter[tuple[int, int, int]] = Counter()
        """Vehicles by (movement, next movement, travel time between them)."""
        for _, route in demand.vehicles:
            steps = demand.routes[route]
            self.flows.update(movement for movement, _ in steps)
            self.follows.update((a, b, travel) for (a, _), (b, travel) in pairwise(steps))
        self.links = {link.movement: link for link in network.links}
        self.states = {link.movement: network.junctions[link.junction].states(link.signal) for link in network.links}
        self.asked = self._asked()
        """Per junction and adjustable phase the green that its busiest lane asks for in the whole period (Webster
        1958)."""

    def movable(self, cycle_ds: int) -> list[bool]:
        """Which junctions can follow a cycle."""
        return [fitted(junction, limits, cycle_ds) is not None
                for junction, limits in zip(self.network.junctions, self.limits, strict=True)]

    def starts(self, cycle_ds: int) -> list[Plan]:
        """Plans at a cycle to begin with: as shipped, by load, and both with green waves."""
        found = []
        for weigh in (False, True):
            plan = tuple(fitted(junction, self.limits[j], cycle_ds, self._loads(j) if weigh else None)
                         or self.shipped[j] for j, junction in enumerate(self.network.junctions))
            found += [plan, self.waved(plan, cycle_ds)]
        return list(dict.fromkeys(found))

    def _loads(self, j: int) -> list[int]:
        """Per adjustable phase its least green, and on top of it what it asks for, on no scale."""
        return [least + load for load, (least, _) in zip(self.asked[j], self.limits[j], strict=True)]

    def webster_ds(self, j: int, period_ds: int) -> int:
        """The cycle of least delay at a junction by itself, where its greens could have any length (Webster 1958)."""
        lost = programme_cycle_ds(self.network.junctions[j], (0,)) + LOST_DS * len(self.limits[j])
        busy = min(MOST_BUSY, sum(self.asked[j]) / max(LEAST_PERIOD_DS, period_ds))
        return round((1.5 * lost + 50) / (1 - busy))

    def _asked(self) -> list[list[int]]:
        lanes: Counter[int] = Counter()
        options = Counter(link.movement for link in self.network.links)
        for link in self.network.links:
            lanes[link.lane] += self.flows[link.movement] * link.headway_ds // options[link.movement]
        junctions = self.network.junctions
        loads = [[0] * len(junction.phases) for junction in junctions]
        for link in self.network.links:
            green = [i for i, state in enumerate(self.states[link.movement]) if state == GREEN] or [
                i for i, state in enumerate(self.states[link.movement]) if state == PERMISSIVE]
            for i in green:
                loads[link.junction][i] = max(loads[link.junction][i], lanes[link.lane] // len(green))
        return [[load for load, phase in zip(found, junction.phases, strict=True) if phase.adjustable]
                for found, junction in zip(loads, junctions, strict=True)]

    def opening_ds(self, plan: Plan, movement: int) -> int:
        """When in the cycle a movement's green begins, without the offset; 0 if it never does."""
        link = self.links[movement]
        phases = self.network.junctions[link.junction].phases
        greens = iter(plan[link.junction][1:])
        ends = [0]
        for phase in phases:
            ends.append(ends[-1] + (next(greens) if phase.adjustable else phase.duration_ds))
        states = self.states[movement]
        open_ = [state in (GREEN, PERMISSIVE) for state in states]
        return next((ends[i] for i in range(len(states)) if open_[i] and not open_[i - 1]), 0)

    def waved(self, plan: Plan, cycle_ds: int) -> Plan:
        """The plan with offsets by which the busiest pairs of movements meet green one after the other.

        Pairs are taken in order of their vehicles; two groups of junctions join at the first pair between
        them, as in Kruskal's tree.
        """
        group = list(range(len(plan)))
        offsets = [0] * len(plan)
        for (a, b, travel), _ in sorted(self.follows.items(), key=lambda item: (-item[1], item[0])):
            i, j = self.links[a].junction, self.links[b].junction
            if group[i] == group[j]:
                continue
            wanted = offsets[i] + self.opening_ds(plan, a) + travel + START_UP_DS - self.opening_ds(plan, b)
            shift, old = wanted - offsets[j], group[j]
            for k in range(len(plan)):
                if group[k] == old:
                    offsets[k] += shift
                    group[k] = group[i]
        return tuple((offset % cycle_ds // 10 * 10, *part[1:]) if can else part for offset, part, can in
                     zip(offsets, plan, self.movable(cycle_ds), strict=True))

    def children(self, parents: Sequence[Plan], known: Mapping[Plan, Cost], cycle_ds: int, count: int) -> list[Plan]:
        """``count`` new plans at a cycle; without parents the plans to begin with, and moves from those."""
        if not parents:
            begin = self.starts(cycle_ds)[:count]
            return begin + [self._child(begin, known, cycle_ds) for _ in range(count - len(begin))]
        return [self._child(parents, known, cycle_ds) for _ in range(count)]

    def _child(self, parents: Sequence[Plan], known: Mapping[Plan, Cost], cycle_ds: int) -> Plan:
        """One parent, or each junction as in that of two in which it cost less, with one to three moves.

        Junctions that cost most are moved most; those that cannot follow the cycle never.
        """
        plan = self.rng.choice(parents)
        cost = known[plan].junctions if plan in known else (0,) * len(plan)
        if self.rng.random() < CROSSED:
            other = self.rng.choice(parents)
            if plan in known and other in known:
                pairs = list(zip(cost, known[other].junctions, plan, other, strict=True))
                plan = tuple(own if mine <= its else part for mine, its, own, part in pairs)
                cost = tuple(min(mine, its) for mine, its, _, _ in pairs)
        worry = [(1 + c) * can for c, can in zip(cost, self.movable(cycle_ds), strict=True)]
        parts = [list(part) for part in plan]
        for j in self.rng.choices(range(len(parts)), worry, k=self.rng.choice((1, 1, 2, 3))):
            if self.rng.random() >= HALVED or not self._halve(parts[j], j, cycle_ds):
                self._move(parts[j], self.limits[j], len(parts), cycle_ds)
        return tuple(tuple(part) for part in parts)

    def _halve(self, part: list[int], j: int, cycle_ds: int) -> bool:
        """Lets a junction run two cycles in the time of one, or one again; False if that does not fit."""
        junction = self.network.junctions[j]
        once = programme_cycle_ds(junction, tuple(part)) == cycle_ds
        other = fitted(junction, self.limits[j], cycle_ds // 2 if once else cycle_ds, part[1:])
        if other is None or cycle_ds % 20:
            return False
        part[1:] = other[1:]
        return True

    def _move(self, part: list[int], limits: Bounds, junctions: int, cycle_ds: int) -> None:
        """Shifts or redraws an offset, or hands 1 to 8 s from one green to another."""
        rng = self.rng
        if len(part) > 2 and (junctions == 1 or rng.random() < 0.5):
            giver, taker = rng.sample(range(1, len(part)), 2)
            seconds = min(rng.randint(1, 8) * 10, (part[giver] - limits[giver - 1][0]) // 10 * 10,
                          (limits[taker - 1][1] - part[taker]) // 10 * 10)
            if seconds > 0:
                part[giver] -= seconds
                part[taker] += seconds
        elif rng.random() < 0.85:
            part[0] = (part[0] + 10 * rng.choice(OFFSET_STEPS_S)) % cycle_ds
        else:
            part[0] = 10 * rng.randrange(cycle_ds // 10)
