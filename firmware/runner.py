# Runs a kernel's generator in slices short enough for the board's own duty, which comes first.
from .ports import ticks_diff

SLICE_US = 20000


def slices(steps, clock):
    # Runs `steps` to their end: a generator that yields after about SLICE_US, sooner where a step is long, and
    # returns the answer as bytes. clock() in microseconds. Raises what the kernel raises. With steps of at most 30 ms
    # no slice is over 50 ms.
    longest = 0  # us of the longest step so far: the next may take as long
    start = last = clock()
    while True:
        try:
            next(steps)
        except StopIteration as end:
            return bytes(end.value)
        now = clock()
        longest = max(longest, ticks_diff(now, last))
        last = now
        if ticks_diff(now, start) + longest > SLICE_US:
            yield
            start = last = clock()
