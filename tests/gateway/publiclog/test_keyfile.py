import pytest

from lamplighter.gateway.ledger.leaves import LedgerError
from lamplighter.gateway.publiclog.keyfile import load_key, make_key, seal_key


def test_made_once_and_read_again(tmp_path):
    """A new key is written for its user alone and read back as the same key."""
    path = tmp_path / "keys" / "log.pem"
    key = make_key(path)
    assert path.stat().st_mode & 0o777 == 0o600
    again = load_key(path)
    assert again is not None and again.private_bytes_raw() == key.private_bytes_raw()


def test_no_file(tmp_path):
    """Where there is no file there is no key."""
    assert load_key(tmp_path / "none") is None


def test_no_flipped_bit_is_taken(tmp_path):
    """Each bit of the file, one after another, is noticed."""
    path = tmp_path / "log.key"
    make_key(path)
    whole = path.read_bytes()
    for bit in range(8 * len(whole)):
        flipped = bytearray(whole)
        flipped[bit // 8] ^= 1 << bit % 8
        path.write_bytes(flipped)
        with pytest.raises(LedgerError, match=r"log\.key is damaged"):
            load_key(path)


def test_a_key_of_an_earlier_version(tmp_path):
    """A PEM alone is taken, and has its hash once it is sealed; a damaged one is no traceback."""
    path = tmp_path / "log.key"
    key = make_key(path)
    whole = path.read_bytes()
    alone = whole[:whole.index(b"sha256")]
    for bit in range(8 * 40, 8 * 72):   # what says which algorithm it is for
        flipped = bytearray(alone)
        flipped[bit // 8] ^= 1 << bit % 8
        path.write_bytes(flipped)
        try:
            load_key(path)
        except LedgerError as error:
            assert "log.key is damaged" in str(error)
    path.write_bytes(alone)
    seal_key(path, load_key(path))
    assert path.read_bytes() == whole and load_key(path).private_bytes_raw() == key.private_bytes_raw()


@pytest.mark.parametrize("content", [b"", b"-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n"])
def test_something_else(tmp_path, content):
    """A file that holds no Ed25519 key is refused by name, never replaced."""
    path = tmp_path / "log.pem"
    path.write_bytes(content)
    with pytest.raises(LedgerError, match=r"log\.pem"):
        load_key(path)
    assert path.read_bytes() == content
