# Opens a serial line on whatever runs this, probed by capability. Like ports, but in the heap only where needed.
import asyncio
import select
import sys


class _Bytewise:
    # A reader of a terminal or of USB: there read(n) of MicroPython waits until all n bytes have come.
    def __init__(self, file):
        self._file = file
        self._stream = asyncio.StreamReader(file)
        self._poll = select.poll()
        self._poll.register(file, select.POLLIN)

    async def read(self, most):
        data = await self._stream.read(1)
        while data and len(data) < most and self._poll.poll(0):
            byte = self._file.read(1)
            if not byte:
                break
            data += byte
        return data


async def open_line(line, baud):
    # (reader, writer, function that closes them) of a UART by its number, of the USB console ("usb"), or of the
    # terminal at a path. Raises OSError.
    if isinstance(line, int):
        from machine import UART

        uart = UART(line, baud)
        return asyncio.StreamReader(uart), asyncio.StreamWriter(uart, {}), lambda: None
    if line == "usb":
        from micropython import kbd_intr

        kbd_intr(-1)  # byte 3 is data here, not Ctrl-C
        _raw(sys.stdin.buffer, baud)
        return _Bytewise(sys.stdin.buffer), asyncio.StreamWriter(sys.stdout.buffer, {}), lambda: None
    file = _terminal(line, baud)
    if not hasattr(asyncio.StreamReader, "feed_data"):
        return _Bytewise(file), asyncio.StreamWriter(file, {}), file.close
    return await _on_cpython(file)


def _terminal(path, baud):
    file = open(path, "r+b", 0)
    _raw(file, baud)
    return file


def _raw(file, baud):
    try:
        import termios
    except ImportError:
        return  # a board: nothing between us and the bytes
    try:
        from termios import setraw
    except ImportError:
        from tty import setraw
    fd = file.fileno()
    setraw(fd)
    modes = termios.tcgetattr(fd)
    modes[4] = modes[5] = getattr(termios, "B%d" % baud)
    termios.tcsetattr(fd, termios.TCSANOW, modes)


async def _on_cpython(file):
    loop = asyncio.get_running_loop()
    reader = asyncio.StreamReader()
    source, _ = await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), file)
    sink, protocol = await loop.connect_write_pipe(asyncio.streams.FlowControlMixin, _same(file))

    def close():
        sink.abort()
        source.close()

    return reader, asyncio.StreamWriter(sink, protocol, None, loop), close


def _same(file):
    return open(file.fileno(), "wb", 0, closefd=False)
