"""A map as a GeoTIFF: two bands of 32-bit floats, value and standard error, NaN where there is none."""

from __future__ import annotations

import struct
import zlib
from array import array
from collections.abc import Mapping, Sequence
from typing import Any

SHORT, LONG, DOUBLE, ASCII = 3, 4, 12, 2
LETTERS = {SHORT: "H", LONG: "I", DOUBLE: "d", ASCII: "s"}
BANDS = ('<GDALMetadata><Item name="DESCRIPTION" sample="0" role="description">value</Item>'
         '<Item name="DESCRIPTION" sample="1" role="description">standard error</Item></GDALMetadata>')


def geotiff(grid: Mapping[str, Any], bands: Sequence[Sequence[float]], geographic: bool) -> bytes:
    """TIFF 6.0 with Deflate, one strip a band, and the tags of OGC GeoTIFF 1.1: WGS 84, or a plane without a name."""
    rows, cols = grid["rows"], grid["cols"]
    strips = [zlib.compress(_little(band)) for band in bands]
    wide, high = (grid["east"] - grid["west"]) / cols, (grid["north"] - grid["south"]) / rows
    # GTModelType geographic or user-defined, GTRasterType area, GeographicType EPSG:4326
    keys = [(1024, 2), (1025, 1), (2048, 4326)] if geographic else [(1024, 32767), (1025, 1)]
    starts = [8, 8 + len(strips[0])]
    tags: dict[int, tuple[int, Sequence[Any]]] = {
        256: (LONG, [cols]), 257: (LONG, [rows]), 258: (SHORT, [32, 32]), 259: (SHORT, [8]), 262: (SHORT, [1]),
        273: (LONG, starts), 277: (SHORT, [2]), 278: (LONG, [rows]), 279: (LONG, [len(one) for one in strips]),
        284: (SHORT, [2]), 338: (SHORT, [0]), 339: (SHORT, [3, 3]), 33550: (DOUBLE, [wide, high, 0.0]),
        33922: (DOUBLE, [0.0, 0.0, 0.0, grid["west"], grid["north"], 0.0]),
        34735: (SHORT, [1, 1, 1, len(keys), *(part for key, value in keys for part in (key, 0, 1, value))]),
        42112: (ASCII, [BANDS.encode() + b"\0"]), 42113: (ASCII, [b"nan\0"]),
    }
    body = b"".join(strips)
    body += b"\0" * (len(body) % 2)
    at = 8 + len(body)
    return b"II*\0" + struct.pack("<I", at) + body + _directory(tags, at)


def _directory(tags: Mapping[int, tuple[int, Sequence[Any]]], at: int) -> bytes:
    """The image file directory, at offset ``at``, and behind it what does not fit into four bytes."""
    entries, beyond = struct.pack("<H", len(tags)), b""
    start = at + 2 + 12 * len(tags) + 4
    for tag, (kind, values) in sorted(tags.items()):
        count = len(values[0]) if kind == ASCII else len(values)
        packed = values[0] if kind == ASCII else struct.pack(f"<{count}{LETTERS[kind]}", *values)
        if len(packed) > 4:
            where = struct.pack("<I", start + len(beyond))
            beyond += packed + b"\0" * (len(packed) % 2)
        else:
            where = packed.ljust(4, b"\0")
        entries += struct.pack("<HHI", tag, kind, count) + where
    return entries + struct.pack("<I", 0) + beyond


def _little(band: Sequence[float]) -> bytes:
    numbers = array("f", band)
    if struct.pack("=H", 1) != struct.pack("<H", 1):
        numbers.byteswap()
    return numbers.tobytes()
