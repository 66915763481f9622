# Wires the agent to MQTT, the runner and the clock. On a board /main.py says: import firmware.main as m; m.main()
import asyncio
import random
import sys

from firmware import ports, wire
from firmware.runner import Job
from firmware.spare import Spare

_TICK_S = 0.2


class Node:
    # A device: its agent, its client, and the head of its topics.
    def __init__(self, agent, client, head):
        self.agent = agent
        self.client = client
        self._head = head
        self._spare = Spare()
        self._worker = None  # the task that runs jobs; None while there are none
        client.on_up = self._connected
        client.on_message = self._heard

    async def run(self):
        self._spare.start()
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
            self.agent.spare = self._spare.share()
            self.agent.heap = ports.free_heap()
            self.agent.temp = ports.temperature()
        if self.client.up:
            self.agent.tick(now, random.getrandbits(8))
        self._act()

    def _connected(self):
        self.agent.spare = self._spare.share()  # the first bid is measured too
        self.agent.connected(ports.ticks_ms())
        self._act()

    def _heard(self, topic, payload):
        for leaf in wire.NODE_DOWN:
            if topic == self._head + leaf.encode():
                self.agent.message(leaf, payload, ports.ticks_ms())
        self._act()

    def _act(self):
        out = self.agent.out
        self.agent.out = []
        for leaf, payload, qos, retain in out:
            self.client.publish(self._head + leaf.encode(), payload, qos, retain)
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
        task = None
        try:
            task = Job(job[0], job[1], job[2], ports.ticks_us)
            while True:
                before = task.busy_us
                done = task.slice()
                self._spare.kernel_us += task.busy_us - before
                if done:
                    return task.answer, 0, task.busy_us
                await asyncio.sleep(0)
                if self.agent.stopped(entry, ports.ticks_ms()):
                    return None, wire.EXPIRED, task.busy_us
        except MemoryError:
            return None, wire.NO_HEAP, 0
        except Exception:
            return None, wire.FAILED, 0  # a kernel may raise anything; the gateway is told, and judges


async def _live(path):
    from firmware.boot import make

    agent, client, head, duty = make(path)
    ports.forget("boot")
    del make
    if duty:
        from firmware.duty import Duty

        duty = asyncio.create_task(Duty(duty).run())
    await Node(agent, client, head).run()


def main(path="lamplighter.json"):
    asyncio.run(_live(path))


if __name__ == "__main__":
    main(sys.argv[1])
