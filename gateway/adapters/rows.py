"""How commits and rows become bytes, and the hashes that they are checked with.

The bytes are those of ``marshal`` in its version 2: a letter for the type, the length, the value. They are as fast
as Python gets, the same for equal values, and a test holds them to what they have always been.
"""

from __future__ import annotations

import marshal
from collections.abc import Callable, Iterable, Sequence
from dataclasses import fields
from hashlib import blake2b
from operator import attrgetter
from typing import Any, get_args

from lamplighter.gateway.core.effects import Durable

HASH_BYTES = 16
_RENAMED = {"index": "job_index", "by": "submitted_by", "where": "place"}
"""Fields whose name means something else in SQL."""


class DecodeError(Exception):
    """A commit that this version has no words for."""


def columns(kind: type) -> list[str]:
    """The fields of a durable effect, as columns."""
    return [_RENAMED.get(field.name, field.name) for field in fields(kind)]


def _values_of(kind: type) -> Callable[[Any], tuple[Any, ...]]:
    names = [field.name for field in fields(kind)]
    many = attrgetter(*names)
    return many if len(names) > 1 else lambda effect: (many(effect),)


KINDS: tuple[type, ...] = get_args(Durable)
"""A durable effect is known by its place: new ones come last, and none is ever taken away."""
CODES = {kind: code for code, kind in enumerate(KINDS)}
Row = tuple[Any, ...]
"""The code of an effect, then its fields."""
_VALUES = {kind: _values_of(kind) for kind in KINDS}


def coded(effects: Iterable[Durable]) -> list[Row]:
    """Effects as rows."""
    return [(CODES[type(effect)], *_VALUES[type(effect)](effect)) for effect in effects]


def encode(rows: list[Row]) -> bytes:
    """The body of a commit."""
    return marshal.dumps(rows, 2)


def decode(body: bytes) -> list[Row]:
    """The rows of a commit. Fields that the writer did not know have their defaults.

    Raises DecodeError for what a newer version may have written.
    """
    try:
        return coded(KINDS[code](*values) for code, *values in marshal.loads(body))  # noqa: S302 - checked
    except (EOFError, IndexError, TypeError, ValueError) as error:
        raise DecodeError(f"it has a commit of another version: {error}") from None


def chained(before: bytes, body: bytes) -> bytes:
    """The hash of a commit: over the one before it, and its body."""
    return blake2b(before + body, digest_size=HASH_BYTES).digest()


def digest(row: Sequence[Any]) -> int:
    """64 bits, with sign, over the values of a row as SQLite gives them: integers, text, bytes, and no bool."""
    return int.from_bytes(blake2b(marshal.dumps(tuple(row), 2), digest_size=8).digest(), "big", signed=True)
