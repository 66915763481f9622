"""What paho runs on: an asyncio connection that it takes for a socket which never blocks.

paho keeps the protocol (MQTT 3.1.1, OASIS 2014). Whole segments are read for it, and what it writes within one turn
of the loop leaves in one send: three system calls less for each packet read, one less for each written. Looking up
the name, connecting and the TLS handshake are asyncio's, so nothing blocks. asyncio sets TCP_NODELAY.
"""

import asyncio
import time
from collections.abc import Callable
from typing import Any

from paho.mqtt.client import Client
from paho.mqtt.enums import MQTTErrorCode


class Wire(asyncio.Protocol):
    """A connection that paho takes for a non-blocking socket. ``on_data`` is called for bytes and for the end."""

    def __init__(self, on_data: Callable[[], None], on_room: Callable[[], None]) -> None:
        self.on_data, self.on_room = on_data, on_room
        self.transport: asyncio.Transport | None = None
        self.read, self.at, self.closed, self.full = b"", 0, False, False
        self.unsent: list[bytes | bytearray] = []

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        self.read, self.at = self.read[self.at:] + data, 0
        self.on_data()

    def connection_lost(self, _exc: Exception | None) -> None:
        self.closed = True
        self.on_data()

    def pause_writing(self) -> None:
        self.full = True

    def resume_writing(self) -> None:
        self.full = False
        self.on_room()

    def hold(self, held: bool) -> None:
        """Stops or goes on reading from the network."""
        if self.transport is not None and not self.closed and not self.transport.is_closing():
            (self.transport.pause_reading if held else self.transport.resume_reading)()

    @property
    def waiting(self) -> bool:
        """Whether ``recv`` would have something to say."""
        return self.at < len(self.read) or self.closed

    def take(self) -> tuple[int, bytes] | None:
        """Head and body of the next packet if all of it is there."""
        size = shift = 0
        for at in range(self.at + 1, min(self.at + 5, len(self.read))):
            size |= (self.read[at] & 127) << shift
            shift += 7
            if self.read[at] < 128:
                if at + 1 + size > len(self.read):
                    return None
                head, self.at = self.read[self.at], at + 1 + size
                return head, self.read[at + 1:self.at]
        return None

    def flush(self) -> None:
        """Sends what was written since the last flush, in one piece."""
        if self.unsent and self.transport is not None and not self.transport.is_closing():
            self.transport.write(b"".join(self.unsent))
        self.unsent.clear()

    # The socket that paho sees.

    def recv(self, size: int) -> bytes:
        at = self.at
        chunk = self.read[at:at + size]
        if not chunk and not self.closed:
            raise BlockingIOError
        self.at = at + len(chunk)
        return chunk

    def send(self, data: bytes | bytearray) -> int:
        if self.full:
            raise BlockingIOError
        self.unsent.append(data)
        return len(data)

    def close(self) -> None:
        self.flush()
        if self.transport is not None:
            self.transport.close()

    def setblocking(self, _flag: bool) -> None:
        """It never blocks."""

    def fileno(self) -> int:
        return -1


class Paho(Client):
    """paho on a connection that is already made."""

    wire: Wire | None = None

    def _create_socket(self) -> Any:
        assert self.wire is not None
        return self.wire

    on_publication: Callable[[bytes, bytes, int, bool, int], None]
    """Called with topic, payload, QoS, retain flag and packet id of each message, in place of ``on_message``."""

    def read_packet(self) -> None:
        """One packet, or the part of it that is there; ``loop_read`` would take as many as messages are in flight.

        A packet that is there as a whole is handed over as it is: paho reads byte by byte, for the most part of its
        time.
        """
        assert self.wire is not None
        whole = None if self._in_packet["command"] else self.wire.take()
        if whole is None:
            rc = self._packet_read()
        else:
            packet = self._in_packet
            packet["command"], packet["packet"] = whole[0], bytearray(whole[1])
            packet["remaining_length"] = len(whole[1])
            rc = self._packet_handle()
            packet["command"], packet["packet"], packet["remaining_length"] = 0, bytearray(), 0
            self._last_bytes_received = time.monotonic()
        if rc not in (MQTTErrorCode.MQTT_ERR_SUCCESS, MQTTErrorCode.MQTT_ERR_AGAIN):
            self._loop_rc_handle(rc)

    def _handle_publish(self) -> MQTTErrorCode:
        """A message of QoS 0 or 1 (MQTT 3.1.1, section 3.3), without paho's object with its lock and log line."""
        head, packet = self._in_packet["command"], bytes(self._in_packet["packet"])
        qos = head >> 1 & 3
        end = 2 + int.from_bytes(packet[:2], "big")
        start = end + 2 if qos else end
        if qos > 1 or len(packet) < max(start, 2):
            return MQTTErrorCode.MQTT_ERR_PROTOCOL
        mid = int.from_bytes(packet[end:start], "big")
        self.on_publication(packet[2:end], packet[start:], qos, bool(head & 1), mid)
        return MQTTErrorCode.MQTT_ERR_SUCCESS

    def _handle_pubackcomp(self, _cmd: str) -> MQTTErrorCode:
        """PUBACK of MQTT 3.1.1; paho builds version 5's reason and properties for each, half of its reading time."""
        packet = self._in_packet["packet"]
        if len(packet) != 2:
            return MQTTErrorCode.MQTT_ERR_PROTOCOL
        if self._out_messages.pop(packet[0] << 8 | packet[1], None) is not None:
            self._inflight_messages -= 1
        return MQTTErrorCode.MQTT_ERR_SUCCESS

    def fail(self) -> None:
        """Ends the connection as lost."""
        self._loop_rc_handle(MQTTErrorCode.MQTT_ERR_CONN_LOST)
