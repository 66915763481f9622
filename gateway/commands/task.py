"""``lamplighter task``: submit, follow, price, cancel and list tasks."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import click

from lamplighter.gateway.commands.common import (
    broker_option,
    data_option,
    examples,
    json_option,
    refused,
    show,
    show_table,
    site_option,
    with_client,
)


@click.group()
def task() -> None:
    """Submit tasks, follow them, read their answers."""


def _document(file: Any, method: str) -> dict[str, Any]:
    """The request in a file, without what the client adds itself."""
    from lamplighter.gateway.api.requests import RequestError, read

    try:
        document = read(method, file.read())
    except RequestError as error:
        raise refused(file.name, error) from None
    return {key: value for key, value in document.items() if key not in ("cid", "reply_to")}


@task.command("submit", epilog=examples("task submit rush-hour.json --watch --out answers/"))
@click.argument("file", type=click.File("rb"))
@click.option("--watch", "follow", is_flag=True, help="Stay until the answer is there.")
@click.option("--out", type=click.Path(path_type=Path), default=None, help="With --watch: folder of its files.")
@click.option("--verify", "loop", is_flag=True, help="With --watch: also run the answer in a simulator that is "
              "installed here, such as SUMO, and print what it finds.")
@broker_option
@data_option
@site_option
@json_option
def task_submit(file: Any, follow: bool, out: Path | None, loop: bool, broker: str, data: Path, site: str,
                as_json: bool) -> None:
    """Publishes the task in FILE (a JSON document; - for standard input)."""
    document = _document(file, "task.submit")
    if loop and not follow:
        raise click.UsageError("--verify needs --watch")

    async def act(client: Any) -> Any:
        told = await client.call("task.submit", **document)
        if not follow:
            return told
        return await _follow(client, told["task"], as_json)

    told = with_client(broker, data, site, act)
    if loop and told.get("ok"):
        told["verified"] = _verified(document, told)
    _finish(told, as_json, out)


def _verified(document: dict[str, Any], told: dict[str, Any]) -> dict[str, Any]:
    """What a simulator on this computer finds of an answer, by its kind's ``verify``; or why it finds nothing."""
    from lamplighter.tasks.api import TaskError
    from lamplighter.tasks.registry import load_kinds

    kind = load_kinds().get(document["kind"])
    if kind is None or kind.verify is None:
        return {"text": f"No simulator is known for {document['kind']}."}
    try:
        return kind.verify(document["input"], told["result"]["data"])
    except TaskError as error:
        return {"text": f"Not verified: {error.message}; {error.hint}", "error": error.code}


@task.command("watch", epilog=examples("task watch rush-hour", "task watch rush-hour --json"))
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

    _finish(with_client(broker, data, site, act), as_json, out)


async def _follow(client: Any, name: str, quiet: bool) -> dict[str, Any]:
    """Progress in the terminal until the result comes."""
    from lamplighter.gateway.commands.progress import Progress

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
        from lamplighter.gateway.commands.progress import answer_text

        click.echo(answer_text(told))
        if "verified" in told:
            click.echo(told["verified"]["text"])
    if told.get("ok") and out is not None and "result" in told:
        from lamplighter.gateway.commands.progress import write_files

        for path in write_files(told, out):
            click.echo(f"wrote {path}", err=True)
    if told.get("ok") is False:
        if not as_json:
            click.echo(f"task {told['task']} failed: {told['error']['message']} [{told['error']['code']}]", err=True)
        sys.exit(1)


@task.command("price", epilog=examples("task price rush-hour.json"))
@click.argument("file", type=click.File("rb"))
@broker_option
@data_option
@site_option
@json_option
def task_price(file: Any, broker: str, data: Path, site: str, as_json: bool) -> None:
    """Says what the task in FILE would cost and how long it would take, without running it."""
    document = _document(file, "task.price")
    told = with_client(broker, data, site, lambda client: client.call("task.price", **document))
    show(told, as_json)


@task.command("cancel", epilog=examples("task cancel rush-hour"))
@click.argument("name")
@broker_option
@data_option
@site_option
@json_option
def task_cancel(name: str, broker: str, data: Path, site: str, as_json: bool) -> None:
    """Cancels the task NAME; devices stop working on it."""
    told = with_client(broker, data, site, lambda client: client.call("task.cancel", task=name))
    show(told, as_json)


@task.command("list", epilog=examples("task list", "task list --json"))
@broker_option
@data_option
@site_option
@json_option
def task_list(broker: str, data: Path, site: str, as_json: bool) -> None:
    """Lists tasks with their progress."""
    told = with_client(broker, data, site, lambda client: client.call("task.list"))
    columns = ("task", "kind", "state", "jobs_done", "jobs_total", "here", "jobs_per_s", "waits_for", "setback")
    show_table(told["tasks"], columns, as_json)
