"""The GeoTIFF, read back by its tags."""

from __future__ import annotations

import math
import struct
import zlib
from typing import Any

import pytest

from lamplighter.tasks.drawing.geotiff import geotiff

GRID = {"west": 7.0, "south": 50.0, "east": 7.6, "north": 50.4, "rows": 2, "cols": 3}
SIZES = {2: ("s", 1), 3: ("H", 2), 4: ("I", 4), 12: ("d", 8)}


def _tags(made: bytes) -> dict[int, tuple[Any, ...]]:
    assert made[:4] == b"II*\0"
    (at,) = struct.unpack_from("<I", made, 4)
    (count,) = struct.unpack_from("<H", made, at)
    tags: dict[int, tuple[Any, ...]] = {}
    for entry in range(count):
        tag, kind, number = struct.unpack_from("<HHI", made, at + 2 + 12 * entry)
        letter, size = SIZES[kind]
        start = at + 10 + 12 * entry
        if number * size > 4:
            (start,) = struct.unpack_from("<I", made, start)
        tags[tag] = struct.unpack_from(f"<{number}{letter}", made, start)
    assert list(tags) == sorted(tags)
    return tags


@pytest.mark.parametrize("geographic", [True, False])
def test_both_bands_and_the_place_come_back(geographic: bool) -> None:
    """Little-endian floats in strips, north-west corner and cell size, EPSG:4326 only for degrees."""
    bands = [[1.5, 2.5, math.nan, 4.0, 5.0, 6.0], [0.1, 0.2, math.nan, 0.4, 0.5, 0.6]]
    made = geotiff(GRID, bands, geographic)
    tags = _tags(made)
    assert (tags[256], tags[257], tags[277]) == ((3,), (2,), (2,))
    for band, start, length in zip(bands, tags[273], tags[279], strict=True):
        found = struct.unpack("<6f", zlib.decompress(made[start:start + length]))
        assert found == pytest.approx(band, nan_ok=True, rel=1e-6)
    assert tags[33550] == pytest.approx((0.2, 0.2, 0.0))
    assert tags[33922] == (0, 0, 0, 7.0, 50.4, 0)
    assert (4326 in tags[34735]) == geographic
    assert tags[34735][3] == (len(tags[34735]) - 4) // 4
