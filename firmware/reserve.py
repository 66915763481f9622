# Numbers in flash. Built, it is in the heap only while it is used.
import hashlib
import os
import random
import struct

from . import wire

_BLOCK = 64  # sequence numbers reserved per flash write; a reboot skips the rest of its block


def rise(chain, boot, seq):
    # Has the chain go on above these numbers, which have been used; in flash before anything is signed with the next.
    chain.boot = max(chain.boot, boot + 1)
    chain.seq = max(chain.seq, seq)
    chain.end = chain.seq + _BLOCK
    body = struct.pack(">II32s", chain.boot, chain.end, chain.prev)
    write(chain.path, body + hashlib.sha256(body).digest()[:4])
    chain.state = ""


def heed(chain, frame, mac):
    # A floor: numbers of ours that the gateway knows. Where ours are not above them, we go on above them, with room
    # for results that are still on their way to it, from a new connection: the will of this one names a boot that is
    # no more. Raises OSError then, WireError.
    once, boot, seq = wire.decode_floor(frame, mac)
    if once == chain.once and (chain.state or boot >= chain.boot):
        rise(chain, boot, seq + 64)
        chain.once = random.getrandbits(30)  # a second answer, or a replay of it, moves nothing
        raise OSError


def write(path, data):
    # Writes a file, whole or not at all: a power cut leaves the old content.
    with open(path + ".new", "wb") as f:
        f.write(data)
        f.flush()
    os.rename(path + ".new", path)
