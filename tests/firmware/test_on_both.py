"""The device tests, ``device_*.py``: plain functions, run here, by a real MicroPython, and by one that runs what the
packager makes of the firmware."""

from __future__ import annotations

import ast
import os
import subprocess
import sys
from pathlib import Path

import pytest

from lamplighter.gateway.devicebuild.compiler import ENTRIES, RESIDENT, compile_for
from lamplighter.gateway.devicebuild.interpreter import find_micropython
from lamplighter.gateway.devicebuild.shrink import shrink
from lamplighter.gateway.simulate.fleet import FIRMWARE

HERE = Path(__file__).parent
ROOT = HERE.parent.parent
MODULES = sorted(path.stem for path in HERE.glob("device_*.py"))
HALF = [ROOT / "gateway" / "protocol" / f"{name}.py" for name in ("frames", "topics")]
"""The gateway's half of the wire, which runs on MicroPython too."""
RELATIVE = {"lamplighter.firmware import": ". import", "lamplighter.firmware.": ".",
            "lamplighter.gateway.protocol import": ". import", "device_fuzz import": ".device_fuzz import"}
"""How device tests and that half name the firmware, with how its own modules do."""
WAYS = {"lamplighter.firmware": f"{ROOT}/src", "firmware": str(ROOT)}
"""What the package is called, with the folder that it is found in."""


def _tests(module: str) -> list[str]:
    tree = ast.parse((HERE / f"{module}.py").read_text())
    return [node.name for node in tree.body if isinstance(node, ast.FunctionDef) and node.name.startswith("test_")]


def _module(name: str) -> object:
    if str(HERE) not in sys.path:
        sys.path.insert(0, str(HERE))
    return __import__(name)


def _micropython() -> tuple[str, int]:
    found = find_micropython()
    if not found:
        assert not os.environ.get("CI"), "no micropython program"
        pytest.skip("no micropython program here")
    return found


def _run(path: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    """What MicroPython says, with modules in ``path`` and here."""
    done = subprocess.run([_micropython()[0], "-X", "heapsize=1M", *arguments], cwd=HERE, timeout=300, text=True,
                          env={"MICROPYPATH": f"{path}:{HERE}:.frozen", "PATH": os.environ["PATH"]},
                          capture_output=True)
    assert done.returncode == 0, done.stdout + done.stderr
    return done


def _passed(done: subprocess.CompletedProcess[str]) -> set[str]:
    return {line.split()[1] for line in done.stdout.splitlines() if line.startswith("passed ")}


@pytest.fixture(scope="module")
def packed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the firmware as for a board, and with device tests and the gateway's half of the wire packed as
    its modules: so they reach the firmware by the names that the packager gave it.

    What they look at is not joined or dropped, and a lease stays a named tuple, like the gateway's receipt; all else
    is as on a board. They are source, because ``.mpy`` is made without assertions.
    """
    sources = {path.stem: path.read_text() for path in FIRMWARE.glob("*.py")}
    users = {path.stem: path.read_text() for path in (*HERE.glob("device_*.py"), *HALF)}
    for name, text in users.items():
        for before, now in RELATIVE.items():
            text = text.replace(f"from {before}", f"from {now}")
        users[name] = text
    keep = ENTRIES.union({"Lease", "Receipt", "after"}, *map(_tests, MODULES))
    folder = tmp_path_factory.mktemp("packed")
    (folder / "firmware").mkdir()
    for name, source in shrink({**sources, **users}, "firmware", keep, RESIDENT).items():
        if name in users:
            (folder / "firmware" / f"{name}.py").write_text(source)
        else:
            (folder / "firmware" / f"{name}.mpy").write_bytes(compile_for(source.encode(), _micropython()[1]))
    return folder


@pytest.mark.parametrize(("module", "test"), [(module, test) for module in MODULES for test in _tests(module)])
def test_on_cpython(module: str, test: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The firmware does on CPython what the test of that name says."""
    monkeypatch.chdir(HERE)
    tested = _module(module)
    try:
        getattr(tested, test)()
    finally:
        getattr(tested, "after", int)()


@pytest.mark.parametrize("module", MODULES)
def test_on_micropython(module: str) -> None:
    """Every test of the module passes on MicroPython as well, and none was left out."""
    done = _run(f"{ROOT}/src", "run_device.py", module)
    assert _passed(done) == set(_tests(module)), done.stderr


@pytest.mark.parametrize("module", MODULES)
def test_packed(module: str, packed: Path) -> None:
    """And on what the packager makes of the firmware."""
    done = _run(str(packed), "run_device.py", f"firmware.{module}")
    assert _passed(done) == set(_tests(module)), done.stderr


@pytest.mark.parametrize("name", WAYS)
def test_no_module_is_loaded_twice(name: str) -> None:
    """Whatever the package is called, each of its modules is loaded once, under that name."""
    wanted = {f"{name}.{path.stem}" for path in FIRMWARE.glob("*.py") if path.stem != "__init__"}
    code = "\n".join(f"import {module}" for module in sorted(wanted)) + "\nimport sys\nprint(*sys.modules)"
    loaded = {module for module in _run(WAYS[name], "-c", code).stdout.split() if "firmware." in module}
    assert loaded == wanted
