"""What the leaves of a log mean, folded one by one: by the gateway when it opens, by the auditor when it checks."""

from __future__ import annotations

from copy import copy

from lamplighter.gateway.ledger.leaves import (
    Fact,
    Genesis,
    LedgerError,
    Registration,
    Revocation,
    Seal,
    decode_leaf,
    net_of,
    origin_of,
)
from lamplighter.gateway.ledger.merkle import leaf_hash

NO_SEAL = bytes(32)


class Book:
    """Who owns which device, which are revoked and what was sealed last, after the leaves so far."""

    def __init__(self, genesis: bytes) -> None:
        leaf = decode_leaf(genesis)
        if not isinstance(leaf, Genesis):
            raise LedgerError("does not start with a genesis leaf")
        self.genesis = leaf
        self.net = net_of(genesis)
        self.origin = origin_of(genesis)
        self.owners: dict[bytes, str] = {}
        self.revoked: set[bytes] = set()
        self.seal: Seal | None = None
        self.seal_hash = NO_SEAL

    def copy(self) -> Book:
        """A book that goes on by itself."""
        twin = copy(self)
        twin.owners, twin.revoked = dict(self.owners), set(self.revoked)
        return twin

    def says(self, fact: Fact) -> bool:
        """Whether it would be no news."""
        if isinstance(fact, Registration):
            return self.owners.get(fact.device) == fact.owner
        return (fact.device in self.revoked) == isinstance(fact, Revocation)

    def follow(self, entry: bytes) -> Fact | Seal:
        """Take the next leaf. Raises LedgerError if it cannot come here."""
        leaf = decode_leaf(entry)
        if isinstance(leaf, Genesis):
            raise LedgerError("is a second genesis leaf")
        if not isinstance(leaf, Seal):
            self._note(leaf)
            return leaf
        if leaf.previous != self.seal_hash:
            raise LedgerError(f"seals epoch {leaf.epoch} but does not follow the seal before it")
        if self.seal and leaf.epoch <= self.seal.epoch:
            raise LedgerError(f"seals epoch {leaf.epoch} after epoch {self.seal.epoch}")
        self.seal, self.seal_hash = leaf, leaf_hash(entry)
        return leaf

    def _note(self, fact: Fact) -> None:
        if self.says(fact):
            raise LedgerError(f"is a {type(fact).__name__.lower()} that changes nothing")
        if isinstance(fact, Registration):
            self.owners[fact.device] = fact.owner
        elif fact.device not in self.owners:
            raise LedgerError("revokes a device that is not registered")
        elif isinstance(fact, Revocation):
            self.revoked.add(fact.device)
        else:
            self.revoked.remove(fact.device)
