"""The gateway's own computer: runs drawn or disputed jobs in child processes, as machine code where there is a
MicroPython that has it, else as plain Python.

Children, because a third party's kernel must not be able to stall or end the gateway; killed and replaced when they
take too long. Each kernel has one of its own, so that none waits for another kind's, and it ends when there has been
nothing to do for a while.
"""

from __future__ import annotations

import asyncio
import subprocess
import tempfile
from collections import OrderedDict
from collections.abc import Sequence
from pathlib import Path

from lamplighter.firmware.wire import MAX_ANSWER
from lamplighter.gateway.devicebuild.interpreter import HEAD, MAX_TEXT, SIZE, Runtime, install, pack_jobs
from lamplighter.gateway.devicebuild.kernels import CompileError
from lamplighter.gateway.runtime.child import start_program

TIMEOUT_S = 120.0
IDLE_S = 60.0
"""A child that was asked nothing for so long is ended."""
HEAP = 32 << 20
"""Of MicroPython, in bytes: no board has so much, and to collect it takes a millisecond for every 128 MB."""
KEPT = 32
"""Contexts that a child keeps, so that they are sent once: at most 2 MB."""


class Recomputer:
    """Runs the jobs of each kernel, a span of them at a time, in the order asked, on ``runtime``."""

    def __init__(self, runtime: Runtime) -> None:
        self.runtime = runtime
        self._children: dict[bytes, _Child] = {}

    async def run(self, kernel: bytes, contexts: Sequence[bytes], inputs: Sequence[bytes]) -> bytes | None:
        """The answers of a kernel, given as its source, to ``inputs``, one after the other, or None when it raised,
        did not end in time, or took its process with it twice.

        Once is no proof against the kernel: the system may have ended the child for want of memory.
        """
        child = self._children.get(kernel)
        if child is None:
            child = self._children[kernel] = _Child(kernel, self.runtime)
        return await child.run(contexts, inputs)

    def close(self) -> None:
        """Ends the children and waits for that: a moment, since nothing can put off a SIGKILL."""
        for child in self._children.values():
            child.close()


class _Child:
    """The process of one kernel, while there is one."""

    def __init__(self, kernel: bytes, runtime: Runtime) -> None:
        self._kernel, self._runtime = kernel, runtime
        self._process: subprocess.Popen[bytes] | None = None
        self._folder: tempfile.TemporaryDirectory[str] | None = None
        self._line: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None
        self._turn = asyncio.Lock()
        self._rest: asyncio.TimerHandle | None = None
        self._kept: OrderedDict[bytes, int] = OrderedDict()
        """Contexts that it has, and where; what was used last comes last."""

    async def run(self, contexts: Sequence[bytes], inputs: Sequence[bytes]) -> bytes | None:
        async with self._turn:
            if self._rest is not None:
                self._rest.cancel()
            for _ in range(2):
                try:
                    async with asyncio.timeout(TIMEOUT_S):
                        return await self._ask(contexts, inputs)
                except (TimeoutError, CompileError):
                    return None
                except (asyncio.IncompleteReadError, ConnectionError):
                    continue
        return None

    async def _ask(self, contexts: Sequence[bytes], inputs: Sequence[bytes]) -> bytes | None:
        try:
            reader, writer = await self._ready()
            writer.write(pack_jobs(inputs, [self._place(context) for context in contexts]))
            await writer.drain()
            size, = SIZE.unpack(await reader.readexactly(SIZE.size))
            if size > HEAD.size * len(inputs) + MAX_ANSWER + MAX_TEXT:   # no device could send that
                self.close()
                return None
            said = await reader.readexactly(size)
            self._rest = asyncio.get_running_loop().call_later(IDLE_S, self.close)
            return _answers(said, len(inputs))
        except BaseException:   # also when cancelled: its answer must not be taken for that of the next
            self.close()
            raise

    def _place(self, context: bytes) -> tuple[int, bytes | None]:
        """Where the child keeps a context, and what goes along if it has yet to be put there."""
        place = self._kept.get(context)
        if place is not None:
            self._kept.move_to_end(context)
            return place, None
        place = self._kept.popitem(last=False)[1] if len(self._kept) == KEPT else len(self._kept)
        self._kept[context] = place
        return place, context

    async def _ready(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        if self._line is None or self._process is None or self._process.poll() is not None:
            self.close()
            self._folder = folder = tempfile.TemporaryDirectory(prefix="lamplighter-kernel-")
            program = await asyncio.to_thread(install, self._kernel, Path(folder.name), self._runtime, HEAP)
            self._process, line = start_program(program.command, program.environment)
            self._line = await asyncio.open_connection(sock=line)
        return self._line

    def close(self) -> None:
        self._kept.clear()
        if self._rest is not None:
            self._rest.cancel()
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None
        if self._line is not None:
            self._line[1].transport.abort()
            self._line = None
        if self._folder is not None:
            self._folder.cleanup()
            self._folder = None


def _answers(said: bytes, count: int) -> bytes | None:
    """The answers to so many jobs, together; None where there are fewer, or what a child says is no answer at all."""
    answers: list[bytes] = []
    at = 0
    while at + HEAD.size <= len(said) and len(answers) < count:
        size = HEAD.unpack_from(said, at)[0]
        at += HEAD.size
        if not 0 <= size <= len(said) - at:
            return None
        answers.append(said[at:at + size])
        at += size
    return b"".join(answers) if len(answers) == count and sum(map(len, answers)) <= MAX_ANSWER else None
