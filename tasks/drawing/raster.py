"""Large maps in small messages: numbers of a grid to a stated step, packed."""

from __future__ import annotations

import base64
import math
import zlib
from array import array
from collections.abc import Mapping, Sequence
from typing import Any

MOST_BYTES = 900_000
STEPS = 16_384
LARGEST = 32_767
ENCODING = (
    "base64 of zlib of the high bytes of all cells, then their low bytes, row by row from the north, west to east. "
    "A cell is 0 where there is no value; else 1 + 2 * d, or -2 * d where d is negative, d being the cell's step "
    "number less the one predicted: west + north - northwest, clamped to 0..32767; only west in the first row, only "
    "north in the first column, 0 in the corner. A cell without a value counts as predicted. "
    "value = offset + step * step number.")


def packed(value: Sequence[float], standard_error: Sequence[float], cols: int) -> dict[str, Any]:
    """Grids of ``cols`` columns, NaN where there is no value, each number within half a step of what was given.

    The values' span has 16,384 steps, that of their errors an eighth; fewer on large maps, as many as lets both
    fit into ``MOST_BYTES`` of a JSON document: a million cells had 1,024 and 128.
    """
    steps = STEPS >> (len(value) >> 16).bit_length()
    while True:
        made = {"value": _packed(value, cols, steps), "standard_error": _packed(standard_error, cols, steps // 8)}
        if sum(len(grid["cells"]) for grid in made.values()) <= MOST_BYTES:
            return {"encoding": ENCODING, **made}
        steps //= 2


def unpacked(grid: Mapping[str, Any], cols: int) -> array[float]:
    """The numbers of one grid, NaN where there is no value."""
    planes = zlib.decompress(base64.b64decode(grid["cells"]))
    count = len(planes) // 2
    steps = array("H", bytes(2 * count))
    numbers = array("d", [math.nan]) * count
    for cell in range(count):
        steps[cell] = _predicted(steps, cell, cols)
        word = planes[cell] << 8 | planes[count + cell]
        if word:
            steps[cell] += (word - 1) // 2 if word & 1 else -(word // 2)
            numbers[cell] = grid["offset"] + grid["step"] * steps[cell]
    return numbers


def _packed(column: Sequence[float], cols: int, most: int) -> dict[str, Any]:
    low = min(number for number in column if number == number)
    top = max(number for number in column if number == number)
    step = (top - low) / most or 1.0
    steps = array("H", bytes(2 * len(column)))
    high, low_bytes = bytearray(len(column)), bytearray(len(column))
    for cell, number in enumerate(column):
        expected = _predicted(steps, cell, cols)
        if number != number:
            steps[cell] = expected
            continue
        steps[cell] = round((number - low) / step)
        off = steps[cell] - expected
        word = 1 + 2 * off if off >= 0 else -2 * off
        high[cell], low_bytes[cell] = word >> 8, word & 255
    cells = base64.b64encode(zlib.compress(bytes(high + low_bytes), 6)).decode()
    return {"offset": low, "step": step, "cells": cells}


def _predicted(steps: array[int], cell: int, cols: int) -> int:
    north = steps[cell - cols] if cell >= cols else 0
    if cell % cols == 0:
        return north
    if cell < cols:
        return steps[cell - 1]
    guess = steps[cell - 1] + north - steps[cell - cols - 1]
    return 0 if guess < 0 else LARGEST if guess > LARGEST else guess
