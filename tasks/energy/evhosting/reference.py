"""The honest difference: an independent power flow in floats over a sample of scenarios.

Implicit Z-bus Gauss method (Chen et al., IEEE Trans. Power Delivery 6(3), 1991): the admittance matrix of all
buses is factored once, then Y (V - V_source) = I(V) is solved until nothing moves by more than 1e-10 pu. Buses come
after their parents, so that eliminating the last first fills nothing in. It knows nothing of sweeps, limbs or tables
of the kernel; it draws the cars anew from the same rules.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from lamplighter.tasks.api import Result
from lamplighter.tasks.energy.evhosting.jobs import COLLAPSED, LINE, OVERVOLTAGE, TRANSFORMER, UNDERVOLTAGE
from lamplighter.tasks.energy.evhosting.method import charging
from lamplighter.tasks.energy.evhosting.method.snapshot import Snapshots
from lamplighter.tasks.energy.evhosting.method.tally import UNKNOWN
from lamplighter.tasks.energy.evhosting.model import Policy
from lamplighter.tasks.energy.evhosting.spec import Spec

VOLTAGE_BAR_PU = 1e-4
LOADING_BAR_POINTS = 0.1
ALMOST_ZERO_OHM = 1e-7
"""A line without impedance, for a method that divides by it."""
WORK = 4_000_000
"""Steps spent on the sample, one for each bus, slot and iteration (of which 32 are reckoned with): a few seconds."""
LEHMER, MODULUS = 48271, 2**31 - 1


class Network:
    """The feeder as matrices, in ohm, volt and ampere per phase."""

    def __init__(self, spec: Spec) -> None:
        self.spec = spec
        self.source_v = spec.source_pu * spec.feeder.nominal_kv * 1000 / 3**0.5
        self._up = spec.tree.parent
        self._ohm = [complex(branch.r_ohm, branch.x_ohm) or ALMOST_ZERO_OHM if branch else 0j
                     for branch in spec.tree.branch]
        self._shunt = [branch.shunt_s if branch else 0j for branch in spec.tree.branch]
        self._bus_shunt = list(self._shunt)
        self._g = [1 / ohm if ohm else 0j for ohm in self._ohm]
        self._pivot = list(self._g)
        for i, up in enumerate(self._up[1:], 1):
            self._bus_shunt[up] += self._shunt[i]
            self._pivot[up] += self._g[i]
        for i in range(len(self._up) - 1, 0, -1):
            self._pivot[i] += self._bus_shunt[i]
            self._pivot[self._up[i]] -= self._g[i] ** 2 / self._pivot[i]

    def solve(self, kva: Sequence[complex]) -> list[complex] | None:
        """Phase voltages per bus for three-phase powers drawn (kW + j kvar); None if it finds no solution."""
        base = self.source_v
        loads = [0j, *(1000 * s / 3 for s in kva[1:])]
        volts = [complex(base)] * len(loads)
        for _ in range(200):
            if min(map(abs, volts)) < 0.3 * base:
                return None
            new = self._rise([-(s / v).conjugate() - y * base
                              for s, v, y in zip(loads, volts, self._bus_shunt, strict=True)])
            moved = max(abs(a - b) for a, b in zip(new, volts, strict=True))
            volts = new
            if moved < 1e-10 * base:
                return volts
        return None

    def _rise(self, currents: list[complex]) -> list[complex]:
        """Voltages where these currents are fed in."""
        for i in range(len(currents) - 1, 0, -1):
            currents[self._up[i]] += currents[i] * self._g[i] / self._pivot[i]
        volts = [complex(self.source_v)]
        rise = [0j]
        for i in range(1, len(currents)):
            rise.append((currents[i] + self._g[i] * rise[self._up[i]]) / self._pivot[i])
            volts.append(self.source_v + rise[i])
        return volts

    def loadings(self, volts: Sequence[complex]) -> list[float]:
        """Per branch: current over rated current, at the end where it is larger."""
        shares = [0.0]
        for i, branch in enumerate(self.spec.tree.branch):
            if branch:
                up = self.spec.tree.parent[i]
                series = (volts[up] - volts[i]) / self._ohm[i]
                ends = series + self._shunt[i] * volts[up], series - self._shunt[i] * volts[i]
                shares.append(max(map(abs, ends)) / branch.limit_a)
        return shares

    def losses_kw(self, volts: Sequence[complex]) -> float:
        """Three-phase losses of all branches."""
        drops = (3 * abs((volts[up] - volts[i]) / self._ohm[i]) ** 2 * self._ohm[i].real / 1000
                 for i, up in enumerate(self.spec.tree.parent[1:], 1))
        iron = (3 * abs(v) ** 2 * y.real / 1000 for v, y in zip(volts, self._bus_shunt, strict=True))
        return sum(drops) + sum(iron)


def draw_cars(spec: Spec, policy: Policy, level: int, index: int) -> list[list[float]]:
    """Cars charging per bus and slot of the day, from the published rules and big integers."""
    state = spec.asked.seed % MODULUS
    for part in (level, index, 0, 0, 0):
        state = ((state ^ state >> 13) + part) * LEHMER % MODULUS
        state ^= state >> 15
    state = state % (MODULUS - 1) + 1
    arrivals = charging.arrival_table(spec.statistics, policy)
    lengths = charging.lengths(spec.statistics, spec.asked.charge_kw)
    chance = (level * 2**15 + 50) // 100
    charging_now = [[0.0] * 192 for _ in spec.demand]
    for bus, demand in enumerate(spec.demand):
        for _ in range(demand.cars):
            state = state * LEHMER % MODULUS
            if state >> 16 < chance:
                state = state * LEHMER % MODULUS
                begin = arrivals[state >> 23]
                state = state * LEHMER % MODULUS
                left = lengths[state >> 23] / 8
                while left > 0:
                    charging_now[bus][begin] += min(1.0, left)
                    left -= 1
                    begin += 1
    return charging_now


def reference(spec: Spec, result: Result) -> dict[str, Any]:
    """Compares voltages and loadings of every snapshot, and every flag, over an even sample of scenarios."""
    network = Network(spec)
    cases = [(policy["policy"], row["level_percent"], bytes.fromhex(row["flags_hex"]))
             for policy in result.data["policies"] for row in policy["levels"]]
    n = len(spec.tree.names)
    sample = max(2, min(64, WORK // (n * spec.slots * 32)))
    volts_worst = line_worst = 0.0
    same = shots = skipped = tried = 0
    for pick in range(sample):
        policy, level, flags = cases[pick * len(cases) // sample % len(cases)]
        index = next((at % len(flags) for at in range(pick * 37, pick * 37 + len(flags))
                      if flags[at % len(flags)] != UNKNOWN), None)
        if index is None:  # a level of which a deadline left only scenarios beyond those published one by one
            continue
        tried += 1
        cars = draw_cars(spec, policy, level, index)
        device = Snapshots(spec, policy, level, index)
        mine = 0
        for slot in range(spec.slots):
            volts, shares = _moment(spec, network, cars, slot)
            device.go_to(slot)
            if volts is None:
                mine |= COLLAPSED
            else:
                mine |= _flags(spec, volts, shares)
            if volts is None or device.collapsed:
                skipped += 1
                continue
            shots += 1
            volts_worst = max(volts_worst, *(
                abs(abs(a) - abs(b)) for a, b in zip(volts, device.voltages(), strict=True)))
            line_worst = max(line_worst, *(
                100 * abs(a - b) for a, b in zip(shares, device.loadings(), strict=True)))
        same += (mine & ~COLLAPSED) == (flags[index] & ~COLLAPSED) or bool(mine & flags[index] & COLLAPSED)
    ok = same == tried > 0 and volts_worst <= VOLTAGE_BAR_PU and line_worst <= LOADING_BAR_POINTS
    text = (f"An independent floating-point power flow of {shots} snapshots in {tried} scenarios differs by at most "
            f"{volts_worst:.1e} pu in voltage and {line_worst:.4f} points in loading; it flags the same limits in "
            f"{same} of {tried} scenarios" + (f" ({skipped} collapsed snapshots left out)." if skipped else "."))
    return {"ok": ok, "text": text, "scenarios": tried, "snapshots": shots, "collapsed_snapshots": skipped,
            "max_voltage_difference_pu": volts_worst, "max_loading_difference_points": line_worst, "same_flags": same}


def _moment(spec: Spec, network: Network, cars: list[list[float]],
            slot: int) -> tuple[list[complex] | None, list[float]]:
    day = spec.asked.first_slot + slot
    volts = network.solve([complex(d.kw[day] + spec.asked.charge_kw * row[day], d.kvar[day])
                           for d, row in zip(spec.demand, cars, strict=True)])
    if volts is None:
        return None, []
    nominal = spec.feeder.nominal_kv * 1000 / 3**0.5
    return [v / nominal for v in volts], network.loadings(volts)


def _flags(spec: Spec, volts: Sequence[complex], shares: Sequence[float]) -> int:
    asked, flags = spec.asked, 0
    if min(map(abs, volts[1:])) < asked.voltage_min_pu:
        flags |= UNDERVOLTAGE
    if max(map(abs, volts[1:])) > asked.voltage_max_pu:
        flags |= OVERVOLTAGE
    first_line = 2 if spec.tree.has_transformer else 1
    if max(shares[first_line:], default=0.0) * 100 > asked.line_limit_percent:
        flags |= LINE
    if spec.tree.has_transformer and shares[1] * 100 > asked.transformer_limit_percent:
        flags |= TRANSFORMER
    return flags
