# The device's record of what it did: a hash chain of receipts, and the results nobody has acknowledged yet.
import hashlib
import struct

from . import wire

_BLOCK = 64  # sequence numbers reserved per flash write; a reboot skips the rest of its block


class Chain:
    # saved: what was last written to the file `path`, b"" on the first start.
    def __init__(self, saved, path):
        self.boot = 0
        self.seq = 0
        self._prev = bytes(32)
        if len(saved) == 44 and hashlib.sha256(saved[:40]).digest()[:4] == saved[40:]:
            self.boot, self.seq, self._prev = struct.unpack(">II32s", saved[:40])
        self.boot += 1
        self._path = path
        self._reserve()

    def _reserve(self):
        from .loader import write  # in the heap of a board only while it is used

        self._end = self.seq + _BLOCK
        body = struct.pack(">II32s", self.boot, self._end, self._prev)
        write(self._path, body + hashlib.sha256(body).digest()[:4])

    def receipt(self, net, device, lease, answer, busy_us):
        # The next receipt of the chain, for `answer` to `lease`; `self.seq` is then its number.
        self.seq += 1
        if self.seq >= self._end:
            self._reserve()
        body = wire.encode_receipt(net, device, self.boot, self.seq, lease.epoch, 0, lease.job, lease.nonce,
                                   wire.seal_of(device, lease.nonce, answer), busy_us & 0xFFFFFFFF, self._prev)
        self._prev = hashlib.sha256(body).digest()
        return body
