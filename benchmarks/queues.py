"""Other task queues to compare with: installed once into an environment of their own in the cache folder."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from benchmarks.broker import ended, free_port, wait_for
from lamplighter.tasks.fetch import cache_folder

PACKAGES = ("celery", "redis", "distributed", "huey")
TASKS = {"celery": 500, "dask": 500, "huey": 500}
"""No-op tasks of one run: about a second."""


def python() -> str:
    """The interpreter of the environment, made when there is none. Raises CalledProcessError without a network."""
    folder = cache_folder() / "queues"
    program = folder / "bin" / "python"
    if not (folder / "complete").exists():
        subprocess.run([sys.executable, "-m", "venv", "--clear", str(folder)], check=True)
        subprocess.run([str(program), "-m", "pip", "install", "--quiet", "--disable-pip-version-check", *PACKAGES],
                       check=True, timeout=300, capture_output=True)
        (folder / "complete").touch()
    return str(program)


class Rival:
    """One queue with its workers, up for as long as the benchmark runs."""

    def __init__(self, name: str, program: str, redis: int) -> None:
        self.name = name
        env = {**os.environ, "NOOP_REDIS": f"redis://127.0.0.1:{redis}/0"}
        self.process = subprocess.Popen([program, str(Path(__file__).with_name("noop.py")), name], env=env, text=True,
                                        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
        assert self._line() == "ready\n", f"{name} did not start"

    def _line(self) -> str:
        assert self.process.stdout is not None
        return self.process.stdout.readline()

    def rate(self) -> float:
        """Tasks per second of one run."""
        assert self.process.stdin is not None
        print(TASKS[self.name], file=self.process.stdin, flush=True)
        return float(self._line())

    def stop(self) -> None:
        """Lets it end its workers."""
        assert self.process.stdin is not None
        self.process.stdin.close()
        try:
            self.process.wait(20)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()


@contextmanager
def rivals(folder: Path) -> Iterator[list[Rival]]:
    """All of them on one Redis; none where Redis or the network is missing, which is said."""
    server = shutil.which("redis-server")
    try:
        program = python() if server else ""
    except (subprocess.SubprocessError, OSError):
        program = ""
    if not server or not program:
        print("  (no redis-server, or Celery, Dask and Huey cannot be installed: not compared)", flush=True)
        yield []
        return
    port = free_port()
    redis = subprocess.Popen([server, "--port", str(port), "--bind", "127.0.0.1", "--save", "", "--dir", str(folder)],
                             stdout=subprocess.DEVNULL)
    with ExitStack() as stack:
        stack.callback(ended, redis)
        wait_for(port)
        found = []
        for name in TASKS:
            found.append(Rival(name, program, port))
            stack.callback(found[-1].stop)
        yield found
