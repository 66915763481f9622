"""Small networks with demand, drawn at random, on which predictions of ``traffic.signals`` meet SUMO.

Numbers name them: the same number draws the same network with the same SUMO. What is chosen is chosen on
``CALIBRATED_ON``, and judged on ``JUDGED_ON``.
"""

from __future__ import annotations

import random
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks.quality.tools.sumo import Sumo, World
from lamplighter.tasks.api import Input

CALIBRATED_ON = range(88)
JUDGED_ON = range(1030, 1060)
PERIOD_S = 900
SEARCH = {"generations": 5, "children": 12, "replicas": 2}
"""Shorter than by default: the error of the model is not that of the search."""
CITY_SEARCH = {"generations": 8, "children": 16, "replicas": 2}
"""For minutes, not an hour."""


@dataclass(frozen=True)
class Made:
    """What netgenerate and randomTrips are told."""

    shape: tuple[str, ...]
    seed: int
    vehicles_per_hour_km: int

    @classmethod
    def drawn(cls, number: int) -> Made:
        """Shape, lanes, lengths, programmes and demand, from free flow to gridlock."""
        pick = random.Random(number)
        length = pick.choice((100, 150, 200, 300, 400))
        shape = pick.choice((
            ("--grid", "--grid.x-number", str(pick.randint(1, 4)), "--grid.y-number", str(pick.randint(1, 3)),
             "--grid.length", str(length), "--grid.attach-length", str(pick.choice((150, 300)))),
            ("--spider", "--spider.arm-number", str(pick.randint(4, 6)), "--spider.circle-number",
             str(pick.randint(1, 2)), "--spider.space-radius", str(length)),
            ("--rand", "--rand.iterations", str(pick.randint(10, 24)), "--rand.min-distance", str(length // 2),
             "--rand.max-distance", str(length + 100))))
        signals = pick.choice((("--default-junction-type", "traffic_light"),
                               ("--tls.guess", "--tls.guess.threshold", "30")))
        more = ("--seed", str(number), "-L", str(pick.choice((1, 1, 2, 2, 3))),
                "--tls.cycle.time", str(pick.choice((60, 90, 90, 120))),
                "--tls.layout", pick.choice(("opposites", "opposites", "incoming")))
        return cls((*shape, *signals, *more), number, round(70 * 5 ** pick.random()))

    def task(self, sumo: Sumo) -> Input:
        """The network and its demand as a task; made once."""
        network, routes = _made(sumo, repr(self), self.shape, (
            "-e", PERIOD_S, "--seed", self.seed, "--insertion-density", self.vehicles_per_hour_km,
            "--fringe-factor", 10, "--min-distance", 100))
        return {"sumo": {"network_xml": network.read_text(), "routes_xml": routes.read_text()},
                "period_start_s": 0, "period_end_s": PERIOD_S, "search": SEARCH}


@dataclass(frozen=True)
class City:
    """What netgenerate and randomTrips are told of a network too large for a device, and until when it is planned."""

    name: str
    shape: tuple[str, ...]
    trips: tuple[str, ...]
    planned_s: int = 900
    against_tools: bool = True
    """False where SUMO's tools would take too long."""

    def world(self, sumo: Sumo) -> World:
        """The network with all its demand, an hour at most."""
        network, routes = _made(sumo, repr((self.shape, self.trips)), self.shape, self.trips)
        return World(sumo, network, routes, 0, network.read_text().count("<tlLogic "),
                     routes.read_text().count("<vehicle "))

    def task(self, world: World) -> Input:
        """Its first minutes as a task."""
        return world.task() | {"period_end_s": self.planned_s, "search": CITY_SEARCH}


def _grid(number: int) -> tuple[str, ...]:
    return ("--grid", "--grid.number", str(number), "--grid.length", "200", "-L", "2",
            "--default-junction-type", "traffic_light")


CITIES = (
    City("8 x 8 grid", (*_grid(8), "--grid.attach-length", "200", "--tls.guess"),
         ("--seed", "4", "--fringe-factor", "20", "--period", "0.45")),
    City("random, 72 signals", ("--rand", "--rand.iterations", "107", "--rand.min-distance", "120",
                                "--rand.max-distance", "300", "-L", "2", "--seed", "72", "--tls.guess",
                                "--tls.guess.threshold", "30"),
         ("--seed", "72", "--fringe-factor", "10", "--min-distance", "300", "-e", "1800", "--period", "0.8")),
    City("17 x 17 grid", _grid(17), ("--seed", "4", "-e", "900", "--period", "0.36"),
         against_tools=False))


def _made(sumo: Sumo, name: str, shape: Sequence[str], trips: Sequence[object]) -> tuple[Path, Path]:
    """A network and its routes, made once under ``name``."""
    network, routes = (sumo.kept(f".{kind}.xml", name, kind) for kind in ("net", "rou"))
    if not routes.exists():
        with tempfile.TemporaryDirectory() as scratch:
            made = Path(scratch, "rou.xml")
            sumo.call("netgenerate", *shape, "-o", network)
            sumo.call("randomTrips.py", "-n", network, "-o", Path(scratch, "trips.xml"), "-r", made, *trips)
            routes.write_bytes(made.read_bytes())
    return network, routes
