# Where runtimes differ, probed once and by capability. The only file that may import what a board alone has.
import asyncio
import errno
import gc
import sys
import time

if sys.implementation.name == "micropython":
    from time import ticks_diff, ticks_ms, ticks_us
else:

    def ticks_ms():
        return time.monotonic_ns() // 1000000

    def ticks_us():
        return time.monotonic_ns() // 1000

    def ticks_diff(later, earlier):
        return later - earlier


if hasattr(gc, "threshold"):
    # While the rest is imported: collecting only when the heap is full would leave what lives scattered all over it.
    gc.threshold(1024)

_PIECE = 256  # bytes
_TCP = 6
_NODELAY = 1


def free_heap():
    # Bytes, 0 where no piece of them is as long as what has to be said; a runtime without a fixed heap reports a
    # board's worth.
    gc.collect()
    if sys.implementation.name != "micropython":
        return 131072
    free = gc.mem_free()
    gc.threshold(free // 8)
    try:
        bytearray(_PIECE)
    except MemoryError:
        return 0
    return free


def thermometer():
    # A function that gives deg C of the chip, None where the board has none.
    try:
        import esp32

        return esp32.mcu_temperature
    except (ImportError, AttributeError):
        return None


if sys.implementation.name == "micropython":
    # asyncio.open_connection is a server, a reader and a writer too: 2 KB.

    def connect(host, port, tls):
        # A connection over TCP, or TLS with a context, to be written to and closed. Raises OSError. To be awaited, as
        # the two below.
        import socket

        where = socket.getaddrinfo(host, port, 0, socket.SOCK_STREAM)[0]
        link = socket.socket(where[0], where[1], where[2])
        link.setblocking(False)
        try:
            link.setsockopt(_TCP, _NODELAY, 1)
        except (OSError, AttributeError):
            pass  # without it Nagle and delayed ACK make a QoS 1 round trip 40 ms
        try:
            link.connect(where[-1])
        except OSError as error:
            if error.errno != errno.EINPROGRESS:
                raise
        if tls:
            link = tls.wrap_socket(link, server_hostname=host, do_handshake_on_connect=False)
            link.setblocking(False)
        yield asyncio.core._io_queue.queue_write(link)
        return link

    def receive(link, buf, count):
        # Fills the start of `buf`. Raises EOFError.
        at = 0
        while at < count:
            got = link.readinto(memoryview(buf)[at:] if at else buf, count - at)
            if got:
                at += got
            elif got is None:
                yield asyncio.core._io_queue.queue_read(link)
            else:
                raise EOFError

    def writable(link):
        # To be awaited where not all were.
        yield asyncio.core._io_queue.queue_write(link)

else:

    class Link:
        # What a socket is there.
        def __init__(self, reader, writer):
            self.reader = reader
            self.writer = writer

        def write(self, data, at, most):
            # How many bytes of `data` after the first `at` were taken now, up to `most`; None for none.
            wire = self.writer.transport
            if wire.get_write_buffer_size() > wire.get_write_buffer_limits()[1]:
                return None
            wire.write(bytes(data[at:at + most]))
            return min(len(data) - at, most)

        def close(self):
            self.writer.close()

    async def connect(host, port, tls):
        link = Link(*await asyncio.open_connection(host, port, ssl=tls))
        link.writer.get_extra_info("socket").setsockopt(_TCP, _NODELAY, 1)
        return link

    async def receive(link, buf, count):
        buf[:count] = await link.reader.readexactly(count)

    async def writable(link):
        await link.writer.drain()


def read_file(path):
    # The bytes of a file, b"" where there is none.
    try:
        with open(path, "rb") as f:
            return f.read()
    except OSError:
        return b""
