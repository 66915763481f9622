"""Usage: ``python -m benchmarks.quality [--full] [KIND ...]``, or ``make quality KIND=environment.airmap``.

Fetches tools and data into a cache outside the repository, answers real cases with each kind and with the field's
own tools, and prints both with the bar. Exit code 0 when every bar is met, 1 when one is not, 2 when a tool or its
data cannot be had. ``--full`` runs the long form where a kind has one.
"""

from __future__ import annotations

import importlib
import os
import sys
import time
from pathlib import Path

from rich.console import Console

from benchmarks.quality.report import Report
from benchmarks.quality.workshop import ToolError, Workshop

KINDS = {path.stem.replace("_", ".", 1): path.stem for path in sorted(Path(__file__).parent.glob("*_*.py"))
         if not path.stem.startswith("_")}
"""Kinds by name, with the module here that tries each."""


def main(words: list[str]) -> int:
    names = [word for word in words if not word.startswith("-")] or list(KINDS)
    unknown = [name for name in names if name not in KINDS] + [
        word for word in words if word.startswith("-") and word != "--full"]
    if unknown:
        asked = unknown[0] in ("-h", "--help")
        print(__doc__ if asked else f"No kind {unknown[0]!r}; there are: {', '.join(KINDS)}.")
        return 0 if asked else 2
    console = Console(highlight=False)
    if not console.is_terminal:
        console.width = 200   # a pipe cuts nothing off
    worst = 0
    for name in names:
        began = time.monotonic()
        workshop = Workshop("--full" in words, lambda text, name=name: console.print(f"{name}: {text}", markup=False))
        try:
            report: Report = importlib.import_module(f"benchmarks.quality.{KINDS[name]}").run(workshop)
        except ToolError as error:
            console.print(f"{name}: not tried, {error}", markup=False)
            worst = max(worst, 2)
            continue
        report.note(f"{time.monotonic() - began:.0f} s on {os.cpu_count()} cores")
        report.show(console)
        worst = max(worst, 0 if report.ok else 1)
    return worst


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
