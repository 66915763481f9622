"""What is kept of the scenarios of one level: counts and worst moments, however many there are."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from lamplighter.tasks.energy.evhosting.jobs import (
    COLLAPSED,
    LINE,
    OVERVOLTAGE,
    Q16,
    Q20,
    TRANSFORMER,
    UNDERVOLTAGE,
    Outcome,
)
from lamplighter.tasks.energy.evhosting.method.interval import clopper_pearson
from lamplighter.tasks.energy.evhosting.spec import Spec

CAUSES = {"undervoltage": UNDERVOLTAGE, "overvoltage": OVERVOLTAGE, "line": LINE, "transformer": TRANSFORMER,
          "collapse": COLLAPSED}
UNKNOWN = 255
"""Stands in ``flags_hex`` for a scenario that was not computed."""


@dataclass(slots=True)
class Tally:
    """Scenarios of one policy and level. ``flags`` has a byte for each of the first ones."""

    cars: int
    flags: bytearray
    scenarios: int = 0
    violated: int = 0
    causes: dict[str, int] = field(default_factory=lambda: dict.fromkeys(CAUSES, 0))
    volt: Outcome | None = None
    line: Outcome | None = None
    trafo: Outcome | None = None
    shown: tuple[int, int, int] | None = None
    """Lowest voltage that has a solution, its scenario and slot: what the picture shows."""

    def add(self, first: int, found: Sequence[Outcome]) -> None:
        """Counts the scenarios from ``first`` on."""
        for index, one in enumerate(found, first):
            self.scenarios += 1
            self.violated += one.flags != 0
            if one.flags:
                for name, bit in CAUSES.items():
                    self.causes[name] += one.flags & bit != 0
            if index < len(self.flags):
                self.flags[index] = one.flags
            if self.volt is None or one.voltage2 < self.volt.voltage2:
                self.volt = one
            if self.line is None or one.line2 > self.line.line2:
                self.line = one
            if self.trafo is None or one.transformer2 > self.trafo.transformer2:
                self.trafo = one
            if one.voltage2 and (self.shown is None or (one.voltage2, index) < self.shown[:2]):
                self.shown = one.voltage2, index, one.slot

    def row(self, spec: Spec, level: int) -> dict[str, Any]:
        """This level in the result: counts, share with its 95 % interval, causes, worst moments."""
        low, high = self.interval()
        return {"level_percent": level, "cars": self.cars, "scenarios": self.scenarios, "violated": self.violated,
                "probability": self.violated / self.scenarios, "low_95": low, "high_95": high,
                "violated_by": self.causes, **self.moments(spec), "flags_hex": self.flags.hex()}

    def interval(self) -> tuple[float, float]:
        """Clopper-Pearson bounds of the share outside the limits; 0 and 1 where nothing is known."""
        return clopper_pearson(self.violated, self.scenarios) if self.scenarios else (0.0, 1.0)

    def moments(self, spec: Spec) -> dict[str, Any]:
        """The worst voltage, line and transformer moment; a collapse counts as 0 pu."""
        assert self.volt is not None and self.line is not None and self.trafo is not None
        branch = spec.tree.branch[self.line.branch]
        moments: dict[str, Any] = {
            "lowest_voltage_pu": round(math.sqrt(self.volt.voltage2 / Q20), 6),
            "lowest_voltage_bus": spec.tree.names[self.volt.bus] if self.volt.voltage2 else None,
            "lowest_voltage_at": clock(spec, self.volt.slot),
            "highest_line_percent": round(100 * math.sqrt(self.line.line2 / Q16), 3),
            "highest_line": branch.label if branch else None, "highest_line_at": clock(spec, self.line.branch_slot)}
        if spec.tree.has_transformer:
            moments["highest_transformer_percent"] = round(100 * math.sqrt(self.trafo.transformer2 / Q16), 3)
            moments["highest_transformer_at"] = clock(spec, self.trafo.transformer_slot)
        return moments


def clock(spec: Spec, slot: int) -> str:
    """Beginning of a studied quarter-hour, as HH:MM."""
    quarter = spec.asked.first_slot + slot
    return f"{quarter // 4:02d}:{quarter % 4 * 15:02d}"
