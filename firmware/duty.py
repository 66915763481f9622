# A synthetic foreground duty: stands for the lamp, counter or charger control that a board is there for.
# It works `permille` of each period and notes how late each period began.
import asyncio
from array import array

from .ports import ticks_diff, ticks_us

PERIOD_US = 50000


class Duty:
    def __init__(self, permille, kept=256):
        self.busy_us = PERIOD_US * permille // 1000
        self.late_us = array("I", [0] * kept)  # how late the last periods began, a ring
        self.periods = 0

    async def run(self):
        due = ticks_us()
        while True:
            start = ticks_us()
            late = max(0, ticks_diff(start, due))
            self.late_us[self.periods % len(self.late_us)] = late
            self.periods += 1
            while ticks_diff(ticks_us(), start) < self.busy_us:
                pass
            due = (due if late < PERIOD_US else start) + PERIOD_US
            await asyncio.sleep(max(0, ticks_diff(due, ticks_us())) / 1000000)
