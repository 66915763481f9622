"""The ``lamplighter`` command. Exit codes: 0 done, 1 failed or refused, 2 wrong use, 130 interrupted.

With ``--json`` standard output has one JSON document also when something fails: ``{"ok": false, "error": {code,
message, hint, path, retryable}}``.
"""

from __future__ import annotations

import json
from typing import Any

import click

from lamplighter.gateway.commands import audit, journal, kind, line, node, start, task


class _Group(click.Group):
    """Turns what can go wrong outside into one sentence, or one JSON document with ``--json``, and an exit code; a
    traceback is a bug of ours."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        ctx.meta["json"] = "--json" in args
        return super().parse_args(ctx, args)

    def invoke(self, ctx: click.Context) -> Any:
        from lamplighter.gateway.adapters.mqtt import LinkError
        from lamplighter.gateway.api.client import Refused

        try:
            return super().invoke(ctx)
        except (Refused, LinkError, click.ClickException) as error:
            if ctx.meta["json"]:
                click.echo(json.dumps({"ok": False, "error": _as_dict(error)}))   # where the answer would have been
            elif isinstance(error, click.ClickException):
                raise
            elif isinstance(error, Refused):
                _say_refused(error.error)
            else:
                click.echo(f"lamplighter: {error}", err=True)
            ctx.exit(getattr(error, "exit_code", 1))


def _as_dict(error: Exception) -> dict[str, Any]:
    """A refusal as it came, anything else as one of that shape."""
    told = {"code": "no_answer", "message": str(error), "hint": "", "path": "", "retryable": False}
    if isinstance(error, click.ClickException):
        told["code"] = "wrong_use" if isinstance(error, click.UsageError) else "failed"
        told["message"] = error.format_message()
    return getattr(error, "error", told)


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
