"""The device tests, ``device_*.py``: plain functions, run here and by a real MicroPython."""

from __future__ import annotations

import ast
import os
import subprocess
import sys
from pathlib import Path

import pytest

from lamplighter.gateway.simulate.fleet import find_micropython

HERE = Path(__file__).parent
ROOT = HERE.parent.parent
MODULES = sorted(path.stem for path in HERE.glob("device_*.py"))


def _tests(module: str) -> list[str]:
    tree = ast.parse((HERE / f"{module}.py").read_text())
    return [node.name for node in tree.body if isinstance(node, ast.FunctionDef) and node.name.startswith("test_")]


def _module(name: str) -> object:
    if str(HERE) not in sys.path:
        sys.path.insert(0, str(HERE))
    return __import__(name)


@pytest.mark.parametrize(("module", "test"), [(module, test) for module in MODULES for test in _tests(module)])
def test_on_cpython(module: str, test: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The firmware does on CPython what the test of that name says."""
    monkeypatch.chdir(HERE)
    getattr(_module(module), test)()


@pytest.mark.parametrize("module", MODULES)
def test_on_micropython(module: str) -> None:
    """Every test of the module passes on MicroPython as well, and none was left out."""
    found = find_micropython()
    if not found:
        assert not os.environ.get("CI"), "no micropython program"
        pytest.skip("no micropython program here")
    done = subprocess.run(
        [found[0], "-X", "heapsize=1M", str(HERE / "run_device.py"), module], cwd=HERE, timeout=300,
        env={"MICROPYPATH": f"{HERE}:{ROOT}/src:.frozen", "PATH": os.environ["PATH"]}, capture_output=True, text=True,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    passed = {line.split()[1] for line in done.stdout.splitlines() if line.startswith("passed ")}
    assert passed == set(_tests(module)), done.stderr
