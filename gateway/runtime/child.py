"""Child processes that run what third parties wrote: started on a socket, and gone when the gateway has gone.

What travels is a JSON object and byte strings, each with its length before it: a gateway takes nothing from a child
that could run in it.
"""

from __future__ import annotations

import json
import os
import socket
import struct
import subprocess
import sys
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from lamplighter.gateway.runtime import launch

MAX_PARCEL = 64 << 20
"""Bytes of one message: whoever sends more is not listened to any longer."""
_CHUNK = 1 << 20
Child = tuple[subprocess.Popen[bytes], socket.socket]
"""A process, and our end of the socket that is its standard input and output."""


class Parcel(NamedTuple):
    """One message. ``head`` says what it is, ``parts`` are bytes that no JSON has to carry."""

    head: dict[str, Any]
    parts: Sequence[bytes]


def pack(head: dict[str, Any], *parts: bytes) -> bytes:
    """A message as it travels. Raises ValueError when it is too large."""
    whole = (json.dumps(head).encode(), *parts)
    sizes = struct.pack(f">{len(whole)}I", *map(len, whole))
    size = 4 + len(sizes) + sum(map(len, whole))
    if size > MAX_PARCEL:
        raise ValueError(f"{size} bytes in one message, at most {MAX_PARCEL} can be sent")
    return b"".join((struct.pack(">II", size, len(whole)), sizes, *whole))


def unpack(body: bytes) -> Parcel:
    """A message without its length. Raises ValueError for what is none."""
    count = int.from_bytes(body[:4], "big")
    if not 0 < count <= len(body) // 4 - 1:
        raise ValueError("a message of no parts")
    sizes = struct.unpack_from(f">{count}I", body, 4)
    at = 4 + 4 * count
    if at + sum(sizes) != len(body):
        raise ValueError("the parts of a message do not add up")
    parts = []
    for size in sizes:
        parts.append(body[at:at + size])
        at += size
    head = json.loads(parts[0])
    if not isinstance(head, dict):
        raise ValueError("the head of a message is no object")
    return Parcel(head, parts[1:])


def receive(line: socket.socket) -> bytes | None:
    """The next message, blocking; None where the other side has ended. Raises OSError, ValueError."""
    head = _exactly(line, 4)
    if len(head) < 4:
        return None
    size = int.from_bytes(head, "big")
    if size > MAX_PARCEL:
        raise ValueError(f"a message of {size} bytes")
    body = _exactly(line, size)
    return bytes(body) if len(body) == size else None


def _exactly(line: socket.socket, size: int) -> bytearray:
    """``size`` bytes, or what came before the end. Grows with what has come, not with what was promised."""
    body = bytearray()
    while len(body) < size:
        more = line.recv(min(_CHUNK, size - len(body)))
        if not more:
            break
        body += more
    return body


def start(module: str, *arguments: str) -> Child:
    """``python -m module PARENT arguments`` on a socket as its standard input and output, and our end of it.

    A plain ``Popen``: a subprocess of asyncio whose start is cancelled while its pipes are being connected waits for
    its own end for ever (CPython 3.11). To be called by a thread that lives as long as the child is to live.
    """
    return _started([sys.executable, "-m", module, str(os.getpid()), *arguments])


def start_program(command: Sequence[str], environment: Mapping[str, str]) -> Child:
    """As ``start``, for a program that knows nothing of us: it has ``launch.MEMORY_MB``, and ends with us all the
    same. Its standard input is the socket, what it prints goes where errors go."""
    return _started([sys.executable, "-I", "-S", launch.__file__, str(os.getpid()), *command], environment)


def _started(command: Sequence[str], environment: Mapping[str, str] | None = None) -> Child:
    ours, its = socket.socketpair()
    with its:
        return subprocess.Popen(command, stdin=its.fileno(), stdout=its.fileno(), start_new_session=True,
                                env=environment), ours
