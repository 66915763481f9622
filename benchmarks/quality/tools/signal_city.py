"""Usage: ``python -m benchmarks.quality.tools.signal_city < TASK``: a city's plan, made in a process of its own.

Prints as JSON the ``data`` of the answer, how many ``regions`` the city was cut into, and the most memory that
preparation and search took in ``megabytes``, without the interpreters that stand for devices. Kept by content.
"""

from __future__ import annotations

import json
import resource
import subprocess
import sys
from typing import Any

from benchmarks.quality.tools.signal_promise import AT_ONCE, digest
from benchmarks.quality.workshop import ToolError, Workshop
from lamplighter.gateway.kindkit.pool import Pool, Runtime
from lamplighter.tasks.api import Input
from lamplighter.tasks.local import run_local
from lamplighter.tasks.registry import prepare
from lamplighter.tasks.traffic.signals import KIND

SOLVE_S = 3600


def alone(given: Input) -> tuple[dict[str, Any], int, int]:
    """The data of the answer, regions and megabytes, from another process. Raises ToolError."""
    done = subprocess.run([sys.executable, "-m", __name__], input=json.dumps(given), capture_output=True, text=True,
                          timeout=SOLVE_S, check=False)
    if done.returncode:
        raise ToolError(f"the plan of a city: {done.stderr.strip()[-500:]}")
    found = json.loads(done.stdout)
    return found["data"], found["regions"], found["megabytes"]


def main() -> None:
    spec = prepare({KIND.name: KIND}, KIND.name, json.load(sys.stdin))
    kept = Workshop().cache / f"city-{digest(spec)}.json"
    if not kept.exists():
        with Pool(KIND.kernel, Runtime.MACHINE_CODE, AT_ONCE) as pool:
            result = run_local(KIND, spec, run_jobs=pool.answers)
        most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
        kept.write_text(json.dumps({"data": result.data, "regions": len(spec.regions), "megabytes": most}))
    print(kept.read_text())


if __name__ == "__main__":
    main()
