"""A radial feeder in plain fields: what an operator may write, and what the readers of other formats make."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Annotated, Any, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field

SLOTS_PER_DAY = 96
CARS_MAX = 20_000
Name = Annotated[str, Field(min_length=1, max_length=64)]
Ohm = Annotated[float, Field(ge=0, le=10_000, allow_inf_nan=False)]


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
    tap2_side: Literal["primary", "secondary"] = Field(default="primary", description="where a second one is")
    tap2_percent: float = Field(default=0.0, ge=-20, le=20, allow_inf_nan=False, description="turns that it adds")
    limit_percent: float = Field(default=100.0, gt=0, le=1000, allow_inf_nan=False,
                                 description="current allowed, percent of the rated; loadings are shares of it")


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
    buses: list[Bus] = Field(max_length=10_000, description="2 to 1,000 nodes, those without loads between lines "
                                                          "without charging not counted")
    lines: list[Line] = Field(max_length=10_000, description="lines in service; they must form a tree")
    transformer: Transformer | None = Field(default=None, description="at the head of the feeder, if there is one")
    loads: list[Load] = Field(max_length=100_000, description="demand and feed-in; several may share a bus")
    profiles: dict[Name, Annotated[
        list[Annotated[float, Field(ge=-1000, le=1000, allow_inf_nan=False)]],
        Field(min_length=SLOTS_PER_DAY, max_length=SLOTS_PER_DAY)]] = Field(
            default_factory=dict, description="factors for the 96 quarter-hours of the day studied, by name")


K = TypeVar("K")


def joined(names: Iterable[K], pairs: Iterable[tuple[K, K]], rank: Callable[[K], Any]) -> dict[K, K]:
    """Which name stands for each, those of a pair being one: the least by ``rank`` of all that are joined.

    Raises KeyError for a name that is not among ``names``. In time, it is all but linear: ways are halved as they are
    walked (Tarjan and van Leeuwen 1984).
    """
    head = {name: name for name in names}

    def find(name: K) -> K:
        while head[name] != name:
            head[name] = name = head[head[name]]
        return name

    for pair in pairs:
        one, other = sorted((find(pair[0]), find(pair[1])), key=rank)
        head[other] = one
    return {name: find(name) for name in head}
