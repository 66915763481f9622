"""Commits as bytes: what an older version wrote is read, by every Python."""

from __future__ import annotations

from dataclasses import dataclass, fields
from operator import attrgetter

import pytest

from lamplighter.gateway.adapters import rows
from lamplighter.gateway.adapters.rows import DecodeError, chained, coded, columns, decode, digest, encode
from lamplighter.gateway.core.effects import KeepAnswer, KeepClock, KeepLease, KeepReceipt, KeepTask, KeepVerdict

WRITTEN = ("5b0200000028040000006907000000690100000075020000006f6b69000000002807000000690800"
           "0000750200000074316900000000690000000073010000006154" "7500000000")


def test_the_bytes_are_what_they_have_always_been() -> None:
    """Else a journal could not be opened after an upgrade of Python, and each row would count as damaged."""
    assert encode(coded([KeepVerdict(1, "ok", 0), KeepAnswer("t1", 0, 0, b"a", True)])).hex() == WRITTEN
    assert digest((5, "aa", b"\x00\xff", 1 << 40, -1)) == -6063802181653651619
    assert chained(bytes(16), b"body").hex() == "adea778a01380621e6b1b8e1c5ff9db1"


def test_a_commit_is_read_as_it_was_written() -> None:
    """Every kind of value, in its order."""
    effects = [KeepTask("t1", "toy", b"\x00\xff", 3, 60_000, 1 << 41, 0),
               KeepLease(1 << 40, "tä", 0, 1, 2, "aa", "b", b"n", 9),
               KeepReceipt(1, "done", 1, 2, bytes(158), b""), KeepAnswer("t1", 0, 1, b"x", False), KeepClock(7)]
    assert decode(encode(coded(effects))) == coded(effects)


def test_a_field_that_the_writer_did_not_know_has_its_default(monkeypatch: pytest.MonkeyPatch) -> None:
    """So that fields can be added at the end of an effect."""
    @dataclass(frozen=True)
    class KeepMore:
        clock_ms: int
        more: str = "none"

    body = encode(coded([KeepClock(7)]))
    monkeypatch.setattr(rows, "KINDS", tuple(KeepMore if kind is KeepClock else kind for kind in rows.KINDS))
    monkeypatch.setitem(rows.CODES, KeepMore, rows.CODES[KeepClock])
    monkeypatch.setitem(rows._VALUES, KeepMore, attrgetter("clock_ms", "more"))
    assert decode(body) == [(rows.CODES[KeepClock], 7, "none")]


@pytest.mark.parametrize("body", [b"", b"\x00", encode(coded([KeepClock(7)]))[:-1], rows.marshal.dumps([(99, 1)], 2),
                                  rows.marshal.dumps([(1, *range(12))], 2), rows.marshal.dumps(7, 2)])
def test_what_no_version_wrote_is_no_commit(body: bytes) -> None:
    """Neither cut ones, nor kinds or fields of a newer version."""
    with pytest.raises(DecodeError, match="another version"):
        decode(body)


def test_columns_are_the_fields() -> None:
    """In their order; one has another name, which SQL lets it have."""
    assert columns(KeepLease)[:4] == ["lease", "task", "round", "job_index"]
    assert len(columns(KeepLease)) == len(fields(KeepLease))
