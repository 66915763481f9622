# An MQTT 3.1.1 client (OASIS standard of 2014) for asyncio: QoS 0 and 1, will, clean session, keep-alive.
# Delivery from end to end is the agent's business (results wait for the gateway's Ack), so nothing is kept
# here over a reconnect: what was queued is forgotten, and `on_up` says everything again.
import asyncio
import random

from . import ports
from .ports import ticks_diff, ticks_ms
from .wire import NODE_DOWN, WireError

KEEP_S = 20            # the broker publishes our will after 1.5 times this; so do we drop a dead broker
_OPEN_MS = 10000       # from dialling to being subscribed
_RETRY_MS = 250        # first pause before dialling again; doubles, with jitter
_RETRY_MAX_MS = 20000
_PEEK = 160            # bytes kept of a packet too long to take: enough for its topic and packet id


async def read_packet(link, limit):
    # (first byte, body, True), or (.., start of the body, False) where that is over `limit`: the rest is passed over
    # without being stored. Raises WireError, EOFError, OSError.
    head = (await ports.receive(link, 1))[0]
    size = shift = 0
    while True:
        byte = (await ports.receive(link, 1))[0]
        size |= (byte & 127) << shift
        shift += 7
        if byte < 128:
            break
        if shift > 21:
            raise WireError("length")
    if size <= limit:
        return head, await ports.receive(link, size), True
    body = await ports.receive(link, _PEEK)
    while size > _PEEK:
        size -= len(await ports.receive(link, min(size - _PEEK, _PEEK)))
    return head, body, False


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
    # where: as dial.py wants it, then `limit`, bytes of a message it takes.
    def __init__(self, *where):
        self._where = where[:-1]
        self._limit = where[-1]
        self.agent = None      # of whom dial.py asks the will
        self.on_up = None      # plain functions of the owner: on_up(), on_message(topic, payload)
        self.on_message = None
        self._link = None
        self._session = None   # the task that reads; None before the first
        self._sender = None    # the task that writes; None while nothing is queued
        self._out = []         # packets that wait for the sender
        self._size = 0         # bytes of them
        self._heard = 0        # ticks_ms of the last byte from the broker
        self._pinged = False
        self._stale = False    # we cut the session ourselves
        self._id = 0
        self.up = False        # subscribed: may publish
        self.dropped = 0       # messages not queued for want of room
        self.skipped = 0       # messages longer than the limit

    def publish(self, topic, payload, qos, retain):
        # Queues a message; False (and counted) when there is no connection or no room.
        if not self.up or self._size + len(payload) > 2 * self._limit:
            self.dropped += 1
            return False
        if qos:
            self._id = self._id % 0xFFFF + 1
            self._queue(packet(0x32 | retain, (text(topic), bytes((self._id >> 8, self._id & 255)), payload)))
        else:
            self._queue(packet(0x30 | retain, (text(topic), payload)))
        return True

    def tick(self, now):
        # To be called a few times a second: pings a quiet broker, drops a dead one.
        quiet = ticks_diff(now, self._heard)
        if quiet > (KEEP_S * 1500 if self.up else _OPEN_MS):
            self._stale = True
            if self._session:
                self._session.cancel()
        elif self.up and quiet > KEEP_S * 500 and not self._pinged:
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
            except (OSError, EOFError, WireError, MemoryError):
                pass
            except asyncio.CancelledError:
                if not self._stale:
                    raise
            finally:
                self.up = False
                self._out = []
                self._size = 0
                if self._sender:
                    self._sender.cancel()
                    self._sender = None
                if self._link:
                    ports.hang_up(self._link)
                    self._link = None
                self._session = None  # it holds what it was doing
            wait = _RETRY_MS if ticks_diff(ticks_ms(), began) > 10000 else min(2 * wait, _RETRY_MAX_MS)
            self._heard = ticks_ms()
            await asyncio.sleep(wait * (500 + random.getrandbits(9)) / 1000000)

    async def _talk(self):
        from .dial import dial  # in the heap of a board only while it is used

        self._link = await dial(*self._where, self.agent)
        while True:
            head, body, whole = await read_packet(self._link, self._limit)
            self._heard = ticks_ms()
            self._pinged = False
            self._take(head, body, whole)
            body = None
            await asyncio.sleep(0)  # others come first, however much the broker sends

    def _queue(self, data):
        if self._size > 4 * self._limit:
            raise WireError("the broker sends but does not read")
        self._size += len(data)
        self._out.append(data)
        if not self._sender:
            self._sender = asyncio.create_task(self._send())

    async def _send(self):
        try:
            while self._out:
                data = self._out.pop(0)
                self._size -= len(data)
                await ports.send(self._link, data)
        except (OSError, MemoryError):
            pass  # the reader sees the one too, and ends the session; the other loses one message
        self._sender = None

    def _take(self, head, body, whole):
        kind = head >> 4
        if kind == 3:
            self._taken(head >> 1 & 3, body, whole)
        elif not whole:
            raise WireError("length")
        elif kind == 4 and len(body) == 2:
            pass
        elif kind == 9 and len(body) == 2 + len(NODE_DOWN) and max(body[2:]) < 2 and not self.up:
            self.up = True
            self.on_up()
        elif head != 0xD0:
            raise WireError("unexpected")

    def _taken(self, qos, body, whole):
        if len(body) < 2:
            raise WireError("length")
        end = 2 + (body[0] << 8 | body[1])
        start = end + 2 if qos else end
        if qos > 1 or start > len(body):
            raise WireError("length")
        if whole:
            self.on_message(body[2:end], body[start:])
        else:
            self.skipped += 1
        if qos:
            self._queue(b"\x40\2" + body[end:start])
