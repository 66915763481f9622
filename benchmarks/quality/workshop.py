"""What a quality run works with: a cache, tools in environments of their own, and two ways to run a kind."""

from __future__ import annotations

import asyncio
import hashlib
import json
import os
import subprocess
import sys
import tempfile
import venv
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lamplighter.gateway.api.client import Client
from lamplighter.gateway.kindkit.pool import Pool, Runtime
from lamplighter.gateway.simulate.street import Street
from lamplighter.tasks.api import Kind, Result
from lamplighter.tasks.fetch import cache_folder
from lamplighter.tasks.local import run_local
from lamplighter.tasks.registry import prepare

SITE = "quality"
INSTALL_S = 900
ANSWER_S = 1_800


class ToolError(Exception):
    """A tool or its data cannot be had here; the text says what is missing."""


@dataclass(frozen=True)
class Workshop:
    """``full`` asks for the long form of a run. ``say`` prints progress."""

    full: bool = False
    say: Callable[[str], object] = print

    @property
    def cache(self) -> Path:
        """A folder outside the repository that keeps tools, data and what tools answered."""
        folder = cache_folder() / "quality"
        folder.mkdir(exist_ok=True)
        return folder

    def python(self, *requirements: str) -> Path:
        """The interpreter of an environment that holds ``requirements``, made when first asked for.

        Raises ToolError where they cannot be installed.
        """
        name = hashlib.sha256("\n".join((sys.version, *requirements)).encode()).hexdigest()[:12]
        home = self.cache / f"env-{name}"
        done = home / "complete"
        if not done.exists():
            self.say(f"installing {', '.join(requirements)}")
            venv.create(home, clear=True, with_pip=True)
            command = [str(home / "bin" / "python"), "-m", "pip", "install", "--quiet",
                       "--disable-pip-version-check", *requirements]
            try:
                subprocess.run(command, check=True, timeout=INSTALL_S, capture_output=True, text=True)
            except subprocess.CalledProcessError as error:
                raise ToolError(f"{requirements} cannot be installed: {error.stderr.strip()[-300:]}") from None
            except subprocess.TimeoutExpired:
                raise ToolError(f"{requirements}: no answer within {INSTALL_S} s") from None
            done.touch()
        return home / "bin" / "python"

    def script(self, python: Path, name: str, *arguments: object, given: Any = None, timeout_s: int = 900) -> Any:
        """Runs ``tools/<name>.py`` there with ``given`` as JSON on its input; returns the JSON that it prints.

        Raises ToolError when it fails.
        """
        path = Path(__file__).with_name("tools") / f"{name}.py"
        done = subprocess.run([str(python), str(path), *map(str, arguments)], input=json.dumps(given),
                              capture_output=True, text=True, timeout=timeout_s, check=False)
        if done.returncode:
            raise ToolError(f"{name}: {done.stderr.strip()[-500:]}")
        return json.loads(done.stdout)

    def solve(self, kind: Kind, given: dict[str, Any]) -> Result:
        """The answer by the same code in this process, each job once, on local MicroPython with machine code."""
        spec = prepare({kind.name: kind}, kind.name, given)
        with Pool(kind.kernel, Runtime.MACHINE_CODE) as pool:
            return run_local(kind, spec, run_jobs=pool.answers)

    def through_gateway(self, kind: Kind, given: dict[str, Any], devices: int = 6) -> dict[str, Any]:
        """The published document of the same task on a real gateway with simulated devices.

        Raises ToolError when it failed or did not come.
        """
        with tempfile.TemporaryDirectory(prefix="lamplighter-quality-") as folder:
            return asyncio.run(_on_a_street(Path(folder), kind.name, given, devices))


async def _result(client: Client) -> dict[str, Any]:
    task = leaf = ""
    while (task, leaf) != ("case", "result"):
        task, leaf, document = await client.next()
    return document


async def _on_a_street(folder: Path, kind: str, given: dict[str, Any], devices: int) -> dict[str, Any]:
    command = [sys.executable, "-m", "lamplighter.gateway", "up", "--data", str(folder / "data"), "--site", SITE,
               "--http-port", "0", "--print-urls"]
    gateway = await asyncio.create_subprocess_exec(*command, stdout=subprocess.PIPE, env=dict(os.environ))
    try:
        assert gateway.stdout is not None
        url = (await gateway.stdout.readline()).decode().split()[1]
        street = Street(url, SITE, folder / "street", 128 * 1024)
        await street.enrol(devices, max(2, devices // 2), range(0, 1))
        await street.start()
        try:
            async with Client(url, SITE) as client:
                await client.call("task.submit", id="case", kind=kind, input=given, where="fleet")
                document = await asyncio.wait_for(_result(client), ANSWER_S)
        except TimeoutError:
            raise ToolError(f"{kind}: no answer within {ANSWER_S} s") from None
        finally:
            await street.stop()
    finally:
        gateway.terminate()
        await gateway.wait()
    if not document["ok"]:
        raise ToolError(f"{kind} failed: {document['error']['message']}")
    return dict(document)
