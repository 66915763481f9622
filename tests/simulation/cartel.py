"""How much a cartel gets away with: members of different owners that agree on the same wrong answers.

Independent liars get nothing accepted, which every seed asserts. A cartel does when two of its members draw the
same job before either is caught: the second copy goes out after the first is recorded, so no member can know who
will check it, and the first recomputed lie puts every later answer of its author under recomputation.
"""

from __future__ import annotations

from typing import NamedTuple

from tests.simulation.run import report, run_seed
from tests.simulation.world import World, with_faults


class Share(NamedTuple):
    """Counts over some seeds: jobs, of them recomputed and left wrong; copies paid, of them wrong."""

    jobs: int
    recomputed: int
    wrong: int
    paid: int
    wrong_paid: int


def measure(seeds: range, liars: float, devices: int, jobs: int) -> Share:
    """Runs seeds with a cartel of ``liars`` (0..1) of ``devices``, each of its own owner. Raises AssertionError."""
    total = Share(0, 0, 0, 0, 0)
    for seed in seeds:
        mix = with_faults(seed, cartel=True, liars=liars, devices=devices, owners=devices, jobs=jobs, cancels=0,
                          bad_tasks=0, hurry=False, where=("fleet",))
        world, broken = run_seed(seed, World(seed, mix))
        assert not broken, report(world, broken)
        answers, truth, auditor = world.journal.answers, world.auditor.truth, world.auditor
        one = Share(len(answers), sum(audited for _, audited in answers.values()),
                    sum(answer != truth[key] for key, (answer, _) in answers.items()),
                    auditor.results_paid, auditor.wrong_paid)
        total = Share(*(a + b for a, b in zip(total, one, strict=True)))
    return total


def table() -> str:
    """The measurement, as lines: share of the cartel, then what came of it."""
    lines = ["cartel  devices  jobs   recomputed  wrong answers  wrong of paid copies"]
    for liars, devices, jobs, seeds in ((0.2, 9, 10, 100), (0.4, 9, 10, 100), (0.2, 40, 150, 8), (0.4, 40, 150, 8)):
        x = measure(range(seeds), liars, devices, jobs)
        shares = f"{x.recomputed / x.jobs:>10.1%} {x.wrong / x.jobs:>13.3%} {x.wrong_paid / x.paid:>14.3%}"
        lines.append(f"{liars:>5.0%} {devices:>8} {x.jobs:>6} {shares}")
    return "\n".join(lines)
