# Follows an integer sequence. Input: number of steps, where to start (both u32); answer: where it ends (u32).
import struct

STEPS = 256  # between two yields


def run(data, contexts):
    left, state = struct.unpack(">II", data)
    while left > 0:
        for _ in range(min(left, STEPS)):
            state = (state * 75 + 74) % 65537
        left -= STEPS
        yield
    return struct.pack(">I", state)
