import base64

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given, settings
from hypothesis import strategies as st

from lamplighter.gateway.ledger import note
from lamplighter.gateway.ledger.leaves import LedgerError

EXAMPLES = settings(deadline=None, max_examples=60)

KEY = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
PUBLIC = KEY.public_key().public_bytes_raw()
CHECKPOINT = note.Checkpoint("lamplighter/demo/0123456789abcdef", 42, bytes(range(32)))
SIGNED = note.sign(CHECKPOINT, KEY).encode()


@pytest.mark.parametrize(
    "verifier",
    [
        "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW",
        "sum.golang.org+033de0ae+Ac4zctda0e5eza+HJyk9SxEdh+s3Ux18htTTAD8OuAn8",
    ],
)
def test_key_ids_of_others(verifier):
    """Published verifier keys of signed notes have the ids that we compute."""
    name, _, raw = verifier.split("+", 2)
    assert note.verifier_key(name, base64.b64decode(raw)[1:]) == verifier


def test_form():
    """A checkpoint is origin, size and root, an empty line, and a signature line of 68 bytes in base64."""
    lines = SIGNED.decode().split("\n")
    assert lines[:4] == [CHECKPOINT.origin, "42", "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=", ""]
    assert lines[4].startswith(f"\u2014 {CHECKPOINT.origin} ") and lines[5:] == [""]
    assert len(base64.b64decode(lines[4].split(" ")[2])) == 4 + 64


def test_comes_back():
    """What was signed is read back by the holder of the public key."""
    assert note.check(SIGNED, PUBLIC) == CHECKPOINT


def test_cosignatures_are_passed_over():
    """A line by a witness whose key is unknown does not matter, before or after ours."""
    head, ours = SIGNED.decode().split("\n\n")
    witness = "\u2014 witness.example/w AAAAAAAA\n"
    for lines in (witness + ours, ours + witness):
        assert note.check(f"{head}\n\n{lines}".encode(), PUBLIC) == CHECKPOINT


def test_another_key():
    """A checkpoint that another key signed is refused."""
    other = Ed25519PrivateKey.from_private_bytes(bytes(32))
    with pytest.raises(LedgerError, match="not signed by the key"):
        note.check(note.sign(CHECKPOINT, other).encode(), PUBLIC)


def test_every_bit_counts():
    """No bit of a signed checkpoint can be flipped."""
    for at in range(len(SIGNED)):
        for bit in range(8):
            bad = bytearray(SIGNED)
            bad[at] ^= 1 << bit
            with pytest.raises(LedgerError):
                note.check(bytes(bad), PUBLIC)


def test_every_cut_counts():
    """No end of a signed checkpoint can be left off."""
    for end in range(len(SIGNED)):
        with pytest.raises(LedgerError):
            note.check(SIGNED[:end], PUBLIC)


@EXAMPLES
@given(st.binary(max_size=200) | st.text(max_size=200).map(str.encode))
def test_anything(data):
    """Whatever the bytes, LedgerError is all that comes of them."""
    with pytest.raises(LedgerError):
        note.check(data, PUBLIC)


@pytest.mark.parametrize("size", ["0", "042", "-1", "+1", "1" * 19, "\u0664", "1 ", ""])
def test_sizes_have_one_spelling(size):
    """A size is a positive number without signs, spaces or leading zeros."""
    with pytest.raises(LedgerError, match=r"size|empty"):
        note.parse(SIGNED.replace(b"\n42\n", f"\n{size}\n".encode()))
