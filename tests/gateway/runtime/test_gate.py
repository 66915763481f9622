"""Who is heard."""

from types import SimpleNamespace

import pytest

from lamplighter.gateway.runtime.gate import (
    BURST_BYTES,
    DEBT_BYTES,
    LEASE_BYTES,
    MESSAGE_BYTES,
    MOST_BYTES,
    REPORT_MS,
    SHARE_BYTES,
    VAIN_BYTES,
    Gate,
)


@pytest.fixture
def bench():
    """A gate that knows ``a`` and ``b``; ``muted`` holds what it said, ``now`` is its clock."""
    made = SimpleNamespace(now=1_000, muted=[])
    made.gate = Gate("ab".__contains__, lambda node, ms: made.muted.append((node, ms)), lambda: made.now)

    def flood(node, size, each_ms, times):
        """How many of as many messages are read."""
        read = 0
        for _ in range(times):
            read += made.gate.admits(node, size + MESSAGE_BYTES)
            made.now += each_ms
        return read
    made.flood = flood
    return made


@pytest.mark.parametrize("size", [0, 258, 10_000, 61_440])
def test_a_flood_is_not_read(bench, size):
    """Beyond what may come at once nothing of it is, however long it goes on, and others are heard all the while."""
    assert bench.flood("a", size, 0, 5_000) == min(5_000, BURST_BYTES // (size + MESSAGE_BYTES))
    if size:
        assert bench.flood("a", size, 1, 20_000) <= BURST_BYTES // (size + MESSAGE_BYTES)
        assert bench.flood("b", 200, 100, 1_000) == 1_000


def test_a_muted_device_is_named_and_has_a_way_out(bench):
    """At once, then now and then; when it falls silent it is heard again after the time that was said last."""
    bench.flood("a", 60_000, 1, 4 * REPORT_MS)
    assert {node for node, _ in bench.muted} == {"a"} and 4 <= len(bench.muted) <= 10
    silent = bench.now - 1
    bench.now = silent + DEBT_BYTES * 1_000 // SHARE_BYTES - 1
    assert not bench.gate.admits("a", MESSAGE_BYTES)
    bench.now = silent + DEBT_BYTES * 1_000 // SHARE_BYTES + REPORT_MS
    assert bench.gate.admits("a", MESSAGE_BYTES)


def test_a_short_flood_is_named_for_as_long_as_it_counts(bench):
    """What is said last is not before the time when the device is heard again, and little after it."""
    bench.flood("a", 300, 0, 700)
    said = bench.now + bench.muted[-1][1]
    while not bench.gate._accounts["a"].left + (bench.now - 1_000) * SHARE_BYTES // 1_000 >= 0:
        bench.now += 1
    assert 0 <= said - bench.now <= REPORT_MS + 1


def test_a_device_that_sends_more_than_its_share_stays_muted(bench):
    """Until it sends less: that it is not read costs it as much."""
    bench.flood("a", 1_000, 0, 1_000)
    assert bench.flood("a", SHARE_BYTES // 10, 90, 1_000) == 0
    assert bench.flood("a", SHARE_BYTES // 10, 150, 1_000) > 900


@pytest.mark.parametrize("answer", [0, 8, 1_024])
def test_who_works_is_never_muted(bench, answer):
    """Each lease allows its acceptance and its result, both twice, at any rate."""
    for _ in range(50_000):
        bench.gate.lease("a")
        for size in (34, 160 + answer, 34, 160 + answer):
            assert bench.gate.admits("a", size + MESSAGE_BYTES)
    assert not bench.muted


def test_what_leases_allow_is_bounded(bench):
    """Nobody saves up for a flood."""
    for _ in range(10 * MOST_BYTES // LEASE_BYTES):
        bench.gate.lease("a")
    assert bench.flood("a", 0, 0, 10_000) == MOST_BYTES // MESSAGE_BYTES


def test_what_comes_to_nothing_costs_more(bench):
    """So whoever makes work for nothing is muted sooner; a debt is bounded, and nobody has one without an account."""
    read = 0
    while bench.gate.admits("a", MESSAGE_BYTES):
        bench.gate.vain("a")
        bench.gate.vain("nobody")
        read += 1
    assert read <= BURST_BYTES // (MESSAGE_BYTES + VAIN_BYTES) + 1
    for _ in range(1_000):
        bench.gate.vain("a")
    bench.now += (DEBT_BYTES + MESSAGE_BYTES) * 1_000 // SHARE_BYTES + 1
    assert bench.gate.admits("a", MESSAGE_BYTES)


def test_an_outbox_sent_again_is_heard(bench):
    """As many results as a device keeps, all of them known already."""
    for _ in range(128):
        assert bench.gate.admits("a", MESSAGE_BYTES + 168)
        bench.gate.vain("a")


def test_a_fetch_of_everything_is_heard(bench):
    """A kernel and eight contexts of 64 KB each, asked for part by part as fast as they come."""
    bench.gate.lease("a")
    assert bench.flood("a", 22, 1, 9 * 64) == 9 * 64


def test_strangers_share_one_account_and_fill_no_memory(bench):
    """They are not named: nobody could do anything about it."""
    read = sum(bench.gate.admits(f"n{number}", MESSAGE_BYTES) for number in range(5_000))
    assert read == BURST_BYTES // MESSAGE_BYTES
    assert len(bench.gate._accounts) == 1 and not bench.muted
    assert bench.gate.admits("a", MESSAGE_BYTES)
