"""The least heap in which a job runs on MicroPython."""

from __future__ import annotations

import tempfile
from pathlib import Path

from lamplighter.gateway.kindkit.pool import KernelRaised, Pool, Runtime
from lamplighter.tasks.api import Job

STEP = 1 << 10
MOST = 1 << 20
_EMPTY = "def run(data, contexts):\n    yield\n    return b'0'\n"


def smallest_heap(kernel: Path, job: Job) -> int:
    """Bytes that kernel and job need together on the 64-bit unix port, to the kilobyte, the interpreter's own apart.

    Raises KernelRaised when a megabyte does not do.
    """
    with tempfile.TemporaryDirectory(prefix="lamplighter-heap-") as folder:
        empty = Path(folder, "kernel.py")
        empty.write_text(_EMPTY)
        own = _least(empty, Job(b"", 1, 1, 1))
    return _least(kernel, job) - own


def _least(kernel: Path, job: Job) -> int:
    high = 8
    while not _runs(kernel, job, high * STEP):
        high *= 2
        if high * STEP > MOST:
            raise KernelRaised(f"it does not run in {MOST >> 20} MB")
    low = high // 2 if high > 8 else 0
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if _runs(kernel, job, middle * STEP) else (middle, high)
    return high * STEP


def _runs(kernel: Path, job: Job, heap: int) -> bool:
    with Pool(kernel, Runtime.MACHINE_CODE, 1, heap) as pool:
        try:
            pool.run(job)
        except KernelRaised:
            return False
    return True
