"""The gateway's broker connection: paho on the asyncio loop, without threads, acknowledging only when told to."""

import asyncio
import contextlib
import random
import ssl
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

from paho.mqtt.client import Client

from lamplighter.gateway.adapters.mqtt_wire import Paho, Wire

KEEPALIVE_S = 15
CONNECT_S = 10.0
BACKOFF_S = (0.1, 5.0)
TURN_PACKETS = 64  # messages taken before others on the loop get their turn
TURN_PASSED = 512  # packets read in all before that, most of which led to nothing
REST_S = 0.001  # where all of them led to nothing: the next turn finds several, for the price of one


class LinkError(Exception):
    """No connection: one sentence with the next step."""


class TooNew(LinkError):
    """The broker does not know the version of MQTT that it was spoken to in, or hung up on it without a word."""


@dataclass(frozen=True, slots=True)
class BrokerUrl:
    """Where a broker is and who we are there. ``ca``, ``cert`` and ``key`` are paths of PEM files."""

    host: str
    port: int
    user: str = ""
    password: str = field(default="", repr=False)
    tls: bool = False
    ca: str = ""
    cert: str = ""
    key: str = ""

    @classmethod
    def parse(cls, text: str) -> "BrokerUrl":
        """Of ``mqtt://user:password@host:port`` or ``mqtts://…?ca=FILE&cert=FILE&key=FILE``. Raises LinkError."""
        try:
            parts = urlsplit(text)
            options = {name: values[-1] for name, values in parse_qs(parts.query, strict_parsing=True).items()} \
                if parts.query else {}
            port, host = parts.port, parts.hostname
        except ValueError as error:
            raise LinkError(f"The broker address cannot be read: {error}.") from None
        if parts.scheme not in ("mqtt", "mqtts") or not host or parts.path not in ("", "/") \
                or not options.keys() <= {"ca", "cert", "key"}:
            raise LinkError("A broker address is mqtt://[user:password@]host[:port] or mqtts://…[?ca=FILE].")
        tls = parts.scheme == "mqtts"
        if options and not tls:
            raise LinkError("Certificates need an address that starts with mqtts://.")
        return cls(host, port or (8883 if tls else 1883), unquote(parts.username or ""),
                   unquote(parts.password or ""), tls, **options)

    def signed_in(self, user: str, password: str) -> "BrokerUrl":
        """The same broker as another user."""
        return replace(self, user=user, password=password)

    def __str__(self) -> str:
        """Without the password, to be shown and logged."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{'mqtts' if self.tls else 'mqtt'}://{host}:{self.port}"

    def context(self) -> ssl.SSLContext | None:
        """TLS settings, or None for a plain connection. Raises LinkError for unreadable files."""
        if not self.tls:
            return None
        for path in filter(None, (self.ca, self.cert, self.key)):
            if not Path(path).is_file():
                raise LinkError(f"The certificate file {path} does not exist.")
        try:
            context = ssl.create_default_context(cafile=self.ca or None)
            if self.cert:
                context.load_cert_chain(self.cert, self.key or None)
        except (OSError, ValueError) as error:
            raise LinkError(f"The certificates for {self} cannot be used: {error}.") from None
        return context


@dataclass(slots=True)
class Message:
    """What arrived. It counts as open until it is handed to ``MqttLink.acknowledge``, whatever its QoS."""

    topic: str
    payload: bytes
    qos: int
    retain: bool
    mid: int
    session: int  # connection it came by: its acknowledgement means nothing on another
    properties: bytes = b""  # of MQTT 5, as they came


@dataclass(frozen=True, slots=True)
class Publication:
    """A message to be sent, such as a will."""

    topic: str
    payload: bytes
    qos: int = 1
    retain: bool = False


@dataclass(slots=True)
class LinkCounters:
    """Totals since start. ``dropped``: outgoing messages that found no room, or QoS 0 while down; ``held``: how often
    the broker had to wait, because too many messages were not acknowledged yet."""

    received: int = 0
    published: int = 0
    dropped: int = 0
    malformed: int = 0
    held: int = 0
    connections: int = 0


class MqttLink:
    """One lasting connection: reconnects by itself, subscribes anew each time, bounded both ways.

    ``on_message(message)``, ``on_up()`` (connected and subscribed) and ``on_down(reason)`` are plain functions
    called on the loop. At most ``max_open`` messages are handed out and not acknowledged; beyond that the
    network is not read, so that the broker waits. ``publish`` never waits: at most ``max_outgoing`` QoS 1
    messages are kept until the broker has them, more are dropped and counted.

    ``lets_go(topic, size)`` says of a message whether it is confirmed unread: for who sends more than anybody reads.
    So are others of its topic that came with it: ``on_unread(topic, count, size)`` hears how many, and their bytes.
    With ``persistent`` the broker keeps what comes while this client is away. With ``five`` the link speaks MQTT 5
    if at the first connection the broker does, and then goes on so; retained messages then always say that they are.
    """

    def __init__(
        self, broker: BrokerUrl, client_id: str, *, on_message: Callable[[Message], None],
        on_up: Callable[[], None] = lambda: None, on_down: Callable[[str], None] = lambda _: None,
        lets_go: Callable[[bytes, int], bool] = lambda *_: False,
        on_unread: Callable[[bytes, int, int], None] = lambda *_: None,
        subscriptions: Sequence[tuple[str, int]] = (), will: Publication | None = None, persistent: bool = False,
        five: bool = False, max_open: int = 4096, max_outgoing: int = 16384,
    ) -> None:
        self.broker, self.counters, self.up = broker, LinkCounters(), False
        self._on_message, self._on_up, self._on_down = on_message, on_up, on_down
        self._lets_go, self._on_unread = lets_go, on_unread
        self._subscriptions, self._max_open, self._open = list(subscriptions), max_open, 0
        self._max_outgoing = max_outgoing
        self._session, self._pumping, self._wire = 0, False, None  # type: int, bool, Wire | None
        self._ready: asyncio.Future[None] | None = None
        self._lost, self._keeper = asyncio.Event(), None  # type: asyncio.Event, asyncio.Task[None] | None
        self._client_id, self._will, self._persistent = client_id, will, persistent
        self._welcome = False
        self._client = self._spoken(five)

    def _spoken(self, five: bool) -> Paho:
        client = Paho(self._client_id, self._persistent, five)
        if self.broker.user:
            client.username_pw_set(self.broker.user, self.broker.password)
        if self._will:
            client.will_set(self._will.topic, self._will.payload, self._will.qos, self._will.retain)
        client.on_connect, client.on_subscribe = self._connected, self._subscribed
        client.on_disconnect, client.on_publication = self._disconnected, self._received
        client.on_socket_register_write = self._write_soon
        return client

    async def start(self) -> None:
        """Connects and subscribes, and stays so until ``stop``. Raises LinkError if the first attempt fails."""
        try:
            await self._connect()
        except TooNew:
            if not self._client.five:
                raise
            older = self._spoken(False)
            older.wait_with(self._client)
            self._client = older
            await self._connect()
        self._keeper = asyncio.create_task(self._keep())

    async def stop(self, drain_s: float = 2.0) -> None:
        """Says good-bye to the broker, after at most ``drain_s`` seconds for what is still to be sent."""
        if self._keeper is not None:
            self._keeper.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._keeper
        until = asyncio.get_running_loop().time() + drain_s
        while self.up and self.unsent and asyncio.get_running_loop().time() < until:  # noqa: ASYNC110
            await asyncio.sleep(0.005)
        self.up = False
        if self._wire is not None:
            self._client.disconnect()
            self._write()  # with it paho closes the wire, which sends what it holds

    def publish(self, topic: str, payload: bytes, qos: int = 1, retain: bool = False,
                correlation: bytes = b"") -> bool:
        """Queues a message; False if it was dropped. QoS 1 survives reconnections, QoS 0 does not.

        ``correlation`` is sent along in MQTT 5, where alone it can have come from.
        """
        if qos or retain:
            kept = (not qos or self.unsent < self._max_outgoing) and self._client.send(
                topic, payload, qos, retain, correlation)
        else:
            wire = self._wire
            kept = self.up and wire is not None and not wire.broken and len(wire.unsent) < self._max_outgoing
            if kept and self._client.post(topic.encode(), payload):
                self._write_soon()
        self.counters.published += kept
        self.counters.dropped += not kept
        return kept

    def acknowledge(self, message: Message) -> None:
        """Tells the broker that ``message`` may be forgotten: call it once for each, after the commit."""
        self._open -= 1
        if message.qos and message.session == self._session and self._wire is not None:
            self._confirm(message.mid)
        if self._open == self._max_open // 2:
            self._pump_soon()

    @property
    def unsent(self) -> int:
        """QoS 1 messages that the broker has not confirmed yet."""
        return self._client.unconfirmed

    @property
    def open_messages(self) -> int:
        """Messages handed out and not acknowledged yet."""
        return self._open

    def holds(self) -> dict[str, tuple[int, int]]:
        """(how many, at most) of the messages that are not acknowledged: by us, by the broker."""
        return {"messages_in": (self._open, self._max_open), "messages_out": (self.unsent, self._max_outgoing)}

    # Connecting.

    async def _connect(self) -> None:
        loop = asyncio.get_running_loop()
        wire = Wire(self._pump, self._write, self._lets_go, self._confirm)
        context = self.broker.context()
        try:
            async with asyncio.timeout(CONNECT_S):
                await loop.create_connection(lambda: wire, self.broker.host, self.broker.port, ssl=context)
                self._session += 1
                self._wire = self._client.wire = wire
                self._ready = loop.create_future()
                self._lost.clear()
                self._welcome = False
                self._client.begin(self.broker.host, self.broker.port, KEEPALIVE_S)
                await self._ready
                if self._wire is not wire:
                    raise LinkError(f"The broker at {self.broker} closed the connection at once.")
        except TimeoutError:
            self._abandon(wire)
            raise LinkError(f"The broker at {self.broker} does not answer; is it an MQTT listener?") from None
        except ssl.SSLError as error:
            raise LinkError(f"TLS with {self.broker} failed ({error.reason or error}); check ?ca=FILE.") from None
        except OSError as error:
            raise LinkError(f"No broker answers at {self.broker} ({error.strerror or error}); start one there, "
                            "or correct the address.") from None
        except LinkError:
            self._abandon(wire)
            raise
        self.counters.connections += 1
        self.up = True
        self._client.release()
        self._on_up()

    def _abandon(self, wire: Wire) -> None:
        if wire.transport is not None:
            wire.transport.abort()
        if self._wire is wire:
            self._wire = None

    async def _keep(self) -> None:
        """Connects again after each loss, with a jittered delay that doubles; keeps the link alive meanwhile."""
        delay = BACKOFF_S[0]
        while True:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(1.0):
                    await self._lost.wait()
            if not self._lost.is_set():
                delay = BACKOFF_S[0]
                if self._wire is not None and self._wire.quiet():
                    self._guarded(self._client.loop_misc)
                continue
            await asyncio.sleep(delay * random.uniform(0.5, 1.0))  # noqa: S311
            delay = min(delay * 2, BACKOFF_S[1])
            try:
                await self._connect()
            except LinkError as error:
                self._lost.set()
                self._on_down(str(error))

    def _settle(self, error: str = "", kind: type[LinkError] = LinkError) -> None:
        if self._ready is not None and not self._ready.done():
            if error:
                self._ready.set_exception(kind(error))
            else:
                self._ready.set_result(None)

    # What paho calls.

    def _connected(self, _client: Client, _userdata: Any, _flags: Any, reason: Any, properties: Any) -> None:
        if reason.is_failure:
            self._settle(f"The broker at {self.broker} refuses user {self.broker.user or 'anonymous'!r}: {reason}.",
                         TooNew if str(reason) == "Unsupported protocol version" else LinkError)
            return
        self._welcome = True
        self._client.window = min(self._max_outgoing, getattr(properties, "ReceiveMaximum", self._max_outgoing))
        if self._subscriptions:
            self._client.listen(self._subscriptions)
        else:
            self._settle()

    def _subscribed(self, _client: Client, _userdata: Any, _mid: int, reasons: Any, _properties: Any) -> None:
        refused = [topic for (topic, _), reason in zip(self._subscriptions, reasons, strict=False)
                   if reason.is_failure]
        self._settle(f"The broker at {self.broker} refuses the subscription to {refused[0]}: this user may not, "
                     "or the broker has no room on its disk." if refused else "")

    def _disconnected(self, _client: Client, _userdata: Any, _flags: Any, reason: Any, _properties: Any) -> None:
        said = "Protocol error" if self._wire is not None and self._wire.broken else str(reason)
        self._settle(f"The broker at {self.broker} closed the connection ({said}).",
                     LinkError if self._welcome else TooNew)
        self._wire = None
        self._lost.set()
        if self.up:
            self.up = False
            self._on_down(said)

    def _received(self, topic: bytes, payload: bytes, qos: int, retain: bool, mid: int, properties: bytes) -> None:
        try:
            name = topic.decode()
        except UnicodeDecodeError:
            self.counters.malformed += 1
            if qos:
                self._confirm(mid)
            return
        self.counters.received += 1
        self._open += 1
        self._on_message(Message(name, payload, qos, retain, mid, self._session, properties))

    # Moving bytes.

    def _guarded(self, step: Callable[[], Any]) -> None:
        """Whatever a hostile peer makes paho raise ends the connection, never the loop."""
        try:
            step()
        except Exception as error:
            self.counters.malformed += 1
            asyncio.get_running_loop().call_exception_handler(
                {"message": f"The connection to {self.broker} is cut after an error", "exception": error})
            self._client.fail()

    def _confirm(self, mid: int) -> None:
        if self._client.acknowledge(mid):
            self._write_soon()

    def _write_soon(self, *_: Any) -> None:
        asyncio.get_running_loop().call_soon(self._write)

    def _write(self) -> None:
        if self._wire is not None:
            self._guarded(self._client.loop_write)
        if self._wire is not None:
            self._wire.flush()

    def _pump_soon(self) -> None:
        if not self._pumping:
            self._pumping = True
            asyncio.get_running_loop().call_soon(self._pumped)

    def _pumped(self) -> None:
        self._pumping = False
        self._pump()

    def _pump(self) -> None:
        """Lets paho read while there is room for messages, at most TURN_PACKETS that lead to something at a time:
        those that are let go at once are cheap, and others wait behind them."""
        wire = self._wire
        if wire is None or self._pumping:
            return
        until, received = self._open + TURN_PACKETS, self.counters.received
        for _ in range(TURN_PASSED):
            if not wire.waiting or self._wire is not wire or self._open >= min(until, self._max_open):
                break
            self._guarded(self._client.read_packet)
        vain = bool(wire.let_go) and received == self.counters.received and not wire.waiting
        if wire.let_go:
            self._tell_unread(wire)
        if self._wire is wire:
            self.counters.held += self._open >= self._max_open
            wire.hold(vain or wire.waiting or self._open >= self._max_open)
            if vain:
                self._pumping = True
                asyncio.get_running_loop().call_later(REST_S, self._pumped)
            elif wire.waiting and self._open < self._max_open:
                self._pump_soon()

    def _tell_unread(self, wire: Wire) -> None:
        for topic, (count, size) in wire.let_go.items():
            if count:
                self._on_unread(topic, count, size)
        wire.let_go.clear()
        self._write_soon()
