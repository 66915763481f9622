"""The input of a sensor check, as an operator writes it."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from lamplighter.tasks.environment.airmap.model import AskedVariogram, Place, Strict
from lamplighter.tasks.readers.allow import ACCEPT, Finding
from lamplighter.tasks.readers.listed import Listed, Pack

MOST_STATIONS = 5_000
MOST_TIMES = 10_000
MOST_READINGS = 100_000
MOST_LISTED = 20_000

Number = Annotated[float, Field(ge=-1e9, le=1e9)]


class SensorqcInput(Strict):
    """Readings of stations over time, each to be compared with what its neighbours say."""

    quantity: str = Field(default="", max_length=64, description="what is measured, for titles: PM10")
    unit: str = Field(default="", max_length=32, description="unit of the readings, for titles")
    stations: list[Place] = Field(default=[], max_length=MOST_STATIONS, description="positions of the stations")
    times: list[Annotated[str, Field(max_length=40)]] = Field(
        default=[], max_length=MOST_TIMES, description="name of each row of readings, in order; ISO 8601 is best")
    readings: list[Annotated[list[Number | None], Field(max_length=MOST_STATIONS)]] = Field(
        default=[], max_length=MOST_TIMES,
        description="a row for each time with a number for each station, null where it is missing")
    entities: Listed = Field(
        default=[], max_length=MOST_LISTED,
        description="FIWARE NGSI-LD AirQualityObserved, normalised, key-values or GeoJSON, with observedAt or "
                    "dateObserved")
    senml: Pack = Field(
        default=[], max_length=2 * MOST_LISTED,
        description="SenML (RFC 8428) records, or a CBOR pack in base64; "
                    "a base name's lat and lon records are its position")
    property: str = Field(default="", max_length=64, description="entities, senml: what to check, such as pm10")
    step_s: int = Field(default=3600, ge=1, le=31_622_400,
                        description="entities, senml: readings of one station within so many seconds are averaged")
    transform: Literal["none", "log"] = Field(
        default="none", description="log: compare logarithms (skewed data, faults that multiply)")
    variogram: AskedVariogram = Field(
        default=None, description='"auto" (or absent): found by leave-one-out over a sample of times')
    threshold: float = Field(default=3, ge=1.5, le=20,
                             description="a reading is flagged at so many standard errors from its prediction")
    scale: Literal["each_time", "fixed"] = Field(
        default="each_time", description="each_time: standard errors follow how well that time's stations agree; "
                                         "fixed: by the variogram alone")
    recheck: bool = Field(default=True, description="predict once more without flagged readings and stations, so "
                                                    "that nobody is flagged for a neighbour's fault")
    predictions: bool = Field(default=False, description="publish every prediction too (up to 40,000 readings)")
    accept: list[Finding] = Field(default=[], max_length=20, description=ACCEPT)
