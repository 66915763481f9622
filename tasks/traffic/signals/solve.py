"""The search for a plan: evolution over cycle, splits and offsets, every plan judged by simulation jobs."""

from __future__ import annotations

from collections.abc import Generator, Sequence
from dataclasses import dataclass
from itertools import chain

from lamplighter.tasks.api import Context, DeadlinePassed, Job, Solution, TaskError
from lamplighter.tasks.readers.network import Demand, Network
from lamplighter.tasks.readers.routes import parse_routes, read_routes, vehicle_m
from lamplighter.tasks.readers.sumo import NETWORK_PATH, read_network
from lamplighter.tasks.traffic.signals.jobs import (
    Cost,
    Plan,
    Window,
    costs,
    jittered,
    job,
    network_context,
    plans_per_job,
    windows,
)
from lamplighter.tasks.traffic.signals.method.counts import read_counts
from lamplighter.tasks.traffic.signals.method.plain import read_plain
from lamplighter.tasks.traffic.signals.method.search import Moves, fitted
from lamplighter.tasks.traffic.signals.model import Search, SignalsInput, Sumo
from lamplighter.tasks.traffic.signals.result import Finding, Progress, result_of

MAX_PERIOD_S = 4 * 3600
MAX_JOBS = 200_000
FINALISTS = 7
CHECK_SEED = 1_000_003
HALVINGS = 5


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
        raise TaskError("out_of_range", "the period ends before it starts", "a later end", "/period_end_s")
    if given.sumo is not None:
        network, demand = _from_sumo(given.sumo, start, given.period_end_s, search.seed)
    else:
        assert given.plain is not None
        network, demand = read_plain(given.plain, start, given.period_end_s, search.seed)
    where = "/plain/junctions" if given.sumo is None else NETWORK_PATH
    if demand.end_ds - demand.begin_ds > 10 * MAX_PERIOD_S:
        raise TaskError("too_large", f"departures span more than {MAX_PERIOD_S // 3600} hours",
                        "one programme serves one period of the day: set its start and end", "/period_end_s")
    minimum = 10 * search.minimum_green_s
    if not any(fitted(network, j, 10 * cycle, minimum)
               for j in range(len(network.junctions)) for cycle in search.cycles_s):
        raise TaskError("nothing_to_adjust", "no junction's greens can be made to fit any of the cycles",
                        "choose longer cycles or a shorter minimum green", "/search/cycles_s")
    cut = windows(demand, [jittered(demand, 10 * search.jitter_s, seed)
                           for base in (search.seed, CHECK_SEED + search.seed)
                           for seed in range(base, base + search.replicas)], search.window_s)
    training = tuple(w for replica in cut[:search.replicas] for w in replica)
    unseen = tuple(w for replica in cut[search.replicas:] for w in replica)
    plans = sum(_alive(search, generation) * search.children for generation in range(search.generations))
    if plans * len(training) / plans_per_job(len(network.junctions)) > MAX_JOBS:
        raise TaskError("too_large", f"the search takes more than {MAX_JOBS} jobs",
                        "fewer generations, children or cycles, or a shorter period", "/search")
    return Spec(network, demand, search, network_context(network, where), training, unseen)


def _from_sumo(sumo: Sumo, start_s: float, until_s: float | None, seed: int) -> tuple[Network, Demand]:
    end_s = float("inf") if until_s is None else until_s
    if (sumo.routes_xml is None) == (sumo.counts is None):
        raise TaskError("bad_value", "give either routes_xml or counts", "counts: detectors and turn shares", "/sumo")
    if sumo.counts is not None:
        network, roads = read_network(sumo.network_xml)
        return network, read_counts(sumo.counts, roads, start_s, end_s, seed)
    routes = parse_routes(sumo.routes_xml or "")
    network, roads = read_network(sumo.network_xml, vehicle_m(routes))
    return network, read_routes(routes, roads, start_s, end_s, seed)


def _alive(search: Search, generation: int) -> int:
    """How many cycles still breed: the better half goes on after each fifth of the generations."""
    alive = len(search.cycles_s)
    for _ in range(generation // max(1, search.generations // HALVINGS)):
        alive = (alive + 1) // 2
    return alive


def solve(spec: Spec) -> Solution:
    """One round per generation for all cycles together, then the finalists on unseen demand.

    At a deadline the best plan so far is the answer; it passes if nothing but the shipped plan was judged.
    """
    search = spec.search
    moves = Moves(spec.network, spec.demand, 10 * search.minimum_green_s, search.seed)
    known: dict[Plan, Cost] = {}
    cycles = [10 * cycle for cycle in search.cycles_s if any(moves.movable(10 * cycle))]
    populations: dict[int, list[Plan]] = {cycle: [] for cycle in cycles}
    history: list[int] = []
    missing = 0
    while not missing and len(history) < search.generations:
        best_first = sorted(populations, key=lambda c: min((known[p].total for p in populations[c]), default=0))
        breeding = best_first[:_alive(search, len(history))]
        children = {cycle: moves.children(populations[cycle], known, cycle, search.children) for cycle in breeding}
        born = chain((moves.shipped,), *children.values())
        fresh = [plan for plan in dict.fromkeys(born) if plan not in known]
        missing = yield from evaluate(spec, spec.training, fresh, known)
        for cycle, plans in children.items():
            pool = dict.fromkeys(p for p in populations[cycle] + plans if p in known)
            populations[cycle] = sorted(pool, key=lambda p: (known[p].total, p))[:search.parents]
        if not missing:
            history.append(min(cost.total for cost in known.values()))
    if moves.shipped not in known or len(known) == 1:
        raise DeadlinePassed(())
    ranked = sorted(known.keys() - {moves.shipped}, key=lambda p: (known[p].total, p))
    finalists = [moves.shipped, *ranked[:FINALISTS]]
    unseen: dict[Plan, Cost] = {}
    if not missing:
        missing = yield from evaluate(spec, spec.unseen, finalists, unseen)
    progress = Progress(len(history), search.generations, len(unseen), len(finalists), missing)
    checked = unseen if moves.shipped in unseen and len(unseen) > 1 else known
    best = min((p for p in finalists if p in checked), key=lambda p: known[p].total + checked[p].total)
    if checked[best].total > checked[moves.shipped].total:  # won on the demand it was bred on only
        best = moves.shipped
    windows_used = spec.training if checked is known else spec.unseen
    return result_of(Finding(spec.network, spec.demand, best, checked[moves.shipped], checked[best],
                             sum(w.counted for w in windows_used), len(known), search.replicas,
                             [cost / max(1, known[moves.shipped].total) for cost in history], progress))


def evaluate(spec: Spec, over: Sequence[Window], plans: Sequence[Plan], into: dict[Plan, Cost]
             ) -> Generator[Sequence[Job], Sequence[bytes], int]:
    """One round of jobs: every plan on every window; costs go ``into`` the dict.

    Returns how many answers are missing: more than 0 after the deadline; plans that lack one are left out.
    """
    size = plans_per_job(len(spec.network.junctions))
    groups = [plans[i:i + size] for i in range(0, len(plans), size)]
    if not groups:
        return 0
    answers: Sequence[bytes | None]
    try:
        answers = yield [job(spec.network, spec.shared, window, group) for group in groups for window in over]
    except DeadlinePassed as late:
        answers = late.answers
    for g, group in enumerate(groups):
        own = [answer for answer in answers[g * len(over):(g + 1) * len(over)] if answer is not None]
        if len(own) == len(over):
            into.update(zip(group, costs(own, over, len(spec.network.junctions), len(group)), strict=True))
    return sum(answer is None for answer in answers)


def check(spec: Spec, job: Job, answer: bytes) -> bool:
    """False if a cost is beyond what all vehicles waiting all the time could reach."""
    window = next((w for w in (*spec.training, *spec.unseen) if w.context == job.contexts[1]), None)
    if window is None or len(answer) != job.answer_bytes:
        return False
    junctions = len(spec.network.junctions)
    found = costs([answer], [window], junctions, len(answer) // (4 * junctions))
    return all(plan.total <= window.worst_ds for plan in found)
