# Wires the agent to its client, the runner and the clock.
import asyncio
import random

from . import ports, wire
from .agent import Agent
from .mqtt import Client
from .runner import slices
from .spare import Spare

_GIVE_UP_MS = 60000  # so long without memory for what must be said, and the device restarts itself


class Node:
    # A device: its agent, its client, what hello.greeting says of it beside the agent, and its thermometer (a
    # function that gives deg C, or None).
    def __init__(self, agent, client, about, sensor):
        self.agent = agent
        self.client = client
        self._about = about
        self._sensor = sensor
        self._spare = Spare()
        self._worker = None  # the task that runs jobs; None while there are none
        self._well = 0       # ticks_ms when there was last as much memory as we need
        client.owner = self

    async def run(self, duty=0):
        # duty: permille of the synthetic one. Raises MemoryError when it will not get better by itself.
        self._spare.start()
        if duty:
            from .duty import Duty

            duty = asyncio.create_task(Duty(duty).run())  # held, or it would be collected
        talk = asyncio.create_task(self.client.run())
        beat = 0
        self._well = ports.ticks_ms()
        while not talk.done():
            beat = (beat + 1) % 5
            try:
                await asyncio.sleep(0.2)
                self._tick(not beat)
                if self.client.starved or (not self.agent.running and self.agent.why() == "heap"):
                    raise MemoryError
                self._well = ports.ticks_ms()
            except MemoryError:
                ports.free_heap()  # what could not be said now is said later
                if ports.ticks_diff(ports.ticks_ms(), self._well) > _GIVE_UP_MS:
                    raise
            self.client.starved = False
        await talk

    def _tick(self, measure):
        now = ports.ticks_ms()
        self.client.tick(now)
        if measure:
            self.agent.spare = self._spare.share()
            self.agent.heap = ports.free_heap()
            if self._sensor:
                self.agent.temp = self._sensor()
        if self.client.up:
            self.agent.tick(now, random.getrandbits(8))
        self._act()
        if measure and self.client.up and not random.getrandbits(4 if self.agent.chain.state else 9):
            self.connected()  # broker or gateway may have lost what it said, or the gateway's answer may be lost

    def connected(self):
        from .hello import greeting  # in the heap of a board only while it is used

        self.agent.spare = self._spare.share()  # the first bid is measured too
        self.agent.connected(greeting(self.agent, *self._about), ports.ticks_ms())
        self._act()

    def hear(self, leaf, payload):
        try:
            self.agent.message(leaf, payload, ports.ticks_ms())
            self._act()
        except MemoryError:
            self.client.starved = True  # the connection stands; what was lost is sent or leased again

    def _act(self):
        self.client.flush()
        if not self._worker:
            job = self.agent.next(ports.ticks_ms())
            if job:
                self._worker = asyncio.create_task(self._work(job))

    async def _work(self, job):
        # Runs jobs until none is ready.
        try:
            while job:
                entry = self.agent.running
                work = answer = None
                code = busy = 0
                while not code:
                    start = ports.ticks_us()
                    try:
                        work = work or slices(job[0](job[1], job[2]), ports.ticks_us)
                        next(work)
                    except StopIteration as end:
                        answer = end.value
                        break
                    except MemoryError:
                        code = wire.NO_HEAP
                    except Exception:
                        code = wire.FAILED  # a kernel may raise anything; the gateway is told, and judges
                    finally:
                        took = ports.ticks_diff(ports.ticks_us(), start)
                        self._spare.kernel_us += took
                        busy += took
                    try:
                        await asyncio.sleep(0)
                        code = code or (wire.EXPIRED if self.agent.stopped(entry, ports.ticks_ms()) else 0)
                    except MemoryError:  # of the job too: a worker that ended here would leave it running for ever
                        code = code or wire.NO_HEAP
                work = job = None
                self.agent.done(entry, answer, code, busy, ports.ticks_ms())
                entry = answer = None
                self.client.flush()
                job = self.agent.next(ports.ticks_ms())
        except MemoryError:
            self.client.starved = True  # the next tick says what there is, and runs what is held
        finally:
            self._worker = None


def main(path="lamplighter.json"):
    from .boot import settings

    agent, client, about, sensor, line, duty = settings(path)
    agent = Agent(*agent)  # nothing holds its arguments now
    ports.free_heap()
    if line:
        from .line import Line

        client = Line(*client)
    else:
        client = Client(*client)
    why = b"fault"
    try:
        asyncio.run(Node(agent, client, about, sensor).run(duty))
    except MemoryError:
        why = b"heap"
    except Exception as error:
        print(repr(error))
    while True:
        asyncio.new_event_loop()  # the old one holds all that the device was doing
        try:
            from .ending import restart

            restart(why)
        except MemoryError:
            pass
