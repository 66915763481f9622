"""Makes ``firmware/``: this firmware as a board has it, and what this gateway says to a device.

    python -m tests.vectors.firmware

Run it when the oldest firmware and gateway that the present ones must work with change; until then the files stay as
they are, since boards and gateways like them are in the field.
"""

from __future__ import annotations

import json
import shutil
import tempfile
from pathlib import Path

from lamplighter.firmware import wire
from lamplighter.firmware.mac import Mac, derive
from lamplighter.gateway.devicebuild.compiler import FORMAT, NATIVE, build_firmware
from lamplighter.gateway.protocol import frames
from lamplighter.gateway.simulate.fleet import FIRMWARE

FOLDER = Path(__file__).with_name("firmware")
ANY_BOARD = NATIVE << 8 | FORMAT
"""Bytecode only: every instruction set takes it."""
KEY = bytes(range(32))
KERNEL = b"def run(data, contexts):\n    yield\n    return data + contexts[0]\n"
CONTEXT = b"what many jobs share"


def said() -> list[tuple[str, bytes]]:
    """What a gateway says, each with its topic: a lease, what it needs in parts, an acknowledgement, a lease that it
    takes back, and numbers that it knows of.
    """
    down = Mac(derive(KEY, b"down"))
    kernel, context = wire.blob_name(KERNEL), wire.blob_name(CONTEXT)
    first, second = (wire.Lease(n, bytes((n,)) * 16, bytes((64 + n,)) * 16, kernel, 7, 10_000, 60_000, 20, (context,),
                                b"input %d " % n, False) for n in (1, 2))
    parts = [(kernel, KERNEL, at, KERNEL[at:at + 40]) for at in range(0, len(KERNEL), 40)]
    parts.append((context, CONTEXT, 0, CONTEXT))
    return [("lease", frames.encode_lease(first, down)),
            *(("blob", frames.encode_chunk(name, len(blob), at, part)) for name, blob, at, part in parts),
            ("ack", frames.encode_ack([(1, 1)], down)),
            ("lease", wire.encode_batch([frames.encode_lease(second, down),
                                         wire.encode_nonce(wire.CANCEL, second.nonce, down)])),
            ("lease", frames.encode_floor(5, 3, 640, down))]


def make() -> None:
    """All files but the one that says what they are."""
    with tempfile.TemporaryDirectory() as folder:
        build_firmware(FIRMWARE, Path(folder), ANY_BOARD)
        for old in FOLDER.glob("*.mpy"):
            old.unlink()
        for made in Path(folder, "firmware").iterdir():
            shutil.copy(made, FOLDER / made.name)
    (FOLDER / "gateway.json").write_text(json.dumps(
        {"key": KEY.hex(), "kernel": KERNEL.hex(), "said": [(leaf, payload.hex()) for leaf, payload in said()]},
        indent=1) + "\n")


if __name__ == "__main__":
    make()
