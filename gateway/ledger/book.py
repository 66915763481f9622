"""What the leaves of a log mean, folded one by one: by the gateway when it opens, by the auditor when it checks."""

from __future__ import annotations

from lamplighter.gateway.ledger.leaves import Genesis, LedgerError, Registration, Seal, decode_leaf, net_of, origin_of
from lamplighter.gateway.ledger.merkle import leaf_hash

NO_SEAL = bytes(32)


class Book:
    """Who owns which device and what was sealed last, after the leaves so far."""

    def __init__(self, genesis: bytes) -> None:
        leaf = decode_leaf(genesis)
        if not isinstance(leaf, Genesis):
            raise LedgerError("does not start with a genesis leaf")
        self.genesis = leaf
        self.net = net_of(genesis)
        self.origin = origin_of(genesis)
        self.owners: dict[bytes, str] = {}
        self.seal: Seal | None = None
        self.seal_hash = NO_SEAL

    def follow(self, entry: bytes) -> Registration | Seal:
        """Take the next leaf. Raises LedgerError if it cannot come here."""
        leaf = decode_leaf(entry)
        if isinstance(leaf, Genesis):
            raise LedgerError("is a second genesis leaf")
        if isinstance(leaf, Registration):
            if self.owners.get(leaf.device) == leaf.owner:
                raise LedgerError("registers a device again with the same owner")
            self.owners[leaf.device] = leaf.owner
            return leaf
        if leaf.previous != self.seal_hash:
            raise LedgerError(f"seals epoch {leaf.epoch} but does not follow the seal before it")
        if self.seal and leaf.epoch <= self.seal.epoch:
            raise LedgerError(f"seals epoch {leaf.epoch} after epoch {self.seal.epoch}")
        self.seal, self.seal_hash = leaf, leaf_hash(entry)
        return leaf
