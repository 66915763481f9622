"""What an operator sends: a radial feeder, charging statistics, levels and limits."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field, model_validator

from lamplighter.tasks.readers.allow import ACCEPT, Finding
from lamplighter.tasks.readers.feeder import SLOTS_PER_DAY, Feeder, Name, Strict

Weight = Annotated[float, Field(ge=0, le=1e9, allow_inf_nan=False)]
Kwh = Annotated[float, Field(gt=0, le=75, allow_inf_nan=False)]
Policy = Literal["on_arrival", "tariff_22"]


class Statistics(Strict):
    """How cars charge."""

    arrivals_per_slot: list[Weight] = Field(
        min_length=SLOTS_PER_DAY, max_length=SLOTS_PER_DAY,
        description="weight of plugging in at each quarter-hour of the day, any unit")
    energy_kwh: list[Kwh] = Field(
        min_length=2, max_length=1001,
        description="evenly spaced quantiles of the energy of a session, ascending from the smallest to the "
                    "largest, kWh; values between are interpolated")
    source: str = Field(default="given by the operator", max_length=300, description="shown in the result")


class EvHosting(Strict):
    """Input of ``energy.evhosting``. Exactly one of ``feeder``, ``pandapower`` and ``simbench`` is given.

    Slots are quarter-hours of the day counted from 0 (00:00) to 95 (23:45). A scenario is *violated* if in
    any studied slot a voltage leaves the band or a line or the transformer exceeds its limit.
    """

    feeder: Feeder | None = Field(default=None, description="the feeder in plain fields")
    pandapower: dict[str, Any] | None = Field(default=None, description="a net as pandapower.to_json writes it")
    simbench: dict[Name, str] | None = Field(
        default=None, description="SimBench tables by file name without .csv (Node, Line, LineType, Load, "
                                  "ExternalNet, ...; semicolon-separated text). Profile tables may be cut to one day "
                                  "of quarter-hours; of a longer one the day with the highest load is taken")
    cars_per_load: int = Field(default=1, ge=0, le=1000,
                               description="cars at each load of a pandapower or SimBench net at level 100 %")
    levels_percent: list[Annotated[int, Field(ge=1, le=100)]] = Field(
        default=[10, 20, 30, 40, 50, 60, 70, 80, 90, 100], min_length=1, max_length=100,
        description="shares of the places that have a car, percent, all different")
    scenarios_per_level: int = Field(default=100, ge=1, le=10_000, description="random evenings per level and policy")
    policies: list[Policy] = Field(default=["on_arrival"], min_length=1, max_length=2,
                                   description="on_arrival; tariff_22: who arrives from 15:00 starts at 22:00")
    seed: int = Field(default=1, ge=0, le=2**31 - 1, description="of the random evenings")
    charge_kw: float = Field(default=11.0, ge=0.1, le=350, allow_inf_nan=False, description="power of a charger, kW")
    first_slot: int = Field(default=64, ge=0, lt=SLOTS_PER_DAY, description="first quarter-hour studied, 0 to 95")
    last_slot: int = Field(default=95, ge=0, lt=SLOTS_PER_DAY, description="last quarter-hour studied, 0 to 95")
    voltage_min_pu: float = Field(default=0.95, ge=0.6, le=1.0, allow_inf_nan=False,
                                  description="lowest allowed voltage over nominal")
    voltage_max_pu: float = Field(default=1.05, ge=1.0, le=1.4, allow_inf_nan=False,
                                  description="highest allowed voltage over nominal")
    line_limit_percent: float = Field(default=100.0, gt=0, le=300, allow_inf_nan=False,
                                      description="highest allowed current of a line, percent of rated")
    transformer_limit_percent: float = Field(default=100.0, gt=0, le=300, allow_inf_nan=False,
                                             description="the same for the transformer")
    accepted_percent: float = Field(default=5.0, ge=0, le=100, allow_inf_nan=False,
                                    description="share of evenings that may be outside the limits, percent")
    statistics: Statistics | None = Field(default=None, description="how cars charge; built-in synthetic otherwise")
    accept: list[Finding] = Field(default=[], max_length=20, description=ACCEPT)

    @model_validator(mode="after")
    def _consistent(self) -> EvHosting:
        if sum(given is not None for given in (self.feeder, self.pandapower, self.simbench)) != 1:
            raise ValueError("not one network is given; give exactly one of 'feeder', 'pandapower' and 'simbench'")
        if self.first_slot > self.last_slot:
            raise ValueError("first_slot lies after last_slot; exchange them, or cut the evening at midnight")
        if len(set(self.levels_percent)) < len(self.levels_percent):
            raise ValueError("levels_percent has the same level twice; give each once")
        if len(set(self.policies)) < len(self.policies):
            raise ValueError("policies has the same policy twice; give each once")
        return self
