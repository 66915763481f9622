"""What paho runs on: an asyncio connection that it takes for a socket which never blocks.

paho keeps the protocol (MQTT 3.1.1, OASIS 2014). Whole segments are read for it, and what it writes within one turn
of the loop leaves in one send: three system calls less for each packet read, one less for each written. Looking up
the name, connecting and the TLS handshake are asyncio's, so nothing blocks. asyncio sets TCP_NODELAY.
"""

import asyncio
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

    def read_packet(self) -> None:
        """One packet, or the part of it that is there; ``loop_read`` would take as many as messages are in flight."""
        rc = self._packet_read()
        if rc not in (MQTTErrorCode.MQTT_ERR_SUCCESS, MQTTErrorCode.MQTT_ERR_AGAIN):
            self._loop_rc_handle(rc)

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
