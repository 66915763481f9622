# Runs on MicroPython: what a device's own code costs. `jobs`: us per job in the agent, kernel and network left out.
# `duty N`: p99 of how late, in us, a 30 % duty began its periods, without and with a kernel in the time it leaves;
# N periods each.
import asyncio
import sys

from lamplighter.firmware import loader, reserve, wire
from lamplighter.firmware.agent import Agent
from lamplighter.firmware.duty import Duty
from lamplighter.firmware.mac import Mac, derive
from lamplighter.firmware.ports import free_heap, ticks_diff, ticks_us
from lamplighter.firmware.receipts import begin
from lamplighter.firmware.runner import slices
from lamplighter.gateway.protocol import frames

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


def load(name, _path, blobs):
    # In place of that in loader.py: the kernel is there.
    blobs.held.append((name, run, 1000))
    return True


def agent():
    loader.load, reserve.write = load, lambda _path, _data: None
    chain = begin(b"", "")
    reserve.rise(chain, 0, 0)
    who = (bytes(8), wire.device_of(KEY)[0])
    up, down = Mac(derive(KEY, b"up")), Mac(derive(KEY, b"down"))
    return Agent(who, up, down, chain, 65536, 1, 4096, 1000, 1000, "mains")


def encoded(n):
    nonce = (n * 2654435761 & 0xFFFFFFFF).to_bytes(4, "big") * 4
    lease = wire.Lease(n, nonce, nonce, wire.blob_name(KERNEL), 1, 1000, 60000, 1, (), bytes(32), False)
    return frames.encode_lease(lease, Mac(derive(KEY, b"down")))


def jobs(count=150):
    device = agent()
    leases = [encoded(n) for n in range(count)]
    acks = [frames.encode_ack([(n + 1, 1)], Mac(derive(KEY, b"down"))) for n in range(count)]
    times = []
    for n in range(count):
        start = ticks_us()
        device.message("lease", leases[n], 0)
        work = device.next(0)
        answer, busy_us = finished(slices(work[0](work[1], work[2]), ticks_us))
        device.done(device.running, answer, 0, busy_us, 0)
        device.message("ack", acks[n], 0)
        times.append(ticks_diff(ticks_us(), start) - busy_us)
        device.out = []
    times.sort()
    print(times[count // 2])


def finished(work):
    # (answer, us) of a job that runs to its end.
    start = ticks_us()
    try:
        while True:
            next(work)
    except StopIteration as end:
        return end.value, ticks_diff(ticks_us(), start)


async def duty(periods, kernel):
    lamp = Duty(300, periods)
    task = asyncio.create_task(lamp.run())
    job = slices(busy(b"", ()), ticks_us)
    while lamp.periods < periods:
        if kernel:
            next(job)
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
