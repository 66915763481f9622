"""No-op tasks through other task queues. Runs in an environment of its own, made by ``queues``, never in ours.

``python noop.py celery|dask|huey REDIS_PORT``: each line on standard input, a number of tasks, is answered with
tasks per second from the first submission to the last result. Two worker processes each, settings as they come:
none of them keeps what it acknowledges over a power cut, ours does.
"""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

WORKERS = 2
REDIS = os.environ.get("NOOP_REDIS", "redis://127.0.0.1:6379/0")
HERE = Path(__file__).resolve().parent


def noop(number: int) -> int:
    return number


def celery_app():  # type: ignore[no-untyped-def]
    from celery import Celery

    app = Celery("noop", broker=REDIS, backend=REDIS)
    app.task(name="noop")(noop)
    return app


def huey_app():  # type: ignore[no-untyped-def]
    from huey import RedisHuey

    app = RedisHuey("noop", url=REDIS)
    app.noop = app.task(name="noop")(noop)
    return app


def __getattr__(name: str) -> object:
    """``app`` and ``huey_queue``, made when a worker imports them: one file serves both."""
    makers = {"app": celery_app, "huey_queue": huey_app}
    if name not in makers:
        raise AttributeError(name)
    made = globals()[name] = makers[name]()
    return made


@contextlib.contextmanager
def worker(*command: str) -> Iterator[None]:
    process = subprocess.Popen([sys.executable, "-m", *command], cwd=HERE, stdout=subprocess.DEVNULL,
                               stderr=subprocess.DEVNULL)
    try:
        yield
    finally:
        process.terminate()
        process.wait(20)


@contextlib.contextmanager
def celery() -> Iterator[Callable[[int], object]]:
    from celery.result import ResultSet

    task = celery_app().tasks["noop"]
    with worker("celery", "-A", "noop", "worker", "-c", str(WORKERS), "-l", "error"):
        yield lambda count: ResultSet([task.delay(i) for i in range(count)]).join_native(timeout=60)


@contextlib.contextmanager
def huey() -> Iterator[Callable[[int], object]]:
    app = huey_app()
    with worker("huey.bin.huey_consumer", "noop.huey_queue", "-k", "process", "-w", str(WORKERS), "-q"):
        yield lambda count: [result.get(blocking=True, timeout=60, backoff=1, max_delay=0.002)
                             for result in [app.noop(i) for i in range(count)]]


@contextlib.contextmanager
def dask() -> Iterator[Callable[[int], object]]:
    from distributed import Client, LocalCluster

    with (LocalCluster(n_workers=WORKERS, threads_per_worker=1, dashboard_address=None) as cluster,
          Client(cluster) as client):
        yield lambda count: client.gather(client.map(noop, range(count), pure=False))


def main() -> None:
    with {"celery": celery, "huey": huey, "dask": dask}[sys.argv[1]]() as run:
        run(10)   # until workers are up
        print("ready", flush=True)
        for line in sys.stdin:
            start = time.perf_counter()
            run(int(line))
            print(int(line) / (time.perf_counter() - start), flush=True)


if __name__ == "__main__":
    import noop as importable  # tasks are known by their module's name, here and in workers

    importable.main()
