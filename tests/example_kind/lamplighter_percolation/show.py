"""A bar or a line of a table for each share."""

from __future__ import annotations

from typing import Any


def text(data: dict[str, Any]) -> str:
    """A bar for each share."""
    return "\n".join(f"{row['open_permille'] / 10:5.1f} %  {'█' * round(40 * row['spanning_share'])}"
                     f" {row['spanning_share']:.3f}" for row in data["levels"] if row["samples"])


def files(data: dict[str, Any]) -> dict[str, bytes]:
    """The curve as a table."""
    lines = ["open_permille,samples,spanning_share,standard_error"]
    lines += [",".join("" if value is None else str(value) for value in row.values()) for row in data["levels"]]
    return {"percolation.csv": ("\n".join(lines) + "\n").encode()}
