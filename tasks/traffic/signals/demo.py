"""The demo's input: eight real junctions in Cologne, or a small made-up street without a network."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from lamplighter.tasks.api import DemoInput, Input
from lamplighter.tasks.fetch import wheel

FILES = {"network_xml": "net", "routes_xml": "rou"}
SEARCH = {"generations": 8, "children": 24}


def demo(cache: Path) -> DemoInput:
    """Half an hour of Cologne's morning peak at 8 junctions, from the RESCO benchmark (Ault and Sharon 2021)."""
    archive = wheel(cache, "sumo_rl", "1.4.5")
    if archive is None:
        return DemoInput(generated_street(2), "a made-up street of 2 junctions (Cologne's were not to be had)", False)
    with archive:
        texts = {name: archive.read(f"sumo_rl/nets/RESCO/cologne8/cologne8.{part}.xml").decode()
                 for name, part in FILES.items()}
    given: Input = {"sumo": texts, "period_start_s": 25_200, "period_end_s": 27_000, "search": SEARCH}
    return DemoInput(given, "8 junctions of Cologne, 07:00 to 07:30 (RESCO's cologne8, after TAPASCologne, in the "
                     "sumo_rl 1.4.5 wheel)", True)


def generated_street(junctions: int) -> Input:
    """A main street with ``junctions`` crossings, badly timed: equal greens, no coordination, 15 min of traffic."""
    ids = [f"J{j}" for j in range(junctions)]
    routes = [_route([f"{name}:{way}" for name in order], rate)
              for order, way, rate in ((ids, "east", 620.0), (ids[::-1], "west", 480.0))]
    for name in ids:
        routes += [_route([f"{name}:{way}"], rate) for way, rate in
                   (("north", 210.0), ("south", 190.0), ("left", 70.0))]
    return {"plain": {"junctions": [_crossing(name) for name in ids], "routes": routes},
            "period_start_s": 0, "period_end_s": 900,
            "search": {"generations": 4, "children": 16, "cycles_s": [60, 75], "replicas": 3}}


def _route(movements: list[str], per_hour: float) -> dict[str, Any]:
    legs = [{"travel_s": 18 if i else 20, "movement": movement} for i, movement in enumerate(movements)]
    return {"legs": legs, "vehicles_per_hour": per_hour}


def _crossing(name: str) -> dict[str, Any]:
    phases = [{"duration_s": 31, "signals": "GGrrg"}, {"duration_s": 4, "signals": "yyrry"},
              {"duration_s": 2, "signals": "rrrrr"}, {"duration_s": 31, "signals": "rrGGr"},
              {"duration_s": 4, "signals": "rryyr"}, {"duration_s": 2, "signals": "rrrrr"}]
    movements = [{"id": f"{name}:{way}", "turn": "left" if way == "left" else "straight", "signal": signal,
                  "lanes": lanes, "gives_way_to": [f"{name}:west"] if way == "left" else []}
                 for signal, (way, lanes) in enumerate((("east", ["e0", "e1"]), ("west", ["w0", "w1"]),
                                                        ("north", ["n0"]), ("south", ["s0"]), ("left", ["e1"])))]
    return {"id": name, "offset_s": 0, "phases": phases, "movements": movements}
