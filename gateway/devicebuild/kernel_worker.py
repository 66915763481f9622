# Runs one kernel on this computer, on MicroPython or CPython: jobs come on the socket that is its standard input, a
# span of them at once, and so do their answers leave there, so that what a kernel prints meets none of them.
# ``interpreter`` starts it, packs the jobs and says how both messages look.
import gc
import struct
import time

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


def request(kept: dict[int, bytes]) -> tuple[list[bytes], tuple[bytes, ...], int, int]:
    # (inputs, contexts, how often, whether slices are timed); contexts that came along are kept in their places.
    known, jobs, times, slices = struct.unpack(">HHIB", read(9))
    table = read(8 * known + 4 * jobs)
    contexts: tuple[bytes, ...] = ()
    for at in range(0, 8 * known, 8):
        place, size = struct.unpack(">II", table[at:at + 8])
        if size:
            kept[place] = read(size - 1)
        contexts += (kept[place],)
    inputs = [read(struct.unpack(">I", table[at:at + 4])[0]) for at in range(8 * known, len(table), 4)]
    return inputs, contexts, times, slices


def answer_to(run, given: bytes, contexts: tuple[bytes, ...],   # type: ignore[no-untyped-def]
              times: int, slices: int) -> tuple[bytes, bytes]:
    # Its head and its answer.
    answer = b""
    began = ticks_us()
    for _ in range(times):
        answer = through(run(given, contexts))
    took = ticks_us() - began
    longest = longest_slice(run(given, contexts)) if slices else 0
    return struct.pack(">iII", len(answer), took, longest), answer


def main() -> None:
    run = __import__("kernel").run
    kept: dict[int, bytes] = {}
    while True:
        inputs, contexts, times, slices = request(kept)
        if hasattr(time, "ticks_us"):
            gc.collect()   # CPython counts references, and would take milliseconds
        said: list[bytes] = []
        try:
            for given in inputs:
                said.extend(answer_to(run, given, contexts, times, slices))
        except Exception as error:
            text = (type(error).__name__ + ": " + str(error))[:200].encode()[:200]
            said += [struct.pack(">iII", -1, len(text), 0), text]
        whole = b"".join(said)
        line.write(struct.pack(">I", len(whole)) + whole)


try:
    main()
except OSError:
    pass   # the gateway has just been killed: nobody is left to be answered, or to be told of it
