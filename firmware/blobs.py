# Kernels and contexts this device holds, by name, and the one it is fetching. Bounded; the least recently used
# goes first, never one that a held lease needs.
from firmware import wire
from firmware.ports import ticks_diff

_RETRY_MS = 1000  # a want without answer is repeated after this, doubling
_TRIES = 4        # then the blob is given up


class Blobs:
    # budget: bytes of blobs held. load(bytes) -> the run function of a kernel.
    def __init__(self, budget, load):
        self._budget = budget
        self._load = load
        self._held = []      # [name, what a job uses: run function or bytes, bytes counted], oldest use first
        self.fetching = None  # name, or None
        self._kernel = False  # what is fetched is a kernel
        self._data = None     # bytearray of the whole, from the first chunk on
        self._got = 0
        self._tries = 0
        self._asked = 0       # ticks_ms of the last want

    def prefixes(self):
        # Eight hex digits of each blob held, for the bid.
        return ["".join(["%02x" % b for b in held[0][:4]]) for held in self._held[-32:]]

    def get(self, name):
        # The blob, now the most recently used; None where it is not held.
        for i in range(len(self._held)):
            if self._held[i][0] == name:
                held = self._held.pop(i)
                self._held.append(held)
                return held[1]
        return None

    def fetch(self, name, kernel):
        # Begins to fetch; `want` says what to send.
        self.fetching = name
        self._kernel = kernel
        self._data = None
        self._got = self._tries = 0

    def want(self, now):
        # The frame that asks for what comes next; None when it was asked for often enough.
        self._asked = now
        return wire.encode_want(self.fetching, self._got) if self._tries < _TRIES else None

    def overdue(self, now):
        # True when an answer is late: ask again. Counts the tries.
        if not self.fetching or ticks_diff(now, self._asked) < _RETRY_MS << self._tries:
            return False
        self._tries += 1
        return True

    def chunk(self, frame, needed):
        # Takes a chunk: True when there is something new to ask or to run, False when it is not what we wait for.
        # Raises MemoryError when the blob has no room beside what is `needed`. A broken blob counts as a try.
        name, total, offset, data = wire.decode_chunk(frame)
        if name != self.fetching or offset != self._got or (self._data and len(self._data) != total):
            return False
        if not offset:
            self._make_room(total * 2, needed)  # the parts, then the whole
            self._data = bytearray(total)
        self._data[offset:offset + len(data)] = data
        self._got += len(data)
        if self._got == total:
            self._complete(total)
        return True

    def _complete(self, total):
        data = bytes(self._data)
        self._data = None
        self._got = 0
        if wire.blob_name(data) != self.fetching:
            self._tries += 1
            return
        try:
            value = self._load(data) if self._kernel else data
        except MemoryError:
            raise
        except Exception:
            self._tries = _TRIES  # whole, but of no use here: another copy would not help
            return
        # What import makes of an .mpy takes about its length again.
        self._held.append([self.fetching, value, total])
        self.fetching = None

    def _make_room(self, size, needed):
        free = self._budget - size
        evict = []
        for held in self._held:
            if held[0] in needed:
                free -= held[2]
            else:
                evict.append(held)
        if free < 0:
            raise MemoryError
        while sum([held[2] for held in evict]) > free:
            self._held.remove(evict.pop(0))
