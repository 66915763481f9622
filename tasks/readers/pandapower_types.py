"""What may stand in a column of a pandapower net: a truth, a number, a choice. Text for a number is none."""

from __future__ import annotations

import math
from typing import Any

from lamplighter.tasks.api import TaskError
from lamplighter.tasks.readers.allow import is_nothing
from lamplighter.tasks.readers.pandapower_parts import COLUMNS

TRUTHS = frozenset(("in_service", "closed"))
"""In each row, where there is such a column: nothing is neither true nor false."""
MAYBE_TRUTHS = frozenset(("tap_phase_shifter", "tap2_phase_shifter"))
POSITIVE = frozenset(("parallel", "df", "vn_kv", "vn_hv_kv", "vn_lv_kv", "sn_mva", "efficiency_percent", "cos_phi"))
TEXTS = frozenset(("name", "geo", "tap_changer_type", "tap2_changer_type"))
CHOICES = {"tap_side": ("hv", "lv"), "tap2_side": ("hv", "lv"), "et": ("l", "b", "t", "t3")}


def wrong(column: str, value: Any) -> str:
    """What ``value`` should be; empty if it may stand in ``column``."""
    if column in TRUTHS or column in MAYBE_TRUTHS:
        known = (isinstance(value, (bool, int, float)) and value in (0, 1)) or (
            column in MAYBE_TRUTHS and is_nothing(value))
        return "" if known else "true or false"
    if column in TEXTS or is_nothing(value):
        return ""
    if column in CHOICES:
        return "" if value in CHOICES[column] else " or ".join(map(repr, CHOICES[column]))
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return "a number"
    return "a number above 0" if column in POSITIVE and not value > 0 else ""


def require(row: dict[str, Any], column: str, path: str, words: str) -> None:
    """Raises TaskError ``bad_pandapower`` for a value that cannot stand in ``column``."""
    wanted = wrong(column, row[column])
    if wanted:
        raise TaskError("bad_pandapower", f"{words}: {column} is {str(row[column])[:40]!r}, not {wanted}",
                        "mend it in the net, and save it again", path)


def check(table: str, row: dict[str, Any], path: str, words: str) -> None:
    """All columns that are read of a row in service. Raises TaskError ``bad_pandapower``."""
    for column in (name for name in row if name in COLUMNS[table].reads):
        require(row, column, path, words)
    for tap in (one for one in ("tap", "tap2") if f"{one}_pos" in COLUMNS[table].reads):
        given = [row.get(f"{tap}_{what}") for what in ("min", "pos", "max")]
        least, at, most = (math.nan if is_nothing(one) else float(one or 0) for one in given)
        if at < least or at > most:   # nothing is beyond where no bound is given
            raise TaskError("bad_pandapower", f"{words}: {tap}_pos is {at:g}, beyond {tap}_min {least:g} to "
                            f"{tap}_max {most:g}", "mend the position, or the bounds", path)
