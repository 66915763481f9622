"""Which receipt numbers a device has used."""

import random

from hypothesis import given, settings
from hypothesis import strategies as st

from lamplighter.gateway.protocol.numbers import LAST_NUMBER, MAX_RANGES, Numbers, number_of

EXAMPLES = settings(deadline=None, max_examples=60)
A, B = b"A" * 16, b"B" * 16


@EXAMPLES
@given(st.lists(st.tuples(st.sampled_from([A, B]), st.integers(0, 60)), max_size=120))
def test_numbers_are_a_set(used):
    """While there are few gaps, numbers are free exactly once; bytes bring them back."""
    numbers, plain = Numbers(), set()
    for device, number in used:
        assert numbers.use(device, number) == ((device, number) not in plain)
        plain.add((device, number))
        numbers = Numbers.decode(numbers.encode())


def test_numbers_are_bounded():
    """A device that leaves a gap after every number uses up to MAX_RANGES ranges; its oldest gaps close."""
    numbers = Numbers()
    for number in range(0, 8 * MAX_RANGES, 2):
        assert numbers.use(A, number)
    assert len(numbers.encode()) == 18 + 16 * MAX_RANGES
    assert not numbers.use(A, 1)
    assert numbers.use(A, 8 * MAX_RANGES - 3)


def test_numbers_of_all_boots():
    """Numbers up to the highest boot and seq fit but for the last, and a copy is used on its own."""
    numbers = Numbers()
    assert numbers.copy().use(A, LAST_NUMBER - 1)
    assert numbers.use(A, LAST_NUMBER - 1)
    assert not numbers.use(A, LAST_NUMBER)


@EXAMPLES
@given(st.integers(0, 2**32))
def test_numbers_within_a_window_end_as_one_range(seed):
    """Numbers used out of order, but near each other, end as one range."""
    order = list(range(3000))
    random.Random(seed).shuffle(order)
    numbers = Numbers()
    # Within a window, as receipts that wait for a second copy come: not more gaps than MAX_RANGES.
    order.sort(key=lambda number: number // 400)
    assert all(numbers.use(A, number) for number in order)
    assert len(numbers.encode()) == 18 + 16


@EXAMPLES
@given(st.lists(st.tuples(st.integers(0, 60), st.integers(0, 9)), max_size=40))
def test_stretches_are_as_good_as_single_numbers(stretches):
    """Many numbers at once, whichever of them were used, leave what each of them alone would."""
    at_once, single = Numbers(), Numbers()
    for first, more in stretches:
        at_once.add(A, first, first + more)
        for number in range(first, first + more + 1):
            single.use(A, number)
    assert at_once.encode() == single.encode()


def test_the_highest_number_says_how_often_a_device_has_started():
    """It is 0 for one that has used none."""
    numbers = Numbers()
    numbers.use(A, number_of(3, 7))
    numbers.use(A, number_of(2, 900))
    assert (numbers.highest(A), numbers.highest(A) >> 32, numbers.highest(B)) == (number_of(3, 7), 3, 0)


def test_equal_numbers_are_told_alike():
    """Traces of two runs are compared by what they say."""
    ours, theirs = Numbers(), Numbers()
    for numbers in (ours, theirs):
        numbers.use(b"d" * 16, 7)
    assert repr(ours) == repr(theirs) != repr(Numbers())
