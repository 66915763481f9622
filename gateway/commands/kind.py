"""``lamplighter kind``: list, describe, scaffold, test and weigh kinds of task."""

from __future__ import annotations

import dataclasses
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from lamplighter.gateway.commands.common import examples, json_option, refused, show_table

if TYPE_CHECKING:
    from lamplighter.tasks.api import Kind


@click.group()
def kind() -> None:
    """Kinds of task: which there are, what they take, and how to make one of your own."""


def _known(name: str) -> Kind:
    from lamplighter.tasks.registry import load_kinds, nearest

    kinds = load_kinds()
    if name not in kinds:
        raise click.ClickException(f"no kind {name!r} is installed; {nearest(name, list(kinds))}")
    return kinds[name]


@kind.command("list", epilog=examples("kind list"))
@json_option
def kind_list(as_json: bool) -> None:
    """Lists the kinds that are installed here."""
    from lamplighter.tasks.registry import load_kinds

    rows = [{"kind": one.name, "version": one.version, "title": one.title} for one in load_kinds().values()]
    show_table(rows, ("kind", "version", "title"), as_json)


@kind.command("schema", epilog=examples("kind schema environment.airmap"))
@click.argument("name")
@json_option
def kind_schema(name: str, as_json: bool) -> None:
    """Prints the JSON Schema of the input of the kind NAME."""
    click.echo(json.dumps(_known(name).Model.model_json_schema(), indent=None if as_json else 1))


@kind.command("example", epilog=examples(
    "kind example energy.evhosting > lane.json",
    "kind example environment.airmap | lamplighter task submit - --watch"))
@click.argument("name")
@json_option
def kind_example(name: str, as_json: bool) -> None:
    """Prints a small task of the kind NAME, ready to be submitted: a start for one of your own."""
    place = _known(name).example
    if place is None:
        raise click.ClickException(f"{name} brings no example; see `lamplighter kind schema {name}`")
    text = place.read_text("utf-8")
    click.echo(json.dumps(json.loads(text)) if as_json else text, nl=as_json)


@kind.command("convert", epilog=examples(
    "kind convert simbench 1-LV-rural1--0-sw", "kind convert openaq latest.json pm10",
    "kind convert eea DE_8_2026.csv PanEuropean_metadata.csv", "kind convert entsoe prices.csv 2026-03-29"))
@click.argument("form", metavar="FORMAT")
@click.argument("file", type=click.Path(exists=True, path_type=Path))
@click.argument("more", required=False)
@click.option("--json", is_flag=True, expose_value=False, help="What is printed is JSON anyway; then errors are too.")
def kind_convert(form: str, file: Path, more: str | None) -> None:
    """Prints, as JSON, the part of an input that FILE holds in a FORMAT that others publish.

    \b
    openaq            entities; MORE names what was measured where the answer does not
    sensor-community  entities
    eea               entities; MORE: the file of metadata, for positions
    entsoe            prices of a day; MORE is the day, where there are several
    simbench          simbench, of a folder of tables
    ev2gym            statistics, of the wheel; MORE: private, public or workplace

    What is left out is told on standard error.
    """
    from lamplighter.tasks.api import TaskError
    from lamplighter.tasks.convert import convert

    try:
        made, told = convert(form, file, *([more] if more else []))
    except TaskError as error:
        raise refused(str(file), error) from None
    for note in told:
        click.echo(note, err=True)
    click.echo(json.dumps(made))


@kind.command("new", epilog=examples("kind new noise.levels", "kind new noise.levels --folder ~/kinds"))
@click.argument("name")
@click.option("--folder", type=click.Path(path_type=Path), default=Path(), show_default=True,
              help="Where the package is written.")
@json_option
def kind_new(name: str, folder: Path, as_json: bool) -> None:
    """Writes a small whole package for a kind NAME, to be changed into what you need."""
    from lamplighter.gateway.kindkit.scaffold import ScaffoldError, write

    try:
        target = write(name, folder)
    except (ScaffoldError, OSError) as error:
        raise click.ClickException(str(error)) from None
    click.echo(json.dumps({"kind": name, "folder": str(target)}) if as_json
               else f"wrote {target}; now: pip install -e {target} && lamplighter kind test {name}")


@kind.command("test", epilog=examples("kind test energy.battery"))
@click.argument("name")
@json_option
def kind_test(name: str, as_json: bool) -> None:
    """Tries the kind NAME on its demo's input: plan of files, rules, schema, bounds, identity, words, cost, heap,
    price, deadline.

    Exit code 0 when all holds, 1 when something does not.
    """
    from lamplighter.gateway.kindkit.check import CompileError, NoMicroPython, check
    from lamplighter.tasks.fetch import cache_folder

    wrong = 0
    try:
        for found in check(_known(name), cache_folder()):
            wrong += found.ok is False
            if as_json:
                click.echo(json.dumps(dataclasses.asdict(found)))
            else:
                mark = {None: "    ", True: click.style("pass", "green"), False: click.style("FAIL", "red")}[found.ok]
                click.echo(f"{mark}  {found.what:<10} {found.text}")
    except (CompileError, NoMicroPython) as error:
        raise click.ClickException(str(error)) from None
    sys.exit(1 if wrong else 0)


@kind.command("bench", epilog=examples("kind bench traffic.signals"))
@click.argument("name")
@json_option
def kind_bench(name: str, as_json: bool) -> None:
    """Weighs the jobs of the kind NAME: bytes, operations, credits, time on each runtime, heap."""
    from lamplighter.gateway.kindkit.bench import weigh
    from lamplighter.gateway.kindkit.check import CompileError, NoMicroPython
    from lamplighter.gateway.kindkit.pool import KernelRaised
    from lamplighter.tasks.fetch import cache_folder

    try:
        found = weigh(_known(name), cache_folder())
    except (CompileError, NoMicroPython, KernelRaised) as error:
        raise click.ClickException(str(error)) from None
    if as_json:
        click.echo(json.dumps(dataclasses.asdict(found)))
        return
    rows: list[dict[str, Any]] = []
    for one in found.rounds:
        row: dict[str, Any] = {"round": one.number, "jobs": one.jobs, "in": one.input_bytes,
                               "contexts": one.context_bytes, "out": one.answer_bytes,
                               "operations": one.operations, "credits": one.credits}
        row |= {f"us, {runtime}": f"{us:,.0f}" for runtime, us in one.us.items()}
        fast, plain = one.us["machine code"], one.us["bytecode"]
        rows.append({**row, "gain": f"{plain / max(fast, 0.001):.1f} x"})
    show_table(rows, tuple(rows[0]), False)
    click.echo(f"kernel: {found.kernel_bytes} bytes of source; heap on a 32-bit board: {found.heap_declared} bytes "
               f"declared, about {found.heap_measured} measured. Times are of this machine.")
