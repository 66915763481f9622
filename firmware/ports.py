# Where runtimes differ, probed once and by capability. The only file that may import what a board alone has.
import gc
import os
import sys
import time

try:
    from time import ticks_diff, ticks_ms, ticks_us
except ImportError:

    def ticks_ms():
        return time.monotonic_ns() // 1000000

    def ticks_us():
        return time.monotonic_ns() // 1000

    def ticks_diff(later, earlier):
        return later - earlier


try:
    import vfs
except ImportError:
    vfs = None

# sys.implementation._mpy of this interpreter: which .mpy it takes. 0: it takes source only.
ARCH = getattr(sys.implementation, "_mpy", 0)
BOARD = sys.platform
_TCP = 6
_NODELAY = 1


def free_heap():
    # Bytes; a runtime without a fixed heap reports a board's worth.
    gc.collect()
    if not hasattr(gc, "mem_free"):
        return 131072
    # Collecting only when the heap is full would leave what lives scattered all over it, in small pieces.
    gc.threshold(gc.mem_free() // 8)
    return gc.mem_free()


def temperature():
    # deg C of the chip, None where the board cannot tell.
    try:
        import esp32

        return esp32.mcu_temperature()
    except (ImportError, AttributeError):
        return None


def no_delay(writer):
    # Without it Nagle and delayed ACK make a QoS 1 round trip 40 ms. Ports without the option go without.
    try:
        sock = writer.get_extra_info("socket")
    except KeyError:
        sock = writer.s
    try:
        sock.setsockopt(_TCP, _NODELAY, 1)
    except (OSError, AttributeError, TypeError):
        pass


def tls_context(ca):
    # Trusts the authorities in the file `ca` and nothing else.
    import ssl

    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.verify_mode = ssl.CERT_REQUIRED
    context.load_verify_locations(ca)
    return context


def read_file(path):
    # The bytes of a file, b"" where there is none.
    try:
        with open(path, "rb") as f:
            return f.read()
    except OSError:
        return b""


def write_file(path, data):
    # Whole or not at all: a power cut leaves the old content.
    with open(path + ".new", "wb") as f:
        f.write(data)
        f.flush()
    os.rename(path + ".new", path)


class _Ram:
    # A file system that holds one file and forgets it after the import: no flash write, no wear.
    def __init__(self, data):
        self._data = data

    def mount(self, readonly, mkfs):
        pass

    def umount(self):
        pass

    def stat(self, path):
        if path == "/" + _NAME + ".mpy":
            return (0x8000, 0, 0, 0, 0, 0, len(self._data), 0, 0, 0)
        raise OSError(2)

    def open(self, _path, _mode):
        import io

        return io.BytesIO(self._data)


_NAME = "lamp_kernel"
_MOUNT = "/lamp_kernel"


def load_kernel(blob):
    # The function run(input, contexts) of a kernel: an .mpy, or source where the runtime takes no .mpy.
    # Raises whatever a broken kernel raises.
    if not ARCH:
        scope = {}
        exec(blob.decode(), scope)  # noqa: S102 - the lease that names this blob by hash was authenticated
        return scope["run"]
    vfs.mount(_Ram(blob), _MOUNT)
    sys.path.insert(0, _MOUNT)
    try:
        return __import__(_NAME).run
    finally:
        sys.path.pop(0)
        sys.modules.pop(_NAME, None)
        vfs.umount(_MOUNT)


def measure_speed():
    # Simple statements per millisecond (= kop/s): one normalised operation is one such statement of bytecode.
    # The best of many short rounds: whatever interrupts a round must not make the board look slow.
    best = 1
    began = ticks_ms()
    while ticks_diff(ticks_ms(), began) < 40:
        start = ticks_us()
        x = 1
        for i in range(250):
            x = x * 5 + i
            x &= 0xFFFF
            y = x >> 3
            x ^= y
        best = max(best, 1000000 // max(1, ticks_diff(ticks_us(), start)))
    return best
