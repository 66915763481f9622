"""What a gateway keeps, opened together."""

from contextlib import ExitStack

import pytest

from lamplighter.gateway.adapters.store import Store, StoreError
from lamplighter.gateway.runtime.settings import Settings
from lamplighter.gateway.runtime.stores import open_stores


def test_everything_is_below_the_data_folder(tmp_path):
    """Journal, registry, key, log; the next start has the next number and the same network."""
    seen = []
    for _ in range(2):
        with ExitStack() as stack:
            stores = open_stores(Settings(data=tmp_path / "data"), stack)
            seen.append((stores.boot, stores.public.net))
    assert [boot for boot, _ in seen] == [1, 2] and seen[0][1] == seen[1][1]
    assert {"journal.db", "registry.json", "log.key", "public", "boot"} <= {
        path.name for path in (tmp_path / "data").iterdir()}


def test_the_public_log_may_be_elsewhere(tmp_path):
    """Where a web server publishes it."""
    with ExitStack() as stack:
        open_stores(Settings(data=tmp_path / "data", public=tmp_path / "www"), stack)
    assert (tmp_path / "www" / "checkpoint").exists() and not (tmp_path / "data" / "public").exists()


def test_what_was_opened_is_closed_when_the_rest_cannot_be(tmp_path):
    """A gateway that does not start leaves the journal to the next."""
    settings = Settings(data=tmp_path)
    (tmp_path / "boot").write_text("not a number")
    with pytest.raises(ValueError, match="not a number"), ExitStack() as stack:
        open_stores(settings, stack)
    Store.open(tmp_path / "journal.db").close()


def test_two_gateways_do_not_share_a_folder(tmp_path):
    """The second is told so."""
    with ExitStack() as stack:
        open_stores(Settings(data=tmp_path), stack)
        with pytest.raises(StoreError, match="in use by another gateway"):
            open_stores(Settings(data=tmp_path), stack)
