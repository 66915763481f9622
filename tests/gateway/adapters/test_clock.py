"""Clocks and counters that only rise."""

import pytest

from lamplighter.gateway.adapters.clock import ClockError, keep_start, last_start, machine, monotonic_ms


def test_the_number_of_the_last_start_is_read(tmp_path):
    """0 before the first; a damaged one is an error, not a guess."""
    path = tmp_path / "boot"
    assert last_start(path, first=True) == (0, False)
    keep_start(path, 3)
    assert last_start(path, first=True) == last_start(path, first=False) == (3, False)
    for damaged in (b"many", b"", b"-1", b"1_0", b"\xff", b"9" * 5_000, b"4 " + path.read_bytes()[2:]):
        path.write_bytes(damaged)
        with pytest.raises(ClockError, match="boot is damaged"):
            last_start(path, first=True)
        assert path.read_bytes() == damaged


def test_a_missing_number_is_no_first_start(tmp_path):
    """Where there were starts, it would begin anew: an error, which a number in the file ends."""
    with pytest.raises(ClockError, match="boot is missing"):
        last_start(tmp_path / "boot", first=False)
    (tmp_path / "boot").write_text("1000000")
    assert last_start(tmp_path / "boot", first=False) == (1_000_000, True)


@pytest.mark.parametrize("written", [b"41", b"41\n"])
def test_a_bare_number_is_a_persons(tmp_path, written):
    """Who mends a damaged file; what the gateway writes has a check beside it."""
    path = tmp_path / "boot"
    path.write_bytes(written)
    assert last_start(path, first=False) == (41, True)
    keep_start(path, 42)
    assert last_start(path, first=False) == (42, False) and len(path.read_bytes()) > 10


def test_no_flipped_bit_makes_another_number(tmp_path):
    """Each bit of the file, one after another, is noticed."""
    path = tmp_path / "boot"
    keep_start(path, 1234)
    whole = path.read_bytes()
    for bit in range(8 * len(whole)):
        flipped = bytearray(whole)
        flipped[bit // 8] ^= 1 << bit % 8
        path.write_bytes(flipped)
        with pytest.raises(ClockError, match="boot is damaged"):
            last_start(path, first=True)


def test_the_clock_is_that_of_this_start_of_the_computer():
    """It does not fall, and the name of the start stays while the computer runs."""
    assert monotonic_ms() <= monotonic_ms() and machine() == machine() != ""
