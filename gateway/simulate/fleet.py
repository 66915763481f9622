"""A street of simulated devices: real MicroPython processes that run the real firmware as ``.mpy``.

Each has a folder of its own, as a board has its flash, and a heap limit, as a board has its memory. Where no
MicroPython can be had the same firmware runs on CPython, without a heap limit; ``Fleet.runtime`` says which.
"""

from __future__ import annotations

import asyncio
import ctypes
import json
import os
import signal
import subprocess
import sys
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from lamplighter.gateway.devicebuild.compiler import build_firmware
from lamplighter.gateway.devicebuild.interpreter import find_micropython

FIRMWARE = Path(__file__).parents[2] / "firmware"
_RESTART_S = 1.0
_PR_SET_PDEATHSIG = 1


def _die_with_parent() -> None:
    """Linux: a killed simulation leaves no devices behind."""
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


class Fleet:
    """The devices in ``folder/000``, ``folder/001``, ...: one per entry of ``configs`` (the content of its
    ``lamplighter.json``; ``state`` is set here). ``heap`` is the heap of each in bytes.

    A device whose process ends by itself is started again after a second, as a watchdog would; ``restarts``
    counts that. One that was switched off with ``kill`` stays off until ``restart``.
    """

    def __init__(self, folder: Path, configs: Sequence[dict[str, Any]], heap: int = 128 * 1024) -> None:
        self.folder = folder.absolute()   # each device runs in a folder of its own
        self.restarts = 0
        self.starts: Sequence[str] = ("-m", "firmware.main", "lamplighter.json")   # what each device runs
        self._configs = list(configs)
        self._heap = heap
        self._tasks: dict[int, asyncio.Task[None]] = {}
        found = find_micropython()
        self._program, self._arch = found or (sys.executable, 0)
        self.runtime = (f"MicroPython ({self._program}), {heap // 1024} KB heap each" if found else
                        "CPython, because no micropython program was found; without a heap limit")

    async def start(self) -> None:
        """Builds the firmware and switches all devices on. Raises CompileError, OSError."""
        await asyncio.to_thread(build_firmware, FIRMWARE, self.folder / "lib", self._arch)
        for index, config in enumerate(self._configs):
            home = self._home(index)
            home.mkdir(parents=True, exist_ok=True)
            text = json.dumps({**config, "state": str(home / "lamplighter.state")})
            (home / "lamplighter.json").write_text(text)
            self.restart(index)

    def restart(self, index: int) -> None:
        """Switches a device on; nothing happens if it is on."""
        if index not in self._tasks:
            self._tasks[index] = asyncio.create_task(self._supervise(index))

    async def kill(self, index: int) -> None:
        """Pulls a device's plug (SIGKILL); returns when its process is gone."""
        task = self._tasks.pop(index, None)
        if task:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task

    async def stop(self) -> None:
        """Switches all devices off."""
        await asyncio.gather(*(self.kill(index) for index in list(self._tasks)))

    @property
    def running(self) -> list[int]:
        """Devices that are switched on."""
        return sorted(self._tasks)

    def _home(self, index: int) -> Path:
        return self.folder / f"{index:03d}"

    async def _supervise(self, index: int) -> None:
        while True:
            await self._live(index)
            self.restarts += 1
            await asyncio.sleep(_RESTART_S)

    async def _live(self, index: int) -> None:
        """One life of a device, from power-on to the end of its process."""
        limit = ["-X", f"heapsize={self._heap}"] if self._arch else []
        env = {"PATH": os.environ.get("PATH", "")}
        env["MICROPYPATH" if self._arch else "PYTHONPATH"] = f"{self.folder / 'lib'}:.frozen"
        home = self._home(index)
        with (home / "device.log").open("ab") as log:
            process = await asyncio.create_subprocess_exec(
                self._program, *limit, *self.starts, cwd=home, env=env,
                stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True,
                preexec_fn=_die_with_parent if sys.platform == "linux" else None,
            )
        try:
            await process.wait()
        finally:
            with suppress(ProcessLookupError):
                process.kill()
            await process.wait()
