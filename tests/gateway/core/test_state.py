"""Draws, nonces and what is remembered."""


from lamplighter.gateway.core.effects import FindWork
from lamplighter.gateway.core.entities import Job, Task
from lamplighter.gateway.core.policy import Policy
from lamplighter.gateway.core.state import State


def state(secret=b"s", **policy):
    return State(Policy(**policy), secret, (), 1, b"n" * 8)


def job_of(city, index=0):
    return Job(Task("t", "toy.sum", b"", 0, 1_000, 0, 0), 0, index, city.job(index))


def test_draws_are_fixed_by_job_purpose_and_secret(city):
    """The same job always draws the same number; nobody without the secret can foresee it."""
    first, again = job_of(city), job_of(city)
    assert state().lots(first) == state().lots(again) == first.lots
    assert len({*first.lots, *state(b"z").lots(job_of(city))}) == 4


def test_draws_are_even(city):
    """Over many jobs draws fill 0..65535 evenly."""
    for numbers in zip(*(state().lots(job_of(city, i)) for i in range(2_000)), strict=True):
        assert all(0 <= number < 65_536 for number in numbers)
        assert 31_000 < sum(numbers) / len(numbers) < 34_500


def test_nonces_do_not_repeat():
    """Each lease number has its own nonce, and another gateway other ones."""
    assert len({state(secret).nonce(lease) for secret in (b"s", b"z") for lease in range(1_000)}) == 2_000


def test_a_turn_is_told_by_time_and_event():
    """So are the moves that are made in it; the time of a turn is not before that of the last."""
    made = state()
    assert made.begin(Task, 700).moment == " at 700 by Task, "
    turn = made.begin(Job, 600)
    assert turn.moment == " at 700 by Job, " and turn is made.turn


def test_effects_belong_to_the_turn_in_which_they_are_made():
    """Those of the last one are not handed out again."""
    made = state()
    first = made.begin(Task, 700)
    made.find_work("anna-1")
    second = made.begin(Task, 701)
    made.find_work("ben-1")
    assert (first.effects, second.effects) == ([FindWork("anna-1")], [FindWork("ben-1")])
