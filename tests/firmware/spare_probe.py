# Runs the synthetic duty for a while and prints, in permille of the time: what Spare measured as busy, what the duty
# took, what the process used of the processor, and how long it was kept waiting for one. Arguments: permille, ms.
# MicroPython has no pathlib.
# ruff: noqa: PTH123
import asyncio
import sys
import time

from lamplighter.firmware.duty import Duty
from lamplighter.firmware.ports import ticks_diff, ticks_us
from lamplighter.firmware.spare import Spare


def cpu_us():
    return int((time.process_time() if hasattr(time, "process_time") else time.clock()) * 1000000)


def waited_us():
    # Linux: time on the run queue without a processor. Preemption looks busy to any process; this says how much.
    try:
        with open("/proc/self/schedstat") as f:
            return int(f.read().split()[1]) // 1000
    except OSError:
        return 0


async def go(permille, ms):
    spare = Spare()
    spare.start()
    duty = Duty(permille)
    task = asyncio.create_task(duty.run())
    await asyncio.sleep(0.1)
    spare.share()
    before = ticks_us(), cpu_us(), waited_us(), duty.periods
    await asyncio.sleep(ms / 1000)
    busy = 1000 - spare.share()
    wall = ticks_diff(ticks_us(), before[0])
    took = (duty.periods - before[3]) * duty.busy_us
    task.cancel()
    print(busy, took * 1000 // wall, (cpu_us() - before[1]) * 1000 // wall, (waited_us() - before[2]) * 1000 // wall)


asyncio.run(go(int(sys.argv[1]), int(sys.argv[2])))
