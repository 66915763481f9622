# Kernels in flash. A kernel may be as large as the heap, so it goes to a file and is imported from there; the file
# stays, so that after a reboot nothing need be fetched or written again. Built, it is in the heap only while it is
# used.
import hashlib
import os
import sys

from .ports import free_heap

_READ = 256
_MODULE = "lamp_kernel"  # one for all kernels: the name of a module stays in the heap for ever


def load(name, path, blobs):
    # Has `blobs` hold the function run(input, contexts) of a kernel: an .mpy, or source where the runtime takes no
    # .mpy. False where the file is not there or not whole. Raises whatever a broken kernel raises, and MemoryError.
    digest = hashlib.sha256()
    try:
        with open(path, "rb") as file:
            while True:
                data = file.read(_READ)
                if not data:
                    break
                digest.update(data)
    except OSError:
        return False
    if digest.digest()[:16] != name:
        return False
    before = free_heap()
    while True:
        try:
            run = imported(path)
            blobs.held.append((name, run, max(0, before - free_heap())))
            return True
        except MemoryError:
            blobs.evict()


if sys.implementation.name == "micropython":

    def imported(path):
        os.rename(path, _MODULE + ".mpy")
        sys.path.insert(0, "")
        try:
            return __import__(_MODULE).run
        finally:
            sys.path.pop(0)
            sys.modules.pop(_MODULE, None)
            os.rename(_MODULE + ".mpy", path)

else:

    def imported(path):
        scope = {}
        with open(path, "rb") as file:
            exec(file.read().decode(), scope)  # noqa: S102 - the lease that names it by hash was authenticated
        return scope["run"]
