"""Who carries out which effect: one table, which must be complete before anything happens."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, get_args

from lamplighter.gateway.core.effects import Outward

Carrier = Callable[[Any], object]


class Carriers:
    """``table`` has a carrier for each kind of outward effect; ``flush`` sends what they put together.

    Raises TypeError where a kind of effect has no carrier, or a carrier no such kind: an effect that nobody carries
    out would be lost in silence.
    """

    def __init__(self, table: Mapping[type, Carrier], flush: Callable[[], None]) -> None:
        wanted = set(get_args(Outward))
        lacking, idle = wanted - table.keys(), table.keys() - wanted
        if lacking or idle:
            names = [kind.__name__ for kind in (*lacking, *idle)]
            raise TypeError(f"effects and carriers do not match: {', '.join(sorted(names))}")
        self._table = dict(table)
        self._flush = flush

    def release(self, effects: Sequence[Outward]) -> None:
        """Carries out effects in their order, after the commit of their batch."""
        table = self._table
        for effect in effects:
            table[type(effect)](effect)
        self._flush()
