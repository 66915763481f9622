# Hostile bytes: whatever comes, decoders and parser raise their own error or nothing. ROUNDS is small here; the
# million is in test_fuzz.py, on CPython.
# MicroPython has no pathlib.
# ruff: noqa: PTH123
import binascii
import json

from lamplighter.firmware import ports, wire
from lamplighter.firmware.mac import Mac
from lamplighter.firmware.mqtt import read_packet
from lamplighter.gateway.protocol import frames, topics

with open("../vectors/wire.json") as f:
    V = {name: binascii.unhexlify(text) for name, text in json.load(f).items()}
ROUNDS = 2000
SEEDS = [V[name] for name in ("lease", "result", "refusal", "ack", "chunk", "want", "batch", "cancel", "accept",
                              "floor", "status", "birth", "bid")]
SEEDS += [b"", b"\x01", b"\x01\x05" + b"\x00\x02\x01\x01" * 64]


class Yes:
    # A MAC that passes, so that what lies behind it meets hostile bytes too.
    def matches(self, _data, _tag):
        return True

    def __call__(self, _data):
        return bytes(16)


class Random:
    # Lehmer's generator: the same bytes on both interpreters.
    def __init__(self, seed):
        self.state = seed * 2 + 1

    def below(self, n):
        self.state = self.state * 48271 % 2147483647
        return self.state % n

    def mutated(self):
        # A frame with some bytes changed, cut, doubled or put in.
        data = bytearray(SEEDS[self.below(len(SEEDS))])
        for _ in range(self.below(4)):
            at = self.below(len(data) + 1)
            how = self.below(5)
            if how == 0 and at < len(data):
                data[at] = self.below(256)
            elif how == 1 and at < len(data):
                data[at] ^= 1 << self.below(8)
            elif how == 2:
                data = data[:at]
            elif how == 3:
                data = data[:at] + bytearray([self.below(256) for _ in range(self.below(20))]) + data[at:]
            else:
                data = data + data[at:]
        return bytes(data)


MACS = (Yes(), Yes(), Mac(V["key_up"]))
JSON = ("status", "birth", "bid")


def decode(random):
    # One mutated message through one decoder of either half. True when it was taken.
    data = random.mutated()
    mac = MACS[random.below(3)]
    which = random.below(13)
    try:
        if which == 0:
            wire.decode_lease(data, mac)
        elif which == 1:
            list(wire.decode_ack(data, mac))
        elif which == 2:
            wire.decode_nonce(wire.CANCEL, data, mac)
        elif which == 3:
            wire.decode_chunk(data)
        elif which in (4, 5):
            for frame in wire.frames_of(data):
                wire.kind_of(frame)
        elif which == 6:
            frames.decode_result(data, mac)
        elif which == 7:
            frames.decode_refusal(data, mac)
        elif which == 8:
            frames.decode_want(data, mac)
        elif which == 12:
            wire.decode_floor(data, mac)
        elif which == 9:
            frames.decode_receipt(data)
        elif which == 10:
            frames.decode_json(JSON[random.below(3)], data, mac)
        else:
            topics.parse_node_topic("demo", "".join([chr(byte) for byte in data[:140]]))
    except wire.WireError:
        return False
    return True


class Stream:
    # What a broker sent, and no more.
    def __init__(self, data):
        self.data = data

    async def receive(self, _link, buf, count):
        if count > len(self.data):
            raise EOFError
        buf[:count], self.data = self.data[:count], self.data[count:]


def packets(data, limit):
    # The packets in a stream, until it ends. Raises WireError.
    real = ports.receive
    ports.receive = Stream(data).receive
    found = []
    buf = bytearray(160)
    try:
        while True:
            try:
                read_packet(None, buf, limit).send(None)
            except StopIteration as end:
                head, body, whole = end.value
                found.append((head, bytes(body), whole))
                assert len(buf) == 160
    except EOFError:
        return found
    finally:
        ports.receive = real


def parse(random):
    # One mutated stream through the MQTT parser; nothing over the limit is kept.
    try:
        for _, body, _ in packets(bytes((random.below(256), random.below(256))) + random.mutated(), 200):
            assert len(body) <= 200
    except wire.WireError:
        return False
    return True


def fuzz(rounds, seed):
    # (taken, refused) of as many messages.
    random = Random(seed)
    taken = 0
    for i in range(rounds):
        taken += parse(random) if i & 3 == 3 else decode(random)
    return taken, rounds - taken


def test_decoders_and_parser_raise_nothing_but_their_own_errors():
    taken, refused = fuzz(ROUNDS, 1)
    assert taken > ROUNDS // 50 and refused > ROUNDS // 4
