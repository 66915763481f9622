"""The ``lamplighter`` command. Exit codes: 0 done, 1 failed or refused, 2 wrong use, 130 interrupted."""

from __future__ import annotations

import asyncio
import json
import logging
import os
import signal
import sys
from collections.abc import Awaitable, Callable, Coroutine
from pathlib import Path
from typing import Any

import click

EXAMPLES = {
    "up": "lamplighter up\n  lamplighter up --data /var/lib/lamplighter --broker mqtts://gw1:PASSWORD@broker:8883?ca=ca.pem",
    "sim": "lamplighter sim --devices 8\n  lamplighter sim --devices 20 --owners 4 --broker mqtt://operator:PASSWORD@127.0.0.1:1883",
    "submit": "lamplighter task submit rush-hour.json --watch",
}


class _Group(click.Group):
    """Turns what can go wrong outside into one sentence and an exit code; a traceback is a bug of ours."""

    def invoke(self, ctx: click.Context) -> Any:
        from gateway.adapters.mqtt import LinkError
        from gateway.client import Refused

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


broker_option = click.option(
    "--broker", envvar="LAMPLIGHTER_BROKER", default="",
    help="URL of the broker with your name and password; default: the gateway of --data.")
site_option = click.option("--site", default="demo", show_default=True, help="The site in topics.")
data_option = click.option("--data", type=click.Path(path_type=Path), default=Path("lamplighter-data"),
                           show_default=True, help="The gateway's folder.")
json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON.")


def _run(work: Coroutine[Any, Any, Any], interrupted: int = 130) -> Any:
    """Runs ``work``; SIGINT and SIGTERM cancel it, so that everything it opened is closed in order.

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
        try:
            return await task
        except asyncio.CancelledError:
            if not stopped.is_set():
                raise
            sys.exit(interrupted)

    return asyncio.run(guarded())


@main.command(epilog="\b\nExamples:\n  " + EXAMPLES["up"])
@data_option
@click.option("--broker", default="", help="URL of a broker to use instead of the embedded one.")
@site_option
@click.option("--name", default="gw1", show_default=True, help="This gateway's name in topics.")
@click.option("--public", type=click.Path(path_type=Path), default=None, help="Folder of the public log.")
@click.option("--http-host", default="127.0.0.1", show_default=True, help="Address of the status page.")
@click.option("--http-port", default=8480, show_default=True, help="Port of the status page; 0 takes a free one.")
@click.option("--mqtt-port", default=0, help="Port of the embedded broker; 0 keeps the last, or takes a free one.")
@click.option("--epoch-s", default=600, show_default=True, help="Length of a settlement period in seconds.")
@click.option("--print-urls", is_flag=True, help="Print the operator's broker URL and the page's, for scripts.")
@click.option("-v", "--verbose", is_flag=True, help="Log more.")
def up(print_urls: bool, verbose: bool, **options: Any) -> None:
    """Runs a gateway until Ctrl-C; the next start resumes every task."""
    from gateway.app import Address, StartError, serve
    from gateway.settings import Settings

    logging.basicConfig(level=logging.INFO if verbose else logging.WARNING, format="%(levelname)s %(message)s")
    settings = Settings(**options)

    def ready(address: Address) -> None:
        from gateway.adapters.files import write_atomically

        about = {"broker": address.operator, "page": address.page, "site": settings.site}
        write_atomically(settings.data / "address.json", json.dumps(about).encode())
        if print_urls:
            click.echo(f"broker {address.operator}\npage {address.page}")
        else:
            click.echo(f"gateway {settings.name} of site {settings.site!r} is up: broker {address.broker}, "
                       f"page {address.page}, data in {settings.data}. Ctrl-C stops it.")
        sys.stdout.flush()

    async def _up() -> None:
        await serve(settings, ready)

    try:
        _run(_up(), 0)
    except StartError as error:
        raise click.ClickException(_sentence(error)) from None


def _sentence(error: BaseException) -> str:
    if isinstance(error, OSError) and error.strerror:
        return f"{error.filename or ''}: {error.strerror}; choose another --data or free the port.".lstrip(": ")
    return str(error)


def _address(broker: str, data: Path) -> str:
    """The broker to talk to: as given, or that of the gateway whose folder this is."""
    if broker:
        return broker
    try:
        return str(json.loads((data / "address.json").read_text())["broker"])
    except (OSError, ValueError, KeyError):
        raise click.ClickException(f"no gateway has run in {data}; start one with `lamplighter up`, "
                                   "or name its broker with --broker") from None


def _with_client(broker: str, data: Path, site: str, act: Callable[[Any], Awaitable[Any]]) -> Any:
    from gateway.client import Client

    async def work() -> Any:
        async with Client(_address(broker, data), site) as client:
            return await act(client)

    return _run(work())


@main.command(epilog="\b\nExamples:\n  " + EXAMPLES["sim"])
@click.option("--devices", default=8, show_default=True, help="How many.")
@click.option("--owners", default=0, help="Among how many owners; default: one for every two devices, at least two.")
@click.option("--duty", default="300", show_default=True,
              help="Permille of time each spends on its own duty; a,b makes it vary from a to b.")
@click.option("--heap-kb", default=128, show_default=True, help="Heap of each device in KB.")
@click.option("--folder", type=click.Path(path_type=Path), default=None,
              help="Where devices keep their state and keys; default: sim/ beside --data.")
@broker_option
@data_option
@site_option
def sim(devices: int, owners: int, duty: str, heap_kb: int, folder: Path | None, broker: str, data: Path,
        site: str) -> None:
    """Joins simulated devices to a gateway: real MicroPython processes that run the real firmware."""
    from gateway.street import Street

    least, _, most = duty.partition(",")
    duties = range(int(least), int(most or least) + 1)

    async def _sim() -> None:
        street = Street(_address(broker, data), site, folder or data / "sim", heap_kb * 1024)
        await street.enrol(devices, owners, duties)
        await street.start()
        try:
            click.echo(f"{devices} devices of {len(street.owners)} owners on {street.runtime}. Ctrl-C stops them.")
            await asyncio.Event().wait()
        finally:
            await street.stop()

    _run(_sim(), 0)


@main.group()
def task() -> None:
    """Submit tasks, follow them, read their answers."""


@task.command("submit", epilog="\b\nExample:\n  " + EXAMPLES["submit"])
@click.argument("file", type=click.File("rb"))
@click.option("--watch", "follow", is_flag=True, help="Stay until the answer is there.")
@click.option("--out", type=click.Path(path_type=Path), default=None, help="With --watch: folder of its files.")
@broker_option
@data_option
@site_option
@json_option
def task_submit(file: Any, follow: bool, out: Path | None, broker: str, data: Path, site: str, as_json: bool) -> None:
    """Publishes the task in FILE (a JSON document; - for standard input)."""
    from gateway.rpc import METHODS, RequestError, loads

    try:
        document = loads(file.read())
    except RequestError as error:
        raise click.ClickException(f"{file.name}: {error.message}; {error.hint}") from None
    unknown = set(document) - METHODS["task.submit"]
    if unknown:
        raise click.ClickException(f"{file.name}: unknown field {sorted(unknown)[0]!r}")

    async def act(client: Any) -> Any:
        told = await client.call("task.submit", **{k: v for k, v in document.items() if k not in ("cid", "reply_to")})
        if not follow:
            return told
        return await _follow(client, told["task"], as_json)

    _finish(_with_client(broker, data, site, act), as_json, out)


@task.command("watch")
@click.argument("name")
@click.option("--out", type=click.Path(path_type=Path), default=None, help="Write the answer's files here.")
@broker_option
@data_option
@site_option
@json_option
def task_watch(name: str, out: Path | None, broker: str, data: Path, site: str, as_json: bool) -> None:
    """Follows the task NAME until its answer is there, and prints it."""
    async def act(client: Any) -> Any:
        await client.call("task.get", task=name)
        return await _follow(client, name, as_json)

    _finish(_with_client(broker, data, site, act), as_json, out)


async def _follow(client: Any, name: str, quiet: bool) -> dict[str, Any]:
    """Progress in the terminal until the result comes."""
    from gateway.progress import Progress

    with Progress([name], quiet) as progress:
        while True:
            task, leaf, document = await client.next()
            if task != name:
                continue
            progress.show(task, leaf, document)
            if leaf == "result":
                return dict(document)


def _finish(told: dict[str, Any], as_json: bool, out: Path | None) -> None:
    """Prints a reply or a result; exit code 1 for a failed task."""
    if as_json:
        click.echo(json.dumps(told))
    elif "result" not in told and "error" not in told:
        click.echo(f"task {told['task']} is {told['state']}; follow it with: lamplighter task watch {told['task']}")
    elif told.get("ok"):
        from gateway.progress import answer_text

        click.echo(answer_text(told))
    if told.get("ok") and out is not None and "result" in told:
        from gateway.progress import write_files

        for path in write_files(told, out):
            click.echo(f"wrote {path}", err=True)
    if told.get("ok") is False:
        if not as_json:
            click.echo(f"task {told['task']} failed: {told['error']['message']} [{told['error']['code']}]", err=True)
        sys.exit(1)


@task.command("price")
@click.argument("file", type=click.File("rb"))
@broker_option
@data_option
@site_option
@json_option
def task_price(file: Any, broker: str, data: Path, site: str, as_json: bool) -> None:
    """Says what the task in FILE would cost and how long it would take, without running it."""
    from gateway.rpc import RequestError, loads

    try:
        document = loads(file.read())
    except RequestError as error:
        raise click.ClickException(f"{file.name}: {error.message}; {error.hint}") from None
    told = _with_client(broker, data, site, lambda client: client.call(
        "task.price", **{k: v for k, v in document.items() if k not in ("cid", "reply_to")}))
    _print(told, as_json)


@task.command("cancel")
@click.argument("name")
@broker_option
@data_option
@site_option
@json_option
def task_cancel(name: str, broker: str, data: Path, site: str, as_json: bool) -> None:
    """Cancels the task NAME; devices stop working on it."""
    told = _with_client(broker, data, site, lambda client: client.call("task.cancel", task=name))
    _print(told, as_json)


@task.command("list")
@broker_option
@data_option
@site_option
@json_option
def task_list(broker: str, data: Path, site: str, as_json: bool) -> None:
    """Lists tasks with their progress."""
    told = _with_client(broker, data, site, lambda client: client.call("task.list"))
    _table(told["tasks"], ("task", "kind", "state", "jobs_done", "jobs_total", "jobs_per_s", "waits_for"), as_json)


@main.group()
def node() -> None:
    """See and manage devices."""


@node.command("list")
@broker_option
@data_option
@site_option
@json_option
def node_list(broker: str, data: Path, site: str, as_json: bool) -> None:
    """Lists devices with their spare share, standing and credits."""
    told = _with_client(broker, data, site, lambda client: client.call("node.list"))
    columns = ("node", "owner", "state", "board", "spare", "room", "open", "score", "lies", "earned_kop")
    _table(told["nodes"], columns, as_json)


@node.command("enrol")
@click.option("--owner", required=True, help="Who is paid for the device.")
@click.option("--key", default="", help="Its enrolment key, 64 hex digits; default: a new one, printed once.")
@broker_option
@data_option
@site_option
@json_option
def node_enrol(owner: str, key: str, broker: str, data: Path, site: str, as_json: bool) -> None:
    """Enrols a device and prints the lamplighter.json to flash to it."""
    import secrets

    from gateway.adapters.mqtt import BrokerUrl

    key = key or secrets.token_hex(32)
    url = _address(broker, data)
    told = _with_client(url, data, site, lambda c: c.call("node.enrol", nodes=[{"key": key, "owner": owner}]))
    where = BrokerUrl.parse(url)
    config = {"broker": where.host, "port": where.port, "site": told["site"], "net": told["net"], "key": key}
    if as_json:
        click.echo(json.dumps({"node": told["nodes"][0], "config": config}))
    else:
        click.echo(f"enrolled {told['nodes'][0]} for {owner}; write this to lamplighter.json on the device "
                   "and keep it secret:", err=True)
        click.echo(json.dumps(config, indent=1))


@node.command("revoke")
@click.argument("name")
@broker_option
@data_option
@site_option
@json_option
def node_revoke(name: str, broker: str, data: Path, site: str, as_json: bool) -> None:
    """Takes a device's keys away: it gets no more work, and what it sends changes nothing."""
    _print(_with_client(broker, data, site, lambda client: client.call("node.revoke", node=name)), as_json)


@main.group()
def audit() -> None:
    """Check the public log, from files alone and without trust in the gateway."""


def _tell(outcome: Any, as_json: bool) -> None:
    click.echo(json.dumps(outcome.data) if as_json else outcome.text)
    sys.exit(outcome.code)


public_folder = click.argument("folder", type=click.Path(path_type=Path))


@audit.command("verify", epilog="\b\nExample:\n  lamplighter audit verify demo-output/public")
@public_folder
@click.option("--since", type=click.Path(path_type=Path), default=None, help="An older checkpoint that you kept.")
@json_option
def audit_verify(folder: Path, since: Path | None, as_json: bool) -> None:
    """Recomputes everything in FOLDER. Exit 0 all true, 1 mismatch, 2 incomplete, 3 two histories."""
    from gateway.audit import verify

    _tell(verify(folder, since), as_json)


@audit.command("explain", epilog="\b\nExample:\n  lamplighter audit explain demo-output/public 1f3c…:1:17")
@public_folder
@click.argument("receipt")
@json_option
def audit_explain(folder: Path, receipt: str, as_json: bool) -> None:
    """Says why RECEIPT (device:boot:seq, or a job's id) was paid or not."""
    from gateway.audit import explain

    _tell(explain(folder, receipt), as_json)


@audit.command("statement")
@public_folder
@click.option("--owner", required=True)
@json_option
def audit_statement(folder: Path, owner: str, as_json: bool) -> None:
    """Lists what an owner's devices earned, by epoch."""
    from gateway.audit import statement

    _tell(statement(folder, owner), as_json)


@main.group()
def epoch() -> None:
    """Settlement periods."""


@epoch.command("seal")
@broker_option
@data_option
@site_option
@json_option
def epoch_seal(broker: str, data: Path, site: str, as_json: bool) -> None:
    """Seals the present epoch now instead of at its end."""
    _print(_with_client(broker, data, site, lambda client: client.call("epoch.seal")), as_json)


@main.command()
@click.option("--once", is_flag=True, help="End when all answers are in, also in a terminal.")
@click.option("--devices", default=10, show_default=True, help="Simulated devices.")
@click.option("--out", type=click.Path(path_type=Path), default=Path("demo-output"), show_default=True)
def demo(once: bool, devices: int, out: Path) -> None:
    """Runs the main job: a gateway, a street of devices, one task of each family, and the check of the pay."""
    from gateway.demo import run

    stay = not once and sys.stdout.isatty() and os.environ.get("DEMO") != "once"
    sys.exit(_run(run(devices, out, stay)))


def _print(told: dict[str, Any], as_json: bool) -> None:
    if as_json:
        click.echo(json.dumps(told))
        return
    for key, value in told.items():
        click.echo(f"{key}: {json.dumps(value) if isinstance(value, (dict, list)) else value}")


def _table(rows: list[dict[str, Any]], columns: tuple[str, ...], as_json: bool) -> None:
    if as_json:
        click.echo(json.dumps(rows))
        return
    from rich.console import Console
    from rich.table import Table

    table = Table(*columns)
    for row in rows:
        table.add_row(*(str(row.get(column, "")) for column in columns), style=None)
    Console().print(table)
