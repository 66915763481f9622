"""``lamplighter node``: see, enrol and revoke devices."""

from __future__ import annotations

import json
from pathlib import Path

import click

from lamplighter.gateway.commands.common import (
    broker_option,
    data_option,
    examples,
    json_option,
    show,
    show_table,
    site_option,
    where,
    with_client,
)


@click.group()
def node() -> None:
    """See and manage devices."""


@node.command("list", epilog=examples("node list", "node list --json"))
@broker_option
@data_option
@site_option
@json_option
def node_list(broker: str, data: Path, site: str, as_json: bool) -> None:
    """Lists devices with their spare share, standing and credits."""
    told = with_client(broker, data, site, lambda client: client.call("node.list"))
    columns = ("node", "owner", "state", "board", "spare", "room", "open", "score", "lies", "pending",
               "settled")
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
    told = with_client(url, data, site, lambda c: c.call("node.enrol", nodes=[{"key": key, "owner": owner}]))
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
    show(with_client(broker, data, site, lambda client: client.call("node.revoke", node=name)), as_json)
