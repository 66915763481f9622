"""Network, demand windows and plans as the bytes the kernel reads.

contexts[0], the network (numbers are little-endian):
  u8 junctions, u8 lanes, u16 links, u8 approaches, then per junction u8 phases, then per phase u16
  duration (0: the plan gives it), then per approach u8 lanes that lead to it, then per lane u8 approach
  and u8 vehicles it has room for, then per link: u8 junction, u8 lane, u8 headway (bit 7: first link of
  a movement), 2 bits per phase (0 red, 1 permissive, 2 green, 3 yellow after green), u8 count and the
  links, counted from the junction's first, that give way to this one. Links of a junction are consecutive.
contexts[1], the demand of a departure window:
  u32 begin, u16 end (counted from begin, as all that follows), u16 vehicles, u16 first and u16 last+1
  vehicle that is counted, u8 legs, u8 routes, u16 length of the routes; u8 movement per leg, u16 travel
  time per leg, routes as legs closed by 255, u16 departure per vehicle, u8 route per vehicle.
data: u8 plans; per plan and junction u16 offset and u16 duration of each phase the plan gives.
answer: per plan and junction u32 cost.
"""

from __future__ import annotations

import random
import struct
from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import chain

from lamplighter.tasks.api import Context, Job, TaskError
from lamplighter.tasks.readers.network import Demand, Junction, Network
from lamplighter.tasks.traffic.signals.spec import Plan, Spec, Window

FITS = ((2400, 2400, 0), (2400, 2400, 15), (1200, 2400, 15), (1200, 1200, 30), (600, 1200, 60))
"""Warm-up before a window, in which vehicles fill the streets, cool-down after it, and how far travel times to one
movement may differ to be made one; the next where a window is too large for a device, in 0.1 s."""
SHARES = (1, 2, 4)
"""A window is so many times shorter where demand is dense."""
LAST_SHARES = (8, 16, 32)
"""And so many where it is denser than that."""
STOP_DS = 15
CONTEXT_BYTES = 3000
ANSWER_BYTES = 256
PLANS_PER_JOB = 32


def network_context(network: Network, path: str = "") -> Context:
    """Raises TaskError ``too_large`` at ``path`` if it does not fit a device."""
    out = bytearray(struct.pack("<BBHB", len(network.junctions), len(network.lanes), len(network.links),
                                len(network.feeders)))
    out += bytes(len(junction.phases) for junction in network.junctions)
    for junction in network.junctions:
        for phase in junction.phases:
            out += struct.pack("<H", 0 if phase.adjustable else phase.duration_ds)
    out += bytes(network.feeders) + bytes(chain.from_iterable(network.lanes))
    first = [0] * len(network.junctions)
    for k, link in reversed(list(enumerate(network.links))):
        first[link.junction] = k
    movement = -1
    for link in network.links:
        junction = network.junctions[link.junction]
        states = 0
        for i, state in enumerate(junction.states(link.signal)):
            states |= state << 2 * i
        waits = [k - first[link.junction] for k in link.waits]
        if max(waits, default=0) > 255:
            raise TaskError("too_large", f"signal {junction.id[:64]!r} has more than 255 links",
                            "cut the junction into two", path)
        headway = link.headway_ds | (128 if link.movement != movement else 0)
        movement = link.movement
        out += bytes((link.junction, link.lane, headway))
        out += states.to_bytes((len(junction.phases) + 3) // 4, "little") + bytes((len(waits), *waits))
    if len(out) > CONTEXT_BYTES:
        raise TaskError("too_large", f"the network takes {len(out)} bytes on a device; {CONTEXT_BYTES} fit",
                        "split it into tasks of about 16 junctions", path)
    return Context(bytes(out))


def jittered(demand: Demand, jitter_ds: int, seed: int) -> list[tuple[int, int]]:
    """The demand's vehicles with each departure moved by up to ``jitter_ds`` either way, ordered."""
    rng = random.Random(seed)  # noqa: S311 (jitter, not secrets)
    return sorted((max(0, depart + rng.randint(-jitter_ds, jitter_ds)), route) for depart, route in demand.vehicles)


def _window(demand: Demand, vehicles: Sequence[tuple[int, int]], replica: int, around: tuple[int, int], start: int,
            length: int) -> Window | None:
    """Departures in [start, start + length) with warm-up and cool-down; None if too much for a context."""
    begin = max(0, start - around[0])
    end = start + length + around[1]
    low, first, last, high = (bisect_left(vehicles, (at,)) for at in (begin, start, start + length, end))
    near = [(depart - begin, route) for depart, route in vehicles[low:high]]
    first, last = first - low, last - low
    routes = {route: i for i, route in enumerate(dict.fromkeys(route for _, route in near))}
    legs: dict[tuple[int, int], int] = {}
    ways = bytearray()
    for route in routes:
        numbers = [legs.setdefault(step, len(legs)) for step in demand.routes[route]]
        if len(legs) > 254 or len(ways) + len(numbers) > CONTEXT_BYTES:
            return None
        ways += bytes((*numbers, 255))
    if len(routes) > 255:
        return None
    out = struct.pack("<IHHHHBBH", begin, end - begin, len(near), first, last, len(legs), len(routes), len(ways))
    out += bytes(movement for movement, _ in legs) + struct.pack(f"<{len(legs)}H", *(travel for _, travel in legs))
    out += bytes(ways) + struct.pack(f"<{len(near)}H", *(depart for depart, _ in near))
    out += bytes(routes[route] for _, route in near)
    if len(out) > CONTEXT_BYTES:
        return None
    passages = sum(len(demand.routes[route]) for _, route in near)
    return Window(Context(out), replica, len(near), passages, last - first, end - begin)


def merged(demand: Demand, tolerance_ds: int) -> Demand:
    """The demand with travel times to one movement made equal where they differ by up to ``tolerance_ds``."""
    middle: dict[tuple[int, int], int] = {}
    group: list[tuple[int, int]] = []
    for leg in [*sorted({leg for route in demand.routes for leg in route}), (-1, 0)]:
        if group and (leg[0] != group[0][0] or leg[1] - group[0][1] > tolerance_ds):
            middle.update(dict.fromkeys(group, (group[0][1] + group[-1][1]) // 2))
            group = []
        group.append(leg)
    routes = tuple(tuple((movement, middle[movement, travel]) for movement, travel in route)
                   for route in demand.routes)
    return Demand(routes, demand.vehicles, demand.unsignalled)


def windows(demand: Demand, replicas: Sequence[list[tuple[int, int]]], window_s: int, path: str = ""
            ) -> list[list[Window]]:
    """Cuts each replica into windows of ``window_s``; where demand is dense, of a half, a quarter, ... of it.

    A network with very many ways gets its travel times merged within 1.5 to 6 s, and less time before and after.
    Windows without departures are left out. Raises TaskError ``too_dense``, at the ``path`` of the demand, if
    nothing fits a device.
    """
    for warm_up, cool_down, tolerance_ds, shares in (*((*fit, SHARES) for fit in FITS), (*FITS[-1], LAST_SHARES)):
        near = merged(demand, tolerance_ds)
        for share in shares:
            length = 10 * window_s // share
            found = []
            for replica, vehicles in enumerate(replicas):
                cut = _cut(near, vehicles, replica, (warm_up, cool_down), length)
                if cut is None:
                    break
                found.append(cut)
            else:
                return found
    raise TaskError("too_dense", f"so many vehicles depart that even {window_s / LAST_SHARES[-1]:g} s of them, with "
                    f"{FITS[-1][0] // 10} s before and {FITS[-1][1] // 10} s after, are too many for a device",
                    "give fewer junctions, or check whether departures are doubled", path)


def _cut(demand: Demand, vehicles: list[tuple[int, int]], replica: int, around: tuple[int, int], length: int
         ) -> list[Window] | None:
    """The windows in which someone departs; None if one is too large."""
    found = []
    for start in range(vehicles[0][0], vehicles[-1][0] + 1, length):
        window = _window(demand, vehicles, replica, around, start, length)
        if window is None:
            return None
        if window.counted:
            found.append(window)
    return found


def shipped_plan(network: Network) -> Plan:
    """The programmes as they are."""
    return tuple((junction.offset_ds, *(phase.duration_ds for phase in junction.phases if phase.adjustable))
                 for junction in network.junctions)


def programme_cycle_ds(junction: Junction, plan: tuple[int, ...]) -> int:
    """Cycle of one junction under its part of a plan."""
    return sum(plan[1:]) + sum(phase.duration_ds for phase in junction.phases if not phase.adjustable)


def plans_per_job(junctions: int) -> int:
    """Plans that one job compares, so that its answer fits."""
    return min(PLANS_PER_JOB, ANSWER_BYTES // (4 * junctions))


def job(network: Network, shared: Context, window: Window, plans: Sequence[Plan]) -> Job:
    """Simulates ``plans`` on one window.

    Cost model: reading the contexts, then per plan ``100 x passages`` (arrivals, departures, looks at a red
    or occupied signal), ``30 x vehicles`` (placing them) and the time slots. On six networks it was within
    0.7 and 1.1 of the statements that the plain kernel ran.
    """
    data = bytearray((len(plans),))
    for plan in plans:
        for part in plan:
            data += struct.pack(f"<{len(part)}H", *part)
    junctions = len(network.junctions)
    reading = 4 * window.vehicles + 60 * len(network.links)
    each = 100 * window.passages + 30 * window.vehicles + 8 * len(network.links) + 6000
    working = 3000 + 8 * window.vehicles + 20 * len(network.lanes) + 16 * len(network.links) + window.length_ds // 4
    size = len(shared.data) + len(window.context.data) + len(data)
    return Job(bytes(data), 4 * junctions * len(plans), reading + len(plans) * each, working + size,
               (shared, window.context))


@dataclass(frozen=True, slots=True)
class Cost:
    """What a plan costs in 0.1 s over a set of windows: per junction, and the same sum per replica of demand."""

    junctions: tuple[int, ...]
    replicas: tuple[int, ...]

    @property
    def total(self) -> int:
        return sum(self.junctions)


def costs(answers: Sequence[bytes], over: Sequence[Window], junctions: int, plans: int) -> list[Cost]:
    """Adds up the answers of one job per window on the same plans."""
    first = min((window.replica for window in over), default=0)
    per_junction = [[0] * junctions for _ in range(plans)]
    per_replica = [[0] * (1 + max((w.replica for w in over), default=0) - first) for _ in range(plans)]
    for answer, window in zip(answers, over, strict=True):
        numbers = struct.unpack(f"<{junctions * plans}I", answer)
        for i in range(plans):
            own = numbers[i * junctions:(i + 1) * junctions]
            per_replica[i][window.replica - first] += sum(own)
            for j, cost in enumerate(own):
                per_junction[i][j] += cost
    return [Cost(tuple(a), tuple(b)) for a, b in zip(per_junction, per_replica, strict=True)]


@lru_cache(maxsize=256)   # of a window there are dozens of jobs
def worst_ds(context: bytes) -> int:
    """A bound on the cost of any plan in a window: all counted vehicles wait to the end and stop at every signal."""
    _, end, vehicles, first, last, legs, _, ways = struct.unpack_from("<IHHHHBBH", context)
    at = 16 + 3 * legs
    stops = [len(way) for way in context[at:at + ways].split(b"\xff")]
    departs = struct.unpack_from(f"<{vehicles}H", context, at + ways)
    routes = context[at + ways + 2 * vehicles:]
    return sum(end - departs[v] + STOP_DS * stops[routes[v]] for v in range(first, last))


def check(_: Spec, given: Job, answer: bytes) -> bool:
    """False if a cost is beyond what all vehicles waiting all the time could reach."""
    junctions = given.contexts[0].data[0]
    if len(answer) != given.answer_bytes:
        return False
    worst = worst_ds(given.contexts[1].data)
    costs = struct.unpack(f"<{len(answer) // 4}I", answer)
    return all(sum(costs[i:i + junctions]) <= worst for i in range(0, len(costs), junctions))
