"""The numbers that rule the core."""

from dataclasses import fields

import pytest

from lamplighter.gateway.core.policy import Policy, price_kop


def test_defaults_are_whole_and_positive():
    """Every number is an integer above zero, and clocks are in an order that makes sense."""
    policy = Policy()
    assert all(type(value) is int and value > 0 for value in (getattr(policy, f.name) for f in fields(policy)))
    assert policy.ack_by_ms < policy.report_floor_ms < policy.report_ceiling_ms
    assert policy.audit_permille <= policy.probation_audit_permille <= 1_000


@pytest.mark.parametrize(("ops", "kop"), [(1, 1), (999, 1), (1_000, 1), (1_001, 2), (2_000_000, 2_000)])
def test_prices_are_whole_credits(ops, kop):
    """Begun thousands of operations count whole, so nothing is free."""
    assert price_kop(ops) == kop
