import hashlib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lamplighter.gateway.ledger import merkle

EXAMPLES = settings(deadline=None, max_examples=60)

# Entries and roots of the tree that RFC 6962's authors publish with their reference implementation.
ENTRIES = ["", "00", "10", "2021", "3031", "40414243", "5051525354555657", "606162636465666768696a6b6c6d6e6f"]
ROOTS = [
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
]
HASHES = [merkle.leaf_hash(bytes.fromhex(entry)) for entry in ENTRIES]


def defined_root(entries):
    """The tree hash as RFC 6962 section 2.1 defines it, by recursion over the entries."""
    if not entries:
        return hashlib.sha256(b"").digest()
    if len(entries) == 1:
        return hashlib.sha256(b"\x00" + entries[0]).digest()
    k = 1
    while k * 2 < len(entries):
        k *= 2
    return hashlib.sha256(b"\x01" + defined_root(entries[:k]) + defined_root(entries[k:])).digest()


def test_roots_golden():
    """The roots of the published tree of one to eight entries come out."""
    assert [merkle.root(HASHES[:n]).hex() for n in range(1, 9)] == ROOTS


def test_empty_tree():
    """The root of no leaves is the hash of nothing."""
    assert merkle.root([]).hex() == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"


def test_inclusion_golden():
    """The published audit paths of the eight-entry tree come out."""
    assert [node.hex() for node in merkle.inclusion_proof(HASHES, 0)] == [
        "96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7",
        "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
        "6b47aaf29ee3c2af9af889bc1fb9254dabd31177f16232dd6aab035ca39bf6e4",
    ]
    assert [node.hex() for node in merkle.inclusion_proof(HASHES[:3], 2)] == [ROOTS[1]]
    assert [node.hex() for node in merkle.inclusion_proof(HASHES[:5], 1)] == [
        "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
        "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
        "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b",
    ]


def test_consistency_golden():
    """The published consistency proof between six and eight entries comes out."""
    assert [node.hex() for node in merkle.consistency_proof(HASHES, 6)] == [
        "0ebc5d3437fbe2db158b9f126a1d118e308181031d0a949f8dededebc558ef6a",
        "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0",
        "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    ]


@EXAMPLES
@given(st.lists(st.binary(max_size=40), max_size=70))
def test_root_is_the_defined_one(entries):
    """Pairing level by level gives the root that the recursive definition gives."""
    assert merkle.root([merkle.leaf_hash(entry) for entry in entries]) == defined_root(entries)


def numbered(size):
    return [merkle.leaf_hash(i.to_bytes(4, "big")) for i in range(size)]


def test_every_inclusion_proof_to_size_33():
    """Each leaf of each small tree is shown to be in it, and at no other place."""
    for size in range(1, 34):
        hashes = numbered(size)
        root = merkle.root(hashes)
        for index in range(size):
            proof = merkle.inclusion_proof(hashes, index)
            assert merkle.includes(root, size, index, hashes[index], proof)
            assert not merkle.includes(root, size, (index + 1) % size, hashes[index], proof) or size == 1


def test_every_consistency_proof_to_size_33():
    """Each small tree is shown to extend each of its prefixes, and no other tree."""
    for size in range(1, 34):
        hashes = numbered(size)
        root = merkle.root(hashes)
        for old in range(1, size + 1):
            proof = merkle.consistency_proof(hashes, old)
            assert merkle.consistent(merkle.root(hashes[:old]), old, root, size, proof)
            assert not merkle.consistent(merkle.root(hashes[1 : old + 1]), old, root, size, proof)


@EXAMPLES
@given(st.integers(1, 300), st.data())
def test_no_changed_inclusion_proof_holds(size, data):
    """A proof with a bit flipped, a node added or a node left out does not hold."""
    hashes = numbered(size)
    index = data.draw(st.integers(0, size - 1))
    proof = merkle.inclusion_proof(hashes, index)
    root = merkle.root(hashes)
    assert not merkle.includes(root, size, index, hashes[index], [*proof, bytes(32)])
    if proof:
        assert not merkle.includes(root, size, index, hashes[index], proof[:-1])
        at = data.draw(st.integers(0, len(proof) - 1))
        bad = [*proof[:at], bytes([proof[at][0] ^ 1]) + proof[at][1:], *proof[at + 1 :]]
        assert not merkle.includes(root, size, index, hashes[index], bad)


@EXAMPLES
@given(st.integers(2, 300), st.data())
def test_no_changed_consistency_proof_holds(size, data):
    """A consistency proof with a bit flipped, a node added or a node left out does not hold."""
    hashes = numbered(size)
    old = data.draw(st.integers(1, size - 1))
    proof = merkle.consistency_proof(hashes, old)
    roots = merkle.root(hashes[:old]), old, merkle.root(hashes), size
    assert merkle.consistent(*roots, proof)
    assert not merkle.consistent(*roots, [*proof, bytes(32)])
    assert not merkle.consistent(*roots, proof[:-1])
    at = data.draw(st.integers(0, len(proof) - 1))
    bad = [*proof[:at], bytes([proof[at][0] ^ 1]) + proof[at][1:], *proof[at + 1 :]]
    assert not merkle.consistent(*roots, bad)


def test_outside_of_the_tree():
    """Proofs for what cannot be are refused, and no answer is given for them."""
    with pytest.raises(IndexError):
        merkle.inclusion_proof(HASHES, 8)
    with pytest.raises(ValueError, match="no tree"):
        merkle.consistency_proof(HASHES, 9)
    assert not merkle.includes(merkle.root(HASHES), 8, 8, HASHES[0], [])
    assert not merkle.consistent(b"", 0, merkle.root(HASHES), 8, [])


def test_a_proof_is_of_one_size():
    """What shows a leaf in a small tree does not show it in one that is said to be larger."""
    proof = merkle.inclusion_proof(HASHES[:2], 0)
    assert merkle.includes(merkle.root(HASHES[:2]), 2, 0, HASHES[0], proof)
    assert not any(merkle.includes(merkle.root(HASHES[:2]), size, 0, HASHES[0], proof) for size in range(3, 9))


def test_no_proof_shows_nothing():
    """Only a tree of the same size extends another without a word."""
    hashes = numbered(5)
    assert not merkle.consistent(merkle.root(hashes[:3]), 3, merkle.root(hashes), 5, [])
