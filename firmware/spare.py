# Spare time: the share of time in which the event loop had nothing to do, plus what kernels used of it.
# Time in poll with a timeout is idle; everything else, a blocking call too, is busy.
import asyncio

from firmware.ports import ticks_diff, ticks_us

try:
    from asyncio.core import IOQueue
except ImportError:
    IOQueue = None


class Spare:
    def __init__(self):
        self.idle_us = 0     # since the last `share`
        self.kernel_us = 0   # time of kernels since then: given out of spare time, so it counts as spare
        self._since = ticks_us()

    def share(self):
        # Permille of the time since the last call.
        now = ticks_us()
        span = max(1, ticks_diff(now, self._since))
        share = min(1000, (self.idle_us + self.kernel_us) * 1000 // span)
        self._since = now
        self.idle_us = self.kernel_us = 0
        return share


if IOQueue:

    class _Queue(IOQueue):
        def wait_io_event(self, dt):
            if not dt:
                return super().wait_io_event(dt)
            start = ticks_us()
            super().wait_io_event(dt)
            self.spare.idle_us += ticks_diff(ticks_us(), start)

    def watch(spare):
        # Starts measuring. Called inside the loop, before anything waits for a socket.
        queue = _Queue()
        queue.spare = spare
        asyncio.core._io_queue = queue

else:

    def watch(spare):
        selector = asyncio.get_running_loop()._selector
        select = selector.select

        def timed(timeout=None):
            if timeout is not None and timeout <= 0:
                return select(timeout)
            start = ticks_us()
            events = select(timeout)
            spare.idle_us += ticks_us() - start
            return events

        selector.select = timed
