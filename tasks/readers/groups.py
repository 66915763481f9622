"""What signals need of a programme's phases: which of them a plan may change, and within which bounds.

A programme is made of phases, but safety is a matter of signals: each needs its green, its yellow, and after it
time for those whose way crosses. A phase is free if somebody has green in it, nobody has yellow, and nobody is
waited for to clear the junction. All others stay as they are.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from lamplighter.tasks.readers.network import LETTERS, Junction, bits

CLEARING_DS = 100
"""Within so much time, in 0.1 s, vehicles have left a junction after their green, yellow included."""
WALKING_DS = 300
"""Within so much time, in 0.1 s, people on foot have."""
_LEAST_DS = 10

Bounds = tuple[tuple[int, int], ...]
"""Least and most per phase that a plan may change, in 0.1 s."""


def freed(junction: Junction) -> Junction:
    """The junction with ``adjustable`` set for the phases that a plan may change."""
    held = {i for phases, lasts, needed in _clearances(junction) if needed == lasts for i in phases}
    free = [i not in held and phase.shortest_ds < phase.longest_ds and any(c in LETTERS for c in phase.signals)
            and not any(c in "yYu" for c in phase.signals) for i, phase in enumerate(junction.phases)]
    return replace(junction, phases=tuple(replace(phase, adjustable=can)
                                          for phase, can in zip(junction.phases, free, strict=True)))


def bounds(junction: Junction, minimum_ds: int) -> Bounds:
    """Bounds within which every plan gives every signal what it needs; no vehicle's green is shorter than
    ``minimum_ds``, or than as shipped."""
    shown = junction.shown
    low = list(shown)
    for i, phase in enumerate(junction.phases):
        if phase.adjustable:
            low[i] = min(low[i], max(phase.shortest_ds, _LEAST_DS))
    for needs in (_greens(junction, minimum_ds), _clearances(junction)):
        for run, _, needed in needs:
            missing = needed - sum([low[i] for i in run])
            for i in sorted(run, key=lambda i: (-shown[i], i)) if missing > 0 else ():
                more = min(shown[i] - low[i], missing)
                low[i], missing = low[i] + more, missing - more
    return tuple((low[i], max(low[i], phase.longest_ds))
                 for i, phase in enumerate(junction.phases) if phase.adjustable)


Need = tuple[list[int], int, int]
"""Phases, how long they last together as shipped, and how long they must last."""


def _greens(junction: Junction, minimum_ds: int) -> Iterator[Need]:
    """Per green of a signal its phases, and how long it must last."""
    shown, count = junction.shown, len(junction.phases)
    for signal, green in enumerate(junction.by_signal):
        for end in _ends(green, count):
            run = [end]
            while green >> (run[-1] - 1) % count & 1:
                run.append((run[-1] - 1) % count)
            whole = sum([shown[i] for i in run])
            yield run, whole, whole if signal in junction.others else min(whole, minimum_ds)


def _clearances(junction: Junction) -> Iterator[Need]:
    """Per end of a green and the next greens that conflict the phases between, and how long they must last: those
    that last long enough as shipped, and the first that need not all be kept. The others follow from these."""
    shown, by_phase = junction.shown, junction.by_phase
    for signal, (green, foes) in enumerate(zip(junction.by_signal, junction.foes, strict=False)):
        most = WALKING_DS if signal in junction.walks else CLEARING_DS
        for end in _ends(green, len(shown)) if foes else ():
            yield from _between(shown, by_phase, green, end, foes, most)


def _between(shown: Sequence[int], by_phase: Sequence[int], green: int, end: int, waiting: int, most: int
             ) -> Iterator[Need]:
    """The same for one signal and the last phase of its green: ``waiting`` are the signals that conflict with it."""
    between: list[int] = []
    lasts, kept, kept_ds = 0, 0, 0
    at = (end + 1) % len(shown)
    while True:
        now = by_phase[at]
        if now & waiting and between:
            if lasts > most:
                yield between, lasts, most
                break
            kept, kept_ds = len(between), lasts
        if green >> at & 1:
            break
        waiting &= ~now
        between.append(at)
        lasts += shown[at]
        at = (at + 1) % len(shown)
    if kept:
        yield between[:kept], kept_ds, kept_ds


def _ends(green: int, count: int) -> Iterator[int]:
    """The last phase of each stretch of green, round the cycle of so many phases; none if it is green always or
    never."""
    return bits(green & ~(green >> 1 | (green & 1) << count - 1))
