"""The demo: the published 33-bus feeder, with street charging assumed on top."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from lamplighter.tasks.api import DemoInput

PAPER = ("M. E. Baran and F. F. Wu, Network reconfiguration in distribution systems for loss reduction and load "
         "balancing, IEEE Trans. Power Delivery 4(2), 1989")
SOURCE = (f"33-bus feeder, 12.66 kV: lines and loads as published ({PAPER}). Assumed by us: 1.02 pu at the "
          "substation, one wall box per 3 kW of published load, ampere limits, an evening load shape, ±10 % voltage "
          "band (EN 50160), synthetic charging")

# from, to, r in ohm, x in ohm, kW and kvar at the second bus
BARAN_WU = (
    (1, 2, 0.0922, 0.0470, 100, 60), (2, 3, 0.4930, 0.2511, 90, 40), (3, 4, 0.3660, 0.1864, 120, 80),
    (4, 5, 0.3811, 0.1941, 60, 30), (5, 6, 0.8190, 0.7070, 60, 20), (6, 7, 0.1872, 0.6188, 200, 100),
    (7, 8, 0.7114, 0.2351, 200, 100), (8, 9, 1.0300, 0.7400, 60, 20), (9, 10, 1.0440, 0.7400, 60, 20),
    (10, 11, 0.1966, 0.0650, 45, 30), (11, 12, 0.3744, 0.1238, 60, 35), (12, 13, 1.4680, 1.1550, 60, 35),
    (13, 14, 0.5416, 0.7129, 120, 80), (14, 15, 0.5910, 0.5260, 60, 10), (15, 16, 0.7463, 0.5450, 60, 20),
    (16, 17, 1.2890, 1.7210, 60, 20), (17, 18, 0.7320, 0.5740, 90, 40), (2, 19, 0.1640, 0.1565, 90, 40),
    (19, 20, 1.5042, 1.3554, 90, 40), (20, 21, 0.4095, 0.4784, 90, 40), (21, 22, 0.7089, 0.9373, 90, 40),
    (3, 23, 0.4512, 0.3083, 90, 50), (23, 24, 0.8980, 0.7091, 420, 200), (24, 25, 0.8960, 0.7011, 420, 200),
    (6, 26, 0.2030, 0.1034, 60, 25), (26, 27, 0.2842, 0.1447, 60, 25), (27, 28, 1.0590, 0.9337, 60, 20),
    (28, 29, 0.8042, 0.7006, 120, 70), (29, 30, 0.5075, 0.2585, 200, 600), (30, 31, 0.9744, 0.9630, 150, 70),
    (31, 32, 0.3105, 0.3619, 210, 100), (32, 33, 0.3410, 0.5302, 60, 40),
)
# Assumed: share of the published peak at the full hours 0 to 24 of a weekday in a residential area.
HOURLY = (50, 44, 40, 38, 38, 40, 48, 60, 66, 66, 66, 68, 70, 68, 66, 68, 74, 86, 96, 100, 97, 90, 78, 64, 50)
KW_PER_WALLBOX = 3
TRUNK_A, BRANCH_A = 400.0, 250.0


def feeder33(limits: bool = True) -> dict[str, Any]:
    """The feeder in the plain format; ``limits=False`` gives the paper's case: constant load, 1.00 pu, no limits."""
    shape = [(HOURLY[slot // 4] * (4 - slot % 4) + HOURLY[slot // 4 + 1] * (slot % 4)) / 400 for slot in range(96)]
    lines = [{"from_bus": f"{one}", "to_bus": f"{two}", "r_ohm": r, "x_ohm": x,
              "limit_a": (TRUNK_A if two <= 6 else BRANCH_A) if limits else 10_000.0}
             for one, two, r, x, _, _ in BARAN_WU]
    loads: list[dict[str, Any]] = [
        {"bus": f"{two}", "kw": float(kw), "kvar": float(kvar), "cars": kw // KW_PER_WALLBOX,
         **({"profile": "evening"} if limits else {})} for _, two, _, _, kw, kvar in BARAN_WU]
    return {"name": "Baran & Wu 33-bus feeder", "nominal_kv": 12.66, "source_bus": "1",
            "source_voltage_pu": 1.02 if limits else 1.0,
            "buses": [{"name": f"{bus}"} for bus in range(1, 34)], "lines": lines, "loads": loads,
            "profiles": {"evening": shape} if limits else {}}


def demo(cache: Path) -> DemoInput:  # noqa: ARG001 - nothing to fetch: the feeder is small enough to be typed in
    """Ten levels, a hundred scenarios each, charging on arrival and under a 22:00 tariff."""
    return DemoInput({"feeder": feeder33(), "scenarios_per_level": 100, "policies": ["on_arrival", "tariff_22"],
                      "voltage_min_pu": 0.90, "voltage_max_pu": 1.10}, SOURCE, real=True)
