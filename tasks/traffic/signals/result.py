"""The city's answer: programmes, and the delay before and after."""

from __future__ import annotations

import math
from dataclasses import dataclass
from statistics import fmean, stdev
from typing import Any

from lamplighter.tasks.api import Result
from lamplighter.tasks.readers.network import Demand, Network
from lamplighter.tasks.traffic.signals.jobs import Cost, programme_cycle_ds, shipped_plan
from lamplighter.tasks.traffic.signals.spec import Plan

STUDENT_95 = (12.71, 4.30, 3.18, 2.78, 2.57, 2.45, 2.36)
"""Two-sided 95 % quantiles of Student's t for 1, 2, ... degrees of freedom."""


@dataclass(frozen=True, slots=True)
class Progress:
    """How far the search came before its end or the deadline."""

    generations: int
    generations_asked: int
    finalists: int
    finalists_asked: int
    jobs_missing: int

    @property
    def unseen(self) -> bool:
        """Whether the answer was judged on demand that the search had not seen."""
        return self.finalists > min(1, self.finalists_asked - 1)


@dataclass(frozen=True, slots=True)
class Finding:
    """What the search found out; costs are on demand the search had not seen, unless ``progress`` says so."""

    network: Network
    demand: Demand
    plan: Plan
    before: Cost
    after: Cost
    counted: int
    """Vehicles the costs are over, all replicas together."""
    plans: int
    replicas: int
    history: list[float]
    progress: Progress
    notes: tuple[str, ...]
    """What was not taken into account, a sentence each."""


def programmes(network: Network, plan: Plan) -> list[dict[str, Any]]:
    """Per junction id, cycle, offset (less than the cycle) and phases in seconds."""
    found = []
    for junction, part in zip(network.junctions, plan, strict=True):
        greens = iter(part[1:])
        phases = [{"duration_s": (next(greens) if phase.adjustable else phase.duration_ds) / 10,
                   "signals": phase.signals} for phase in junction.phases]
        cycle = programme_cycle_ds(junction, part)
        found.append({"id": junction.id, "cycle_s": cycle / 10, "offset_s": part[0] % cycle / 10, "phases": phases})
    return found


def assemble(found: Finding) -> Result:
    """Lays the finding out as published data with a plain-language summary."""
    network, demand = found.network, found.demand
    passes = [0] * len(network.junctions)
    of_movement = {link.movement: link.junction for link in network.links}
    for _, route in demand.vehicles:
        for movement, _ in demand.routes[route]:
            passes[of_movement[movement]] += found.replicas
    shipped = shipped_plan(network)
    junctions = []
    for j, (old, new) in enumerate(zip(programmes(network, shipped), programmes(network, found.plan), strict=True)):
        junctions.append({"id": old["id"], "vehicles": passes[j] // found.replicas,
                          "delay_before_s_per_vehicle": None if network.junctions[j].actuated else
                          _per(found.before.junctions[j], passes[j]),
                          "delay_after_s_per_vehicle": _per(found.after.junctions[j], passes[j]),
                          "shipped": _timing(old), "proposed": _timing(new),
                          "signals": [phase["signals"] for phase in old["phases"]]})
    after = _per(found.after.total, found.counted)
    hours = (found.before.total - found.after.total) / 36_000 / found.replicas
    low, high = saved_range(found.before, found.after)
    progress = found.progress
    data = {
        "delay_before_s_per_vehicle": _per(found.before.total, found.counted), "delay_after_s_per_vehicle": after,
        "saved_share": round(1 - found.after.total / max(1, found.before.total), 4),
        "saved_share_low": low, "saved_share_high": high, "saved_vehicle_hours": round(hours, 2),
        "vehicles": len(demand.vehicles),
        "vehicles_without_signal": demand.unsignalled,
        "period_start_s": demand.begin_ds / 10, "period_end_s": demand.end_ds / 10,
        "plans_tried": found.plans, "kept_shipped": found.plan == shipped,
        "best_cost_share_per_generation": [round(share, 4) for share in found.history],
        "generations_done": progress.generations, "generations_asked": progress.generations_asked,
        "jobs_missing": progress.jobs_missing, "judged_on_unseen_demand": progress.unseen,
        "method": "integer queue simulation; delay is waiting plus 1.5 s per stop; predicted on "
                  f"{found.replicas} jittered copies of the demand that the search had "
                  f"{'not ' if progress.unseen else ''}seen; low and high are Student's 95 % interval over them, in "
                  "which the error of the model is not",
        "notes": list(found.notes), "junctions": junctions,
    }
    if any(junction.actuated for junction in network.junctions):
        data.update(dict.fromkeys(("delay_before_s_per_vehicle", "saved_share", "saved_share_low", "saved_share_high",
                                   "saved_vehicle_hours"), None))
    changing = sum(any(phase.adjustable for phase in junction.phases) for junction in network.junctions)
    return Result(_summary(data, changing), data, _partial(data, progress) if progress.jobs_missing else "")


def saved_range(before: Cost, after: Cost) -> tuple[float | None, float | None]:
    """Student's 95 % interval of the share of delay saved, from the replicas; None where there is only one."""
    saved = [1 - new / max(1, old) for old, new in zip(before.replicas, after.replicas, strict=True)]
    if len(saved) < 2:
        return None, None
    half = STUDENT_95[len(saved) - 2] * stdev(saved) / math.sqrt(len(saved))
    return round(fmean(saved) - half, 4), round(fmean(saved) + half, 4)


def _partial(data: dict[str, Any], progress: Progress) -> str:
    """What the deadline cut off, and how wide the error is."""
    if progress.generations < progress.generations_asked:
        text = (f"The deadline passed in generation {progress.generations + 1} of {progress.generations_asked}: "
                f"{data['plans_tried']} plans were judged, and a longer search finds better ones. ")
    else:
        text = (f"The deadline passed while {progress.finalists_asked} finalists were checked on unseen demand; "
                f"{progress.finalists} were. ")
    if not progress.unseen:
        text += "The saving is on demand that the search had seen, which flatters it by a point or two. "
    if data["saved_share"] is None:
        return text.replace("The saving is on demand", "The delay is on demand")
    if data["saved_share_low"] is None:
        return text + "With one copy of the demand nothing is known of the spread."
    if data["saved_share_low"] <= 0:
        return text + "The copies of the demand differ so much that whether anything is saved is not known (95 %)."
    return text + (f"It lies between {data['saved_share_low']:.1%} and {data['saved_share_high']:.1%} "
                   "(95 %, over the copies of the demand).")


def _per(cost_ds: int, vehicles: int) -> float:
    return round(cost_ds / 10 / max(1, vehicles), 2)


def _timing(programme: dict[str, Any]) -> dict[str, Any]:
    return {"cycle_s": programme["cycle_s"], "offset_s": programme["offset_s"],
            "durations_s": [phase["duration_s"] for phase in programme["phases"]]}


def _summary(data: dict[str, Any], changing: int) -> str:
    count = len(data["junctions"])
    what = "the junction's signals" if count == 1 else (
        f"the signals of {f'{changing} of ' if changing < count else ''}{count} junctions")
    if data["saved_share"] is None:
        return (f"With fixed times {what} would delay vehicles by {data['delay_after_s_per_vehicle']:.1f} s on "
                "average. Detectors switch some of them today, which was not simulated: whether this saves anything "
                "is not known. Try it in a closed loop before you switch it on.")
    if data["plans_tried"] == 1:
        return (f"Keep {what} as they are: what each signal needs leaves no room for another plan. The present one "
                f"delays vehicles by {data['delay_before_s_per_vehicle']:.1f} s on average.")
    if data["kept_shipped"]:
        return (f"Keep {what} as they are: none of {data['plans_tried']} plans did better than the present "
                f"{data['delay_before_s_per_vehicle']:.1f} s of delay per vehicle.")
    low, high = data["saved_share_low"], data["saved_share_high"]
    spread = "" if low is None else (f", {low:.0%} to {high:.0%} over copies of the demand" if low > 0 else
                                     ", but copies of the demand differ so much that this may be chance")
    demand = "traffic the search had not seen" if data["judged_on_unseen_demand"] else "the traffic of the search"
    return (f"Retiming {what} should cut the mean delay at signals from {data['delay_before_s_per_vehicle']:.1f} to "
            f"{data['delay_after_s_per_vehicle']:.1f} s per vehicle ({data['saved_share']:.0%}{spread}), "
            f"{data['saved_vehicle_hours']:.1f} vehicle-hours in the period studied. "
            f"{data['plans_tried']} plans were simulated; the figures are for {demand}.")
