"""Draws, nonces and what is remembered."""

import heapq

from lamplighter.gateway.core.board import Board
from lamplighter.gateway.core.policy import Policy
from lamplighter.gateway.core.state import Job, Task


def board(secret=b"s", **policy):
    return Board(Policy(**policy), secret, lambda task, spec, answer: True, 1)


def job_of(city, index=0):
    return Job(Task("t", "toy.sum", b"", 0, 1_000, 0, 0), 0, index, city.job(index))


def test_draws_are_fixed_by_job_purpose_and_secret(city):
    """The same job always draws the same number; nobody without the secret can foresee it."""
    first, again = job_of(city), job_of(city)
    assert board().draw(b"audit", first) == board().draw(b"audit", again)
    others = {board().draw(b"audit", first), board().draw(b"draw", first), board(b"z").draw(b"audit", first)}
    assert len(others) == 3


def test_draws_are_even(city):
    """Over many jobs draws fill 0..65535 evenly."""
    numbers = [board().draw(b"audit", job_of(city, i)) for i in range(2_000)]
    assert all(0 <= number < 65_536 for number in numbers)
    assert 31_000 < sum(numbers) / len(numbers) < 34_500


def test_nonces_do_not_repeat():
    """Each lease number has its own nonce, and another gateway other ones."""
    assert len({board(secret).nonce(lease) for secret in (b"s", b"z") for lease in range(1_000)}) == 2_000


def test_timers_come_in_the_order_of_their_time(city):
    """The earliest timer is first, whatever the order in which they were set."""
    made = board()
    for due in (30, 10, 20, 10):
        made.set_timer(due, job_of(city))
    assert [heapq.heappop(made.timers)[0] for _ in range(4)] == [10, 10, 20, 30]
