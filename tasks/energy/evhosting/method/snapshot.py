"""Looks into one scenario with the kernel's own functions: voltages and loadings of all elements."""

from __future__ import annotations

import math

from lamplighter.tasks.energy.evhosting import kernel
from lamplighter.tasks.energy.evhosting.jobs import Q20, Q24
from lamplighter.tasks.energy.evhosting.spec import Spec


class Snapshots:
    """The slots of one scenario in ascending order; figures are those of the slot gone to last."""

    def __init__(self, spec: Spec, policy: str, level: int, index: int) -> None:
        self._spec = spec
        contexts = tuple(context.data for context in spec.contexts[policy])
        self._state, self._buses, loads, tables, self._changes, self._shunts = kernel.load(contexts)
        self._loads = loads
        kernel.start(self._state, self._buses, spec.asked.seed, level, index)
        for bus in range(len(spec.tree.names)):
            self._state[8] = bus
            kernel.place(self._state, loads, tables, self._changes)
        self._next = 0

    def go_to(self, slot: int) -> None:
        """Solves all slots up to this one, which must not lie before the present one: each starts from the last."""
        for each in range(self._next, slot + 1):
            self._state[8] = each
            kernel.advance(self._state, self._buses, self._loads, self._changes)
            for _ in kernel.solve_slot(self._state, self._buses, self._shunts, 0):
                pass
        self._next = slot + 1

    @property
    def collapsed(self) -> bool:
        """Whether any slot so far had no solution."""
        return bool(self._state[14] & kernel.COLLAPSED)

    def voltages(self) -> list[complex]:
        """Per bus, in pu; the source's is the no-load voltage behind the transformer."""
        return [1 + volts for volts in self._pairs(8, Q24)]

    def source_kva(self) -> complex:
        """What flows into the feeder at its source, kW and kvar (as a complex number)."""
        return self.voltages()[0] * self._pairs(14, Q20)[0].conjugate() * self._spec.base_kva

    def loadings(self) -> list[float]:
        """Per branch (entry 0, the source, is 0): current over rated current, at the end where it is larger."""
        spec, volts = self._spec, self.voltages()
        base_a = spec.base_kva / (math.sqrt(3) * spec.feeder.nominal_kv)
        base_s = spec.base_kva / (spec.feeder.nominal_kv**2 * 1000)
        shares = [0.0]
        for bus, current in enumerate(self._pairs(10, Q20)[1:], 1):
            branch = spec.tree.branch[bus]
            assert branch is not None  # only the source has none
            half = branch.shunt_s / base_s
            ends = current + half * volts[spec.tree.parent[bus]], current - half * volts[bus]
            shares.append(max(map(abs, ends)) * base_a / branch.limit_a)
        return shares

    def cars_charging(self) -> list[float]:
        """Per bus; who finishes within the quarter-hour counts by the part of it."""
        return [self._buses[(bus << 4) + 12] / 8 for bus in range(len(self._spec.tree.names))]

    def _pairs(self, word: int, one: int) -> list[complex]:
        rows = range(word, 16 * len(self._spec.tree.names), 16)
        return [complex(self._buses[at] - kernel.BIAS, self._buses[at + 1] - kernel.BIAS) / one for at in rows]
