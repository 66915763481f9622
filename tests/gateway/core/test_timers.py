"""Timers: in the order of their time, as many at once as somebody may look at."""

from lamplighter.gateway.core.timers import Timers


def timers(*dues, stale=lambda _: False):
    made = Timers(stale)
    for number, due in enumerate(dues):
        made.set(due, number)
    return made


def test_they_come_in_the_order_of_their_time():
    """The earliest first, of the same time that which was set first."""
    made = timers(30, 10, 20, 10)
    assert (made.first_ms, len(made)) == (10, 4)
    assert made.due(30, 9) == [1, 3, 2, 0]
    assert (made.first_ms, len(made)) == (None, 0)


def test_what_is_not_due_stays():
    """Until its time has come."""
    made = timers(30, 10)
    assert made.due(9, 9) == [] and made.due(29, 9) == [1] and made.due(29, 9) == []
    assert made.due(30, 9) == [0]


def test_no_more_at_once_than_wanted():
    """The rest is due all the same, in its order."""
    made = timers(10, 10, 10, 20)
    assert made.due(20, 2) == [0, 1]
    assert made.first_ms == 10
    assert made.due(20, 2) == [2, 3]


def test_nobody_wakes_up_for_what_is_stale():
    """At the front it is passed over, with its time where it has that for itself; further behind it stays."""
    over = set()
    made = timers(10, 20, 20, 30, stale=over.__contains__)
    over |= {0, 2, 3}
    assert (made.first_ms, len(made)) == (20, 2)
    over.add(1)
    assert (made.first_ms, len(made)) == (None, 0)
