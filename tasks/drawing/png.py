"""Small pictures as PNG (RFC 2083)."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Sequence

Colour = tuple[int, int, int]


def indexed(lines: Sequence[bytes], colours: Sequence[Colour]) -> bytes:
    """A byte a pixel: 0 is nothing, others count along ``colours`` from 1."""
    header = struct.pack(">IIBBBBB", len(lines[0]), len(lines), 8, 3, 0, 0, 0)
    palette = bytes((0, 0, 0, *(part for colour in colours for part in colour)))
    pixels = b"".join(b"\0" + line for line in lines)
    chunks = ((b"IHDR", header), (b"PLTE", palette), (b"tRNS", b"\0"),
              (b"IDAT", zlib.compress(pixels, 9)), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(struct.pack(">I", len(body)) + name + body
                                           + struct.pack(">I", zlib.crc32(name + body)) for name, body in chunks)
