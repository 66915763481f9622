"""What a gateway keeps, opened together."""

from contextlib import ExitStack

import pytest

from lamplighter.gateway.adapters.clock import ClockError
from lamplighter.gateway.adapters.registry import RegistryError
from lamplighter.gateway.adapters.store import Store, StoreError
from lamplighter.gateway.core import effects as f
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
    with pytest.raises(ClockError, match="boot is damaged"), ExitStack() as stack:
        open_stores(settings, stack)
    Store.open(tmp_path / "journal.db").close()


@pytest.fixture
def lived(tmp_path, prove):
    """The settings of a gateway that has enrolled a device and sealed its epoch 0."""
    settings = Settings(data=tmp_path / "data")
    with ExitStack() as stack:
        stores = open_stores(settings, stack)
        (device,) = stores.registry.enrol([(b"k" * 32, "anna")], 0)
        stores.public.register(device.name, "anna")
        stores.journal.commit([f.KeepEpoch(1)])
        stores.public.seal(0, [(prove(stores.public.net, device.name, 1), 100, "ok")])
    return settings


def test_what_agrees_is_opened_again(lived):
    """Also where a crash came between the seal and the journal's forgetting."""
    with ExitStack() as stack:
        assert open_stores(lived, stack).journal.unsealed() == [0]


def test_a_journal_that_is_missing_or_old_is_refused(lived):
    """The log has sealed what it does not know of: going on would end at the next seal."""
    for path in lived.data.glob("journal.db*"):
        path.unlink()
    with pytest.raises(StoreError, match=r"old copy.*has sealed 0 already.*newest copy"), ExitStack() as stack:
        open_stores(lived, stack)


def test_a_registry_that_is_gone_is_refused(lived):
    """Else its devices could be enrolled anew, for others, and those that were revoked too."""
    for path in lived.data.glob("registry*.json"):
        path.unlink()
    with pytest.raises(RegistryError, match="knows 1 devices"), ExitStack() as stack:
        open_stores(lived, stack)


def test_two_gateways_do_not_share_a_folder(tmp_path):
    """The second is told so."""
    with ExitStack() as stack:
        open_stores(Settings(data=tmp_path), stack)
        with pytest.raises(StoreError, match="in use by another gateway"):
            open_stores(Settings(data=tmp_path), stack)


def test_a_count_of_starts_that_is_gone_is_no_first_start(lived):
    """Numbers of events would begin anew, and clients drop what is lower than what they have seen."""
    (lived.data / "boot").unlink()
    with pytest.raises(ClockError, match="boot is missing"), ExitStack() as stack:
        open_stores(lived, stack)


def copied(folder, *names):
    """What these files hold now."""
    return {path: path.read_bytes() for name in names for path in folder.glob(name)}


def opened(settings):
    """The number of a whole life."""
    with ExitStack() as stack:
        return open_stores(settings, stack).boot


def test_an_older_journal_of_the_same_epoch_is_refused(lived):
    """It has seen fewer starts than were counted; a person may go on with it all the same, and they go on rising."""
    assert opened(lived) == 2
    old = copied(lived.data, "journal.db")
    assert opened(lived) == 3
    (path, content), = old.items()
    path.write_bytes(content)
    for _ in range(2):
        with pytest.raises(StoreError, match=r"has seen 2 starts, and .*boot has counted 3.*write 3 into"):
            opened(lived)
    (lived.data / "boot").write_text("3")
    assert [opened(lived), opened(lived)] == [4, 5]


def test_a_new_journal_beside_old_starts_is_refused(tmp_path):
    """Also before anything was sealed."""
    settings = Settings(data=tmp_path)
    assert [opened(settings), opened(settings)] == [1, 2]
    (tmp_path / "journal.db").unlink()
    with pytest.raises(StoreError, match="missing or an old copy: it has seen 0 starts"):
        opened(settings)


@pytest.mark.parametrize("damage", [lambda old: old, lambda _: b"1"], ids=["an old copy", "a lower number"])
def test_starts_rise_whatever_the_file_says(tmp_path, damage):
    """The journal knows them too: numbers of events rise with them, and clients drop what is lower."""
    settings = Settings(data=tmp_path)
    assert opened(settings) == 1
    old = (tmp_path / "boot").read_bytes()
    assert [opened(settings), opened(settings)] == [2, 3]
    (tmp_path / "boot").write_bytes(damage(old))
    assert [opened(settings), opened(settings)] == [4, 5]
