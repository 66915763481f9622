# An MQTT 3.1.1 client (OASIS standard of 2014) for asyncio: QoS 0 and 1, will, clean session, keep-alive.
# Delivery from end to end is the agent's business (results wait for the gateway's Ack), so nothing is kept
# here over a reconnect: what was queued is forgotten, and `on_up` says everything again.
import asyncio
import random

from firmware.ports import no_delay, ticks_diff, ticks_ms

try:
    from micropython import const
except ImportError:

    def const(value):
        return value


_KEEP_S = const(20)           # the broker publishes our will after 1.5 times this; so do we drop a dead broker
_OPEN_MS = const(10000)       # from dialling to being subscribed
_RETRY_MS = const(250)        # first pause before dialling again; doubles, with jitter
_RETRY_MAX_MS = const(20000)
_READ = const(256)            # bytes asked of the socket at once
_PEEK = const(160)            # bytes kept of a packet too long to take: enough for its topic and packet id


class MqttError(Exception):
    # The broker sent what MQTT 3.1.1 does not allow, or refused us: drop the connection.
    pass


class Parser:
    # Bytes in, packets out. A packet over `limit` is passed over without being stored.
    def __init__(self, limit):
        self._limit = limit
        self._buf = b""
        self._skip = 0

    def feed(self, data):
        # Packets completed by `data`, each (first byte, body, True), or for one too long (.., its start, False).
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
            end = body + (size if whole else _PEEK)
            if end > len(buf):
                break
            packets.append((buf[at], buf[body:end], whole))
            self._skip = 0 if whole else size - _PEEK
            at = end
        self._buf = buf[at:]
        return packets

    def _size(self, buf, at):
        # (length of the body, where it starts); (0, -1) while the head is incomplete.
        size = 0
        for i in range(4):
            if at + 1 + i >= len(buf):
                return 0, -1
            byte = buf[at + 1 + i]
            size |= (byte & 127) << 7 * i
            if byte < 128:
                return size, at + 2 + i
        raise MqttError("length")


def packet(head, parts):
    body = b"".join(parts)
    n = len(body)
    size = b""
    while n > 127:
        size += bytes((n & 127 | 128,))
        n >>= 7
    return bytes((head,)) + size + bytes((n,)) + body


def text(word):
    return bytes((len(word) >> 8, len(word) & 255)) + word


class Client:
    # host, port; login: client id and user name, and password; will: (topic, payload), retained; topics: what
    # to subscribe to. All as bytes but the host. limit: bytes of a message it takes.
    def __init__(self, host, port, login, will, topics, limit, tls=None):
        self._host = host
        self._port = port
        self._tls = tls
        self._hello = packet(0x10, (b"\0\4MQTT\4\xee\0", bytes((_KEEP_S,)), text(login[0]), text(will[0]),
                                    text(will[1]), text(login[0]), text(login[1])))
        self._topics = topics
        self._limit = limit
        self.on_up = None      # plain functions of the owner: on_up(), on_message(topic, payload)
        self.on_message = None
        self._writer = None
        self._session = None   # the task that reads; None before the first
        self._sender = None    # the task that writes; None while nothing is queued
        self._out = b""        # packets that wait for the sender
        self._heard = 0        # ticks_ms of the last byte from the broker
        self._pinged = False
        self._stale = False    # we cut the session ourselves
        self._id = 0
        self.up = False        # subscribed: may publish
        self.dropped = 0       # messages not queued for want of room
        self.skipped = 0       # messages longer than the limit
        self.unacked = 0       # QoS 1 messages without PUBACK

    def publish(self, topic, payload, qos, retain):
        # Queues a message; False (and counted) when there is no connection or no room.
        if not self.up or len(self._out) + len(payload) > 2 * self._limit:
            self.dropped += 1
            return False
        if qos:
            self._id = self._id % 0xFFFF + 1
            self.unacked += 1
            self._queue(packet(0x32 | retain, (text(topic), bytes((self._id >> 8, self._id & 255)), payload)))
        else:
            self._queue(packet(0x30 | retain, (text(topic), payload)))
        return True

    def tick(self, now):
        # To be called a few times a second: pings a quiet broker, drops a dead one.
        quiet = ticks_diff(now, self._heard)
        if quiet > (_KEEP_S * 1500 if self.up else _OPEN_MS):
            self._stale = True
            self._session.cancel()
        elif self.up and quiet > _KEEP_S * 500 and not self._pinged:
            self._pinged = True
            self._queue(b"\xc0\0")

    async def run(self):
        # Stays connected for ever; returns never.
        wait = _RETRY_MS
        while True:
            began = self._heard = ticks_ms()
            self._stale = False
            self._session = asyncio.create_task(self._talk())
            try:
                await self._session
            except (OSError, EOFError, MqttError, MemoryError):
                pass
            except asyncio.CancelledError:
                if not self._stale:
                    raise
            finally:
                self._close()
            wait = _RETRY_MS if ticks_diff(ticks_ms(), began) > 10000 else min(2 * wait, _RETRY_MAX_MS)
            self._heard = ticks_ms()
            await asyncio.sleep(wait * (500 + random.getrandbits(9)) / 1000000)

    async def _talk(self):
        if self._tls:
            reader, self._writer = await asyncio.open_connection(self._host, self._port, ssl=self._tls)
        else:
            reader, self._writer = await asyncio.open_connection(self._host, self._port)
        no_delay(self._writer)
        self._queue(self._hello)
        parser = Parser(self._limit)
        while True:
            data = await reader.read(_READ)
            if not data:
                raise EOFError
            self._heard = ticks_ms()
            self._pinged = False
            for head, body, whole in parser.feed(data):
                self._take(head, body, whole)

    def _close(self):
        self.up = False
        self._out = b""
        self.unacked = 0
        if self._sender:
            self._sender.cancel()
            self._sender = None
        if self._writer:
            try:
                self._writer.s.close()
            except AttributeError:
                self._writer.close()
            self._writer = None

    def _queue(self, data):
        if len(self._out) > 4 * self._limit:
            raise MqttError("the broker sends but does not read")
        self._out += data
        if not self._sender:
            self._sender = asyncio.create_task(self._send())

    async def _send(self):
        try:
            while self._out:
                data = self._out
                self._out = b""
                self._writer.write(data)
                await self._writer.drain()
        except (OSError, MemoryError):
            pass  # the reader sees the one too, and ends the session; the other loses one message
        self._sender = None

    def _take(self, head, body, whole):
        kind = head >> 4
        if kind == 3:
            self._taken(head >> 1 & 3, body, whole)
        elif not whole:
            raise MqttError("length")
        elif kind == 4 and len(body) == 2:
            self.unacked = max(0, self.unacked - 1)
        elif kind == 2 and len(body) == 2 and not self.up:
            if body[1]:
                raise MqttError("refused")
            self._queue(packet(0x82, [b"\0\1"] + [text(topic) + b"\1" for topic in self._topics]))
        elif kind == 9 and len(body) == 2 + len(self._topics) and not self.up:
            if max(body[2:]) > 1:
                raise MqttError("refused")
            self.up = True
            self.on_up()
        elif head != 0xD0:
            raise MqttError("unexpected")

    def _taken(self, qos, body, whole):
        if len(body) < 2:
            raise MqttError("length")
        end = 2 + (body[0] << 8 | body[1])
        start = end + 2 if qos else end
        if qos > 1 or start > len(body):
            raise MqttError("length")
        if whole:
            self.on_message(body[2:end], body[start:])
        else:
            self.skipped += 1
        if qos:
            self._queue(b"\x40\2" + body[end:start])
