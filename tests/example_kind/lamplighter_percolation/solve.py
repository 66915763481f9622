"""Jobs of 64 lattices each; every share of open sites gets as many."""

from __future__ import annotations

import hashlib
import itertools
import struct
from collections.abc import Sequence
from dataclasses import dataclass
from math import sqrt
from typing import Any

from lamplighter.tasks.api import DeadlinePassed, Job, Result, Solution, TaskError
from lamplighter_percolation.model import PercolationInput

PER_JOB = 64
ROUND_JOBS = 2_048


@dataclass(frozen=True)
class Spec:
    """The request, with its jobs per share."""

    model: PercolationInput
    jobs: int


def prepare(model: PercolationInput) -> Spec:
    """Raises TaskError where the shares do not rise."""
    shares = model.open_permille
    if any(low >= high for low, high in itertools.pairwise(shares)):
        raise TaskError("not_rising", "the shares of open sites do not rise", "sort them and name each once",
                        "/open_permille")
    return Spec(model, -(-model.samples // PER_JOB))


def solve(spec: Spec) -> Solution:
    """Rounds of bounded size; sums are kept, answers are not."""
    places = [(level, part) for part in range(spec.jobs) for level in range(len(spec.model.open_permille))]
    spanned = [0] * len(spec.model.open_permille)
    tried = [0] * len(spanned)
    missing = 0
    for start in range(0, len(places), ROUND_JOBS):
        now = places[start:start + ROUND_JOBS]
        answers: Sequence[bytes | None]
        try:
            answers = yield [job(spec, *place) for place in now]
        except DeadlinePassed as late:
            answers = late.answers
        for (level, _), answer in zip(now, answers, strict=True):
            if answer is not None:
                spanned[level] += int.from_bytes(answer, "big")
                tried[level] += PER_JOB
        if None in answers:
            missing = len(places) - sum(tried) // PER_JOB
            break
    return _result(spec, spanned, tried, missing)


def job(spec: Spec, level: int, part: int) -> Job:
    """The states of the two generators come from a hash, so that no two jobs share lattices."""
    model = spec.model
    drawn = hashlib.sha256(f"{model.seed}/{model.side_sites}/{level}/{part}".encode()).digest()
    first = 1 + int.from_bytes(drawn[:8], "big") % ((30903 << 16) - 1)
    second = 1 + int.from_bytes(drawn[8:16], "big") % ((18000 << 16) - 1)
    share = model.open_permille[level]
    data = struct.pack(">BBBHII", model.side_sites, PER_JOB, share == 1000, share * 65536 // 1000 & 0xFFFF,
                       first, second)
    sites = model.side_sites**2
    return Job(data, 2, ops=PER_JOB * (sites * 12 + 40), heap_bytes=1_500 + 4 * sites)


def check(_spec: Spec, _job: Job, answer: bytes) -> bool:
    """No more lattices can span than there are."""
    return int.from_bytes(answer, "big") <= PER_JOB


def _result(spec: Spec, spanned: list[int], tried: list[int], missing: int) -> Result:
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
