"""The Merkle tree of RFC 6962 over SHA-256: roots, inclusion proofs and consistency proofs.

Functions take the 32-byte leaf hashes of a tree. Checking a proof follows RFC 9162, sections 2.1.3 and 2.1.4.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence


def leaf_hash(entry: bytes) -> bytes:
    """SHA-256(0x00 || entry): a leaf can never be mistaken for a node."""
    return hashlib.sha256(b"\0" + entry).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """SHA-256(0x01 || left || right)."""
    return hashlib.sha256(b"\1" + left + right).digest()


def root(hashes: Sequence[bytes]) -> bytes:
    """The tree hash over any number of leaf hashes; of none, SHA-256 of nothing."""
    if not hashes:
        return hashlib.sha256().digest()
    level = list(hashes)
    while len(level) > 1:
        # An odd one at the end moves up unpaired, which is what splitting at powers of two amounts to.
        paired = [node_hash(level[i], level[i + 1]) for i in range(0, len(level) - 1, 2)]
        level = paired + level[len(paired) * 2 :]
    return level[0]


def _split(size: int) -> int:
    """The largest power of two below ``size`` (at least 2)."""
    return 1 << ((size - 1).bit_length() - 1)


def inclusion_proof(hashes: Sequence[bytes], index: int) -> list[bytes]:
    """The audit path of leaf ``index``, from the leaf upwards. Raises IndexError outside of the tree."""
    if not 0 <= index < len(hashes):
        raise IndexError(index)
    if len(hashes) == 1:
        return []
    k = _split(len(hashes))
    if index < k:
        return [*inclusion_proof(hashes[:k], index), root(hashes[k:])]
    return [*inclusion_proof(hashes[k:], index - k), root(hashes[:k])]


def includes(tree_root: bytes, size: int, index: int, leaf: bytes, proof: Sequence[bytes]) -> bool:
    """Whether ``proof`` shows that the leaf hash is at ``index`` of the tree of ``size`` leaves."""
    if not 0 <= index < size:
        return False
    at, last, node = index, size - 1, leaf
    for sibling in proof:
        if last == 0:
            return False
        if at & 1 or at == last:
            node = node_hash(sibling, node)
            while at and not at & 1:
                at, last = at >> 1, last >> 1
        else:
            node = node_hash(node, sibling)
        at, last = at >> 1, last >> 1
    return last == 0 and node == tree_root


def consistency_proof(hashes: Sequence[bytes], old: int) -> list[bytes]:
    """That the tree of the first ``old`` leaves is a prefix of this one. Raises ValueError if it cannot be."""
    if not 0 < old <= len(hashes):
        raise ValueError(f"no tree of {len(hashes)} leaves has a prefix of {old}")
    return _subproof(hashes, old, True)


def _subproof(hashes: Sequence[bytes], old: int, whole: bool) -> list[bytes]:
    if old == len(hashes):
        return [] if whole else [root(hashes)]
    k = _split(len(hashes))
    if old <= k:
        return [*_subproof(hashes[:k], old, whole), root(hashes[k:])]
    return [*_subproof(hashes[k:], old - k, False), root(hashes[:k])]


def consistent(old_root: bytes, old: int, new_root: bytes, new: int, proof: Sequence[bytes]) -> bool:
    """Whether ``proof`` shows that the tree of ``new`` leaves only appends to the one of ``old``."""
    if not 0 < old <= new:
        return False
    if old == new:
        return not proof and old_root == new_root
    path = [old_root, *proof] if old & (old - 1) == 0 else list(proof)
    if not path:
        return False
    at, last = old - 1, new - 1
    while at & 1:
        at, last = at >> 1, last >> 1
    small = large = path[0]
    for node in path[1:]:
        if last == 0:
            return False
        if at & 1 or at == last:
            small, large = node_hash(node, small), node_hash(node, large)
            while at and not at & 1:
                at, last = at >> 1, last >> 1
        else:
            large = node_hash(large, node)
        at, last = at >> 1, last >> 1
    return last == 0 and small == old_root and large == new_root
