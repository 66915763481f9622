# Runs on MicroPython: what a device's own code costs. `jobs`: us per job in the agent, kernel and network left out.
# `duty N`: p99 of how late, in us, a 30 % duty began its periods, without and with a kernel in the time it leaves;
# N periods each.
import asyncio
import sys

from firmware import wire
from firmware.agent import Agent
from firmware.duty import Duty
from firmware.mac import Mac, derive
from firmware.ports import free_heap, ticks_diff, ticks_us
from firmware.receipts import Chain
from firmware.runner import Job
from gateway.core import frames

KEY = bytes(range(32))
KERNEL = b"kernel"


def run(data, _contexts):
    yield
    return data


def busy(_data, _contexts):
    while True:
        for _ in range(1000):
            pass
        yield


def agent():
    chain = Chain(b"", lambda _data: None)
    made = Agent(KEY, bytes(8), chain, lambda _data: run, [], 65536, 1, 4096, 1000, 1000, "mains")
    made.message("lease", encoded(0), 0)
    made.message("blob", frames.encode_chunk(wire.blob_name(KERNEL), len(KERNEL), 0, KERNEL), 0)
    return made


def encoded(n):
    nonce = (n * 2654435761 & 0xFFFFFFFF).to_bytes(4, "big") * 4
    lease = wire.Lease(n, nonce, nonce, wire.blob_name(KERNEL), 1, 1000, 60000, 1, (), bytes(32))
    return frames.encode_lease(lease, Mac(derive(KEY, b"down")))


def jobs(count=150):
    device = agent()
    leases = [encoded(n) for n in range(1, count)]
    acks = [frames.encode_ack([(n + 1, 1)], Mac(derive(KEY, b"down"))) for n in range(count)]
    times = []
    for n in range(count):
        start = ticks_us()
        if n:
            device.message("lease", leases[n - 1], 0)
        work = device.next(0)
        job = Job(work[0], work[1], work[2], ticks_us)
        while not job.slice():
            pass
        device.done(device.running, job.answer, 0, job.busy_us, 0)
        device.message("ack", acks[n], 0)
        times.append(ticks_diff(ticks_us(), start) - job.busy_us)
        device.out = []
    times.sort()
    print(times[count // 2])


async def duty(periods, kernel):
    lamp = Duty(300, periods)
    task = asyncio.create_task(lamp.run())
    job = Job(busy, b"", (), ticks_us)
    while lamp.periods < periods:
        if kernel:
            job.slice()
            await asyncio.sleep(0)
        else:
            await asyncio.sleep(0.2)
    task.cancel()
    late = sorted(lamp.late_us)
    return late[len(late) * 99 // 100]


free_heap()  # sets how often garbage is collected, as at the boot of a device
if sys.argv[1] == "jobs":
    jobs()
else:
    print(asyncio.run(duty(int(sys.argv[2]), False)), asyncio.run(duty(int(sys.argv[2]), True)))
