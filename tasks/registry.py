"""Which kinds there are, and how an operator's input becomes a spec."""

from __future__ import annotations

import difflib
from importlib.metadata import entry_points
from typing import Any

from lamplighter.tasks.api import Input, Kind, TaskError

GROUP = "lamplighter.kinds"
MOST = 24
"""Names that are offered."""
LOOKED_AT = 1_000
"""Names that a word is compared with: each takes long, and whoever sends it says how many there are."""


def load_kinds() -> dict[str, Kind]:
    """All installed kinds by name, ours and third parties' alike.

    Raises TypeError if an entry point is no Kind: a broken package must not start silently.
    """
    kinds: dict[str, Kind] = {}
    for point in sorted(entry_points(group=GROUP), key=lambda p: p.name):
        kind = point.load()
        if not isinstance(kind, Kind):
            raise TypeError(f"entry point {point.name} of group {GROUP} is {type(kind).__name__}, not a Kind")
        kinds[kind.name] = kind
    return kinds


def nearest(word: str, known: list[str]) -> str:
    """A sentence that offers the nearest known spelling, or all of them, if they are not too many."""
    close = difflib.get_close_matches(word[:64], known[:LOOKED_AT], n=1, cutoff=0.5)
    return f"did you mean {close[0]!r}?" if close else (
        "known: " + ", ".join(sorted(known)[:MOST]) + ", …" * (len(known) > MOST) if known
        else "there is none to choose from")


def prepare(kinds: dict[str, Kind], name: str, given: Input) -> Any:
    """Validates ``given`` for the kind ``name`` and prepares its spec. Raises TaskError."""
    kind = kinds.get(name)
    if kind is None:
        raise TaskError("unknown_kind", f"no kind {name[:64]!r}", nearest(name, list(kinds)), "/kind")
    from pydantic import ValidationError  # not before: a gateway does without

    from lamplighter.tasks.checked import checker
    from lamplighter.tasks.problems import as_task_error

    try:
        model = checker(kind.Model).check(given)
    except ValidationError as error:
        raise as_task_error(kind.Model, error) from None
    try:
        return kind.prepare(model)
    except TaskError as error:
        raise TaskError(error.code, error.message, error.hint, "/input" + error.path) from None
