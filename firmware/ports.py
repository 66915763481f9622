# Where runtimes differ, probed once and by capability. The only file that may import what a board alone has.
import asyncio
import gc
import sys
import time

if sys.implementation.name == "micropython":
    from time import ticks_diff, ticks_ms, ticks_us
else:

    def ticks_ms():
        return time.monotonic_ns() // 1000000

    def ticks_us():
        return time.monotonic_ns() // 1000

    def ticks_diff(later, earlier):
        return later - earlier


if hasattr(gc, "threshold"):
    # While the rest is imported: collecting only when the heap is full would leave what lives scattered all over it.
    gc.threshold(1024)

_PIECE = 256  # bytes


def free_heap():
    # Bytes, 0 where no piece of them is as long as what has to be said; a runtime without a fixed heap reports a
    # board's worth.
    gc.collect()
    if sys.implementation.name != "micropython":
        return 131072
    free = gc.mem_free()
    gc.threshold(free // 8)
    try:
        bytearray(_PIECE)
    except MemoryError:
        return 0
    return free


def thermometer():
    # A function that gives deg C of the chip, None where the board has none.
    try:
        import esp32

        return esp32.mcu_temperature
    except (ImportError, AttributeError):
        return None


if sys.implementation.name == "micropython":
    def receive(link, buf, count):
        # Fills the start of `buf`. Raises EOFError.
        at = 0
        while at < count:
            got = link.readinto(memoryview(buf)[at:] if at else buf, count - at)
            if got:
                at += got
            elif got is None:
                yield asyncio.core._io_queue.queue_read(link)
            else:
                raise EOFError

    def writable(link):
        # To be awaited where not all were.
        yield asyncio.core._io_queue.queue_write(link)

else:

    async def receive(link, buf, count):
        buf[:count] = await link.reader.readexactly(count)

    async def writable(link):
        await link.writer.drain()


def read_file(path):
    # The bytes of a file, b"" where there is none.
    try:
        with open(path, "rb") as f:
            return f.read()
    except OSError:
        return b""
