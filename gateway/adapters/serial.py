"""The bridge of a board without Wi-Fi: what the board says on a serial line goes to the broker, and back.

It is the board's broker connection and nothing more: it signs in as the board, sets its will, publishes on the
board's own topics, and knows none of the keys that sign. Framing, acknowledgements and repetition are those of
``firmware/cobs.py``, which the board runs too. A message of the broker is acknowledged when the board has it.
"""

from __future__ import annotations

import asyncio
import binascii
import errno
import json
import struct
import termios
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

import serial

from lamplighter.firmware import wire
from lamplighter.firmware.cobs import ACK, HELLO, QOS, RETAIN, Pipe
from lamplighter.firmware.dial import client_id
from lamplighter.firmware.mac import derive
from lamplighter.firmware.ports import ticks_ms
from lamplighter.gateway.adapters.mqtt import BrokerUrl, LinkError, Message, MqttLink, Publication

REOPEN_S = 0.5
RETRY_S = 2.0      # between attempts to reach the broker
TICK_S = 0.05
SILENT_MS = 30_000  # a board without a word for so long is lost; it says hello after 10 s of silence
MAX_OPEN = 64       # messages taken from the broker and not yet by the board
_HELLO_HEAD = struct.Struct(">BH16s")   # version, session, device; then the payload of its will


class LineError(Exception):
    """The bridge cannot start: one sentence with the next step."""


@dataclass(frozen=True, slots=True)
class Board:
    """Who is on the line, of its ``lamplighter.json``. ``password`` is the one for the broker."""

    site: str
    device: bytes
    node: str
    password: str = field(repr=False)

    @classmethod
    def read(cls, path: Path) -> Board:
        """Raises LineError."""
        try:
            config = json.loads(path.read_text())
            key = bytes.fromhex(config["key"])
            site = str(config["site"])
        except OSError as error:
            raise LineError(f"{path}: {error.strerror}; it is the file that `lamplighter node enrol` prints and "
                            "that is flashed to the board.") from None
        except (ValueError, KeyError, TypeError):
            raise LineError(f"{path} is not the lamplighter.json of a board.") from None
        device, node = wire.device_of(key)
        return cls(site, device, node, derive(key, b"mqtt")[:16].hex())


class Bridge:
    """``await Bridge(...).run()`` carries until cancelled. ``port``: name or path; ``baud``: bit/s.

    ``say(sentence)`` is called when something changes that people want to know.
    """

    def __init__(self, port: str, baud: int, broker: BrokerUrl, board: Board, say: Callable[[str], None]) -> None:
        self._port, self._baud, self._board = port, baud, board
        self._broker = broker.signed_in(board.node, board.password)
        self._say_now, self._said = say, ""
        self._pipe = Pipe(wire.MAX_MESSAGE, 80 + 4_800_000 // baud)   # patience in ms, as on the board
        self._hello = b""                          # of the board's present session, b"" when there is none
        self._heard = 0                            # ticks_ms of its last bytes
        self._will: bytes | None = None            # None while there is no board
        self._last_word = b""                      # the will of the connection that there is
        self._changed = asyncio.Event()            # the will did
        self._link: MqttLink | None = None
        self._pending: deque[Message] = deque()    # of the broker, in the order in which the pipe has them
        self._serial: serial.Serial
        self._gone: asyncio.Future[str]
        self._writing = False

    async def run(self) -> None:
        """Opens the port, and again whenever it went away."""
        broker = asyncio.create_task(self._keep_broker())
        try:
            while True:
                await self._open()
                try:
                    self._say(f"the board on {self._port} is gone ({await self._carry()}); waiting for it")
                finally:
                    self._close()
        finally:
            broker.cancel()
            with suppress(asyncio.CancelledError):
                await broker
            await self._sign_off()

    def _say(self, sentence: str) -> None:
        if sentence != self._said:
            self._said = sentence
            self._say_now(sentence)

    # The port.

    async def _open(self) -> None:
        while True:
            try:
                self._serial = serial.Serial(self._port, self._baud, timeout=0, write_timeout=0, exclusive=True)
                break
            except (OSError, ValueError, termios.error) as error:
                self._say(f"{self._port} cannot be opened ({_reason(error)}); waiting for it")
                await asyncio.sleep(REOPEN_S)
        self._say(f"{self._port} is open; waiting for the board to say hello")
        self._gone = asyncio.get_running_loop().create_future()
        asyncio.get_running_loop().add_reader(self._serial.fileno(), self._readable)
        self._greet(b"")   # a board that is in the middle of a session starts anew

    async def _carry(self) -> str:
        """Until the port fails; returns why."""
        while not self._gone.done():
            self._tick()
            await asyncio.wait([self._gone], timeout=TICK_S)
        return self._gone.result()

    def _close(self) -> None:
        loop = asyncio.get_running_loop()
        loop.remove_reader(self._serial.fileno())
        loop.remove_writer(self._serial.fileno())
        self._writing = False
        self._serial.close()
        self._lose()

    def _readable(self) -> None:
        try:
            data = self._serial.read(4096)
        except OSError as error:
            self._fail(error)
            return
        self._heard = ticks_ms()
        for head, payload in self._pipe.feed(data, self._heard):
            self._take(head, bytes(payload))
        self._settle()

    def _settle(self) -> None:
        """After anything that happened to the pipe: acknowledges what the board has, and writes."""
        while self._link and len(self._pending) > len(self._pipe.waiting):
            self._link.acknowledge(self._pending.popleft())
        if self._pipe.out and not self._writing:
            self._writing = True
            asyncio.get_running_loop().add_writer(self._serial.fileno(), self._writable)

    def _writable(self) -> None:
        try:
            self._pipe.out = self._pipe.out[self._serial.write(self._pipe.out):]
        except OSError as error:
            self._fail(error)
            return
        if not self._pipe.out:
            self._writing = False
            asyncio.get_running_loop().remove_writer(self._serial.fileno())

    def _fail(self, error: OSError) -> None:
        loop = asyncio.get_running_loop()
        loop.remove_reader(self._serial.fileno())
        loop.remove_writer(self._serial.fileno())
        if not self._gone.done():
            self._gone.set_result(str(error))

    def _tick(self) -> None:
        now = ticks_ms()
        if self._will is not None and now - self._heard > SILENT_MS:
            self._say(f"the board on {self._port} is silent; waiting for it")
            self._lose()
        if not self._pipe.tick(now):
            self._end_session()
        self._settle()

    # The board.

    def _take(self, head: int, payload: bytes) -> None:
        if head == HELLO:
            self._greeted(payload)
        elif head == ACK:
            self._greet(b"")   # it believes in a session that we know nothing of
        elif self._link is not None and head & 15 < len(wire.NODE_UP):
            leaf = wire.NODE_UP[head & 15]
            self._link.publish(self._topic(leaf), payload, 1 if head & QOS else 0, bool(head & RETAIN))

    def _greeted(self, hello: bytes) -> None:
        if len(hello) <= _HELLO_HEAD.size:
            return
        version, _, device = _HELLO_HEAD.unpack_from(hello)
        if version != wire.VERSION or device != self._board.device:
            self._say(f"the board on {self._port} is {device[:8].hex()}, not {self._board.node} as --config says"
                      if version == wire.VERSION else f"the board on {self._port} speaks version {version}")
            return
        if hello != self._hello:   # else it has not heard our answer
            self._end_session()
            self._hello = hello
            will = hello[_HELLO_HEAD.size:]
            if will != self._will:
                self._will = will
                self._changed.set()
        if self._link is not None and self._link.up and not self._changed.is_set():
            self._answer()

    def _answer(self) -> None:
        """Opens the board's session, in which first comes what it had not acknowledged in the last."""
        self._greet(struct.pack(">I", binascii.crc32(self._hello)))
        if not self._pipe.open:
            self._pipe.start(ticks_ms())

    def _end_session(self) -> None:
        """Tells the board to begin anew; it will then say everything again."""
        kept = list(self._pipe.waiting)
        self._pipe.close()
        self._pipe.waiting = kept
        if self._hello:
            self._greet(b"")
        self._hello = b""

    def _lose(self) -> None:
        """There is no board any more: the broker is told so."""
        self._pipe.close()
        self._pending.clear()
        self._pipe.out, self._hello, self._will = b"", b"", None
        self._changed.set()

    def _greet(self, part: bytes) -> None:
        self._pipe.hello(part)
        self._settle()

    def _topic(self, leaf: str) -> str:
        return str(wire.node_topic(self._board.site, self._board.node, leaf))

    # The broker.

    async def _keep_broker(self) -> None:
        """A connection with the will of the board that is there, and none when there is no board."""
        while True:
            await self._changed.wait()
            await self._sign_off()
            self._changed.clear()
            while self._will is not None and self._link is None and not self._changed.is_set():
                await self._sign_on(self._will)

    async def _sign_on(self, will: bytes) -> None:
        link = self._link = MqttLink(
            self._broker, client_id(self._board.password.encode()).decode(),
            on_message=lambda message: self._message(link, message),
            on_up=self._up, on_down=self._down, subscriptions=[(self._topic(leaf), 1) for leaf in wire.NODE_DOWN],
            will=Publication(self._topic("status"), will, 1, True), max_open=MAX_OPEN)
        self._last_word = will
        try:
            await link.start()
        except LinkError as error:
            self._link = None
            self._say(str(error))
            await asyncio.sleep(RETRY_S)

    async def _sign_off(self) -> None:
        """A good-bye cancels the will, so the last word of the board is published instead, unless it is there still:
        then it has another, of a new session, and what that says comes after.
        """
        link, self._link = self._link, None
        self._pending.clear()
        self._pipe.waiting.clear()
        if link is not None:
            if self._will is None:
                link.publish(self._topic("status"), self._last_word, 1, True)
            await link.stop()

    def _up(self) -> None:
        self._say(f"{self._board.node} is connected to {self._broker} through {self._port}")
        if self._hello:
            self._answer()

    def _down(self, reason: str) -> None:
        self._say(f"no connection to {self._broker} ({reason}); trying again")
        self._end_session()

    def _message(self, link: MqttLink, message: Message) -> None:
        if link is not self._link:
            return   # it is being ended
        leaf = len(wire.NODE_UP) + wire.NODE_DOWN.index(message.topic.rpartition("/")[2])
        self._pending.append(message)
        self._pipe.send(leaf | QOS, message.payload, ticks_ms())
        self._settle()


def _reason(error: Exception) -> str:
    match getattr(error, "errno", None):
        case errno.ENOENT:
            return "there is no such port"
        case errno.EACCES:
            return "you may not use it: on Linux be in its group, often dialout"
        case errno.EAGAIN:
            return "another program has it open"
    return str(error)
