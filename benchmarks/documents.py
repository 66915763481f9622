"""CPU time and memory of one document of 8 MB of every accepted format, and how both grow with its length."""

from __future__ import annotations

import json
import resource
import subprocess
import sys
import time
from collections.abc import Callable

from lamplighter.tasks.api import TaskError
from lamplighter.tasks.registry import load_kinds, prepare
from tests.tasks.documents import DOCUMENTS, Document

BYTES = 8 << 20
LONGEST = {"sumo": 3_900_000, "traffic entities": 5 << 20}
"""Where a model takes no document as long."""


def longest(name: str) -> int:
    return next((size for start, size in LONGEST.items() if name.startswith(start)), BYTES)


def grown(make: Callable[[int], Document], size: int) -> int:
    """The ``n`` for which a document has about ``size`` bytes."""
    n = 64
    for _ in range(4):
        n = max(2, int(n * size / len(json.dumps(make(n)[1]))))
    while len(json.dumps(make(n)[1])) > size:
        n = n * 49 // 50 - 1
    return n


def measure(name: str, size: int) -> dict[str, float | str]:
    """In this process: CPU seconds from text to spec or refusal, and the memory that it took, in MB."""
    kind, given = DOCUMENTS[name](grown(DOCUMENTS[name], size))
    text, kinds = json.dumps(given), load_kinds()
    del given
    before, began = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, time.process_time()
    try:
        prepare(kinds, kind, json.loads(text))
        said = "accepted"
    except TaskError as error:
        said = error.code
    return {"bytes": len(text), "cpu_s": round(time.process_time() - began, 2), "said": said,
            "more_mb": (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) // 1024}


def main() -> None:
    if len(sys.argv) == 3:
        print(json.dumps(measure(sys.argv[1], int(sys.argv[2]))))
        return
    print(f"{'document':20} {'a quarter':>9} {'a half':>9} {'whole':>9}  CPU s, and what became of it")
    for name in sys.argv[1:] or DOCUMENTS:
        rows = [json.loads(subprocess.run([sys.executable, "-m", "benchmarks.documents", name, str(size)],
                                          capture_output=True, text=True, check=True).stdout)
                for size in (longest(name) // 4, longest(name) // 2, longest(name))]
        print(f"{name:20} " + " ".join(f"{row['cpu_s']:9}" for row in rows) + f"  {rows[-1]['said']}", flush=True)


if __name__ == "__main__":
    main()
