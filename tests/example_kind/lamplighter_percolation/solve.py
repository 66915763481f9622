"""Every share of open sites gets as many jobs."""

from __future__ import annotations

from collections.abc import Sequence

from lamplighter.tasks.api import DeadlinePassed, Solution
from lamplighter_percolation.jobs import PER_JOB, job
from lamplighter_percolation.result import assemble
from lamplighter_percolation.spec import Spec

ROUND_JOBS = 2_048


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
    return assemble(spec, spanned, tried, missing)
