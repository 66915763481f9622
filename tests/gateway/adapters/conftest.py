"""What the adapter tests share: clients that remember what reaches them, and brokers to reach them by."""

import asyncio
import os
import shutil
import signal
import subprocess
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from lamplighter.gateway.adapters.accounts import Account
from lamplighter.gateway.adapters.broker import EmbeddedBroker
from lamplighter.gateway.adapters.mqtt import BrokerUrl, MqttLink

SITE = "demo"
GATEWAY = Account("gateway", "gateway-password", "gateway")
DEVICE_A = Account("a" * 16, "a-password", "device")
DEVICE_B = Account("b" * 16, "b-password", "device")
OPERATOR = Account("city", "city-password", "operator")
PEOPLE = {"gateway": GATEWAY, "a": DEVICE_A, "b": DEVICE_B, "city": OPERATOR}


class Client:
    """A link that keeps what it gets. ``asks`` subscribes without minding a refusal: delivery is what counts."""

    def __init__(self, url, client_id, *, hold=False, **options):
        self.got, self.downs, self.ups, self.hold, self.held = [], [], 0, hold, []
        self.retained, self.properties = [], []
        self._news = asyncio.Event()
        self.link = MqttLink(url, client_id, on_message=self._take, on_up=self._up, on_down=self._down, **options)

    def _take(self, message):
        self.got.append((message.topic, message.payload))
        self.retained += [self.got[-1]] * message.retain
        self.properties += [message.properties] * bool(message.properties)
        if self.hold:
            self.held.append(message)
        else:
            self.link.acknowledge(message)
        self._news.set()

    def _up(self):
        self.ups += 1
        self._news.set()

    def _down(self, reason):
        self.downs.append(reason)
        self._news.set()

    async def asks(self, *filters):
        """Subscribes by hand and returns when the broker has answered."""
        answered = asyncio.get_running_loop().create_future()
        self.link._client.on_subscribe = lambda *_: answered.done() or answered.set_result(None)
        self.link._client.subscribe([(one, 1) for one in filters])
        await answered

    async def until(self, condition):
        """Waits for news until ``condition()`` holds."""
        while not condition():
            self._news.clear()
            await self._news.wait()

    async def drained(self):
        """Waits until the broker has confirmed all that was published."""
        while self.link.unsent:  # noqa: ASYNC110
            await asyncio.sleep(0.001)

    async def has(self, *payloads):
        """Waits for a message with each of these payloads: a broker keeps the order of one topic, not of several."""
        await self.until(lambda: {got for _, got in self.got}.issuperset(payloads))


@asynccontextmanager
async def clients(*pairs):
    """Starts links and stops them all, whatever happens."""
    links = [Client(url, name, **options) for url, name, options in pairs]
    try:
        for client in links:
            await client.link.start()
        yield links
    finally:
        for client in links:
            await client.link.stop(0.2)


@pytest.fixture
def run():
    """Runs a coroutine function to its end, within a bound."""
    def runner(main):
        async def bounded():
            async with asyncio.timeout(300):
                await main()
        asyncio.run(bounded())
    return runner


@pytest.fixture
def client():
    return Client


@pytest.fixture
def together():
    return clients


@pytest.fixture
def people():
    return PEOPLE


@pytest.fixture
def embedded(tmp_path):
    """Makes an embedded broker that knows everybody, on a folder that the test can keep."""
    def make(folder="broker", **options):
        return EmbeddedBroker(tmp_path / folder, SITE, PEOPLE.values(), **options)
    return make


def mosquitto_path():
    """The second broker; a laptop may lack it, a build machine may not."""
    found = shutil.which("mosquitto") or ("/usr/sbin/mosquitto" if Path("/usr/sbin/mosquitto").exists() else None)
    if found is None:
        (pytest.fail if os.environ.get("CI") else pytest.skip)("mosquitto is not installed")
    return found


@pytest.fixture
def mosquitto_bare(tmp_path):
    """Starts a Mosquitto with a whole configuration and ends it afterwards."""
    program, started = mosquitto_path(), []

    def start(text):
        (tmp_path / "mosquitto.conf").write_text("user root\n" + text)
        process = subprocess.Popen([program, "-c", str(tmp_path / "mosquitto.conf")], stderr=subprocess.PIPE)
        started.append(process)
        said = []
        for line in process.stderr:
            said.append(line)
            if b"running" in line:
                return process
        raise AssertionError(b"".join(said).decode())

    yield start
    for process in started:
        process.send_signal(signal.SIGKILL)
        process.wait()
        process.stderr.close()


@pytest.fixture
def mosquitto(mosquitto_bare, free_port):
    """Starts a Mosquitto on a free port, again on the same one, with some more configuration."""
    def start(text="allow_anonymous true\n"):
        process = mosquitto_bare(f"listener {free_port} 127.0.0.1\n" + text)
        return BrokerUrl("127.0.0.1", free_port), process
    return start
