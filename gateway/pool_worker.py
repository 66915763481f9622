# Runs one kernel for gateway/pool.py, on MicroPython or CPython: jobs come on standard input, answers leave on
# standard output.
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


def main() -> None:
    run = __import__("kernel").run
    while True:
        sizes = struct.unpack(">10I", read(40))   # of each part, plus one; repetitions
        parts = [read(size - 1) for size in sizes[:PARTS] if size]
        contexts = tuple(parts[1:])
        gc.collect()
        slices, longest = 0, 0
        try:
            began = ticks_us()
            for _ in range(sizes[PARTS]):
                job = run(parts[0], contexts)
                while True:
                    at = ticks_us()
                    try:
                        next(job)
                    except StopIteration as end:
                        answer = bytes(end.value)
                        break
                    finally:
                        slices += 1
                        longest = max(longest, ticks_us() - at)
            took = ticks_us() - began
            head = struct.pack(">4siIII", MARK, len(answer), took, slices, longest)
        except Exception as error:
            answer = (type(error).__name__ + ": " + str(error))[:200].encode()
            head = struct.pack(">4siIII", MARK, -1, len(answer), 0, 0)
        sys.stdout.buffer.write(head + answer)
        if hasattr(sys.stdout.buffer, "flush"):
            sys.stdout.buffer.flush()


main()
