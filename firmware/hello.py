# What a device says of itself. Built, it is in the heap only while it is said.
from . import __version__, wire
from .ports import ARCH


def status(state, boot):
    return wire.encode_status(state, boot)


def greeting(board, heap, speed, boot, message, why):
    # Messages to publish at every connection. heap: bytes free at start; speed: kop/s; message: bytes it takes in
    # one; why: it restarted itself.
    birth = wire.encode_birth(board, ARCH, __version__, heap, speed, boot, message, why)
    return [("status", [status("ready", boot)], 1, 1), ("birth", [birth], 1, 1)]
