"""Clocks and counters that only rise."""

import pytest

from lamplighter.gateway.adapters.clock import ClockError, machine, monotonic_ms, next_boot


def test_starts_are_counted(tmp_path):
    """Each is one more than the last; a damaged count is an error, not a guess."""
    path = tmp_path / "boot"
    assert [next_boot(path) for _ in range(3)] == [1, 2, 3]
    for damaged in (b"many", b"", b"-1", b"1_0", b"\xff", b"9" * 5_000):
        path.write_bytes(damaged)
        with pytest.raises(ClockError, match="boot is damaged"):
            next_boot(path)
        assert path.read_bytes() == damaged


def test_the_clock_is_that_of_this_start_of_the_computer():
    """It does not fall, and the name of the start stays while the computer runs."""
    assert monotonic_ms() <= monotonic_ms() and machine() == machine() != ""
