"""Kernels and firmware, compiled for each kind of board."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from lamplighter.gateway.devicebuild.compiler import ARCHES, CompileError, build_firmware, compile_for
from lamplighter.gateway.devicebuild.interpreter import find_micropython
from lamplighter.gateway.devicebuild.lending import called
from lamplighter.gateway.devicebuild.makers import MAKERS
from lamplighter.gateway.simulate.fleet import FIRMWARE

SOURCE = b"""
def scale(x: int) -> int:
    return x * 3


@micropython.viper
def fast(x: int) -> int:
    return x * 3
"""


def _arch(name: str, sub: int = 3) -> int:
    return ARCHES.index(name) << 10 | sub << 8 | 6


def test_native_code_is_made_for_the_boards_own_instruction_set() -> None:
    """The header of an .mpy names its version, and the architecture where it holds native code."""
    for name in ("x64", "armv6m", "armv7emsp", "xtensawin", "rv32imc"):
        made = compile_for(SOURCE, _arch(name))
        assert made[:2] == b"M\x06"
        assert made[2] >> 2 == ARCHES.index(name)


def test_without_native_code_the_same_function_is_bytecode() -> None:
    """Boards without native code, or with another sub-version of it, get the function without its decorator."""
    for arch in (_arch(""), _arch("x64", 1), 63 << 10 | 3 << 8 | 6):
        assert compile_for(SOURCE, arch)[2] >> 2 == 0


def test_a_runtime_without_mpy_gets_source_without_the_decorator() -> None:
    """CPython takes the program as it is written, and no line is lost but the decorator's."""
    assert compile_for(SOURCE, 0) == SOURCE.replace(b"@micropython.viper\n", b"")


def test_a_broken_program_and_a_strange_board_are_one_sentence() -> None:
    """What cannot be compiled says which file and why."""
    with pytest.raises(CompileError, match=r'does not compile: (?s:.*)"odd\.py", line 1\nSyntaxError'):
        compile_for(b"def", _arch("x64"), "odd.py")
    with pytest.raises(CompileError, match="version 5"):
        compile_for(SOURCE, 5)


def test_micropython_is_asked_once_what_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    """Not again by each child that recomputes."""
    found = find_micropython()
    monkeypatch.setattr("lamplighter.gateway.devicebuild.interpreter.os.access", lambda *_: False)
    assert find_micropython() == found


def test_the_firmware_is_built_as_mpy_and_runs(tmp_path: Path) -> None:
    """What stays in the heap is one .mpy, the rest have their own, all import; an old .py is not in the way.

    Those that are lent are no modules of MicroPython's. Of one that is imported for one use nothing is left after it.
    """
    found = find_micropython()
    if not found:
        pytest.skip("no micropython program here")
    (tmp_path / "firmware").mkdir()
    (tmp_path / "firmware" / "main.py").write_text("raise SystemExit('old')")
    build_firmware(FIRMWARE, tmp_path, found[1])
    joined = {"agent", "blobs", "mac", "mqtt", "node", "ports", "receipts", "runner", "spare", "wire"}
    lent = {"boot", "context", "dial", "duty", "ending", "fetch", "hello", "line", "link", "loader", "reserve",
            "span"}
    files = called({*lent, MAKERS})
    names = {path.stem for path in FIRMWARE.glob("*.py")} - joined - lent
    assert {path.name for path in (tmp_path / "firmware").iterdir()} == {
        f"{name}.mpy" for name in {*names, *files.values()}}
    (tmp_path / "lamplighter.json").write_text("{}")
    names -= {"__init__"}
    code = "import sys\n" + f"""
for name in {sorted(files.values())}:
    try:
        __import__(name)
        print(name, "is a module of MicroPython's")
    except ImportError:
        pass
""" + "import firmware\n" + "".join(f"import firmware.{name}\n" for name in sorted(names)) + f"""
there = set(sys.modules)
try:
    firmware.main.main()
except KeyError:
    print(*set(sys.modules) - there)
sys.path.insert(0, "firmware")
for name in {sorted(files.values())}:
    __import__(name)
"""
    done = subprocess.run([found[0], "-c", code], env={"MICROPYPATH": f"{tmp_path}:.frozen"}, cwd=tmp_path,
                          capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.split() == []
