"""Clocks that no hand on the wall clock moves, and counters of starts."""

from __future__ import annotations

import secrets
import time
from pathlib import Path

from lamplighter.gateway.adapters.files import write_atomically


def monotonic_ms() -> int:
    """Milliseconds of a clock that only rises, from somewhere at the start of the computer."""
    return time.monotonic_ns() // 1_000_000


def machine() -> str:
    """Names this start of the computer, in which the monotonic clock goes on; where it has no name each is new."""
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    except OSError:
        return secrets.token_hex(16)


def next_boot(path: Path) -> int:
    """The number of this start: one more than the last. Raises OSError, ValueError when the file is damaged."""
    boot = (int(path.read_text()) if path.exists() else 0) + 1
    write_atomically(path, str(boot).encode())
    return boot
