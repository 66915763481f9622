"""Looks into one scenario with the kernel's own functions: voltages and loadings of all elements."""

from __future__ import annotations

import math

from tasks.energy.evhosting import kernel
from tasks.energy.evhosting.spec import Q20, Q24, Spec


class Snapshots:
    """The slots of one scenario in ascending order; figures are those of the slot gone to last."""

    def __init__(self, spec: Spec, policy: str, level: int, index: int) -> None:
        self._spec = spec
        contexts = tuple(context.data for context in spec.contexts[policy])
        self._state, self._buses, tables, self._changes, self._shapes = kernel.load(contexts)
        kernel.start(self._state, spec.asked.seed, level, index, spec.cars(level), spec.places)
        for bus in range(len(spec.tree.names)):
            self._state[8] = bus
            kernel.place(self._state, self._buses, tables, self._changes)
        self._next = 0

    def go_to(self, slot: int) -> None:
        """Advances to a slot not before the present one and solves it."""
        while self._next <= slot:
            self._state[8] = self._next
            kernel.advance(self._state, self._buses, self._changes, self._shapes)
            self._next += 1
        for _ in kernel.solve_slot(self._state, self._buses, slot):
            pass

    @property
    def collapsed(self) -> bool:
        """Whether any slot so far had no solution."""
        return bool(self._state[14] & kernel.COLLAPSED)

    def voltages(self) -> list[complex]:
        """Per bus, in pu."""
        return self._pairs(12, Q24)

    def source_kva(self) -> complex:
        """What flows into the feeder at its source, kW and kvar (as a complex number)."""
        return self.voltages()[0] * self._pairs(14, Q20)[0].conjugate() * self._spec.base_kva

    def loadings(self) -> list[float]:
        """Per branch (entry 0, the source, is 0): current over rated current."""
        base_a = self._spec.base_kva / (math.sqrt(3) * self._spec.feeder.nominal_kv)
        return [abs(current) * base_a / branch.limit_a if branch else 0.0
                for current, branch in zip(self._pairs(14, Q20), self._spec.tree.branch, strict=True)]

    def cars_charging(self) -> list[int]:
        """Per bus."""
        return [self._buses[(bus << 4) + 9] for bus in range(len(self._spec.tree.names))]

    def _pairs(self, word: int, one: int) -> list[complex]:
        rows = range(word, 16 * len(self._spec.tree.names), 16)
        return [complex(self._buses[at] - kernel.BIAS, self._buses[at + 1] - kernel.BIAS) / one for at in rows]
