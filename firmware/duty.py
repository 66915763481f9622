# A synthetic foreground duty: stands for the lamp, counter or charger control that a board is there for.
# It works `permille` of each period and notes how late each period began.
import asyncio
from array import array

from firmware.ports import ticks_diff, ticks_us

_PERIOD_US = 50000


class Duty:
    def __init__(self, permille, kept=256):
        self._busy_us = _PERIOD_US * permille // 1000
        self.late_us = array("I", [0] * kept)  # the last periods' delays, a ring
        self.periods = 0

    async def run(self):
        due = ticks_us()
        while True:
            start = ticks_us()
            self.late_us[self.periods % len(self.late_us)] = max(0, ticks_diff(start, due))
            self.periods += 1
            while ticks_diff(ticks_us(), start) < self._busy_us:
                pass
            due = start + _PERIOD_US
            await asyncio.sleep(max(0, ticks_diff(due, ticks_us())) / 1000000)
