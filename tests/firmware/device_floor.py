# What the oldest gateway says, as ../vectors/firmware/ keeps it: this firmware does what it asks.
# ruff: noqa: PTH123
import binascii
import json

from lamplighter.firmware import fetch, loader, reserve, wire
from lamplighter.firmware.agent import Agent
from lamplighter.firmware.mac import Mac, derive
from lamplighter.firmware.receipts import begin

with open("../vectors/firmware/gateway.json") as f:
    KEPT = json.load(f)
KEY = binascii.unhexlify(KEPT["key"])
KERNEL = binascii.unhexlify(KEPT["kernel"])
SAID = [(leaf, binascii.unhexlify(payload)) for leaf, payload in KEPT["said"]]
UP = Mac(derive(KEY, b"up"))
DOWN = Mac(derive(KEY, b"down"))
REAL = loader.load, reserve.write, fetch.create


def after():
    loader.load, reserve.write, fetch.create = REAL


class Flash:
    # In place of files: the one kernel that is written.
    def __init__(self):
        self.data = b""

    def create(self, path):
        return self

    def write(self, part):
        self.data += bytes(part)

    def close(self):
        pass

    def load(self, name, path, blobs):
        if wire.blob_name(self.data) != name:
            return False
        scope = {}
        exec(self.data.decode(), scope)
        blobs.held.append((name, scope["run"], len(self.data)))
        return True


def spoken(agent):
    # (leaf, payload) of what the agent says now.
    agent.tick(1000, 0)
    found = []
    while True:
        message = agent.say(4096)
        if not message:
            return found
        found.append((message[0], b"".join(message[1])))


def test_a_device_does_what_the_oldest_gateway_asks():
    flash = Flash()
    loader.load, reserve.write, fetch.create = flash.load, lambda path, data: None, flash.create
    chain = begin(b"", "state")
    reserve.rise(chain, 0, 0)
    agent = Agent((b"N" * 8, wire.device_of(KEY)[0]), UP, DOWN, chain, 65536, 4, 2048, 1000, 20000, "mains")
    told = list(SAID)
    while told[0][0] != "ack":
        leaf, payload = told.pop(0)
        agent.message(leaf, payload, 0)
        wants = [payload for leaf, payload in spoken(agent) if leaf == "want"]
        assert len(wants) == (told[0][0] == "blob")
    assert flash.data == KERNEL
    run, data, contexts = agent.next(0)
    steps = run(data, contexts)
    next(steps)
    try:
        next(steps)
        raise AssertionError
    except StopIteration as end:
        agent.done(agent.running, end.value, 0, 10, 0)
    results = [payload for leaf, payload in spoken(agent) if leaf == "result"]
    assert len(results) == 1 and results[0][wire.RECEIPT_BYTES + 16:] == b"input 1 what many jobs share"
    agent.message(*told.pop(0), 0)
    agent.message(*told.pop(0), 0)
    assert agent.next(0) is None
    agent.tick(60000, 0)
    assert [leaf for leaf, _ in spoken(agent) if leaf == "result"] == [] and not agent.bad
    assert list(wire.decode_floor(told.pop(0)[1], DOWN)) == [5, 3, 640] and not told
