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


class ClockError(Exception):
    """The number of starts cannot be read: one sentence with the next step."""


def next_boot(path: Path) -> int:
    """The number of this start: one more than the last. Raises OSError, and ClockError when the file is damaged."""
    said = path.read_text(errors="replace") if path.exists() else "0"
    if not (said.isascii() and said.isdigit() and len(said) < 10):
        raise ClockError(f"{path} is damaged: it holds the number of starts. Write one into it that is higher than "
                         "any before, such as 1000000.")
    boot = int(said) + 1
    write_atomically(path, str(boot).encode())
    return boot
