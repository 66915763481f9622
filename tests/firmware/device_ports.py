# What differs between runtimes, and kernels out of memory.
# MicroPython has no pathlib.
# ruff: noqa: PTH107, PTH208
import os
import sys

from lamplighter.firmware import boot, fetch, hello, loader, ports, reserve, wire
from lamplighter.firmware.blobs import Blobs

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
            reserve.write(path, data)
            assert ports.read_file(path) == data
        assert path + ".new" not in os.listdir(".")
    finally:
        os.remove(path)


def stored(blob):
    # The path of a kernel file.
    path = "kernel-test-" + str(ports.ticks_us())
    with fetch.create(path) as file:
        file.write(blob)
    return path


def loaded(blob, blobs):
    path = stored(blob)
    try:
        return loader.load(wire.blob_name(blob), path, blobs)
    finally:
        os.remove(path)


def test_what_is_no_kernel_does_not_load_and_leaves_nothing_behind():
    before = list(sys.path)
    blobs = Blobs(9999, [])
    for blob in (b"", b"\0" * 100, b"M\x05\0\x1f", b"no python (" if not hello.ARCH else b"M\x06"):
        try:
            loaded(blob, blobs)
            raise AssertionError("loaded")
        except AssertionError:
            raise
        except Exception:
            pass
    assert sys.path == before and not blobs.held
    assert "lamp_kernel" not in sys.modules and "lamp_kernel.mpy" not in os.listdir(".")


def test_a_kernel_file_that_is_not_there_or_not_whole_is_not_loaded():
    blobs = Blobs(9999, [])
    assert not loader.load(wire.blob_name(SOURCE), "kernel-not-there", blobs)
    path = stored(SOURCE[:-1])
    assert not loader.load(wire.blob_name(SOURCE), path, blobs)
    os.remove(path)
    assert not blobs.held


def test_only_a_few_kernels_stay_in_flash():
    paths = [stored(b"%d" % n) for n in range(20)]
    there = [path for path in paths if path in os.listdir(".")]
    assert 1 <= len(there) <= 8 and paths[-1] in there
    for path in there:
        os.remove(path)


def test_speed_and_heap_are_measured():
    assert boot.measure_speed() > 100
    assert ports.free_heap() > 10000
