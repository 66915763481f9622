"""What the commands of ``lamplighter`` share: options, how they run, how they print."""

from __future__ import annotations

import asyncio
import json
import signal
import sys
from collections.abc import Awaitable, Callable, Coroutine
from pathlib import Path
from typing import Any

import click

from lamplighter.firmware.wire import is_identifier


def refused(what: str, error: Any) -> Exception:
    """What a RequestError or a TaskError about ``what`` becomes: a refusal, though no gateway was asked."""
    from lamplighter.gateway.api.client import Refused

    return Refused({"code": error.code, "message": f"{what}: {error.message}", "hint": error.hint, "path": error.path,
                    "retryable": False})


def examples(*lines: str) -> str:
    """The end of a command's help: commands that work as they stand."""
    return "\b\nExamples:\n" + "\n".join("  lamplighter " + line for line in lines)


def identifier(_ctx: click.Context, option: click.Parameter, value: str) -> str:
    """A name for topics, as it is; none at all where the option has no default. Raises BadParameter."""
    if value != option.default and not is_identifier(value):
        raise click.BadParameter(f"{value!r} is no identifier: 1 to 32 of a-z, 0-9 and -", param=option)
    return value


broker_option = click.option(
    "--broker", envvar="LAMPLIGHTER_BROKER", default="",
    help="URL of the broker with your name and password; default: the gateway of --data.")
site_option = click.option("--site", default="", callback=identifier,
                           help="The site in topics; default: that of --data, or demo.")
data_option = click.option("--data", type=click.Path(path_type=Path), default=Path("lamplighter-data"),
                           show_default=True, help="The gateway's folder.")
json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON.")


def run(work: Coroutine[Any, Any, Any], interrupted: int = 130) -> Any:
    """Runs ``work``; Ctrl-C, SIGTERM and a closed terminal cancel it, so that all it opened is closed in order.

    ``interrupted`` is the exit code for that: 0 where being stopped is how it ends.
    """
    async def guarded() -> Any:
        task = asyncio.ensure_future(work)
        stopped = asyncio.Event()

        def stop() -> None:
            stopped.set()
            task.cancel()

        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, stop)
        if signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN:   # else `nohup` asked to stay
            loop.add_signal_handler(signal.SIGHUP, stop)
        try:
            return await task
        except asyncio.CancelledError:
            if not stopped.is_set():
                raise
            sys.exit(interrupted)

    return asyncio.run(guarded())


def where(broker: str, data: Path, site: str) -> tuple[str, str]:
    """(broker URL, site) to talk to: as given, or those of the gateway whose folder this is."""
    if broker:
        return broker, site or "demo"
    try:
        about = json.loads((data / "address.json").read_text())
        return str(about["broker"]), site or str(about["site"])
    except (OSError, ValueError, KeyError):
        raise click.ClickException(f"no gateway has run in {data}; start one with `lamplighter up`, "
                                   "or name its broker with --broker") from None


def with_client(broker: str, data: Path, site: str, act: Callable[[Any], Awaitable[Any]]) -> Any:
    from lamplighter.gateway.api.client import Client

    async def work() -> Any:
        async with Client(*where(broker, data, site)) as client:
            return await act(client)

    return run(work())


def at_the_door(data: Path, method: str, **params: Any) -> dict[str, Any] | None:
    """What the gateway that runs on ``data`` answers, None if none does; who may use that folder may ask for all.

    Raises Refused.
    """
    from lamplighter.gateway.adapters.door import Closed, ask
    from lamplighter.gateway.api.client import Refused

    try:
        told = ask(data, method, **params)
    except Closed:
        return None
    except OSError as error:
        raise click.ClickException(f"the gateway of {data} cannot be asked ({error}); ask again") from None
    if not told["ok"]:
        raise Refused(told["error"])
    answer: dict[str, Any] = told["data"]
    return answer


def ask(broker: str, data: Path, site: str, method: str, **params: Any) -> dict[str, Any]:
    """The answer of the gateway of ``data`` at its door; with ``broker``, or where nobody is in, over the broker.

    Raises Refused, LinkError.
    """
    told = None if broker else at_the_door(data, method, **params)
    if told is None:
        told = with_client(broker, data, site, lambda client: client.call(method, **params))
    answer: dict[str, Any] = told
    return answer


def show(told: dict[str, Any], as_json: bool) -> None:
    if as_json:
        click.echo(json.dumps(told))
        return
    for key, value in told.items():
        click.echo(f"{key}: {json.dumps(value) if isinstance(value, (dict, list)) else value}")


def show_table(rows: list[dict[str, Any]], columns: tuple[str, ...], as_json: bool) -> None:
    if as_json:
        click.echo(json.dumps(rows))
        return
    from rich.console import Console
    from rich.table import Table

    console = Console(markup=False)   # what devices call themselves is text
    table = Table(box=None)
    for column in columns:
        table.add_column(column, overflow="fold")
    for row in rows:
        table.add_row(*("" if row.get(column) is None else str(row[column]) for column in columns))
    if not console.is_terminal:
        console.width = 240   # a pipe cuts nothing off
    console.print(table)
