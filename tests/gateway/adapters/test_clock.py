"""Clocks and counters that only rise."""

import pytest

from lamplighter.gateway.adapters.clock import ClockError, machine, monotonic_ms, next_boot


def test_starts_are_counted(tmp_path):
    """Each is one more than the last; a damaged count is an error, not a guess."""
    path = tmp_path / "boot"
    assert [next_boot(path, first=True) for _ in range(3)] == [1, 2, 3]
    for damaged in (b"many", b"", b"-1", b"1_0", b"\xff", b"9" * 5_000, b"4 " + path.read_bytes()[2:]):
        path.write_bytes(damaged)
        with pytest.raises(ClockError, match="boot is damaged"):
            next_boot(path, first=True)
        assert path.read_bytes() == damaged


def test_a_missing_count_is_no_first_start(tmp_path):
    """Where there were starts, their number would begin anew: an error, which a number in the file ends."""
    with pytest.raises(ClockError, match="boot is missing"):
        next_boot(tmp_path / "boot", first=False)
    (tmp_path / "boot").write_text("1000000")
    assert next_boot(tmp_path / "boot", first=False) == 1_000_001


@pytest.mark.parametrize("written", [b"41", b"41\n"])
def test_a_bare_number_is_taken(tmp_path, written):
    """Of an earlier version, or of the person who mends a damaged file; from then on it is checked."""
    path = tmp_path / "boot"
    path.write_bytes(written)
    assert [next_boot(path, first=True) for _ in range(2)] == [42, 43]
    assert len(path.read_bytes()) > 10


def test_no_flipped_bit_makes_another_number(tmp_path):
    """Each bit of the file, one after another, is noticed."""
    path = tmp_path / "boot"
    path.write_bytes(b"1233")
    next_boot(path, first=True)
    whole = path.read_bytes()
    for bit in range(8 * len(whole)):
        flipped = bytearray(whole)
        flipped[bit // 8] ^= 1 << bit % 8
        path.write_bytes(flipped)
        with pytest.raises(ClockError, match="boot is damaged"):
            next_boot(path, first=True)


def test_the_clock_is_that_of_this_start_of_the_computer():
    """It does not fall, and the name of the start stays while the computer runs."""
    assert monotonic_ms() <= monotonic_ms() and machine() == machine() != ""
