"""Runs jobs on a pool of local interpreters, with the kernel as a board would get it.

For ``lamplighter kind test`` and ``bench``, quality reports and benchmarks: no broker, no leases, one copy of
each job. ``Runtime`` says what executes the kernel: MicroPython with machine code, MicroPython with bytecode
only, or CPython.
"""

from __future__ import annotations

import os
import socket
import subprocess
import tempfile
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType

from lamplighter.gateway.devicebuild.interpreter import HEAD, SIZE, Program, install, pack_jobs
from lamplighter.gateway.devicebuild.interpreter import NoMicroPython as NoMicroPython
from lamplighter.gateway.devicebuild.interpreter import Runtime as Runtime
from lamplighter.gateway.devicebuild.kernels import kernel_source
from lamplighter.tasks.api import Job


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

    Raises NoMicroPython where there is no MicroPython, CompileError where the kernel does not compile.
    """

    def __init__(self, kernel: Path, runtime: Runtime = Runtime.MACHINE_CODE, processes: int = 0,
                 heap: int = 1 << 20) -> None:
        self._folder = tempfile.TemporaryDirectory(prefix="lamplighter-pool-")
        self._program = install(kernel_source(kernel), Path(self._folder.name), runtime, heap)
        self._workers = [_Worker(self._program) for _ in range(processes or os.cpu_count() or 1)]
        self._threads = ThreadPoolExecutor(len(self._workers), thread_name_prefix="pool")

    def __enter__(self) -> Pool:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None,
                 trace: TracebackType | None) -> None:
        self.close()

    def answers(self, jobs: Sequence[Job]) -> list[bytes]:
        """In job order. Raises as ``runs``."""
        return [run.answer for run in self.runs(jobs)]

    def runs(self, jobs: Sequence[Job]) -> list[Run]:
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
            worker.process.kill()
        self._threads.shutdown()
        for worker in self._workers:
            worker.end()
        self._folder.cleanup()

    def _checked(self, worker: int, job: Job) -> Run:
        run = self._ask(worker, job, 1)
        if len(run.answer) != job.answer_bytes:
            raise ValueError(f"the kernel answered {len(run.answer)} bytes, the job says {job.answer_bytes}")
        return run

    def _ask(self, at: int, job: Job, times: int, slices: bool = False) -> Run:
        worker = self._workers[at]
        with suppress(OSError):
            contexts = list(enumerate(context.data for context in job.contexts))
            worker.line.sendall(pack_jobs([job.input], contexts, times, slices))
        try:
            worker.read(SIZE.size)
            size, took, longest = HEAD.unpack(worker.read(HEAD.size))
            said = worker.read(took if size < 0 else size)
        except EOFError:
            self._workers[at] = _Worker(self._program)
            raise KernelRaised(f"the interpreter ended {worker.end()}") from None
        if size < 0:
            raise KernelRaised(said.decode("utf-8", "replace"))
        return Run(said, took, longest)


class _Worker:
    """One interpreter, and our end of its socket."""

    def __init__(self, program: Program) -> None:
        self.line, its = socket.socketpair()
        self._said = tempfile.TemporaryFile()  # noqa: SIM115 - closed by end
        with its:
            self.process = subprocess.Popen(program.command, stdin=its.fileno(), stdout=self._said,
                                            stderr=subprocess.DEVNULL, env=program.environment)

    def read(self, size: int) -> bytes:
        """Raises EOFError where the interpreter has ended."""
        data = b""
        while len(data) < size:
            try:
                more = self.line.recv(size - len(data))
            except ConnectionError:   # it ended with a part of the job unread
                more = b""
            if not more:
                raise EOFError
            data += more
        return data

    def end(self) -> str:
        """Waits for it, which has nothing more to wait for; how it ended, and what it said last."""
        self.line.close()
        code = self.process.wait()
        with self._said:
            self._said.seek(0)
            return f"({code}): {self._said.read()[-200:].decode('utf-8', 'replace')}"
