"""What events and effects are made by: a ``fact`` is never changed once it is made.

Types say so, and nothing else when the gateway runs: thousands are made a second, and frozen dataclasses take five
times as long to make. Tests make each of them refuse a change (``tests/facts.py``).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeVar, dataclass_transform

T = TypeVar("T")


@dataclass_transform(frozen_default=True)
def fact(cls: type[T]) -> type[T]:
    """A class of values that are equal where their fields are."""
    return dataclass(slots=True, unsafe_hash=True)(cls)
