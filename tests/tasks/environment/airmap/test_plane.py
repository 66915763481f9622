"""Positions: degrees to metres and back."""

from __future__ import annotations

import math

import pytest

from lamplighter.tasks.api import TaskError
from lamplighter.tasks.environment.airmap.method.plane import Plane, coordinates, plane_of
from lamplighter.tasks.environment.airmap.model import Place


def _geodesic_m(a: tuple[float, float], b: tuple[float, float]) -> float:
    """Vincenty's (1975) inverse solution on WGS 84."""
    flat, major = 1 / 298.257223563, 6_378_137.0
    minor = major * (1 - flat)
    u1, u2 = (math.atan((1 - flat) * math.tan(math.radians(p[1]))) for p in (a, b))
    apart = lam = math.radians(b[0] - a[0])
    for _ in range(50):
        s = math.hypot(math.cos(u2) * math.sin(lam),
                       math.cos(u1) * math.sin(u2) - math.sin(u1) * math.cos(u2) * math.cos(lam))
        c = math.sin(u1) * math.sin(u2) + math.cos(u1) * math.cos(u2) * math.cos(lam)
        sigma = math.atan2(s, c)
        alpha = math.cos(u1) * math.cos(u2) * math.sin(lam) / s
        squared = 1 - alpha**2
        mid = c - 2 * math.sin(u1) * math.sin(u2) / squared if squared else 0.0
        k = flat / 16 * squared * (4 + flat * (4 - 3 * squared))
        lam = apart + (1 - k) * flat * alpha * (sigma + k * s * (mid + k * c * (2 * mid**2 - 1)))
    u = squared * (major**2 / minor**2 - 1)
    big = 1 + u / 16384 * (4096 + u * (u * (320 - 175 * u) - 768))
    small = u / 1024 * (256 + u * (u * (74 - 47 * u) - 128))
    rest = small * s * (mid + small / 4 * c * (2 * mid**2 - 1))
    return minor * big * (sigma - rest)


@pytest.mark.parametrize("latitude", [-70.0, -33.0, 0.1, 47.4, 52.5, 69.6])
def test_distances_over_a_city_are_right_to_three_thousandths(latitude: float) -> None:
    """A city of 30 km, against Vincenty's solution on the ellipsoid; to 6 in the far north and south."""
    corners = [(10.0, latitude), (10.2, latitude + 0.1), (10.35, latitude - 0.12), (10.1, latitude + 0.12)]
    plane = plane_of(True, corners)
    for a in corners:
        for b in corners:
            if a != b:
                planar = math.dist(plane.to_metres(*a), plane.to_metres(*b))
                assert planar == pytest.approx(_geodesic_m(a, b), rel=6e-3 if abs(latitude) > 60 else 3e-3)


def test_back_is_where_it_came_from() -> None:
    """To a tenth of a millimetre."""
    plane = Plane(True, 7.1, 50.7)
    lon, lat = plane.to_given(*plane.to_metres(7.2345678, 50.6543219))
    assert (lon, lat) == pytest.approx((7.2345678, 50.6543219), abs=1e-9)
    assert Plane(False).to_given(*Plane(False).to_metres(1.5, -2.5)) == (1.5, -2.5)


def test_too_wide_for_a_plane_is_refused() -> None:
    """Hamburg and Munich do not make a city."""
    with pytest.raises(TaskError) as caught:
        plane_of(True, [(10.0, 53.5), (11.6, 48.1)])
    assert caught.value.code == "too_wide"


@pytest.mark.parametrize("place", [
    Place(), Place(x_m=1), Place(x_m=1, lat_deg=2), Place(x_m=1, y_m=2, lon_deg=3, lat_deg=4)])
def test_half_and_double_positions_are_refused(place: Place) -> None:
    """A position is one pair."""
    with pytest.raises(TaskError) as caught:
        coordinates(place, "/stations/3")
    assert (caught.value.code, caught.value.path) == ("bad_position", "/stations/3")
