"""A round of jobs between a worker and the gateway: packed there, taken apart and held to the wire's bounds here."""

from __future__ import annotations

import hashlib
import struct
from collections.abc import Sequence

from lamplighter.firmware.wire import MAX_BLOB, MAX_CONTEXTS, blob_name
from lamplighter.gateway.core.events import JobSpec
from lamplighter.gateway.core.policy import price_kop
from lamplighter.tasks.api import JOB_ANSWER, JOB_INPUT, Job

_ROW = struct.Struct(">IIQII")
"""Bytes of input, bytes of the answer, price, heap, number of contexts."""


ITEM = struct.Struct(">IIQI")
"""Of a job whose answer a kind is asked about: as the first of those, but for the contexts."""
_SIZES = struct.Struct(">III")
DIGEST_BYTES = 16


class OutOfBounds(Exception):
    """A job that cannot travel, or a round that is none."""


def pack_round(jobs: Sequence[Job], sent: dict[bytes, int]) -> list[bytes]:
    """The parts of a round. ``sent``: contexts that the gateway has, by name, in the order in which they were sent;
    those that it lacks go along. Raises struct.error for figures that are none."""
    new: list[bytes] = []
    places: list[int] = []
    for job in jobs:
        for context in job.contexts:
            if context.name not in sent:
                sent[context.name] = len(sent)
                new.append(context.data)
            places.append(sent[context.name])
    rows = b"".join(_ROW.pack(len(job.input), job.answer_bytes, price_kop(job.ops), job.heap_bytes, len(job.contexts))
                    for job in jobs)
    return [rows, struct.pack(f">{len(places)}I", *places), b"".join(job.input for job in jobs), *new]


def digest_of(jobs: Sequence[JobSpec]) -> bytes:
    """Over what decides the answers to a round, in order. What a job costs or needs may change with a release."""
    parts = [part for job in jobs for part in (
        _SIZES.pack(len(job.input), len(job.contexts), job.answer_bytes), *job.contexts, job.input)]
    return hashlib.sha256(b"".join(parts)).digest()[:DIGEST_BYTES]


class Contexts:
    """What a task's jobs name: bytes by name, and names in the order in which a solver sent them."""

    def __init__(self, kept: dict[bytes, bytes] | None = None) -> None:
        self.data = kept if kept is not None else {}
        """Kept when the solver begins anew: devices at work may still ask for them."""
        self._order: list[bytes] = []

    def take(self, parts: Sequence[bytes]) -> tuple[JobSpec, ...]:
        """The jobs of a packed round. Raises OutOfBounds."""
        try:
            rows, places, inputs, *new = parts
            table = list(_ROW.iter_unpack(rows))
            named = struct.unpack(f">{len(places) // 4}I", places)
        except (ValueError, struct.error):
            raise OutOfBounds("a round that is none") from None
        for data in new:
            if len(data) > MAX_BLOB:
                raise OutOfBounds(f"job out of bounds: a context of {len(data)} bytes")
            name = blob_name(data)
            self._order.append(name)
            self.data.setdefault(name, data)
        if len(inputs) != sum(row[0] for row in table) or len(named) != sum(row[4] for row in table) or any(
                place >= len(self._order) for place in named):
            raise OutOfBounds("a round that is none")
        return tuple(self._jobs(table, named, inputs))

    def _jobs(self, table: Sequence[tuple[int, ...]], named: Sequence[int], inputs: bytes) -> list[JobSpec]:
        at = first = 0
        made = []
        for size, answer, price, heap, contexts in table:
            if size > JOB_INPUT or not 0 < answer <= JOB_ANSWER or contexts > MAX_CONTEXTS or not price:
                raise OutOfBounds(f"job out of bounds: {size} bytes in, {answer} out, {contexts} contexts, "
                                  f"{price} credits")
            names = tuple(self._order[place] for place in named[first:first + contexts])
            made.append(JobSpec(inputs[at:at + size], names, answer, price, heap))
            at, first = at + size, first + contexts
        return made
