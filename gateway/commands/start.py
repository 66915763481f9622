"""``lamplighter up``, ``sim`` and ``demo``: what runs until it is stopped."""

from __future__ import annotations

import asyncio
import errno
import json
import logging
import os
import sys
from pathlib import Path
from typing import Any

import click

from lamplighter.gateway.commands.common import (
    broker_option,
    data_option,
    examples,
    identifier,
    json_option,
    run,
    site_option,
    where,
)


def _duties(_ctx: click.Context, option: click.Parameter, value: str) -> range:
    """``a`` or ``a,b`` in permille as the range from a to b."""
    least, _, most = value.partition(",")
    try:
        duties = range(int(least), int(most or least) + 1)
    except ValueError:
        raise click.BadParameter(f"{value!r} is no number and no pair a,b", param=option) from None
    if not duties or duties[0] < 0 or duties[-1] > 1_000:
        raise click.BadParameter(f"{value!r} is not within 0 to 1000, from the least to the most", param=option)
    return duties


PORT = click.IntRange(0, 65_535)


@click.command(epilog=examples(
    "up", "up --data /var/lib/lamplighter --broker mqtts://gw1:PASSWORD@broker:8883?ca=ca.pem"))
@data_option
@click.option("--broker", default="", help="URL of a broker to use instead of the embedded one.")
@click.option("--site", default="demo", show_default=True, callback=identifier, help="The site in topics.")
@click.option("--name", default="gw1", show_default=True, callback=identifier, help="This gateway's name in topics.")
@click.option("--public", type=click.Path(path_type=Path), default=None, help="Folder of the public log.")
@click.option("--http-host", default="127.0.0.1", show_default=True, help="Address of the status page.")
@click.option("--http-port", type=PORT, default=8480, show_default=True,
              help="Port of the status page; 0 takes a free one.")
@click.option("--mqtt-port", type=PORT, default=0,
              help="Port of the embedded broker; 0 keeps the last, or takes a free one.")
@click.option("--allow-open-broker", is_flag=True, default=False,
              help="Serve on a broker that lets strangers ask; devices and epochs then only from --data here.")
@click.option("--allow-open-page", is_flag=True, default=False,
              help="Let the page, which has no logins, listen beyond loopback.")
@click.option("--max-file", type=click.IntRange(0, 8 * 1024 * 1024), default=1 << 20, show_default=True,
              help="Bytes of a file of an answer that is published; longer ones are on the status page.")
@click.option("--max-request", type=click.IntRange(1024, 8 * 1024 * 1024), default=8 * 1024 * 1024, show_default=True,
              help="Bytes of one request; a broker of your own must take 65,536 more in a packet.")
@click.option("--epoch-s", type=click.IntRange(1), default=600, show_default=True,
              help="Length of a settlement period in seconds.")
@click.option("--worker-mb", type=click.IntRange(64), default=256, show_default=True,
              help="Memory of each of the two processes in which kinds run, in MB.")
@click.option("--worker-s", type=click.IntRange(1), default=30, show_default=True,
              help="Time that a kind may take over one document or one round, in seconds.")
@click.option("--print-urls", is_flag=True, help="Print the operator's broker URL and the page's, for scripts.")
@click.option("-v", "--verbose", is_flag=True, help="Log more.")
@json_option
def up(print_urls: bool, verbose: bool, as_json: bool, **options: Any) -> None:
    """Runs a gateway until Ctrl-C; the next start resumes every task."""
    from lamplighter.gateway.runtime.app import Address, StartError, serve
    from lamplighter.gateway.runtime.settings import Settings

    logging.basicConfig(level=logging.INFO if verbose else logging.WARNING, format="%(levelname)s %(message)s")
    settings = Settings(**options)

    def ready(address: Address) -> None:
        from lamplighter.gateway.adapters.files import write_atomically

        about = {"broker": address.operator, "page": address.page, "site": settings.site}
        write_atomically(settings.data / "address.json", json.dumps(about).encode())
        if as_json:
            click.echo(json.dumps({**about, "name": settings.name, "data": str(settings.data)}))
        elif print_urls:
            click.echo(f"broker {address.operator}\npage {address.page}")
        else:
            click.echo(f"gateway {settings.name} of site {settings.site!r} is up: broker {address.broker}, "
                       f"page {address.page}, data in {settings.data}; recomputes as {address.recomputes_as}. "
                       "Ctrl-C stops it.")
        sys.stdout.flush()

    async def _up() -> None:
        await serve(settings, ready)

    try:
        run(_up(), 0)
    except StartError as error:
        raise click.ClickException(_sentence(error)) from None


def _sentence(error: BaseException) -> str:
    if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT):
        return f"{error.filename}: {error.strerror}; make room, or choose another --data."
    if isinstance(error, OSError) and error.strerror:
        return f"{error.filename or ''}: {error.strerror}; choose another --data or free the port.".lstrip(": ")
    return str(error)


@click.command(epilog=examples(
    "sim --devices 8",
    "sim --devices 20 --owners 4 --broker mqtt://operator:PASSWORD@127.0.0.1:1883",
    "sim --data /var/lib/lamplighter --join mqtts://pi.local:8883?ca=/etc/mosquitto/lamplighter/ca.pem"))
@click.option("--devices", type=click.IntRange(1, 2_000), default=8, show_default=True, help="How many.")
@click.option("--owners", type=click.IntRange(0, 2_000), default=0,
              help="Among how many owners; default: one for every two devices, at least two.")
@click.option("--duty", default="300", show_default=True, callback=_duties,
              help="Permille of time each spends on its own duty; a,b makes it vary from a to b.")
@click.option("--heap-kb", type=click.IntRange(16, 65_536), default=128, show_default=True,
              help="Heap of each device in KB.")
@click.option("--folder", type=click.Path(path_type=Path), default=None,
              help="Where devices keep their state and keys; default: sim/ in --data.")
@click.option("--join", default="", metavar="URL",
              help="Where devices connect, where that is another listener; mqtts://…?ca=FILE for TLS.")
@broker_option
@data_option
@site_option
@json_option
def sim(devices: int, owners: int, duty: range, heap_kb: int, folder: Path | None, join: str, broker: str,
        data: Path, site: str, as_json: bool) -> None:
    """Joins simulated devices to a gateway: real MicroPython processes that run the real firmware."""
    from lamplighter.gateway.simulate.street import Street

    def tell(came: int, problem: str) -> None:
        if as_json:
            click.echo(json.dumps({"connected": came, **({"problem": problem} if problem else {})}))
        elif problem:
            click.echo(f"{devices - came} of {devices} devices are not connected. {problem}", err=True)
        else:
            click.echo(f"{came} devices are connected.")
        sys.stdout.flush()

    async def _sim() -> None:
        street = Street(*where(broker, data, site), folder or data / "sim", heap_kb * 1024,
                        None if broker else data, join)
        await street.enrol(devices, owners, duty)
        await street.start()
        try:
            about = {"devices": street.nodes, "owners": street.owners, "runtime": street.runtime}
            click.echo(json.dumps(about) if as_json else f"{devices} devices of {len(street.owners)} owners on "
                       f"{street.runtime}. Ctrl-C stops them.")
            sys.stdout.flush()
            await street.arrive(tell)
            await asyncio.Event().wait()
        finally:
            await street.stop()

    run(_sim(), 0)


@click.command(epilog=examples("demo", "demo --once --devices 6 --out demo-output", "demo --kind energy.battery"))
@click.option("--once", is_flag=True, help="End when all answers are in, also in a terminal.")
@click.option("--devices", type=click.IntRange(1, 2_000), default=10, show_default=True, help="Simulated devices.")
@click.option("--out", type=click.Path(path_type=Path), default=Path("demo-output"), show_default=True)
@click.option("--kind", "kinds", multiple=True, help="A kind to run, in place of one of each family; repeatable.")
@json_option
def demo(once: bool, devices: int, out: Path, kinds: tuple[str, ...], as_json: bool) -> None:
    """Runs the main job: a gateway, a street of devices, one task of each family, and the check of the pay."""
    from lamplighter.gateway.simulate import demo as main_job

    def tell(**about: Any) -> None:
        click.echo(json.dumps(about))

    stay = not once and sys.stdout.isatty() and os.environ.get("DEMO") != "once"
    sys.exit(run(main_job.run(devices, out, stay, kinds or main_job.PRIMARY, tell if as_json else None)))
