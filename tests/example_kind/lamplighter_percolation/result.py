"""How many lattices let a current through at each share, and where that crosses one half."""

from __future__ import annotations

import itertools
from math import sqrt
from typing import Any

from lamplighter.tasks.api import Result
from lamplighter_percolation.jobs import PER_JOB
from lamplighter_percolation.spec import Spec


def assemble(spec: Spec, spanned: list[int], tried: list[int], missing: int) -> Result:
    """With jobs ``missing`` at a deadline, from the lattices that were tried."""
    rows = [{"open_permille": share, "samples": n, "spanning_share": hits / n if n else None,
             "standard_error": sqrt(hits * (n - hits) / n) / n if n else None}
            for share, hits, n in zip(spec.model.open_permille, spanned, tried, strict=True)]
    threshold, error = _threshold(rows)
    data: dict[str, Any] = {"side_sites": spec.model.side_sites, "levels": rows, "threshold": threshold,
                            "threshold_standard_error": error, "jobs_missing": missing}
    said = (f"half of the lattices of {spec.model.side_sites} by {spec.model.side_sites} sites let a current through "
            f"at {threshold:.4f} ± {error:.4f} of open sites" if threshold is not None and error is not None
            else "the share of lattices that let a current through does not cross one half in the range tried")
    partial = f"{missing} jobs of {PER_JOB} lattices are missing; the standard errors tell what that costs"
    return Result(said[0].upper() + said[1:] + ".", data, partial if missing else "")


def _threshold(rows: list[dict[str, Any]]) -> tuple[float | None, float | None]:
    """Where the share crosses one half, by a line between the two shares beside it, with its standard error."""
    known = [row for row in rows if row["samples"]]
    for low, high in itertools.pairwise(known):
        a, b = low["spanning_share"], high["spanning_share"]
        if a < 0.5 <= b:
            step = (high["open_permille"] - low["open_permille"]) / 1000
            at = (0.5 - a) / (b - a)
            error = step / (b - a) * sqrt(((1 - at) * low["standard_error"])**2 + (at * high["standard_error"])**2)
            return low["open_permille"] / 1000 + at * step, error
    return None, None
