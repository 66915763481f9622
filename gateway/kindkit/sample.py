"""Runs a kind once and keeps what is needed to look at its jobs afterwards."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from lamplighter.gateway.kindkit.pool import Pool
from lamplighter.tasks.api import Job, Kind, Result
from lamplighter.tasks.local import run_local


@dataclass
class Sample:
    """The result, jobs by round, and from each round its first, middle and last job with their answers."""

    result: Result
    rounds: list[list[Job]] = field(default_factory=list)
    answers: list[list[bytes]] = field(default_factory=list)

    @property
    def jobs(self) -> list[Job]:
        return [job for jobs in self.rounds for job in jobs]

    @property
    def picked(self) -> list[tuple[Job, bytes]]:
        """At most eight rounds' worth, spread over all."""
        chosen = spread(len(self.rounds), 8)
        return [(self.rounds[at][index], self.answers[at][index]) for at in chosen
                for index in spread(len(self.rounds[at]), 3)]


def spread(count: int, most: int) -> list[int]:
    """At most ``most`` of the numbers below ``count``, evenly, with the first and the last."""
    if count <= most:
        return list(range(count))
    return [at * (count - 1) // (most - 1) for at in range(most)]


def take(kind: Kind, spec: Any, pool: Pool) -> Sample:
    """Solves ``spec`` on ``pool``. Raises what the kind raises, KernelRaised, ValueError."""
    sample = Sample(Result("", {}))

    def run(jobs: Sequence[Job]) -> Sequence[bytes]:
        answers = pool.answers(jobs)
        sample.rounds.append(list(jobs))
        sample.answers.append(answers)
        return answers

    sample.result = run_local(kind, spec, run_jobs=run)
    return sample
