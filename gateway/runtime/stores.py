"""What a gateway keeps: journal, registry, public log, and the number of this start."""

from __future__ import annotations

from contextlib import ExitStack
from typing import NamedTuple

from lamplighter.gateway.adapters.clock import next_boot
from lamplighter.gateway.adapters.registry import Registry
from lamplighter.gateway.adapters.store import Store
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
    registry = Registry.open(settings.data)
    stack.callback(registry.close)
    public = PublicLog.open(settings.public_folder, settings.data / "log.key", settings.site)
    return Stores(journal, registry, public, next_boot(settings.data / "boot"))
