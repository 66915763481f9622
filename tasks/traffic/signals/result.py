"""The city's answer: programmes, and the delay before and after."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from tasks.api import Result
from tasks.traffic.signals.network import Demand, Network
from tasks.traffic.signals.pack import Plan, programme_cycle_ds, shipped_plan


@dataclass(frozen=True, slots=True)
class Finding:
    """What the search found out; costs are per junction, in 0.1 s, on demand the search had not seen."""

    network: Network
    demand: Demand
    plan: Plan
    before: list[int]
    after: list[int]
    counted: int
    """Vehicles the costs are over, all replicas together."""
    plans: int
    replicas: int
    history: list[float]


def programmes(network: Network, plan: Plan) -> list[dict[str, Any]]:
    """Per junction id, cycle, offset and phases in seconds."""
    found = []
    for junction, part in zip(network.junctions, plan, strict=True):
        greens = iter(part[1:])
        phases = [{"duration_s": (next(greens) if phase.adjustable else phase.duration_ds) / 10,
                   "signals": phase.signals} for phase in junction.phases]
        found.append({"id": junction.id, "cycle_s": programme_cycle_ds(junction, part) / 10,
                      "offset_s": part[0] / 10, "phases": phases})
    return found


def result_of(found: Finding) -> Result:
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
                          "delay_before_s_per_vehicle": _per(found.before[j], passes[j]),
                          "delay_after_s_per_vehicle": _per(found.after[j], passes[j]),
                          "shipped": _timing(old), "proposed": _timing(new),
                          "signals": [phase["signals"] for phase in old["phases"]]})
    before, after = _per(sum(found.before), found.counted), _per(sum(found.after), found.counted)
    hours = (sum(found.before) - sum(found.after)) / 36_000 / found.replicas
    data = {
        "delay_before_s_per_vehicle": before, "delay_after_s_per_vehicle": after,
        "saved_vehicle_hours": round(hours, 2), "vehicles": len(demand.vehicles),
        "vehicles_without_signal": demand.unsignalled,
        "period_start_s": demand.begin_ds / 10, "period_end_s": demand.end_ds / 10,
        "plans_tried": found.plans, "kept_shipped": found.plan == shipped,
        "best_cost_share_per_generation": [round(share, 4) for share in found.history],
        "method": "integer point-queue simulation; delay is waiting plus 4 s per stop; predicted on "
                  f"{found.replicas} jittered copies of the demand that the search had not seen",
        "junctions": junctions,
    }
    return Result(_summary(data), data)


def _per(cost_ds: int, vehicles: int) -> float:
    return round(cost_ds / 10 / max(1, vehicles), 2)


def _timing(programme: dict[str, Any]) -> dict[str, Any]:
    return {"cycle_s": programme["cycle_s"], "offset_s": programme["offset_s"],
            "durations_s": [phase["duration_s"] for phase in programme["phases"]]}


def _summary(data: dict[str, Any]) -> str:
    count = len(data["junctions"])
    what = "the junction's signals" if count == 1 else f"the signals of {count} junctions"
    if data["kept_shipped"]:
        return (f"Keep {what} as they are: none of {data['plans_tried']} plans did better than the present "
                f"{data['delay_before_s_per_vehicle']:.1f} s of delay per vehicle.")
    share = 1 - data["delay_after_s_per_vehicle"] / max(0.01, data["delay_before_s_per_vehicle"])
    return (f"Retiming {what} should cut the mean delay at signals from {data['delay_before_s_per_vehicle']:.1f} to "
            f"{data['delay_after_s_per_vehicle']:.1f} s per vehicle ({share:.0%}), "
            f"{data['saved_vehicle_hours']:.1f} vehicle-hours in the period studied. "
            f"{data['plans_tried']} plans were simulated; the figures are for traffic the search had not seen.")
