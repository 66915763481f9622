# One kernel or context on its way here, in chunks. Built, it is in the heap only until it has come.
import os

from . import wire
from .ports import ticks_diff

_RETRY_MS = 1000  # a want without answer is repeated after this, doubling
_TRIES = 4        # then the blob is given up
_FILES = 8        # kernels kept; when one more comes, all others go


class Fetch:
    # name: of the blob; path: of the file for a kernel, None for a context; blobs: where that is to be held.
    def __init__(self, name, path, blobs):
        self.name = name
        self.done = False     # all of it came; whether it is the right one is seen from its hash
        self._path = path
        self._blobs = blobs
        self._into = None     # from the first chunk on: the file of a kernel, or a Context
        self._total = 0
        self._got = 0
        self._tries = 0
        self._asked = 0       # ticks_ms of the last want

    def want(self, now, mac):
        # The frame that asks for what comes next; None when it was asked for often enough.
        self._asked = now
        return wire.encode_want(self.name, self._got, mac) if self._tries < _TRIES else None

    def overdue(self, now):
        # True when an answer is late: ask again. Counts the tries.
        if ticks_diff(now, self._asked) < _RETRY_MS << self._tries:
            return False
        self._tries += 1
        return True

    def chunk(self, frame):
        # Takes a chunk; False when it is not the one that we wait for. Raises MemoryError when a context has no room,
        # OSError when the file has none.
        from .context import Context

        name, total, offset, data = wire.decode_chunk(frame)
        if name != self.name or offset != self._got or (self._into and total != self._total):
            return False
        if not offset:
            self._total = total
            if self._path:
                self._into = create(self._path)
            else:
                self._into = Context(name, total, self._blobs)
        self._into.write(data)
        self._got += len(data)
        if self._got == total:
            self.done = True
            self._into.close()
        return True


def create(path):
    # The file to write a kernel to.
    there = [name for name in os.listdir() if name[:7] == path[:7]]
    if len(there) >= _FILES:
        for old in there:
            os.remove(old)
    return open(path, "wb")
