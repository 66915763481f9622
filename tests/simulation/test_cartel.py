"""What a cartel of liars gets past sequential copies and drawn recomputation stays small."""

from tests.simulation.cartel import measure


def test_cartel_of_two_fifths_gets_under_one_percent() -> None:
    """Two fifths of the devices lie together: under 1 % of answers stay wrong, where 16 % of pairs are liars."""
    share = measure(range(80), liars=0.4, devices=9, jobs=10)
    assert share.jobs > 1_000
    assert 0 < share.wrong < 0.01 * share.jobs
    assert share.wrong_paid < 0.01 * share.paid
