"""Usage: ``python -m benchmarks [NAME ...]``, or ``make bench`` for all. Prints figure, value, aim, and whether it
is met. Names: journal latency memory recovery reconnect device kernels recomputation boards stops throughput floods
offload; and million and utilisation, which take their time and run only when they are named.

Each figure is measured in this run on this machine; ratios are between runs that alternate, medians of five. The
exit code is 0 also where an aim is missed: on a busy machine that is no fault of the code.
"""

from __future__ import annotations

import os
import platform
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from benchmarks.figures import Figure, print_table


def _journal() -> list[Figure]:
    from benchmarks import journal

    with tempfile.TemporaryDirectory() as folder:
        found = journal.figures(Path(folder))
    return [
        Figure("events, 1,000 leases in the journal", found["events_per_s_at_1000"], "/s"),
        Figure("events, 100,000 leases", found["events_per_s_at_100000"], "/s"),
        Figure("  ratio", found["rate_ratio"], "x", ">= 0.6"),
        Figure("restart with 100,000 leases", found["restart_ms"], "ms"),
        Figure("  beside a bare scan of the file", found["restart_ratio"], "x", "<= 3"),
        Figure("  the same after a kill", found["restart_after_kill_ratio"], "x", "<= 3"),
    ]


def _device() -> list[Figure]:
    from benchmarks import device_heap

    return device_heap.measure()


def _latency() -> list[Figure]:
    from benchmarks import latency

    return latency.figures()


def _kernels() -> list[Figure]:
    from benchmarks import machine_code

    return machine_code.figures()


def _memory() -> list[Figure]:
    from benchmarks import memory

    return memory.figures()


def _recovery() -> list[Figure]:
    from benchmarks import recovery

    return recovery.figures()


def _reconnect() -> list[Figure]:
    from benchmarks import reconnect

    return reconnect.figures()


def _throughput() -> list[Figure]:
    from benchmarks import throughput

    return throughput.figures()


def _floods() -> list[Figure]:
    from benchmarks import floods

    return floods.figures()


def _stops() -> list[Figure]:
    from benchmarks import stops

    return stops.figures()


def _recomputation() -> list[Figure]:
    from benchmarks import recomputation

    return recomputation.figures()


def _offload() -> list[Figure]:
    from benchmarks import offload

    return offload.figures()


def _boards() -> list[Figure]:
    from benchmarks import boards

    return boards.figures()


def _utilisation() -> list[Figure]:
    from benchmarks import utilisation

    return utilisation.figures()


def _million() -> list[Figure]:
    from benchmarks import million

    return million.figures()


BENCHMARKS: dict[str, Callable[[], list[Figure]]] = {
    "journal": _journal, "latency": _latency, "memory": _memory, "recovery": _recovery, "reconnect": _reconnect,
    "device": _device, "kernels": _kernels, "recomputation": _recomputation, "boards": _boards,
    "stops": _stops, "throughput": _throughput, "floods": _floods, "offload": _offload,
}


ALONE: dict[str, Callable[[], list[Figure]]] = {"million": _million, "utilisation": _utilisation}


def main(names: list[str]) -> int:
    known = BENCHMARKS | ALONE
    if unknown := [name for name in names if name not in known]:
        asked = unknown[0] in ("-h", "--help")
        print(__doc__ if asked else f"No benchmark {unknown[0]!r}; there are: {', '.join(known)}.")
        return 0 if asked else 2
    load = os.getloadavg()[0]
    print(f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}, load {load:.1f}"
          + (": busy, so figures are low" if load > 1 else ""), flush=True)
    for name in names or BENCHMARKS:
        start = time.monotonic()
        try:
            figures = known[name]()
        except (OSError, RuntimeError, subprocess.SubprocessError) as error:
            print(f"\n{name}: not measured ({error})", flush=True)
        else:
            print_table(f"{name} ({time.monotonic() - start:.0f} s)", figures)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
