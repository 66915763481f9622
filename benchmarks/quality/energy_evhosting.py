"""``energy.evhosting`` beside pandapower, on SimBench's low-voltage feeders, Baran and Wu's 33 buses, and networks of
up to 1,000: Kerber's suburbs, the IEEE European feeder with cables that are charged (so that none of its 907 buses is
merged), random ones.

SimBench's come as tables (CSV) on the day with the highest load, the others as pandapower's JSON; cars charge
as in the ``ev2gym`` wheel's statistics (ElaadNL, private chargers). Three comparisons: every voltage and loading of
sampled scenarios against ``runpp``; their flags one by one; and the counts of violated evenings against evenings
drawn anew with numpy and solved on pandapower's admittance matrix. ``--full`` samples four times as many of each
and counts rural2, too.
"""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

from benchmarks.quality.report import Report
from benchmarks.quality.workshop import ToolError, Workshop
from lamplighter.tasks.convert import ev2gym
from lamplighter.tasks.energy.evhosting import KIND
from lamplighter.tasks.energy.evhosting.jobs import COLLAPSED, LINE, OVERVOLTAGE, TRANSFORMER, UNDERVOLTAGE
from lamplighter.tasks.energy.evhosting.method.interval import at_most, clopper_pearson
from lamplighter.tasks.energy.evhosting.method.snapshot import Snapshots
from lamplighter.tasks.energy.evhosting.reference import draw_cars
from lamplighter.tasks.energy.evhosting.spec import Spec
from lamplighter.tasks.fetch import cache_folder, wheel
from lamplighter.tasks.readers.pandapower import NO_LIMIT_KA
from lamplighter.tasks.readers.simbench import from_folder
from lamplighter.tasks.registry import prepare

TOOLS = ("pandapower==3.5.6", "simbench==1.6.3", "numba==0.68.1")
FEEDERS = {"rural1": "1-LV-rural1--0-sw", "rural2": "1-LV-rural2--0-sw", "rural3": "1-LV-rural3--0-sw",
           "semiurb4": "1-LV-semiurb4--0-sw", "semiurb5": "1-LV-semiurb5--0-sw", "urban6": "1-LV-urban6--0-sw"}
LARGE = {name: name for name in ("kerber1", "kerber2", "kerber_extreme", "european_lv", "random_400", "random_700",
                                 "random_1000")}
COUNTED = ("rural3", "semiurb5", "urban6", "semiurb4", "rural1")
PROTOTYPE = {("rural3", "on_arrival"): (60, (0, 0, 0, 0, 0, 2, 12, 16, 46, 83)),
             ("rural3", "tariff_22"): (20, (0, 0, 9, 61, 97, 100, 100, 100, 100, 100)),
             ("semiurb5", "on_arrival"): (100, None),
             ("semiurb5", "tariff_22"): (50, (0, 0, 0, 0, 1, 12, 40, 87, 98, 100)),
             ("urban6", "on_arrival"): (100, None),
             ("urban6", "tariff_22"): (50, (0, 0, 0, 0, 4, 23, 69, 95, 100, 100))}
"""Hosting in percent and violated evenings of 100 at 10, 20 ... 100 %, as measured before this kind was written."""
POLICIES = ["on_arrival", "tariff_22"]
LEVELS = list(range(10, 101, 10))
VOLTAGE_BAR_PU, LINE_BAR, TRANSFORMER_BAR = 1e-4, 0.1, 0.5
CASE33_KW, CASE33_BAR_KW = 202.7, 0.2
CASE33_CARS_PER_LOAD = 12
CASE33_NO_LIMIT_KA, CASE33_KA = 99_999, 0.4
"""pandapower's way to say that the paper gives no limits; loadings are compared as shares of 400 A instead."""


def run(workshop: Workshop) -> Report:
    report = Report(KIND.name)
    python = workshop.python(*TOOLS)
    archive = wheel(cache_folder(), "ev2gym", "2.0.0")
    if archive is None:
        raise ToolError("the wheel ev2gym==2.0.0 cannot be had")
    statistics = ev2gym(archive)
    inputs: dict[str, dict[str, Any]] = {}
    for name, code in {"case33bw": "case33bw", **FEEDERS, **LARGE}.items():
        folder = workshop.cache / "evhosting" / name
        if not (folder / "done").exists():
            workshop.say(f"exporting {name}")
            workshop.script(python, "evhosting_feeders", "export", code, folder)
            (folder / "done").touch()
        inputs[name] = _given(name, folder, statistics)
    _losses(workshop, report, python)
    _accuracy(workshop, report, python, inputs)
    _counts(workshop, report, python, inputs)
    _gateway(workshop, report, inputs["rural1"])
    report.note("counts: our 100 evenings a level are drawn by the devices' generator, the reference's by numpy from "
                "the same statistics; a count passes inside the 99 % range of a binomial whose share lies in the "
                "reference's 99 % interval")
    report.note("the kernel ran as machine code on a pool of MicroPython processes in this process; rural1 also on a "
                "gateway with simulated devices. No parameter is chosen by these feeders")
    return report


def _given(name: str, folder: Path, statistics: dict[str, Any]) -> dict[str, Any]:
    common = {"statistics": statistics, "policies": POLICIES, "scenarios_per_level": 100, "levels_percent": LEVELS}
    if name == "case33bw":
        return {**common, "pandapower": json.loads((folder / "net.json").read_text()),
                "cars_per_load": CASE33_CARS_PER_LOAD, "voltage_min_pu": 0.9, "voltage_max_pu": 1.1}
    if name in LARGE:
        return {**common, "pandapower": json.loads((folder / "net.json").read_text()), "first_slot": 73,
                "last_slot": 76}
    return {**common, "simbench": from_folder(folder)}


def _spec(given: dict[str, Any]) -> Spec:
    spec: Spec = prepare({KIND.name: KIND}, KIND.name, given)
    return spec


def _ask(workshop: Workshop, python: Path, what: str, name: str, given: Any) -> Any:
    """The tool's answer, kept in the cache by everything that it depends on."""
    script = (Path(__file__).with_name("tools") / "evhosting_feeders.py").read_text()
    key = hashlib.sha256(json.dumps([TOOLS, script, what, name, given]).encode()).hexdigest()[:16]
    kept = workshop.cache / "evhosting" / f"{what}-{name}-{key}.json"
    if not kept.exists():
        workshop.say(f"pandapower: {what} of {name}")
        answer = workshop.script(python, "evhosting_feeders", what, workshop.cache / "evhosting" / name, given=given,
                             timeout_s=3_000)
        kept.write_text(json.dumps(answer))
    return json.loads(kept.read_text())


def _losses(workshop: Workshop, report: Report, python: Path) -> None:
    given = {"pandapower": json.loads((workshop.cache / "evhosting" / "case33bw" / "net.json").read_text())}
    shots = Snapshots(_spec(given), "on_arrival", 0, 0)
    shots.go_to(0)
    kw = shots.source_kva().real - 3715
    theirs = _ask(workshop, python, "losses", "case33bw", None)["losses_kw"]
    sheet = report.sheet("Losses of Baran and Wu's feeder, kW", "pandapower", "ours")
    sheet.row("case33bw", f"{theirs:.2f}", f"{kw:.2f}", bar=f"{CASE33_KW} ± {CASE33_BAR_KW}",
              ok=abs(kw - CASE33_KW) <= CASE33_BAR_KW)


def _accuracy(workshop: Workshop, report: Report, python: Path, inputs: dict[str, dict[str, Any]]) -> None:
    sheet = report.sheet("Every snapshot against runpp: largest differences",
                         "buses", "snapshots", "ours: pu", "line points", "transformer points", "same flags")
    for name, given in inputs.items():
        spec = _spec(given)
        flags = {(policy["policy"], row["level_percent"]): bytes.fromhex(row["flags_hex"])
                 for policy in workshop.solve(KIND, given).data["policies"] for row in policy["levels"]}
        many = 64 if workshop.full else 16
        picked = [(POLICIES[k % 2], LEVELS[k // 2 % 10], (k * 37) % 100) for k in range(many)]
        cars = [_cars(spec, *one) for one in picked]
        theirs = _ask(workshop, python, "snapshots", name, {
            "first_slot": spec.asked.first_slot, "slots": spec.slots, "charge_kw": spec.asked.charge_kw,
            "by_name": not all(map(str.isdecimal, spec.tree.names)), "scenarios": cars})
        scale = (NO_LIMIT_KA / CASE33_KA, CASE33_NO_LIMIT_KA / CASE33_KA) if name == "case33bw" else (1.0, 1.0)
        volts, lines, trafo, same, shots = _differences(spec, picked, theirs, flags, scale)
        sheet.row(name, len(spec.tree.names), shots, f"{volts:.1e}", f"{lines:.4f}", f"{trafo:.4f}",
                  f"{same} of {many}", bar=f"{VOLTAGE_BAR_PU:g} pu, {LINE_BAR}, {TRANSFORMER_BAR}, all",
                  ok=volts <= VOLTAGE_BAR_PU and lines <= LINE_BAR and trafo <= TRANSFORMER_BAR and same == many)


def _cars(spec: Spec, policy: str, level: int, index: int) -> dict[str, list[float]]:
    drawn = draw_cars(spec, policy, level, index)   # type: ignore[arg-type]
    first = spec.asked.first_slot
    return {name: row[first:first + spec.slots] for name, row in zip(spec.tree.names, drawn, strict=True)}


def _differences(spec: Spec, picked: list[tuple[str, int, int]], theirs: dict[str, Any],
                 flags: dict[tuple[str, int], bytes],
                 scale: tuple[float, float]) -> tuple[float, float, float, int, int]:
    bus = {name: place for place, name in enumerate(theirs["buses"])}
    mine = [bus[name] for name in spec.tree.names]
    line = {frozenset(ends): place for place, ends in enumerate(theirs["lines"])}
    first = 2 if spec.tree.has_transformer else 1
    mine_line = [line[frozenset((spec.tree.names[i], spec.tree.names[spec.tree.parent[i]]))]
                 for i in range(first, len(spec.tree.names))]
    volts = lines = trafo = 0.0
    same = shots = 0
    for (policy, level, index), scenario in zip(picked, theirs["scenarios"], strict=True):
        device = Snapshots(spec, policy, level, index)
        said = 0
        for slot, shot in enumerate(scenario):
            device.go_to(slot)
            if shot is None:
                said |= COLLAPSED
                continue
            shots += 1
            vm = [shot["vm"][place] for place in mine]
            loads = [shot["line"][place] for place in mine_line]
            said |= _flags(spec, vm[1:], loads, shot["trafo"])
            loading = device.loadings()
            volts = max(volts, *(abs(abs(a) - b) for a, b in zip(device.voltages()[1:], vm[1:], strict=True)))
            lines = max(lines, *(abs(100 * a * scale[0] - b * scale[1])
                                 for a, b in zip(loading[first:], loads, strict=True)))
            if shot["trafo"]:
                trafo = max(trafo, abs(100 * loading[1] - shot["trafo"][0]))
        same += said == flags[policy, level][index]
    return volts, lines, trafo, same, shots


def _flags(spec: Spec, volts: list[float], lines: list[float], trafos: list[float]) -> int:
    asked = spec.asked
    return (UNDERVOLTAGE * (min(volts) < asked.voltage_min_pu) | OVERVOLTAGE * (max(volts) > asked.voltage_max_pu)
            | LINE * (max(lines) > asked.line_limit_percent)
            | TRANSFORMER * (max(trafos, default=0.0) > asked.transformer_limit_percent))


def _counts(workshop: Workshop, report: Report, python: Path, inputs: dict[str, dict[str, Any]]) -> None:
    many = 1_000 if workshop.full else 300
    sheet = report.sheet(f"Evenings of 100 outside the limits at 10, 20 … 100 % (reference: of {many}, in percent)",
                         "prototype", "reference", "ours", "hosting: prototype", "reference", "ours (95 % range)")
    for name in FEEDERS if workshop.full else COUNTED:
        given = inputs[name]
        spec = _spec(given)
        theirs = {(row["policy"], row["level"]): row["violated"] for row in _ask(workshop, python, "count", name, {
            **given["statistics"], "source": "", "policies": POLICIES, "levels": LEVELS, "scenarios": many, "seed": 7,
            "first_slot": spec.asked.first_slot, "slots": spec.slots, "charge_kw": spec.asked.charge_kw,
            "voltage_min_pu": spec.asked.voltage_min_pu, "voltage_max_pu": spec.asked.voltage_max_pu,
            "limit_percent": spec.asked.line_limit_percent, "cars_per_load": spec.asked.cars_per_load})["counts"]}
        for policy in workshop.solve(KIND, given).data["policies"]:
            ours = [row["violated"] for row in policy["levels"]]
            their = [theirs[policy["policy"], level] for level in LEVELS]
            known, counts = PROTOTYPE.get((name, policy["policy"]), ("–", None))
            hosting = next((level - 10 for level, hits in zip(LEVELS, their, strict=True) if hits * 20 > many), 100)
            found = f"{policy['hosting_percent']} ({policy['hosting_low_percent']}–{policy['hosting_high_percent']})"
            sheet.row(f"{name} {policy['policy']}", " ".join(map(str, counts)) if counts else "–",
                      " ".join(f"{100 * hits / many:.0f}" for hits in their), " ".join(map(str, ours)), known,
                      hosting, found,
                      bar="99 % interval", ok=all(_fits(hits, 100, other, many)
                                                  for hits, other in zip(ours, their, strict=True)))


def _fits(hits: int, trials: int, other: int, many: int) -> bool:
    """Whether ``hits`` lies in the 99 % range of a binomial whose share is anywhere in the other's 99 % interval."""
    low, high = clopper_pearson(other, many, 0.99)
    return at_most(hits, trials, low) > 0.005 and 1 - (at_most(hits - 1, trials, high) if hits else 0.0) > 0.005


def _gateway(workshop: Workshop, report: Report, given: dict[str, Any]) -> None:
    small = {**given, "scenarios_per_level": 20}
    document = workshop.through_gateway(KIND, small)
    same = document["result"]["data"] == json.loads(json.dumps(workshop.solve(KIND, small).data))
    sheet = report.sheet("rural1 through the gateway with simulated devices", "jobs", "ours: same answer")
    sheet.row("rural1", document["result"]["data"]["jobs"], "yes" if same else "no", bar="every figure", ok=same)
