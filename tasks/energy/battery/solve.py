"""One job a home: rounds of jobs into plans and bounds."""

from __future__ import annotations

from array import array
from collections.abc import Sequence

from lamplighter.tasks.api import DeadlinePassed, Solution
from lamplighter.tasks.energy.battery.jobs import job, plan_of
from lamplighter.tasks.energy.battery.method import worth
from lamplighter.tasks.energy.battery.result import Street, assemble
from lamplighter.tasks.energy.battery.spec import Spec

ROUND = 256
"""Homes a round, so that a street of thousands keeps no more jobs than that in memory."""


def rounds(spec: Spec) -> int:
    """How many rounds there will be."""
    return -(-sum(not store.idle for store in spec.stores) // ROUND)


def solve(spec: Spec) -> Solution:
    """Rounds of at most ``ROUND`` homes; those without a battery need no job."""
    street = Street()
    for place, store in enumerate(spec.stores):
        if store.idle:
            street.plans[place] = array("h", bytes(2 * spec.slots))
    asked = [place for place in range(len(spec.stores)) if place not in street.plans]
    late = False
    for first in range(0, len(asked), ROUND):
        places = asked[first:first + ROUND]
        answers: Sequence[bytes | None]
        try:
            answers = yield [job(spec, spec.stores[place]) for place in places]
        except DeadlinePassed as passed:
            answers, late = passed.answers, True
            if not (street.bounds or any(answers)):
                raise
        for place, answer in zip(places, answers, strict=True):
            if answer is not None:
                street.plans[place] = plan = plan_of(answer)
                street.bounds[place] = worth.bound(spec, spec.stores[place], plan)
        if late:
            break
    return assemble(spec, street)
