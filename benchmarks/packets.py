"""MQTT packets out of a stream that comes in any pieces, for simulated devices that share one event loop."""

from __future__ import annotations

from lamplighter.firmware.wire import WireError

PEEK = 160
"""Bytes kept of a packet too long to take: enough for its topic and packet id."""


class Parser:
    """Bytes in, packets out. A packet over ``limit`` is passed over without being stored."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._buf = b""
        self._skip = 0

    def feed(self, data: bytes) -> list[tuple[int, bytes, bool]]:
        """Packets completed by ``data``, each (first byte, body, True), or for one too long (.., its start, False).

        Raises WireError.
        """
        buf = self._buf + data if self._buf else data
        packets = []
        at = 0
        while True:
            if self._skip:
                n = min(self._skip, len(buf) - at)
                at += n
                self._skip -= n
            size, body = self._size(buf, at)
            if body < 0:
                break
            whole = size <= self._limit
            end = body + (size if whole else PEEK)
            if end > len(buf):
                break
            packets.append((buf[at], buf[body:end], whole))
            self._skip = 0 if whole else size - PEEK
            at = end
        self._buf = buf[at:]
        return packets

    def _size(self, buf: bytes, at: int) -> tuple[int, int]:
        """(length of the body, where it starts); (0, -1) while the head is incomplete."""
        size = 0
        for i in range(4):
            if at + 1 + i >= len(buf):
                return 0, -1
            byte = buf[at + 1 + i]
            size |= (byte & 127) << 7 * i
            if byte < 128:
                return size, at + 2 + i
        raise WireError("length")
