"""The ``lamplighter`` command. Exit codes: 0 done, 1 failed or refused, 2 wrong use, 130 interrupted."""

from __future__ import annotations

from typing import Any

import click

from lamplighter.gateway.commands import audit, journal, kind, line, node, start, task


class _Group(click.Group):
    """Turns what can go wrong outside into one sentence and an exit code; a traceback is a bug of ours."""

    def invoke(self, ctx: click.Context) -> Any:
        from lamplighter.gateway.adapters.mqtt import LinkError
        from lamplighter.gateway.api.client import Refused

        try:
            return super().invoke(ctx)
        except Refused as refused:
            _say_refused(refused.error)
            ctx.exit(1)
        except LinkError as error:
            click.echo(f"lamplighter: {error}", err=True)
            ctx.exit(1)


def _say_refused(error: dict[str, Any]) -> None:
    where = f" (at {error['path']})" if error.get("path") else ""
    click.echo(f"refused: {error.get('message')}{where} [{error.get('code')}]", err=True)
    if error.get("hint"):
        click.echo(f"hint: {error['hint']}", err=True)


@click.group(cls=_Group, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="lamplighter")
def main() -> None:
    """Turns the idle time of a city's street hardware into verified city computing, and pays for it.

    \b
    Start with:  lamplighter demo
    or:          lamplighter up            (a gateway with its own broker)
                 lamplighter sim --devices 8   (in another terminal: a street of devices)
    """


for command in (start.demo, start.up, start.sim, line.line, task.task, kind.kind, node.node, audit.audit,
                audit.epoch, journal.journal):
    main.add_command(command)
