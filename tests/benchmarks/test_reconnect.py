"""A thousand devices come back at once."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from benchmarks import reconnect


@pytest.mark.parametrize("count", [400, pytest.param(1_000, marks=pytest.mark.soak)])
def test_devices_that_come_back_at_once_are_let_in(count: int, tmp_path: Path) -> None:
    """All of them, three times over, and the gateway answers after each; no refusal lasts."""
    times = asyncio.run(asyncio.wait_for(reconnect.measure(tmp_path, count), 900))
    assert len(times) == 1 + reconnect.TIMES
    assert sum(refused for _, refused in times) < count
