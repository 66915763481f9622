# Runs one kernel for gateway/kindkit/pool.py, on MicroPython or CPython: jobs come on standard input, answers
# leave on standard output.
import gc
import struct
import sys
import time

MARK = b"pool"   # MicroPython reports its own end on standard output too
PARTS = 9   # the input and up to eight contexts


def ticks_us() -> int:
    if hasattr(time, "ticks_us"):
        return int(time.ticks_us())
    return time.perf_counter_ns() // 1_000


def read(size: int) -> bytes:
    data = b""
    while len(data) < size:
        more = sys.stdin.buffer.read(size - len(data))
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
        gc.collect()
        answer = b""
        try:
            began = ticks_us()
            for _ in range(sizes[PARTS]):
                answer = through(run(parts[0], contexts))
            took = ticks_us() - began
            longest = longest_slice(run(parts[0], contexts)) if sizes[PARTS + 1] else 0
            head = struct.pack(">4siII", MARK, len(answer), took, longest)
        except Exception as error:
            answer = (type(error).__name__ + ": " + str(error))[:200].encode()
            head = struct.pack(">4siII", MARK, -1, len(answer), 0)
        sys.stdout.buffer.write(head + answer)
        if hasattr(sys.stdout.buffer, "flush"):
            sys.stdout.buffer.flush()


main()
