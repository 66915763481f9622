"""What tests of the whole system share: a gateway as a real process, its operator, a street of real devices."""

from __future__ import annotations

import json
import os
import random
import select
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

import pytest

from lamplighter.gateway.adapters.mqtt import BrokerUrl
from lamplighter.gateway.api.client import Client
from lamplighter.gateway.simulate.street import Street

ROOT = Path(__file__).parents[1]
KINDS = ROOT / "tests" / "system" / "kind"
"""A third party's package with the kind ``toy.chain``."""
START_S = 300.0
STARTED: list[GatewayProcess] = []
"""All gateways of this session."""


class GatewayProcess:
    """``lamplighter up`` on a folder of its own. ``url`` is the operator's broker URL, ``page`` the status page."""

    def __init__(self, data: Path, log: Path, *options: str) -> None:
        self.data, self.log, self.options = data, log, options
        self.url = self.page = ""
        self.process: subprocess.Popen[bytes]

    def spawn(self) -> subprocess.Popen[bytes]:
        """Starts it and does not wait."""
        command = [sys.executable, "-m", "lamplighter.gateway", "up", "--data", str(self.data), "--http-port", "0",
                   "--print-urls", *self.options]
        with self.log.open("ab") as errors:
            self.process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=errors,
                                            env=environment(), cwd=self.data.parent)
        return self.process

    def wait_ready(self) -> None:
        """Reads the addresses that it prints once it is up."""
        assert self.process.stdout is not None
        out, until, said = self.process.stdout.fileno(), time.monotonic() + START_S, b""
        while said.count(b"\n") < 2:
            readable, _, _ = select.select([out], [], [], max(0.0, until - time.monotonic()))
            more = os.read(out, 4096) if readable else b""
            assert more, f"the gateway did not start: {self.errors}"
            said += more
        told = dict(line.split(" ", 1) for line in said.decode().splitlines())
        self.url, self.page = told["broker"], told["page"]

    def start(self) -> GatewayProcess:
        self.spawn()
        self.wait_ready()
        return self

    @property
    def errors(self) -> str:
        """All that it ever wrote to standard error."""
        return self.log.read_text()

    def end(self, number: int = signal.SIGTERM) -> int:
        """Sends a signal (0 sends none), waits, and returns the exit code."""
        if self.process.poll() is None:
            self.process.send_signal(number)
            self.process.wait(300)
        if self.process.stdout is not None:
            self.process.stdout.close()
        return self.process.returncode

    def ask(self, path: str) -> Any:
        """JSON of the page's API: ``counters``, ``nodes``, ``tasks/NAME/result``, ..."""
        with urllib.request.urlopen(f"{self.page}api/{path}", timeout=300) as response:
            return json.load(response)

    def story(self) -> str:
        """What there is to say of it when a test has waited in vain."""
        shown = {path: self.ask(path) for path in ("health", "counters", "tasks", "nodes")} if self.page and \
            self.process.poll() is None else {"ended": self.process.returncode}
        return f"{self.data}: {json.dumps(shown)}\n{self.errors}"

    @property
    def broker_pid(self) -> int:
        return int((self.data / "broker" / "pid").read_text())

    def children(self) -> list[int]:
        """Ids of its child processes."""
        pid = self.process.pid
        return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]

    @property
    def public(self) -> Path:
        return self.data / "public"


def runs(pid: int) -> bool:
    """Whether a process runs; one that has ended and is not reaped yet does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def environment() -> dict[str, str]:
    """For child processes: they see the third party's kind, and what this process was given."""
    given = os.environ.get("PYTHONPATH", "")
    return {**os.environ, "PYTHONPATH": os.pathsep.join((str(KINDS), str(ROOT), given)).rstrip(os.pathsep)}


@pytest.fixture
def without_nohup() -> Iterator[None]:
    """Children started in this test do not inherit that SIGHUP is ignored, as it is for tests run by ``nohup``."""
    before = signal.signal(signal.SIGHUP, lambda *_: None)
    yield
    signal.signal(signal.SIGHUP, before)


@pytest.fixture(scope="session")
def start_gateway(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[..., GatewayProcess]]:
    """start_gateway(*options, data=fresh folder) returns a running gateway; all are ended with the session."""
    started = STARTED

    def start(*options: str, data: Path | None = None) -> GatewayProcess:
        folder = tmp_path_factory.mktemp("gateway")
        made = GatewayProcess(data or folder / "data", folder / "errors.log", *options)
        started.append(made)
        return made.start()

    yield start
    for gateway in started:
        gateway.end(signal.SIGKILL)


@pytest.fixture
def gateway(start_gateway: Callable[..., GatewayProcess]) -> Iterator[GatewayProcess]:
    """One gateway for one test, with its embedded broker."""
    made = start_gateway()
    yield made
    made.end()


@pytest.fixture
def operator() -> Callable[[GatewayProcess], Client]:
    """``async with operator(gateway) as client``."""
    return lambda gateway: Client(gateway.url, "demo")


@pytest.fixture
def street(tmp_path: Path) -> Callable[..., Any]:
    """``async with street(gateway, devices, owners) as street``: real MicroPython processes, 128 KB of heap each."""
    @asynccontextmanager
    async def join(gateway: GatewayProcess, devices: int, owners: int = 0, duty: int = 0) -> AsyncIterator[Street]:
        made = Street(gateway.url, "demo", tmp_path / "street", 128 * 1024)
        await made.enrol(devices, owners, [duty])
        await made.start()
        try:
            yield made
        finally:
            await made.stop()

    return join


def needed(program: str) -> str:
    """Path of a program; without it the test is skipped on a laptop and fails on a build machine."""
    found = shutil.which(program, path=os.environ.get("PATH", "") + ":/usr/sbin")
    if found is None:
        (pytest.fail if os.environ.get("CI") else pytest.skip)(f"{program} is not installed")
    return found


def unused_port() -> int:
    """A port of loopback that was free a moment ago, and that the kernel gives to no outgoing connection."""
    for port in random.sample(range(10_000, 20_000), 200):
        with socket.socket() as probe, suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return port
    raise AssertionError("no free port")


@pytest.fixture
def free_port() -> int:
    return unused_port()


@pytest.fixture(scope="session")
def start_mosquitto(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[..., str]]:
    """start_mosquitto(configuration) runs a Mosquitto on a free port and returns its URL."""
    started: list[subprocess.Popen[str]] = []

    def start(configuration: str = "allow_anonymous true\n") -> str:
        program, port = needed("mosquitto"), unused_port()
        path = tmp_path_factory.mktemp("mosquitto") / "mosquitto.conf"
        path.write_text(f"user root\nlistener {port} 127.0.0.1\n{configuration}")
        process = subprocess.Popen([program, "-c", str(path)], stderr=subprocess.PIPE, text=True)
        started.append(process)
        assert process.stderr is not None
        said = []
        for line in process.stderr:
            said.append(line)
            if "running" in line:
                return f"mqtt://127.0.0.1:{port}"
        raise AssertionError("".join(said))

    yield start
    for process in started:
        process.kill()
        process.communicate()


@pytest.fixture
def mosquitto_client() -> Callable[..., list[str]]:
    """mosquitto_client("pub", url, ...) is the command line of a plain MQTT client, signed in."""
    def command(which: str, url: str, *arguments: str) -> list[str]:
        broker = BrokerUrl.parse(url)
        login = ["-u", broker.user, "-P", broker.password] if broker.user else []
        return [needed(f"mosquitto_{which}"), "-h", broker.host, "-p", str(broker.port), *login, *arguments]

    return command

