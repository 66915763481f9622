"""Spec -> the bytes that devices get, and what their answers say."""

from __future__ import annotations

import math
import struct
from collections.abc import Sequence

from lamplighter.tasks.api import Context, Job
from lamplighter.tasks.traffic.forecast import kernel
from lamplighter.tasks.traffic.forecast.result import Rehearsal
from lamplighter.tasks.traffic.forecast.spec import WEEK, Series, Spec

ROOT_MAX = 20_000
"""The square root of a detector's highest count in the devices' units: leaves room for a forecast above it."""
NONE = 0xFFFF
HOURS_PER_ANSWER = 24
TOGETHER = 2
"""Detectors whose jobs have the same contexts, so that they go under one lease: some seconds of a board."""
Set = bytes
"""K, trim, lambda, q, c, b as the kernel reads them; without levels the profile alone, as a baseline is."""


def pack(name: str, window: tuple[float | None, ...]) -> Series:
    """Counts as square roots, in units that suit the detector's highest count."""
    unit = max(1.0, *(flow for flow in window if flow is not None)) / ROOT_MAX**2
    roots = [NONE if flow is None else round(math.sqrt(flow / unit)) for flow in window]
    return Series(name, window, unit, Context(struct.pack(f"<{len(roots)}H", *roots)))


def search_job(spec: Spec, at: int, group: Sequence[Set]) -> Job:
    """Every back-test of sets that share a profile, for the detector in that place."""
    keep, trim = group[0][:2]
    contexts, mode = _contexts(spec, at)
    data = struct.pack("<8B", mode, spec.weeks, spec.hours, spec.blocks, keep, trim, 0, 0)
    data += b"".join(each[2:] for each in group)
    return Job(data, 4 * spec.blocks * len(group), search_ops(spec, keep, len(group)),
               heap_bytes(spec, len(group), len(contexts)), contexts)


def _contexts(spec: Spec, at: int) -> tuple[tuple[Context, ...], int]:
    """What the jobs of a detector get, and the mode of its searches: neighbours share contexts, and so spans."""
    first = at - at % TOGETHER
    return tuple(one.context for one in spec.series[first:first + TOGETHER]), at % TOGETHER << 1


def forecast_job(spec: Spec, at: int, sets: Sequence[Set], split: int, first_hour: int) -> Job:
    """A rehearsal of the block at ``split``, or, where that is behind them all, up to 24 hours of the forecast."""
    shifts = spec.shifts if split == spec.blocks else (0, 0)
    contexts, mode = _contexts(spec, at)
    data = struct.pack("<8B", mode | 1, spec.weeks, spec.hours, spec.blocks, split, first_hour,
                       100 - spec.band_percent, shifts[0] | shifts[1] << 4)
    hours = min(HOURS_PER_ANSWER, spec.hours - first_hour)
    return Job(data + b"".join(sets), 12 if split < spec.blocks else 6 * hours, forecast_ops(spec, sets, split),
               heap_bytes(spec, len(sets), len(contexts)) + 4 * spec.hours * (7 * spec.blocks + 3) + 84 * split,
               contexts)


def profile_ops(spec: Spec, keep: int, days: range) -> int:
    """Statements for the profiles of those days: an hour is 12, and 5 and its square for each count sorted in."""
    kept = [min(keep, day // 7) for day in days]
    return max(24, spec.hours) * sum(12 + 5 * k + k * k for k in kept)


def search_ops(spec: Spec, keep: int, sets: int) -> int:
    """Cost model, counted in the plain path: 19 statements per set and hour learnt, 10 per set and hour scored."""
    days = range(7, spec.first_test // 24 + 7 * spec.blocks)
    return profile_ops(spec, keep, days) + sets * (len(days) * 24 * 19 + 7 * spec.blocks * spec.hours * 10)


def forecast_ops(spec: Spec, sets: Sequence[Set], split: int) -> int:
    """Cost model: as a search, once for each profile; then the errors of three hours are sorted for each hour."""
    days = range(7, 7 * spec.weeks + 1)
    profiles = sum(profile_ops(spec, keep, days) for keep, _ in {(one[0], one[1]) for one in sets})
    learnt = len(sets) * (len(days) * 24 * 19 + (7 * spec.blocks + 1) * spec.hours * 10)
    errors = 21 * split
    return profiles + learnt + spec.hours * (errors * (3 * errors + 40) // 4 + 21 * spec.blocks + 120)


def heap_bytes(spec: Spec, sets: int, contexts: int) -> int:
    """Working set on a 32-bit board: contexts, the state, and 4,600 bytes for the kernel and its small objects."""
    return 2 * WEEK * spec.weeks * contexts + 4 * int(kernel.SETS + kernel.SIZE * sets) + 4600


def errors(spec: Spec, answers: Sequence[bytes | None]) -> list[tuple[int, ...]]:
    """Of search jobs: each set's error sum in each block of back-tests, one job after the other."""
    return [sums for answer in answers if answer is not None
            for sums in struct.iter_unpack(f"<{spec.blocks}I", answer)]


def forecast(parts: Sequence[bytes]) -> list[tuple[int, ...]]:
    """Of forecast jobs: root, low and high of hour after hour."""
    return list(struct.iter_unpack("<HHH", b"".join(parts)))


def rehearsal(answer: bytes) -> Rehearsal:
    """Of a rehearsal: sums over its week."""
    return Rehearsal(*struct.unpack("<IHHI", answer))


def check(spec: Spec, job: Job, answer: bytes) -> bool:
    """False when an answer is impossible: errors beyond the largest, more hours than there are, ends out of order."""
    if len(answer) != job.answer_bytes:
        return False
    hours = 7 * spec.hours
    if not job.input[0] & 1:
        return all(total <= hours << 21 for (total,) in struct.iter_unpack("<I", answer))
    if job.input[4] < spec.blocks:
        total, inside, counted, wide = struct.unpack("<IHHI", answer)
        return bool(inside <= counted <= hours and total <= counted << 21 and wide <= counted << 21)
    return all(low <= root <= high <= 0x7FFF for root, low, high in struct.iter_unpack("<HHH", answer))
