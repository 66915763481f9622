"""The mode in which facts refuse every change, as types say: whoever changes one once it is made is found here."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import FrozenInstanceError
from typing import Any, get_args

from lamplighter.gateway.core.effects import Effect
from lamplighter.gateway.core.events import Event, JobSpec

FACTS: tuple[type, ...] = (*get_args(Event), *get_args(Effect), JobSpec)


def _set_once(self: Any, name: str, value: object) -> None:
    if hasattr(self, name):
        raise FrozenInstanceError(f"{name} of {self!r} is given another value")
    object.__setattr__(self, name, value)


def _kept(self: Any, name: str) -> None:
    raise FrozenInstanceError(f"{name} of {self!r} is taken away")


@contextmanager
def unchanging() -> Iterator[None]:
    """While it lasts each field of a fact is set once. Within another it changes nothing."""
    if vars(FACTS[0]).get("__setattr__") is _set_once:
        yield
        return
    for fact in FACTS:
        fact.__setattr__, fact.__delattr__ = _set_once, _kept   # type: ignore[assignment, method-assign]
    try:
        yield
    finally:
        for fact in FACTS:
            del fact.__setattr__, fact.__delattr__
