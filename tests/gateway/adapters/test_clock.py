"""Clocks and counters that only rise."""

import pytest

from lamplighter.gateway.adapters.clock import machine, monotonic_ms, next_boot


def test_starts_are_counted(tmp_path):
    """Each is one more than the last; a damaged count is an error, not a guess."""
    path = tmp_path / "boot"
    assert [next_boot(path) for _ in range(3)] == [1, 2, 3]
    path.write_text("many")
    with pytest.raises(ValueError, match="many"):
        next_boot(path)


def test_the_clock_is_that_of_this_start_of_the_computer():
    """It does not fall, and the name of the start stays while the computer runs."""
    assert monotonic_ms() <= monotonic_ms() and machine() == machine() != ""
