# Runs a kernel's generator in slices short enough for the board's own duty, which comes first.
from firmware.ports import ticks_diff

SLICE_US = 20000


class Job:
    # run: the kernel's function; clock() in microseconds.
    def __init__(self, run, data, contexts, clock):
        self._steps = run(data, contexts)
        self._clock = clock
        self.answer = None    # bytes, once `slice` has returned True
        self.busy_us = 0
        self._longest = 0     # us of the longest step so far: the next may take as long

    def slice(self):
        # Runs steps for about SLICE_US, fewer where a step is long; True when the job is done. Raises what the
        # kernel raises. With steps of at most 30 ms no slice is over 50 ms.
        start = last = self._clock()
        try:
            while True:
                next(self._steps)
                now = self._clock()
                self._longest = max(self._longest, ticks_diff(now, last))
                last = now
                if ticks_diff(now, start) + self._longest > SLICE_US:
                    return False
        except StopIteration as end:
            self.answer = bytes(end.value)
            return True
        finally:
            self.busy_us += ticks_diff(self._clock(), start)
