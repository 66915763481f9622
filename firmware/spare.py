# Spare time: the share of time in which the event loop had nothing to do, plus what kernels used of it.
# Time in poll with a timeout is idle; everything else, a blocking call too, is busy.
import asyncio

from firmware.ports import ticks_diff, ticks_us

try:
    from asyncio.core import IOQueue
except ImportError:
    IOQueue = object


class Spare(IOQueue):
    # Is asyncio's IOQueue where there is one; elsewhere it stands before the loop's selector.
    def __init__(self):
        super().__init__()
        self.idle_us = 0     # since the last `share`
        self.kernel_us = 0   # time of kernels since then: given out of spare time, so it counts as spare
        self._since = ticks_us()

    def start(self):
        # Starts measuring. Called inside the loop, before anything waits for a socket.
        if IOQueue is object:
            selector = asyncio.get_running_loop()._selector
            select = selector.select
            selector.select = lambda wait=None: self._timed(select, wait)
        else:
            asyncio.core._io_queue = self

    def wait_io_event(self, dt):
        self._timed(super().wait_io_event, dt)

    def _timed(self, poll, wait):
        if wait == 0:
            return poll(wait)
        start = ticks_us()
        events = poll(wait)
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
