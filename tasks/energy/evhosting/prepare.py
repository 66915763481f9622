"""Validated input -> spec: the feeder as a tree, in per unit."""

from __future__ import annotations

import math
from collections.abc import Sequence

from lamplighter.tasks.api import Context, TaskError
from lamplighter.tasks.energy.evhosting import jobs
from lamplighter.tasks.energy.evhosting.method import charging
from lamplighter.tasks.energy.evhosting.method.tree import Tree, grow, known, lean, turns
from lamplighter.tasks.energy.evhosting.model import EvHosting
from lamplighter.tasks.energy.evhosting.spec import Demand, Spec
from lamplighter.tasks.readers.allow import Left
from lamplighter.tasks.readers.draft import Converted
from lamplighter.tasks.readers.feeder import CARS_MAX, SLOTS_PER_DAY, Feeder
from lamplighter.tasks.readers.plausible import no_missing_codes, tell_share
from lamplighter.tasks.registry import nearest

FLAT = [1.0] * SLOTS_PER_DAY
MANY_TIMES, FEW_KW = 30, 0.05
NO_LIMIT_A = 10_000
CARS_AT_A_BUS_MAX = 8000
"""The kernel counts eighths of cars in 16 bits."""


def prepare(asked: EvHosting) -> Spec:
    """Checks the feeder, scales it to per unit and packs it. What is wrong with a net of another format is told of
    that net.

    Raises TaskError: those of ``tree.grow``, ``empty_data``, ``too_large``, ``unknown_bus``,
    ``unknown_profile``, ``weak_line``, ``transformer`` and those of the pandapower and SimBench readers.
    """
    left = Left(asked.accept)
    given = _given(asked, left)
    try:
        return _packed(asked, given.feeder, left)
    except TaskError as error:
        raise given.located(error) from None


def _packed(asked: EvHosting, feeder: Feeder, left: Left) -> Spec:
    whole = grow(feeder)
    tree = lean(whole, {load.bus for load in feeder.loads})
    if len(tree.names) < len(whole.names):
        left.tell(f"{len(whole.names) - len(tree.names)} of {len(whole.names)} buses without loads, between lines "
                  "without charging, were taken as parts of one line: their voltages lie between their neighbours'")
    demand = _demand(feeder, tree)
    places = sum(one.cars for one in demand)
    _plausible(asked, feeder, demand, left)
    if not places:
        raise TaskError("empty_data", "no load has a place for a car", "set 'cars' on the loads", "/feeder/loads")
    if max(one.cars for one in demand) > CARS_AT_A_BUS_MAX:
        raise TaskError("too_large", f"more than {CARS_AT_A_BUS_MAX} cars at one bus", "spread them over more buses",
                        "/feeder/loads")
    if places > CARS_MAX:
        raise TaskError("too_large", f"{places} cars; at most {CARS_MAX}", "study a smaller feeder", "/feeder/loads")
    shunts_kva = sum(2 * abs(branch.shunt_s) for branch in tree.branch if branch) * feeder.nominal_kv**2 * 1000
    base_kva = (places * asked.charge_kw + 4 * shunts_kva
                + sum(max(map(abs, one.kw)) + max(map(abs, one.kvar)) for one in demand)) / jobs.HEADROOM_PU
    source_pu = _source_pu(feeder)
    statistics = asked.statistics or charging.builtin()
    network, (drawn, profiles) = jobs.network(feeder, tree, base_kva, source_pu), jobs.loads(demand, asked, base_kva)
    shunts = jobs.shunts(feeder, tree, base_kva) if shunts_kva else ()
    contexts: dict[str, tuple[Context, ...]] = {}
    for policy in asked.policies:
        day = jobs.day(asked, statistics, policy, len(profiles.data), base_kva)
        contexts[policy] = (network, drawn, day, profiles, *shunts)
    return Spec(asked, feeder, tree, demand, statistics, base_kva, source_pu, contexts, tuple(left.notes()))


def _plausible(asked: EvHosting, feeder: Feeder, demand: Sequence[Demand], left: Left) -> None:
    """Raises TaskError ``implausible`` for codes of missing values; tells what looks like another unit."""
    no_missing_codes([(load.kw, f"/feeder/loads/{place}/kw") for place, load in enumerate(feeder.loads)], left)
    peak_kw = sum(max(map(abs, one.kw)) for one in demand)
    rated_kva = feeder.transformer.rated_kva if feeder.transformer else max(
        (math.sqrt(3) * feeder.nominal_kv * line.limit_a for line in feeder.lines if line.limit_a < NO_LIMIT_A),
        default=math.sqrt(3) * feeder.nominal_kv * NO_LIMIT_A / MANY_TIMES)
    if peak_kw > MANY_TIMES * rated_kva:
        left.finding("power_unit", f"all loads together are {peak_kw:.4g} kW behind {rated_kva:.4g} kVA: they look "
                     "like watts")
    used = [abs(load.kw) for load in feeder.loads if load.kw]
    if used and max(used) < FEW_KW:
        left.finding("power_unit", f"no load is over {max(used):.2g} kW: they look like megawatts")
    for name in ("line_limit_percent", "transformer_limit_percent"):
        tell_share(name, getattr(asked, name), left)
    tell_share("accepted_percent", asked.accepted_percent, left, most=1)
    if feeder.transformer:
        tell_share("the limit of the transformer", feeder.transformer.limit_percent, left)
    cars_kw = sum(one.cars for one in demand) * asked.charge_kw
    _too_long(feeder, (peak_kw + cars_kw) / (math.sqrt(3) * feeder.nominal_kv), left)


def _too_long(feeder: Feeder, most_a: float, left: Left) -> None:
    """Tells lines that would lose the whole voltage by the current that they may carry; where that is no limit, by
    all the current that there is."""
    volts = 1000 * feeder.nominal_kv / math.sqrt(3)
    found = [f"{line.from_bus}–{line.to_bus}" for line in feeder.lines
             if math.hypot(line.r_ohm, line.x_ohm) * (line.limit_a if line.limit_a < NO_LIMIT_A else most_a) > volts]
    if found:
        left.finding("length_unit", f"{len(found)} of {len(feeder.lines)} lines ({found[0]}) would lose the whole "
                     "voltage at the current that they may carry: they look as if metres were taken for kilometres")


def _given(asked: EvHosting, left: Left) -> Converted:
    if asked.pandapower is not None:
        from lamplighter.tasks.readers.pandapower import read
        return read(asked.pandapower, asked.cars_per_load, left)
    if asked.simbench is not None:
        from lamplighter.tasks.readers.simbench import read as read_simbench
        return read_simbench(asked.simbench, asked.cars_per_load, left)
    assert asked.feeder is not None  # the model's own rule
    return Converted(asked.feeder, {}, {"": "/feeder"})


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
    names = {bus.name for bus in feeder.buses}
    for place, load in enumerate(feeder.loads):
        known(load.bus, names, f"/feeder/loads/{place}/bus")
        if load.profile is not None and load.profile not in feeder.profiles:
            raise TaskError("unknown_profile", f"no profile is named {load.profile!r}",
                            nearest(load.profile, list(feeder.profiles)), f"/feeder/loads/{place}/profile")
        bus = order[load.bus]
        cars[bus] += load.cars
        shape = feeder.profiles[load.profile] if load.profile else FLAT
        if load.kw:
            kw[bus] = [sum_ + load.kw * share for sum_, share in zip(kw[bus], shape, strict=True)]
        if load.kvar:
            kvar[bus] = [sum_ + load.kvar * share for sum_, share in zip(kvar[bus], shape, strict=True)]
    return tuple(Demand(tuple(p), tuple(q), n) for p, q, n in zip(kw, kvar, cars, strict=True))
