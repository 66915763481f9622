"""What an operator sends: a radial feeder, charging statistics, levels and limits."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

SLOTS_PER_DAY = 96
CARS_MAX = 20_000

Name = Annotated[str, Field(min_length=1, max_length=64)]
Ohm = Annotated[float, Field(ge=0, le=10_000, allow_inf_nan=False)]
Share = Annotated[float, Field(ge=0, le=100, allow_inf_nan=False)]
Policy = Literal["on_arrival", "tariff_22"]


class Strict(BaseModel):
    """Unknown keys are errors; numbers must be numbers."""

    model_config = ConfigDict(extra="forbid", strict=False)


class Bus(Strict):
    """A node of the feeder; ``x`` and ``y`` place it in the picture (any unit) and are optional."""

    name: Name
    x: float | None = Field(default=None, allow_inf_nan=False)
    y: float | None = Field(default=None, allow_inf_nan=False)


class Line(Strict):
    """A three-phase line or cable between two buses: total series impedance, rated current."""

    from_bus: Name
    to_bus: Name
    r_ohm: Ohm
    x_ohm: Ohm
    limit_a: float = Field(gt=0, le=100_000, allow_inf_nan=False)


class Transformer(Strict):
    """The transformer at the head of the feeder, seen from its secondary side; magnetising is left out."""

    from_bus: Name
    to_bus: Name
    rated_kva: float = Field(ge=0.1, le=1e6, allow_inf_nan=False)
    short_circuit_percent: float = Field(ge=0.1, le=50, allow_inf_nan=False)
    resistive_percent: float = Field(ge=0, le=50, allow_inf_nan=False)


class Load(Strict):
    """Demand at a bus without cars. ``kw`` and ``kvar`` are multiplied by the profile, if one is named.

    ``cars`` is how many cars charge here when every place has one (level 100 %).
    """

    bus: Name
    kw: float = Field(ge=0, le=1e6, allow_inf_nan=False)
    kvar: float = Field(default=0.0, ge=-1e6, le=1e6, allow_inf_nan=False)
    cars: int = Field(default=1, ge=0, le=CARS_MAX)
    profile: Name | None = None


class Feeder(Strict):
    """A radial feeder in plain fields. Balanced three-phase; voltages are line to line."""

    name: Name = "feeder"
    nominal_kv: float = Field(ge=0.05, le=150, allow_inf_nan=False)
    source_bus: Name
    source_voltage_pu: float = Field(default=1.0, ge=0.8, le=1.2, allow_inf_nan=False)
    buses: list[Bus] = Field(max_length=10_000)
    lines: list[Line] = Field(max_length=10_000)
    transformer: Transformer | None = None
    loads: list[Load] = Field(max_length=100_000)
    profiles: dict[Name, Annotated[
        list[Annotated[float, Field(ge=0, le=1000, allow_inf_nan=False)]],
        Field(min_length=SLOTS_PER_DAY, max_length=SLOTS_PER_DAY)]] = Field(default_factory=dict)


class Statistics(Strict):
    """How cars charge: weights of plugging in per quarter-hour, and evenly spaced quantiles of energy.

    ``energy_kwh`` runs from the smallest to the largest session; values between are interpolated.
    """

    arrivals_per_slot: list[Annotated[float, Field(ge=0, le=1e9, allow_inf_nan=False)]] = Field(
        min_length=SLOTS_PER_DAY, max_length=SLOTS_PER_DAY)
    energy_kwh: list[Annotated[float, Field(gt=0, le=75, allow_inf_nan=False)]] = Field(
        min_length=2, max_length=1001)
    source: str = Field(default="given by the operator", max_length=300)


class EvHosting(Strict):
    """Input of ``energy.evhosting``. Exactly one of ``feeder`` and ``pandapower`` is given.

    Slots are quarter-hours of the day counted from 0 (00:00) to 95 (23:45). A scenario is *violated* if in
    any studied slot a voltage leaves the band or a line or the transformer exceeds its limit.
    """

    feeder: Feeder | None = None
    pandapower: dict[str, Any] | None = None
    cars_per_load: int = Field(default=1, ge=0, le=1000)  # of a pandapower net; a plain feeder says it per load
    levels_percent: list[Annotated[int, Field(ge=1, le=100)]] = Field(
        default=[10, 20, 30, 40, 50, 60, 70, 80, 90, 100], min_length=1, max_length=100)
    scenarios_per_level: int = Field(default=100, ge=1, le=10_000)
    policies: list[Policy] = Field(default=["on_arrival"], min_length=1, max_length=2)
    seed: int = Field(default=1, ge=0, le=2**31 - 1)
    charge_kw: float = Field(default=11.0, ge=0.1, le=350, allow_inf_nan=False)
    first_slot: int = Field(default=64, ge=0, lt=SLOTS_PER_DAY)
    last_slot: int = Field(default=95, ge=0, lt=SLOTS_PER_DAY)
    voltage_min_pu: float = Field(default=0.95, ge=0.6, le=1.0, allow_inf_nan=False)
    voltage_max_pu: float = Field(default=1.05, ge=1.0, le=1.4, allow_inf_nan=False)
    line_limit_percent: float = Field(default=100.0, gt=0, le=300, allow_inf_nan=False)
    transformer_limit_percent: float = Field(default=100.0, gt=0, le=300, allow_inf_nan=False)
    accepted_percent: Share = 5.0
    statistics: Statistics | None = None

    @model_validator(mode="after")
    def _consistent(self) -> EvHosting:
        if (self.feeder is None) == (self.pandapower is None):
            raise ValueError("give exactly one of 'feeder' and 'pandapower'")
        if self.first_slot > self.last_slot:
            raise ValueError("first_slot must not lie after last_slot")
        if len(set(self.levels_percent)) < len(self.levels_percent):
            raise ValueError("levels_percent has the same level twice")
        if len(set(self.policies)) < len(self.policies):
            raise ValueError("policies has the same policy twice")
        return self
