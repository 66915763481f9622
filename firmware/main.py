# Wires the agent to MQTT, the runner and the clock. On a board /main.py says: import firmware.main as m; m.main()
import asyncio
import binascii
import json
import random
import sys

import firmware
from firmware import ports, wire
from firmware.agent import Agent
from firmware.mac import derive
from firmware.mqtt import Client
from firmware.receipts import Chain
from firmware.runner import Job
from firmware.spare import Spare, watch

_TICK_S = 0.2


class Node:
    # config: see the keys read here. Everything that a device is.
    def __init__(self, config):
        key = binascii.unhexlify(config["key"])
        name = wire.device_of(key)[1]
        state = config.get("state", "lamplighter.state")
        chain = Chain(ports.read_file(state), lambda data: ports.write_file(state, data))
        heap = ports.free_heap()
        speed = ports.measure_speed()
        room = config.get("room", max(1, min(8, heap // 12288)))
        message = max(512, min(wire.MAX_MESSAGE, heap // 32))
        self.spare = Spare()
        self.agent = Agent(key, binascii.unhexlify(config["net"]), chain, ports.load_kernel, heap // 4, room, message,
                           config.get("bid_ms", 1000), speed, config.get("power", "mains"))
        self.agent.heap = heap
        self._birth = wire.encode_birth(config.get("board", ports.BOARD), ports.ARCH, firmware.__version__, heap,
                                        speed, chain.boot, message)
        leaves = wire.NODE_UP + wire.NODE_DOWN
        self._topics = topics = {leaf: wire.node_topic(config["site"], name, leaf).encode() for leaf in leaves}
        login = (name.encode(), binascii.hexlify(derive(key, b"mqtt")[:16]))
        will = (topics["status"], wire.encode_status("lost", chain.boot))
        tls = ports.tls_context(config["ca"]) if "ca" in config else None
        self.client = Client(config["broker"], config["port"], login, will, [topics[leaf] for leaf in wire.NODE_DOWN],
                             message + 64, self._connected, self._heard, tls)
        self._worker = None  # the task that runs jobs; None while there are none
        self._duty = config.get("duty", 0)  # permille, then the task that stands for the board's own duty

    async def run(self):
        watch(self.spare)
        if self._duty:
            from firmware.duty import Duty

            self._duty = asyncio.create_task(Duty(self._duty).run())
        talk = asyncio.create_task(self.client.run())
        beat = 0
        while not talk.done():
            await asyncio.sleep(_TICK_S)
            beat = (beat + 1) % 5
            try:
                self._tick(not beat)
            except MemoryError:
                ports.free_heap()  # what could not be said now is said later
        await talk

    def _tick(self, measure):
        now = ports.ticks_ms()
        self.client.tick(now)
        if measure:
            self.agent.spare = self.spare.share()
            self.agent.heap = ports.free_heap()
            self.agent.temp = ports.temperature()
        if self.client.up:
            self.agent.tick(now, random.getrandbits(8))
        self._act()

    def _connected(self):
        self.agent.connected(self._birth, ports.ticks_ms())
        self._act()

    def _heard(self, topic, payload):
        for leaf in wire.NODE_DOWN:
            if topic == self._topics[leaf]:
                self.agent.message(leaf, payload, ports.ticks_ms())
        self._act()

    def _act(self):
        for leaf, payload, qos, retain in self.agent.take_out():
            self.client.publish(self._topics[leaf], payload, qos, retain)
        if not self._worker:
            job = self.agent.next(ports.ticks_ms())
            if job:
                self._worker = asyncio.create_task(self._work(job))

    async def _work(self, job):
        # Runs jobs until none is ready.
        try:
            while job:
                entry = self.agent.running
                answer, code, busy = await self._one(entry, job)
                self.agent.done(entry, answer, code, busy, ports.ticks_ms())
                job = self.agent.next(ports.ticks_ms())
            self._worker = None
            self._act()
        except MemoryError:
            self._worker = None  # the next tick sends what there is

    async def _one(self, entry, job):
        # (answer, 0, us) or (None, refusal code, us) of one job.
        done = False
        task = None
        try:
            task = Job(job[0], job[1], job[2], ports.ticks_us)
            while not done:
                before = task.busy_us
                done = task.slice()
                self.spare.kernel_us += task.busy_us - before
                if not done:
                    await asyncio.sleep(0)
                    if self.agent.stopped(entry, ports.ticks_ms()):
                        return None, wire.EXPIRED, task.busy_us
            return task.answer, 0, task.busy_us
        except MemoryError:
            return None, wire.NO_HEAP, 0
        except Exception:
            return None, wire.FAILED, 0  # a kernel may raise anything; the gateway is told, and judges


def main(path="lamplighter.json"):
    config = json.loads(ports.read_file(path))
    asyncio.run(Node(config).run())


if __name__ == "__main__":
    main(sys.argv[1])
