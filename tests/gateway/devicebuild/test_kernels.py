"""A kernel's one source: of a file, or of a folder's parts."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from lamplighter.gateway.devicebuild.compiler import ARCHES, FORMAT, NATIVE, compile_for
from lamplighter.gateway.devicebuild.interpreter import find_micropython
from lamplighter.gateway.devicebuild.kernels import CompileError, kernel_source, load
from lamplighter.gateway.kindkit.pool import Pool, Runtime
from lamplighter.gateway.kindkit.rules import problems
from lamplighter.gateway.runtime.recompute import Recomputer
from lamplighter.tasks.api import Job

PARTS = {
    "numbers": """
import struct  # of all parts
try:
    import micropython
except ImportError:
    const = int

    class micropython:
        def viper(f):
            return f

_TWICE = const(2)


def packed(value):
    return struct.pack(">H", value)
""",
    "sums": """
from .numbers import _TWICE, micropython


@micropython.viper
def total(a: int, b: int) -> int:
    packed = _TWICE * (a + b)
    return packed
""",
    "__init__": """
import struct
from .sums import total
from .numbers import packed


def run(data, contexts):
    if len(data) != 2:
        raise ValueError("length")
    yield
    return packed(total(*struct.unpack("BB", data)))
""",
}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A kernel of three parts."""
    made = tmp_path / "kernel"
    made.mkdir()
    for name, text in PARTS.items():
        (made / f"{name}.py").write_text(text)
    return made


def test_a_file_is_taken_as_it_is(tmp_path: Path) -> None:
    """Byte for byte."""
    (tmp_path / "kernel.py").write_bytes(b"x = 1\r\n\n")
    assert kernel_source(tmp_path / "kernel.py") == b"x = 1\r\n\n"


def test_parts_stand_in_the_order_in_which_they_are_taken(folder: Path) -> None:
    """What is taken comes before what takes it, an import of two parts stands once."""
    source = kernel_source(folder).decode()
    assert source.index("_TWICE =") < source.index("def total") < source.index("def run")
    assert source.count("import struct") == 1 and "from ." not in source
    assert not problems(source)
    assert kernel_source(folder) == source.encode()


def test_every_interpreter_runs_the_joined_source(folder: Path) -> None:
    """This one, MicroPython both ways, the gateway's recomputation; and it compiles for boards."""
    job = Job(bytes((3, 4)), 2, 1, 1)
    slices = load(folder).run(job.input, ())
    next(slices)
    with pytest.raises(StopIteration) as end:
        next(slices)
    assert end.value.value == b"\0\x0e"
    for runtime in Runtime if find_micropython() else (Runtime.CPYTHON,):
        with Pool(folder, runtime, 1) as pool:
            assert pool.run(job).answer == b"\0\x0e", runtime
    assert compile_for(kernel_source(folder), ARCHES.index("armv6m") << 10 | NATIVE << 8 | FORMAT)


@pytest.mark.parametrize("runtime", [Runtime.MACHINE_CODE, Runtime.CPYTHON])
def test_the_gateway_recomputes_with_the_joined_source(folder: Path, runtime: Runtime) -> None:
    """Its child is given what is compiled for devices."""
    if runtime is Runtime.MACHINE_CODE and find_micropython() is None:
        pytest.skip("no MicroPython on this machine")

    async def main() -> bytes | None:
        computer = Recomputer(runtime)
        try:
            return await computer.run(kernel_source(folder), (), [bytes((3, 4))])
        finally:
            computer.close()
    assert asyncio.run(main()) == b"\0\x0e"


@pytest.mark.parametrize(("part", "old", "new", "said"), [
    ("sums", "def total", "def packed(): pass\n\n\n@micropython.viper\ndef total", "packed is a name of numbers"),
    ("sums", "def total", "def struct(): pass\n\n\n@micropython.viper\ndef total", "struct is a name of an import"),
    ("sums", "import _TWICE, micropython", "import micropython", "sums.py: _TWICE is not its own"),
    ("sums", "import _TWICE,", "import _THRICE, _TWICE,", "sums.py: numbers.py has no _THRICE"),
    ("sums", "from .numbers import _TWICE,", "from .numbers import _TWICE as two,", "sums.py, line 2: from a part"),
    ("sums", "from .numbers", "import math\nfrom .numbers", "sums.py, line 2: imports math"),
    ("sums", "    packed =", "    import os\n    packed =", "sums.py, line 7: imports os"),
    ("sums", "    packed =", "    from .numbers import packed as x\n    packed =", "sums.py, line 7: from a part"),
    ("sums", "from .numbers", "import struct; x = 1\nfrom .numbers", "a line of its own"),
    ("sums", "def total(", "def total", "sums.py, line 6: "),
    ("numbers", "import struct", "from .sums import total\nimport struct", "in a circle"),
    ("__init__", "from .sums", "from .missing", r"missing.py: there is no such part, __init__.py takes"),
    ("__init__", "from .sums import total\n", "from array import array as total\n", "sums.py: no part takes"),
])
def test_what_does_not_make_one_source_is_refused(folder: Path, part: str, old: str, new: str, said: str) -> None:
    """By the name of the part, with what is wrong there."""
    assert old in PARTS[part]
    (folder / f"{part}.py").write_text(PARTS[part].replace(old, new, 1))
    with pytest.raises(CompileError, match=said):
        kernel_source(folder)


def test_an_empty_folder_is_no_kernel(tmp_path: Path) -> None:
    """The part with ``run`` must be there."""
    with pytest.raises(CompileError, match=r"__init__\.py: there is no such part"):
        kernel_source(tmp_path)
