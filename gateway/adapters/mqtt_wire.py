"""What paho runs on: an asyncio connection that it takes for a socket which never blocks.

paho keeps the protocol (MQTT 3.1.1, OASIS 2014). Whole segments are read for it, and what it writes within one turn
of the loop leaves in one send: three system calls less for each packet read, one less for each written. Looking up
the name, connecting and the TLS handshake are asyncio's, so nothing blocks. asyncio sets TCP_NODELAY.

The two packets that come by the thousand, PUBLISH and PUBACK, are read here: paho would fetch them byte by byte and
make an object with a lock of the one, version 5's reason and properties for the other.
"""

import asyncio
from collections.abc import Callable
from typing import Any

from paho.mqtt.client import Client

PUBLISH, PUBACK = 0x30, 0x40


class Wire(asyncio.Protocol):
    """A connection that paho takes for a non-blocking socket. ``on_data`` is called for packets and for the end."""

    def __init__(self, on_data: Callable[[], None], on_room: Callable[[], None]) -> None:
        self.on_data, self.on_room = on_data, on_room
        self.transport: asyncio.Transport | None = None
        self.closed, self.full, self.broken = False, False, False
        self.heard = self.told = False
        self.read, self.at, self.body, self.end = b"", 0, 0, 0  # the packet at ``at`` is whole where it has an end
        self.more: list[bytes] = []
        self.missing, self.shown = 0, b""
        self.unsent: list[bytes | bytearray] = []

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        if self.broken:
            return
        self.heard = True
        self.more.append(data)
        self.missing -= len(data)
        if self.missing <= 0:
            self.read, self.at = b"".join((self.read[self.at:], *self.more)), 0
            self.more.clear()
            self._measure()
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

    def quiet(self) -> bool:
        """Whether since the last call nothing came or nothing left: a connection that is busy needs no pings, and
        their answers may stand behind more than a keep-alive's worth of messages."""
        busy = self.heard and self.told
        self.heard = self.told = False
        return not busy

    @property
    def waiting(self) -> bool:
        """Whether there is a whole packet to take, or the end."""
        return self.end > 0 or self.closed

    def _measure(self) -> None:
        """Finds the end of the packet at ``at``, or how much of it is missing. No length has more than four bytes."""
        read, size, self.end, self.missing = self.read, 0, 0, 1
        for at in range(self.at + 1, min(self.at + 5, len(read))):
            size |= (read[at] & 127) << 7 * (at - self.at - 1)
            if read[at] < 128:
                self.body = at + 1
                self.missing = max(0, self.body + size - len(read))
                self.end = 0 if self.missing else self.body + size
                return
        if len(read) - self.at > 4:
            self.break_off()

    @property
    def head(self) -> int:
        """First byte of the packet that is waiting."""
        return self.read[self.at]

    def take(self) -> bytes:
        """Its body; the next packet's turn."""
        body, self.at = self.read[self.body:self.end], self.end
        self._measure()
        return body

    def topic(self) -> bytes:
        """Of the message that is waiting; what it is worth where it is cut short is for ``publication`` to say."""
        start = self.body + 2
        return self.read[start:start + int.from_bytes(self.read[self.body:start], "big")]

    def pass_over(self) -> None:
        """The next packet's turn."""
        self.at = self.end
        self._measure()

    def show(self) -> None:
        """Lets paho read it, as a whole and nothing after it; the next packet's turn."""
        self.shown, self.at = self.read[self.at:self.end], self.end
        self._measure()

    def break_off(self) -> None:
        """From here on it is to paho as if the network had failed: nothing leaves any more."""
        self.broken = self.closed = True
        self.read, self.at, self.end, self.shown = b"", 0, 0, b""
        self.unsent.clear()

    def flush(self) -> None:
        """Sends what was written since the last flush, in one piece, as soon as there is room for it."""
        if self.full:
            return
        if self.unsent and self.transport is not None and not self.transport.is_closing():
            self.told = True
            self.transport.write(b"".join(self.unsent))
        self.unsent.clear()

    # The socket that paho sees.

    def recv(self, size: int) -> bytes:
        chunk, self.shown = self.shown[:size], self.shown[size:]
        if not chunk and (self.end or not self.closed):
            raise BlockingIOError
        return chunk

    def send(self, data: bytes | bytearray) -> int:
        if self.broken:
            raise ConnectionError
        if self.full:
            raise BlockingIOError
        self.unsent.append(data)
        return len(data)

    def close(self) -> None:
        self.full = False
        self.flush()
        if self.transport is not None:
            self.transport.close()

    def setblocking(self, _flag: bool) -> None:
        """It never blocks."""

    def fileno(self) -> int:
        return -1


class Paho(Client):
    """paho on a connection that is already made, with a faster way for what comes most often.

    ``on_publication`` is called with topic, payload, QoS, retain flag and packet id of each message, in place of
    ``on_message``. Before anything of it is copied ``lets_go`` is asked, with topic and size, whether it is to be
    confirmed unread.
    """

    wire: Wire | None = None
    on_publication: Callable[[bytes, bytes, int, bool, int], None]
    on_unread: Callable[[int], None]
    lets_go: Callable[[bytes, int], bool]

    def _create_socket(self) -> Any:
        assert self.wire is not None
        return self.wire

    @property
    def unconfirmed(self) -> int:
        """QoS 1 messages that the broker has not confirmed yet."""
        return len(self._out_messages)

    def read_packet(self) -> None:
        """Deals with the packet that is waiting, or with the end."""
        assert self.wire is not None
        wire = self.wire
        kind = wire.head & 0xF0 if wire.end else 0
        if kind == PUBLISH:
            topic = wire.topic()
            if self.lets_go(topic, wire.end - wire.body):
                sound = self.unread(wire, len(topic))
            else:
                sound = self.publication(wire.head, wire.take())
        elif kind == PUBACK:
            sound = self.confirmation(wire.take())
        else:
            if wire.end:
                wire.show()
            self.loop_read()
            sound = True
        if not sound:
            self.fail()

    def publication(self, head: int, packet: bytes) -> bool:
        """A message of QoS 0 or 1 (MQTT 3.1.1, section 3.3). False if it is none."""
        qos = head >> 1 & 3
        end = 2 + int.from_bytes(packet[:2], "big")
        start = end + 2 if qos else end
        if qos > 1 or len(packet) < max(start, 2):
            return False
        mid = int.from_bytes(packet[end:start], "big")
        self.on_publication(packet[2:end], packet[start:], qos, bool(head & 1), mid)
        return True

    def unread(self, wire: Wire, topic: int) -> bool:
        """Passes over a message; ``on_unread`` is called with the packet id of one that is to be confirmed."""
        qos, start, end = wire.head >> 1 & 3, wire.body + 2 + topic, wire.end
        mid = int.from_bytes(wire.read[start:start + 2], "big")
        wire.pass_over()
        if qos == 1 and start + 2 <= end:
            self.on_unread(mid)
        return qos == 0 or (qos == 1 and start + 2 <= end)

    def confirmation(self, packet: bytes) -> bool:
        """The broker has a message of QoS 1 (section 3.4). False if it does not say which."""
        if len(packet) != 2:
            return False
        self._out_messages.pop(packet[0] << 8 | packet[1], None)
        return True

    def acknowledge(self, mid: int) -> bool:
        """Tells the broker that its message of QoS 1 may be forgotten (section 3.4): with the next flush, which is
        wanted if it is True."""
        assert self.wire is not None
        first = not self.wire.unsent
        self.wire.unsent.append(bytes((PUBACK, 2, mid >> 8, mid & 255)))
        return first

    def post(self, topic: bytes, payload: bytes) -> bool:
        """Sends a message of QoS 0 (section 3.3), as ``acknowledge`` does; paho takes ten times as long for it."""
        assert self.wire is not None
        first, size, head = not self.wire.unsent, 2 + len(topic) + len(payload), bytearray((PUBLISH,))
        while size > 127:
            head.append(size & 127 | 128)
            size >>= 7
        head.append(size)
        self.wire.unsent.append(b"".join((head, len(topic).to_bytes(2, "big"), topic, payload)))
        return first

    def fail(self) -> None:
        """Ends the connection as lost. No good-bye leaves, so that the will is published."""
        if self.wire is not None:
            self.wire.break_off()
        self.disconnect()
        self.loop_write()
