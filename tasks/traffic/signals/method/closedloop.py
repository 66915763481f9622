"""The proposal in SUMO, where that is installed: what a closed loop finds, beside what was predicted."""

from __future__ import annotations

import importlib.util
import os
import shutil
import subprocess
import tempfile
from collections.abc import Mapping
from pathlib import Path
from statistics import fmean
from typing import Any
from xml.etree import ElementTree

from lamplighter.tasks.api import Input, TaskError
from lamplighter.tasks.traffic.signals.show import additional

SEEDS = (1, 2, 3)
DRAIN_S = 3600
RUN_S = 1800
INSTALL = "pip install eclipse-sumo, or set SUMO_HOME"


def verify(given: Input, data: Mapping[str, Any]) -> dict[str, Any]:
    """Runs the programmes as shipped and as proposed in SUMO, on the task's own network and routes.

    Returns ``text`` and, in seconds per vehicle that departs in the period, time loss with delay before departure:
    ``shipped_s_per_vehicle`` and ``proposed_s_per_vehicle``, means over three seeds; ``saved_share``; ``ok`` if the
    proposal saves, or is what is there. Raises TaskError: no_sumo, cannot_verify.
    """
    sumo = given.get("sumo") or {}
    if not sumo.get("routes_xml"):
        raise TaskError("cannot_verify", "SUMO needs a network and routes; this task has other fields",
                        "give sumo.network_xml and sumo.routes_xml")
    program = find_sumo()
    begin = float(given.get("period_start_s") or 0.0)
    end = float(given.get("period_end_s") or data["period_end_s"])
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        for name, text in (("net.xml", sumo["network_xml"]), ("routes.xml", sumo["routes_xml"]),
                           ("shipped.xml", "<additional/>"), ("proposed.xml", additional(dict(data)))):
            (folder / name).write_text(text, encoding="utf-8")
        shipped, proposed = (fmean(_loss_s(program, folder, f"{plan}.xml", begin, end, seed) for seed in SEEDS)
                             for plan in ("shipped", "proposed"))
    saved = 1 - proposed / shipped if shipped else 0.0
    before, after = data["delay_before_s_per_vehicle"], data["delay_after_s_per_vehicle"]
    predicted = "nothing" if before is None else f"{before - after:.1f} s less at signals"
    text = (f"In SUMO, on the demand as given and {len(SEEDS)} seeds, vehicles lose {shipped:.1f} s under the "
            f"present programmes and {proposed:.1f} s under those proposed: {abs(shipped - proposed):.1f} s "
            f"({abs(saved):.1%}) {'less' if proposed <= shipped else 'more'}, where {predicted} was predicted. "
            f"SUMO's figures are all time lost, not only at signals{_held(saved, data)}.")
    return {"ok": proposed <= shipped, "text": text, "shipped_s_per_vehicle": round(shipped, 2),
            "proposed_s_per_vehicle": round(proposed, 2), "saved_share": round(saved, 4),
            "predicted_saving_s_per_vehicle": None if before is None else round(before - after, 2)}


def _held(saved: float, data: Mapping[str, Any]) -> str:
    """Whether a saving is where it was promised to be."""
    low, high = data.get("saved_share_low"), data.get("saved_share_high")
    if low is None or high is None:
        return "; nothing was promised of them"
    return f"; {low:.0%} to {high:.0%} less was promised: it is {'' if low <= saved <= high else 'not '}inside"


def find_sumo() -> Path:
    """That of ``$SUMO_HOME``, of the ``eclipse-sumo`` package, or on the path. Raises TaskError ``no_sumo``."""
    package = importlib.util.find_spec("sumo")
    homes = [os.environ.get("SUMO_HOME"), *(package.submodule_search_locations or () if package else ())]
    for home in filter(None, homes):
        if (program := Path(home, "bin", "sumo")).exists():
            return program
    found = shutil.which("sumo")
    if found is None:
        raise TaskError("no_sumo", "SUMO is not installed here", INSTALL)
    return Path(found)


def _loss_s(program: Path, folder: Path, plan: str, begin_s: float, end_s: float, seed: int) -> float:
    """Mean loss of the vehicles that were to depart in the period; whoever never does has lost all the time."""
    trips = folder / "trips.xml"
    command = [program, "-n", "net.xml", "-r", "routes.xml", "-a", plan, "-b", f"{begin_s:g}",
               "-e", f"{end_s + DRAIN_S:g}", "--seed", str(seed), "--tripinfo-output", trips.name,
               "--tripinfo-output.write-unfinished", "--tripinfo-output.write-undeparted", "--time-to-teleport", "-1",
               "--no-step-log", "--no-warnings", "--duration-log.disable", "--xml-validation", "never"]
    try:
        subprocess.run([str(word) for word in command], cwd=folder, check=True, capture_output=True, timeout=RUN_S)
    except subprocess.CalledProcessError as error:
        raise TaskError("cannot_verify", f"SUMO ended: {error.stderr.decode(errors='replace').strip()[-300:]}",
                        "does SUMO take these files by themselves?") from None
    except (OSError, subprocess.TimeoutExpired) as error:
        raise TaskError("cannot_verify", f"SUMO did not run: {error}"[:300], INSTALL) from None
    lost = []
    for trip in ElementTree.parse(trips).iter("tripinfo"):   # noqa: S314 (SUMO's own output)
        depart, late = (float(trip.get(name, "0")) for name in ("depart", "departDelay"))
        wanted = (depart if depart >= 0 else end_s + DRAIN_S) - late
        if begin_s <= wanted < end_s:
            lost.append(float(trip.get("timeLoss", "0")) + max(0.0, late))
    if not lost:
        raise TaskError("cannot_verify", "in SUMO no vehicle departs in the period", "check the period")
    return fmean(lost)
