"""Validated input -> the per-unit feeder and the bytes that devices get."""

from __future__ import annotations

import math
import struct
from collections.abc import Sequence
from dataclasses import dataclass

from lamplighter.tasks.api import Context, TaskError
from lamplighter.tasks.energy.evhosting.method import charging
from lamplighter.tasks.energy.evhosting.method.tree import Tree, grow, known, turns
from lamplighter.tasks.energy.evhosting.model import CARS_MAX, SLOTS_PER_DAY, EvHosting, Feeder, Statistics

HEADROOM_PU = 8
"""All loads at their peaks, all cars and four times all shunts together are this much power, the kernel's bound."""
IMPEDANCE_MAX_PU = 2
EXPONENT_MAX = 30
Q15, Q16, Q20, Q23, Q24 = 1 << 15, 1 << 16, 1 << 20, 1 << 23, 1 << 24
PROFILE_BYTES_MAX = 8000
CARS_AT_A_BUS_MAX = 8000
"""The kernel counts eighths of cars in 16 bits."""
SHAPES_MAX = 127
BIAS = 1 << 29
"""Added to signed words, as the kernel reads them."""


@dataclass(frozen=True, slots=True)
class Demand:
    """Demand of one bus without cars: kW and kvar per slot of the day, and places for cars."""

    kw: tuple[float, ...]
    kvar: tuple[float, ...]
    cars: int


@dataclass(frozen=True, slots=True)
class Spec:
    """A prepared task. ``contexts`` by policy: network, demand, day, profiles and, where there are any, shunts, as
    the kernel's ``load`` reads them. ``source_pu`` is the no-load voltage behind the transformer at the source.
    """

    asked: EvHosting
    feeder: Feeder
    tree: Tree
    demand: tuple[Demand, ...]
    statistics: Statistics
    base_kva: float
    source_pu: float
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
        """How many cars to expect here at a level, rounded to the nearest; an evening may have more or fewer."""
        return (self.places * level_percent + 50) // 100


def prepare(asked: EvHosting) -> Spec:
    """Checks the feeder, scales it to per unit and packs it.

    Raises TaskError: those of ``tree.grow``, ``empty_data``, ``too_large``, ``unknown_bus``,
    ``unknown_profile``, ``weak_line``, ``transformer`` and those of the pandapower and SimBench readers.
    """
    feeder = _given(asked)
    tree = grow(feeder)
    demand = _demand(feeder, tree)
    places = sum(one.cars for one in demand)
    if not places:
        raise TaskError("empty_data", "no load has a place for a car", "set 'cars' on the loads", "/feeder/loads")
    if max(one.cars for one in demand) > CARS_AT_A_BUS_MAX:
        raise TaskError("too_large", f"more than {CARS_AT_A_BUS_MAX} cars at one bus", "spread them over more buses",
                        "/feeder/loads")
    if places > CARS_MAX:
        raise TaskError("too_large", f"{places} cars; at most {CARS_MAX}", "study a smaller feeder", "/feeder/loads")
    shunts_kva = sum(2 * abs(branch.shunt_s) for branch in tree.branch if branch) * feeder.nominal_kv**2 * 1000
    base_kva = (places * asked.charge_kw + 4 * shunts_kva
                + sum(max(map(abs, one.kw)) + max(map(abs, one.kvar)) for one in demand)) / HEADROOM_PU
    source_pu = _source_pu(feeder)
    statistics = asked.statistics or charging.builtin()
    network, (drawn, profiles) = _network(feeder, tree, base_kva, source_pu), _loads(demand, asked, base_kva)
    shunts = _shunts(feeder, tree, base_kva) if shunts_kva else ()
    contexts: dict[str, tuple[Context, ...]] = {}
    for policy in asked.policies:
        day = Context(_day(asked, len(profiles.data), base_kva) + charging.arrival_table(statistics, policy)
                      + charging.length_table(statistics, asked.charge_kw))
        contexts[policy] = (network, drawn, day, profiles, *shunts)
    return Spec(asked, feeder, tree, demand, statistics, base_kva, source_pu, contexts)


def _given(asked: EvHosting) -> Feeder:
    if asked.pandapower is not None:
        from lamplighter.tasks.readers.pandapower import read
        return read(asked.pandapower, asked.cars_per_load)
    if asked.simbench is not None:
        from lamplighter.tasks.readers.simbench import read as read_simbench
        return read_simbench(asked.simbench, asked.cars_per_load)
    assert asked.feeder is not None  # the model's own rule
    return asked.feeder


def _source_pu(feeder: Feeder) -> float:
    if feeder.transformer is None:
        return feeder.source_voltage_pu
    first, second = turns(feeder.transformer)
    volts = feeder.source_voltage_pu * second / first
    if not 0.7 <= volts <= 1.3:
        raise TaskError("transformer", f"the transformer and its tap give {volts:.2f} pu without load",
                        "0.7 to 1.3 pu; check rated voltages and tap", "/feeder/transformer/tap_percent")
    return volts


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


def _network(feeder: Feeder, tree: Tree, base_kva: float, source_pu: float) -> Context:
    base_ohm = feeder.nominal_kv**2 * 1000 / base_kva
    base_a = base_kva / (math.sqrt(3) * feeder.nominal_kv)
    out = struct.pack("<iii", len(tree.names), tree.has_transformer, round(source_pu * Q24))
    for parent, branch in zip(tree.parent, tree.branch, strict=True):
        if branch is None:
            out += struct.pack("<iiii", 0, 0, 0, 0)
            continue
        r_pu, x_pu, gain = branch.r_ohm / base_ohm, branch.x_ohm / base_ohm, base_a / branch.limit_a
        if max(abs(r_pu), abs(x_pu)) >= IMPEDANCE_MAX_PU or gain >= Q24 / Q15:
            raise TaskError("weak_line", f"{branch.label} is far too weak for {base_kva * HEADROOM_PU:.0f} kVA",
                            "check its ohms (not milliohms) and amperes", branch.path)
        exponent = min(EXPONENT_MAX, -math.frexp(max(abs(r_pu), abs(x_pu), 2.0**-EXPONENT_MAX) * (1 + 2**-17))[1] + 1)
        one = 1 << 16 + exponent
        out += struct.pack("<iiii", parent | exponent << 16, round(r_pu * one), round(x_pu * one), round(gain * Q16))
    return Context(out)


def _shunts(feeder: Feeder, tree: Tree, base_kva: float) -> tuple[Context]:
    base_s = base_kva / (feeder.nominal_kv**2 * 1000)
    halves = [branch.shunt_s / base_s if branch else 0j for branch in tree.branch]
    return (Context(b"".join(struct.pack("<ii", BIAS + round(y.real * Q20), BIAS + round(y.imag * Q20))
                             for y in halves)),)


def _loads(demand: Sequence[Demand], asked: EvHosting, base_kva: float) -> tuple[Context, Context]:
    """Lowest power and span of each bus, and the distinct shapes between them as Q15 shares of the span."""
    shapes: dict[tuple[int, ...], int] = {}
    rows: list[tuple[int, ...]] = []
    for one in demand:
        row: list[int] = []
        for series in (one.kw, one.kvar):
            studied = series[asked.first_slot:asked.last_slot + 1]
            low, span = min(studied), max(studied) - min(studied)
            shape = tuple(round((value - low) / span * Q15) if span else 0 for value in studied)
            row += [BIAS + round(low / base_kva * Q20), round(span / base_kva * Q20),
                    shapes.setdefault(shape, len(shapes))]
        rows.append((row[0], row[1], row[3], row[4], one.cars | row[2] << 16 | row[5] << 24))
    profiles = b"".join(struct.pack(f"<{len(shape)}H", *shape) for shape in shapes)
    most = min(SHAPES_MAX, PROFILE_BYTES_MAX // (2 * len(next(iter(shapes)))))
    if len(shapes) > most:
        raise TaskError("too_large", f"{len(shapes)} different daily shapes; a device holds {most} of so many slots",
                        "group the loads into fewer profiles, or study fewer slots", "/feeder/profiles")
    return Context(b"".join(struct.pack("<5i", *row) for row in rows)), Context(profiles)


def _day(asked: EvHosting, profile_bytes: int, base_kva: float) -> bytes:
    slots = asked.last_slot - asked.first_slot + 1
    return struct.pack(
        "<BBHiiiii", asked.first_slot, slots, profile_bytes // (2 * slots), round(asked.charge_kw / base_kva * Q23),
        round(asked.voltage_min_pu**2 * Q20), round(asked.voltage_max_pu**2 * Q20),
        round((asked.line_limit_percent / 100) ** 2 * Q16), round((asked.transformer_limit_percent / 100) ** 2 * Q16))
