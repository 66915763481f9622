"""A board without Wi-Fi: real MicroPython at one end of a cable, the bridge with pyserial at the other."""

import asyncio
import binascii
import hashlib
import json
import os
import pty
import random
import signal
import struct
import subprocess
import sys
import tty
from contextlib import AsyncExitStack, asynccontextmanager

import pytest

from lamplighter.firmware.cobs import HELLO, QOS, RETAIN, Pipe, encode
from lamplighter.firmware.ports import ticks_ms
from lamplighter.firmware.wire import NODE_DOWN, NODE_UP, device_of, node_topic
from lamplighter.gateway.adapters.accounts import Account
from lamplighter.gateway.adapters.serial import Board, Bridge, LineError
from lamplighter.gateway.devicebuild.compiler import build_firmware
from lamplighter.gateway.devicebuild.interpreter import find_micropython
from lamplighter.gateway.simulate.fleet import FIRMWARE

KEY = bytes(range(32))
DEVICE, NODE = device_of(KEY)
STATUS, BIRTH, BID, RESULT, LEASE = (node_topic("demo", NODE, leaf)
                                     for leaf in ("status", "birth", "bid", "result", "lease"))


class End:
    """A terminal that a program opens at ``path``; ``fd`` is our side of it."""

    def __init__(self, path):
        self.path, self.got = path, None
        self.fd, self._held = pty.openpty()
        tty.setraw(self._held)   # open for as long as we are, so that there is no hang-up before it is used
        os.set_blocking(self.fd, False)
        path.unlink(missing_ok=True)
        path.symlink_to(os.ttyname(self._held))
        asyncio.get_running_loop().add_reader(self.fd, self._read)

    def _read(self):
        self.got(os.read(self.fd, 4096))

    def put(self, data):
        try:
            os.write(self.fd, data)
        except BlockingIOError:
            pass   # nobody reads: lost, as on a wire

    def pull(self):
        """Unplugs it: whoever has it open sees it go."""
        asyncio.get_running_loop().remove_reader(self.fd)
        self.path.unlink()
        os.close(self.fd)
        os.close(self._held)


class Cable:
    """Between ``host`` and ``board``; of ``permille`` of the bytes one bit is flipped, half as many are lost."""

    def __init__(self, host, board, permille=0.0):
        self.harm, self.random, self.board = permille / 1000, random.Random(5), board
        self.board.got = lambda data: self.host and self.host.put(self._harmed(data))
        self.plug(host)

    def plug(self, host):
        self.host = host
        self.host.got = lambda data: self.board.put(self._harmed(data))

    def unplug(self):
        self.host.pull()
        self.host = None

    def _harmed(self, data):
        chance = self.random.random
        return bytes(byte ^ (chance() < self.harm) << 3 for byte in data if chance() >= self.harm / 2)


class Toy:
    """A board as the test plays it: hello by hand, then a ``Pipe``. ``heard`` is a queue of (leaf, payload)."""

    def __init__(self, end, device=DEVICE, boot=1):
        self.end, self.pipe, self.heard = end, Pipe(4096, 50), asyncio.Queue()
        self.will = b'{"state":"lost","boot":%d}' % boot
        self.hello = struct.pack(">BH16s", 1, 1, device) + self.will
        self.deaf = False
        end.got = self._got

    def say_hello(self):
        self.pipe.hello(self.hello)
        self._write()

    def say(self, leaf, payload, flags=QOS):
        self.pipe.send(NODE_UP.index(leaf) | flags, payload, ticks_ms())
        self._write()

    async def joined(self):
        """Says hello until it is answered."""
        while not self.pipe.open:
            self.say_hello()
            await asyncio.sleep(0.02)

    def _got(self, data):
        if self.deaf:
            return
        for head, payload in self.pipe.feed(data, ticks_ms()):
            if head == HELLO:
                if payload == struct.pack(">I", binascii.crc32(self.hello)) and not self.pipe.open:
                    self.pipe.start(ticks_ms())
                elif not payload and self.pipe.open:
                    self.pipe.close()
                    self.heard.put_nowait(("closed", b""))
            elif self.pipe.open:
                self.heard.put_nowait((NODE_DOWN[(head & 15) - len(NODE_UP)], payload))
        self._write()

    def _write(self):
        self.end.put(self.pipe.out)
        self.pipe.out = b""


@pytest.fixture
def board(tmp_path):
    """What the bridge reads of the file that was flashed to the board."""
    path = tmp_path / "lamplighter.json"
    path.write_text(json.dumps({"line": "usb", "site": "demo", "net": "00" * 8, "key": KEY.hex()}))
    return Board.read(path)


@pytest.fixture
def bridged(embedded, board, client, people, tmp_path):
    """``async with bridged() as (bridge, end, gateway, said)``: a broker, a gateway's client, a port, the bridge."""
    class Bridged:
        async def __aenter__(self):
            self.broker = embedded()
            await self.broker.start()
            await self.broker.change_accounts(add=[Account(board.node, board.password, "device")])
            gateway = people["gateway"]
            self.gateway = client(self.broker.url.signed_in(gateway.user, gateway.password), "gateway",
                                  subscriptions=[(node_topic("demo", "+", leaf), 1) for leaf in NODE_UP])
            await self.gateway.link.start()
            self.end = End(tmp_path / "host")
            said = asyncio.Queue()
            bridge = Bridge(str(self.end.path), 115_200, self.broker.url, board, said.put_nowait)
            self.task = asyncio.create_task(bridge.run())
            return bridge, self.end, self.gateway, said

        async def __aexit__(self, *_):
            self.task.cancel()
            await asyncio.gather(self.task, return_exceptions=True)
            await self.gateway.link.stop(0.2)
            await self.broker.stop()

    return Bridged


async def _hears(said, words):
    """The next sentence that has ``words`` in it."""
    while words not in (sentence := await said.get()):
        pass
    return sentence


def test_the_identity_is_read_from_the_boards_own_file(board, tmp_path):
    """Name and broker password follow from the key; what is no such file is refused in one sentence."""
    assert (board.site, board.device, board.node) == ("demo", DEVICE, NODE)
    assert len(board.password) == 32 and board.password not in repr(board)
    with pytest.raises(LineError, match="lamplighter node enrol"):
        Board.read(tmp_path / "absent.json")
    (tmp_path / "other.json").write_text('{"key": "xyz", "site": "demo"}')
    with pytest.raises(LineError, match="not the lamplighter"):
        Board.read(tmp_path / "other.json")


def test_messages_go_both_ways_on_the_boards_own_topics(bridged, run):
    """QoS and retain are the board's; long messages come whole; the broker's acknowledgement is the board's."""
    async def main():
        async with bridged() as (bridge, end, gateway, said):
            toy = Toy(end)
            await toy.joined()
            await _hears(said, "is connected")
            long = bytes(range(256)) * 9
            toy.say("status", b"ready", QOS | RETAIN)
            toy.say("bid", b"{}", 0)
            toy.say("result", long)
            await gateway.has(b"ready", b"{}", long)
            assert sorted(gateway.got) == sorted([(STATUS, b"ready"), (BID, b"{}"), (RESULT, long)])
            toy.deaf = True
            gateway.link.publish(LEASE, long)
            while not bridge._pending:   # noqa: ASYNC110
                await asyncio.sleep(0.01)
            await gateway.drained()
            assert bridge._link.open_messages == 1
            toy.deaf = False
            assert await toy.heard.get() == ("lease", long)
            while bridge._link.open_messages:   # noqa: ASYNC110
                await asyncio.sleep(0.01)
    run(main)


def test_a_board_that_goes_is_reported_lost_and_taken_back(bridged, run, tmp_path):
    """Unplugged: its will is published, and people are told; plugged in again it is served as before."""
    async def main():
        async with bridged() as (_, end, gateway, said):
            toy = Toy(end)
            await toy.joined()
            end.pull()
            await gateway.has(toy.will)
            assert "gone" in await _hears(said, "waiting for it")
            await _hears(said, "cannot be opened")
            again = Toy(End(tmp_path / "host"), boot=2)
            await again.joined()
            again.say("result", b"answer")
            await gateway.has(b"answer")
    run(main)


def test_a_board_that_falls_silent_is_lost_until_it_speaks(bridged, run, monkeypatch):
    """A dead board behind a live port: its will is published, and its next hello brings it back."""
    monkeypatch.setattr("lamplighter.gateway.adapters.serial.SILENT_MS", 150)

    async def main():
        async with bridged() as (_, end, gateway, said):
            toy = Toy(end)
            await toy.joined()
            await _hears(said, "is silent")
            await gateway.has(toy.will)
            toy.pipe.close()
            toy.hello = toy.hello.replace(b'"boot":1', b'"boot":2')
            await toy.joined()
            toy.say("result", b"back")
            await gateway.has(b"back")
    run(main)


def test_a_new_session_of_a_board_is_no_loss(bridged, run):
    """Each session has a will of its own: the broker gets the new one, and nobody hears the old one."""
    async def main():
        async with bridged() as (_, end, gateway, said):
            toy = Toy(end)
            await toy.joined()
            await _hears(said, "is connected")
            first, second = toy.will, b'{"state":"lost","boot":1,"conn":2}'
            toy.pipe.close()
            toy.hello = toy.hello.replace(first, second)
            await toy.joined()
            toy.say("status", b"ready")
            await gateway.has(b"ready")
            end.pull()
            await gateway.has(second)
            assert gateway.got == [(STATUS, b"ready"), (STATUS, second)]
    run(main)


def test_another_board_gets_no_connection(bridged, run):
    """The password belongs to one board: another on the port is named, and nothing is published for it."""
    async def main():
        async with bridged() as (_, end, gateway, said):
            toy = Toy(end, device=bytes(16))
            await _hears(said, "is open")
            toy.say_hello()
            assert NODE in await _hears(said, "is 0000000000000000, not")
            toy.pipe.start(0)
            toy.say("status", b"mine", QOS | RETAIN)
            assert await toy.heard.get() == ("closed", b"")
            assert not gateway.got
    run(main)


def test_hostile_frames_change_nothing(bridged, run):
    """Frames of every head with a good checksum, and noise: only what the protocol allows is published."""
    async def main():
        async with bridged() as (_, end, gateway, said):
            toy, chance = Toy(end), random.Random(3)
            await _hears(said, "is open")
            for _ in range(300):
                head = chance.randrange(256)
                end.put(encode(head, chance.randrange(256), chance.randbytes(chance.randrange(60))))
                end.put(chance.randbytes(chance.randrange(30)))
                await asyncio.sleep(0)
            end.put(encode(HELLO, 0, struct.pack(">BH16s", 200, 1, DEVICE) + b"will"))
            await _hears(said, "speaks version 200")
            assert not gateway.got
            await toy.joined()
            for code in range(len(NODE_UP), 14):
                toy.pipe.send(code | QOS, b"not a board's topic", ticks_ms())
            toy.say("result", b"end")
            await gateway.has(b"end")
            assert gateway.got == [(RESULT, b"end")]
    run(main)


def test_a_session_ends_with_the_brokers_connection_and_begins_with_the_next(bridged, run):
    """Then the board says everything again, as over MQTT itself; what it had not taken comes first."""
    async def main():
        async with bridged() as (bridge, end, gateway, said):
            toy = Toy(end)
            await toy.joined()
            toy.deaf = True
            gateway.link.publish(LEASE, b"untaken")
            while not bridge._pending:   # noqa: ASYNC110
                await asyncio.sleep(0.01)
            toy.deaf = False
            bridge._link._wire.transport.abort()
            await _hears(said, "no connection")
            leaf, _ = await toy.heard.get()
            if leaf == "lease":   # its repetition came before the end
                leaf, _ = await toy.heard.get()
            assert leaf == "closed"
            await toy.joined()
            await _hears(said, "is connected")
            toy.say("result", b"again")
            await gateway.has(b"again")
    run(main)


@asynccontextmanager
async def _device(folder, end, usb, runtime="micropython", **config):
    """The real firmware on ``end``; its configuration is ``folder/lamplighter.json``."""
    found = find_micropython() if runtime == "micropython" else (sys.executable, 0)
    if not found:
        assert not os.environ.get("CI"), "no micropython program"
        pytest.skip("no micropython program here")
    program, arch = found
    build_firmware(FIRMWARE, folder / "lib", arch)
    (folder / "lamplighter.json").write_text(json.dumps({
        "line": "usb" if usb else str(end.path), "site": "demo", "net": "00" * 8, "key": KEY.hex(),
        "state": str(folder / "state"), **config}))
    limit = ["-X", "heapsize=128k"] if arch else []
    with (folder / "device.log").open("wb") as log, end.path.open("r+b", 0) as port:
        device = await asyncio.create_subprocess_exec(
            program, *limit, "-m", "firmware.main", "lamplighter.json", cwd=folder, stderr=log,
            stdin=port if usb else subprocess.DEVNULL, stdout=port if usb else log,
            env={"PATH": os.environ["PATH"], "MICROPYPATH" if arch else "PYTHONPATH": f"{folder / 'lib'}:.frozen"})
    try:
        yield device
        assert device.returncode is None, (folder / "device.log").read_text()
    finally:
        if device.returncode is None:
            device.kill()
        await device.wait()


@pytest.mark.parametrize(("runtime", "usb"), [("micropython", False), ("micropython", True), ("cpython", False)],
                         ids=["terminal", "usb", "cpython"])
def test_the_real_firmware_joins(bridged, run, tmp_path, runtime, usb):
    """Status, birth and bid arrive, from a terminal or standard input and output; a terminal is opened again."""
    async def main():
        async with bridged() as (_, end, gateway, _said):
            cable = Cable(end, End(tmp_path / "board"))
            numbers = struct.pack(">II32s", 1, 0, bytes(32))   # nobody is there who could tell it which are used
            (tmp_path / "state").write_bytes(numbers + hashlib.sha256(numbers).digest()[:4])
            async with _device(tmp_path, cable.board, usb, runtime):
                await gateway.until(lambda: {STATUS, BIRTH, BID} <= {topic for topic, _ in gateway.got})
                assert json.loads(dict(gateway.got)[BIRTH])["heap"] > 50_000
                if not usb:
                    gateway.got.clear()
                    cable.board.pull()
                    Cable(end, End(tmp_path / "board"))
                    await gateway.until(lambda: {STATUS, BIRTH, BID} <= {topic for topic, _ in gateway.got})
    run(main)


def test_a_real_board_on_a_real_line_does_jobs_and_is_paid(start_gateway, operator, tmp_path, run):
    """It joins over a cable that harms bytes, works, is paid, and survives unplugging; Ctrl-C ends cleanly."""
    gateway = start_gateway()

    async def main():
        cable = Cable(End(tmp_path / "host"), End(tmp_path / "board"), 0.7)
        async with operator(gateway) as client, AsyncExitStack() as stack:
            told = await client.call("node.enrol", nodes=[{"key": KEY.hex(), "owner": "anna"}])
            await stack.enter_async_context(_device(tmp_path, cable.board, False, net=told["net"]))
            path = tmp_path / "lamplighter.json"
            bridge = await asyncio.create_subprocess_exec(
                sys.executable, "-m", "lamplighter.gateway", "line", "--port", str(tmp_path / "host"),
                "--config", str(path), "--broker", gateway.url, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
            stack.callback(lambda: bridge.returncode is None and bridge.kill())
            await _works(client, "first")
            cable.unplug()
            await _until(bridge.stdout, "gone")
            while (await _node(client))["state"] != "lost":   # noqa: ASYNC110
                await asyncio.sleep(0.05)
            cable.plug(End(tmp_path / "host"))
            await _until(bridge.stdout, "is connected")
            assert (await _works(client, "second"))["pending"] > 0
            bridge.send_signal(signal.SIGINT)
            said = (await bridge.stdout.read()).decode()
            assert await bridge.wait() == 0
            assert "Traceback" not in said
    run(main)


async def _node(client):
    return next(node for node in (await client.call("node.list"))["nodes"] if node["node"] == NODE)


async def _until(stream, words):
    while words not in (line := (await stream.readline()).decode()):
        assert line, f"the bridge ended before it said {words!r}"


async def _works(client, task):
    """Gives the board a task; returns the node when its answer is in."""
    before = (await client.call("node.list"))["nodes"]
    earned = sum(node["pending"] for node in before)
    await client.call("task.submit", id=task, kind="toy.chain", where="fleet",
                      input={"jobs": 4, "steps": 20_000})
    while True:
        name, leaf, document = await client.next()
        if (name, leaf) == (task, "result"):
            break
    assert document["ok"], document
    while (node := await _node(client))["pending"] <= earned:   # noqa: ASYNC110
        await asyncio.sleep(0.05)
    return node
