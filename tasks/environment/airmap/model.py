"""The input of an air map, as an operator writes it."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator

MOST_STATIONS = 1_000
MOST_CELLS = 10_000
MOST_POINTS = 3_000

Metres = Annotated[float, Field(ge=-1e8, le=1e8)]
Longitude = Annotated[float, Field(ge=-180, le=180)]
Latitude = Annotated[float, Field(ge=-85, le=85)]


class Strict(BaseModel):
    """No unknown keys, no NaN, no infinity."""

    model_config = ConfigDict(extra="forbid", allow_inf_nan=False)


class Place(Strict):
    """A position: ``x_m`` east and ``y_m`` north in a plane, or ``lon_deg`` and ``lat_deg`` (WGS 84)."""

    id: str = Field(default="", max_length=256)
    x_m: Metres | None = None
    y_m: Metres | None = None
    lon_deg: Longitude | None = None
    lat_deg: Latitude | None = None


class Station(Place):
    """A place where air is measured, and the reading there in the task's unit."""

    value: float = Field(ge=-1e9, le=1e9)


class Grid(Strict):
    """Cells of equal size. Without ``bbox`` the stations' own extent; give ``cell_m``, or ``rows`` and ``cols``."""

    bbox: tuple[float, float, float, float] | None = Field(
        default=None, description="west, south, east, north, in the stations' own coordinates")
    cell_m: float | None = Field(default=None, gt=0, le=1e6, description="side of a square cell")
    rows: int | None = Field(default=None, ge=1, le=MOST_CELLS)
    cols: int | None = Field(default=None, ge=1, le=MOST_CELLS)


class GivenVariogram(Strict):
    """Semivariance: ``nugget`` at once, ``partial_sill`` more by the model; squared units, or squared ln units."""

    model: Literal["exponential", "spherical"]
    nugget: float = Field(ge=0, le=1e12)
    partial_sill: float = Field(ge=0, le=1e12)
    range_m: float = Field(gt=0, le=1e8)


class AirmapInput(Strict):
    """A pollution map from the readings of stations, by ordinary kriging."""

    quantity: str = Field(default="", max_length=64, description="what is measured, for titles: PM10, zinc")
    unit: str = Field(default="", max_length=32, description="unit of the readings, for titles")
    stations: list[Station] = Field(default=[], max_length=MOST_STATIONS)
    entities: list[dict[str, Any]] = Field(
        default=[], max_length=MOST_STATIONS,
        description="FIWARE NGSI-LD AirQualityObserved, normalised or key-values")
    senml: list[dict[str, Any]] = Field(
        default=[], max_length=10 * MOST_STATIONS,
        description="SenML (RFC 8428) records; a base name's lat and lon records are its position")
    property: str = Field(default="", max_length=64, description="entities, senml: what to map, such as pm10")
    grid: Grid | None = None
    targets: list[Place] = Field(default=[], max_length=MOST_POINTS, description="points instead of a grid")
    max_distance_m: float | None = Field(
        default=None, gt=0, le=1e8, description="cells further than this from any station stay empty")
    transform: Literal["none", "log"] = Field(default="none", description="log: krige logarithms (skewed data)")
    variogram: GivenVariogram | None = Field(
        default=None, description='"auto" (or absent): found by leave-one-out on the devices')

    @field_validator("variogram", mode="before")
    @classmethod
    def _auto(cls, given: object) -> object:
        if isinstance(given, str):
            if given != "auto":
                raise ValueError('a variogram is "auto" or an object')
            return None
        return given
