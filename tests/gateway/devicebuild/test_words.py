"""The table of MicroPython's own names beside a real one."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from lamplighter.gateway.devicebuild.interpreter import find_micropython
from lamplighter.gateway.devicebuild.words import FOREIGN

NAMES = Path(__file__).with_name("names_of_micropython.py")


def test_the_table_has_every_name_that_something_of_the_interpreter_has() -> None:
    """Its types, files, sockets, streams and tasks are asked."""
    found = find_micropython()
    if not found:
        assert not os.environ.get("CI"), "no micropython program"
        pytest.skip("no micropython program here")
    done = subprocess.run([found[0], str(NAMES), str(NAMES)], capture_output=True, text=True, timeout=300, check=True)
    names = set(done.stdout.split())
    assert {"cancel", "setblocking", "readexactly", "queue_read", "pend_throw", "digest"} <= names
    assert not names - FOREIGN
