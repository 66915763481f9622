"""The search for a plan: evolution over cycle, splits and offsets, every plan judged by simulation jobs."""

from __future__ import annotations

from collections.abc import Generator, Sequence
from itertools import chain

from lamplighter.tasks.api import DeadlinePassed, Job, Solution
from lamplighter.tasks.readers.network import Junction
from lamplighter.tasks.traffic.signals.jobs import Cost, costs, job, plans_per_job
from lamplighter.tasks.traffic.signals.method import safety
from lamplighter.tasks.traffic.signals.method.search import Moves, alive
from lamplighter.tasks.traffic.signals.result import Finding, Progress, assemble
from lamplighter.tasks.traffic.signals.spec import Plan, Spec, Window

FINALISTS = 7


def solve(spec: Spec) -> Solution:
    """One round per generation for all cycles together, then the finalists on unseen demand.

    At a deadline the best plan so far is the answer; it passes if nothing but the shipped plan was judged.
    Raises TaskError ``unsafe_plan`` instead of publishing a plan that may not be switched on.
    """
    search = spec.search
    moves = Moves(spec.network, spec.demand, 10 * search.minimum_green_s, search.seed)
    known: dict[Plan, Cost] = {}
    populations: dict[int, list[Plan]] = {cycle: [] for cycle in spec.cycles_ds}
    history: list[int] = []
    missing = 0
    while not missing and len(history) < search.generations:
        best_first = sorted(populations, key=lambda c: min((known[p].total for p in populations[c]), default=0))
        breeding = best_first[:alive(search, len(history))]
        children = {cycle: moves.children(populations[cycle], known, cycle, search.children) for cycle in breeding}
        born = chain((moves.shipped,), *children.values())
        fresh = [plan for plan in dict.fromkeys(born) if plan not in known]
        missing = yield from evaluate(spec, spec.training, fresh, known)
        for cycle, plans in children.items():
            pool = dict.fromkeys(p for p in populations[cycle] + plans if p in known)
            populations[cycle] = sorted(pool, key=lambda p: (known[p].total, p))[:search.parents]
        if not missing:
            history.append(min(cost.total for cost in known.values()))
    if moves.shipped not in known or (missing and len(known) == 1):
        raise DeadlinePassed(())
    ranked = sorted(known.keys() - {moves.shipped}, key=lambda p: (known[p].total, p))
    finalists = [moves.shipped, *ranked[:FINALISTS]]
    unseen: dict[Plan, Cost] = {}
    if not missing:
        missing = yield from evaluate(spec, spec.unseen, finalists, unseen)
    progress = Progress(len(history), search.generations, len(unseen), len(finalists), missing)
    checked = unseen if moves.shipped in unseen and len(unseen) > min(1, len(ranked)) else known
    best = min((p for p in finalists if p in checked), key=lambda p: known[p].total + checked[p].total)
    if checked[best].total > checked[moves.shipped].total:  # won on the demand it was bred on only
        best = moves.shipped
    windows_used = spec.training if checked is known else spec.unseen
    result = assemble(Finding(spec.network, spec.demand, best, checked[moves.shipped], checked[best],
                              sum(w.counted for w in windows_used), len(known), search.replicas,
                              [cost / max(1, known[moves.shipped].total) for cost in history], progress, spec.notes))
    safety.require({junction.id: _shipped(junction) for junction in spec.network.junctions},
                   result.data["junctions"], 10 * search.minimum_green_s)
    return result


def _shipped(junction: Junction) -> safety.Shipped:
    """What the safety check needs to know of a junction."""
    return safety.Shipped(tuple(safety.Shown(phase.signals, junction.shown_ds(i), phase.shortest_ds, phase.longest_ds)
                                for i, phase in enumerate(junction.phases)), junction.conflicts, junction.others,
                          junction.walks)


def rounds(spec: Spec) -> int:
    """How many rounds there may be: one for each generation, one for the finalists."""
    return spec.search.generations + 1


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
