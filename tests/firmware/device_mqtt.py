# The MQTT client against a broker of a few lines, in memory.
import asyncio

from device_fuzz import packets

from lamplighter.firmware import link as links
from lamplighter.firmware import mqtt, ports, wire
from lamplighter.firmware.mac import Mac
from lamplighter.firmware.mqtt import Client, headed, text
from lamplighter.firmware.receipts import begin
from lamplighter.firmware.wire import LAST, WireError, encode_status

REAL_SLEEP = asyncio.sleep
CONNACK = b"\x20\x02\0\0"
SUBACK = b"\x90\x05\0\1\1\1\1"


def packet(head, parts):
    return b"".join(headed(head, list(parts)))


class Link:
    # One connection. `sent`: what the client wrote; `push`: what it is to read, b"" for the end.
    def __init__(self):
        self.sent = b""
        self.inbox = b""
        self.ended = False
        self.closed = False
        self.room = 1 << 20  # bytes that it still takes
        self.writes = []     # how many came at once

    def push(self, *packets):
        self.inbox += b"".join(packets)
        self.ended = self.ended or packets == (b"",)

    def write(self, data, at, most):
        count = min(len(data) - at, most, self.room)
        self.sent += bytes(data[at:at + count])
        self.room -= count
        self.writes.append(count)
        return count or None

    def close(self):
        self.closed = True

    def take(self):
        sent, self.sent = self.sent, b""
        return sent


async def receive(link, buf, count):
    await settle(lambda: len(link.inbox) >= count or link.ended)
    if len(link.inbox) < count:
        raise EOFError
    buf[:count], link.inbox = link.inbox[:count], link.inbox[count:]


async def writable(link):
    await settle(lambda: link.room or link.closed)


class Agent:
    # What a client needs of one.
    def __init__(self):
        self.say = None
        self.chain = begin(b"", "")
        self.up = Mac(b"k" * 32)


def lost(conn):
    # The will of so many connections.
    return encode_status((LAST, conn, 1), "lost", Mac(b"k" * 32))


class Bench:
    # A client and the links it opened. heard: (leaf, payload); ups: how often it was up; say: what its owner wants
    # published.
    def __init__(self, refuse=0):
        self.links = []
        self.heard = []
        self.ups = 0
        self.pauses = []
        self.refuse = refuse
        self.client = Client("host", 1883, None, b"node", b"secret", b"n/", 300)
        self.client.owner = self
        self.agent = Agent()
        self.agent.say = self._free
        self.say = []
        self.most = []
        links.connect = self._open
        ports.receive, ports.writable = receive, writable
        mqtt.asyncio.sleep = self.quick

    def connected(self):
        self.ups += 1

    def hear(self, leaf, payload):
        self.heard.append((leaf, bytes(payload)))

    def _free(self, most):
        self.most.append(most)
        return self.say.pop(0) if self.say else None

    def publish(self, leaf, payload, qos, retain):
        self.say.append((leaf, [payload], qos, retain))
        self.client.flush()

    async def quick(self, seconds):
        # Instead of asyncio.sleep: notes a pause and does not wait.
        if seconds:
            self.pauses.append(seconds)
        await REAL_SLEEP(0)

    async def _open(self, _host, _port, _tls):
        if self.refuse:
            self.refuse -= 1
            raise OSError(111)
        link = Link()
        self.links.append(link)
        return link


async def settle(true=None):
    # Lets the client work until `true()`, or for some rounds of the loop.
    for _ in range(100000 if true else 50):
        if true and true():
            return
        await asyncio.sleep(0)
    assert not true, "it never came"


def benched(story, *args):
    # Runs story(bench) beside a client.
    async def go():
        real = links.connect, ports.receive, ports.writable
        bench = Bench(*args)
        task = asyncio.create_task(bench.client.run())
        try:
            await story(bench)
        finally:
            mqtt.asyncio.sleep = REAL_SLEEP
            task.cancel()
            try:
                await task
            except asyncio.CancelledError:
                pass
            links.connect, ports.receive, ports.writable = real

    asyncio.run(go())


async def up(bench):
    # The link of a client that is up, its handshake taken.
    await settle(lambda: bench.links and bench.links[-1].sent and not bench.links[-1].closed and not bench.client.up)
    link = bench.links[-1]
    link.push(CONNACK)
    await settle(lambda: b"\x82" in link.sent)
    link.push(SUBACK)
    await settle(lambda: bench.client.up)
    link.take()
    return link


def test_it_connects_with_login_will_and_clean_session_then_subscribes():
    async def story(bench):
        await settle(lambda: bench.links and bench.links[0].sent)
        link = bench.links[0]
        body = b"\0\4MQTT\4\xee\0\x14" + b"\0\x102bb80d537b1da3e3" + b"\0\x08n/status" + text(lost(1))
        assert packets(link.take(), 300) == [(0x10, body + b"\0\4node" + b"\0\6secret", True)]
        link.push(CONNACK)
        await settle(lambda: link.sent)
        assert link.take() == b"\x82\x1d\0\1" + b"\0\7n/lease\0" + b"\0\5n/ack\0" + b"\0\6n/blob\0"
        bench.publish("bid", b"early", 0, 0)
        assert not bench.client.up and not bench.most
        link.push(SUBACK)
        await settle(lambda: bench.client.up)
        assert bench.ups == 1

    benched(story)


def test_messages_go_out_as_one_write_each_with_their_qos():
    async def story(bench):
        link = await up(bench)
        link.writes = []
        bench.publish("bid", b"hello", 0, 0)
        bench.say.append(("status", [b"re", b"a", b"dy"], 1, 1))
        await settle(lambda: not bench.say)
        assert link.take() == b"\x30\x0c\0\5n/bidhello" + b"\x33\x11\0\x08n/status\0\1ready"
        assert link.writes == [14, 19]
        link.push(b"\x40\2\0\1")
        await settle(lambda: not link.inbox)
        assert bench.client.up

    benched(story)


def test_packet_ids_begin_again_at_1():
    async def story(bench):
        link = await up(bench)
        bench.client._id = 0xFFFE
        for _ in range(3):
            bench.publish("bid", b"x", 1, 0)
        await settle(lambda: len(link.sent) == 3 * 12)
        assert [link.sent[at:at + 2] for at in (9, 21, 33)] == [b"\xff\xff", b"\0\1", b"\0\2"]

    benched(story)


def test_what_comes_at_qos_1_is_handed_over_and_acknowledged():
    async def story(bench):
        link = await up(bench)
        whole = packet(0x32, (text(b"n/lease"), b"\x12\x34", b"payload")) + packet(0x30, (text(b"n/ack"), b"plain"))
        for i in range(len(whole)):
            link.push(whole[i:i + 1])
        await settle(lambda: len(bench.heard) == 2 and link.sent)
        assert bench.heard == [("lease", b"payload"), ("ack", b"plain")]
        assert link.take() == b"\x40\2\x12\x34"

    benched(story)


def test_a_message_too_long_is_passed_over_counted_and_acknowledged():
    async def story(bench):
        link = await up(bench)
        long = packet(0x32, (text(b"n/lease"), b"\0\7", b"x" * 5000))
        for i in range(0, len(long), 100):
            link.push(long[i:i + 100])
        link.push(packet(0x30, (text(b"n/ack"), b"after")))
        await settle(lambda: bench.heard and link.sent)
        assert bench.heard == [("ack", b"after")]
        assert (bench.client.skipped, link.take()) == (1, b"\x40\2\0\7")

    benched(story)


def test_what_the_broker_does_not_take_yet_stays_with_its_owner():
    async def story(bench):
        link = await up(bench)
        link.room = 0
        for n in range(8):
            bench.publish("result", bytes([n]) * 90, 1, 0)
        await settle()
        assert len(bench.say) == 7
        link.push(packet(0x32, (text(b"n/ack"), b"\0\7", b"heard")))
        await settle(lambda: bench.heard)
        for _ in range(8):
            link.room += 100  # the rest comes whole and in order, with the acknowledgement between two packets
            await settle(lambda: not link.room)
        link.room = 1 << 20
        await settle(lambda: not bench.say and not bench.client._parts and b"\x40\2\0\7" in link.sent)
        wanted = [packet(0x32, (text(b"n/result"), bytes((0, n + 1)), bytes([n]) * 90)) for n in range(8)]
        found = packets(link.take(), 300)
        assert [body for head, body, _ in found if head == 0x32] == [packet[2:] for packet in wanted]
        assert [body for head, body, _ in found if head == 0x40] == [b"\0\7"]

    benched(story)


def no_piece(_parts):
    raise MemoryError


def test_a_heap_in_pieces_has_a_message_written_piece_by_piece():
    async def story(bench):
        link = await up(bench)
        frames = [bytes([n]) * 200 for n in range(5)]
        bench.client.join = no_piece
        bench.say.append(("result", wire.batch(frames), 1, 0))
        bench.publish("bid", b"after", 0, 0)
        link.room = 50
        await settle(lambda: not link.room)
        link.push(packet(0x32, (text(b"n/ack"), b"\0\7", b"heard")))
        await settle(lambda: bench.heard)
        link.room = 1 << 20
        await settle(lambda: not bench.say and not bench.client._parts and b"\x40\2\0\7" in link.sent)
        found = packets(link.take(), 2000)
        assert found[0][0] == 0x32 and sorted([head for head, _, _ in found[1:]]) == [0x30, 0x40]
        assert found[0][1] == text(b"n/result") + b"\0\1" + wire.encode_batch(frames)
        assert max(link.writes[-20:]) <= 200

    benched(story)


def test_a_want_of_memory_loses_nothing_that_is_to_be_said():
    async def story(bench):
        link = await up(bench)
        client = bench.client
        failing = [1]

        def free(most):
            if failing.pop() if failing else False:
                raise MemoryError
            return bench.say.pop(0) if bench.say else None

        bench.agent.say = free
        bench.publish("result", b"kept", 1, 0)
        await settle(lambda: client.starved)
        assert bench.say and client.up and not link.closed
        client.flush()
        await settle(lambda: not bench.say)
        assert link.take()[-4:] == b"kept"

    benched(story)


def test_it_comes_back_after_refusals_and_lost_connections():
    async def story(bench):
        link = await up(bench)
        link.push(b"")
        last = bench.links[-1]
        await settle(lambda: len(bench.links) > 1 and bench.links[-1] is not last and bench.links[-1].sent)
        assert text(lost(len(bench.links) + 3)) in bench.links[-1].sent  # each attempt has a will of its own
        await up(bench)
        assert link.closed and bench.ups == 2
        # 3 refusals and 1 loss: each pause up to twice the one before, the lower half of it sure.
        assert len(bench.pauses) == 4
        for n in range(4):
            assert 0.25 * 2 ** n <= bench.pauses[n] <= 0.51 * 2 ** n, bench.pauses

    benched(story, 3)


def test_a_silent_broker_is_pinged_then_dropped():
    async def story(bench):
        link = await up(bench)
        client = bench.client
        client.tick(client._heard + 9000)
        client.tick(client._heard + 11000)
        client.tick(client._heard + 12000)
        await settle(lambda: link.sent)
        assert link.take() == b"\xc0\0"
        link.push(b"\xd0\0")
        await settle(lambda: not client._pinged)
        client.tick(client._heard + 29000)
        assert client.up
        client.tick(client._heard + 31000)
        await settle(lambda: link.closed)
        assert not client.up
        await up(bench)

    benched(story)


def test_a_broker_that_refuses_or_babbles_is_left():
    bad = (b"\x20\2\0\5", b"\x90\4\0\1\x80\1", b"\x34\5\0\0xyz", b"\x32\2\0\5", b"\x30\0", b"\xf0\0",
           b"\x30\xff\xff\xff\xff\1", SUBACK, b"\x40\3\0\1\1")

    async def story(bench):
        for answer in bad:
            await settle(lambda: bench.links and bench.links[-1].sent and not bench.links[-1].closed)
            link = bench.links[-1]
            if answer[0] != 0x20:
                link.push(CONNACK)
                await settle(lambda: b"\x82" in link.sent)  # noqa: B023 - called before the next round
            if answer[0] not in (0x20, 0x90) or answer == SUBACK:
                link.push(SUBACK)
                await settle(lambda: bench.client.up)
            link.push(answer)
            await settle(lambda: link.closed)  # noqa: B023

    benched(story)


def test_the_parser_keeps_its_limit_and_only_raises_its_own_error():
    stream = b"".join([packet(0x30, (text(b"t"), bytes(n))) for n in (0, 1, 120, 125, 126, 290, 400, 20000, 3)])
    got = packets(stream, 300)
    assert [len(body) - 3 for _, body, whole in got if whole] == [0, 1, 120, 125, 126, 290, 3]
    assert [len(body) for _, body, whole in got if not whole] == [160, 160]
    for end in range(len(stream) - 20000, len(stream), 70):
        assert len(packets(stream[:end], 300)) <= 9
    try:
        packets(b"\x30\x80\x80\x80\x80", 300)
        raise AssertionError("taken")
    except WireError:
        pass
