"""What each operator may ask."""

from collections import Counter

from lamplighter.gateway.api.budget import BURST_BYTES, MAX_USERS, REQUEST_BYTES, SHARE_BYTES, TOLD, Budgets


def test_an_operator_has_a_burst_and_a_share():
    """After the burst it goes on at the pace of its share, and a long silence saves up no more than a burst."""
    now = [0]
    budgets = Budgets(lambda: now[0], Counter())
    many = BURST_BYTES // REQUEST_BYTES
    assert sum(budgets.admits("anna", 0) for _ in range(2 * many)) == many
    now[0] = 1_000
    assert sum(budgets.admits("anna", 0) for _ in range(2 * many)) == SHARE_BYTES // REQUEST_BYTES
    now[0] = 1_000_000
    assert sum(budgets.admits("anna", 0) for _ in range(2 * many)) == many
    assert budgets.admits("ben", 8 << 20) and budgets.view() == {"asked_too_much": {}}


def test_refusals_are_answered_a_few_times_a_second():
    """The rest is counted."""
    now, counters = [0], Counter()
    budgets = Budgets(lambda: now[0], counters)
    assert sum(budgets.tells("anna") for _ in range(100)) == TOLD
    now[0] = 500
    assert sum(budgets.tells("anna") for _ in range(100)) == TOLD // 2
    assert counters["requests_unanswered"] == 200 - TOLD - TOLD // 2


def test_names_have_a_bound():
    """Where anybody may have any name, those beyond share one account and fill no memory."""
    budgets = Budgets(lambda: 0, Counter())
    for number in range(2 * MAX_USERS):
        budgets.refused(f"user{number}")
    told = budgets.view()["asked_too_much"]
    assert len(told) == MAX_USERS + 1 and told["others"] == MAX_USERS
