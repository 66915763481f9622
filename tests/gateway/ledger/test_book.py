import pytest

from lamplighter.gateway.ledger.book import NO_SEAL, Book
from lamplighter.gateway.ledger.leaves import (
    Genesis,
    LedgerError,
    Registration,
    Restoration,
    Revocation,
    Seal,
    encode_leaf,
)
from lamplighter.gateway.ledger.merkle import leaf_hash

GENESIS = encode_leaf(Genesis("demo", bytes(32)))
ANNA = encode_leaf(Registration(b"d" * 16, "anna"))
OUT, IN = encode_leaf(Revocation(b"d" * 16)), encode_leaf(Restoration(b"d" * 16))


def seal(epoch, previous):
    return encode_leaf(Seal(epoch, bytes(32), 0, 0, previous))


def test_the_latest_registration_counts():
    """A device belongs to whom it was registered last."""
    book = Book(GENESIS)
    book.follow(ANNA)
    book.follow(encode_leaf(Registration(b"d" * 16, "ben")))
    assert book.owners == {b"d" * 16: "ben"}


def test_who_is_revoked_can_be_restored():
    """A device is out from one leaf to the other; whose it is does not change by that."""
    book = Book(GENESIS)
    told = []
    for leaf in (ANNA, OUT, IN, OUT):
        book.follow(leaf)
        told.append(b"d" * 16 in book.revoked)
    assert told == [False, True, False, True] and book.owners == {b"d" * 16: "anna"}
    assert book.says(Revocation(b"d" * 16)) and not book.says(Restoration(b"d" * 16))


def test_a_copy_goes_on_by_itself():
    """What it follows the first book does not hear of."""
    book = Book(GENESIS)
    book.follow(ANNA)
    twin = book.copy()
    twin.follow(OUT)
    twin.follow(encode_leaf(Registration(b"d" * 16, "ben")))
    assert (book.owners, book.revoked) == ({b"d" * 16: "anna"}, set())


def test_seals_are_chained():
    """A seal follows the one before by its hash, in a later epoch; gaps between epochs are allowed."""
    book = Book(GENESIS)
    first = seal(3, NO_SEAL)
    book.follow(first)
    book.follow(seal(9, leaf_hash(first)))
    assert book.seal.epoch == 9


@pytest.mark.parametrize(
    "leaves",
    [
        [GENESIS],
        [ANNA, ANNA],
        [OUT],
        [ANNA, OUT, OUT],
        [ANNA, IN],
        [ANNA, OUT, IN, IN],
        [seal(0, b"x" * 32)],
        [seal(0, NO_SEAL), seal(1, NO_SEAL)],
        [seal(4, NO_SEAL), seal(4, leaf_hash(seal(4, NO_SEAL)))],
        [seal(4, NO_SEAL), seal(3, leaf_hash(seal(4, NO_SEAL)))],
        [b""],
    ],
)
def test_what_cannot_follow(leaves):
    """A second genesis, facts that are no news, an unchained or older seal, and noise are refused."""
    book = Book(GENESIS)
    with pytest.raises(LedgerError):
        for leaf in leaves:
            book.follow(leaf)


def test_starts_with_a_genesis():
    """A log whose first leaf is something else is refused."""
    with pytest.raises(LedgerError, match="genesis"):
        Book(ANNA)
