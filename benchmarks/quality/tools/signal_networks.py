"""Small networks with demand, drawn at random, on which predictions of ``traffic.signals`` meet SUMO.

Numbers name them: the same number draws the same network with the same SUMO. What is chosen is chosen on
``CALIBRATED_ON``, and judged on ``JUDGED_ON``.
"""

from __future__ import annotations

import random
import tempfile
from dataclasses import dataclass
from pathlib import Path

from benchmarks.quality.tools.sumo import Sumo
from lamplighter.tasks.api import Input

CALIBRATED_ON = range(88)
JUDGED_ON = range(1030, 1070)
PERIOD_S = 900
SEARCH = {"generations": 5, "children": 12, "replicas": 2}
"""Shorter than by default: the error of the model is not that of the search."""


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
        kept = {name: sumo.kept(f".{name}.xml", repr(self), name) for name in ("net", "rou")}
        if not kept["rou"].exists():
            with tempfile.TemporaryDirectory() as scratch:
                routes, trips = Path(scratch, "rou.xml"), Path(scratch, "trips.xml")
                sumo.call("netgenerate", *self.shape, "-o", kept["net"])
                sumo.call("randomTrips.py", "-n", kept["net"], "-o", trips, "-r", routes, "-e", PERIOD_S, "--seed",
                          self.seed, "--insertion-density", self.vehicles_per_hour_km, "--fringe-factor", 10,
                          "--min-distance", 100)
                kept["rou"].write_bytes(routes.read_bytes())
        return {"sumo": {"network_xml": kept["net"].read_text(), "routes_xml": kept["rou"].read_text()},
                "period_start_s": 0, "period_end_s": PERIOD_S, "search": SEARCH}
