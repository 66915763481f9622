# Runs on MicroPython: prints every name of an attribute of what can be reached from its modules, or is made by them.
# Not what modules themselves have: a module is imported, so it is seen in the source that something is of one.
# MicroPython has no pathlib.
# ruff: noqa: PTH123, SIM115
import asyncio
import hashlib
import io
import re
import select
import socket
import sys

MODULES = (
    "array", "asyncio", "asyncio.core", "asyncio.event", "asyncio.funcs", "asyncio.lock", "asyncio.stream",
    "binascii", "builtins", "cmath", "collections", "cryptolib", "deflate", "errno", "framebuf", "gc", "hashlib",
    "heapq", "io", "json", "machine", "math", "micropython", "os", "platform", "random", "re", "select", "socket",
    "ssl", "struct", "sys", "termios", "time", "tls", "uctypes", "vfs", "_thread",
)
PLAIN = str, bytes, int, float, type(None)
names = set()
seen = []


def walk(thing, depth):
    for known in seen:
        if known is thing:
            return
    seen.append(thing)
    for name in dir(thing):
        if not isinstance(thing, type(sys)):
            names.add(name)
        part = getattr(thing, name, None)
        if depth and not isinstance(part, PLAIN):
            walk(part, depth - 1)
            walk(type(part), depth - 1)


def generator():
    yield


async def coroutine():
    pass


async def waiting():
    task = asyncio.create_task(coroutine())
    server = await asyncio.start_server(coroutine, "127.0.0.1", 0)
    for thing in (task, asyncio.sleep(0), server, asyncio.core._io_queue, asyncio.core._task_queue):
        walk(thing, 2)
    server.close()


for name in MODULES:
    walk(__import__(name, None, None, ["*"]), 4)
for thing in ("", b"", 1, 1.5, [], (), {}, {1}, frozenset(), range(1), bytearray(), memoryview(b""), object(),
              waiting, iter([]), map(len, []), zip(), filter(None, []), enumerate([]), reversed([]), {}.keys(),
              generator(), coroutine(), Exception(), StopIteration(1), OSError(1), open(sys.argv[1]),
              open(sys.argv[1], "rb"),
              io.BytesIO(), io.StringIO(), socket.socket(), select.poll(), hashlib.sha256(), re.compile("a"),
              re.match("a", "a"), sys.implementation, sys.stdin, sys.stdin.buffer, asyncio.Event(), asyncio.Lock(),
              asyncio.StreamReader(None), asyncio.StreamWriter(None), asyncio.get_event_loop()):
    walk(thing, 2)
    walk(type(thing), 2)
asyncio.run(waiting())
print(" ".join(sorted([name for name in names if name[:2] != "__"])))
