"""Positions in a plane, in metres, whatever they were given in."""

from __future__ import annotations

import math
from dataclasses import dataclass

from lamplighter.tasks.api import TaskError
from lamplighter.tasks.environment.airmap.method.near import Point
from lamplighter.tasks.environment.airmap.model import Place

SEMI_MAJOR_M = 6_378_137.0
ECCENTRICITY_SQUARED = 0.00669437999014
WIDEST_M = 300_000.0


@dataclass(frozen=True, slots=True)
class Plane:
    """Either the input's own plane, or a local one around a point of WGS 84.

    The local plane takes a degree's length from the ellipsoid's two radii of curvature at its middle
    (Snyder 1987, p. 24 f.): over a city of 30 km distances are right to 0.3 %, to 0.6 % at 70 degrees of
    latitude. Wider than 300 km is refused.
    """

    geographic: bool
    lon_deg: float = 0.0
    lat_deg: float = 0.0

    def to_metres(self, first: float, second: float) -> Point:
        """(lon, lat) or (x, y) as given -> (x, y) in metres."""
        if not self.geographic:
            return first, second
        east, north = self._metres_per_degree()
        return (first - self.lon_deg) * east, (second - self.lat_deg) * north

    def to_given(self, x_m: float, y_m: float) -> Point:
        """(x, y) in metres -> (lon, lat) or (x, y) as given."""
        if not self.geographic:
            return x_m, y_m
        east, north = self._metres_per_degree()
        return x_m / east + self.lon_deg, y_m / north + self.lat_deg

    def _metres_per_degree(self) -> tuple[float, float]:
        latitude = math.radians(self.lat_deg)
        root = math.sqrt(1 - ECCENTRICITY_SQUARED * math.sin(latitude) ** 2)
        east = SEMI_MAJOR_M / root * math.cos(latitude)
        north = SEMI_MAJOR_M * (1 - ECCENTRICITY_SQUARED) / root**3
        return math.radians(east), math.radians(north)


def coordinates(place: Place, path: str) -> tuple[bool, Point]:
    """(is it geographic, its two numbers). Raises TaskError unless exactly one pair is given."""
    plain, geographic = (place.x_m, place.y_m), (place.lon_deg, place.lat_deg)
    if None not in geographic and plain == (None, None):
        return True, (float(place.lon_deg or 0), float(place.lat_deg or 0))
    if None not in plain and geographic == (None, None):
        return False, (float(place.x_m or 0), float(place.y_m or 0))
    raise TaskError("bad_position", "a position is x_m and y_m, or lon_deg and lat_deg",
                    "give exactly one of the two pairs", path)


def plane_of(geographic: bool, points: list[Point]) -> Plane:
    """The plane in which ``points`` are mapped. Raises TaskError where a local plane would not do."""
    if not geographic:
        return Plane(False)
    west, east = min(x for x, _ in points), max(x for x, _ in points)
    south, north = min(y for _, y in points), max(y for _, y in points)
    plane = Plane(True, (west + east) / 2, (south + north) / 2)
    if math.dist(plane.to_metres(west, south), plane.to_metres(east, north)) > WIDEST_M:
        raise TaskError("too_wide", f"the stations spread over more than {WIDEST_M / 1000:.0f} km",
                        "give x_m and y_m in a projection made for the region", "/stations")
    return plane
