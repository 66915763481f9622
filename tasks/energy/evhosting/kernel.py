# Kernel of energy.evhosting: scenarios of charging cars on a radial feeder, solved slot by slot.
#
# Method: backward/forward sweep (Shirmohammadi et al., IEEE Trans. Power Systems 3(2), 1988), per unit,
# constant power. Currents and powers are Q20, voltages and impedances Q24, as pairs (real, imaginary).
# Voltages add up along a feeder, hence the finer step: with Q20 the iteration can circle instead of ending.
# Every product of two such numbers is split into limbs, so that no intermediate needs more than 31 bits
# and a sign; the host scales the feeder so that all power together is at most 8 pu and |z| < 2 pu.
#
# data: seed u32, first scenario u32, cars u16, level u8, count u8.
# contexts: network, loads, day, profiles (layouts: see load). Answer: ANSWER bytes for each scenario.
import struct
from array import array

try:
    import micropython
except ImportError:  # CPython
    class micropython:
        @staticmethod
        def viper(function):
            return function


def ptr8(b):
    return b


def ptr16(b):
    return b


def ptr32(b):
    return b


MODULUS = 2147483647  # of the Lehmer generator x -> 48271 x
TOLERANCE = 64        # 4 / 2^20 pu between two iterations, in units of Q24
ITERATIONS = 40
FAILED = 536870912    # what sweep returns when the voltage has collapsed
BIAS = 536870912      # added to signed words of M: viper's ptr32 loads are unsigned where words are 64 bits
ANSWER = 20
COLLAPSED = 16

# Table S: 0 buses  1 slots  2 first slot  3 power of a car, Q26  4 generator  5 cars still to place
# 6 places left  7 modulus  8 bus or slot at hand  9 lowest allowed |V|^2  10 highest allowed |V|^2
# 11 allowed line loading^2  12 allowed transformer loading^2  13 branch 1 is a transformer
# 14 flags  15 lowest |V|^2  16 its bus  17 its slot  18 highest line loading^2  19 its branch
# 20 its slot  21 highest transformer loading^2  22 its slot  23 source voltage, Q24
# Table M, 16 words per bus, bus 0 is the source and branch i feeds bus i: 0 parent  1 r  2 x
# 3 one over the rated current, Q16  4 sixteen times the rated current  5 peak p  6 peak q
# 7 profile of p, of q times 256  8 places for cars  9 cars charging  10 p  11 q  12 v real  13 v imaginary
# 14 i real  15 i imaginary; words 6 and 11 to 15 may be negative and are stored plus BIAS


@micropython.viper
def place(S: ptr32, M: ptr32, T: ptr8, C: ptr16) -> int:
    # Draws the cars of one bus: exactly S[5] of the S[6] places left get one (selection sampling, Knuth
    # 3.4.2 S). C[bus, slot] counts how many cars more charge than in the slot before, modulo 2^16.
    bus = S[8]
    base = bus << 4
    slots = S[1]
    row = bus * slots
    first = S[2]
    x = S[4]
    need = S[5]
    left = S[6]
    modulus = S[7]
    places = M[base + 8]
    M[base + 9] = 0
    for _ in range(places):
        x = 48271 * (x % 44488) - 3399 * (x // 44488)  # Schrage: stays within 31 bits and a sign
        if x < 0:
            x += modulus
        if (((x >> 16) * left) >> 15) < need:
            need -= 1
            x = 48271 * (x % 44488) - 3399 * (x // 44488)
            if x < 0:
                x += modulus
            start = T[x >> 23] - first
            x = 48271 * (x % 44488) - 3399 * (x // 44488)
            if x < 0:
                x += modulus
            end = start + T[256 + (x >> 23)]
            if start < 0:
                start = 0
            if start < slots and end > 0:
                C[row + start] = (C[row + start] + 1) & 65535
                if end < slots:
                    C[row + end] = (C[row + end] + 65535) & 65535
        left -= 1
    S[4] = x
    S[5] = need
    S[6] = left
    return 0


@micropython.viper
def advance(S: ptr32, M: ptr32, C: ptr16, F: ptr16) -> int:
    # Sets the power of every bus for slot S[8], starts voltages flat, and clears what it read of C.
    slots = S[1]
    slot = S[8]
    car = S[3]
    n = S[0]
    v0 = S[23]
    for i in range(n):
        b = i << 4
        at = i * slots + slot
        cars = (M[b + 9] + C[at]) & 65535
        C[at] = 0
        M[b + 9] = cars
        profile = M[b + 7]
        share = F[(profile & 255) * slots + slot]  # Q15, at most 1
        p = M[b + 5]
        q = M[b + 6] - 536870912
        M[b + 10] = (((p >> 12) * share + (((p & 4095) * share) >> 12)) >> 3) + ((cars * car) >> 6)
        share = F[(profile >> 8) * slots + slot]
        M[b + 11] = 536870912 + (((q >> 12) * share + (((q & 4095) * share) >> 12)) >> 3)
        M[b + 12] = 536870912 + v0
        M[b + 13] = 536870912
    return 0


@micropython.viper
def sweep(S: ptr32, M: ptr32) -> int:
    # One iteration; the largest change of a voltage in units of Q24 pu, or FAILED outside 0.5 to 2 pu.
    n = S[0]
    o = 536870912
    M[14] = o
    M[15] = o
    for i in range(1, n):
        b = i << 4
        p = M[b + 10]
        q = M[b + 11] - o
        if p == 0 and q == 0:
            M[b + 14] = o
            M[b + 15] = o
        else:
            v = (M[b + 12] - o + 8) >> 4
            u = (M[b + 13] - o + 8) >> 4
            vh = v >> 11
            vl = v & 2047
            uh = u >> 11
            ul = u & 2047
            d = ((vh * vh + uh * uh) << 2) + ((2 * (vh * vl + uh * ul) + ((vl * vl + ul * ul) >> 11)) >> 9)
            if d < 262144 or d >= 4194304:
                return o
            # w = 2^40 // d by long division
            w = o // d
            r = (o - w * d) << 7
            t = r // d
            w = (w << 7) + t
            r = (r - t * d) << 4
            w = (w << 4) + r // d
            wh = w >> 11
            wl = w & 2047
            # 1 / conj(V) = V / |V|^2
            v = ((vh * wh) << 2) + ((vh * wl + vl * wh + ((vl * wl) >> 11)) >> 9)
            u = ((uh * wh) << 2) + ((uh * wl + ul * wh + ((ul * wl) >> 11)) >> 9)
            vh = v >> 11
            vl = v & 2047
            uh = u >> 11
            ul = u & 2047
            ph = p >> 11
            pl = p & 2047
            qh = q >> 11
            ql = q & 2047
            # I = conj(S) / conj(V)
            M[b + 14] = o + ((ph * vh + qh * uh) << 2) + (
                (ph * vl + pl * vh + qh * ul + ql * uh + ((pl * vl + ql * ul) >> 11)) >> 9)
            M[b + 15] = o + ((ph * uh - qh * vh) << 2) + (
                (ph * ul + pl * uh - qh * vl - ql * vh + ((pl * ul - ql * vl) >> 11)) >> 9)
    for k in range(1, n):
        b = (n - k) << 4
        t = M[b] << 4
        M[t + 14] = M[t + 14] + (M[b + 14] - o)
        M[t + 15] = M[t + 15] + (M[b + 15] - o)
    change = 0
    for i in range(1, n):
        b = i << 4
        r = M[b + 1]
        x = M[b + 2]
        ph = M[b + 14] - o
        qh = M[b + 15] - o
        pl = ph & 4095
        ql = qh & 4095
        ph = ph >> 12
        qh = qh >> 12
        vh = r >> 12
        vl = r & 4095
        uh = x >> 12
        ul = x & 4095
        t = M[b] << 4
        v = M[t + 12] - o - ((vh * ph - uh * qh) << 4) - (
            (vh * pl + vl * ph - uh * ql - ul * qh + ((vl * pl - ul * ql) >> 12) + 128) >> 8)
        u = M[t + 13] - o - ((vh * qh + uh * ph) << 4) - (
            (vh * ql + vl * qh + uh * pl + ul * ph + ((vl * ql + ul * pl) >> 12) + 128) >> 8)
        if v < -33554432 or v > 33554432 or u < -33554432 or u > 33554432:
            return o
        t = v + o - M[b + 12]
        if t < 0:
            t = 0 - t
        if t > change:
            change = t
        t = u + o - M[b + 13]
        if t < 0:
            t = 0 - t
        if t > change:
            change = t
        M[b + 12] = v + o
        M[b + 13] = u + o
    return change


@micropython.viper
def judge(S: ptr32, M: ptr32) -> int:
    # Compares the solved slot S[8] with the limits; keeps flags and the worst elements in S.
    n = S[0]
    o = 536870912
    slot = S[8]
    for i in range(1, n):
        b = i << 4
        v = (M[b + 12] - o + 8) >> 4
        u = (M[b + 13] - o + 8) >> 4
        vh = v >> 11
        vl = v & 2047
        uh = u >> 11
        ul = u & 2047
        d = ((vh * vh + uh * uh) << 2) + ((2 * (vh * vl + uh * ul) + ((vl * vl + ul * ul) >> 11)) >> 9)
        if d < S[9]:
            S[14] = S[14] | 1
        if d > S[10]:
            S[14] = S[14] | 2
        if d < S[15]:
            S[15] = d
            S[16] = i
            S[17] = slot
        c = M[b + 4]
        v = M[b + 14] - o
        u = M[b + 15] - o
        if v < 0:
            v = 0 - v
        if u < 0:
            u = 0 - u
        if v > c:
            v = c
        if u > c:
            u = c
        g = M[b + 3]
        c = g >> 11
        g = g & 2047
        vh = v >> 11
        vl = v & 2047
        uh = u >> 11
        ul = u & 2047
        v = ((vh * c) << 2) + ((vh * g + vl * c + ((vl * g) >> 11)) >> 9)
        u = ((uh * c) << 2) + ((uh * g + ul * c + ((ul * g) >> 11)) >> 9)
        vh = v >> 11
        vl = v & 2047
        uh = u >> 11
        ul = u & 2047
        d = ((vh * vh + uh * uh) << 6) + ((2 * (vh * vl + uh * ul) + ((vl * vl + ul * ul) >> 11)) >> 5)
        if i == 1 and S[13] != 0:
            if d > S[12]:
                S[14] = S[14] | 8
            if d > S[21]:
                S[21] = d
                S[22] = slot
        else:
            if d > S[11]:
                S[14] = S[14] | 4
            if d > S[18]:
                S[18] = d
                S[19] = i
                S[20] = slot
    return 0


def load(contexts):
    # network: buses u16, transformer u16, source voltage i32 Q20; per bus parent u16, r i32, x i32, g i32
    # loads: per bus p i32, q i32, places u16, profile of p u8, profile of q u8
    # day: first slot u8, slots u8, profiles u16, car power i32, four limits i32; 256 arrivals, 256 lengths
    # profiles: u16 per profile and slot
    net, loads, day, prof = contexts
    n, transformer, v0 = struct.unpack_from("<HHi", net, 0)
    first, slots, profiles, car, low, high, line, trafo = struct.unpack_from("<BBHiiiii", day, 0)
    if len(net) != 8 + 14 * n or len(loads) != 12 * n or len(day) != 536 or len(prof) != 2 * profiles * slots:
        raise ValueError("context")
    S = array("i", [n, slots, first, car, 0, 0, 0, MODULUS, 0, low, high, line, trafo, transformer] + [0] * 10)
    S[23] = v0 << 4
    M = array("i", bytes(64 * n))
    for i in range(n):
        parent, r, x, g = struct.unpack_from("<Hiii", net, 8 + 14 * i)
        p, q, places, profile_p, profile_q = struct.unpack_from("<iiHBB", loads, 12 * i)
        if parent > i or (parent == i and i > 0) or max(profile_p, profile_q) >= profiles:
            raise ValueError("context")
        b = i << 4
        M[b] = parent
        M[b + 1] = r
        M[b + 2] = x
        M[b + 3] = g
        M[b + 4] = min((1 << 40) // g, 1 << 24) if g > 0 else 0
        M[b + 5] = p
        M[b + 6] = q + BIAS
        M[b + 7] = profile_p | profile_q << 8
        M[b + 8] = places
    C = array("H", bytes(2 * n * slots))
    F = array("H", (prof[k] | prof[k + 1] << 8 for k in range(0, len(prof), 2)))
    return S, M, day[24:], C, F


def start(S, seed, level, index, cars, places):
    # A state of its own for each (seed, level, index): xor-shifts between the steps keep states of
    # neighbouring scenarios from being shifted copies of one another.
    x = seed % MODULUS
    for part in (level, index, 0, 0, 0):
        x = ((x ^ (x >> 13)) + part) * 48271 % MODULUS
        x ^= x >> 15
    S[4] = x % (MODULUS - 1) + 1
    S[5] = cars
    S[6] = places
    for k in range(14, 23):
        S[k] = 0
    S[15] = 4194304


def solve_slot(S, M, slot):
    # Generator: iterates the slot until it stands still, then judges it. The caller has advanced it.
    for _ in range(ITERATIONS):
        change = sweep(S, M)
        yield
        if change <= TOLERANCE:
            judge(S, M)
            return
        if change == FAILED:
            break
    S[14] |= COLLAPSED
    if S[15] > 0:
        S[15] = 0
        S[16] = 0
        S[17] = slot


def run(data, contexts):
    if len(data) != 12 or len(contexts) != 4:
        raise ValueError("input")
    seed, first, cars, level, count = struct.unpack("<IIHBB", data)
    S, M, T, C, F = load(contexts)
    places = 0
    for bus in range(S[0]):
        places += M[(bus << 4) + 8]
    if cars > places:
        raise ValueError("cars")
    out = bytearray(ANSWER * count)
    for k in range(count):
        start(S, seed, level, first + k, cars, places)
        for bus in range(S[0]):
            S[8] = bus
            place(S, M, T, C)
            if not bus & 7:
                yield
        for slot in range(S[1]):
            S[8] = slot
            advance(S, M, C, F)
            for _ in solve_slot(S, M, slot):
                yield
        struct.pack_into("<BBHIHBBII", out, ANSWER * k, S[14], S[17], S[16], S[15], S[19], S[20], S[22], S[18], S[21])
    return bytes(out)
