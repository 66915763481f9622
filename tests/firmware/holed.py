# A device whose heap is in pieces on purpose: holed.py CONFIG KERNEL PIECE SPARE, in bytes. What the firmware leaves
# free is then one piece of KERNEL and pieces of PIECE, SPARE together.
import gc
import sys

import firmware.main as device


def walls(kernel, piece, spare):
    # Fills the heap, and frees of it what is to be free; the walls between the pieces stay.
    gc.collect()
    room = bytearray(kernel)
    wall = None
    try:
        while True:
            wall = [wall, bytearray(piece)]
    except MemoryError:
        pass
    here = wall
    while here and spare > 0:
        here[1] = None
        here = here[0]
        spare -= piece
    del room
    gc.collect()
    return wall


held = walls(*[int(word) for word in sys.argv[2:]])
device.main(sys.argv[1])
