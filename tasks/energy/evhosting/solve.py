"""Split and merge: scenarios into jobs, answers into the probability of violation per level."""

from __future__ import annotations

import math
import struct
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from tasks.api import Job, Result, Solution
from tasks.energy.evhosting import kernel
from tasks.energy.evhosting.interval import clopper_pearson
from tasks.energy.evhosting.spec import Q16, Q20, Spec

OPS_PER_JOB = 4_000_000
SCENARIOS_PER_JOB_MAX = 12
"""Twelve answers of 20 bytes are what one result carries."""
SWEEPS = 5
"""Iterations of a typical slot; the price is for these, whatever a slot takes."""
UNDERVOLTAGE, OVERVOLTAGE, LINE, TRANSFORMER, COLLAPSED = 1, 2, 4, 8, 16
POLICY_WORDS = {"on_arrival": "charging on arrival", "tariff_22": "a 22:00 tariff"}


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a device says of one scenario: flags and worst elements, loadings as Q16 squares of the limit."""

    flags: int
    slot: int
    bus: int
    voltage2: int
    branch: int
    branch_slot: int
    transformer_slot: int
    line2: int
    transformer2: int


def outcomes(answer: bytes) -> list[Outcome]:
    """The scenarios of one answer."""
    return [Outcome(f, s, b, v, br, bs, ts, l2, t2)
            for f, s, b, v, br, bs, ts, l2, t2 in struct.iter_unpack("<BBHIHBBII", answer)]


def ops_per_scenario(spec: Spec, level: int) -> int:
    """Cost model, counted in the plain path: 9 statements per place and 20 more per car; then per bus and slot 15
    to set it, 37 to judge it and 72 for each of ``SWEEPS`` iterations."""
    return 9 * spec.places + 20 * spec.cars(level) + len(spec.tree.names) * spec.slots * (15 + 37 + 72 * SWEEPS)


def heap_bytes(spec: Spec, policy: str) -> int:
    """Working set on a 32-bit board: 64 bytes per bus, two per bus and slot, contexts, a copy of the tables."""
    contexts = sum(len(context.data) for context in spec.contexts[policy])
    return len(spec.tree.names) * (64 + 2 * spec.slots) + contexts + len(spec.contexts[policy][3].data) + 2048


def job(spec: Spec, policy: str, level: int, first: int, count: int) -> Job:
    """Scenarios ``first`` to ``first + count - 1`` of a level."""
    data = struct.pack("<IIHBB", spec.asked.seed, first, spec.cars(level), level, count)
    return Job(data, kernel.ANSWER * count, count * ops_per_scenario(spec, level), heap_bytes(spec, policy),
               spec.contexts[policy])


def solve(spec: Spec) -> Solution:
    """One round: the day without cars, then every policy, level and scenario."""
    per_job = max(1, min(SCENARIOS_PER_JOB_MAX, OPS_PER_JOB // ops_per_scenario(spec, 100)))
    total = spec.asked.scenarios_per_level
    levels = sorted(spec.asked.levels_percent)
    jobs = [job(spec, spec.asked.policies[0], 0, 0, 1)]
    owners: list[tuple[str, int]] = []
    for policy in spec.asked.policies:
        for level in levels:
            for first in range(0, total, per_job):
                jobs.append(job(spec, policy, level, first, min(per_job, total - first)))
                owners.append((policy, level))
    answers = yield jobs
    base = outcomes(answers[0])[0]
    found: dict[tuple[str, int], list[Outcome]] = {}
    for owner, answer in zip(owners, answers[1:], strict=True):
        found.setdefault(owner, []).extend(outcomes(answer))
    policies = [_policy(spec, policy, [(level, found[policy, level]) for level in levels])
                for policy in spec.asked.policies]
    data = {"kind": "energy.evhosting", **_facts(spec), "without_cars": _moments(spec, [base]),
            "policies": policies, "picture": _picture(spec, policies, found)}
    return Result(_summary(spec, data), data)


def check(spec: Spec, given: Job, answer: bytes) -> bool:
    """False when an answer names elements that are not there, or its flags contradict its own figures."""
    low = round(spec.asked.voltage_min_pu**2 * Q20)
    line = round((spec.asked.line_limit_percent / 100) ** 2 * Q16)
    trafo = round((spec.asked.transformer_limit_percent / 100) ** 2 * Q16)
    buses, slots = len(spec.tree.names), spec.slots
    return len(answer) == given.answer_bytes and all(
        one.flags < 32 and max(one.bus, one.branch) < buses
        and max(one.slot, one.branch_slot, one.transformer_slot) < slots
        and bool(one.flags & LINE) == (one.line2 > line)
        and bool(one.flags & TRANSFORMER) == (one.transformer2 > trafo)
        and bool(one.flags & COLLAPSED) == (one.voltage2 == 0)
        and (one.voltage2 == 0 or bool(one.flags & UNDERVOLTAGE) == (one.voltage2 < low))
        for one in outcomes(answer))


def clock(spec: Spec, slot: int) -> str:
    """Beginning of a studied quarter-hour, as HH:MM."""
    quarter = spec.asked.first_slot + slot
    return f"{quarter // 4:02d}:{quarter % 4 * 15:02d}"


def _facts(spec: Spec) -> dict[str, Any]:
    asked, feeder = spec.asked, spec.feeder
    return {
        "feeder": feeder.name, "buses": len(spec.tree.names), "cars_at_100_percent": spec.places,
        "transformer": spec.tree.has_transformer, "charge_kw": asked.charge_kw, "seed": asked.seed,
        "scenarios_per_level": asked.scenarios_per_level, "accepted_percent": asked.accepted_percent,
        "voltage_min_pu": asked.voltage_min_pu, "voltage_max_pu": asked.voltage_max_pu,
        "line_limit_percent": asked.line_limit_percent, "transformer_limit_percent": asked.transformer_limit_percent,
        "studied": f"{clock(spec, 0)} to {clock(spec, spec.slots)}", "statistics": spec.statistics.source,
        "method": "backward/forward sweep, balanced three-phase, constant power; no magnetising, no line charging, "
                  "sessions cut at the end of the day"}


def _policy(spec: Spec, policy: str, levels: Sequence[tuple[int, list[Outcome]]]) -> dict[str, Any]:
    rows = [_level(spec, level, found) for level, found in levels]
    hosting = 0
    for row in rows:  # levels ascend: a level counts only if all below it pass
        if row["violated"] * 100 > spec.asked.accepted_percent * row["scenarios"]:
            break
        hosting = row["level_percent"]
    above = next((row for row in rows if row["level_percent"] > hosting), rows[-1])
    return {"policy": policy, "hosting_percent": hosting, "hosting_cars": spec.cars(hosting),
            "first_limit": {"level_percent": above["level_percent"], **_moments(
                spec, next(found for level, found in levels if level == above["level_percent"]))},
            "levels": rows}


def _level(spec: Spec, level: int, found: list[Outcome]) -> dict[str, Any]:
    violated = sum(1 for one in found if one.flags)
    low, high = clopper_pearson(violated, len(found))
    causes = {name: sum(1 for one in found if one.flags & bit) for name, bit in (
        ("undervoltage", UNDERVOLTAGE), ("overvoltage", OVERVOLTAGE), ("line", LINE), ("transformer", TRANSFORMER),
        ("collapse", COLLAPSED))}
    return {"level_percent": level, "cars": spec.cars(level), "scenarios": len(found), "violated": violated,
            "probability": violated / len(found), "low_95": low, "high_95": high, "violated_by": causes,
            **_moments(spec, found), "flags_hex": bytes(one.flags for one in found).hex()}


def _moments(spec: Spec, found: Iterable[Outcome]) -> dict[str, Any]:
    """The worst voltage, line and transformer moment over some scenarios; a collapse counts as 0 pu."""
    found = list(found)
    volt = min(found, key=lambda one: one.voltage2)
    line = max(found, key=lambda one: one.line2)
    trafo = max(found, key=lambda one: one.transformer2)
    branch = spec.tree.branch[line.branch]
    moments: dict[str, Any] = {
        "flags": sorted({one.flags for one in found})[-1],
        "lowest_voltage_pu": round(math.sqrt(volt.voltage2 / Q20), 6),
        "lowest_voltage_bus": spec.tree.names[volt.bus] if volt.voltage2 else None,
        "lowest_voltage_at": clock(spec, volt.slot),
        "highest_line_percent": round(100 * math.sqrt(line.line2 / Q16), 3),
        "highest_line": branch.label if branch else None, "highest_line_at": clock(spec, line.branch_slot)}
    if spec.tree.has_transformer:
        moments["highest_transformer_percent"] = round(100 * math.sqrt(trafo.transformer2 / Q16), 3)
        moments["highest_transformer_at"] = clock(spec, trafo.transformer_slot)
    return moments


def _picture(spec: Spec, policies: list[dict[str, Any]],
             found: dict[tuple[str, int], list[Outcome]]) -> dict[str, Any]:
    """Every voltage and loading at the worst moment of the first level that fails (the highest, if none does)."""
    from tasks.energy.evhosting.snapshot import Snapshots
    policy, level = policies[0]["policy"], policies[0]["first_limit"]["level_percent"]
    solved = [(one.voltage2, index) for index, one in enumerate(found[policy, level]) if one.voltage2]
    picture: dict[str, Any] = {"policy": policy, "level_percent": level, "scenario": None, "at": None}
    volts: list[float] = []
    loading: list[float] = []
    if solved:
        index = min(solved)[1]
        slot = found[policy, level][index].slot
        shots = Snapshots(spec, policy, level, index)
        shots.go_to(slot)
        volts = [round(abs(v), 6) for v in shots.voltages()]
        loading = [round(100 * share, 3) for share in shots.loadings()]
        picture |= {"scenario": index, "at": clock(spec, slot)}
    places = {bus.name: bus for bus in spec.feeder.buses}
    picture["buses"] = [
        {"name": name, "parent": parent, "x": places[name].x, "y": places[name].y,
         "peak_kw": round(max(demand.kw), 3), "cars_at_100_percent": demand.cars,
         "voltage_pu": volts[i] if volts else None, "branch": branch.label if branch else None,
         "branch_percent": loading[i] if loading and branch else None}
        for i, (name, parent, branch, demand) in enumerate(
            zip(spec.tree.names, spec.tree.parent, spec.tree.branch, spec.demand, strict=True))]
    return picture


def _summary(spec: Spec, data: dict[str, Any]) -> str:
    if data["without_cars"]["flags"]:
        base = data["without_cars"]
        return (f"{data['feeder']} is outside its limits even without a single electric car (lowest voltage "
                f"{base['lowest_voltage_pu']:.3f} pu at {base['lowest_voltage_at']}, busiest line "
                f"{base['highest_line_percent']:.0f} %), so it can take none until that is mended.")
    first = data["policies"][0]
    limit = first["first_limit"]
    if first["hosting_percent"] == max(spec.asked.levels_percent):
        then = "No level studied goes beyond that"
    else:
        row = next(row for row in first["levels"] if row["level_percent"] == limit["level_percent"])
        then = f"At {limit['level_percent']} % the first thing to give is {_weakest(row)}"
    return (f"{data['feeder']} can take {' and '.join(_takes(spec, one) for one in data['policies'])}, with at most "
            f"{spec.asked.accepted_percent:g} % of simulated evenings outside the limits. {then}.")


def _takes(spec: Spec, policy: dict[str, Any]) -> str:
    if policy["hosting_percent"]:
        share = f"{policy['hosting_percent']} % of {spec.places} cars ({policy['hosting_cars']})"
    else:
        share = f"less than {min(spec.asked.levels_percent)} % of {spec.places} cars"
    return f"{share} with {POLICY_WORDS[policy['policy']]}"


def _weakest(row: dict[str, Any]) -> str:
    cause = max(row["violated_by"], key=lambda name: (row["violated_by"][name], name))
    if cause == "line":
        return f"line {row['highest_line']} at {row['highest_line_at']}"
    if cause == "transformer":
        return f"the transformer at {row['highest_transformer_at']}"
    if cause == "overvoltage":
        return "a voltage above the band"
    return worst_voltage(row)


def worst_voltage(row: dict[str, Any]) -> str:
    """Where the voltage is lowest, in words."""
    if row["lowest_voltage_bus"] is None:
        return f"the voltage of the whole feeder, which collapses at {row['lowest_voltage_at']}"
    return f"the voltage at bus {row['lowest_voltage_bus']} at {row['lowest_voltage_at']}"
