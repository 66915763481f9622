"""What an operator sends: hourly counts of detectors, and how far ahead to look."""

from __future__ import annotations

from datetime import date
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from lamplighter.tasks.readers.allow import ACCEPT, Finding
from lamplighter.tasks.readers.listed import Listed

DETECTORS_MAX = 500
HOURS_MAX = 60 * 168
ENTITIES_MAX = 50_000
FLOW_MAX = 32_000
"""Vehicles per hour; no road carries more at one place, so more is a unit mistaken or a counter gone wrong."""

Count = Annotated[float, Field(ge=0, le=FLOW_MAX)]


class Strict(BaseModel):
    """No unknown keys, no NaN, no infinity."""

    model_config = ConfigDict(extra="forbid", allow_inf_nan=False)


class Detector(Strict):
    """A place where vehicles are counted, and its counts of successive hours."""

    id: str = Field(min_length=1, max_length=64, description="name of the detector, unique in the task")
    start: str = Field(
        max_length=40, description="beginning of the first hour, ISO 8601, on a full hour: local, or with its offset")
    counts: list[Count | None] = Field(
        min_length=1, max_length=HOURS_MAX,
        description=f"vehicles in each successive hour, 0 to {FLOW_MAX}; null where nothing was counted. Real hours: "
                    "a day has 23 or 25 where the clocks change")


class ForecastInput(Strict):
    """The flow of the hours ahead at each detector, from five to ten weeks of hourly counts."""

    detectors: list[Detector] = Field(default=[], max_length=DETECTORS_MAX, description="counts in plain fields")
    entities: Listed = Field(
        default=[], max_length=ENTITIES_MAX,
        description="or FIWARE NGSI-LD TrafficFlowObserved with intensity (vehicles in the period) and dateObserved, "
                    "normalised, key-values or GeoJSON; one entity per period, at most an hour. refDevice, else "
                    "refRoadSegment, else the id names the detector; lanes and directions are kept apart, vehicle "
                    "classes added up")
    time_zone: str | None = Field(
        default=None, max_length=64,
        description="IANA name such as Europe/Berlin: the clock that traffic follows; absent: every day has 24 hours")
    forecast_from: str | None = Field(
        default=None, max_length=40,
        description="first hour to forecast, ISO 8601; absent: the hour after the last count of any detector")
    days_like_sunday: list[date] = Field(
        default=[], max_length=400,
        description="dates on which traffic is as on a Sunday, past and to come, as in 2026-05-01: public holidays")
    horizon_hours: int = Field(default=24, ge=1, le=48, description="hours to forecast")
    band_percent: int = Field(default=80, ge=50, le=95, description="share of hours that the band should hold, in %")
    accept: list[Finding] = Field(default=[], max_length=20, description=ACCEPT)
