# The device's end of a line, against a bridge played here.
import asyncio
import binascii
import struct

from lamplighter.firmware import line, lineport, wire
from lamplighter.firmware.cobs import ACK, HELLO, QOS, RETAIN, Pipe, encode
from lamplighter.firmware.mac import Mac
from lamplighter.firmware.ports import ticks_ms
from lamplighter.firmware.receipts import begin

DEVICE = bytes(range(16))
LEASE = len(wire.NODE_UP) + wire.NODE_DOWN.index("lease")


class Agent:
    # What a line needs of one. queue: what it says.
    def __init__(self):
        self.chain = begin(b"", "")
        self.up = Mac(b"k" * 32)
        self.queue = []

    def say(self, _most):
        return self.queue.pop(0) if self.queue else None


def lost(conn):
    # The will of so many sessions.
    return wire.encode_status((wire.LAST, conn, 1), "lost", Mac(b"k" * 32))


class Port:
    # Reader and writer of the device, and the bridge behind them. `answers`: it opens sessions.
    def __init__(self):
        self.pipe = Pipe(4096, 100)
        self.answers = True
        self.hellos = []
        self.heard = []      # (head, payload)
        self.broken = False  # the next read fails
        self.opened = 0
        self.reopened = asyncio.Event()
        self._news = asyncio.Event()
        self._in = b""

    async def open(self, _line, _baud):
        self.opened += 1
        self.reopened.set()
        self.broken = False
        return self, self, lambda: None

    async def read(self, most):
        while not self._in and not self.broken:
            self._news.clear()
            await self._news.wait()
        if self.broken:
            raise OSError(5)
        data = self._in[:most]
        self._in = self._in[most:]
        return data

    def put(self, data):
        self._in += data
        self._news.set()

    def fail(self):
        self.broken = True
        self._news.set()

    def write(self, data):
        for head, payload in self.pipe.feed(data, ticks_ms()):
            if head == HELLO:
                self.hellos.append(payload)
                if self.answers:
                    self.pipe.close()
                    self.pipe.hello(struct.pack(">I", binascii.crc32(payload)))
                    self.pipe.start(ticks_ms())
            elif head != ACK:
                self.heard.append((head, bytes(payload)))
        self.flush()

    async def drain(self):
        pass

    def flush(self):
        self.put(self.pipe.out)
        self.pipe.out = b""


class Owner:
    def __init__(self, events):
        self.agent = Agent()
        self.events = events

    def connected(self):
        self.events.append("up")

    def hear(self, leaf, payload):
        self.events.append((leaf, bytes(payload)))


def play(scene):
    # Runs scene(client, port, events, until) beside a client; events: what the client told its owner.
    async def main():
        port = Port()
        opener = lineport.open_line
        lineport.open_line = port.open
        client = line.Line("port", 115200, DEVICE, 1000)
        events = []
        client.owner = Owner(events)
        now = [ticks_ms()]

        async def until(true):
            for _ in range(2000):
                if true():
                    return
                now[0] += 100  # time runs as fast as it is looked at
                client.tick(now[0])
                await asyncio.sleep(0)
            raise AssertionError("nothing happened")

        task = asyncio.create_task(client.run())
        try:
            await scene(client, port, events, until)
        finally:
            lineport.open_line = opener
            task.cancel()
            try:
                await task
            except asyncio.CancelledError:
                pass

    asyncio.run(main())


def publish(client, leaf, payload, qos, retain):
    client.owner.agent.queue.append((leaf, [payload], qos, retain))
    client.flush()


def test_it_joins_and_speaks_both_ways():
    async def scene(client, port, events, until):
        await until(lambda: client.up)
        assert port.hellos[0] == b"\x01" + port.hellos[0][1:3] + DEVICE + lost(1)
        long = bytes(range(256)) * 3
        publish(client, "status", b"ready", 1, 1)
        publish(client, "result", long, 1, 0)
        port.pipe.send(LEASE | QOS, long, ticks_ms())
        port.flush()
        await until(lambda: len(port.heard) == 2 and len(events) == 2)
        assert port.heard == [(0 | QOS | RETAIN, b"ready"), (3 | QOS, long)]
        assert events == ["up", ("lease", long)]

    play(scene)


def test_one_message_is_on_its_way_and_the_others_stay_with_their_owner():
    async def scene(client, port, _events, until):
        publish(client, "bid", b"early", 0, 0)
        assert client.owner.agent.queue
        await until(lambda: client.up)
        for n in range(4):
            publish(client, "result", bytes([n]) * 300, 1, 0)
        assert len(client.owner.agent.queue) >= 3
        await until(lambda: len(port.heard) == 5)
        assert [payload[0] for _, payload in port.heard[1:]] == [0, 1, 2, 3]

    play(scene)


def test_a_bridge_that_knows_nothing_of_it_makes_it_begin_anew():
    async def scene(client, port, events, until):
        await until(lambda: client.up)
        first = port.hellos[-1]
        port.answers = False
        port.put(encode(HELLO, 0, b""))
        await until(lambda: not client.up)
        await until(lambda: port.hellos[-1] != first)
        port.put(encode(HELLO, 0, struct.pack(">I", binascii.crc32(first))))  # an answer of yesterday
        await until(lambda: len(port.hellos) > 3)
        assert not client.up
        port.answers = True
        await until(lambda: client.up)
        assert events == ["up", "up"] and port.hellos[-1][19:] == lost(2)  # the old will is not of this session

    play(scene)


def test_a_bridge_that_falls_silent_is_given_up():
    async def scene(client, port, _events, until):
        await until(lambda: client.up)
        port.answers = False
        port.pipe.close()  # no ACK from now on
        publish(client, "bid", b"{}", 0, 0)
        await until(lambda: not client.up)

    play(scene)


def test_a_port_that_fails_is_opened_again():
    async def scene(client, port, events, until):
        await until(lambda: client.up)
        port.reopened.clear()
        port.fail()
        await asyncio.wait_for(port.reopened.wait(), 300)
        assert not client.up
        await until(lambda: client.up)
        assert port.opened == 2 and events == ["up", "up"]

    play(scene)


def test_hostile_frames_change_nothing():
    async def scene(client, port, events, until):
        await until(lambda: client.up)
        for head in range(256):
            if head & 15 not in (HELLO, ACK):
                port.put(encode(head, 77, b"out of turn"))
            port.put(encode(head & 0xF0 | ACK, head, b"x"))
            port.put(encode(HELLO, head, b"not the answer"))
        for head in (0, 4, 8, 13, 0x8B):  # not ours to hear, or no topic
            port.pipe.send(head | QOS, b"", ticks_ms())
        port.pipe.send(LEASE, b"end", ticks_ms())
        port.flush()
        await until(lambda: len(events) > 1)
        assert events == ["up", ("lease", b"end")] and client.up

    play(scene)
