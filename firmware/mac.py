# HMAC-SHA-256 (RFC 2104, FIPS 180-4), cut to 16 bytes as PROTOCOL says: one key per device and direction.
import hashlib

MAC_BYTES = 16

try:
    from hmac import digest as _digest  # CPython: in C
except ImportError:
    _digest = None


def derive(key, label):
    # A key for one purpose from the enrolment key, so that no key serves two purposes.
    return _hmac(key, b"lamp/" + label + b"/1\0")


def _pads(key):
    if len(key) > 64:
        key = hashlib.sha256(key).digest()
    inner = bytearray(b"\x36" * 64)
    outer = bytearray(b"\x5c" * 64)
    for i in range(len(key)):
        inner[i] ^= key[i]
        outer[i] ^= key[i]
    return bytes(inner), bytes(outer)


def _hmac(key, data):
    if _digest:
        return _digest(key, data, "sha256")
    inner, outer = _pads(key)
    return hashlib.sha256(outer + hashlib.sha256(inner + data).digest()).digest()


class Mac:
    # Calling it gives the 16-byte tag. The pads are computed once: the key's own mixing is most of a short MAC.
    def __init__(self, key):
        self._key = key
        if not _digest:
            self._inner, self._outer = _pads(key)

    def __call__(self, data):
        if _digest:
            return _digest(self._key, data, "sha256")[:MAC_BYTES]
        inner = hashlib.sha256(self._inner)
        inner.update(data)
        outer = hashlib.sha256(self._outer)
        outer.update(inner.digest())
        return outer.digest()[:MAC_BYTES]

    def matches(self, data, tag):
        # Compares every byte, so that the time taken tells nothing about where a forgery goes wrong.
        mine = self(data)
        if len(tag) != MAC_BYTES:
            return False
        wrong = 0
        for i in range(MAC_BYTES):
            wrong |= mine[i] ^ tag[i]
        return wrong == 0
