# Spare time: the share of time in which the event loop had nothing to do, plus what kernels used of it.
# Time in poll with a timeout is idle; everything else, a blocking call too, is busy.
import asyncio
import sys

from .ports import ticks_diff, ticks_us


class Spare:
    def __init__(self):
        self.idle_us = 0     # since the last `share`
        self.kernel_us = 0   # time of kernels since then: given out of spare time, so it counts as spare
        self._since = ticks_us()
        self._poll = None    # the loop's own

    def start(self):
        # Starts measuring. Called inside the loop.
        if sys.implementation.name == "micropython":
            waits = asyncio.core._io_queue
            self._poll = waits.wait_io_event
            waits.wait_io_event = self._timed
        else:
            waits = asyncio.get_running_loop()._selector
            self._poll = waits.select
            waits.select = self._timed

    def _timed(self, wait=None):
        start = ticks_us()
        events = self._poll(wait)
        if wait != 0:
            self.idle_us += ticks_diff(ticks_us(), start)
        return events

    def share(self):
        # Permille of the time since the last call.
        now = ticks_us()
        span = max(1, ticks_diff(now, self._since))
        share = min(1000, (self.idle_us + self.kernel_us) * 1000 // span)
        self._since = now
        self.idle_us = self.kernel_us = 0
        return share
