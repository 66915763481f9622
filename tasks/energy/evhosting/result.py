"""The answer in data and in words, whole or as far as a deadline let it come."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from lamplighter.tasks.api import Result
from lamplighter.tasks.energy.evhosting.method.tally import Tally, clock
from lamplighter.tasks.energy.evhosting.spec import Spec

POLICY_WORDS = {"on_arrival": "charging on arrival", "tariff_22": "a 22:00 tariff"}
Tallies = dict[tuple[str, int], Tally]


def assemble(spec: Spec, base: Tally, tallies: Tallies, jobs: int, missing: int) -> Result:
    """The result of all levels that have at least one scenario; ``missing`` of ``jobs`` have no answer."""
    policies = [_policy(spec, policy, {level: tally for (owner, level), tally in tallies.items() if owner == policy})
                for policy in spec.asked.policies]
    known = [policy for policy in policies if policy["levels"]]
    empty = [{"policy": policy, "level_percent": level}
             for (policy, level), tally in tallies.items() if not tally.scenarios]
    data = {"kind": "energy.evhosting", **_facts(spec), "jobs": jobs, "jobs_missing": missing,
            "levels_missing": empty, "without_cars": {"violated": bool(base.violated), **base.moments(spec)},
            "policies": known, "picture": _picture(spec, known, tallies), "notes": list(spec.notes)}
    return Result(_summary(spec, data), data, _partial(data) if missing else "")


def _facts(spec: Spec) -> dict[str, Any]:
    asked, feeder = spec.asked, spec.feeder
    return {
        "feeder": feeder.name, "buses": len(spec.tree.names), "cars_at_100_percent": spec.places,
        "transformer": spec.tree.has_transformer, "charge_kw": asked.charge_kw, "seed": asked.seed,
        "scenarios_per_level": asked.scenarios_per_level, "accepted_percent": asked.accepted_percent,
        "voltage_min_pu": asked.voltage_min_pu, "voltage_max_pu": asked.voltage_max_pu,
        "line_limit_percent": asked.line_limit_percent, "transformer_limit_percent": asked.transformer_limit_percent,
        "studied": f"{clock(spec, 0)} to {clock(spec, spec.slots)}", "statistics": spec.statistics.source,
        "method": "backward/forward sweep, balanced three-phase, constant power, line charging and transformer "
                  "losses as shunts; sessions cut at the end of the day"}


def _policy(spec: Spec, policy: str, levels: dict[int, Tally]) -> dict[str, Any]:
    """``hosting_percent`` by the counts; surely at least ``_low`` and at most ``_high`` by their 95 % intervals."""
    rows = [tally.row(spec, level) for level, tally in levels.items() if tally.scenarios]
    accepted = spec.asked.accepted_percent

    def before(fails: Callable[[Tally], bool]) -> int:  # levels ascend: a level counts only if all below it pass
        hosting = 0
        for level, tally in levels.items():
            if fails(tally):
                break
            hosting = level
        return hosting

    hosting = before(lambda tally: tally.violated * 100 > accepted * tally.scenarios)
    low = before(lambda tally: tally.interval()[1] * 100 > accepted)
    high = before(lambda tally: tally.interval()[0] * 100 > accepted)
    above = next((row for row in rows if row["level_percent"] > hosting), rows[-1]) if rows else None
    return {"policy": policy, "hosting_percent": hosting, "hosting_cars": spec.cars(hosting),
            "hosting_low_percent": low, "hosting_high_percent": high,
            "first_limit": above and {key: value for key, value in above.items() if key != "flags_hex"},
            "levels": rows}


def _picture(spec: Spec, policies: list[dict[str, Any]], tallies: Tallies) -> dict[str, Any]:
    """Every voltage and loading at the worst moment of the first level that fails (the highest, if none does)."""
    from lamplighter.tasks.energy.evhosting.method.snapshot import Snapshots
    policy, level = policies[0]["policy"], policies[0]["first_limit"]["level_percent"]
    picture: dict[str, Any] = {"policy": policy, "level_percent": level, "scenario": None, "at": None}
    volts: list[float] = []
    loading: list[float] = []
    shown = tallies[policy, level].shown
    if shown is not None:
        _, index, slot = shown
        shots = Snapshots(spec, policy, level, index)
        shots.go_to(slot)
        volts = [round(abs(v), 6) for v in shots.voltages()]
        volts[0] = spec.feeder.source_voltage_pu
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


def _partial(data: dict[str, Any]) -> str:
    counts = [row["scenarios"] for policy in data["policies"] for row in policy["levels"]]
    width = max((row["high_95"] - row["low_95"]) / 2 for policy in data["policies"] for row in policy["levels"])
    few = 0 if data["levels_missing"] else min(counts)
    ranges = " and ".join(
        f"{policy['hosting_low_percent']} to {policy['hosting_high_percent']} % with {POLICY_WORDS[policy['policy']]}"
        for policy in data["policies"])
    return (f"{data['jobs_missing']} of {data['jobs']} jobs were not done by the deadline: {few} to {max(counts)} of "
            f"{data['scenarios_per_level']} evenings a level, shares known to ± {100 * width:.0f} points at worst, "
            f"so the hosting capacity is {ranges} (95 % intervals).")


def _summary(spec: Spec, data: dict[str, Any]) -> str:
    base = data["without_cars"]
    if base["violated"] and base["lowest_voltage_bus"] is None:
        return (f"{data['feeder']} collapses even without a single electric car: at {base['lowest_voltage_at']} its "
                "loads draw more than its lines can carry, whatever the voltage. Check the loads (in kW) and the "
                "impedances.")
    if base["violated"]:
        return (f"{data['feeder']} is outside its limits even without a single electric car (lowest voltage "
                f"{base['lowest_voltage_pu']:.3f} pu at {base['lowest_voltage_at']}, busiest line "
                f"{base['highest_line_percent']:.0f} %), so it can take none until that is mended.")
    first = data["policies"][0]
    if first["hosting_percent"] == max(spec.asked.levels_percent):
        then = "No level studied goes beyond that"
    else:
        limit = first["first_limit"]
        then = f"At {limit['level_percent']} % the first thing to give is {_weakest(limit)}"
    takes = " and ".join(_takes(spec, one, bool(data["jobs_missing"])) for one in data["policies"])
    return (f"{data['feeder']} can take {takes}, with at most {spec.asked.accepted_percent:g} % of simulated "
            f"evenings outside the limits. {then}.")


def _takes(spec: Spec, policy: dict[str, Any], partial: bool) -> str:
    low, high = policy["hosting_low_percent"], policy["hosting_high_percent"]
    if partial and low < high:
        share = f"between {low} and {high} % of {spec.places} cars"
    elif policy["hosting_percent"]:
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


def hosting(policy: dict[str, Any]) -> str:
    """The hosting capacity of a policy in words, with its range where the intervals leave one."""
    low, high = policy["hosting_low_percent"], policy["hosting_high_percent"]
    return f"takes {policy['hosting_percent']} %{f' ({low} to {high} % by the intervals)' if low < high else ''}"


def worst_voltage(row: dict[str, Any]) -> str:
    """Where the voltage is lowest, in words."""
    if row["lowest_voltage_bus"] is None:
        return f"the voltage of the whole feeder, which collapses at {row['lowest_voltage_at']}"
    return f"the voltage at bus {row['lowest_voltage_bus']} at {row['lowest_voltage_at']}"
