"""``traffic.signals``: cycle, splits and offsets of fixed-time signals."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Any

from tasks.api import Kind
from tasks.traffic.signals.model import SignalsInput


def _late(module: str, function: str) -> Callable[..., Any]:
    """A function of this package whose module is loaded when it is first called: the gateway starts light."""

    def call(*arguments: Any) -> Any:
        return getattr(import_module(f"{__name__}.{module}"), function)(*arguments)

    return call


KIND = Kind(
    name="traffic.signals",
    version=1,
    title="Cycle, splits and offsets of fixed-time signals",
    Model=SignalsInput,
    kernel=Path(__file__).with_name("kernel.py"),
    prepare=_late("solve", "prepare"),
    solve=_late("solve", "solve"),
    reference=_late("reference", "reference"),
    text=_late("render", "text"),
    files=_late("render", "files"),
    demo=_late("demo", "demo"),
    check=_late("solve", "check"),
)
