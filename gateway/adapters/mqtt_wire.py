"""What paho runs on: an asyncio connection that it takes for a socket which never blocks.

paho keeps the protocol (MQTT 3.1.1, OASIS 2014, and 5.0, OASIS 2019). Whole segments are read for it, and what it
writes within one turn of the loop leaves in one send: three system calls less for each packet read, one less for each
written. Looking up the name, connecting and the TLS handshake are asyncio's, so nothing blocks. asyncio sets
TCP_NODELAY.

The two packets that come by the thousand, PUBLISH and PUBACK, are read here: paho would fetch them byte by byte and
make an object with a lock of the one, version 5's reason and properties for the other.
"""

import asyncio
from collections import deque
from collections.abc import Callable
from typing import Any

from paho.mqtt.client import Client
from paho.mqtt.enums import CallbackAPIVersion, MQTTErrorCode, MQTTProtocolVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from paho.mqtt.subscribeoptions import SubscribeOptions

PUBLISH, PUBACK = 0x30, 0x40
CONFIRMED = bytes((PUBACK, 2))
READ_BYTES = 1 << 16
"""Read at a time, into memory that is used again: new memory for each read costs as much as the reading."""
LONG_BYTES = 1 << 12
"""Of a message that is let go and of which more than that is yet to come, nothing more is kept."""


class Wire(asyncio.BufferedProtocol):
    """A connection that paho takes for a non-blocking socket. ``on_data`` is called for packets and for the end.

    ``lets_go(topic, size)`` is asked of each message, before anything of it is copied, whether it is to be confirmed
    unread; ``on_unread(mid)`` is called for one of QoS 1 that was.
    """

    def __init__(self, on_data: Callable[[], None], on_room: Callable[[], None],
                 lets_go: Callable[[bytes, int], bool], on_unread: Callable[[int], None]) -> None:
        self.on_data, self.on_room, self.lets_go, self.on_unread = on_data, on_room, lets_go, on_unread
        self.buffer = memoryview(bytearray(READ_BYTES))
        self.passing, self.passed = 0, 0  # bytes to come of a long message that was let go, and its packet id or 0
        self.let_go: dict[bytes, list[int]] = {}  # in this turn, by topic: more messages, and their bytes
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

    def get_buffer(self, _sizehint: int) -> memoryview:
        return self.buffer

    def buffer_updated(self, size: int) -> None:
        start = min(size, self.passing)
        self.heard = True
        self.passing -= start
        if start and not self.passing and self.passed:
            self.on_unread(self.passed)
        if size > start and not self.broken:
            self.arrived(bytes(self.buffer[start:size]))

    def arrived(self, data: bytes) -> None:
        """Of what comes after what was passed over."""
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
                if self.missing > LONG_BYTES:
                    self._let_go(size)
                return
        if len(read) - self.at > 4:
            self.break_off()

    def _let_go(self, size: int) -> None:
        """Passes over the message that has begun, if nobody is to read it and that can be told already."""
        qos, start = self.head >> 1 & 3, self.body + 2 + len(self.topic())
        if (self.head & 0xF0 == PUBLISH and qos < 2 and start + 2 <= len(self.read)
                and self.lets_go(self.topic(), size)):
            self.passed = int.from_bytes(self.read[start:start + 2], "big") if qos else 0
            self.passing, self.missing = self.missing, 0
            self.read, self.at = b"", 0

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

    def skim(self) -> bool:
        """Passes over the messages in front of topics of which one was let go in this turn, and confirms them
        unread; whether there was any. Each is a tenth of the work that asking for it would be."""
        read, began = self.read, self.at
        while self.end - self.body > 4:
            start = self.body + 2 + (read[self.body] << 8 | read[self.body + 1])
            more = self.let_go.get(read[self.body + 2:start])
            if more is None or read[self.at] & 0xF4 != PUBLISH or start + (read[self.at] & 2) > self.end:
                break   # of QoS 1 there is a packet id of two bytes
            if read[self.at] & 2:
                self.unsent.append(CONFIRMED + read[start:start + 2])
            more[0] += 1
            more[1] += self.end - self.body
            self.pass_over()
        return self.at != began

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

    ``on_publication`` is called with topic, payload, QoS, retain flag, packet id and properties of each message, in
    place of ``on_message``. ``five``: it speaks MQTT 5, else 3.1.1, which has no properties.
    """

    wire: Wire | None = None
    on_publication: Callable[[bytes, bytes, int, bool, int, bytes], None]

    def __init__(self, client_id: str, persistent: bool, five: bool) -> None:
        super().__init__(CallbackAPIVersion.VERSION2, client_id, clean_session=None if five else not persistent,
                         protocol=MQTTProtocolVersion.MQTTv5 if five else MQTTProtocolVersion.MQTTv311,
                         reconnect_on_failure=False, manual_ack=True)
        self.five, self._persistent = five, persistent
        self.max_inflight_messages = 0   # else paho walks its whole queue for every PUBACK
        self.window = 0
        """Messages of QoS 1 that the broker takes before it has confirmed one (section 3.2.2.3.3 of version 5)."""
        self._held: deque[tuple[str, bytes, int, bool, Properties | None]] = deque()
        """Those beyond."""

    def begin(self, host: str, port: int, keepalive: int) -> None:
        """Says hello on the wire. A session that is to last does so in both versions."""
        if self.five:
            lasting = _properties(PacketTypes.CONNECT)
            lasting.SessionExpiryInterval = 0xFFFFFFFF if self._persistent else 0
            self.connect_async(host, port, keepalive, clean_start=not self._persistent, properties=lasting)
        else:
            self.connect_async(host, port, keepalive)
        self.reconnect()

    def listen(self, topics: list[tuple[str, int]]) -> None:
        """Subscribes. In version 5 a message comes with the retain flag it was sent with, however late it comes."""
        if self.five:
            self.subscribe([(topic, SubscribeOptions(qos, retainAsPublished=True)) for topic, qos in topics])
        else:
            self.subscribe(topics)

    def _create_socket(self) -> Any:
        assert self.wire is not None
        return self.wire

    @property
    def unconfirmed(self) -> int:
        """QoS 1 messages that the broker has not confirmed yet."""
        return len(self._out_messages) + len(self._held)

    def send(self, topic: str, payload: bytes, qos: int, retain: bool, correlation: bytes) -> bool:
        """Publishes in the order of calls, of QoS 1 no more than the broker takes at once. False if it is lost."""
        properties = None
        if correlation and self.five:
            properties = _properties(PacketTypes.PUBLISH)
            properties.CorrelationData = correlation
        if qos and (self._held or len(self._out_messages) >= self.window):
            self._held.append((topic, payload, qos, retain, properties))
            return True
        rc = self.publish(topic, payload, qos, retain, properties).rc
        return rc == MQTTErrorCode.MQTT_ERR_SUCCESS or (rc == MQTTErrorCode.MQTT_ERR_NO_CONN and qos > 0)

    def wait_with(self, other: "Paho") -> None:
        """Takes over what waits in one that never was connected."""
        self._held.extend(other._held)

    def release(self) -> None:
        """Sends of what waits as much as the broker takes."""
        while self._held and len(self._out_messages) < self.window:
            self.publish(*self._held.popleft())

    def read_packet(self) -> None:
        """Deals with the packet that is waiting, or with the end."""
        assert self.wire is not None
        wire = self.wire
        kind = wire.head & 0xF0 if wire.end else 0
        if kind == PUBLISH:
            if wire.let_go and wire.skim():
                return
            topic = wire.topic()
            if wire.lets_go(topic, wire.end - wire.body):
                sound = self.unread(wire, topic)
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
        """A message of QoS 0 or 1 (section 3.3). False if it is none."""
        qos = head >> 1 & 3
        end = 2 + int.from_bytes(packet[:2], "big")
        start = end + 2 if qos else end
        if qos > 1 or len(packet) < max(start, 2):
            return False
        mid, properties = int.from_bytes(packet[end:start], "big"), b""
        if self.five:
            if packet[start:start + 1] == b"\0":   # devices send none
                start += 1
            else:
                size, first = _length(packet, start)
                start = first + size
                if not first or start > len(packet):
                    return False
                properties = packet[first:start]
        self.on_publication(packet[2:end], packet[start:], qos, bool(head & 1), mid, properties)
        return True

    def unread(self, wire: Wire, topic: bytes) -> bool:
        """Passes over a message that has come, as others of its topic will be in this turn. False if it is none."""
        qos, start, end = wire.head >> 1 & 3, wire.body + 2 + len(topic), wire.end
        mid = int.from_bytes(wire.read[start:start + 2], "big")
        wire.pass_over()
        if qos == 1 and start + 2 <= end:
            wire.on_unread(mid)
        wire.let_go[topic] = [0, 0]
        return qos == 0 or (qos == 1 and start + 2 <= end)

    def confirmation(self, packet: bytes) -> bool:
        """The broker has a message of QoS 1 (section 3.4). False if it does not say which."""
        if len(packet) != 2 and not (self.five and len(packet) > 2):   # where a reason may follow
            return False
        self._out_messages.pop(packet[0] << 8 | packet[1], None)
        if self._held:
            self.release()
        return True

    def acknowledge(self, mid: int) -> bool:
        """Tells the broker that its message of QoS 1 may be forgotten (section 3.4): with the next flush, which is
        wanted if it is True."""
        assert self.wire is not None
        first = not self.wire.unsent
        self.wire.unsent.append(CONFIRMED + mid.to_bytes(2, "big"))
        return first

    def post(self, topic: bytes, payload: bytes) -> bool:
        """Sends a message of QoS 0 (section 3.3), as ``acknowledge`` does; paho takes ten times as long for it."""
        assert self.wire is not None
        none = b"\0" if self.five else b""
        first, size = not self.wire.unsent, 2 + len(topic) + len(none) + len(payload)
        head = bytearray((PUBLISH,))
        while size > 127:
            head.append(size & 127 | 128)
            size >>= 7
        head.append(size)
        self.wire.unsent.append(b"".join((head, len(topic).to_bytes(2, "big"), topic, none, payload)))
        return first

    def fail(self) -> None:
        """Ends the connection as lost. No good-bye leaves, so that the will is published."""
        if self.wire is not None:
            self.wire.break_off()
        self.disconnect()
        self.loop_write()


def _properties(packet: int) -> Properties:
    return Properties(packet)  # type: ignore[no-untyped-call]


def _length(packet: bytes, at: int) -> tuple[int, int]:
    """The length that stands at ``at``, in up to four bytes, and where it ends; (0, 0) if there is none."""
    size = 0
    for shift, byte in enumerate(packet[at:at + 4]):
        size |= (byte & 127) << 7 * shift
        if byte < 128:
            return size, at + shift + 1
    return 0, 0
