"""Validated input -> the per-unit feeder and the bytes that devices get."""

from __future__ import annotations

import math
import struct
from collections.abc import Sequence
from dataclasses import dataclass

from tasks.api import Context, TaskError
from tasks.energy.evhosting import charging
from tasks.energy.evhosting.model import CARS_MAX, SLOTS_PER_DAY, EvHosting, Feeder, Statistics
from tasks.energy.evhosting.tree import Tree, grow, known

HEADROOM_PU = 8
"""All loads at their peaks and all cars together are this much power; the kernel relies on it."""
IMPEDANCE_MAX_PU = 2
Q15, Q16, Q20, Q24, Q26 = 1 << 15, 1 << 16, 1 << 20, 1 << 24, 1 << 26
CONTEXT_BYTES_MAX = 3000


@dataclass(frozen=True, slots=True)
class Demand:
    """Demand of one bus without cars: kW and kvar per slot of the day, and places for cars."""

    kw: tuple[float, ...]
    kvar: tuple[float, ...]
    cars: int


@dataclass(frozen=True, slots=True)
class Spec:
    """A prepared task. ``contexts`` by policy: network, loads, day, profiles, as the kernel's ``load`` reads them."""

    asked: EvHosting
    feeder: Feeder
    tree: Tree
    demand: tuple[Demand, ...]
    statistics: Statistics
    base_kva: float
    contexts: dict[str, tuple[Context, ...]]

    @property
    def slots(self) -> int:
        """How many quarter-hours are studied."""
        return self.asked.last_slot - self.asked.first_slot + 1

    @property
    def places(self) -> int:
        """How many cars charge here at level 100 %."""
        return sum(one.cars for one in self.demand)

    def cars(self, level_percent: int) -> int:
        """How many cars charge here at a level, rounded to the nearest."""
        return (self.places * level_percent + 50) // 100


def prepare(asked: EvHosting) -> Spec:
    """Checks the feeder, scales it to per unit and packs it.

    Raises TaskError: those of ``tree.grow``, ``empty_data``, ``too_large``, ``unknown_bus``,
    ``unknown_profile``, ``mixed_reactive``, ``weak_line`` and those of the pandapower reader.
    """
    if asked.pandapower is not None:
        from tasks.energy.evhosting.pandapower import read
        feeder = read(asked.pandapower, asked.cars_per_load)
    else:
        assert asked.feeder is not None  # the model's own rule
        feeder = asked.feeder
    tree = grow(feeder)
    demand = _demand(feeder, tree)
    places = sum(one.cars for one in demand)
    if not places:
        raise TaskError("empty_data", "no load has a place for a car", "set 'cars' on the loads", "/feeder/loads")
    if places > CARS_MAX:
        raise TaskError("too_large", f"{places} cars; at most {CARS_MAX}", "study a smaller feeder", "/feeder/loads")
    total_kva = places * asked.charge_kw + sum(max(one.kw) + max(map(abs, one.kvar)) for one in demand)
    base_kva = total_kva / HEADROOM_PU
    statistics = asked.statistics or charging.builtin()
    shared = _network(feeder, tree, base_kva), *_loads(demand, asked, base_kva)
    contexts: dict[str, tuple[Context, ...]] = {}
    for policy in asked.policies:
        day = Context(_day(asked, len(shared[2].data), base_kva) + charging.arrival_table(statistics, policy)
                      + charging.length_table(statistics, asked.charge_kw))
        contexts[policy] = (shared[0], shared[1], day, shared[2])
    return Spec(asked, feeder, tree, demand, statistics, base_kva, contexts)


def _demand(feeder: Feeder, tree: Tree) -> tuple[Demand, ...]:
    if not feeder.loads:
        raise TaskError("empty_data", "the feeder has no loads", "list the loads", "/feeder/loads")
    order = {name: place for place, name in enumerate(tree.names)}
    kw = [[0.0] * SLOTS_PER_DAY for _ in order]
    kvar = [[0.0] * SLOTS_PER_DAY for _ in order]
    cars = [0] * len(order)
    for place, load in enumerate(feeder.loads):
        known(load.bus, order, f"/feeder/loads/{place}/bus")
        if load.profile is not None and load.profile not in feeder.profiles:
            raise TaskError("unknown_profile", f"no profile is named {load.profile!r}",
                            "known: " + ", ".join(sorted(feeder.profiles)[:20]), f"/feeder/loads/{place}/profile")
        bus = order[load.bus]
        cars[bus] += load.cars
        shape = feeder.profiles[load.profile] if load.profile else None
        for slot in range(SLOTS_PER_DAY):
            share = shape[slot] if shape else 1.0
            kw[bus][slot] += load.kw * share
            kvar[bus][slot] += load.kvar * share
    return tuple(Demand(tuple(p), tuple(q), n) for p, q, n in zip(kw, kvar, cars, strict=True))


def _network(feeder: Feeder, tree: Tree, base_kva: float) -> Context:
    base_ohm = feeder.nominal_kv**2 * 1000 / base_kva
    base_a = base_kva / (math.sqrt(3) * feeder.nominal_kv)
    out = struct.pack("<HHi", len(tree.names), tree.has_transformer, round(feeder.source_voltage_pu * Q20))
    for parent, branch in zip(tree.parent, tree.branch, strict=True):
        if branch is None:
            out += struct.pack("<Hiii", 0, 0, 0, 0)
            continue
        r_pu, x_pu, gain = branch.r_ohm / base_ohm, branch.x_ohm / base_ohm, base_a / branch.limit_a
        if max(r_pu, x_pu) >= IMPEDANCE_MAX_PU or gain >= Q24 / Q15:
            raise TaskError("weak_line", f"{branch.label} is far too weak for {base_kva * HEADROOM_PU:.0f} kVA",
                            "check its ohms (not milliohms) and amperes", branch.path)
        out += struct.pack("<Hiii", parent, round(r_pu * Q24), round(x_pu * Q24), round(gain * Q16))
    return Context(out)


def _loads(demand: Sequence[Demand], asked: EvHosting, base_kva: float) -> tuple[Context, Context]:
    """Peaks per bus, and the distinct shapes under them as Q15 shares of the peak."""
    shapes: dict[tuple[int, ...], int] = {}
    out = b""
    for bus, one in enumerate(demand):
        row: list[int] = []
        for series in (one.kw, one.kvar):
            low, high = min(series), max(series)
            if low < 0 < high:
                raise TaskError("mixed_reactive", f"the kvar at bus {bus} change sign over the day",
                                "give loads at one bus kvar of one sign", "/feeder/loads")
            peak = high if high > 0 else low
            studied = series[asked.first_slot:asked.last_slot + 1]
            shape = tuple(round(value / peak * Q15) if peak else Q15 for value in studied)
            row += [round(peak / base_kva * Q20), shapes.setdefault(shape, len(shapes))]
        out += struct.pack("<iiHBB", row[0], row[2], one.cars, min(row[1], 255), min(row[3], 255))
    profiles = b"".join(struct.pack(f"<{len(shape)}H", *shape) for shape in shapes)
    if len(profiles) > CONTEXT_BYTES_MAX or len(shapes) > 255:
        raise TaskError("too_large", f"{len(shapes)} different daily shapes; a device holds "
                        f"{CONTEXT_BYTES_MAX // (2 * len(next(iter(shapes))))} at this many slots",
                        "group the loads into fewer profiles, or study fewer slots", "/feeder/profiles")
    return Context(out), Context(profiles)


def _day(asked: EvHosting, profile_bytes: int, base_kva: float) -> bytes:
    slots = asked.last_slot - asked.first_slot + 1
    return struct.pack(
        "<BBHiiiii", asked.first_slot, slots, profile_bytes // (2 * slots), round(asked.charge_kw / base_kva * Q26),
        round(asked.voltage_min_pu**2 * Q20), round(asked.voltage_max_pu**2 * Q20),
        round((asked.line_limit_percent / 100) ** 2 * Q16), round((asked.transformer_limit_percent / 100) ** 2 * Q16))
