"""Everything that ``lamplighter kind test`` finds out about a kind, one finding after the other."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lamplighter.firmware.wire import MAX_ANSWER, MAX_BLOB, MAX_CONTEXTS
from lamplighter.gateway.core.policy import price_kop
from lamplighter.gateway.core.spans import EACH_BYTES, MOST
from lamplighter.gateway.devicebuild.compiler import CompileError
from lamplighter.gateway.devicebuild.kernels import kernel_source
from lamplighter.gateway.kindkit import plan, rules
from lamplighter.gateway.kindkit.heap import smallest_heap
from lamplighter.gateway.kindkit.pool import KernelRaised, NoMicroPython, Pool, Runtime
from lamplighter.gateway.kindkit.sample import Sample, take
from lamplighter.tasks.api import JOB_ANSWER, JOB_INPUT, DeadlinePassed, Job, Kind, Result, TaskError
from lamplighter.tasks.local import answer_of, run_local
from lamplighter.tasks.registry import prepare

COST_SPREAD = 4
"""The dearest job may cost so many times the time of the cheapest per operation."""
COST_RUNS = 7
"""The least of so many timings: a PC has other things to do, too."""
SLICE_MS = 50
"""The firmware promises its board's own duty not to be away for longer."""
BOARD_SLOWER = 100
"""A microcontroller runs machine code so many times slower than a PC's core, roughly."""
LEASE_US = 150
"""What a gateway spends on one lease of a span, about: messages, commits, its share of checks."""
LEASE_GAIN = 20
"""So many times that a span must be worth; what is not is nearly as cheap on the gateway itself."""
SPAN_INPUT, SPAN_ANSWER = 14_800, MAX_ANSWER
"""Bytes of the span of a board with 150 KB of heap, whose messages have a tenth of it."""
ROUNDS_OFF = 1
"""A kind may be so many rounds off: the progress of its tasks tells something nevertheless."""
WATCHED_OPS = 3_000_000
"""Jobs are run under the watch of their words until these are used up: each takes ten times as long."""
HEAP_SHARE_32 = 60
"""Percent of a 64-bit heap that the same program takes on a 32-bit board."""


TIMED = frozenset({"cost", "slices", "lease"})
"""Findings that a busy machine can spoil."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing looked at. ``ok`` is None for what is only told."""

    what: str
    ok: bool | None
    text: str


class _Stop(Exception):
    """What comes next needs what just failed."""


def check(kind: Kind, cache: Path) -> Iterator[Finding]:
    """Looks at ``kind`` from its source to its answer, on its demo's input. Raises NoMicroPython, CompileError."""
    try:
        yield from _source(kind)
        spec, told = _spec(kind, cache)
        yield told
        with Pool(kind.kernel, Runtime.MACHINE_CODE) as pool:
            try:
                sample = take(kind, spec, pool)
            except (KernelRaised, ValueError) as error:
                raise _Stop(f"answer|{type(error).__name__}: {error}") from None
            yield from _answer(kind, sample)
            yield _rounds(kind, spec, len(sample.rounds))
            within = _bounds(sample)
            if not within.ok:
                raise _Stop(f"bounds|{within.text}")
            yield within
            yield _replay(kind, spec, sample)
            yield _deadline(kind, spec, pool, len(sample.jobs))
        yield from _kernel(kind, sample)
        yield _reference(kind, spec, sample.result)
    except _Stop as stop:
        what, _, text = str(stop).partition("|")
        yield Finding(what, False, text)


def _source(kind: Kind) -> Iterator[Finding]:
    astray = plan.strays(kind)
    yield Finding("plan", not astray, "; ".join(astray) or "every file has its role")
    found = rules.problems(kernel_source(kind.kernel).decode())
    yield Finding("rules", not found, "; ".join(found) or "integers only, imports within bounds")
    strict = kind.Model.model_config.get("extra") == "forbid"
    bare = [name for name, about in _fields(kind.Model.model_json_schema()) if "description" not in about]
    yield Finding("schema", strict and not bare,
                  ("" if strict else 'set model_config = ConfigDict(extra="forbid"); ')
                  + (f"no description: {', '.join(bare[:8])}" if bare else "every field is described"))
    yield _example(kind)


def _example(kind: Kind) -> Finding:
    """What ``lamplighter kind example`` prints is a task that is accepted."""
    if kind.example is None:
        return Finding("example", None, "no example.json: nobody is shown how to begin")
    try:
        document = json.loads(kind.example.read_text("utf-8"))
        prepare({kind.name: kind}, document["kind"], document["input"])
    except (TaskError, ValueError, KeyError, TypeError) as error:
        return Finding("example", False, f"example.json is no task that is accepted: {error!r}")
    return Finding("example", True, f"example.json is a task of {kind.example.stat().st_size} bytes")


def _fields(schema: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    for part in (schema, *schema.get("$defs", {}).values()):
        yield from part.get("properties", {}).items()


def _spec(kind: Kind, cache: Path) -> tuple[Any, Finding]:
    given = kind.demo(cache)
    try:
        spec = prepare({kind.name: kind}, kind.name, given.input)
    except TaskError as error:
        raise _Stop(f"input|the demo's input is refused: {error.message} at {error.path}") from None
    size = len(json.dumps(given.input))
    return spec, Finding("input", size < 8_000_000, f"{given.source} ({size} bytes)")


def _answer(kind: Kind, sample: Sample) -> Iterator[Finding]:
    try:
        size = len(json.dumps(sample.result.data, allow_nan=False))
        text, files = kind.text(sample.result.data), kind.files(sample.result.data)
    except (TypeError, ValueError, KeyError) as error:
        raise _Stop(f"answer|it is no JSON, or text and files cannot be made of it: {error!r}") from None
    good = bool(sample.result.summary and text) and all(isinstance(content, bytes) for content in files.values())
    kop = sum(price_kop(job.ops) for job in sample.jobs)
    yield Finding("answer", good, f"{sample.result.summary} ({size} bytes; files: {', '.join(files) or 'none'})")
    yield Finding("price", None, f"{len(sample.jobs)} jobs in {len(sample.rounds)} rounds, {kop} credits a copy")


def _rounds(kind: Kind, spec: Any, came: int) -> Finding:
    if kind.rounds is None:
        return Finding("rounds", None, "a task's progress is that of the round it is in")
    said = kind.rounds(spec)
    return Finding("rounds", abs(said - came) <= ROUNDS_OFF, f"{came} came, {said} were expected")


def _bounds(sample: Sample) -> Finding:
    wrong = [job for job in sample.jobs if len(job.input) > JOB_INPUT or not 0 < job.answer_bytes <= JOB_ANSWER
             or len(job.contexts) > MAX_CONTEXTS or any(len(one.data) > MAX_BLOB for one in job.contexts)
             or job.ops < 1 or job.heap_bytes < 1]
    widest = max(len(job.input) for job in sample.jobs)
    shared = {one.name: len(one.data) for job in sample.jobs for one in job.contexts}
    text = (f"inputs up to {widest} bytes, answers up to {max(job.answer_bytes for job in sample.jobs)}, "
            f"{len(shared)} contexts of {sum(shared.values())} bytes")
    return Finding("bounds", not wrong, text + (f"; {len(wrong)} jobs are beyond the wire's bounds" if wrong else ""))


def _replay(kind: Kind, spec: Any, sample: Sample) -> Finding:
    """After a crash the generator is driven again by the recorded answers: it must ask for the same jobs."""
    seen: list[list[Job]] = []

    def run(jobs: Any) -> Any:
        seen.append(list(jobs))
        return sample.answers[len(seen) - 1]

    try:
        again = run_local(kind, spec, run_jobs=run)
        same = seen == sample.rounds and again == sample.result
    except (IndexError, ValueError):
        same = False
    return Finding("replay", same, "same jobs, same result" if same else "a second run asks for other jobs")


def _deadline(kind: Kind, spec: Any, pool: Pool, jobs: int) -> Finding:
    try:
        early = run_local(kind, spec, deadline_after_jobs=jobs * 3 // 4, run_jobs=pool.answers)
    except DeadlinePassed:
        return Finding("deadline", None, "three quarters of the jobs are no answer: the task would fail")
    good = bool(early.partial) and bool(kind.text(early.data))
    return Finding("deadline", good, f"after three quarters of the jobs: {early.partial or 'partial is empty'}")


def _kernel(kind: Kind, sample: Sample) -> Iterator[Finding]:
    """The kernel alone, on the jobs picked from the run."""
    source = kernel_source(kind.kernel).decode()
    with Pool(kind.kernel, Runtime.BYTECODE, 1) as plain, Pool(kind.kernel, Runtime.CPYTHON, 1) as host:
        other = [runtime.value for runtime, pool in ((Runtime.BYTECODE, plain), (Runtime.CPYTHON, host))
                 if any(pool.run(job).answer != answer for job, answer in sample.picked)]
        yield Finding("identity", not other,
                      f"other answers as {' and '.join(other)}" if other
                      else f"{len(sample.picked)} jobs: machine code, bytecode and CPython give the same bytes")
        yield _malformed(sample.picked[0][0], plain, host)
        yield _words(source, sample)
        yield _cost(plain, sample)
    with Pool(kind.kernel, Runtime.MACHINE_CODE, 1) as fast:
        yield _slices(fast, sample)
        yield _lease(fast, sample)
    largest = max(sample.jobs, key=lambda job: job.heap_bytes)
    measured = smallest_heap(kind.kernel, largest) * HEAP_SHARE_32 // 100
    yield Finding("heap", largest.heap_bytes * 5 >= measured * 4,
                  f"declares {largest.heap_bytes} bytes; measured about {measured} on a 32-bit board")


def _malformed(job: Job, *pools: Pool) -> Finding:
    """No answer to what is no input: an error, not an endless loop or a made-up result."""
    taken = []
    for data in (b"", job.input[:-1], job.input + b"\0"):
        for pool in pools:
            try:
                pool.run(Job(data, job.answer_bytes, 1, 1, job.contexts))
            except KernelRaised:
                continue
            taken.append(f"{len(data)} bytes")
    return Finding("malformed", not taken, f"answers to {taken[0]} in place of {len(job.input)}" if taken
                   else "an empty input, one byte less and one byte more are refused")


def _words(source: str, sample: Sample) -> Finding:
    if not rules.viper_functions(source):
        return Finding("words", None, "no viper function: runs as bytecode everywhere")
    kernel, left, seen = rules.watched(source), WATCHED_OPS, 0
    for job, answer in sorted(sample.picked, key=lambda pair: pair[0].ops):
        if seen and job.ops > left:
            break
        left -= job.ops
        seen += 1
        try:
            if answer_of(kernel, job) != answer:
                return Finding("words", False, "under watch the kernel answers otherwise")
        except rules.WordError as error:
            return Finding("words", False, str(error))
    return Finding("words", True, f"{seen} jobs: every word of the viper functions fits 31 bits and a sign")


def _cost(plain: Pool, sample: Sample) -> Finding:
    per_op = sorted(min(plain.run(job).took_us for _ in range(COST_RUNS)) * 1_000 / job.ops
                    for job, _ in sample.picked)
    spread = per_op[-1] / max(per_op[0], 1e-9)
    return Finding("cost", spread <= COST_SPREAD,
                   f"{per_op[0]:.0f} to {per_op[-1]:.0f} ns of bytecode per operation" +
                   ("" if spread <= COST_SPREAD else "; the model misses something"))


def _slices(fast: Pool, sample: Sample) -> Finding:
    """The longest time between two yields."""
    longest = max(min(fast.run(job, slices=True).longest_us for _ in range(COST_RUNS)) for job, _ in sample.picked)
    on_board = longest * BOARD_SLOWER // 1_000
    return Finding("slices", on_board <= SLICE_MS,
                   f"{longest} us of machine code between two yields: about {on_board} ms on a board")


def _lease(fast: Pool, sample: Sample) -> Finding:
    """How much work a full span is, as machine code here, beside what the gateway spends on it."""
    jobs = [job for job, _ in sample.picked]
    fits = [max(1, min(MOST, SPAN_INPUT // (len(job.input) + EACH_BYTES), SPAN_ANSWER // job.answer_bytes))
            for job in jobs]
    worth = sum(fast.run(job).took_us * count for job, count in zip(jobs, fits, strict=True)) // len(jobs)
    pays = worth >= LEASE_GAIN * LEASE_US
    little = "" if pays else f": under {LEASE_GAIN}, so bring more work to a byte"
    return Finding("lease", pays, f"a full span is about {worth} us of machine code, {worth // LEASE_US} times what "
                   f"a gateway spends on a lease{little}")


def _reference(kind: Kind, spec: Any, result: Result) -> Finding:
    compared = kind.reference(spec, result)
    return Finding("reference", bool(compared["ok"]), str(compared["text"]))


__all__ = ["CompileError", "Finding", "NoMicroPython", "check"]
