"""The main job, as a newcomer sees it: everything real, everything on loopback, in about a minute.

A gateway with its embedded broker, a street of simulated devices, one task of each family published over
MQTT, two devices killed half-way, an epoch sealed, the log verified. The demo itself is only a client: it
starts ``lamplighter up`` as its own process and talks to it over the broker.
"""

from __future__ import annotations

import asyncio
import json
import shutil
import signal
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from lamplighter.gateway.api.client import Client
from lamplighter.gateway.commands.progress import Progress, answer_text, write_files
from lamplighter.gateway.publiclog import auditor
from lamplighter.gateway.simulate.street import Street
from lamplighter.tasks.api import DemoInput, Kind, Result, TaskError
from lamplighter.tasks.fetch import cache_folder
from lamplighter.tasks.registry import load_kinds, nearest, prepare

SITE = "demo"
PRIMARY = ("traffic.signals", "environment.airmap", "energy.evhosting")
"""One kind of each family: what the demo runs unless it is asked for others."""
START_S = 30.0
ANSWERS_S = 80.0
"""The demo gives up when the answers are not there by then."""
DUTIES = range(100, 601)
"""What devices spend on their own duty, permille of their time, from the first to the last."""
HEAP = 128 * 1024


Tell = Callable[..., None]
"""tell(name=value, ...): what programs are to know."""


async def run(devices: int, out: Path, stay: bool, names: Sequence[str] = PRIMARY,
              programs: Tell | None = None) -> int:
    """The demo of the kinds ``names``; 0 when all answers came, agree with their references, and the log verifies.

    With ``programs`` these are told of each step, and nothing is printed.
    """
    console = Console(highlight=False, quiet=programs is not None)
    tell = programs or (lambda **_: None)
    began = time.monotonic()
    installed = load_kinds()
    if unknown := [name for name in names if name not in installed]:
        raise SystemExit(f"lamplighter: no kind {unknown[0]!r}; {nearest(unknown[0], list(installed))}")
    kinds = {name: installed[name] for name in names}
    _fresh(out)
    console.print("[bold]Lamplighter[/]: a street of small devices works for its city, and is paid for it.\n")
    with console.status("fetching inputs"):
        inputs = {name: await asyncio.to_thread(kind.demo, cache_folder()) for name, kind in kinds.items()}
    for name, given in inputs.items():
        console.print(f"  input of {name}: {given.source}{'' if given.real else '  [not real data]'}", markup=False)
    tell(inputs={name: {"source": given.source, "real": given.real} for name, given in inputs.items()})
    async with AsyncExitStack() as stack:
        with console.status("starting broker and gateway"):
            address = await _gateway(stack, out)
        street = Street(address["broker"], SITE, out / "street", HEAP)
        await street.enrol(devices, max(2, devices // 2), DUTIES)
        await street.start()
        stack.push_async_callback(street.stop)
        client = await stack.enter_async_context(Client(address["broker"], SITE))
        await _until_ready(client, devices, out)
        console.print(f"\n{devices} devices of {len(street.owners)} owners on {street.runtime}\n", markup=False)
        tell(devices=devices, owners=street.owners, runtime=street.runtime, page=address["page"])
        told = await _work(client, street, inputs, console)
        good = _show(kinds, inputs, told, out, console, tell)
        await _show_pay(client, console, tell)
        good = _audit(out, console, tell) and good
        seconds = time.monotonic() - began
        tell(ok=good, seconds=round(seconds, 1), folder=str(out))
        console.print(f"\n{'All answers are in and correct' if good else 'SOMETHING IS WRONG, see above'}: "
                      f"{seconds:.0f} s in all. Files are in {out}/.", style="bold", markup=False)
        if stay:
            console.print(f"Status page: {address['page']}   (Ctrl-C ends the demo)", markup=False)
            await asyncio.Event().wait()
    return 0 if good else 1


def _fresh(out: Path) -> None:
    """Last run's output goes; a folder that is not the demo's own stays."""
    if out.exists() and any(out.iterdir()) and not (out / "gateway.log").is_file():
        raise SystemExit(f"lamplighter: {out} holds other things; choose another folder with --out")
    shutil.rmtree(out, ignore_errors=True)
    out.mkdir(parents=True)


async def _gateway(stack: AsyncExitStack, out: Path) -> dict[str, Any]:
    """Starts ``lamplighter up`` and waits for its address."""
    data = out / "data"
    command = [sys.executable, "-m", "lamplighter.gateway", "up", "--data", str(data),
               "--public", str(out / "public"), "--http-port", "0", "--site", SITE]
    log = stack.enter_context((out / "gateway.log").open("wb"))
    process = await asyncio.create_subprocess_exec(*command, stdin=asyncio.subprocess.DEVNULL, stdout=log, stderr=log,
                                                   start_new_session=True)

    async def stop() -> None:
        if process.returncode is None:
            process.send_signal(signal.SIGTERM)
        await process.wait()

    stack.push_async_callback(stop)
    address = data / "address.json"
    for _ in range(int(START_S / 0.05)):
        if address.exists():
            return dict(json.loads(address.read_text()))
        if process.returncode is not None:
            break
        await asyncio.sleep(0.05)
    raise SystemExit(f"lamplighter: the gateway did not start: {(out / 'gateway.log').read_text().strip()}")


async def _until_ready(client: Client, devices: int, out: Path) -> None:
    """Waits for the whole street; goes on with most of it, gives up without any."""
    for _ in range(int(START_S / 0.2)):
        nodes = (await client.call("node.list"))["nodes"]
        if sum(node["state"] == "ready" and node["room"] > 0 for node in nodes) >= devices:
            return
        await asyncio.sleep(0.2)
    if not any(node["state"] == "ready" for node in nodes):
        raise SystemExit(f"lamplighter: no device connected within {START_S:.0f} s; see {out}/street/000/device.log")


async def _work(client: Client, street: Street, inputs: dict[str, DemoInput], console: Console) -> dict[str, Any]:
    """Publishes one task of each kind and follows them; two devices die half-way."""
    names = {name.replace(".", "-"): name for name in inputs}
    answers: dict[str, Any] = {}
    with Progress(list(names), console.quiet) as progress:
        watching = asyncio.create_task(_watch_street(client, progress, console.is_terminal))
        for task, kind in names.items():
            await client.call("task.submit", id=task, kind=kind, input=inputs[kind].input, where="fleet")
        try:
            async with asyncio.timeout(ANSWERS_S):
                await _follow(client, street, list(names), answers, progress)
        except TimeoutError:
            console.print(f"No answer within {ANSWERS_S:.0f} s from: {', '.join(set(names) - set(answers))}")
        finally:
            watching.cancel()
    return answers


async def _follow(client: Client, street: Street, tasks: list[str], answers: dict[str, Any],
                  progress: Progress) -> None:
    """Puts the answer of each task into ``answers`` as it comes."""
    done = dict.fromkeys(tasks, 0.0)
    killed = False
    while len(answers) < len(tasks):
        task, leaf, document = await client.next()
        if task not in done:
            continue
        progress.show(task, leaf, document)
        if leaf == "result":
            answers[task] = document
        if leaf == "status":
            done[task] = document["jobs_done"]
        if not killed and sum(done.values()) > 100:
            killed = True
            await asyncio.gather(street.fleet.kill(0), street.fleet.kill(1))
            progress.say(f"Two devices lose power: {street.nodes[0]} and {street.nodes[1]}. "
                         "Their jobs go to others.")


async def _watch_street(client: Client, progress: Progress, often: bool) -> None:
    while True:
        progress.street(await client.call("health.check"))
        await asyncio.sleep(1 if often else 10)


def _show(kinds: dict[str, Kind], inputs: dict[str, DemoInput], told: dict[str, Any], out: Path,
          console: Console, tell: Tell) -> bool:
    """Prints each answer, writes its files, and compares it with its kind's reference."""
    good = len(told) == len(kinds)
    for answer in told.values():
        kind = kinds[answer["kind"]]
        console.rule(f"[bold]{kind.title}[/] ({answer['task']})", align="left")
        if not answer["ok"]:
            console.print(f"failed: {answer['error']['message']}", markup=False)
            tell(answer=answer)
            good = False
            continue
        console.print(answer_text(answer), markup=False)
        written = write_files(answer, out)
        for path in written:
            console.print(f"  wrote {path}", style="dim", markup=False)
        compared = _compare(kinds, kind, inputs[kind.name], answer)
        tell(answer=answer, files=[str(path) for path in written], reference=compared)
        console.print(f"Reference: {compared['text']}", style="green" if compared["ok"] else "red", markup=False)
        good = good and bool(compared["ok"])
    return good


def _compare(kinds: dict[str, Kind], kind: Kind, given: DemoInput, answer: dict[str, Any]) -> dict[str, Any]:
    try:
        spec = prepare(kinds, kind.name, given.input)
        return kind.reference(spec, Result(answer["result"]["summary"], answer["result"]["data"]))
    except TaskError as error:
        return {"ok": False, "text": f"no comparison: {error.message}"}


async def _show_pay(client: Client, console: Console, tell: Tell) -> None:
    """Seals the epoch and prints who earned what."""
    sealed = await client.call("epoch.seal")
    nodes = (await client.call("node.list"))["nodes"]
    tell(epochs=sealed["sealed"], nodes=nodes)
    console.rule("[bold]Pay[/]", align="left")
    table = Table("owner", "device", "spare", "standing", "credits", box=None)
    for node in sorted(nodes, key=lambda node: (node["owner"], node["node"])):
        state = "" if node["state"] == "ready" else f" ({node['state']})"
        table.add_row(node["owner"], node["node"] + state, f"{node['spare'] / 10:.0f} %", str(node["score"]),
                      str(node["settled"]))
    console.print(table)
    for epoch in sealed["sealed"]:
        console.print(f"Epoch {epoch['epoch']} is sealed: {epoch['receipts']} receipts, {epoch['credits']} credits, "
                      f"log root {sealed['root'][:16]}…", markup=False)


def _audit(out: Path, console: Console, tell: Tell) -> bool:
    """Recomputes everything from the public files alone."""
    outcome = auditor.verify(out / "public")
    tell(audit={"code": outcome.code, "text": outcome.text})
    console.print(f"lamplighter audit verify {out / 'public'}: exit {outcome.code}", style="bold", markup=False)
    console.print(outcome.text, markup=False)
    return outcome.code == 0
