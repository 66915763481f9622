"""Junctions, movements and demand as both readers deliver them and everything else uses them.

Times are integers of 0.1 s (``_ds``), as in the kernel.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from lamplighter.tasks.api import TaskError

HEADWAY_DS = {"straight": 20, "right": 23, "left": 26}
"""Where nothing better is known: time between two vehicles that leave a queue by the same lane, in 0.1 s."""
VEHICLE_M = 7.5
"""Length of a queue per vehicle: SUMO's default car of 5 m and its gap of 2.5 m."""
MAX_ROOM = 255
MAX_FEEDERS = 8
MAX_TABLE = 255
"""Lanes, and movements, that a device's tables hold."""
MAX_PASSAGES = 1_000_000
"""Signals that vehicles pass, all together."""
LONGEST_DS = 60_000
"""No phase lasts longer, in 0.1 s."""
RED, PERMISSIVE, GREEN, YELLOW = range(4)
LETTERS = {"G": GREEN, "O": GREEN, "g": PERMISSIVE, "o": PERMISSIVE, "s": PERMISSIVE}

_MARKS = bytes(ord("01"[chr(code) in LETTERS]) for code in range(256))

Steps = tuple[tuple[int, int], ...]
"""A route: per signal passed the movement's index and the free travel time to its stop line, in 0.1 s."""


def greens(letters: str) -> int:
    """A bit for each letter that is one of green, the lowest for the first."""
    return int(letters[::-1].encode("ascii", "replace").translate(_MARKS) or b"0", 2)


def bits(found: int) -> Iterator[int]:
    """The places of the bits that are set, the lowest first."""
    while found:
        yield (found & -found).bit_length() - 1
        found &= found - 1


def crossing(signals: int, pairs: Iterable[tuple[int, int]]) -> tuple[int, ...]:
    """What a programme of so many signals has as ``foes`` where those of each pair cross."""
    foes = [0] * signals
    for one, other in pairs:
        foes[one] |= 1 << other
        foes[other] |= 1 << one
    return tuple(foes)


@dataclass(frozen=True, slots=True)
class Phase:
    """One phase: how long, a SUMO letter per signal, and what the programme says of shorter and longer."""

    duration_ds: int
    signals: str
    shortest_ds: int = 0
    longest_ds: int = LONGEST_DS
    adjustable: bool = False
    """True if a plan may change its length: see `groups`."""


@dataclass(frozen=True, slots=True)
class Junction:
    """A signalled junction with its programme as shipped."""

    id: str
    offset_ds: int
    phases: tuple[Phase, ...]
    foes: tuple[int, ...] = ()
    """Per signal those whose ways cross its own, a bit for each: see `crossing`."""
    others: frozenset[int] = frozenset()
    """Signals that no cars obey: those of walks, trams, bicycles."""
    walks: frozenset[int] = frozenset()
    """Those of them that people on foot obey, who take longer to clear the junction."""
    actuated: bool = False
    """True if detectors decide between the shortest and the longest of each phase."""

    @property
    def shown(self) -> list[int]:
        """For how long each phase is sure to be shown as shipped, in 0.1 s."""
        return [min(phase.shortest_ds, phase.duration_ds) if self.actuated else phase.duration_ds
                for phase in self.phases]

    @property
    def conflicts(self) -> frozenset[tuple[int, int]]:
        """Pairs of signals, the lower first, whose ways cross."""
        return frozenset((one, other) for one, foes in enumerate(self.foes) for other in bits(foes) if one < other)

    @property
    def by_signal(self) -> list[int]:
        """Per signal the phases in which it is green, a bit for each."""
        return [greens("".join(letters)) for letters in zip(*(phase.signals for phase in self.phases), strict=True)]

    @property
    def by_phase(self) -> list[int]:
        """Per phase the signals that are green in it, a bit for each."""
        return [greens(phase.signals) for phase in self.phases]

    def green(self, signal: int) -> list[bool]:
        """Whether a signal is green, per phase."""
        return [phase.signals[signal] in LETTERS for phase in self.phases]

    def states(self, signal: int) -> list[int]:
        """RED, PERMISSIVE, GREEN or YELLOW per phase; yellow counts only right after green."""
        letters = [phase.signals[signal] for phase in self.phases]
        found = []
        for previous, letter in zip([letters[-1], *letters], letters, strict=False):
            ends = letter in "yYu" and previous in LETTERS
            found.append(YELLOW if ends else LETTERS.get(letter, RED))
        return found


@dataclass(frozen=True, slots=True)
class Link:
    """A movement's use of one lane. ``waits`` are the links that give way to this one, when permissive."""

    junction: int
    movement: int
    lane: int
    signal: int
    headway_ds: int
    waits: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Network:
    """Junctions, and links ordered by junction, then movement; movements and lanes are indices."""

    junctions: tuple[Junction, ...]
    links: tuple[Link, ...]
    lanes: tuple[tuple[int, int], ...]
    """Per lane its approach, and how many vehicles it has room for before others queue before the approach."""
    feeders: tuple[int, ...]
    """Per approach how many lanes lead to it."""
    streets: tuple[int, ...]
    """Per approach how many vehicles have room behind one another, back to where they would block others; 0: any
    number."""
    movements: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Demand:
    """Vehicles as (departure in 0.1 s, route), ordered; ``unsignalled`` ones pass no signal and are left out."""

    routes: tuple[Steps, ...]
    vehicles: tuple[tuple[int, int], ...]
    unsignalled: int
    crowded: tuple[str, ...] = ()
    """Junctions that nothing regulates and more vehicles cross than find a way by themselves."""

    @property
    def begin_ds(self) -> int:
        """First departure."""
        return self.vehicles[0][0]

    @property
    def end_ds(self) -> int:
        """Just after the last departure."""
        return self.vehicles[-1][0] + 1


@dataclass(frozen=True, slots=True)
class Road:
    """The lanes before a stop line that block one another when one of them is full."""

    name: str
    room: int = MAX_ROOM
    """Vehicles that each of its lanes has room for; ``MAX_ROOM``: any number."""
    feeders: int = 1
    """Lanes that lead to it."""
    street: int = 0
    """Vehicles that have room on all its lanes and those that lead to it alone; 0: any number."""


@dataclass(frozen=True, slots=True)
class Approach:
    """One movement as a reader finds it: names instead of indices."""

    name: str
    road: Road
    headway_ds: int
    lanes: tuple[tuple[str, int], ...]
    """Lane name and signal, one per lane the movement may use."""
    waits_for: frozenset[tuple[str, str]]
    """(movement, lane) of its own junction that it gives way to."""


def build(junctions: Sequence[tuple[Junction, Sequence[Approach]]]) -> Network:
    """Numbers movements, lanes and links."""
    lanes: dict[str, int] = {}
    roads: dict[Road, int] = {}
    rooms: list[tuple[int, int]] = []
    numbers: dict[tuple[str, str], int] = {}
    found: list[tuple[int, int, Approach, str, int]] = []
    names: list[str] = []
    for j, (_, approaches) in enumerate(junctions):
        for approach in approaches:
            names.append(approach.name)
            for lane, signal in approach.lanes:
                if lanes.setdefault(lane, len(lanes)) == len(rooms):
                    rooms.append((roads.setdefault(approach.road, len(roads)), approach.road.room))
                numbers[approach.name, lane] = len(found)
                found.append((j, len(names) - 1, approach, lane, signal))
    waits: list[list[int]] = [[] for _ in found]
    for k, (j, _, approach, _, signal) in enumerate(found):
        if PERMISSIVE in junctions[j][0].states(signal):
            for other in approach.waits_for:
                waits[numbers[other]].append(k)
    links = [Link(j, movement, lanes[lane], signal, approach.headway_ds, tuple(sorted(waiting)))
             for (j, movement, approach, lane, signal), waiting in zip(found, waits, strict=True)]
    feeders = tuple(min(road.feeders, MAX_FEEDERS) for road in roads)
    return Network(tuple(junction for junction, _ in junctions), tuple(links), tuple(rooms), feeders,
                   tuple(road.street for road in roads), tuple(names))


def collect(trips: Sequence[tuple[int, Steps]]) -> Demand:
    """Groups vehicles, given as departure and steps, by route."""
    routes: dict[Steps, int] = {}
    known: dict[int, int] = {}   # by identity: the steps of a long way are looked at once, however many take it
    for _, steps in trips:
        if steps and id(steps) not in known:
            known[id(steps)] = routes.setdefault(steps, len(routes))
    vehicles = [(depart, known[id(steps)]) for depart, steps in trips if steps]
    if sum(len(steps) for _, steps in trips) > MAX_PASSAGES:
        raise TaskError("too_large", f"vehicles pass signals more than {MAX_PASSAGES} times in the period",
                        "set the period to the hours in question, or cut the network to the area in question")
    if not vehicles:
        raise TaskError("zero_demand", "no vehicle passes a signal in the period",
                        "check the period's start and end against the departures")
    return Demand(tuple(routes), tuple(sorted(vehicles)), len(trips) - len(vehicles))
