# Fills square lattices at random and counts those that let a current through from the top row to the bottom row.
# In: side, samples, 1 if every site is open, u16 threshold (of 65,536, below which a site is open), two u32 states.
# Out: u16, how many of the samples span.
from array import array
from struct import unpack

try:
    import micropython
except ImportError:

    class micropython:
        @staticmethod
        def viper(function):
            return function


def ptr8(data):
    return data


def ptr16(data):
    return data


def ptr32(data):
    return data


# Two multiply-with-carry generators of 16 bits (G. Marsaglia, 1994), added: products stay below 31 bits.
@micropython.viper
def fill(cells: ptr8, state: ptr32, count: int, threshold: int):
    lattice = ptr8(cells)
    words = ptr32(state)
    a = words[0]
    b = words[1]
    for at in range(count):
        a = 30903 * (a & 65535) + (a >> 16)
        b = 18000 * (b & 65535) + (b >> 16)
        lattice[at] = 1 if ((a & 65535) + (b & 65535) & 65535) < threshold else 0
    words[0] = a
    words[1] = b


# Depth first from every open site of the top row; a visited site is closed. 1 when the bottom row is reached.
@micropython.viper
def spans(cells: ptr8, stack: ptr16, side: int) -> int:
    lattice = ptr8(cells)
    todo = ptr16(stack)
    last = side * (side - 1)
    for start in range(side):
        if lattice[start] == 0:
            continue
        lattice[start] = 0
        todo[0] = start
        depth = 1
        while depth > 0:
            depth -= 1
            at = int(todo[depth])
            if at >= last:
                return 1
            column = at % side
            if lattice[at + side]:
                lattice[at + side] = 0
                todo[depth] = at + side
                depth += 1
            if column > 0 and lattice[at - 1]:
                lattice[at - 1] = 0
                todo[depth] = at - 1
                depth += 1
            if column < side - 1 and lattice[at + 1]:
                lattice[at + 1] = 0
                todo[depth] = at + 1
                depth += 1
            if at >= side and lattice[at - side]:
                lattice[at - side] = 0
                todo[depth] = at - side
                depth += 1
    return 0


def run(data, contexts):
    if len(data) != 13:
        raise ValueError("input")
    side, samples, always, threshold, first, second = unpack(">BBBHII", data)
    if not (4 <= side <= 64 and samples and 0 < first < 30903 << 16 and 0 < second < 18000 << 16 and always < 2):
        raise ValueError("range")
    cells = bytearray(side * side)
    stack = array("H", bytes(2 * side * side))
    state = array("I", (first, second))
    found = 0
    for _ in range(samples):
        fill(cells, state, side * side, 65536 if always else threshold)
        yield
        found += spans(cells, stack, side)
        yield
    return found.to_bytes(2, "big")
