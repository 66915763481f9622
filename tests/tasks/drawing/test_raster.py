"""Packed grids: what comes out is what went in, to the step that is stated."""

from __future__ import annotations

import json
import math
import random

import pytest

from lamplighter.tasks.drawing import raster


def _field(rows: int, cols: int, noise: float) -> list[float]:
    pick = random.Random(3)
    return [math.nan if pick.random() < 0.05 else math.sin((r + 1) / 9) * math.cos(c / 7) * 40 + pick.gauss(0, noise)
            for r in range(rows) for c in range(cols)]


@pytest.mark.parametrize("noise", [0.0, 0.5, 100.0])
@pytest.mark.parametrize(("rows", "cols"), [(1, 50), (50, 1), (40, 60)])
def test_numbers_come_back_to_half_a_step(rows: int, cols: int, noise: float) -> None:
    """Smooth or wild; cells without a value stay so."""
    field = _field(rows, cols, noise)
    packed = json.loads(json.dumps(raster.packed(field, field, cols)))
    for name, steps in (("value", 16_384), ("standard_error", 2_048)):
        back = raster.unpacked(packed[name], cols)
        span = max(one for one in field if one == one) - min(one for one in field if one == one)
        assert packed[name]["step"] == pytest.approx(span / steps)
        for given, found in zip(field, back, strict=True):
            assert (given != given and found != found) or abs(given - found) <= packed[name]["step"] * 0.501


def test_the_description_is_enough_to_read_it() -> None:
    """A reader written from the words alone, on a grid of 2 x 3: zigzag of what the plane predicts."""
    grid = {"offset": 10.0, "step": 0.5, "cells": ""}
    words = [1 + 2 * 4, 2 * 1, 0, 1 + 2 * 0, 1 + 2 * 2, 1]   # 4, 3, (3), 4, 5, 5
    planes = bytes(word >> 8 for word in words) + bytes(word & 255 for word in words)
    grid["cells"] = raster.base64.b64encode(raster.zlib.compress(planes)).decode()
    found = list(raster.unpacked(grid, 3))
    assert found[:2] == [12.0, 11.5] and math.isnan(found[2]) and found[3:] == [12.0, 12.5, 12.5]
    assert "zlib" in raster.ENCODING and "north" in raster.ENCODING


def test_steps_grow_until_the_message_is_small_enough(monkeypatch: pytest.MonkeyPatch) -> None:
    """A tenth of the room, fewer steps; equal numbers need none."""
    field = _field(60, 60, 5.0)
    roomy = raster.packed(field, field, 60)
    monkeypatch.setattr(raster, "MOST_BYTES", 6_000)
    tight = raster.packed(field, field, 60)
    assert sum(len(tight[name]["cells"]) for name in ("value", "standard_error")) <= 6_000
    assert tight["value"]["step"] > roomy["value"]["step"]
    assert list(raster.unpacked(raster.packed([4.0] * 9, [0.0] * 9, 3)["value"], 3)) == [4.0] * 9
