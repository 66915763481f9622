"""What an operator sends: tomorrow's prices, and homes with a battery and a forecast of their load."""

from __future__ import annotations

from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

from lamplighter.tasks.readers.allow import ACCEPT, Finding
from lamplighter.tasks.readers.cbor import MOST_RECORDS
from lamplighter.tasks.readers.listed import Pack

SLOTS = 96
HOURS = 24
DAYS_SLOTS = (92, 96, 100)
"""Quarter-hours of a day: of 23 and 25 hours where the clocks change, in spring and in autumn."""
DAYS_HOURS = tuple(slots // 4 for slots in DAYS_SLOTS)
HOMES_MAX = 2_000
POWER_MAX_W = 30_000
CAPACITY_MAX_WH = 200_000
PRICE_MAX = 10_000

Watts = Annotated[float, Field(ge=-POWER_MAX_W, le=POWER_MAX_W, allow_inf_nan=False)]
Positive = Annotated[float, Field(ge=0, le=POWER_MAX_W, allow_inf_nan=False)]
Price = Annotated[float, Field(ge=-PRICE_MAX, le=PRICE_MAX, allow_inf_nan=False)]
Energy = Annotated[float, Field(ge=0, le=CAPACITY_MAX_WH, allow_inf_nan=False)]


def _whole_day(values: list[float]) -> list[float]:
    if len(values) not in DAYS_SLOTS:
        raise ValueError(f"{len(values)} values; a forecast has as many quarter-hours as its day: 96, or 92 and 100 "
                         "where the clocks change")
    return values


Forecast = Annotated[list[Watts], AfterValidator(_whole_day)]
PositiveForecast = Annotated[list[Positive], AfterValidator(_whole_day)]


class Strict(BaseModel):
    """Unknown keys are errors; numbers must be numbers."""

    model_config = ConfigDict(extra="forbid", strict=False)


class Prices(Strict):
    """What a MWh from the grid costs and what one into the grid earns; negative ones are allowed."""

    buy_eur_per_mwh: list[Price] = Field(
        description="24 hours or 96 quarter-hours from 00:00 (23 or 92, 25 or 100 where the clocks change), in "
                    "EUR/MWh, -10,000 to 10,000")
    sell_eur_per_mwh: list[Price] | None = Field(
        default=None, description="likewise; absent: as to buy (net metering)")

    @model_validator(mode="after")
    def _whole_day(self) -> Prices:
        for name, given in (("buy", self.buy_eur_per_mwh), ("sell", self.sell_eur_per_mwh)):
            if given is not None and len(given) not in (*DAYS_HOURS, *DAYS_SLOTS):
                raise ValueError(f"{name}_eur_per_mwh has {len(given)} values; a day has 24 hours or 96 "
                                 "quarter-hours, or 23 or 92 and 25 or 100 where the clocks change")
        return self


class Home(Strict):
    """A home, its battery, and its forecast in W, mean of each quarter-hour: ``net_load_w``, or ``load_w`` and
    ``pv_w``, or neither where ``senml`` brings them. What is stored is counted in Wh inside the battery."""

    id: str = Field(min_length=1, max_length=64, description="name of the home, unique in the task")
    net_load_w: Forecast | None = Field(
        default=None, description="load less solar power for 96 quarter-hours (or 92, or 100, as the day has) in W, "
                                  "-30,000 to 30,000; negative is a surplus")
    load_w: PositiveForecast | None = Field(
        default=None, description="load for as many quarter-hours in W, 0 to 30,000")
    pv_w: PositiveForecast | None = Field(
        default=None, description="solar power for as many quarter-hours in W, 0 to 30,000; absent: none")
    capacity_wh: Energy = Field(description="usable capacity in Wh, 0 (no battery) to 200,000")
    charge_w: Positive = Field(description="power into the battery at most, at the home's side, in W, 0 to 30,000")
    discharge_w: Positive | None = Field(
        default=None, description="power out of the battery at most, in W, 0 to 30,000; absent: as charge_w")
    charge_efficiency_permille: int = Field(
        default=950, ge=500, le=1000, description="Wh stored per 1000 Wh taken, 500 to 1000")
    discharge_efficiency_permille: int = Field(
        default=950, ge=500, le=1000, description="Wh given per 1000 Wh stored, 500 to 1000")
    soc_min_wh: Energy = Field(default=0, description="never stored less than this, in Wh")
    soc_start_wh: Energy = Field(description="stored at 00:00, in Wh")
    soc_end_wh: Energy | None = Field(
        default=None, description="stored at the end of the day at least, in Wh; absent: as at 00:00")
    export_limit_w: float | None = Field(
        default=None, ge=0, le=POWER_MAX_W, allow_inf_nan=False,
        description="power into the grid at most, in W; solar power beyond is lost; absent: no limit")

    @property
    def wanted_wh(self) -> float:
        """What must be stored at the end of the day."""
        return self.soc_start_wh if self.soc_end_wh is None else self.soc_end_wh

    @model_validator(mode="after")
    def _consistent(self) -> Home:
        if self.net_load_w is not None and (self.load_w is not None or self.pv_w is not None):
            raise ValueError("net_load_w stands beside load_w or pv_w; give it, or those, not both")
        if self.pv_w is not None and self.load_w is None:
            raise ValueError("pv_w stands alone; give load_w beside it")
        for name, stored in (("soc_start_wh", self.soc_start_wh), ("soc_end_wh", self.wanted_wh)):
            if not self.soc_min_wh <= stored <= self.capacity_wh:
                raise ValueError(f"{name} is {stored:g} Wh; it lies between soc_min_wh, {self.soc_min_wh:g}, and "
                                 f"capacity_wh, {self.capacity_wh:g}")
        return self


class Batteries(Strict):
    """Input of ``energy.battery``: the cheapest plan of each battery for one day of 96, 92 or 100 quarter-hours."""

    day: str = Field(default="tomorrow", max_length=32, description="which day it is, for titles")
    prices: Prices = Field(description="prices that all homes share")
    homes: list[Home] = Field(min_length=1, max_length=HOMES_MAX, description="homes, at most 2,000")
    senml: Pack = Field(
        default=[], max_length=MOST_RECORDS,
        description="SenML (RFC 8428) records, or a CBOR pack in base64 "
                    "in W, named net_load, or load and pv, whose base name is a home's id")
    accept: list[Finding] = Field(default=[], max_length=20, description=ACCEPT)

    @model_validator(mode="after")
    def _distinct(self) -> Batteries:
        seen: set[str] = set()
        for place, home in enumerate(self.homes):
            if home.id in seen:
                raise ValueError(f"homes has two with the id {home.id[:64]!r}; give each home, also number "
                                 f"{place + 1}, an id of its own")
            seen.add(home.id)
        return self
