"""What devices fetch."""

import asyncio
from types import SimpleNamespace

import pytest

from lamplighter.firmware.wire import CHUNK_BYTES, MAX_CHUNK, blob_name, decode_chunk
from lamplighter.gateway.core import effects as f
from lamplighter.gateway.core import events as e
from lamplighter.gateway.devicebuild.compiler import CompileError
from lamplighter.gateway.runtime.blobs import Blobs


@pytest.fixture
def bench():
    """Blobs of two kinds, of which board 7 takes one and board 9 none; ``put`` holds events."""
    kinds = {f"toy.{name}": SimpleNamespace(name=f"toy.{name}", kernel=name * 5_000) for name in "xy"}
    context = b"c" * 100

    def compile_for(source, arch):
        if arch == 9 or (arch == 7 and source.startswith(b"y")):
            raise CompileError("it takes another .mpy")
        return b"%d" % arch + source
    made = SimpleNamespace(put=[], used={0, 7}, takes={"a": 4_096, "b": 0, "c": CHUNK_BYTES + 10})
    solvers = SimpleNamespace(kinds=kinds, context=lambda name: context if name == blob_name(context) else None)
    made.blobs = Blobs("demo", solvers, compile_for, made.takes.get, lambda: made.used, made.put.append)
    return made


def compiled(bench, arch):
    asyncio.run(bench.blobs.compile(f.CompileKernels(arch)))
    return bench.put.pop()


def test_kernels_are_compiled_for_a_board(bench):
    """The core hears of each kind's blob by its name; what the board does not take is left out and noted."""
    names = {"toy.x": blob_name(b"0" + b"x" * 5_000), "toy.y": blob_name(b"0" + b"y" * 5_000)}
    assert compiled(bench, 0) == e.KernelsCompiled(0, names)
    assert compiled(bench, 7) == e.KernelsCompiled(7, {"toy.x": blob_name(b"7" + b"x" * 5_000)})
    assert compiled(bench, 9) == e.KernelsCompiled(9, {})


def test_a_kernel_is_cut_into_chunks(bench):
    """One after the other they are the blob, each no larger than the device takes."""
    name = compiled(bench, 0).blobs["toy.x"]
    whole, offset = b"", 0
    while (message := bench.blobs.chunk(f.SendChunk("a", name, offset))) is not None:
        topic, payload = message
        _, total, at, part = decode_chunk(payload)
        assert topic.endswith("/node/a/blob") and (total, at) == (5_001, offset) and len(payload) <= 4_096
        assert len(part) <= MAX_CHUNK
        whole, offset = whole + part, offset + len(part)
    assert whole == b"0" + b"x" * 5_000


def test_a_context_is_fetched_alike(bench):
    """Ten bytes at a time where a device takes no more."""
    _, payload = bench.blobs.chunk(f.SendChunk("c", blob_name(b"c" * 100), 95))
    assert decode_chunk(payload)[1:] == (100, 95, b"c" * 5)
    assert len(decode_chunk(bench.blobs.chunk(f.SendChunk("c", blob_name(b"c" * 100), 0))[1])[3]) == 10


@pytest.mark.parametrize(("node", "name", "offset"), [("a", b"?" * 16, 0), ("a", None, 100), ("b", None, 0)])
def test_there_is_no_empty_chunk(bench, node, name, offset):
    """Of what is unknown or past its end, and to a device that takes nothing, nothing is sent."""
    assert bench.blobs.chunk(f.SendChunk(node, name or blob_name(b"c" * 100), offset)) is None


def test_kernels_of_no_board_any_more_are_let_go(bench):
    """A device that claims a new instruction set again and again fills no memory."""
    first = compiled(bench, 0).blobs["toy.x"]
    bench.used = {1}
    second = compiled(bench, 1).blobs["toy.x"]
    assert bench.blobs.chunk(f.SendChunk("a", first, 0)) is None
    assert bench.blobs.chunk(f.SendChunk("a", second, 0)) is not None
