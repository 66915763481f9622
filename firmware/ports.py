# Where runtimes differ, probed once and by capability. The only file that may import what a board alone has.
import gc
import os
import sys
import time

try:
    from time import ticks_diff, ticks_ms, ticks_us
except ImportError:

    def ticks_ms():
        return time.monotonic_ns() // 1000000

    def ticks_us():
        return time.monotonic_ns() // 1000

    def ticks_diff(later, earlier):
        return later - earlier


if hasattr(gc, "threshold"):
    # While the rest is imported: collecting only when the heap is full would leave what lives scattered all over it.
    gc.threshold(1024)

# sys.implementation._mpy of this interpreter: which .mpy it takes. 0: it takes source only.
ARCH = getattr(sys.implementation, "_mpy", 0)
BOARD = sys.platform
_TCP = 6
_NODELAY = 1


def free_heap():
    # Bytes; a runtime without a fixed heap reports a board's worth.
    gc.collect()
    if not hasattr(gc, "mem_free"):
        return 131072
    gc.threshold(gc.mem_free() // 8)
    return gc.mem_free()


def temperature():
    # deg C of the chip, None where the board cannot tell.
    try:
        import esp32

        return esp32.mcu_temperature()
    except (ImportError, AttributeError):
        return None


def no_delay(writer):
    # Without it Nagle and delayed ACK make a QoS 1 round trip 40 ms. Ports without the option go without.
    try:
        sock = writer.get_extra_info("socket")
    except KeyError:
        sock = writer.s
    try:
        sock.setsockopt(_TCP, _NODELAY, 1)
    except (OSError, AttributeError, TypeError):
        pass


def read_file(path):
    # The bytes of a file, b"" where there is none.
    try:
        with open(path, "rb") as f:
            return f.read()
    except OSError:
        return b""


def writer(path):
    # A function that writes a file, whole or not at all: a power cut leaves the old content.
    def write(data):
        with open(path + ".new", "wb") as f:
            f.write(data)
            f.flush()
        os.rename(path + ".new", path)

    return write


def forget(name):
    # Drops a module of ours that is done with: the heap is for jobs.
    del sys.modules["firmware." + name]
    delattr(sys.modules["firmware"], name)


def load_kernel(blob):
    # See loader.py, which is in the heap only as long as this takes.
    from firmware.loader import load

    try:
        return load(blob)
    finally:
        forget("loader")
