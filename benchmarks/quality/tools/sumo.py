"""SUMO, its tools and one network with its demand; every run is kept by the content of what went into it."""

from __future__ import annotations

import copy
import hashlib
import json
import os
import random
import subprocess
import tempfile
import xml.etree.ElementTree as ET
import zipfile
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean
from typing import Any

TOOLS = ("shipped", "coordinator", "cycle", "both", "unified")
HOUR_S = 3600
DRAIN_S = 3600
JITTER_S = 60
RUN_S = 900
MIN_GREEN_S, MAX_GREEN_S = 5, 50


class Sumo:
    """The programs of an ``eclipse-sumo`` wheel in the environment of ``python``."""

    def __init__(self, python: Path, cache: Path) -> None:
        cache.mkdir(parents=True, exist_ok=True)
        self.python = python
        self.cache = cache
        self.tools = next(python.parent.parent.glob("lib/python*/site-packages/sumo/tools"))

    def call(self, program: str, *arguments: object) -> None:
        """Runs a program, or a tool named ``*.py``. Raises subprocess.CalledProcessError."""
        head = [self.python, self.tools / program] if program.endswith(".py") else [self.python.with_name(program)]
        subprocess.run([str(part) for part in (*head, *arguments)], check=True, capture_output=True, timeout=RUN_S)

    def kept(self, suffix: str, *parts: bytes | str) -> Path:
        """Where the answer to these inputs is kept."""
        digest = hashlib.sha256(b"\0".join(p.encode() if isinstance(p, str) else p for p in parts)).hexdigest()[:24]
        return self.cache / f"{digest}{suffix}"


@dataclass(frozen=True)
class World:
    """A network and its demand: an hour of vehicles with their routes."""

    sumo: Sumo
    network: Path
    routes: Path
    begin_s: int
    junctions: int
    vehicles: int

    @classmethod
    def of(cls, archive: zipfile.ZipFile, sumo: Sumo, name: str, begin_s: int) -> World:
        """Unpacks and routes ``name``; vehicles that depart before the hour or after it are dropped."""
        folder = f"sumo_rl/nets/RESCO/{name}/{name}"
        network = sumo.cache / f"{name}.net.xml"
        network.write_bytes(archive.read(f"{folder}.net.xml"))
        demand = next(n for n in archive.namelist() if n.startswith(folder) and n.endswith(".rou.xml"))
        routes = sumo.cache / f"{name}.rou.xml"
        if not routes.exists():
            with tempfile.TemporaryDirectory() as scratch:
                raw, routed = Path(scratch, "raw.xml"), Path(scratch, "routed.xml")
                raw.write_bytes(archive.read(demand))
                sumo.call("duarouter", "-n", network, "-r", raw, "-o", routed, "--named-routes", "false", "--seed", 1,
                          "--no-warnings", "--ignore-errors")
                types, vehicles = _read(routed)
            _write(routes, types, [v for v in vehicles if begin_s <= _depart(v) < begin_s + HOUR_S])
        return cls(sumo, network, routes, begin_s, len(ET.parse(network).findall("tlLogic")), len(_read(routes)[1]))

    def task(self) -> dict[str, Any]:
        """The hour as a task for ``traffic.signals``."""
        return {"sumo": {"network_xml": self.network.read_text(), "routes_xml": self.routes.read_text()},
                "period_start_s": self.begin_s, "period_end_s": self.begin_s + HOUR_S}

    def jittered(self, seed: int) -> Path:
        """The same vehicles, each departure moved by up to a minute either way."""
        return self._changed(f"jitter {seed}", seed * 7919, 0)

    def scaled(self, seed: int) -> Path:
        """A tenth more vehicles: copies of some, departing within a minute of the original."""
        return self._changed(f"more {seed}", seed * 7919 + 1, 10)

    def _changed(self, how: str, seed: int, one_in: int) -> Path:
        out = self.sumo.kept(".rou.xml", self.routes.read_bytes(), how)
        if out.exists():
            return out
        rng = random.Random(seed)
        types, vehicles = _read(self.routes)
        moved = vehicles
        if one_in:
            moved = [copy.deepcopy(v) for v in rng.sample(vehicles, len(vehicles) // one_in)]
            for vehicle in moved:
                vehicle.set("id", f"more-{vehicle.get('id')}")
            vehicles = vehicles + moved
        for vehicle in moved:
            at = _depart(vehicle) + rng.uniform(-JITTER_S, JITTER_S)
            vehicle.set("depart", f"{max(self.begin_s, at):.2f}")
        _write(out, types, vehicles)
        return out

    def tool_plans(self) -> dict[str, str]:
        """What SUMO's own tools propose, as additional files by name; "" is the network as shipped."""
        kept = self.sumo.kept(".json", self.network.read_bytes(), self.routes.read_bytes(), "tools")
        if not kept.exists():
            kept.write_text(json.dumps(self._ask_tools()))
        return dict(json.loads(kept.read_text()))

    def _ask_tools(self) -> dict[str, str]:
        asked = ("-n", self.network, "-r", self.routes)
        with tempfile.TemporaryDirectory() as scratch:
            made = {name: Path(scratch, f"{name}.xml") for name in ("k", "c", "ck", "u", "uk")}
            self.sumo.call("tlsCoordinator.py", *asked, "-o", made["k"])
            for one, two, option in (("c", "ck", ()), ("u", "uk", ("--unified-cycle",))):
                self.sumo.call("tlsCycleAdaptation.py", *asked, "-b", self.begin_s, "-o", made[one], *option)
                self.sumo.call("tlsCoordinator.py", *asked, "-a", made[one], "-o", made[two])
            return {"shipped": "", "coordinator": _together(made["k"]), "cycle": _together(made["c"]),
                    "both": _together(made["c"], made["ck"]), "unified": _together(made["u"], made["uk"])}

    def actuated(self) -> str:
        """The shipped phases under SUMO's actuated control: greens of 5 to 50 s as the detectors ask."""
        root = ET.Element("additional")
        for shipped in ET.parse(self.network).findall("tlLogic"):
            logic = ET.SubElement(root, "tlLogic", id=shipped.get("id", ""), type="actuated", programID="actuated",
                                  offset=shipped.get("offset", "0"))
            for phase in shipped.findall("phase"):
                made = ET.SubElement(logic, "phase", dict(phase.attrib))
                state = phase.get("state", "")
                if set(state) & set("Gg") and not set(state) & set("yY"):
                    made.set("minDur", str(MIN_GREEN_S))
                    made.set("maxDur", str(MAX_GREEN_S))
        return ET.tostring(root, encoding="unicode")

    def losses_s(self, plan: str, days: list[Path]) -> list[float]:
        """Mean loss per vehicle under ``plan`` on each demand; the n-th runs with SUMO's seed n."""
        with ThreadPoolExecutor(os.cpu_count()) as several:
            return list(several.map(lambda item: self._loss_s(plan, item[1], item[0]), enumerate(days, 1)))

    def _loss_s(self, plan: str, demand: Path, seed: int) -> float:
        kept = self.sumo.kept(".loss", self.network.read_bytes(), demand.read_bytes(), plan, f"{self.begin_s} {seed}")
        if not kept.exists():
            with tempfile.TemporaryDirectory() as scratch:
                trips, given = Path(scratch, "trips.xml"), Path(scratch, "plan.add.xml")
                given.write_text(plan or "<additional/>")
                self.sumo.call(
                    "sumo", "-n", self.network, "-r", demand, "-a", given, "-b", self.begin_s,
                    "-e", self.begin_s + HOUR_S + DRAIN_S, "--seed", seed, "--tripinfo-output", trips,
                    "--tripinfo-output.write-unfinished", "--tripinfo-output.write-undeparted",
                    "--time-to-teleport", -1, "--no-step-log", "--no-warnings", "--duration-log.disable")
                loss = fmean(float(trip.get("timeLoss", 0)) + max(0.0, float(trip.get("departDelay", 0)))
                             for trip in ET.parse(trips).iter("tripinfo"))
            kept.write_text(repr(loss))
        return float(kept.read_text())


def _depart(vehicle: ET.Element) -> float:
    return float(vehicle.get("depart", "0"))


def _read(path: Path) -> tuple[list[ET.Element], list[ET.Element]]:
    root = ET.parse(path).getroot()
    return root.findall("vType"), root.findall("vehicle")


def _write(path: Path, types: list[ET.Element], vehicles: list[ET.Element]) -> None:
    root = ET.Element("routes")
    root.extend(types)
    root.extend(sorted(vehicles, key=_depart))
    ET.ElementTree(root).write(path)


def _together(*paths: Path) -> str:
    """Several additional files as one."""
    root = ET.Element("additional")
    for path in paths:
        root.extend(ET.parse(path).getroot())
    return ET.tostring(root, encoding="unicode")
