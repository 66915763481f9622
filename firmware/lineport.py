# Opens a serial line on whatever runs this, probed by capability. Like ports, but in the heap only where needed.
import asyncio
import select
import sys

from firmware.ports import ticks_ms


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
    if line == "usb":
        return _usb()
    if isinstance(line, int):
        from machine import UART

        uart = UART(line, baud)
        return asyncio.StreamReader(uart), asyncio.StreamWriter(uart, {}), lambda: None
    if not hasattr(asyncio.StreamReader, "feed_data"):
        file = open(line, "r+b")
        _raw(file)
        return _Bytewise(file), asyncio.StreamWriter(file, {}), file.close
    return await _on_cpython(line)


def _usb():
    from micropython import kbd_intr

    kbd_intr(-1)  # byte 3 is data here, not Ctrl-C
    if sys.platform == "linux":
        _raw(sys.stdin.buffer)
    return _Bytewise(sys.stdin.buffer), asyncio.StreamWriter(sys.stdout.buffer, {}), lambda: None


def _raw(file):
    import termios

    termios.setraw(file.fileno())
