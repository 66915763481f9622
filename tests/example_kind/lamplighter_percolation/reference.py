"""A simulation on the host, and the published threshold."""

from __future__ import annotations

import random
from math import sqrt
from typing import Any

from lamplighter.tasks.api import Result
from lamplighter_percolation.spec import Spec

PUBLISHED = 0.592746
"""Site threshold of the infinite square lattice (Newman and Ziff, Phys. Rev. Lett. 85, 4104, 2000)."""
HOST_SAMPLES = 400


def reference(spec: Spec, result: Result) -> dict[str, Any]:
    """Other random numbers, another algorithm (sets that are joined), at the two shares beside the threshold."""
    threshold = result.data["threshold"]
    rows = sorted((row for row in result.data["levels"] if row["samples"]),
                  key=lambda row: abs(row["open_permille"] / 1000 - (threshold or 0.6)))[:2]
    worst = 0.0
    for row in rows:
        share = _host_share(spec.model.side_sites, row["open_permille"], random.Random(row["open_permille"]))
        error = sqrt(max(share * (1 - share), 0.01) / HOST_SAMPLES + (row["standard_error"] or 0)**2)
        worst = max(worst, abs(share - row["spanning_share"]) / error)
    found = "none in the range" if threshold is None else f"{threshold:.4f}"
    return {"ok": worst < 4, "worst_standard_errors": worst,
            "text": f"A simulation on the host is at most {worst:.1f} standard errors away. Threshold {found}; "
                    f"of the infinite lattice {PUBLISHED}."}


def _host_share(side: int, permille: int, pick: random.Random) -> float:
    return sum(_spans(side, permille, pick) for _ in range(HOST_SAMPLES)) / HOST_SAMPLES


def _spans(side: int, permille: int, pick: random.Random) -> bool:
    top, bottom = side * side, side * side + 1
    joined = list(range(side * side + 2))

    def root(at: int) -> int:
        while joined[at] != at:
            joined[at] = joined[joined[at]]
            at = joined[at]
        return at

    is_open = [pick.randrange(1000) < permille for _ in range(side * side)]
    for at, site in enumerate(is_open):
        if not site:
            continue
        for other, there in ((at - 1, at % side > 0), (at - side, at >= side)):
            if there and is_open[other]:
                joined[root(at)] = root(other)
        if at < side:
            joined[root(at)] = root(top)
        if at >= side * (side - 1):
            joined[root(at)] = root(bottom)
    return root(top) == root(bottom)
