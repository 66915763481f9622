"""Clocks that no hand on the wall clock moves, and counters of starts."""

from __future__ import annotations

import secrets
import time
from hashlib import sha256
from pathlib import Path
from typing import NamedTuple

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


class Count(NamedTuple):
    """The number of the last start, and whether a person has written it."""

    number: int
    by_hand: bool


def last_start(path: Path, first: bool) -> Count:
    """What the file says; 0 before the ``first`` start of all.

    Raises OSError, and ClockError when the file is damaged, or is missing though there were starts.
    """
    if not (first or path.exists()):
        raise ClockError(f"{path} is missing: it holds the number of starts. Put a backup there, or write a number "
                         "into it that is higher than any before, such as 1000000.")
    if not path.exists():
        return Count(0, False)
    said = path.read_bytes()
    number, _, check = said.strip().partition(b" ")
    alone = number.isdigit() and len(number) < 10 and not check   # as a person writes it, or an earlier version
    if not alone and said != _checked(number):
        raise ClockError(f"{path} is damaged: it holds the number of starts. Write one into it that is higher than "
                         "any before, such as 1000000.")
    return Count(int(number), alone)


def keep_start(path: Path, number: int) -> None:
    """Raises OSError."""
    write_atomically(path, _checked(b"%d" % number))


def _checked(number: bytes) -> bytes:
    """A number and its hash, so that a bit that flips is noticed."""
    return b"%b %b\n" % (number, sha256(number).hexdigest()[:16].encode())
