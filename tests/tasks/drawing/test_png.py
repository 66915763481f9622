"""Small pictures as PNG."""

from __future__ import annotations

import struct
import zlib

from lamplighter.tasks.drawing.png import indexed


def test_chunks_hold_size_colours_and_pixels() -> None:
    """Each with its length and checksum; nothing is drawn where a pixel is 0."""
    made = indexed([bytes((0, 1, 2)), bytes((2, 1, 0))], [(255, 0, 0), (0, 0, 255)])
    assert made[:8] == b"\x89PNG\r\n\x1a\n"
    chunks, at = {}, 8
    while at < len(made):
        size, name = struct.unpack_from(">I4s", made, at)
        body = made[at + 8:at + 8 + size]
        assert struct.unpack_from(">I", made, at + 8 + size)[0] == zlib.crc32(name + body)
        chunks[name], at = body, at + 12 + size
    assert struct.unpack(">II5B", chunks[b"IHDR"]) == (3, 2, 8, 3, 0, 0, 0)
    assert chunks[b"PLTE"] == b"\0\0\0\xff\0\0\0\0\xff" and chunks[b"tRNS"] == b"\0"
    assert zlib.decompress(chunks[b"IDAT"]) == bytes((0, 0, 1, 2, 0, 2, 1, 0)) and chunks[b"IEND"] == b""
