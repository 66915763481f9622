"""``lamplighter node``: see, enrol and revoke devices; restore them and hand them over."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import click

from lamplighter.gateway.commands.common import (
    ask,
    at_the_door,
    broker_option,
    data_option,
    examples,
    json_option,
    show,
    show_table,
    site_option,
    where,
)

if TYPE_CHECKING:
    from lamplighter.gateway.adapters.registry import Device, Registry


@click.group()
def node() -> None:
    """See and manage devices."""


@node.command("list", epilog=examples("node list", "node list --json"))
@broker_option
@data_option
@site_option
@json_option
def node_list(broker: str, data: Path, site: str, as_json: bool) -> None:
    """Lists devices with their spare share, what keeps each from work, its standing and credits."""
    told = ask(broker, data, site, "node.list")
    columns = ("node", "owner", "next_owner", "state", "board", "spare", "room", "open", "why_not", "score", "lies",
               "pending", "settled")
    show_table(told["nodes"], columns, as_json)


@node.command("enrol", epilog=examples("node enrol --owner anna > lamplighter.json"))
@click.option("--owner", required=True, help="Who is paid for the device.")
@click.option("--key", default="", help="Its enrolment key, 64 hex digits; default: a new one, printed once.")
@broker_option
@data_option
@site_option
@json_option
def node_enrol(owner: str, key: str, broker: str, data: Path, site: str, as_json: bool) -> None:
    """Enrols a device and prints the lamplighter.json to flash to it."""
    import secrets

    from lamplighter.gateway.adapters.mqtt import BrokerUrl

    key = key or secrets.token_hex(32)
    url, site = where(broker, data, site)
    told = ask(broker, data, site, "node.enrol", nodes=[{"key": key, "owner": owner}])
    at = BrokerUrl.parse(url)
    config = {"broker": at.host, "port": at.port, "site": told["site"], "net": told["net"], "key": key}
    if as_json:
        click.echo(json.dumps({"node": told["nodes"][0], "config": config}))
    else:
        click.echo(f"enrolled {told['nodes'][0]} for {owner}; write this to lamplighter.json on the device "
                   "and keep it secret:", err=True)
        click.echo(json.dumps(config, indent=1))


@node.command("revoke", epilog=examples("node revoke 59f1c0f33cd001fb"))
@click.argument("name")
@broker_option
@data_option
@site_option
@json_option
def node_revoke(name: str, broker: str, data: Path, site: str, as_json: bool) -> None:
    """Takes a device's keys away: it gets no more work, and what it sends changes nothing."""
    show(ask(broker, data, site, "node.revoke", node=name), as_json)


@node.command("restore", epilog=examples("node restore 59f1c0f33cd001fb"))
@click.argument("name")
@data_option
@json_option
def node_restore(name: str, data: Path, as_json: bool) -> None:
    """Lets a revoked device take part again. Only on the gateway's computer; the public log carries it."""
    _ask(data, as_json, "node.restore", lambda registry: registry.restore(name), node=name)


@node.command("transfer", epilog=examples("node transfer 59f1c0f33cd001fb --owner ben"))
@click.argument("name")
@click.option("--owner", required=True, help="Who is paid for the device from the end of the epoch on.")
@data_option
@json_option
def node_transfer(name: str, owner: str, data: Path, as_json: bool) -> None:
    """Hands a device over to another owner at the end of the epoch; what it earned until then is not touched.

    Only on the gateway's computer; the public log carries it. Until then both count as one owner: neither checks the
    other's work.
    """
    _ask(data, as_json, "node.transfer", lambda registry: registry.transfer(name, owner), node=name, owner=owner)


def _ask(data: Path, as_json: bool, method: str, change: Callable[[Registry], Device], **params: str) -> None:
    """Through the door; where no gateway runs the registry keeps what was asked for, and the next one does it."""
    from lamplighter.gateway.adapters.registry import FILE, EnrolmentError, Registry, RegistryError
    from lamplighter.gateway.api.client import Refused

    told = at_the_door(data, method, **params)
    if told is None:
        if not (data / FILE).exists():
            raise click.ClickException(f"no gateway has run in {data}; name its folder with --data")
        try:
            device = change(Registry.open(data))
        except EnrolmentError as error:
            raise Refused({"code": error.code, "message": str(error), "hint": error.hint}) from None
        except RegistryError as error:
            raise click.ClickException(str(error)) from None
        told = {**device.standing, "note": "no gateway serves this folder: the next that starts does it"}
    show(told, as_json)
