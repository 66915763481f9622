# Opens a connection over TCP or TLS. Built, it is in the heap only until that is done.
import asyncio
import errno
import sys

_TCP = 6
_NODELAY = 1


if sys.implementation.name == "micropython":
    # asyncio.open_connection is a server, a reader and a writer too: 2 KB.

    def connect(host, port, tls):
        # A connection over TCP, or TLS with a context, to be written to and closed. Raises OSError. To be awaited.
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
