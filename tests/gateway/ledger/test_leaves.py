import hashlib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lamplighter.gateway.ledger import leaves
from lamplighter.gateway.ledger.leaves import (
    Genesis,
    LedgerError,
    Registration,
    Restoration,
    Revocation,
    Seal,
    decode_leaf,
    encode_leaf,
)

EXAMPLES = settings(deadline=None, max_examples=60)

NAMES = st.text("abcdefghijklmnopqrstuvwxyz0123456789-", min_size=1, max_size=32)
LEAVES = st.one_of(
    st.builds(Genesis, NAMES, st.binary(min_size=32, max_size=32)),
    st.builds(Registration, st.binary(min_size=16, max_size=16), NAMES),
    st.builds(Revocation, st.binary(min_size=16, max_size=16)),
    st.builds(Restoration, st.binary(min_size=16, max_size=16)),
    st.builds(
        Seal, st.integers(0, 2**32 - 1), st.binary(min_size=32, max_size=32), st.integers(0, 2**32 - 1),
        st.integers(0, 2**64 - 1), st.binary(min_size=32, max_size=32),
    ),
)


def test_golden():
    """The layouts, spelled out byte by byte."""
    assert encode_leaf(Genesis("demo", bytes(range(32)))) == b"\1\1demo" + bytes(28) + bytes(range(32))
    assert encode_leaf(Registration(b"d" * 16, "anna")) == b"\1\2" + b"d" * 16 + b"anna" + bytes(28)
    assert encode_leaf(Revocation(b"d" * 16)) == b"\1\4" + b"d" * 16
    assert encode_leaf(Restoration(b"d" * 16)) == b"\1\5" + b"d" * 16
    assert encode_leaf(Seal(5, b"b" * 32, 3, 258, b"p" * 32)) == (
        b"\1\3\0\0\0\5" + b"b" * 32 + b"\0\0\0\3" + b"\0\0\0\0\0\0\1\2" + b"p" * 32
    )


@EXAMPLES
@given(LEAVES)
def test_comes_back(leaf):
    """Every leaf is read as it was written."""
    assert decode_leaf(encode_leaf(leaf)) == leaf


@EXAMPLES
@given(LEAVES.map(encode_leaf) | st.binary(max_size=100), st.data())
def test_one_spelling(entry, data):
    """Bytes that are read as a leaf are the bytes that this leaf is written as; all others are refused."""
    if entry and data.draw(st.booleans()):
        at = data.draw(st.integers(0, len(entry) - 1))
        entry = entry[:at] + data.draw(st.binary(min_size=1, max_size=2)) + entry[at + 1 :]
    try:
        leaf = decode_leaf(entry)
    except LedgerError:
        return
    assert encode_leaf(leaf) == entry


@pytest.mark.parametrize("name", ["", "Anna", "a b", "a" * 33, "\u00e4", "a\0b"])
def test_names_are_identifiers(name):
    """An owner or site that could not stand in a topic is refused."""
    with pytest.raises(LedgerError):
        encode_leaf(Registration(bytes(16), name))


def test_net_is_the_hash_of_the_genesis():
    """The network's id is the start of the leaf's SHA-256 and part of the log's name."""
    entry = encode_leaf(Genesis("demo", bytes(32)))
    assert leaves.net_of(entry) == hashlib.sha256(entry).digest()[:8]
    assert leaves.origin_of(entry) == f"lamplighter/demo/{leaves.net_of(entry).hex()}"
    with pytest.raises(LedgerError):
        leaves.origin_of(encode_leaf(Registration(bytes(16), "anna")))


@pytest.mark.parametrize("leaf", [Registration(bytes(16), "anna"), Genesis("demo", bytes(32))])
def test_written_names_are_identifiers_too(leaf):
    """Bytes in which a name is none are no leaf, whoever wrote them."""
    entry = encode_leaf(leaf)
    for name in (b"anna", b"demo"):
        entry = entry.replace(name, name.upper())
    with pytest.raises(LedgerError, match="no identifier"):
        decode_leaf(entry)
