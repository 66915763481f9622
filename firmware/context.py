# A context that comes in parts. Built, it is in the heap only while one does.
from . import wire


class Context:
    # Like a file to write to; closed, it is among `blobs` if it is what `name` says. Raises MemoryError where `total`
    # bytes have no room.
    def __init__(self, name, total, blobs):
        free = blobs.budget - 2 * total  # the parts, then the whole
        if free < 0:
            raise MemoryError
        for held in blobs.held:
            free -= held[2]
        while free < 0:
            free += blobs.evict()
        self._name = name
        self._blobs = blobs
        self._data = bytearray(total)
        self._end = 0

    def write(self, part):
        self._data[self._end:self._end + len(part)] = part
        self._end += len(part)

    def close(self):
        if wire.blob_name(self._data) == self._name:
            self._blobs.held.append((self._name, bytes(self._data), self._end))
        self._data = None
