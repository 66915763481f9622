# A serial line in place of Wi-Fi: same surface as mqtt.Client. The bridge on the host (gateway/adapters/serial.py)
# is the board's connection to the broker; `up` means that it is there and connected. As with MQTT nothing is kept
# over a new session: `on_up` says everything again.
import asyncio
import binascii
import struct

from . import lineport, wire
from .cobs import ACK, HELLO, Pipe
from .ports import ticks_diff, ticks_ms

_HELLO_MS = 1000    # between two hellos while nobody answers
_QUIET_MS = 10000   # then we say hello within a session too
_DEAD_MS = 30000    # then nobody is there
_REOPEN_MS = 500
_READ = 256         # bytes asked of the port at once


class Line:
    # line, baud: see lineport; device: its 16 bytes; head of the device's topics as bytes; limit: bytes of a message
    # it takes.
    def __init__(self, line, baud, device, head, limit):
        self._line = line
        self._baud = baud
        self._head = head
        self._limit = limit
        # A slice of a kernel, twice the longest frame, and the host's own delays.
        self._pipe = Pipe(limit, 80 + 4800000 // baud)
        self._device = device
        self._session = 0      # counts within this boot
        self._hello = b""      # what we say, and the answer that opens the session; b"" and None before we do
        self._answer = None
        self._heard = 0        # ticks_ms of the last bytes
        self._said = 0         # ticks_ms of the last hello
        self._writer = None
        self._sender = None    # the task that writes; None while nothing is queued
        self.agent = None      # of whom hello.py asks the will
        self.on_up = None      # plain functions of the owner: on_up(), on_message(topic, payload)
        self.on_message = None
        self.up = False
        self.dropped = 0       # messages not queued for want of a session or of room

    def publish(self, topic, payload, qos, retain):
        # Queues a message; False (and counted) when there is no session or no room.
        size = sum([len(item[1]) for item in self._pipe.waiting])
        if not self.up or size + len(payload) > 2 * self._limit:
            self.dropped += 1
            return False
        leaf = wire.NODE_UP.index(topic[len(self._head):].decode())
        self._pipe.send(leaf | qos << 4 | retain << 5, payload, ticks_ms())
        self._flush()
        return True

    def tick(self, now):
        # To be called a few times a second: repeats what got lost, and says hello.
        if not self._writer:
            return
        quiet = ticks_diff(now, self._heard)
        if self.up and (quiet > _DEAD_MS or not self._pipe.tick(now)):
            self._reset()
        if ticks_diff(now, self._said) > _HELLO_MS and (not self.up or quiet > _QUIET_MS):
            self._said = now
            if not self._hello:
                from .hello import will  # in the heap of a board only while it is used

                self._session = self._session + 1 & 0xFFFF
                self._hello = struct.pack(">BH16s", wire.VERSION, self._session, self._device) + will(self.agent)
                self._answer = struct.pack(">I", binascii.crc32(self._hello))
            self._pipe.hello(self._hello)
        self._flush()

    async def run(self):
        # Keeps the line open for ever; returns never.
        close = None
        while True:
            try:
                reader, self._writer, close = await lineport.open_line(self._line, self._baud)
                self._reset()
                while True:
                    data = await reader.read(_READ)
                    if not data:
                        raise EOFError
                    self._heard = ticks_ms()
                    for head, payload in self._pipe.feed(data, self._heard):
                        self._take(head, payload)
                    self._flush()
            except (OSError, EOFError, MemoryError):
                pass
            finally:
                self._reset()
                self._writer = None
                if self._sender:
                    self._sender.cancel()
                    self._sender = None
                if close:
                    close()
                    close = None
            await asyncio.sleep(_REOPEN_MS / 1000)

    def _reset(self):
        # No session any more; the next hello opens another.
        self.up = False
        self._pipe.close()
        self._hello = b""
        self._answer = None

    def _take(self, head, payload):
        if head == HELLO:
            if payload == self._answer:
                if not self.up:
                    self.up = True
                    self._pipe.start(ticks_ms())
                    self.on_up()
            elif self.up and not payload:
                self._reset()  # the bridge knows nothing of us, or has lost the broker
        elif head != ACK:
            leaf = (head & 15) - len(wire.NODE_UP)
            if 0 <= leaf < len(wire.NODE_DOWN):
                self.on_message(self._head + wire.NODE_DOWN[leaf].encode(), payload)

    def _flush(self):
        if self._pipe.out and self._writer and not self._sender:
            self._sender = asyncio.create_task(self._send())

    async def _send(self):
        try:
            while self._pipe.out:
                data = self._pipe.out
                self._pipe.out = b""
                self._writer.write(data)
                await self._writer.drain()
        except (OSError, MemoryError):
            pass  # lost, like any byte on a line; the reader sees a port that is gone
        self._sender = None
