"""The search for a plan: evolution over cycle, splits and offsets, every plan judged by simulation jobs."""

from __future__ import annotations

import random
from collections.abc import Generator, Sequence
from dataclasses import dataclass
from itertools import chain

from tasks.api import Context, Job, Solution, TaskError
from tasks.traffic.signals.model import Search, SignalsInput
from tasks.traffic.signals.network import Demand, Network
from tasks.traffic.signals.pack import (
    Plan,
    Window,
    costs,
    jittered,
    job,
    network_context,
    plans_per_job,
    programme_cycle_ds,
    shipped_plan,
    windows,
)
from tasks.traffic.signals.plain import read_plain
from tasks.traffic.signals.result import Finding, result_of
from tasks.traffic.signals.routes import parse_routes, read_routes, vehicle_m
from tasks.traffic.signals.sumo import read_network

MAX_PERIOD_S = 4 * 3600
MAX_JOBS = 200_000
FINALISTS = 7
CHECK_SEED = 1_000_003
OFFSET_STEPS_S = (-20, -10, -5, -3, -2, -1, 1, 2, 3, 5, 10, 20)


@dataclass(frozen=True, slots=True)
class Spec:
    """A validated request with all it needs to run."""

    network: Network
    demand: Demand
    search: Search
    shared: Context
    training: tuple[Window, ...]
    unseen: tuple[Window, ...]
    """The same demand, jittered anew: what the finalists are judged and the prediction is made on."""


def prepare(given: SignalsInput) -> Spec:
    """Reads network and demand and cuts them into contexts. Raises TaskError."""
    search = given.search
    if (given.sumo is None) == (given.plain is None):
        raise TaskError("bad_value", "give either sumo or plain", "sumo: two XML texts; plain: junctions and routes")
    start = given.period_start_s or 0.0
    if given.period_end_s is not None and given.period_end_s <= start:
        raise TaskError("out_of_range", "the period ends before it starts", "", "/period_end_s")
    if given.sumo is not None:
        routes = parse_routes(given.sumo.routes_xml)
        network, roads = read_network(given.sumo.network_xml, vehicle_m(routes))
        end = float("inf") if given.period_end_s is None else given.period_end_s
        demand = read_routes(routes, roads, start, end, search.seed)
    else:
        assert given.plain is not None
        network, demand = read_plain(given.plain, start, given.period_end_s, search.seed)
    if demand.end_ds - demand.begin_ds > 10 * MAX_PERIOD_S:
        raise TaskError("too_large", f"departures span more than {MAX_PERIOD_S // 3600} hours",
                        "one programme serves one period of the day: set its start and end", "/period_end_s")
    minimum = 10 * search.minimum_green_s
    if not any(_fitted(network, j, 10 * cycle, minimum)
               for j in range(len(network.junctions)) for cycle in search.cycles_s):
        raise TaskError("nothing_to_adjust", "no junction's greens can be made to fit any of the cycles",
                        "choose longer cycles or a shorter minimum green", "/search/cycles_s")
    cut = windows(demand, [jittered(demand, 10 * search.jitter_s, seed)
                           for base in (search.seed, CHECK_SEED + search.seed)
                           for seed in range(base, base + search.replicas)], search.window_s)
    training = tuple(w for replica in cut[:search.replicas] for w in replica)
    unseen = tuple(w for replica in cut[search.replicas:] for w in replica)
    plans = len(search.cycles_s) * (search.generations * search.children + 1)
    if plans * len(training) / plans_per_job(len(network.junctions)) > MAX_JOBS:
        raise TaskError("too_large", f"the search takes more than {MAX_JOBS} jobs",
                        "fewer generations, children or cycles, or a shorter period", "/search")
    return Spec(network, demand, search, network_context(network), training, unseen)


def _fitted(network: Network, j: int, cycle_ds: int, minimum_ds: int) -> tuple[int, ...] | None:
    """A junction's programme as shipped, its greens scaled in whole seconds to ``cycle_ds``; None if it cannot."""
    junction = network.junctions[j]
    greens = [phase.duration_ds for phase in junction.phases if phase.adjustable]
    room = cycle_ds - programme_cycle_ds(junction, (0,)) - minimum_ds * len(greens)
    if not greens or room < 0:
        return None
    above = [max(0, green - minimum_ds) for green in greens]
    scaled = [minimum_ds + (room * a // max(1, sum(above)) if sum(above) else room // len(above)) // 10 * 10
              for a in above]
    scaled[scaled.index(max(scaled))] += room + minimum_ds * len(greens) - sum(scaled)
    offset = junction.offset_ds * cycle_ds // programme_cycle_ds(junction, (0, *greens)) // 10 * 10
    return (offset, *scaled)


def _scaled(network: Network, cycle_ds: int, minimum_ds: int) -> Plan:
    """The shipped plan at another cycle; junctions that cannot follow keep theirs."""
    return tuple(_fitted(network, j, cycle_ds, minimum_ds) or part for j, part in enumerate(shipped_plan(network)))


def _mutated(plan: Plan, worry: Sequence[int], cycle_ds: int, minimum_ds: int, rng: random.Random) -> Plan:
    """One to three moves: shift or redraw an offset, or hand 1 to 8 s from one green of a junction to another.

    ``worry`` weighs junctions: those that cost most under ``plan`` are moved most; those of 0 never.
    """
    parts = [list(part) for part in plan]
    for part in rng.choices(parts, worry, k=rng.choice((1, 1, 2, 3))):
        if len(part) > 2 and (len(plan) == 1 or rng.random() < 0.5):
            giver, taker = rng.sample(range(1, len(part)), 2)
            seconds = min(rng.randint(1, 8) * 10, (part[giver] - minimum_ds) // 10 * 10)
            if seconds > 0:
                part[giver] -= seconds
                part[taker] += seconds
        elif rng.random() < 0.85:
            part[0] = (part[0] + 10 * rng.choice(OFFSET_STEPS_S)) % cycle_ds
        else:
            part[0] = 10 * rng.randrange(cycle_ds // 10)
    return tuple(tuple(part) for part in parts)


def solve(spec: Spec) -> Solution:
    """One round per generation for all cycles together, then the finalists on unseen demand."""
    search = spec.search
    rng = random.Random(search.seed)  # noqa: S311 (the search must be repeatable)
    minimum = 10 * search.minimum_green_s
    shipped = shipped_plan(spec.network)
    known: dict[Plan, list[int]] = {}
    populations: dict[int, list[Plan]] = {}
    history = []
    even = [0] * len(shipped)
    for generation in range(search.generations):
        children: dict[int, list[Plan]] = {}
        for cycle in search.cycles_s:
            base = _scaled(spec.network, 10 * cycle, minimum)
            movable = [_fitted(spec.network, j, 10 * cycle, minimum) is not None for j in range(len(base))]
            if any(movable):
                parents = populations.get(cycle) or [base]
                children[cycle] = [] if generation else [base]
                while len(children[cycle]) < search.children:
                    parent = rng.choice(parents)
                    worry = [(1 + cost) * free for cost, free in zip(known.get(parent, even), movable, strict=True)]
                    children[cycle].append(_mutated(parent, worry, 10 * cycle, minimum, rng))
        born = chain(() if generation else (shipped,), *children.values())
        fresh = [plan for plan in dict.fromkeys(born) if plan not in known]
        judged = yield from evaluate(spec, spec.training, fresh)
        known.update(zip(fresh, judged, strict=True))
        for cycle, plans in children.items():
            pool = dict.fromkeys(populations.get(cycle, []) + plans)
            populations[cycle] = sorted(pool, key=lambda p: (sum(known[p]), p))[:search.parents]
        history.append(min(map(sum, known.values())))
    ranked = sorted({p for plans in populations.values() for p in plans} - {shipped},
                    key=lambda p: (sum(known[p]), p))
    finalists = [shipped, *ranked[:FINALISTS]]
    judged = yield from evaluate(spec, spec.unseen, finalists)
    best = min(range(len(finalists)), key=lambda i: (sum(known[finalists[i]]) + sum(judged[i]), i))
    if sum(judged[best]) > sum(judged[0]):  # won on the demand it was bred on only
        best = 0
    return result_of(Finding(spec.network, spec.demand, finalists[best], judged[0], judged[best],
                             sum(w.counted for w in spec.unseen), len(known), search.replicas,
                             [cost / max(1, sum(known[shipped])) for cost in history]))


def evaluate(spec: Spec, over: Sequence[Window], plans: Sequence[Plan]
             ) -> Generator[Sequence[Job], Sequence[bytes], list[list[int]]]:
    """One round of jobs: every plan on every window. Returns cost per plan and junction in 0.1 s."""
    size = plans_per_job(len(spec.network.junctions))
    groups = [plans[i:i + size] for i in range(0, len(plans), size)]
    if not groups:
        return []
    answers = yield [job(spec.network, spec.shared, window, group) for group in groups for window in over]
    found: list[list[int]] = []
    for g, group in enumerate(groups):
        found += costs(answers[g * len(over):(g + 1) * len(over)], len(spec.network.junctions), len(group))
    return found


def check(spec: Spec, job: Job, answer: bytes) -> bool:
    """False if a cost is beyond what all vehicles waiting all the time could reach."""
    window = next((w for w in (*spec.training, *spec.unseen) if w.context == job.contexts[1]), None)
    if window is None or len(answer) != job.answer_bytes:
        return False
    junctions = len(spec.network.junctions)
    found = costs([answer], junctions, len(answer) // (4 * junctions))
    return all(sum(plan) <= window.worst_ds for plan in found)
