"""The least heap of a job."""

from __future__ import annotations

from pathlib import Path

import pytest

from lamplighter.gateway.kindkit.heap import smallest_heap
from lamplighter.gateway.kindkit.pool import KernelRaised
from lamplighter.tasks.api import Job

pytestmark = pytest.mark.usefixtures("micropython")
KERNEL = "def run(data, contexts):\n    held = bytearray(data[0] * 1024)\n    yield\n    return held[:1] or b'0'\n"


def test_what_a_kernel_holds_is_measured(tmp_path: Path) -> None:
    """To the kilobyte or two, over what the interpreter needs itself."""
    kernel = tmp_path / "kernel.py"
    kernel.write_text(KERNEL)
    little, much = (smallest_heap(kernel, Job(bytes((kb,)), 1, 1, 1)) for kb in (0, 100))
    assert 99 * 1024 <= much - little <= 102 * 1024 and little < 4096


def test_a_kernel_that_never_runs_is_said(tmp_path: Path) -> None:
    """A megabyte is enough for every board."""
    kernel = tmp_path / "kernel.py"
    kernel.write_text(KERNEL.replace("* 1024", "* 10240"))
    with pytest.raises(KernelRaised, match="1 MB"):
        smallest_heap(kernel, Job(bytes((200,)), 1, 1, 1))
