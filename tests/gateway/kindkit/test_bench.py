"""The weights of a kind's jobs."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from lamplighter.gateway.kindkit.bench import weigh
from lamplighter.tasks.api import Kind

pytestmark = pytest.mark.usefixtures("micropython")


def test_jobs_are_weighed(kind_of: Callable[..., Kind], tmp_path: Path) -> None:
    """Bytes, operations and credits are those of the jobs; every runtime is timed."""
    found = weigh(kind_of(), tmp_path)
    (first,) = found.rounds
    assert (first.jobs, first.input_bytes, first.answer_bytes, first.context_bytes) == (32, 64, 4, 0)
    assert first.operations == (31 * (60 + 12 * 32) + 60 + 12 * 8) // 32 and first.credits == 32
    assert set(first.us) == {"machine code", "bytecode", "CPython"} and min(first.us.values()) > 0
    assert found.heap_declared == 1_200 and 0 < found.heap_measured < 64_000
