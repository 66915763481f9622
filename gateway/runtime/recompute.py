"""The gateway's own computer: runs drawn or disputed jobs in a child process, with the kernel as plain Python.

A child, because a third party's kernel must not be able to stall or end the gateway; killed and replaced
when it takes too long. ``python -m lamplighter.gateway.runtime.recompute`` is the child: requests and answers are
length-prefixed on its standard input and output. Its argument is the id of its parent.
"""

from __future__ import annotations

import asyncio
import os
import struct
import subprocess
import sys
from collections.abc import Sequence
from typing import Any, BinaryIO

from lamplighter.firmware.wire import MAX_ANSWER
from lamplighter.gateway.devicebuild.kernels import module_of
from lamplighter.gateway.runtime.child import die_with, first_to_go, start

TIMEOUT_S = 120.0


class Recomputer:
    """Runs one job at a time, in the order asked."""

    def __init__(self) -> None:
        self._child: subprocess.Popen[bytes] | None = None
        self._line: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None
        self._turn = asyncio.Lock()

    async def run(self, kernel: bytes, contexts: Sequence[bytes], given: bytes) -> bytes | None:
        """The answer of a kernel, given as its source, or None when it raised, did not end in time, or took its
        process with it twice.

        Once is no proof against the kernel: the system may have ended the child for want of memory.
        """
        parts = [kernel, given, *contexts]
        request = struct.pack(">I", len(parts)) + b"".join(struct.pack(">I", len(p)) + p for p in parts)
        async with self._turn:
            for _ in range(2):
                try:
                    async with asyncio.timeout(TIMEOUT_S):
                        return await self._ask(request)
                except TimeoutError:
                    return None
                except (asyncio.IncompleteReadError, ConnectionError):
                    continue
        return None

    async def _ask(self, request: bytes) -> bytes | None:
        try:
            reader, writer = await self._ready()
            writer.write(request)
            await writer.drain()
            size, = struct.unpack(">i", await reader.readexactly(4))
            return None if size < 0 else await reader.readexactly(size)
        except BaseException:   # also when cancelled: its answer must not be taken for that of the next
            self.close()
            raise

    async def _ready(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        if self._line is None or self._child is None or self._child.poll() is not None:
            self.close()
            self._child, line = start("lamplighter.gateway.runtime.recompute")
            self._line = await asyncio.open_connection(sock=line)
        return self._line

    def close(self) -> None:
        """Ends the child and waits for that: a moment, since nothing can put off a SIGKILL."""
        if self._child is not None:
            self._child.kill()
            self._child.wait()
            self._child = None
        if self._line is not None:
            self._line[1].transport.abort()
            self._line = None


def _kernel(source: bytes, known: dict[bytes, Any]) -> Any:
    if source not in known:
        known[source] = module_of(source)
    return known[source]


def _answer(source: bytes, given: bytes, contexts: Sequence[bytes], known: dict[bytes, Any]) -> bytes:
    slices = _kernel(source, known).run(given, tuple(contexts))
    while True:
        try:
            next(slices)
        except StopIteration as end:
            return bytes(end.value)


def serve(source: BinaryIO, sink: BinaryIO) -> None:
    """Answers requests until ``source`` ends: a count of parts, then a kernel's source, input, contexts."""
    known: dict[bytes, Any] = {}
    while head := source.read(4):
        parts = []
        for _ in range(struct.unpack(">I", head)[0]):
            size, = struct.unpack(">I", source.read(4))
            parts.append(source.read(size))
        try:
            answer = _answer(parts[0], parts[1], parts[2:], known)
            if len(answer) > MAX_ANSWER:
                raise ValueError("no device could send that")
            sink.write(struct.pack(">i", len(answer)) + answer)
        except Exception:   # whatever a kernel raises is an answer of its own: None
            sink.write(struct.pack(">i", -1))
        sink.flush()


if __name__ == "__main__":
    die_with(int(sys.argv[1]))
    first_to_go()
    answers, sys.stdout = sys.stdout.buffer, sys.stderr   # a kernel that prints must not spoil its answer
    try:
        serve(sys.stdin.buffer, answers)
    except ConnectionError:   # the gateway has just been killed: nobody is left to be answered, or to be told of it
        os._exit(0)
