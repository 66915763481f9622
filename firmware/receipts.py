# The device's record of what it did: a hash chain of receipts, and the results nobody has acknowledged yet.
import hashlib
import random
import struct

from . import wire


def begin(saved, path):
    # The chain of this start. saved: what was last written to the file `path`, b"" where there is none.
    from .reserve import rise

    whole = len(saved) == 44 and hashlib.sha256(saved[:40]).digest()[:4] == saved[40:]
    boot, seq, prev = struct.unpack(">II32s", saved[:40] if whole else bytes(40))
    chain = Chain(path, prev)
    if whole:
        rise(chain, boot, seq)
    else:
        chain.state = "damaged" if saved else "lost"  # until the gateway has said which numbers are used
    return chain


class Chain:
    # Begins with reserve.rise. path: of the file for its numbers; prev: hash of the last receipt.
    def __init__(self, path, prev):
        self.boot = 1
        self.seq = 0
        self.conn = 0  # connections of this boot
        self._n = 0    # JSON messages of this boot
        self.once = random.getrandbits(30)  # tells this start from another that counted the same
        self.path = path
        self.prev = prev

    def at(self):
        # When a JSON message is said that is said now.
        self._n += 1
        return self._n, self.conn, self.boot

    def receipt(self, who, lease, answer, busy_us):
        # The next receipt of the chain, by `who` (network, device), for `answer` to `lease`; `self.seq` is then its
        # number.
        self.seq += 1
        if self.seq >= self.end:
            from .reserve import rise  # in the heap of a board only while it is used

            rise(self, 0, 0)
        net, device = who
        seal = wire.seal_of(device, lease.nonce, answer)
        busy_us &= 0xFFFFFFFF
        body = wire.encode_receipt(net, device, self.boot, self.seq, lease.epoch, 0, lease.job, lease.nonce, seal,
                                   busy_us, self.prev)
        self.prev = hashlib.sha256(body).digest()
        return body
