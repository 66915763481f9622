"""Makes ``wire.json``: one golden frame of every struct, built from PROTOCOL's tables with ``struct`` and ``hmac``.

Nothing of ours is imported: the vectors are a second opinion. They were made once; a change of a byte is a
change of the protocol's version. Run it to see that it still gives the same file.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import struct
from pathlib import Path

KEY = bytes(range(32))
NET, NONCE, JOB, KERNEL = b"NETWORK!", b"n" * 15 + b"\x00", b"\xff" + b"j" * 15, b"k" * 16
CONTEXTS = [b"c" * 16, b"d" * 16]
ANSWER = b"\x00\x01answer\xff"


def key(label: bytes) -> bytes:
    """A key for one purpose: HMAC-SHA-256 of a label."""
    return hmac.digest(KEY, b"lamp/" + label + b"/1\0", "sha256")


def tagged(body: bytes, label: bytes) -> bytes:
    """A frame with its 16-byte MAC."""
    return body + hmac.digest(key(label), body, "sha256")[:16]


def document(text: str) -> bytes:
    """A JSON document of a device: its text without the closing brace, then the MAC as the last member."""
    mac = hmac.digest(key(b"up"), text.encode(), "sha256")[:16]
    return f'{text}, "mac": "{mac.hex()}"}}'.encode()


def lease() -> bytes:
    """fence 7, epoch 9, acknowledge within 1.5 s, report within 70 s, 123 kop, two contexts, 5 bytes of input."""
    head = b"\x01\x01" + struct.pack(">I", 7) + NONCE + JOB + KERNEL + struct.pack(">IIII", 9, 1500, 70000, 123)
    return tagged(head + bytes([len(CONTEXTS)]) + b"".join(CONTEXTS) + b"input", b"down")


def span() -> bytes:
    """The same of three jobs with 3, 0 and 2 bytes of input."""
    given = b"\x03" + struct.pack(">HHH", 3, 0, 2) + b"one" + b"in"
    head = b"\x01\x0b" + lease()[2:71]
    return tagged(head + b"".join(CONTEXTS) + given, b"down")


def receipt() -> bytes:
    """boot 3, seq 65,536, epoch 9, no flags, 4,321 microseconds, the first of its chain."""
    device = hashlib.sha256(KEY).digest()[:16]
    inner = hashlib.sha256(ANSWER).digest()
    seal = hashlib.sha256(b"lamp/result/1\0" + device + NONCE + inner).digest()
    counters = struct.pack(">IIII", 3, 65536, 9, 0)
    return (b"\x01\x02" + NET + device + counters + JOB + NONCE + seal + struct.pack(">I", 4321) + b"\0" * 32)


def vectors() -> dict[str, str]:
    """Hex of each frame by name."""
    nonce_only = {"cancel": (8, b"down"), "accept": (9, b"up")}
    made = {
        "key": KEY,
        "net": NET,
        "nonce": NONCE,
        "job": JOB,
        "kernel": KERNEL,
        "answer": ANSWER,
        "device": hashlib.sha256(KEY).digest()[:16],
        "key_up": key(b"up"),
        "key_down": key(b"down"),
        "lease": lease(),
        "span": span(),
        "receipt": receipt(),
        "receipt_hash": hashlib.sha256(receipt()).digest(),
        "result": tagged(receipt(), b"up") + ANSWER,
        "refusal": tagged(b"\x01\x03" + NONCE + b"\x06", b"up"),
        "ack": tagged(b"\x01\x04\x02" + struct.pack(">IBIB", 65536, 1, 65537, 14), b"down"),
        "chunk": b"\x01\x06" + KERNEL + struct.pack(">II", 300, 200) + b"chunk",
        "want": tagged(b"\x01\x07" + KERNEL + struct.pack(">I", 200), b"up"),
        "floor": tagged(b"\x01\x0a" + struct.pack(">III", 123456789, 41, 65600), b"down"),
        "batch": b"\x01\x05" + b"\x00\x14\x01\x09" + NONCE + b"\0\xc8" + b"\x00\x02\x01\x09",
        "status": document('{"status": 1073741823, "conn": 2, "boot": 3, "v": 1, "state": "lost"'),
        "birth": document('{"birth": 7, "conn": 2, "boot": 1, "v": 1, "board": "pico_w", "arch": 2822, '
                          '"fw": "0.1.0", "heap": 90000, "speed": 800, "message": 2048, "once": 123456789, '
                          '"can": ["floor"], "state": "lost"'),
        "bid": document('{"bid": 8, "conn": 2, "boot": 3, "v": 1, "spare": 700, "heap": 90000, "room": 4, '
                        '"blobs": ["00ff00ff"], "power": "mains", "temp": null'),
        **{name: tagged(bytes([1, kind]) + NONCE, label) for name, (kind, label) in nonce_only.items()},
    }
    return {name: value.hex() for name, value in made.items()}


if __name__ == "__main__":
    Path(__file__).with_name("wire.json").write_text(json.dumps(vectors(), indent=1) + "\n")
