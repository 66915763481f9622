"""The door of the data folder: a socket through which whoever may use that folder may ask for anything.

One request is one line of JSON, ``{"method": ..., ...its keys}``, and so is its answer, with the same content as over
MQTT. Nothing is remembered: who finds the door closed has asked nothing.
"""

from __future__ import annotations

import asyncio
import json
import socket
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

SOCKET = "door"
MAX_LINE = 1 << 20
MAX_PATH = 100
"""Bytes; Linux takes 107, others 103."""
TIMEOUT_S = 60.0

Serve = Callable[[str, bytes, Callable[[bytes], None]], None]
"""(method, payload, what the answer is to be given to): called on the loop for each request."""


class Closed(Exception):
    """No gateway runs on this folder."""


@contextmanager
def _short(folder: Path) -> Iterator[str]:
    """The socket's path in at most the hundred bytes that an address may have, by way of a link where need be."""
    whole = str(folder.absolute() / SOCKET)
    if len(whole.encode()) <= MAX_PATH:
        yield whole
        return
    with tempfile.TemporaryDirectory(prefix="lamp-") as place:
        link = Path(place) / "d"
        link.symlink_to(folder.absolute())
        yield str(link / SOCKET)


async def open_door(folder: Path, serve: Serve) -> asyncio.Server:
    """Listens until the server is closed; only this user may come in. Raises OSError."""
    async def come_in(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(OSError, ValueError, asyncio.CancelledError):   # it went, its line has no end, or we go
            payload = await reader.readline()
            answer: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()
            method, rest = _parted(payload)
            serve(method, rest, lambda said: None if answer.done() else answer.set_result(said))
            writer.write(await answer + b"\n")
            await writer.drain()
        writer.close()

    (folder / SOCKET).unlink(missing_ok=True)   # of a gateway that was killed; the journal's lock keeps a second out
    with _short(folder) as path:
        server = await asyncio.start_unix_server(come_in, path, limit=MAX_LINE)
    (folder / SOCKET).chmod(0o600)
    return server


def _parted(payload: bytes) -> tuple[str, bytes]:
    """(method, request without it) of a line; of one that is no object the request as it is, to be refused."""
    try:
        given = json.loads(payload)
        method = given.pop("method")
    except (ValueError, RecursionError, AttributeError, KeyError, TypeError):
        return "", payload
    return str(method), json.dumps(given).encode()


def ask(folder: Path, method: str, **params: Any) -> dict[str, Any]:
    """The response of the gateway that runs on ``folder``. Raises Closed, OSError when it goes while it is asked."""
    with _short(folder) as path, socket.socket(socket.AF_UNIX) as line:
        line.settimeout(TIMEOUT_S)
        try:
            line.connect(path)
        except (FileNotFoundError, ConnectionRefusedError):
            raise Closed from None
        line.sendall(json.dumps({"method": method, **params}).encode() + b"\n")
        with line.makefile("rb") as answer:
            said = answer.readline()
    if not said:
        raise ConnectionResetError("the gateway went away")
    told: dict[str, Any] = json.loads(said)
    return told
