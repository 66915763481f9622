"""``lamplighter journal``: what a stopped gateway has kept, checked and brought up to this version."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import click

from lamplighter.gateway.commands.common import data_option, examples, json_option


@click.group()
def journal() -> None:
    """Check and migrate the journal of a gateway that does not run."""


@contextmanager
def _one_sentence() -> Iterator[None]:
    from lamplighter.gateway.adapters.store import StoreError

    try:
        yield
    except StoreError as error:
        raise click.ClickException(str(error)) from None


def _tell(told: dict[str, Any], text: str, as_json: bool) -> None:
    click.echo(json.dumps(told) if as_json else text)


@contextmanager
def _bar(total: int) -> Iterator[Callable[[int], object]]:
    """To be called with so many more rows; shows nothing in a pipe."""
    from rich.console import Console
    from rich.progress import Progress

    console = Console(stderr=True)
    with Progress(console=console, transient=True, disable=not console.is_terminal) as bars:
        task = bars.add_task("rows", total=total)
        yield lambda rows: bars.advance(task, rows)


@journal.command("verify", epilog=examples("journal verify", "journal verify --data /var/lib/lamplighter"))
@data_option
@json_option
def journal_verify(data: Path, as_json: bool) -> None:
    """Checks that all of the journal is what was written. Exit 0 it is, 1 it is not or cannot be checked."""
    from lamplighter.gateway.adapters.opening import newest
    from lamplighter.gateway.adapters.store import Store

    path = data / "journal.db"
    with _one_sentence():
        store = Store.open(newest(path))
        try:
            rows = store.rows()
            with _bar(rows) as seen:
                store.verify(seen)
        finally:
            store.release()
    _tell({"journal": str(path), "rows": rows}, f"The journal {path} is whole: {rows} rows are what was written.",
          as_json)


@journal.command("migrate", epilog=examples("journal migrate --dry-run", "journal migrate"))
@data_option
@click.option("--dry-run", is_flag=True, help="Only say what would change.")
@json_option
def journal_migrate(data: Path, dry_run: bool, as_json: bool) -> None:
    """Brings the journal of an older version up to this one, as each start of the gateway does."""
    from lamplighter.gateway.adapters.opening import migrate
    from lamplighter.gateway.adapters.schema import SCHEMA_VERSION

    path = data / "journal.db"
    with _one_sentence():
        made = migrate(path, dry_run)
    told = {"journal": str(path), "from": made.version if made else SCHEMA_VERSION, "to": SCHEMA_VERSION,
            "rows": made.rows if made else {}, "dry_run": dry_run}
    if made is None:
        _tell(told, f"The journal {path} is of this version ({SCHEMA_VERSION}): nothing to do."
              " Whether it is whole says `lamplighter journal verify`.", as_json)
        return
    kept = ", ".join(f"{table} {rows}" for table, rows in made.rows.items())
    _tell(told, f"The journal {path} {'would become' if dry_run else 'is now'} version {SCHEMA_VERSION}, was"
                f" {made.version}; rows kept: {kept}.", as_json)
