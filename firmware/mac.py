# HMAC-SHA-256 (RFC 2104, FIPS 180-4), cut to 16 bytes as PROTOCOL says: one key per device and direction.
import hashlib
import sys

try:
    from micropython import const
except ImportError:

    def const(value):
        return value


MAC_BYTES = const(16)

if sys.implementation.name == "micropython":

    def _prepared(key):
        # The two pads: mixing in the key is most of the work of a short MAC, and done once.
        if len(key) > 64:
            key = hashlib.sha256(key).digest()
        pads = bytearray(b"\x36" * 64 + b"\x5c" * 64)
        for i in range(len(key)):
            pads[i] ^= key[i]
            pads[64 + i] ^= key[i]
        return pads

    def _hmac(pads, data):
        inner = hashlib.sha256(pads[:64])
        inner.update(data)
        outer = hashlib.sha256(pads[64:])
        outer.update(inner.digest())
        return outer.digest()

else:
    try:
        from hmac import digest
    except ImportError:
        pass  # every CPython has it

    def _prepared(key):
        return key

    def _hmac(key, data):
        return digest(key, data, "sha256")  # in C


def derive(key, label):
    # A key for one purpose from the enrolment key, so that no key serves two purposes.
    return _hmac(_prepared(key), b"lamp/" + label + b"/1\0")


class Mac:
    # Calling it gives the 16-byte tag.
    def __init__(self, key):
        self._key = _prepared(key)

    def __call__(self, data):
        return _hmac(self._key, data)[:MAC_BYTES]

    def matches(self, data, tag):
        # Compares every byte, so that the time taken tells nothing about where a forgery goes wrong.
        mine = self(data)
        if len(tag) != MAC_BYTES:
            return False
        wrong = 0
        for i in range(MAC_BYTES):
            wrong |= mine[i] ^ tag[i]
        return wrong == 0
