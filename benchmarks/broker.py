"""The broker of a benchmark: Mosquitto with the limits of ``deploy/``, on a free loopback port."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

CONFIG = """\
listener {port} 127.0.0.1
allow_anonymous true
set_tcp_nodelay true
max_queued_messages 1000000
max_queued_bytes 16777216
max_inflight_messages 0
"""


def free_port() -> int:
    """A port that nobody listens on, below those that outgoing connections are given."""
    for port in range(20_000 + os.getpid() % 10_000, 32_000):
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port
    raise OSError("no free port")


def wait_for(port: int, seconds: float = 10.0) -> None:
    """Returns when somebody listens on ``port``. Raises OSError when nobody does in time."""
    until = time.monotonic() + seconds
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
            return
        except OSError:
            if time.monotonic() > until:
                raise
            time.sleep(0.02)


def ended(process: subprocess.Popen[str] | subprocess.Popen[bytes]) -> None:
    """Ends a child and waits for it."""
    process.terminate()
    try:
        process.wait(5)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def find_mosquitto() -> str | None:
    """The program, which Debian keeps out of the path of ordinary users."""
    return shutil.which("mosquitto", path=os.environ.get("PATH", "") + ":/usr/sbin:/usr/local/sbin")


@contextmanager
def mosquitto(folder: Path) -> Iterator[int]:
    """Runs Mosquitto and gives its port. Everybody may sign in: what permissions cost is not measured here.

    Raises RuntimeError where it is not installed.
    """
    program = find_mosquitto()
    if program is None:
        raise RuntimeError("there is no mosquitto on this machine; apt-get install mosquitto")
    port = free_port()
    config = folder / "mosquitto.conf"
    config.write_text(CONFIG.format(port=port))
    with (folder / "mosquitto.log").open("wb") as log:
        process = subprocess.Popen([program, "-c", str(config)], stdout=log, stderr=log)
    try:
        wait_for(port)
        yield port
    finally:
        ended(process)
