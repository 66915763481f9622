"""What an operator sends: a radial feeder, charging statistics, levels and limits."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

SLOTS_PER_DAY = 96
CARS_MAX = 20_000

Name = Annotated[str, Field(min_length=1, max_length=64)]
Ohm = Annotated[float, Field(ge=0, le=10_000, allow_inf_nan=False)]
Weight = Annotated[float, Field(ge=0, le=1e9, allow_inf_nan=False)]
Kwh = Annotated[float, Field(gt=0, le=75, allow_inf_nan=False)]
Policy = Literal["on_arrival", "tariff_22"]


class Strict(BaseModel):
    """Unknown keys are errors; numbers must be numbers."""

    model_config = ConfigDict(extra="forbid", strict=False)


class Bus(Strict):
    """A node of the feeder."""

    name: Name = Field(description="what lines and loads call it")
    x: float | None = Field(default=None, allow_inf_nan=False, description="east, any unit, for the picture only")
    y: float | None = Field(default=None, allow_inf_nan=False, description="north, any unit, for the picture only")


class Line(Strict):
    """A three-phase line or cable between two buses. Two between the same buses share the current."""

    from_bus: Name = Field(description="bus at one end")
    to_bus: Name = Field(description="bus at the other end")
    r_ohm: Ohm = Field(description="series resistance of the whole length per phase, ohm; 0 is allowed")
    x_ohm: Ohm = Field(description="series reactance of the whole length per phase, ohm; 0 is allowed")
    limit_a: float = Field(gt=0, le=100_000, allow_inf_nan=False, description="rated current, ampere")
    c_nf: float = Field(default=0.0, ge=0, le=1e6, allow_inf_nan=False,
                        description="capacitance of the whole length per phase, nanofarad; half at each end")
    g_us: float = Field(default=0.0, ge=0, le=1e6, allow_inf_nan=False,
                        description="shunt conductance of the whole length per phase, microsiemens; half at each end")


class Transformer(Strict):
    """The two-winding transformer at the head of the feeder, with its losses and its tap changer."""

    from_bus: Name = Field(description="primary bus; it must be the source bus")
    to_bus: Name = Field(description="secondary bus, at the feeder's nominal voltage")
    rated_kva: float = Field(ge=0.1, le=1e6, allow_inf_nan=False, description="rated apparent power, kVA")
    short_circuit_percent: float = Field(ge=0.1, le=50, allow_inf_nan=False,
                                         description="short-circuit voltage, percent of the rated voltage")
    resistive_percent: float = Field(ge=0, le=50, allow_inf_nan=False,
                                     description="resistive part of it (copper losses), percent")
    no_load_percent: float = Field(default=0.0, ge=0, le=20, allow_inf_nan=False,
                                   description="no-load (magnetising) current, percent of the rated current")
    iron_loss_kw: float = Field(default=0.0, ge=0, le=1e5, allow_inf_nan=False,
                                description="no-load losses at the rated voltage, kW")
    primary_pu: float = Field(default=1.0, ge=0.8, le=1.2, allow_inf_nan=False,
                              description="rated primary voltage over the nominal voltage of the primary bus")
    secondary_pu: float = Field(default=1.0, ge=0.8, le=1.2, allow_inf_nan=False,
                                description="rated secondary voltage over the feeder's nominal voltage")
    tap_side: Literal["primary", "secondary"] = Field(default="primary", description="where the tap changer is")
    tap_percent: float = Field(default=0.0, ge=-20, le=20, allow_inf_nan=False,
                               description="turns added on that side: tap position times step, percent")


class Load(Strict):
    """Demand at a bus without cars. ``kw`` and ``kvar`` are multiplied by the profile, if one is named."""

    bus: Name = Field(description="where it is")
    kw: float = Field(ge=-1e6, le=1e6, allow_inf_nan=False, description="active power drawn, kW; negative feeds in")
    kvar: float = Field(default=0.0, ge=-1e6, le=1e6, allow_inf_nan=False,
                        description="reactive power drawn, kvar; negative is capacitive")
    cars: int = Field(default=1, ge=0, le=CARS_MAX,
                      description="cars that charge here when every place has one (level 100 %)")
    profile: Name | None = Field(default=None, description="name of a profile; none: constant power")


class Feeder(Strict):
    """A radial feeder in plain fields. Balanced three-phase; voltages are line to line."""

    name: Name = Field(default="feeder", description="title of the result")
    nominal_kv: float = Field(ge=0.05, le=150, allow_inf_nan=False,
                              description="nominal voltage (behind the transformer, if there is one), kV")
    frequency_hz: float = Field(default=50.0, ge=16, le=60, description="mains frequency, Hz; only for c_nf")
    source_bus: Name = Field(description="where the feeder is fed")
    source_voltage_pu: float = Field(default=1.0, ge=0.8, le=1.2, allow_inf_nan=False,
                                     description="voltage at the source over its nominal voltage")
    buses: list[Bus] = Field(max_length=10_000, description="2 to 200 nodes")
    lines: list[Line] = Field(max_length=10_000, description="lines in service; they must form a tree")
    transformer: Transformer | None = Field(default=None, description="at the head of the feeder, if there is one")
    loads: list[Load] = Field(max_length=100_000, description="demand and feed-in; several may share a bus")
    profiles: dict[Name, Annotated[
        list[Annotated[float, Field(ge=-1000, le=1000, allow_inf_nan=False)]],
        Field(min_length=SLOTS_PER_DAY, max_length=SLOTS_PER_DAY)]] = Field(
            default_factory=dict, description="factors for the 96 quarter-hours of the day studied, by name")


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

    @model_validator(mode="after")
    def _consistent(self) -> EvHosting:
        if sum(given is not None for given in (self.feeder, self.pandapower, self.simbench)) != 1:
            raise ValueError("give exactly one of 'feeder', 'pandapower' and 'simbench'")
        if self.first_slot > self.last_slot:
            raise ValueError("first_slot must not lie after last_slot")
        if len(set(self.levels_percent)) < len(self.levels_percent):
            raise ValueError("levels_percent has the same level twice")
        if len(set(self.policies)) < len(self.policies):
            raise ValueError("policies has the same policy twice")
        return self
