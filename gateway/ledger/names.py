"""What the public folder holds beside the tree: names of bundles, and the genesis leaf for people to read."""

from __future__ import annotations

from lamplighter.gateway.ledger import note
from lamplighter.gateway.ledger.book import Book
from lamplighter.gateway.ledger.leaves import RULES

GENESIS = "genesis.json"


def bundle_path(digest: bytes) -> str:
    """Path of the bundle with this SHA-256 under the log's folder."""
    return f"bundle/{digest.hex()}"


def genesis_words(book: Book) -> dict[str, str | int]:
    """The genesis leaf as JSON-able words. Only for people: everything is checked from the leaf itself."""
    return {
        "net": book.net.hex(),
        "site": book.genesis.site,
        "rules": RULES,
        "origin": book.origin,
        "verifier_key": note.verifier_key(book.origin, book.genesis.key),
    }
