"""A small lattice around its threshold."""

from __future__ import annotations

from pathlib import Path

from lamplighter.tasks.api import DemoInput


def demo(_cache: Path) -> DemoInput:
    """Eleven shares around the threshold."""
    return DemoInput({"side_sites": 32, "open_permille": list(range(540, 650, 10)), "samples": 640},
                     "random lattices of 32 by 32 sites", real=False)
