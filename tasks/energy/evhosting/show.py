"""Shows a published result: a table for the terminal, CSV, a curve and a picture of the feeder."""

from __future__ import annotations

from typing import Any

from lamplighter.tasks.drawing.table import table
from lamplighter.tasks.energy.evhosting.picture import curve, feeder
from lamplighter.tasks.energy.evhosting.result import POLICY_WORDS, hosting, worst_voltage

BAR = 24


def text(data: dict[str, Any]) -> str:
    """A table per policy: share of evenings outside the limits with its 95 % interval, as figures and as a curve."""
    lines = [f"{data['feeder']}: {data['buses']} buses, {data['cars_at_100_percent']} cars at 100 %, "
             f"{data['scenarios_per_level']} scenarios per level, {data['studied']}"]
    if data["jobs_missing"]:
        lines.append(f"Cut short by the deadline: {data['jobs_missing']} of {data['jobs']} jobs are missing.")
    for policy in data["policies"]:
        lines += ["", f"{POLICY_WORDS[policy['policy']]}: {hosting(policy)}, {policy['hosting_cars']} cars",
                  f" level   cars  outside  95 % interval   lowest voltage  busiest line  0 %{'100 %':>{BAR - 3}}"]
        for row in policy["levels"]:
            volt = f"{row['lowest_voltage_pu']:.3f} pu" if row["lowest_voltage_pu"] else "collapse"
            lines.append(f" {row['level_percent']:4d} % {row['cars']:5d} {row['violated']:4d} of "
                         f"{row['scenarios']:<5d}{100 * row['low_95']:5.1f}–{100 * row['high_95']:5.1f} %"
                         f"  {volt + ' ' + row['lowest_voltage_at']:>14}   {row['highest_line_percent']:6.1f} %    "
                         f"{_bar(row)}")
        limit = policy["first_limit"]
        lines.append(f" worst at {limit['level_percent']} %: {worst_voltage(limit)};")
        lines.append(f" line {limit['highest_line']} at {limit['highest_line_at']}"
                     + (f", transformer {limit['highest_transformer_percent']:.1f} % at "
                        f"{limit['highest_transformer_at']}" if data["transformer"] else ""))
    lines += ["", f"█ surely outside the limits, ▒ up to the upper end of the interval; accepted are "
              f"{data['accepted_percent']:g} %.", f"Charging statistics: {data['statistics']}.", *data["notes"]]
    return "\n".join(lines)


def _bar(row: dict[str, Any]) -> str:
    """The interval on a scale of ``BAR`` characters."""
    low: int = round(BAR * row["low_95"])
    high: int = max(1, round(BAR * row["high_95"]))
    return "│" + ("█" * low + "▒" * (high - low)).ljust(BAR) + "│"


def files(data: dict[str, Any]) -> dict[str, bytes]:
    """``evhosting.csv`` (one row per policy and level), ``evhosting-curve.svg``, ``evhosting-feeder.svg``."""
    return {"evhosting.csv": _csv(data), "evhosting-curve.svg": curve(data).encode(),
            "evhosting-feeder.svg": feeder(data).encode()}


def _csv(data: dict[str, Any]) -> bytes:
    plain = ["level_percent", "cars", "scenarios", "violated", "probability", "low_95", "high_95",
             "lowest_voltage_pu", "lowest_voltage_bus", "lowest_voltage_at", "highest_line_percent", "highest_line",
             "highest_line_at"]
    if data["transformer"]:
        plain += ["highest_transformer_percent", "highest_transformer_at"]
    causes = ["undervoltage", "overvoltage", "line", "transformer", "collapse"]
    return table(["policy", *plain, *(f"violated_by_{cause}" for cause in causes)], (
        [policy["policy"], *(row[name] for name in plain), *(row["violated_by"][cause] for cause in causes)]
        for policy in data["policies"] for row in policy["levels"]))
