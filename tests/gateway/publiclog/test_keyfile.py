import pytest

from lamplighter.gateway.ledger.leaves import LedgerError
from lamplighter.gateway.publiclog.keyfile import load_key, make_key


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


@pytest.mark.parametrize("content", [b"", b"-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n"])
def test_something_else(tmp_path, content):
    """A file that holds no Ed25519 key is refused by name, never replaced."""
    path = tmp_path / "log.pem"
    path.write_bytes(content)
    with pytest.raises(LedgerError, match=r"log\.pem"):
        load_key(path)
    assert path.read_bytes() == content
