"""The tables of allowed moves, as wholes."""

from functools import cache

import pytest

from lamplighter.gateway.core import intake, lifecycle
from lamplighter.gateway.core.lifecycle import ENDED_MOVES, JOB_MOVES, LEASE_MOVES, NODE_MOVES, TASK_MOVES
from lamplighter.gateway.protocol.verdicts import VERDICT_MOVES

TABLES = (LEASE_MOVES, ENDED_MOVES, VERDICT_MOVES, JOB_MOVES, TASK_MOVES, NODE_MOVES)


@pytest.mark.parametrize("moves", TABLES)
def test_a_table_has_every_word_and_leads_everywhere(moves):
    """Each state has its row; each but the first and the unassigned can be reached from the first."""
    words = type(next(iter(moves)))
    assert list(moves) == list(words)
    reached = {next(iter(moves))}
    while more := {to for now in reached for to in moves[now]} - reached:
        reached |= more
    assert {word for word in words if word not in reached} == {w for w in words if "unassigned" in w.meaning}


@pytest.mark.parametrize("moves", [LEASE_MOVES, ENDED_MOVES, VERDICT_MOVES])
def test_a_leases_tables_have_no_way_back(moves):
    """So its story is bounded by them: eight moves at most."""
    @cache
    def longest(now):
        assert longest.cache_info().currsize < 50
        return max((1 + longest(to) for to in moves[now]), default=0)

    assert longest(next(iter(moves))) <= 3


def test_what_a_node_may_say_is_in_its_table():
    """The words that a status is taken with are the states that a node can move to."""
    said = intake._STATES
    assert all(set(after) == set(said) for after in NODE_MOVES.values())


def test_every_table_is_printed():
    """One for each of the core's tables, with a row for each word."""
    printed = lifecycle.tables()
    rows = [text.count("\n") - 2 for text in printed.values()]
    assert rows == [len(moves) for moves in (LEASE_MOVES, ENDED_MOVES, JOB_MOVES, TASK_MOVES, NODE_MOVES)]
