# What differs between runtimes, and kernels out of memory.
# MicroPython has no pathlib.
# ruff: noqa: PTH107, PTH208
import os

from firmware import boot, ports

SOURCE = b"def run(data, contexts):\n    yield\n    return data\n"


def test_ticks_count_up_and_their_difference_is_signed():
    start = ports.ticks_us()
    while ports.ticks_us() == start:
        pass
    assert ports.ticks_diff(ports.ticks_us(), start) > 0
    assert ports.ticks_diff(start, ports.ticks_us()) < 0


def test_a_file_is_replaced_whole():
    path = "device-test-" + str(ports.ticks_us()) + ".state"
    assert ports.read_file(path) == b""
    try:
        for data in (b"one", b"second"):
            ports.writer(path)(data)
            assert ports.read_file(path) == data
        assert path + ".new" not in os.listdir(".")
    finally:
        os.remove(path)


def test_what_is_no_kernel_does_not_load_and_leaves_nothing_behind():
    import sys

    before = list(sys.path)
    for blob in (b"", b"\0" * 100, b"M\x05\0\x1f", b"no python (" if not ports.ARCH else b"M\x06"):
        try:
            ports.load_kernel(blob)
            raise AssertionError("loaded")
        except AssertionError:
            raise
        except Exception:
            pass
    assert sys.path == before
    assert "lamp_kernel" not in sys.modules and "firmware.loader" not in sys.modules


def test_speed_and_heap_are_measured():
    assert boot.measure_speed() > 100
    assert ports.free_heap() > 10000
