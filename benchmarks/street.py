"""A real gateway process on a broker, with identities for stand-in devices, driven as an operator would."""

from __future__ import annotations

import asyncio
import json
import os
import secrets
import subprocess
import sys
import time
import urllib.request
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any

from benchmarks.broker import ended
from lamplighter.gateway.adapters import door
from lamplighter.gateway.api.client import Client

ROOT = Path(__file__).resolve().parent.parent
SITE = "bench"
RUN = (sys.executable, "-m", "lamplighter.gateway")
_POINTS = "[lamplighter.kinds]\nbench.trivial = benchmarks.trivial:KIND\n"


def environment(folder: Path) -> dict[str, str]:
    """Variables with which a gateway finds the trivial kind, as it finds any third party's."""
    about = folder / "kinds" / "bench_trivial-1.dist-info"
    about.mkdir(parents=True, exist_ok=True)
    (about / "METADATA").write_text("Metadata-Version: 2.1\nName: bench-trivial\nVersion: 1\n")
    (about / "entry_points.txt").write_text(_POINTS)
    return {**os.environ, "PYTHONPATH": f"{folder / 'kinds'}{os.pathsep}{ROOT}"}


class Gateway:
    """``lamplighter up`` as a child. ``url`` is the operator's, ``page`` the page's; ``port`` the broker's."""

    def __init__(self, folder: Path, broker: str = "") -> None:
        self.folder = folder
        self._command = [*RUN, "up", "--data", str(folder / "data"), "--site", SITE,
                         "--http-port", "0", "--epoch-s", "86400", "--print-urls"]
        self._command += ["--broker", broker, "--allow-open-broker"] if broker else []
        self.start()

    def start(self) -> None:
        """Starts it (again) and waits until it is up."""
        self.process = subprocess.Popen(self._command, env=environment(self.folder), text=True,
                                        stdout=subprocess.PIPE)
        assert self.process.stdout is not None
        words = [self.process.stdout.readline().split() for _ in ("broker", "page")]
        if not all(words):
            raise RuntimeError("the gateway did not start")
        self.url, self.page = words[0][1], words[1][1]
        self.port = int(self.url.rsplit(":", 1)[1])

    @property
    def login(self) -> tuple[str, str]:
        """Name and password of the gateway itself, who may use every topic of its embedded broker."""
        config = (self.folder / "data" / "broker" / "broker.conf").read_text()
        users = [json.loads(line) for line in config.splitlines() if line.startswith('{"user"')]
        gateway = next(user for user in users if user["permissions"]["publish"]["allow"] == [">"])
        return gateway["user"], gateway["password"]

    def kill(self) -> None:
        """SIGKILL."""
        self.process.kill()
        self.process.wait()

    def stop(self) -> None:
        ended(self.process)

    def memory_mb(self) -> tuple[float, float]:
        """(resident set, proportional set) of the gateway's process."""
        text = Path(f"/proc/{self.process.pid}/smaps_rollup").read_text()
        sizes = {line.split()[0]: int(line.split()[1]) for line in text.splitlines()[1:]}
        return sizes["Rss:"] / 1024, sizes["Pss:"] / 1024

    def peak_mb(self) -> float:
        """The largest resident set since the last call; counting begins anew."""
        process = Path(f"/proc/{self.process.pid}")
        status = (process / "status").read_text()
        (process / "clear_refs").write_text("5")
        return int(next(line for line in status.splitlines() if line.startswith("VmHWM")).split()[1]) / 1024

    def journal_mb(self) -> float:
        """The journal with its log, on disk."""
        return sum(path.stat().st_size for path in (self.folder / "data").glob("journal.db*")) / 1e6

    def cpu_s(self) -> float:
        """Processor time of the gateway's process so far: of its threads, to the nanosecond."""
        threads = Path(f"/proc/{self.process.pid}/task").iterdir()
        return sum(int((thread / "schedstat").read_text().split()[0]) for thread in threads) / 1e9

    def counted(self, what: str) -> int:
        """How often that has happened."""
        with urllib.request.urlopen(self.page.rstrip("/") + "/metrics", timeout=10) as answer:
            lines = answer.read().decode().splitlines()
        return sum(int(float(line.split()[-1])) for line in lines if f'_total{{what="{what}"}}' in line)


@contextmanager
def gateway(folder: Path, broker: str = "") -> Iterator[Gateway]:
    """Runs a gateway on ``broker`` (a URL), or on its embedded one."""
    folder.mkdir(parents=True, exist_ok=True)
    running = Gateway(folder, broker)
    try:
        yield running
    finally:
        running.stop()


class Operator:
    """Enrols, submits, and waits for answers."""

    def __init__(self, client: Client, data: Path) -> None:
        self._client, self._data = client, data

    async def enrol(self, count: int, owners: int) -> tuple[list[bytes], str]:
        """(keys of new devices, the gateway's network id in hex)."""
        keys = [secrets.token_bytes(32) for _ in range(count)]
        nodes = [{"key": key.hex(), "owner": f"owner-{i % owners}"} for i, key in enumerate(keys)]
        about = await asyncio.to_thread(door.ask, self._data, "node.enrol", nodes=nodes)
        return keys, about["data"]["net"]

    async def submit(self, jobs: int, ops: int = 1, **more: int) -> str:
        """The id of a new task of trivial jobs, once the gateway has taken it. ``more``: see the kind's model."""
        task = "bench-" + secrets.token_hex(4)
        given = {"jobs": jobs, "ops": ops, **more}
        await self._client.call("task.submit", id=task, kind="bench.trivial", input=given, where="fleet")
        return task

    async def solved(self, kind: str, given: dict[str, Any], seconds: float) -> dict[str, Any]:
        """The published result of a task of that kind. Raises RuntimeError when there is none."""
        task = "bench-" + secrets.token_hex(4)
        await self._client.call("task.submit", id=task, kind=kind, input=given, where="fleet")
        document = await self._published(task, seconds)
        if not document["ok"]:
            raise RuntimeError(f"no answer: {json.dumps(document)[:300]}")
        return document

    async def price(self, kind: str, given: dict[str, Any]) -> None:
        """Has a task priced, which is not started."""
        await self._client.call("task.price", kind=kind, input=given)

    async def _published(self, task: str, seconds: float) -> dict[str, Any]:
        async with asyncio.timeout(seconds):
            while True:
                name, leaf, document = await self._client.next()
                if (name, leaf) == (task, "result"):
                    found: dict[str, Any] = document
                    return found

    async def result(self, task: str, seconds: float = 60.0) -> tuple[dict[str, Any], int]:
        """(published result of ``task``, when it came in ns). Raises RuntimeError when it is not right."""
        document = await self._published(task, seconds)
        if not document["ok"] or document["result"]["data"]["right"] != document["result"]["data"]["jobs"]:
            raise RuntimeError(f"wrong answer: {json.dumps(document)[:300]}")
        return document, time.monotonic_ns()

    async def done(self, task: str, jobs: int) -> None:
        """Returns when so many jobs of ``task`` are done."""
        while (await self._client.call("task.get", task=task))["jobs_done"] < jobs:  # noqa: ASYNC110
            await asyncio.sleep(0.2)

    async def cancel(self, task: str) -> None:
        await self._client.call("task.cancel", task=task)

    async def counters(self) -> dict[str, Any]:
        return await self._client.call("health.check")


@asynccontextmanager
async def operator(running: Gateway) -> AsyncIterator[Operator]:
    """An operator of a gateway, on its computer."""
    async with Client(running.url, SITE) as client:
        yield Operator(client, running.folder / "data")
