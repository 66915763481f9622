"""Figures of the journal, as ratios within one run: commits on a large file beside a small one, restart beside
a bare scan of the same file.

    python -m benchmarks.journal
"""

from __future__ import annotations

import json
import os
import resource
import shutil
import sqlite3
import statistics
import sys
import tempfile
import time
from pathlib import Path

from lamplighter.gateway.adapters.store import Store
from lamplighter.gateway.core.effects import Durable, KeepAnswer, KeepLease, KeepReceipt, KeepTask, KeepVerdict
from lamplighter.gateway.core.policy import Policy

SMALL, LARGE = 1_000, 100_000
GROUP = 32
"""Leases of one group commit."""
RUNS = 5


def effects(first: int, count: int) -> list[Durable]:
    """What ``count`` leases bring in their lives: four events each, every second one completes a job."""
    made: list[Durable] = []
    for lease in range(first, first + count):
        node = f"{lease % 500:016x}"
        made.append(KeepLease(lease, "signals-2026-11-22", 0, lease // 2, 1 + lease % 2, node, "owner-" + node[-2:],
                              lease.to_bytes(16, "big"), 120))
        made.append(KeepReceipt(lease, "done", 1, lease, os.urandom(158), os.urandom(40)))
        if lease % 2:
            made.append(KeepVerdict(lease - 1, "ok", 0))
            made.append(KeepVerdict(lease, "ok", 0))
            made.append(KeepAnswer("signals-2026-11-22", 0, lease // 2, os.urandom(40), False))
    return made


def fill(path: Path, rows: int) -> Store:
    """A journal with ``rows`` leases."""
    store = Store.open(path)
    store.commit([KeepTask("signals-2026-11-22", "traffic.signals", b"{}", 0, 86_400_000, 0, 0)])
    for first in range(0, rows, 2_000):
        store.commit(effects(1 + first, min(2_000, rows - first)))
    return store


def rate(store: Store, groups: int = 40) -> float:
    """Durable events per second in group commits, each waited for."""
    first = store.load(0).next_lease
    batches = [effects(first + number * GROUP, GROUP) for number in range(groups)]
    start = time.perf_counter()
    for batch in batches:
        store.commit(batch)
    return sum(map(len, batches)) / (time.perf_counter() - start)


def restart(path: Path) -> float:
    """Seconds to open, load, and fold as cheaply as a fold can be."""
    start = time.perf_counter()
    store = Store.open(path)
    snapshot = store.load(Policy().remembered_leases)
    leases = {lease.nonce: lease for lease in snapshot.leases}
    spent = time.perf_counter() - start
    assert leases and snapshot.next_lease > LARGE
    store.close()
    return spent


def scan(path: Path) -> float:
    """Seconds to see every row of the same file, as SQLite gives it."""
    start = time.perf_counter()
    db = sqlite3.connect(path)
    for table in ("task", "lease", "answer", "standing"):
        for _ in db.execute(f"SELECT * FROM {table}"):
            pass
    spent = time.perf_counter() - start
    db.close()
    return spent


def figures(folder: Path) -> dict[str, float]:
    """Runs alternate; medians. A killed gateway's file is the one with its log beside it."""
    large = fill(folder / "large", LARGE)
    rates = []
    for run in range(RUNS):
        small = fill(folder / f"small{run}", SMALL)
        rates.append((rate(small), rate(large)))
        small.close()
    killed = folder / "killed"
    shutil.copy(folder / "large", killed)
    shutil.copy(folder / "large-wal", folder / "log")
    large.close()
    restarts = []
    for _ in range(RUNS):
        shutil.copy(folder / "log", f"{killed}-wal")
        restarts.append((scan(folder / "large"), restart(folder / "large"), restart(killed)))
    return {
        "events_per_s_at_1000": statistics.median(own for own, _ in rates),
        "events_per_s_at_100000": statistics.median(own for _, own in rates),
        "rate_ratio": statistics.median(b / a for a, b in rates),
        "scan_ms": statistics.median(bare for bare, _, _ in restarts) * 1e3,
        "restart_ms": statistics.median(clean for _, clean, _ in restarts) * 1e3,
        "restart_ratio": statistics.median(clean / bare for bare, clean, _ in restarts),
        "restart_after_kill_ratio": statistics.median(after / bare for bare, _, after in restarts),
        "file_mb": (folder / "large").stat().st_size / 1e6,
        "peak_memory_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
    }


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        found = figures(Path(folder))
    if "--json" in sys.argv:
        print(json.dumps(found))
        return
    print(f"{GROUP} leases per commit: {found['events_per_s_at_1000']:,.0f} events/s at {SMALL:,} leases,"
          f" {found['events_per_s_at_100000']:,.0f} at {LARGE:,}; ratio {found['rate_ratio']:.2f} (aim >= 0.6)")
    print(f"restart with {LARGE:,} leases ({found['file_mb']:.0f} MB): {found['restart_ms']:.0f} ms, "
          f"{found['restart_ratio']:.2f} x a bare scan, {found['restart_after_kill_ratio']:.2f} x after a kill "
          f"(aim <= 3)")


if __name__ == "__main__":
    main()
