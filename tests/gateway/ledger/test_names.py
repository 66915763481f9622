from lamplighter.gateway.ledger.book import Book
from lamplighter.gateway.ledger.leaves import Genesis, encode_leaf
from lamplighter.gateway.ledger.names import bundle_path, genesis_words


def test_genesis_for_people():
    """They name the network, the site, the rules and the key as other tools take it."""
    book = Book(encode_leaf(Genesis("demo", bytes(32))))
    words = genesis_words(book)
    assert (words["net"], words["site"], words["rules"]) == (book.net.hex(), "demo", 1)
    assert str(words["verifier_key"]).startswith(f"lamplighter/demo/{book.net.hex()}+")


def test_bundles_are_named_by_their_hash():
    """A bundle's name is all of its SHA-256 in hex."""
    assert bundle_path(bytes(range(32))) == "bundle/" + bytes(range(32)).hex()
