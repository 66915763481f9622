"""Spec -> the bytes that devices get, and what their answers say."""

from __future__ import annotations

import math
import struct
from collections.abc import Sequence
from dataclasses import dataclass

from lamplighter.tasks.api import Context, Job, TaskError
from lamplighter.tasks.energy.evhosting import kernel
from lamplighter.tasks.energy.evhosting.method import charging
from lamplighter.tasks.energy.evhosting.method.tree import Tree
from lamplighter.tasks.energy.evhosting.model import EvHosting, Policy, Statistics
from lamplighter.tasks.energy.evhosting.spec import Demand, Spec
from lamplighter.tasks.readers.feeder import Feeder

HEADROOM_PU = 8
"""All loads at their peaks, all cars and four times all shunts together are this much power, the kernel's bound."""
IMPEDANCE_MAX_PU = 16
EXPONENT_MAX = 30
Q15, Q16, Q20, Q23, Q24 = 1 << 15, 1 << 16, 1 << 20, 1 << 23, 1 << 24
PROFILE_BYTES_MAX = 8000
SHAPES_MAX = 127
BIAS = 1 << 29
"""Added to signed words, as the kernel reads them."""
OPS_PER_JOB = 1_200_000
SCENARIOS_PER_JOB_MAX = 12
"""Twelve answers of 20 bytes are what one result carries."""
SWEEPS = 3
"""Iterations of a typical slot; the price is for these, whatever a slot takes."""
UNDERVOLTAGE, OVERVOLTAGE, LINE, TRANSFORMER, COLLAPSED = 1, 2, 4, 8, 16


def network(feeder: Feeder, tree: Tree, base_kva: float, source_pu: float) -> Context:
    """Each bus with its parent, impedance and limit. Raises TaskError ``weak_line``."""
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
                            "check its ohms (not milliohms), its length (kilometres, not metres) and its "
                            "amperes", branch.path)
        exponent = min(EXPONENT_MAX, -math.frexp(max(abs(r_pu), abs(x_pu), 2.0**-EXPONENT_MAX) * (1 + 2**-17))[1] + 1)
        one = 2.0 ** (16 + exponent)
        coded = exponent if exponent >= 0 else EXPONENT_MAX - exponent
        out += struct.pack("<iiii", parent | coded << 16, round(r_pu * one), round(x_pu * one), round(gain * Q16))
    return Context(out)


def shunts(feeder: Feeder, tree: Tree, base_kva: float) -> tuple[Context]:
    """The admittance to earth at each end of each branch."""
    base_s = base_kva / (feeder.nominal_kv**2 * 1000)
    halves = [branch.shunt_s / base_s if branch else 0j for branch in tree.branch]
    return (Context(b"".join(struct.pack("<ii", BIAS + round(y.real * Q20), BIAS + round(y.imag * Q20))
                             for y in halves)),)


def loads(demand: Sequence[Demand], asked: EvHosting, base_kva: float) -> tuple[Context, Context]:
    """Lowest power and span of each bus, and the distinct shapes between them as Q15 shares of the span.

    Raises TaskError ``too_large``.
    """
    shapes: dict[tuple[int, ...], int] = {}
    rows: list[tuple[int, ...]] = []
    cut = [0.0] * 4   # by rounding, of the buses before: the sum of a thousand loads is right, too
    for one in demand:
        row: list[int] = []
        for at, series in ((0, one.kw), (2, one.kvar)):
            studied = series[asked.first_slot:asked.last_slot + 1]
            low, span = min(studied), max(studied) - min(studied)
            shape = tuple(round((value - low) / span * Q15) if span else 0 for value in studied)
            exact = [low / base_kva * Q20 + cut[at], span / base_kva * Q20 + cut[at + 1]]
            row += [*map(round, exact), shapes.setdefault(shape, len(shapes))]
            cut[at:at + 2] = [value - round(value) for value in exact]
        rows.append((BIAS + row[0], row[1], BIAS + row[3], row[4], one.cars | row[2] << 16 | row[5] << 24))
    profiles = b"".join(struct.pack(f"<{len(shape)}H", *shape) for shape in shapes)
    most = min(SHAPES_MAX, PROFILE_BYTES_MAX // (2 * len(next(iter(shapes)))))
    if len(shapes) > most:
        raise TaskError("too_large", f"{len(shapes)} different daily shapes; a device holds {most} of so many slots",
                        "group the loads into fewer profiles, or study fewer slots", "/feeder/profiles")
    return Context(b"".join(struct.pack("<5i", *row) for row in rows)), Context(profiles)


def day(asked: EvHosting, statistics: Statistics, policy: Policy, profile_bytes: int, base_kva: float) -> Context:
    """What is studied and by which limits, and when and for how long cars charge.

    Raises TaskError: those of ``charging.arrival_table`` and ``charging.lengths``.
    """
    slots = asked.last_slot - asked.first_slot + 1
    limits = struct.pack(
        "<BBHiiiii", asked.first_slot, slots, profile_bytes // (2 * slots), round(asked.charge_kw / base_kva * Q23),
        round(asked.voltage_min_pu**2 * Q20), round(asked.voltage_max_pu**2 * Q20),
        round((asked.line_limit_percent / 100) ** 2 * Q16), round((asked.transformer_limit_percent / 100) ** 2 * Q16))
    return Context(limits + charging.arrival_table(statistics, policy)
                   + charging.length_table(statistics, asked.charge_kw))


def ops_per_scenario(spec: Spec, level: int) -> int:
    """Cost model, counted in the plain path: 5 statements per place and 22 more per car; then per bus and slot 18
    to set it, 42 to judge it and 63 for each of ``SWEEPS`` iterations."""
    return 5 * spec.places + 22 * spec.cars(level) + len(spec.tree.names) * spec.slots * (18 + 42 + 63 * SWEEPS)


def heap_bytes(spec: Spec, policy: str) -> int:
    """Working set on a 32-bit board: 84 bytes per bus, two per bus and slot, contexts and copies of the tables. With
    the 36 bytes per bus of the contexts a thousand buses take 188 KB in 32 slots."""
    contexts = spec.contexts[policy]
    return (len(spec.tree.names) * (84 + 2 * spec.slots) + sum(len(context.data) for context in contexts)
            + sum(len(context.data) for context in contexts[3:]) + 3072)


def job(spec: Spec, policy: str, level: int, first: int, count: int) -> Job:
    """Scenarios ``first`` to ``first + count - 1`` of a level."""
    data = struct.pack("<IIBB", spec.asked.seed, first, level, count)
    return Job(data, kernel.ANSWER * count, count * ops_per_scenario(spec, level), heap_bytes(spec, policy),
               spec.contexts[policy])


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a device says of one scenario: flags and worst elements, loadings as Q16 squares of the limit."""

    flags: int
    slot: int
    bus: int
    voltage2: int
    branch: int
    branch_slot: int
    transformer_slot: int
    line2: int
    transformer2: int


def outcomes(answer: bytes) -> list[Outcome]:
    """The scenarios of one answer."""
    return [Outcome(f, s, b, v, br, bs, ts, l2, t2)
            for f, s, b, v, br, bs, ts, l2, t2 in struct.iter_unpack("<BBHIHBBII", answer)]


def check(spec: Spec, given: Job, answer: bytes) -> bool:
    """False when an answer names elements that are not there, or its flags contradict its own figures."""
    low = round(spec.asked.voltage_min_pu**2 * Q20)
    line = round((spec.asked.line_limit_percent / 100) ** 2 * Q16)
    trafo = round((spec.asked.transformer_limit_percent / 100) ** 2 * Q16)
    buses, slots = len(spec.tree.names), spec.slots
    return len(answer) == given.answer_bytes and all(
        one.flags < 32 and max(one.bus, one.branch) < buses
        and max(one.slot, one.branch_slot, one.transformer_slot) < slots
        and bool(one.flags & LINE) == (one.line2 > line)
        and bool(one.flags & TRANSFORMER) == (one.transformer2 > trafo)
        and bool(one.flags & COLLAPSED) == (one.voltage2 == 0)
        and (one.voltage2 == 0 or bool(one.flags & UNDERVOLTAGE) == (one.voltage2 < low))
        for one in outcomes(answer))
