# A serial line in place of Wi-Fi: same surface as mqtt.Client. The bridge on the host (gateway/adapters/serial.py)
# is the board's connection to the broker; `up` means that it is there and connected. As with MQTT nothing is kept
# over a new session: the owner says everything again. Nothing is queued either: one message at a time is on its way,
# as it lies in the agent.
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
    # line, baud: see lineport; device: its 16 bytes; limit: bytes of a message it takes.
    def __init__(self, line, baud, device, limit):
        self._line = line
        self._baud = baud
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
        self.owner = None      # as that of mqtt.Client
        self.up = False
        self.starved = False   # something failed for want of memory; the owner resets it

    def flush(self):
        # Has what there is to say sent.
        if self.up and not self._pipe.waiting:
            said = self.owner.agent.say(0)  # one frame, as it is
            if said:
                leaf, parts, qos, retain = said
                self._pipe.send(wire.NODE_UP.index(leaf) | qos << 4 | retain << 5, parts[0], ticks_ms())
        if self._pipe.out and self._writer and not self._sender:
            self._sender = asyncio.create_task(self._send())

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
                self._hello = struct.pack(">BH16s", wire.VERSION, self._session, self._device)
                self._hello += will(self.owner.agent)
                self._answer = struct.pack(">I", binascii.crc32(self._hello))
            self._pipe.hello(self._hello)
        self.flush()

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
                    self.flush()
            except (OSError, EOFError):
                pass
            except MemoryError:
                self.starved = True
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
                    self.owner.connected()
            elif self.up and not payload:
                self._reset()  # the bridge knows nothing of us, or has lost the broker
        elif head != ACK:
            leaf = (head & 15) - len(wire.NODE_UP)
            if 0 <= leaf < len(wire.NODE_DOWN):
                self.owner.hear(wire.NODE_DOWN[leaf], payload)

    async def _send(self):
        try:
            while self._pipe.out:
                data = self._pipe.out
                self._pipe.out = b""
                self._writer.write(data)
                await self._writer.drain()
        except OSError:
            pass  # lost, like any byte on a line; the reader sees a port that is gone
        except MemoryError:
            self.starved = True
        self._sender = None
