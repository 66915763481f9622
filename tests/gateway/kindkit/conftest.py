"""A scaffolded kind to look at, and ways to break it."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from lamplighter.gateway.devicebuild.interpreter import find_micropython
from lamplighter.gateway.kindkit.scaffold import write
from lamplighter.tasks.api import Kind

PACKAGE = "lamplighter_noise_levels"


@pytest.fixture
def micropython() -> None:
    """Skips where there is none."""
    if find_micropython() is None:
        pytest.skip("no MicroPython on this machine")


@pytest.fixture
def kind_of(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., Kind]]:
    """kind_of(file=(old, new), ...) scaffolds a kind, changes the files named, and imports it."""
    def make(**changes: tuple[str, str]) -> Kind:
        folder = write("noise.levels", tmp_path) / PACKAGE
        for file, (old, new) in changes.items():
            path = folder / (file if "." in file else f"{file}.py")
            text = path.read_text()
            assert old in text
            path.write_text(text.replace(old, new))
        monkeypatch.syspath_prepend(str(folder.parent))
        made: Any = importlib.import_module(PACKAGE)
        return replace(made.KIND)

    yield make
    for name in [name for name in sys.modules if name.startswith(PACKAGE)]:
        del sys.modules[name]
