"""The search for a plan: evolution over cycle, splits and offsets, every plan judged by simulation jobs."""

from __future__ import annotations

from collections.abc import Generator, Sequence
from dataclasses import dataclass, replace
from itertools import chain
from statistics import fmean

from lamplighter.tasks.api import DeadlinePassed, Job, Solution, TaskError
from lamplighter.tasks.readers.network import Junction
from lamplighter.tasks.traffic.signals.jobs import Cost, costs, job, plans_per_job, shipped_plan
from lamplighter.tasks.traffic.signals.method import safety
from lamplighter.tasks.traffic.signals.method.city import added, arrivals, joined
from lamplighter.tasks.traffic.signals.method.search import Moves, alive
from lamplighter.tasks.traffic.signals.result import Finding, Progress, assemble
from lamplighter.tasks.traffic.signals.spec import Plan, Region, Spec, Window

FINALISTS = 7
TOO_MANY = ("under the plans found more vehicles come together between regions than a device can look at: their "
            "delays are for vehicles that arrive as under the programmes as shipped; so dense a demand is near "
            "gridlock, check whether departures are doubled")

Populations = dict[int, list[Plan]]
"""Per cycle the plans that breed."""


@dataclass(frozen=True, slots=True)
class Found:
    """What the search found out for one network; costs are on unseen demand, unless ``progress`` says so."""

    plan: Plan
    before: Cost
    after: Cost
    plans: int
    history: list[float]
    progress: Progress
    populations: Populations
    notes: tuple[str, ...] = ()


Searching = Generator[Sequence[Job], Sequence[bytes], Found]


def solve(spec: Spec) -> Solution:
    """One round per generation for all cycles together, then the finalists on unseen demand.

    At a deadline the best plan so far is the answer; it passes if nothing but the shipped plan was judged.
    Raises TaskError ``unsafe_plan`` instead of publishing a plan that may not be switched on.
    """
    found = yield from (city(spec) if spec.regions else search(spec, {}))
    result = assemble(Finding(spec.network, spec.demand, found.plan, found.before, found.after,
                              len(spec.demand.vehicles) * spec.search.replicas, found.plans, spec.search.replicas,
                              found.history, found.progress, spec.notes + found.notes))
    safety.require({junction.id: _shipped(junction) for junction in spec.network.junctions},
                   result.data["junctions"], 10 * spec.search.minimum_green_s)
    return result


def _shipped(junction: Junction) -> safety.Shipped:
    """What the safety check needs to know of a junction."""
    return safety.Shipped(tuple(safety.Shown(phase.signals, shown_ds, phase.shortest_ds, phase.longest_ds)
                                for phase, shown_ds in zip(junction.phases, junction.shown, strict=True)),
                          junction.conflicts, junction.others, junction.walks)


def city(spec: Spec) -> Searching:
    """All regions side by side, once with arrivals at their borders under the plans as shipped, once under those
    found. What the plans cost is of the second time, what those as shipped do is of the first."""
    regions = [region for region, _ in spec.regions]
    first = yield from _together([search(own, {}) for _, own in spec.regions])
    plan = joined(spec.network, zip(regions, (found.plan for found in first), strict=True))
    last, missing = first, sum(found.progress.jobs_missing for found in first)
    again = None if missing else _arriving(spec, plan)
    if again is not None:
        try:
            last = yield from _together([search(own, found.populations)
                                         for (_, own), found in zip(again, first, strict=True)])
        except DeadlinePassed as late:   # some region knows nothing yet of the second time
            missing = sum(answer is None for answer in late.answers)
        else:
            missing = sum(found.progress.jobs_missing for found in last)
    return replace(_city(spec, regions, first, last, missing), notes=(TOO_MANY,) * (again is None and not missing))


def _arriving(spec: Spec, plan: Plan) -> tuple[tuple[Region, Spec], ...] | None:
    """The regions with those who come under another plan; None if that is more than a device can look at.

    Only now can that be known: where a plan lets more through, more come together behind it.
    """
    try:
        return arrivals(spec, plan)
    except TaskError as error:
        if error.code != "too_dense":
            raise
        return None


def _city(spec: Spec, regions: Sequence[Region], first: Sequence[Found], last: Sequence[Found], missing: int
          ) -> Found:
    """The findings of the regions as one: the plans as shipped if those found are no better all together."""
    both = first if last is first else [*first, *last]
    history = [fmean(shares) for half in ([first] if last is first else [first, last])
               for shares in zip(*(found.history for found in half), strict=False)]
    progress = Progress(len(history), 2 * max(1, spec.search.generations // 2),
                        sum(found.progress.finalists for found in last),
                        sum(found.progress.finalists_asked for found in last), missing)
    before = added(spec.network, [(region, found.before) for region, found in zip(regions, first, strict=True)])
    after = added(spec.network, [(region, found.after) for region, found in zip(regions, last, strict=True)])
    plan = joined(spec.network, zip(regions, (found.plan for found in last), strict=True))
    if after.total > before.total:
        plan, after = shipped_plan(spec.network), before
    return Found(plan, before, after, sum(found.plans for found in both), history, progress, {})


def _together(searches: Sequence[Searching]) -> Generator[Sequence[Job], Sequence[bytes], list[Found]]:
    """Searches side by side: a round of each is one round. At the deadline each hears what it has of its own.

    Raises DeadlinePassed with all answers if one of them then has nothing to say.
    """
    found: dict[int, Found] = {}
    wanted: dict[int, Sequence[Job]] = {}
    everything: Sequence[bytes | None] = ()

    def go_on(i: int, answers: Sequence[bytes | None] | None, late: bool) -> None:
        try:
            wanted[i] = (next(searches[i]) if answers is None else searches[i].throw(DeadlinePassed(answers)) if late
                         else searches[i].send([answer for answer in answers if answer is not None]))
        except StopIteration as end:
            found[i] = end.value
            wanted.pop(i, None)
        except DeadlinePassed:
            raise DeadlinePassed(everything) from None

    for i in range(len(searches)):
        go_on(i, None, late=False)
    late = False
    while wanted:
        try:
            everything = yield [one for jobs in wanted.values() for one in jobs]
        except DeadlinePassed as passed:
            everything, late = passed.answers, True
        at = 0
        for i, jobs in list(wanted.items()):
            go_on(i, everything[at:at + len(jobs)], late)
            at += len(jobs)
    return [found[i] for i in range(len(searches))]


def search(spec: Spec, begin: Populations) -> Searching:
    """The best plan of one network, from plans that bred before or from none."""
    asked = spec.search
    moves = Moves(spec.network, spec.demand, 10 * asked.minimum_green_s, asked.seed)
    known: dict[Plan, Cost] = {}
    populations: Populations = {cycle: begin.get(cycle, []) for cycle in spec.cycles_ds}
    history: list[int] = []
    missing = 0
    while not missing and len(history) < asked.generations:
        best_first = sorted(populations, key=lambda c: min((known[p].total for p in populations[c] if p in known),
                                                           default=0))
        breeding = best_first[:alive(asked, len(populations), len(history))]
        children = {cycle: moves.children(populations[cycle], known, cycle, asked.children) for cycle in breeding}
        born = chain((moves.shipped,), *populations.values(), *children.values())
        fresh = [plan for plan in dict.fromkeys(born) if plan not in known]
        missing = yield from evaluate(spec, spec.training, fresh, known)
        for cycle, plans in children.items():
            pool = dict.fromkeys(p for p in populations[cycle] + plans if p in known)
            populations[cycle] = sorted(pool, key=lambda p: (known[p].total, p))[:asked.parents]
        if not missing:
            history.append(min(cost.total for cost in known.values()))
    if moves.shipped not in known or (missing and len(known) == 1):
        raise DeadlinePassed(())
    ranked = sorted(known.keys() - {moves.shipped}, key=lambda p: (known[p].total, p))
    finalists = [moves.shipped, *ranked[:FINALISTS]]
    unseen: dict[Plan, Cost] = {}
    if not missing:
        missing = yield from evaluate(spec, spec.unseen, finalists, unseen)
    progress = Progress(len(history), asked.generations, len(unseen), len(finalists), missing)
    checked = unseen if moves.shipped in unseen and len(unseen) > min(1, len(ranked)) else known
    best = min((p for p in finalists if p in checked), key=lambda p: known[p].total + checked[p].total)
    if checked[best].total > checked[moves.shipped].total:  # won on the demand it was bred on only
        best = moves.shipped
    return Found(best, checked[moves.shipped], checked[best], len(known),
                 [cost / max(1, known[moves.shipped].total) for cost in history], progress, populations)


def rounds(spec: Spec) -> int:
    """How many rounds there may be: one for each generation, one for the finalists; of a city the half, twice."""
    return 2 * (max(1, spec.search.generations // 2) + 1) if spec.regions else spec.search.generations + 1


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
