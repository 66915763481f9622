"""The numbers that rule the core."""

from dataclasses import fields

from lamplighter.gateway.core.policy import Policy


def test_defaults_are_whole_and_positive():
    """Every number is an integer above zero, and clocks are in an order that makes sense."""
    policy = Policy()
    assert all(type(value) is int and value > 0 for value in (getattr(policy, f.name) for f in fields(policy)))
    assert policy.ack_by_ms < policy.report_floor_ms < policy.report_ceiling_ms
    assert policy.audit_permille <= policy.probation_audit_permille <= 1_000
