"""Reads the programmes of a SUMO network's signals, and which of them conflict.

Formats: SUMO documentation, "Simulation/Traffic Lights" and "SUMO Road Networks" (the request table).
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping

from lamplighter.tasks.api import TaskError
from lamplighter.tasks.readers.allow import Left
from lamplighter.tasks.readers.network import LONGEST_DS, Junction, Phase
from lamplighter.tasks.readers.safexml import Element, number
from lamplighter.tasks.readers.sumoxml import NETWORK_PATH

MAX_PHASES = 255
MAX_CYCLE_DS = 6000
MAX_SIGNALS = 1_000
MAX_LETTERS = 500_000
"""Signals times phases of all programmes."""
MAX_WAYS = 256
"""Ways across a junction: SUMO's own limit (SUMO_MAX_CONNECTIONS)."""
MAX_CROSSINGS = 1_000_000
"""Pairs of ways, in all tables together, of which one may yield to the other or cross it."""
_FIXED, _BY_DETECTORS = frozenset({"static", ""}), frozenset({"actuated", "delay_based"})
_RAIL = frozenset({"rail_signal", "rail_crossing"})

Place = tuple[str, int]
"""A junction, and the index of a way across it in its request table."""


class Programmes:
    """The programmes by signal id; each is read when a road for cars turns out to be guarded by it."""

    def __init__(self, root: Element) -> None:
        self._given: dict[str, list[Element]] = {}
        self._read: dict[str, Junction | None] = {}
        self._letters = 0
        for logic in root.children:
            if logic.tag == "tlLogic":
                self._given.setdefault(logic.attributes.get("id", ""), []).append(logic)

    def of(self, name: str) -> Junction | None:
        """The programme that SUMO runs, the last of several; None where there is none, or none by the clock.

        Where detectors decide, too. Raises TaskError: bad_programme, nema_programme, unknown_programme, too_large.
        """
        if name not in self._read:
            clocked = [logic for logic in self._given.get(name, ()) if not _by_hand(logic)]
            found = self._read[name] = _junction(clocked[-1]) if clocked else None
            self._letters += sum(len(phase.signals) for phase in found.phases) if found else 0
            if self._letters > MAX_LETTERS:
                raise TaskError("too_large", f"the programmes' states have more than {MAX_LETTERS} letters",
                                "cut the network to the area in question", NETWORK_PATH)
        return self._read[name]

    def by_hand(self) -> list[str]:
        """Signals of roads for cars that no clock and no detector switches."""
        return [name for name, junction in self._read.items() if junction is None and name in self._given]

    def tell(self, left: Left) -> None:
        """What was not taken into account."""
        for name, logics in self._given.items():
            if name not in self._read:
                left.out("programme", "it guards no road for cars", name, len(logics))
            elif self._read[name] is not None and len(logics) > 1:
                left.out("programme", "another of the same signal, the last that runs by the clock, was taken", name,
                         len(logics) - 1)
        for name in self.by_hand():
            left.out("signal", "it is switched by hand or by trains (a phase of more than 600 s, or a level "
                     "crossing), and taken as always green", name)
        actuated = [name for name, junction in self._read.items() if junction and junction.actuated]
        if actuated:
            left.tell(f"{len(actuated)} signals that detectors switch today ({', '.join(actuated)[:80]}) were "
                      "planned for with fixed times: no saving against them is claimed")


def _by_hand(logic: Element) -> bool:
    phases = [phase for phase in logic.children if phase.tag == "phase"]
    return logic.attributes.get("type", "") in _RAIL or any(
        number(phase, "duration", NETWORK_PATH, "0") * 10 > MAX_CYCLE_DS for phase in phases)


def _junction(logic: Element) -> Junction:
    name, sort = (logic.attributes.get(key, "") for key in ("id", "type"))
    if sort == "NEMA":
        raise TaskError("nema_programme", f"signal {name[:64]!r} is run by a ring-and-barrier (NEMA) controller, "
                        "whose rings, yellow and red this kind does not plan",
                        "give the junction a fixed-time programme (type=\"static\") with its yellow and all-red "
                        "phases", NETWORK_PATH)
    if sort not in _FIXED | _BY_DETECTORS:
        raise TaskError("unknown_programme", f"signal {name[:64]!r} has a programme of type {sort[:40]!r}",
                        "static, actuated and delay_based ones are read", NETWORK_PATH)
    actuated = sort in _BY_DETECTORS
    elements = [phase for phase in logic.children if phase.tag == "phase"]
    phases = tuple(_phase(phase, i, len(elements), actuated) for i, phase in enumerate(elements))
    cycle = sum(phase.duration_ds for phase in phases)
    if not phases or min(p.duration_ds for p in phases) < 1 or len(phases) > MAX_PHASES or cycle > MAX_CYCLE_DS:
        raise TaskError("bad_programme", f"programme of signal {name[:64]!r}: 1 to {MAX_PHASES} phases of at least "
                        "0.1 s, 600 s together, are supported", "check its <phase> elements", NETWORK_PATH)
    if len({len(phase.signals) for phase in phases}) != 1 or len(phases[0].signals) > MAX_SIGNALS:
        raise TaskError("bad_programme", f"programme of signal {name[:64]!r}: states differ in length, or are longer "
                        f"than {MAX_SIGNALS}", "each state has one letter per signal", NETWORK_PATH)
    return Junction(name, round(10 * number(logic, "offset", NETWORK_PATH, "0")) % cycle, phases, actuated=actuated)


def _phase(element: Element, index: int, count: int, actuated: bool) -> Phase:
    """A phase; what detectors do not change has neither a shorter nor a longer time."""
    after = element.attributes.get("next", "").split()
    if after and after != [str((index + 1) % count)]:
        raise TaskError("branching_programme", f"line {element.line}: phase {index} does not always lead to the next",
                        "give a programme whose phases follow one another", NETWORK_PATH)
    duration = round(10 * number(element, "duration", NETWORK_PATH))
    signals = element.attributes.get("state", "")
    shortest, longest = (duration, duration) if actuated else (0, LONGEST_DS)
    if not set("yYu") & set(signals):
        shortest = round(10 * number(element, "minDur", NETWORK_PATH, str(shortest / 10)))
        longest = round(10 * number(element, "maxDur", NETWORK_PATH, str(longest / 10)))
    return Phase(duration, signals, max(0, shortest), max(shortest, min(longest, LONGEST_DS)))


class Requests:
    """The request tables of the junctions: who yields to whom, and whose ways cross."""

    def __init__(self, root: Element, followers: dict[str, str]) -> None:
        self._places: dict[str, Place] = {}
        self._response: dict[Place, frozenset[int]] = {}
        self._foes: dict[Place, frozenset[int]] = {}
        self._crossings = 0
        for junction in root.children:
            name = junction.attributes.get("id", "")
            if junction.tag != "junction" or junction.attributes.get("type") == "internal":
                continue
            lanes = junction.attributes.get("intLanes", "").split()
            self._places.update((lane, (name, i)) for i, lane in enumerate(lanes))
            if junction.attributes.get("type") == "traffic_light_unregulated":
                continue
            for request in (child for child in junction.children if child.tag == "request"):
                place = name, int(number(request, "index", NETWORK_PATH))
                self._response[place] = self._row(request, "response")
                if "foes" in request.attributes:
                    self._foes[place] = self._row(request, "foes")
        for lane, follower in followers.items():
            if lane not in self._places and follower in self._places:   # left turns that wait inside
                self._places[lane] = self._places[follower]

    def _row(self, request: Element, name: str) -> frozenset[int]:
        """The ways that a row of a table marks; its last letter is way 0. Raises TaskError ``too_large``."""
        text = request.attributes.get(name, "")
        self._crossings += text.count("1")
        if len(text) > MAX_WAYS or self._crossings > MAX_CROSSINGS:
            raise TaskError("too_large", f"line {request.line}: a <request> of {len(text)} ways; SUMO has at "
                            f"most {MAX_WAYS} at a junction, and {MAX_CROSSINGS} pairs of them are read",
                            "cut the network to the area in question", NETWORK_PATH)
        return frozenset(i for i, bit in enumerate(reversed(text)) if bit == "1")

    def place(self, lane: str) -> Place | None:
        """The junction and the index of a lane inside it; None if it has none."""
        return self._places.get(lane)

    def yields_to(self, place: Place) -> list[Place]:
        return [(place[0], i) for i in sorted(self._response.get(place, ()))]

    def conflicts(self, name: str, signals: Mapping[int, Collection[Place | None]]) -> frozenset[tuple[int, int]]:
        """Pairs of a programme's signals whose ways cross; ``signals`` are the places that each of them guards.

        Raises TaskError ``no_foes`` if the table of one is missing.
        """
        return frozenset((min(one, other), max(one, other)) for one, _, other, _ in self._foes_of(name, signals)
                         if one != other)

    def _foes_of(self, name: str, signals: Mapping[int, Collection[Place | None]]
                 ) -> Iterator[tuple[int, Place, int, Place]]:
        """Signals and places of every two ways that cross or join. Raises TaskError ``no_foes``."""
        of_place: dict[Place, set[int]] = {}
        for signal, places in signals.items():
            for place in places:
                if place is None or place not in self._foes:
                    raise TaskError("no_foes", f"which ways cross at signal {name[:64]!r} is not known: its junction "
                                    f"has no <request foes=...> for signal {signal}", "let netconvert write the "
                                    "network with internal links and right-of-way rules", NETWORK_PATH)
                of_place.setdefault(place, set()).add(signal)
        for place, own in of_place.items():
            for i in sorted(self._foes[place]):
                there = place[0], i
                for other in of_place.get(there, ()):
                    yield from ((one, place, other, there) for one in own)

    def _gives_way(self, one: Place, other: Place) -> bool:
        """Whether the table says that ``one`` lets ``other`` go first."""
        return other[1] in self._response.get(one, ())

    def together(self, junction: Junction, signals: Mapping[int, Collection[Place | None]],
                 ways: Mapping[Place, tuple[str, str]], cars: set[Place | None],
                 halved: set[Place | None]) -> tuple[set[tuple[int, int]], set[tuple[int, int]]]:
        """Pairs of signals with green at once that are told: those with protected green whose ``ways`` (from and to)
        join, where one gives way; and those whose ways conflict, if ``cars`` take neither of them, or not both where
        both have permissive green, or if one is ``halved``: which half crosses the other way is not in the table.

        Raises TaskError ``unsafe_programme`` for two other greens at once of which nobody gives way, or only by the
        table though both have protected green and their ways cross.
        """
        count = len(junction.phases)
        joined: set[tuple[int, int]] = set()
        on_foot: set[tuple[int, int]] = set()
        hard = {signal: sum((junction.phases[i].signals[signal] == "G") << i for i in range(count))
                for signal in signals}
        soft = {signal: sum(green << i for i, green in enumerate(junction.green(signal))) & ~hard[signal]
                for signal in signals}
        for one, here, other, there in self._foes_of(junction.id, signals):
            both = (hard[one] | soft[one]) & (hard[other] | soft[other])
            if not both or here == there:
                continue
            yields, yielded = self._gives_way(here, there), self._gives_way(there, here)
            both &= ~(soft[one] * yields | soft[other] * yielded)
            if both and (yields or yielded) and ways[here][1] == ways[there][1]:
                joined.add((min(one, other), max(one, other)))
            elif both and _told({here, there}, cars, halved, bool(both & (hard[one] | hard[other]))):
                on_foot.add((min(one, other), max(one, other)))
            elif both:
                raise _unsafe(junction, (both & -both).bit_length() - 1,
                              *(f"link {signal} ({' > '.join(ways[place])[:80]})"
                                for signal, place in sorted(((one, here), (other, there)))))
        return joined, on_foot


def _told(two: set[Place], cars: set[Place | None], halved: set[Place | None], protected: bool) -> bool:
    """Whether two ways that conflict with green at once are told rather than refused."""
    return not two & cars or bool(two & halved) or (not protected and not two <= cars)


def _unsafe(junction: Junction, phase: int, one: str, other: str) -> TaskError:
    return TaskError("unsafe_programme", f"signal {junction.id[:64]!r}, phase {phase} "
                     f"({junction.phases[phase].signals[:64]}): {one} and {other} are green at once, their ways "
                     "conflict, and no 'g' lets the other go first",
                     "who gives way has 'g', and the other's bit in the response of its <request>; or one has red",
                     NETWORK_PATH)
