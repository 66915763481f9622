"""What devices fetch: kernels, compiled for each instruction set that is met, and contexts of running tasks."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Collection

from lamplighter.firmware.wire import CHUNK_BYTES, MAX_CHUNK, blob_name, node_topic
from lamplighter.gateway.core.effects import CompileKernels, SendChunk
from lamplighter.gateway.core.events import Event, KernelsCompiled
from lamplighter.gateway.devicebuild.kernels import CompileError
from lamplighter.gateway.protocol.frames import encode_chunk
from lamplighter.gateway.runtime.solvers import Solvers

log = logging.getLogger("lamplighter")

Compile = Callable[[bytes, int], bytes]
"""(source of a kernel, the board's ``.mpy`` number) -> what that board imports. Raises CompileError."""


class Blobs:
    """Compiles and keeps kernels; cuts kernels and contexts into chunks of what a node takes in one message.

    Kernels are kept for the instruction sets that are ``used``.
    """

    def __init__(self, site: str, solvers: Solvers, compile_for: Compile, takes: Callable[[str], int],
                 used: Callable[[], Collection[int]], put: Callable[[Event], None]) -> None:
        self._site, self._solvers, self._compile, self._takes, self._put = site, solvers, compile_for, takes, put
        self._used = used
        self._kernels: dict[int, dict[bytes, bytes]] = {}

    async def compile(self, effect: CompileKernels) -> None:
        """Every kind's kernel for one instruction set; a board that takes none of them gets no work."""
        made, blobs = {}, {}
        for kind in self._solvers.kinds.values():
            try:
                blob = await asyncio.to_thread(self._compile, kind.kernel.encode(), effect.arch)
            except CompileError as error:
                log.warning("kernel of %s for arch %d: %s", kind.name, effect.arch, error)
                continue
            name = blob_name(blob)
            blobs[name] = blob
            made[kind.name] = name
        self._kernels = {arch: kept for arch, kept in self._kernels.items() if arch in self._used()}
        self._kernels[effect.arch] = blobs
        self._put(KernelsCompiled(effect.arch, made))

    def chunk(self, effect: SendChunk) -> tuple[str, bytes] | None:
        """(topic, payload) of the part that was asked for; None where there is none."""
        data = self._kernel(effect.name) or self._solvers.context(effect.name) or b""
        takes = self._takes(effect.node) - CHUNK_BYTES
        part = data[effect.offset:effect.offset + min(MAX_CHUNK, takes)] if takes > 0 else b""
        if not part:
            return None
        topic = node_topic(self._site, effect.node, "blob")
        return topic, encode_chunk(effect.name, len(data), effect.offset, part)

    def _kernel(self, name: bytes) -> bytes | None:
        return next((blobs[name] for blobs in self._kernels.values() if name in blobs), None)
