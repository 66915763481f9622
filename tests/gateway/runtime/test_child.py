"""Messages between a gateway and its children."""

import json
import random
import socket
import struct

import pytest

from lamplighter.gateway.runtime import child
from lamplighter.gateway.runtime.child import pack, receive, unpack


def framed(body):
    return struct.pack(">I", len(body)) + body


@pytest.mark.parametrize("parts", [(), (b"",), (b"a", b"", b"b" * 70_000)])
def test_what_is_packed_comes_out(parts):
    """Head and parts, of any size, also in pieces as a socket gives them."""
    ours, its = socket.socketpair()
    with ours, its:
        its.sendall(pack({"is": "fine", "n": 1}, *parts))
        head, got = unpack(receive(ours))
        assert head == {"is": "fine", "n": 1} and tuple(got) == parts
        its.close()
        assert receive(ours) is None


def test_a_message_that_is_cut_short_is_the_end():
    """A child that dies while it writes has said nothing."""
    ours, its = socket.socketpair()
    with ours:
        its.sendall(pack({"is": "fine"})[:-1])
        its.close()
        assert receive(ours) is None


@pytest.mark.parametrize("body", [
    b"", b"\0" * 4, struct.pack(">I", 1 << 31), struct.pack(">II", 1, 5) + b"{}", struct.pack(">II", 1, 2) + b"[]",
    struct.pack(">II", 1, 2) + b"no", struct.pack(">III", 2, 2, 0xFFFFFFFF) + b"{}", struct.pack(">II", 1, 1) + b"{}",
])
def test_what_is_no_message_is_refused(body):
    """Whatever a child sends, it is a ValueError at most."""
    with pytest.raises(ValueError):
        unpack(body)


def test_noise_is_refused_or_a_message():
    """Every flipped bit of a message."""
    good = pack({"is": "round", "round": 0}, b"rows", b"", b"inputs")[4:]
    rng = random.Random(1)
    for _ in range(2_000):
        bad = bytearray(good)
        bad[rng.randrange(len(bad))] ^= 1 << rng.randrange(8)
        try:
            assert isinstance(unpack(bytes(bad)).head, dict)
        except ValueError:
            pass


def test_neither_side_takes_more_than_the_bound(monkeypatch):
    """The sender hears of it; a receiver allocates nothing for a promise."""
    monkeypatch.setattr(child, "MAX_PARCEL", 100)
    assert len(pack({}, b"x" * 80)) <= 104
    with pytest.raises(ValueError, match="bytes in one message"):
        pack({}, b"x" * 100)
    ours, its = socket.socketpair()
    with ours, its:
        its.sendall(struct.pack(">I", 101))
        with pytest.raises(ValueError):
            receive(ours)


def test_what_travels_is_no_code():
    """A head is JSON, as the gateway's other doors have it."""
    assert json.loads(pack({"a": [1, "b"]})[12:]) == {"a": [1, "b"]}
