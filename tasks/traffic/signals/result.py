"""The city's answer: programmes, and the delay before and after."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from lamplighter.tasks.api import Result
from lamplighter.tasks.readers.network import Demand, Network
from lamplighter.tasks.traffic.signals.jobs import Cost, programme_cycle_ds, shipped_plan
from lamplighter.tasks.traffic.signals.method import storage
from lamplighter.tasks.traffic.signals.method.promise import CONFIDENCE_PERMILLE, expected, promised
from lamplighter.tasks.traffic.signals.spec import Plan

_SURE = f"{CONFIDENCE_PERMILLE / 10:.0f} %"


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
    saved = 1 - found.after.total / max(1, found.before.total)
    kept = found.plan == shipped
    full = storage.full(network, demand, found.plan, found.after)
    by_detectors = any(junction.actuated for junction in network.junctions)
    if not by_detectors:
        full |= storage.full(network, demand, shipped, found.before)
    expected_shares = _expected(found)
    jammed = [network.junctions[j].id for j in sorted(full)] + list(demand.crowded)
    low, high = (0.0, 0.0) if kept else (None, None) if jammed else promised(*expected_shares)
    progress = found.progress
    data = {
        "delay_before_s_per_vehicle": _per(found.before.total, found.counted), "delay_after_s_per_vehicle": after,
        "saved_share": round(saved, 4),
        "saved_share_in_all": None if jammed and not kept else round(expected_shares[0], 4),
        "saved_share_low": low, "saved_share_high": high, "saved_vehicle_hours": round(hours, 2),
        "vehicles": len(demand.vehicles),
        "vehicles_without_signal": demand.unsignalled,
        "period_start_s": demand.begin_ds / 10, "period_end_s": demand.end_ds / 10,
        "plans_tried": found.plans, "kept_shipped": kept,
        "best_cost_share_per_generation": [round(share, 4) for share in found.history],
        "generations_done": progress.generations, "generations_asked": progress.generations_asked,
        "jobs_missing": progress.jobs_missing, "judged_on_unseen_demand": progress.unseen,
        "method": "integer queue simulation; delay is waiting plus 1.5 s per stop; predicted on "
                  f"{found.replicas} jittered copies of the demand that the search had "
                  f"{'not ' if progress.unseen else ''}seen; saved_share_in_all, low and high are of all time lost "
                  f"with delay before departure, as SUMO may find it ({_SURE}, by what it found on generated "
                  "networks), wider where copies of the demand differ by more; none where more queue than simulated",
        "full_junctions": jammed,
        "notes": [*found.notes, *_full(network, full)], "junctions": junctions,
    }
    if by_detectors:
        data.update(dict.fromkeys(("delay_before_s_per_vehicle", "saved_share", "saved_share_in_all",
                                   "saved_share_low", "saved_share_high", "saved_vehicle_hours"), None))
    changing = sum(any(phase.adjustable for phase in junction.phases) for junction in network.junctions)
    return Result(_summary(data, changing), data, _partial(data, progress) if progress.jobs_missing else "")


def _expected(found: Finding) -> tuple[float, list[float]]:
    """The share of all time lost that is saved, and the same for each copy of the demand."""
    demand = found.demand
    signalled = len(demand.vehicles) / (len(demand.vehicles) + demand.unsignalled)
    each = 10 * max(1, found.counted // found.replicas)
    copies = [expected(old / each, new / each, signalled)
              for old, new in zip(found.before.replicas, found.after.replicas, strict=True)]
    everyone = 10 * max(1, found.counted)
    return expected(found.before.total / everyone, found.after.total / everyone, signalled), copies


def _full(network: Network, full: set[int]) -> list[str]:
    if not full:
        return []
    names = ", ".join(network.junctions[j].id for j in sorted(full))
    return [f"queues may be longer than their streets before {len(full)} junctions ({names[:80]}), now or as "
            "proposed: what they block there, up to gridlock, was not simulated, and what is saved is not known"]


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
        return text + "More may queue than was simulated: what is saved is not known."
    return text + (f"In a closed loop it lies between {data['saved_share_low']:.0%} and "
                   f"{data['saved_share_high']:.0%} ({_SURE}).")


def spread(data: dict[str, Any]) -> str:
    """What a closed loop may find, as a sentence."""
    low, high = data["saved_share_low"], data["saved_share_high"]
    if low is None:
        return (f"But at {len(data['full_junctions'])} junctions more may queue than was simulated, up to gridlock: "
                "whether this saves anything is not known. Try it in a closed loop before you switch it on.")
    return (f"Of all time that vehicles lose, a closed loop should find {low:.0%} to {high:.0%} saved ({_SURE})"
            + ("." if low > 0 else ": it may be nothing."))


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
    if data["saved_share_low"] is None:
        return (f"If all who wait fitted their streets, retiming {what} would cut the mean delay at signals from "
                f"{data['delay_before_s_per_vehicle']:.1f} to {data['delay_after_s_per_vehicle']:.1f} s per vehicle. "
                f"{spread(data)} {data['plans_tried']} plans were simulated.")
    demand = "traffic the search had not seen" if data["judged_on_unseen_demand"] else "the traffic of the search"
    return (f"Retiming {what} should cut the mean delay at signals from {data['delay_before_s_per_vehicle']:.1f} to "
            f"{data['delay_after_s_per_vehicle']:.1f} s per vehicle ({data['saved_share']:.0%}), "
            f"{data['saved_vehicle_hours']:.1f} vehicle-hours in the period studied. {spread(data)} "
            f"{data['plans_tried']} plans were simulated; the figures are for {demand}.")
