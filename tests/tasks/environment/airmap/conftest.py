"""Readings that the tests of environment.airmap share."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

import pytest

from lamplighter.tasks import registry
from lamplighter.tasks.environment.airmap import KIND
from lamplighter.tasks.environment.airmap.spec import Spec

Given = dict[str, Any]


@pytest.fixture
def prepared() -> Callable[[Given], Spec]:
    """Validates and prepares an input, as the gateway does."""
    return lambda given: registry.prepare({KIND.name: KIND}, KIND.name, given)


@pytest.fixture
def stations_of() -> Callable[..., list[Given]]:
    """Random stations in a box: ``stations_of(seed, count, width_m=5000, height_m=4000)``."""

    def make(seed: int, count: int, width_m: float = 5000, height_m: float = 4000) -> list[Given]:
        pick = random.Random(seed)
        return [{"id": f"s{i}", "x_m": round(pick.uniform(0, width_m), 1), "y_m": round(pick.uniform(0, height_m), 1),
                 "value": round(pick.gauss(30, 8), 2)} for i in range(count)]

    return make
