"""The last word on every plan before it is published: may a traffic engineer switch it on?

It knows nothing of how plans are made: it compares what will be published with the programme as shipped, signal
by signal. What is shown, and in which order, stays the same. Yellow, and red with yellow, last as long as before.
No green is shorter than the minimum, or than before if that was less; signals that no cars obey (walks, trams,
bicycles) are never green for less than before. Between the end of one green and the beginning of another that
conflicts with it passes at least as much time as before, up to what any clearance takes.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from lamplighter.tasks.api import TaskError

CLEARANCE_DS = 100
"""Longer than this, in 0.1 s, no vehicle takes to clear a junction: what is more was another's green."""
WALK_CLEARANCE_DS = 300
"""The same for people on foot: a crossing of 30 m at 1 m/s."""
_GREEN = frozenset("GgOos")
_YELLOW = frozenset("yYu")


@dataclass(frozen=True, slots=True)
class Shown:
    """One phase of the programme as shipped: its letters, and for how long they are sure to be shown, in 0.1 s."""

    signals: str
    duration_ds: int
    shortest_ds: int = 0
    longest_ds: int | None = None


@dataclass(frozen=True, slots=True)
class Shipped:
    """The programme of a junction as shipped, with what is known of its signals."""

    phases: tuple[Shown, ...]
    conflicts: frozenset[tuple[int, int]]
    """Pairs of signals, the lower first, whose ways cross."""
    others: frozenset[int]
    """Signals that no cars obey."""
    walks: frozenset[int]
    """Signals that people on foot obey."""


def require(shipped: Mapping[str, Shipped], junctions: Sequence[Mapping[str, Any]], minimum_green_ds: int) -> None:
    """Raises TaskError ``unsafe_plan`` unless every junction of an answer, as published, may be switched on."""
    for junction in junctions:
        timing = junction["proposed"]
        found = list(faults(shipped[junction["id"]], junction["signals"],
                            [round(10 * duration) for duration in timing["durations_s"]], minimum_green_ds))
        if abs(sum(timing["durations_s"]) - timing["cycle_s"]) > 0.05:
            found.append("its phases do not add up to its cycle")
        if found:
            raise TaskError("unsafe_plan", f"the plan found for junction {junction['id'][:64]!r} is not safe: "
                            f"{found[0]}", "nothing is published; please report this with the task")


def faults(shipped: Shipped, signals: Sequence[str], durations_ds: Sequence[int], minimum_green_ds: int
           ) -> Iterator[str]:
    """What is wrong with a plan, a sentence each; ``signals`` and ``durations_ds`` are its phases in order."""
    if list(signals) != [phase.signals for phase in shipped.phases] or len(signals) != len(durations_ds):
        yield "it shows other signals than the programme as shipped, or in another order"
        return
    for i, (phase, now) in enumerate(zip(shipped.phases, durations_ds, strict=True)):
        if now < 1 or now < min(phase.shortest_ds, phase.duration_ds):
            yield f"phase {i} lasts {now / 10:g} s, less than its minimum"
        if phase.longest_ds is not None and now > max(phase.longest_ds, phase.duration_ds):
            yield f"phase {i} lasts {now / 10:g} s, more than its maximum"
    before = [phase.duration_ds for phase in shipped.phases]
    for signal in range(len(signals[0])):
        yield from _aspects(shipped, signal, before, durations_ds, minimum_green_ds)
    for pair in sorted(shipped.conflicts):
        for ends, begins in (pair, pair[::-1]):
            yield from _clearances(shipped, ends, begins, before, durations_ds)


def _aspects(shipped: Shipped, signal: int, before: Sequence[int], now: Sequence[int], minimum_ds: int
             ) -> Iterator[str]:
    """Greens and yellows of one signal that changed as they may not."""
    letters = [phase.signals[signal] for phase in shipped.phases]
    for phases in _runs([letter in _GREEN for letter in letters]):
        was, lasts = sum(before[i] for i in phases), sum(now[i] for i in phases)
        if lasts < (was if signal in shipped.others else min(was, minimum_ds)):
            yield f"signal {signal} is green for {lasts / 10:g} s, {was / 10:g} s before"
    for phases in _runs([letter in _YELLOW for letter in letters]):
        was, lasts = sum(before[i] for i in phases), sum(now[i] for i in phases)
        if lasts != was:
            yield f"signal {signal} is yellow for {lasts / 10:g} s, {was / 10:g} s before"


def _clearances(shipped: Shipped, ends: int, begins: int, before: Sequence[int], now: Sequence[int]
                ) -> Iterator[str]:
    """Times between one signal's green and the next of another that are shorter than they were."""
    most = WALK_CLEARANCE_DS if ends in shipped.walks else CLEARANCE_DS
    phases = shipped.phases
    for green in _runs([phase.signals[ends] in _GREEN for phase in phases]):
        was = lasts = 0
        at = (green[-1] + 1) % len(phases)
        while not _GREEN & {phases[at].signals[ends], phases[at].signals[begins]}:
            was, lasts = was + before[at], lasts + now[at]
            at = (at + 1) % len(phases)
        if phases[at].signals[begins] in _GREEN and lasts < min(was, most):
            yield f"signal {begins} follows signal {ends} after {lasts / 10:g} s, {was / 10:g} s before"


def _runs(shown: Sequence[bool]) -> Iterator[list[int]]:
    """The phases of each stretch that is shown without a break, round the cycle; none if always or never."""
    count = len(shown)
    for first in range(count):
        if shown[first] and not shown[first - 1]:
            run = [first]
            while shown[(run[-1] + 1) % count]:
                run.append((run[-1] + 1) % count)
            yield run
