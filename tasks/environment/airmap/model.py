"""The input of an air map, as an operator writes it."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from lamplighter.tasks.readers.allow import ACCEPT, Finding
from lamplighter.tasks.readers.listed import Listed, Pack

MOST_STATIONS = 5_000
MOST_CELLS = 1_000_000
MOST_POINTS = 3_000

Metres = Annotated[float, Field(ge=-1e8, le=1e8)]
Longitude = Annotated[float, Field(ge=-180, le=180)]
Latitude = Annotated[float, Field(ge=-85, le=85)]


class Strict(BaseModel):
    """No unknown keys, no NaN, no infinity."""

    model_config = ConfigDict(extra="forbid", allow_inf_nan=False)


class Place(Strict):
    """A position: ``x_m`` and ``y_m`` in a plane, or ``lon_deg`` and ``lat_deg`` on WGS 84."""

    id: str = Field(default="", max_length=256, description="name, shown in maps and tables")
    x_m: Metres | None = Field(default=None, description="metres east in any plane; with y_m")
    y_m: Metres | None = Field(default=None, description="metres north in the same plane")
    lon_deg: Longitude | None = Field(default=None, description="longitude in degrees, WGS 84; with lat_deg")
    lat_deg: Latitude | None = Field(default=None, description="latitude in degrees, WGS 84")


class Station(Place):
    """A place where air is measured, and the reading there."""

    value: float = Field(ge=-1e9, le=1e9, description="the reading, in the task's unit")


class Grid(Strict):
    """Cells of equal size, a million at most. Without ``bbox`` the stations' own extent; give ``cell_m``, or ``rows``
    and ``cols``."""

    bbox: tuple[float, float, float, float] | None = Field(
        default=None, description="west, south, east, north, in the stations' own coordinates (metres or degrees)")
    cell_m: float | None = Field(default=None, gt=0, le=1e6, description="side of a square cell, metres")
    rows: int | None = Field(default=None, ge=1, le=MOST_CELLS, description="cells from north to south; with cols")
    cols: int | None = Field(default=None, ge=1, le=MOST_CELLS, description="cells from west to east; with rows")


class GivenVariogram(Strict):
    """Semivariance: ``nugget`` at once, ``partial_sill`` more by the model; squared units, or squared ln units."""

    model: Literal["exponential", "spherical"] = Field(description="how it rises with distance")
    nugget: float = Field(ge=0, le=1e12, description="semivariance next to a station, squared units")
    partial_sill: float = Field(ge=0, le=1e12, description="what distance adds to it in the end, squared units")
    range_m: float = Field(gt=0, le=1e8, description="spherical: distance of the end; exponential: a third of it")
    angle_deg: float = Field(
        default=0, ge=0, lt=180, description="direction of the longest range, clockwise from north, degrees")
    ratio: float = Field(default=1, ge=0.1, le=1, description="range across that direction as a share of range_m")


def _auto(given: object) -> object:
    if isinstance(given, str):
        if given != "auto":
            raise ValueError('the only word is "auto"; give that, or model, nugget, partial_sill and range_m')
        return None
    return given


AskedVariogram = Annotated[GivenVariogram | None, BeforeValidator(_auto)]
"""As given, or None for ``auto``."""


class AirmapInput(Strict):
    """A pollution map from the readings of stations, by ordinary kriging."""

    quantity: str = Field(default="", max_length=64, description="what is measured, for titles: PM10, zinc")
    unit: str = Field(default="", max_length=32, description="unit of the readings, for titles")
    stations: list[Station] = Field(default=[], max_length=MOST_STATIONS, description="readings with positions")
    entities: Listed = Field(
        default=[], max_length=10 * MOST_STATIONS,
        description="FIWARE NGSI-LD AirQualityObserved, normalised, key-values or GeoJSON; of one id the latest "
                    "counts")
    senml: Pack = Field(
        default=[], max_length=10 * MOST_STATIONS,
        description="SenML (RFC 8428) records, or a CBOR pack in base64; "
                    "a base name's records in the units lat and lon are its position")
    property: str = Field(default="", max_length=64, description="entities, senml: what to map, such as pm10")
    grid: Grid | None = Field(default=None, description="cells to map; 48 along the longer side if absent")
    targets: list[Place] = Field(default=[], max_length=MOST_POINTS, description="points instead of a grid")
    max_distance_m: float | None = Field(
        default=None, gt=0, le=1e8, description="cells further than this from any station stay empty, metres")
    transform: Literal["none", "log"] = Field(default="none", description="log: krige logarithms (skewed data)")
    variogram: AskedVariogram = Field(
        default=None, description='"auto" (or absent): the likely one, found on the devices')
    accept: list[Finding] = Field(default=[], max_length=20, description=ACCEPT)
