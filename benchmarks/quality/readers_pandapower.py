"""The pandapower reader beside ``runpp``: a valid network of which one value at a time is another.

Every column of every table that the reader names, every column that pandapower itself makes, options and tables that
are not modelled. The answer must be the same, or the network be refused, or a note tell what was not taken into
account: a difference without a word is a fault.
"""

from __future__ import annotations

import math
from collections import Counter
from typing import Any

from benchmarks.quality.report import Report
from benchmarks.quality.workshop import Workshop
from lamplighter.tasks.api import TaskError
from lamplighter.tasks.energy.evhosting import KIND
from lamplighter.tasks.energy.evhosting.method.snapshot import Snapshots
from lamplighter.tasks.energy.evhosting.spec import Spec
from lamplighter.tasks.readers.allow import Part
from lamplighter.tasks.readers.pandapower_parts import COLUMNS, OPTIONS
from lamplighter.tasks.registry import prepare

TOOLS = ("pandapower==3.5.6", "simbench==1.6.3", "numba==0.68.1")
VOLTAGE_BAR_PU, CURRENT_BAR, LINE_POINTS, TRANSFORMER_POINTS = 2e-5, 1e-3, 0.02, 0.5
"""The transformer's larger current counts by the smaller limit of its two sides, which may be too much by its no-load
current, and never too little."""


def run(workshop: Workshop) -> Report:
    report = Report("readers.pandapower")
    asked = {name: _names(part) for name, part in {**COLUMNS, "user_pf_options": OPTIONS}.items()
             if name != "bus_geodata"}
    workshop.say("one value at a time")
    cases = workshop.script(workshop.python(*TOOLS), "pandapower_sweep", given=asked, timeout_s=3_000)
    plain = set(_spec(cases[0]["net"]).notes)
    verdicts: dict[str, Counter[str]] = {}
    silent = []
    for case in cases:
        verdict = _verdict(case, plain)
        verdicts.setdefault(case["table"] or "(as it is)", Counter())[verdict] += 1
        if verdict == "another answer":
            silent.append(f"{case['table']}.{case['column']} = {case['value']}")
    columns = ("the same answer", "refused", "told", "no answer of runpp, told or refused", "no answer of runpp",
               "another answer")
    sheet = report.sheet("One value changed", "changes", *columns)
    for table, found in verdicts.items():
        sheet.row(table, found.total(), *(found[column] for column in columns), bar="no other answer",
                  ok=not found["another answer"])
    report.note("other answers without a word: " + (", ".join(silent) or "none"))
    return report


def _names(part: Part) -> list[str]:
    named = {*part.reads, *part.skips, *part.tells, *part.only, *part.refuses}
    return sorted(name for name in named if "*" not in name)


def _spec(net: dict[str, Any]) -> Spec:
    spec: Spec = prepare({KIND.name: KIND}, KIND.name, {"pandapower": net})
    return spec


def _verdict(case: dict[str, Any], plain: set[str]) -> str:
    try:
        spec = _spec(case["net"])
    except TaskError:
        return "no answer of runpp, told or refused" if "error" in case else "refused"
    told = bool(set(spec.notes) - plain)
    if "error" in case:
        return "no answer of runpp, told or refused" if told else "no answer of runpp"
    if _same(spec, case):
        return "the same answer"
    return "told" if told else "another answer"


def _same(spec: Spec, case: dict[str, Any]) -> bool:
    shots = Snapshots(spec, "on_arrival", 0, 0)
    shots.go_to(0)
    names, tree = spec.tree.names, spec.tree
    volts = dict(zip(names[1:], map(abs, shots.voltages()[1:]), strict=True))
    if any(abs(volt - case["vm"].get(name, volt)) > VOLTAGE_BAR_PU for name, volt in volts.items()):
        return False
    for branch, share in zip(tree.branch[1:], shots.loadings()[1:], strict=True):
        assert branch is not None
        head = branch.label == "transformer"
        theirs = case["trafo"][0] if head else case["line"].get(branch.label)
        if theirs is not None and case["column"] != "max_loading_percent" and not math.isclose(
                100 * share, theirs, rel_tol=CURRENT_BAR, abs_tol=TRANSFORMER_POINTS if head else LINE_POINTS):
            return False
    return True
