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
            missing = needed - sum(low[i] for i in run)
            for i in sorted(run, key=lambda i: (-junction.shown_ds(i), i)) if missing > 0 else ():
                more = min(junction.shown_ds(i) - low[i], missing)
                low[i], missing = low[i] + more, missing - more
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
    """Per end of a green and the next greens that conflict the phases between, and how long they must last: those
    that last long enough as shipped, and the first that need not all be kept. The others follow from these."""
    shown = [sum(1 << signal for signal, letter in enumerate(phase.signals) if letter in LETTERS)
             for phase in junction.phases]   # the signals that are green, a bit for each
    foes: dict[int, int] = {}
    for one, other in junction.conflicts:
        foes[one] = foes.get(one, 0) | 1 << other
        foes[other] = foes.get(other, 0) | 1 << one
    for signal, waiting in sorted(foes.items()):
        most = WALKING_DS if signal in junction.walks else CLEARING_DS
        for end in _ends([bool(green >> signal & 1) for green in shown]):
            yield from _between(junction, shown, (signal, end), waiting, most)


def _between(junction: Junction, shown: Sequence[int], ended: tuple[int, int], waiting: int, most: int
             ) -> Iterator[tuple[list[int], int]]:
    """The same for one signal and the last phase of its green: ``waiting`` are the signals that conflict with it."""
    signal, end = ended
    between: list[int] = []
    lasts, kept = 0, 0
    at = (end + 1) % len(shown)
    while True:
        if shown[at] & waiting and between:
            if lasts > most:
                yield between, most
                break
            kept = len(between)
        if shown[at] >> signal & 1:
            break
        waiting &= ~shown[at]
        between.append(at)
        lasts += junction.shown_ds(at)
        at = (at + 1) % len(shown)
    if kept:
        yield between[:kept], _sum(junction, between[:kept])


def _ends(green: Sequence[bool]) -> list[int]:
    """The last phase of each stretch of green, round the cycle; none if it is green always or never."""
    return [i for i in range(len(green)) if green[i] and not green[(i + 1) % len(green)]]
