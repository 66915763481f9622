# Files in flash. In the heap only while one is opened or written.
import os

try:
    from micropython import const
except ImportError:

    def const(value):
        return value


_FILES = const(8)  # kernels kept; when one more comes, all others go


def write(path, data):
    # Writes a file, whole or not at all: a power cut leaves the old content.
    with open(path + ".new", "wb") as f:
        f.write(data)
        f.flush()
    os.rename(path + ".new", path)


def create(path):
    # The file to write a kernel to.
    there = []
    for name in os.listdir():
        if name[:7] == path[:7]:
            there.append(name)  # noqa: PERF401 - a comprehension is one more function
    if len(there) >= _FILES:
        for name in there:
            os.remove(name)
    return open(path, "wb")
