# Runs on an emulated board (benchmarks/emulated.py pastes it): a kernel and jobs from memory, timed by a hardware
# timer that counts instructions. Prints, for each job: its answer, timer ticks, slices, the longest slice's ticks;
# at last the bytes of heap that the kernel holds and, for the last job, the most that it held between slices.
# The line of constants is replaced by what the board has: where the jobs are, registers to write before its timer is
# read, the timer's register, and 1 or -1 as it counts up or down.
import binascii
import gc
import io
import struct
import sys

import machine
import uctypes
import vfs

ADDRESS, START, NOW, STEP = 0, (), 0, 1
NAME = "kernel"


def now():
    for at, value in START:
        machine.mem32[at] = value
    return machine.mem32[NOW] & 0xFFFFFFFF


def past(since):
    return (now() - since if STEP > 0 else since - now()) & 0xFFFFFFFF


class Ram:
    def __init__(self, data):
        self.data = data

    def mount(self, _readonly, _mkfs):
        pass

    def umount(self):
        pass

    def stat(self, path):
        if path == "/" + NAME + ".mpy":
            return (0x8000, 0, 0, 0, 0, 0, len(self.data), 0, 0, 0)
        raise OSError(2)

    def open(self, _path, _mode):
        return io.BytesIO(self.data)


class Blob:
    def __init__(self, at):
        self.at = at

    def number(self):
        self.at += 4
        return struct.unpack("<I", uctypes.bytearray_at(self.at - 4, 4))[0]

    def part(self):
        size = self.number()
        self.at += size
        return uctypes.bytearray_at(self.at - size, size)


def once(run, data, contexts):
    slices = longest = 0
    started = now()
    job = run(data, contexts)
    while True:
        at = now()
        try:
            next(job)
        except StopIteration as end:
            answer = end.value
        else:
            answer = None
        took = past(at)
        slices += 1
        if took > longest:
            longest = took
        if answer is not None:
            return answer, past(started), slices, longest


def peak(run, data, contexts):
    gc.collect()
    base = gc.mem_alloc() - len(data) - sum(map(len, contexts))
    most = 0
    for _ in run(data, contexts):
        gc.collect()
        most = max(most, gc.mem_alloc() - base)
    return most


def main():
    blob = Blob(ADDRESS)
    gc.collect()
    free = gc.mem_free()
    vfs.mount(Ram(blob.part()), "/k")
    sys.path.insert(0, "/k")
    run = __import__(NAME).run
    gc.collect()
    held = free - gc.mem_free()
    for _ in range(blob.number()):
        parts = [bytes(blob.part()) for _ in range(blob.number())]
        gc.collect()
        try:
            answer, ticks, slices, longest = once(run, parts[0], tuple(parts[1:]))
        except Exception as error:
            print("E", repr(error))
        else:
            print("J", binascii.hexlify(answer).decode(), ticks, slices, longest)
    print("H", held, peak(run, parts[0], tuple(parts[1:])))


try:
    main()
finally:
    machine.reset()
