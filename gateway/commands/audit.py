"""``lamplighter audit`` and ``epoch``: the pay, as anyone can check it."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import click

from lamplighter.gateway.commands.common import (
    ask,
    broker_option,
    data_option,
    examples,
    json_option,
    show,
    site_option,
)


@click.group()
def audit() -> None:
    """Check the public log, from files alone and without trust in the gateway."""


def _tell(outcome: Any, as_json: bool) -> None:
    click.echo(json.dumps(outcome.data) if as_json else outcome.text)
    sys.exit(outcome.code)


public_folder = click.argument("folder", type=click.Path(path_type=Path))


@audit.command("verify", epilog=examples("audit verify demo-output/public"))
@public_folder
@click.option("--since", type=click.Path(path_type=Path), default=None, help="An older checkpoint that you kept.")
@json_option
def audit_verify(folder: Path, since: Path | None, as_json: bool) -> None:
    """Recomputes everything in FOLDER. Exit 0 all true, 1 mismatch, 2 incomplete, 3 two histories."""
    from lamplighter.gateway.publiclog.auditor import verify

    _tell(verify(folder, since), as_json)


@audit.command("explain", epilog=examples("audit explain demo-output/public 59f1c0f33cd001fb:1:17"))
@public_folder
@click.argument("receipt")
@json_option
def audit_explain(folder: Path, receipt: str, as_json: bool) -> None:
    """Says why RECEIPT (device:boot:seq, or a job's id) was paid or not."""
    from lamplighter.gateway.publiclog.auditor import explain

    _tell(explain(folder, receipt), as_json)


@audit.command("statement", epilog=examples("audit statement demo-output/public --owner anna"))
@public_folder
@click.option("--owner", required=True)
@json_option
def audit_statement(folder: Path, owner: str, as_json: bool) -> None:
    """Lists what an owner's devices earned, by epoch."""
    from lamplighter.gateway.publiclog.auditor import statement

    _tell(statement(folder, owner), as_json)


@click.group()
def epoch() -> None:
    """Settlement periods."""


@epoch.command("seal", epilog=examples("epoch seal"))
@broker_option
@data_option
@site_option
@json_option
def epoch_seal(broker: str, data: Path, site: str, as_json: bool) -> None:
    """Seals the present epoch now instead of at its end."""
    show(ask(broker, data, site, "epoch.seal"), as_json)
