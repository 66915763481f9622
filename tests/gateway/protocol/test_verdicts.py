"""Verdicts and refusals: their codes, and what a verdict may become."""

import pytest

from lamplighter.firmware import wire
from lamplighter.gateway.protocol.verdicts import REFUSALS, UNASSIGNED, VERDICT_MOVES, VERDICTS, Verdict
from lamplighter.gateway.protocol.words import IllegalMove, move


def test_codes_have_the_names_that_devices_mean():
    """The position of a refusal's name is the device's code."""
    names = ("NO_HEAP", "NO_KERNEL", "TOO_SLOW", "TOO_HOT", "ON_BATTERY", "BUSY", "BAD_MAC", "EXPIRED", "FAILED")
    assert [REFUSALS[getattr(wire, name)] for name in names] == [name.lower() for name in names]
    assert len(REFUSALS) == 1 + len(names)


def test_the_codes_of_verdicts_are_for_ever():
    """They are in sealed logs: a word may be added at the end, and none may move."""
    assert VERDICTS == (
        "pending", "ok", "minority", "canary", "no_quorum", "late", "lease_unknown", "duplicate", "key_revoked",
        "class_cap", "owner_cap", "unpriced", "wrong_size", "bad_seal", "cancelled",
    )


@pytest.mark.parametrize("now", VERDICTS)
@pytest.mark.parametrize("to", VERDICTS)
def test_pay_is_taken_back_but_never_given_late(now, to):
    """Once judged, only ``ok`` may become something else; nothing becomes ``ok`` but what was not judged yet."""
    if to in VERDICT_MOVES[now]:
        assert now is Verdict.PENDING or (now is Verdict.OK and to is not Verdict.OK)
        assert move(VERDICT_MOVES, now, to) is to
    else:
        with pytest.raises(IllegalMove, match=f"{now} -> {to}"):
            move(VERDICT_MOVES, now, to)


def test_nothing_becomes_an_unassigned_word():
    """A word that nothing says keeps its code, and no table leads to it."""
    unassigned = {verdict for verdict in Verdict if verdict.meaning == UNASSIGNED}
    assert len(unassigned) == 5 and not unassigned & {to for after in VERDICT_MOVES.values() for to in after}
