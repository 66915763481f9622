# HMAC-SHA-256 (RFC 2104, FIPS 180-4), cut to 16 bytes as PROTOCOL says: one key per device and direction.
import hashlib
import sys

MAC_BYTES = 16

if sys.implementation.name != "micropython":
    try:
        from hmac import compare_digest
    except ImportError:
        pass  # every CPython has it


class Mac:
    # Calling it gives the 16-byte tag.
    def __init__(self, key):
        # The two pads: mixing in the key is most of the work of a short MAC, and done once.
        if len(key) > 64:
            key = hashlib.sha256(key).digest()
        pads = bytearray(b"\x36" * 64 + b"\x5c" * 64)
        for i in range(len(key)):
            pads[i] ^= key[i]
            pads[64 + i] ^= key[i]
        if sys.implementation.name == "micropython":
            self._key = pads
        else:
            self._inner = hashlib.sha256(pads[:64])
            self._outer = hashlib.sha256(pads[64:])

    def digest(self, data):
        # The tag before it is cut.
        if sys.implementation.name == "micropython":
            inner = hashlib.sha256(self._key[:64])
            outer = hashlib.sha256(self._key[64:])
        else:
            inner = self._inner.copy()
            outer = self._outer.copy()
        inner.update(data)
        outer.update(inner.digest())
        return outer.digest()

    def __call__(self, data):
        return self.digest(data)[:MAC_BYTES]

    def matches(self, data, tag):
        # Compares every byte, so that the time taken tells nothing about where a forgery goes wrong.
        mine = self(data)
        if sys.implementation.name != "micropython":
            return compare_digest(mine, tag)
        if len(tag) != MAC_BYTES:
            return False
        wrong = 0
        for i in range(MAC_BYTES):
            wrong |= mine[i] ^ tag[i]
        return wrong == 0


def derive(key, label):
    # A key for one purpose from the enrolment key, so that no key serves two purposes.
    return Mac(key).digest(b"lamp/" + label + b"/1\0")
