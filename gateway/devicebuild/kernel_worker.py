# Runs one kernel on this computer, on MicroPython or CPython: jobs come on the socket that is its standard input, and
# answers leave there, so that what a kernel prints meets none of them. ``interpreter`` starts it and packs the jobs.
import gc
import struct
import time

PARTS = 9   # the input and up to eight contexts

line = open(0, "r+b", 0)  # noqa: SIM115 - for as long as this process runs


def ticks_us() -> int:
    if hasattr(time, "ticks_us"):
        return int(time.ticks_us())
    return time.perf_counter_ns() // 1_000


def read(size: int) -> bytes:
    data = b""
    while len(data) < size:
        more = line.read(size - len(data))
        if not more:
            raise SystemExit
        data += more
    return data


def through(job) -> bytes:   # type: ignore[no-untyped-def]
    # The answer of a kernel's generator, with nothing between its slices.
    try:
        while True:
            next(job)
    except StopIteration as end:
        return bytes(end.value)


def longest_slice(job) -> int:   # type: ignore[no-untyped-def]
    # Microseconds of the longest of its slices.
    longest = 0
    try:
        while True:
            at = ticks_us()
            next(job)
            longest = max(longest, ticks_us() - at)
    except StopIteration:
        return max(longest, ticks_us() - at)


def main() -> None:
    run = __import__("kernel").run
    while True:
        # Sizes of each part, plus one; how often; whether slices are timed, which itself takes time.
        sizes = struct.unpack(">11I", read(44))
        parts = [read(size - 1) for size in sizes[:PARTS] if size]
        contexts = tuple(parts[1:])
        if hasattr(time, "ticks_us"):
            gc.collect()   # CPython counts references, and would take milliseconds
        answer = b""
        try:
            began = ticks_us()
            for _ in range(sizes[PARTS]):
                answer = through(run(parts[0], contexts))
            took = ticks_us() - began
            longest = longest_slice(run(parts[0], contexts)) if sizes[PARTS + 1] else 0
            head = struct.pack(">iII", len(answer), took, longest)
        except Exception as error:
            answer = (type(error).__name__ + ": " + str(error))[:200].encode()[:200]
            head = struct.pack(">iII", -1, len(answer), 0)
        line.write(head + answer)


try:
    main()
except OSError:
    pass   # the gateway has just been killed: nobody is left to be answered, or to be told of it
