# An MQTT 3.1.1 client (OASIS standard of 2014) for asyncio: QoS 0 and 1, will, clean session, keep-alive.
# Delivery from end to end is the agent's business (results wait for the gateway's Ack), so nothing is kept
# here over a reconnect: the owner says everything again. Nothing is queued either: what is to be said stays where it
# is until it is its turn. Then it is put together where a heap has such a piece, and else written piece by piece.
import asyncio
import random

from . import ports
from .ports import ticks_diff, ticks_ms
from .wire import NODE_DOWN, WireError

KEEP_S = 20            # the broker publishes our will after 1.5 times this; so do we drop a dead broker
_OPEN_MS = 10000       # from dialling to being subscribed
_RETRY_MS = 250        # first pause before dialling again; doubles, with jitter
_RETRY_MAX_MS = 20000
_PEEK = 160            # bytes that there is always room for: the Acks of a few results, topic and id of a long packet
_OWED = 8              # packets that may wait to be acknowledged


async def read_packet(link, buf, limit):
    # (first byte, body, True); (.., its start, False) where it is longer than `limit` or than any piece of the heap,
    # and the rest is passed over. `buf` is for what fits into it, and for that start. Raises WireError, EOFError,
    # OSError.
    await ports.receive(link, buf, 1)
    head = buf[0]
    size = shift = 0
    while True:
        await ports.receive(link, buf, 1)
        byte = buf[0]
        size |= (byte & 127) << shift
        shift += 7
        if byte < 128:
            break
        if shift > 21:
            raise WireError("length")
    if len(buf) < size <= limit:
        try:
            buf = bytearray(size)
        except MemoryError:
            pass
    body = memoryview(buf)[:size if size <= limit else _PEEK]
    await ports.receive(link, buf, len(body))
    size -= len(body)
    if not size:
        return head, body, True
    rest = bytearray(256)
    while size:
        count = min(size, 256)
        await ports.receive(link, rest, count)
        size -= count
    return head, body, False


def headed(head, parts):
    # Puts a packet's head before its parts.
    size = 0
    for part in parts:
        size += len(part)
    begin = bytes((head,))
    while size > 127:
        begin += bytes((size & 127 | 128,))
        size >>= 7
    parts.insert(0, begin + bytes((size,)))
    return parts


def text(word):
    return bytes((len(word) >> 8, len(word) & 255)) + word


class Client:
    # where: as dial.py wants it, then `limit`, bytes of a packet it takes.
    def __init__(self, *where):
        self._where = where[:-1]
        self._limit = where[-1]
        self._head = where[5]
        # Its connected() is called, and its hear(leaf, payload), which is valid until that returns. Its agent has our
        # status for when we are lost, and say(most) gives (leaf, [parts of the payload], qos, retain) of what is to
        # be said next, of up to `most` bytes where it has several parts, or None.
        self.owner = None
        self.join = b"".join
        self._said = None      # what the agent said, while there is no memory for the rest of it
        # A heap that takes long messages keeps a buffer for them, so that what comes never needs a piece of it.
        self._buf = bytearray(self._limit if self._limit > 600 else _PEEK)
        self._parts = []       # pieces of whole packets that are to be written
        self._at = 0           # bytes of the first that are
        self._link = None
        self._session = None   # the task that reads; None before the first
        self._sender = None    # the task that writes; None while nothing is to be said
        self._heard = 0        # ticks_ms of the last byte from the broker
        self._pinged = False
        self._stale = False    # we cut the session ourselves
        self._id = 0
        self.up = False        # subscribed: may publish
        self.starved = False   # something failed for want of memory; the owner resets it
        self.skipped = 0       # messages longer than the limit

    def flush(self):
        # Has what there is to say sent.
        if self.up and not self._sender:
            self._sender = asyncio.create_task(self._send())

    def tick(self, now):
        # To be called a few times a second: pings a quiet broker, drops a dead one.
        quiet = ticks_diff(now, self._heard)
        if quiet > (KEEP_S * 1500 if self.up else _OPEN_MS):
            self._stale = True
            if self._session:
                self._session.cancel()
        elif self.up and quiet > KEEP_S * 500 and not self._pinged:
            self._pinged = True
            self._parts.append(b"\xc0\0")
            self.flush()

    async def run(self):
        # Stays connected for ever; returns never.
        wait = _RETRY_MS
        while True:
            began = self._heard = ticks_ms()
            self._stale = False
            try:
                self._session = asyncio.create_task(self._talk())
                await self._session
            except (OSError, EOFError, WireError):
                pass
            except MemoryError:
                self.starved = True
            except asyncio.CancelledError:
                if not self._stale:
                    raise
            finally:
                self.up = False
                self._parts = []
                self._said = None
                self._at = 0
                if self._sender:
                    self._sender.cancel()
                    self._sender = None
                if self._link:
                    self._link.close()
                    self._link = None
                self._session = None  # it holds what it was doing
            wait = _RETRY_MS if ticks_diff(ticks_ms(), began) > 10000 else min(2 * wait, _RETRY_MAX_MS)
            self._heard = ticks_ms()
            await asyncio.sleep(wait * (500 + random.getrandbits(9)) / 1000000)

    async def _talk(self):
        from .dial import dial  # in the heap of a board only while they are used, one after the other
        from .hello import will
        from .link import connect

        last = will(self.owner.agent)
        self._link = await connect(*self._where[:3])
        await dial(self._link, self._buf, *self._where[3:], last)
        last = None
        while True:
            head, body, whole = await read_packet(self._link, self._buf, self._limit)
            self._heard = ticks_ms()
            self._pinged = False
            owed = self._take(head, body, whole)
            body = None
            if owed:
                while len(self._parts) > _OWED:  # noqa: ASYNC110 - an event would be one more module in the heap
                    await asyncio.sleep(0.02)
                self._parts.append(b"\x40\2" + owed)
                self.flush()
            await asyncio.sleep(0)  # others come first, however much the broker sends

    # Out.

    async def _send(self):
        # Writes until there is nothing to say. Where that ends for want of memory, the next call goes on with it.
        try:
            while self._parts or self._next():
                part = self._parts[0]
                self._at += self._link.write(part, self._at, len(part)) or 0
                if self._at < len(part):
                    await ports.writable(self._link)
                else:
                    self._parts.pop(0)
                    self._at = 0
        except OSError:
            pass  # the reader sees it too, and ends the session
        except MemoryError:
            self.starved = True
        self._sender = None

    def _next(self):
        # Takes what the owner wants to say next; False when there is nothing.
        self._said = self._said or self.owner.agent.say(self._limit)
        if not self._said:
            return False
        leaf, parts, qos, retain = self._said
        topic = text(self._head + leaf.encode())
        if qos:
            self._id = self._id % 0xFFFF + 1
            topic += bytes((self._id >> 8, self._id & 255))
        parts = headed(0x30 | qos << 1 | retain, [topic] + parts)
        try:
            parts = [self.join(parts)]
        except MemoryError:
            pass  # piece by piece
        self._parts = parts
        self._said = None
        return True

    # In.

    def _take(self, head, body, whole):
        # The id of a packet that is to be acknowledged, empty when it is none.
        kind = head >> 4
        if kind != 3:
            if not whole:
                raise WireError("length")
            if kind == 9 and len(body) == 2 + len(NODE_DOWN) and max(body[2:]) < 2 and not self.up:
                self.up = True
                self.owner.connected()
            elif head != 0xD0 and (kind != 4 or len(body) != 2):
                raise WireError("unexpected")
            return b""
        if len(body) < 2:
            raise WireError("length")
        end = 2 + (body[0] << 8 | body[1])
        start = end + (2 if head & 6 else 0)
        if head & 4 or start > len(body):
            raise WireError("length")
        if not whole:
            self.skipped += 1
        else:
            for leaf in NODE_DOWN:
                if body[2:end] == self._head + leaf.encode():
                    self.owner.hear(leaf, body[start:])
        return bytes(body[end:start])
