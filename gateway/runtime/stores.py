"""What a gateway keeps: journal, registry, public log, and the number of this start."""

from __future__ import annotations

from contextlib import ExitStack
from typing import NamedTuple

from lamplighter.gateway.adapters.clock import keep_start, last_start
from lamplighter.gateway.adapters.registry import Registry, RegistryError
from lamplighter.gateway.adapters.store import Store, StoreError
from lamplighter.gateway.publiclog.writer import PublicLog
from lamplighter.gateway.runtime.settings import Settings


class Stores(NamedTuple):
    """Open, and for one process at a time."""

    journal: Store
    registry: Registry
    public: PublicLog
    boot: int


def open_stores(settings: Settings, stack: ExitStack) -> Stores:
    """Opens everything below the data folder; it is closed with ``stack``.

    Raises StoreError, RegistryError, LedgerError, OSError, each with one sentence on what to do.
    """
    journal = Store.open(settings.data / "journal.db")
    stack.callback(journal.close)
    registry = Registry.open(settings.data, settings.policy.max_nodes)
    stack.callback(registry.close)
    public = PublicLog.open(settings.public_folder, settings.data / "log.key", settings.site)
    _agree(settings, journal, registry, public)
    return Stores(journal, registry, public, _next_start(settings, journal))


def _next_start(settings: Settings, journal: Store) -> int:
    """The number of this start. The journal is told first, so one that knows less than the file is no longer the
    newest, unless a person has written the file: to go on with what there is."""
    path = settings.data / "boot"
    said = last_start(path, not journal.commits)
    if 0 <= journal.starts < said.number and not said.by_hand:
        raise StoreError(f"The journal {settings.data / 'journal.db'} is missing or an old copy: it has seen "
                         f"{journal.starts} starts, and {path} has counted {said.number}. Restore the newest copy; "
                         f"to go on without what it does not know, write {said.number} into {path}.")
    number = max(said.number, journal.starts) + 1
    journal.started(number)
    keep_start(path, number)
    return number


def _agree(settings: Settings, journal: Store, registry: Registry, public: PublicLog) -> None:
    """Whether journal and registry are of the same life as the log, which is written after them."""
    if public.last is not None and public.last.epoch >= journal.epoch():
        raise StoreError(f"The journal {settings.data / 'journal.db'} is missing or an old copy: it is in epoch "
                         f"{journal.epoch()}, and {settings.public_folder} has sealed {public.last.epoch} already. "
                         "Restore the newest copy, or start with a new data directory.")
    if public.registered and not registry.devices():
        raise RegistryError(f"The registry in {settings.data} is empty, and {settings.public_folder} "
                            f"knows {len(public.registered)} devices. Restore registry.json, or choose a new data "
                            "directory.")
