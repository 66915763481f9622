"""Jobs of 64 lattices each."""

from __future__ import annotations

import hashlib
import struct

from lamplighter.tasks.api import Job
from lamplighter_percolation.spec import Spec

PER_JOB = 64


def job(spec: Spec, level: int, part: int) -> Job:
    """The states of the two generators come from a hash, so that no two jobs share lattices."""
    model = spec.model
    drawn = hashlib.sha256(f"{model.seed}/{model.side_sites}/{level}/{part}".encode()).digest()
    first = 1 + int.from_bytes(drawn[:8], "big") % ((30903 << 16) - 1)
    second = 1 + int.from_bytes(drawn[8:16], "big") % ((18000 << 16) - 1)
    share = model.open_permille[level]
    data = struct.pack(">BBBHII", model.side_sites, PER_JOB, share == 1000, share * 65536 // 1000 & 0xFFFF,
                       first, second)
    sites = model.side_sites**2
    return Job(data, 2, ops=PER_JOB * (sites * 12 + 40), heap_bytes=1_500 + 4 * sites)


def check(_spec: Spec, _job: Job, answer: bytes) -> bool:
    """No more lattices can span than there are."""
    return int.from_bytes(answer, "big") <= PER_JOB
