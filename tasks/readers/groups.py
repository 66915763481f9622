"""What signals need of a programme's phases: which of them a plan may change, and within which bounds.

A programme is made of phases, but safety is a matter of signals: each needs its green, its yellow, and after it
time for those whose way crosses. A phase is free if somebody has green in it, nobody has yellow, and nobody is
waited for to clear the junction. All others stay as they are.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from lamplighter.tasks.readers.network import LETTERS, Junction

CLEARING_DS = 100
"""Within so much time, in 0.1 s, vehicles have left a junction after their green, yellow included."""
WALKING_DS = 300
"""Within so much time, in 0.1 s, people on foot have."""
_LEAST_DS = 10

Bounds = tuple[tuple[int, int], ...]
"""Least and most per phase that a plan may change, in 0.1 s."""


def freed(junction: Junction) -> Junction:
    """The junction with ``adjustable`` set for the phases that a plan may change."""
    held = {i for phases, needed in _clearances(junction) if needed == _sum(junction, phases) for i in phases}
    free = [i not in held and phase.shortest_ds < phase.longest_ds and any(c in LETTERS for c in phase.signals)
            and not any(c in "yYu" for c in phase.signals) for i, phase in enumerate(junction.phases)]
    return replace(junction, phases=tuple(replace(phase, adjustable=can)
                                          for phase, can in zip(junction.phases, free, strict=True)))


def bounds(junction: Junction, minimum_ds: int) -> Bounds:
    """Bounds within which every plan gives every signal what it needs; no vehicle's green is shorter than
    ``minimum_ds``, or than as shipped."""
    phases = junction.phases
    low = [junction.shown_ds(i) for i in range(len(phases))]
    for i, phase in enumerate(phases):
        if phase.adjustable:
            low[i] = min(low[i], max(phase.shortest_ds, _LEAST_DS))
    for needs in (_greens(junction, minimum_ds), _clearances(junction)):
        for run, needed in needs:
            for i in sorted(run, key=lambda i: (-junction.shown_ds(i), i)):
                low[i] = min(junction.shown_ds(i), low[i] + max(0, needed - sum(low[k] for k in run)))
    return tuple((low[i], max(low[i], phase.longest_ds)) for i, phase in enumerate(phases) if phase.adjustable)


def _sum(junction: Junction, phases: Sequence[int]) -> int:
    return sum(junction.shown_ds(i) for i in phases)


def _greens(junction: Junction, minimum_ds: int) -> Iterator[tuple[list[int], int]]:
    """Per green of a signal its phases, and how long it must last."""
    for signal in range(len(junction.phases[0].signals)):
        green = junction.green(signal)
        for end in _ends(green):
            run = [end]
            while green[run[-1] - 1]:
                run.append((run[-1] - 1) % len(green))
            whole = _sum(junction, run)
            yield run, whole if signal in junction.others else min(whole, minimum_ds)


def _clearances(junction: Junction) -> Iterator[tuple[list[int], int]]:
    """Per end of a green and the next green that conflicts the phases between, and how long they must last."""
    for pair in junction.conflicts:
        for first, second in (pair, pair[::-1]):
            ending, coming = junction.green(first), junction.green(second)
            for end in _ends(ending):
                between = []
                at = (end + 1) % len(ending)
                while not ending[at] and not coming[at]:
                    between.append(at)
                    at = (at + 1) % len(ending)
                if coming[at] and between:
                    most = WALKING_DS if first in junction.walks else CLEARING_DS
                    yield between, min(_sum(junction, between), most)


def _ends(green: Sequence[bool]) -> list[int]:
    """The last phase of each stretch of green, round the cycle; none if it is green always or never."""
    return [i for i in range(len(green)) if green[i] and not green[(i + 1) % len(green)]]
