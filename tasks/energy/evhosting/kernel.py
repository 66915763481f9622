# Kernel of energy.evhosting: scenarios of charging cars on a radial feeder, solved slot by slot.
#
# Method: backward/forward sweep (Shirmohammadi et al., IEEE Trans. Power Systems 3(2), 1988), per unit,
# constant power and constant shunts; a slot starts from the voltages of the slot before. Currents and powers
# are Q20, voltages Q24 as their distance from 1 pu, all as pairs (real, imaginary). Products are split into
# limbs, so that no intermediate needs more than 31 bits and a sign; the host scales the feeder so that all
# power together is at most 8 pu (a shunt counts fourfold) and |z| < 2 pu.
#
# data: seed u32, first scenario u32, level in percent u8, count u8.
# contexts: network, demand, day, profiles, and shunts if there are any. Layouts: see load; answer: see run.
import struct
from array import array

try:
    import micropython

    def words(table):
        return table
except ImportError:  # CPython
    words = list  # read and written faster than an array

    class micropython:
        @staticmethod
        def viper(function):
            return function


def ptr32(b):
    return b


ptr8 = ptr16 = ptr32

MODULUS = 2147483647  # of the Lehmer generator x -> 48271 x
TOLERANCE = 32        # 2 / 2^20 pu, in units of Q24: how much another iteration may still change
ITERATIONS = 40
FAILED = 536870912    # what sweep returns when the voltage has collapsed
BIAS = 536870912      # added to signed words: viper's ptr32 loads are unsigned where words are 64 bits
BREATH = 200          # buses swept between two yields
ANSWER, COLLAPSED = 20, 16

# Table S: 0 buses  1 slots  2 first slot  3 power of a car, Q23  4 generator  5 chance of a car, Q15
# 6 -  7 modulus  8 bus or slot at hand  9 lowest allowed |V|^2  10 highest allowed |V|^2
# 11 allowed line loading^2  12 allowed transformer loading^2  13 branch 1 is a transformer
# 14 flags  15 lowest |V|^2  16 its bus  17 its slot  18 highest line loading^2  19 its branch
# 20 its slot  21 highest transformer loading^2  22 its slot  23 source voltage, Q24  24 there are shunts
# Table M, 16 words per bus, bus 0 is the source and branch i feeds bus i: 0 sixteen times the parent
# 1 r  2 x  3 their exponent: z is these words over 2^(16 + exponent)  4 shunt g  5 shunt b  6 p  7 q
# 8 v real less 1  9 v imaginary  10 i real  11 i imaginary  12 eighths of cars charging  13 one over the rated
# current, Q16  14 sum of the children's i real  15 imaginary; 4 to 11, 14 and 15 may be negative and have BIAS on top
# Table L, 5 words per bus: 0 lowest p  1 span of p  2 lowest q  3 span of q (0 and 2 with BIAS)
# 4 places for cars, profile of p times 2^16, of q times 2^24
# Table C: [bus, slot] how many eighths of cars more charge than before, modulo 2^16; then the profiles, Q15


@micropython.viper
def place(S: ptr32, L: ptr32, T: ptr8, C: ptr16) -> int:
    # Draws the cars of one bus: each place has one with the chance S[5], arrival and length of charging come from
    # the tables of the day. The last quarter-hour counts by the part of it that is needed.
    slots = S[1]
    row = S[8] * slots
    first = S[2]
    x = S[4]
    chance = S[5]
    modulus = S[7]
    places = L[5 * S[8] + 4] & 65535
    for k in range(slots):
        C[row + k] = 0
    for _ in range(places):
        x = 48271 * (x % 44488) - 3399 * (x // 44488)  # Schrage: stays within 31 bits and a sign
        if x < 0:
            x += modulus
        if (x >> 16) < chance:
            x = 48271 * (x % 44488) - 3399 * (x // 44488)
            if x < 0:
                x += modulus
            start = T[24 + (x >> 23)] - first
            x = 48271 * (x % 44488) - 3399 * (x // 44488)
            if x < 0:
                x += modulus
            k = 280 + ((x >> 23) << 1)
            end = T[k] + (T[k + 1] << 8)
            rest = end & 7
            end = start + (end >> 3)
            if start < 0:
                start = 0
            if start < slots and end >= 0:
                C[row + start] = (C[row + start] + 8) & 65535
                if end < slots:
                    C[row + end] = (C[row + end] + 65528 + rest) & 65535
                    if end + 1 < slots:
                        C[row + end + 1] = (C[row + end + 1] + 65536 - rest) & 65535
    S[4] = x
    return 0


@micropython.viper
def advance(S: ptr32, M: ptr32, L: ptr32, C: ptr16) -> int:
    # Sets the power of every bus for slot S[8].
    n = S[0]
    slots = S[1]
    car = S[3]
    at = S[8]
    shapes = n * slots + at
    b = 0
    k = 0
    for _ in range(n):
        cars = (M[b + 12] + C[at]) & 65535
        M[b + 12] = cars
        kind = L[k + 4]
        share = C[shapes + ((kind >> 16) & 255) * slots]
        span = L[k + 1]
        M[b + 6] = L[k] + (((span >> 12) * share + (((span & 4095) * share) >> 12)) >> 3) + ((cars * car) >> 6)
        share = C[shapes + (kind >> 24) * slots]
        span = L[k + 3]
        M[b + 7] = L[k + 2] + (((span >> 12) * share + (((span & 4095) * share) >> 12)) >> 3)
        at += slots
        b += 16
        k += 5
    return 0


@micropython.viper
def flat(S: ptr32, M: ptr32) -> int:
    # Voltages as at the source.
    o = 536870912
    v = S[23] - 16777216 + o
    b = 0
    for _ in range(S[0]):
        M[b + 8] = v
        M[b + 9] = o
        M[b + 14] = o
        M[b + 15] = o
        b += 16
    return 0


@micropython.viper
def sweep(M: ptr32, b: int) -> int:
    # One iteration over sixteen times b buses; the largest change of a voltage in units of Q24 pu, or FAILED when
    # one is more than 0.47 pu from 1 in either part or below 0.5 pu. The first three variables live in registers.
    o = 536870912
    end = b
    M[14] = o
    M[15] = o
    while b > 16:
        b -= 16
        i = M[b + 14] - o
        j = M[b + 15] - o
        M[b + 14] = o
        M[b + 15] = o
        p = M[b + 6] - o
        q = M[b + 7] - o
        g = M[b + 4] - o
        h = M[b + 5] - o
        if (p | q | g | h) != 0:
            x = M[b + 8] - o
            u = M[b + 9] - o
            k = x >> 8
            t = u >> 8
            d = (16777216 + 2 * x + ((k * k + t * t) >> 8)) >> 4
            if d < 262144:
                return o
            w = o // d
            w = (w << 7) + (((o - w * d) * w + 2097152) >> 22)  # 2^36 / d: seven digits more from the remainder
            # I = V (conj(S) / |V|^2 + Y)
            g += ((p >> 12) * w + (((p & 4095) * w) >> 12)) >> 4
            h -= ((q >> 12) * w + (((q & 4095) * w) >> 12)) >> 4
            x = (x + 64) >> 7
            u = (u + 64) >> 7
            p = g >> 13
            q = h >> 13
            k = g & 8191
            t = h & 8191
            i += g + ((p * x - q * u + ((k * x - t * u) >> 13)) >> 4)
            j += h + ((p * u + q * x + ((k * u + t * x) >> 13)) >> 4)
        M[b + 10] = i + o
        M[b + 11] = j + o
        t = M[b]
        M[t + 14] = M[t + 14] + i
        M[t + 15] = M[t + 15] + j
    change = 0
    while b < end:
        i = M[b + 10] - o
        j = M[b + 11] - o
        p = i >> 12
        q = j >> 12
        i = i & 4095
        j = j & 4095
        x = M[b + 1]
        u = M[b + 2]
        k = M[b + 3]
        t = M[b]
        g = M[t + 8] - ((p * x - q * u + ((i * x - j * u) >> 12)) >> k)
        h = M[t + 9] - ((p * u + q * x + ((i * u + j * x) >> 12)) >> k)
        if g < 528870912 or g > 544870912 or h < 528870912 or h > 544870912:
            return o
        t = g - M[b + 8]
        if t < 0:
            t = 0 - t
        if t > change:
            change = t
        t = h - M[b + 9]
        if t < 0:
            t = 0 - t
        if t > change:
            change = t
        M[b + 8] = g
        M[b + 9] = h
        b += 16
    return change


@micropython.viper
def judge(S: ptr32, M: ptr32, H: ptr32) -> int:
    # Compares the solved slot S[8] with the limits; keeps flags and the worst elements in S. A branch with
    # shunts (H: half its g and b) carries another current at each end; the larger one counts.
    n = S[0]
    o = 536870912
    slot = S[8]
    ends = S[24] + 1
    b = 0
    for i in range(1, n):
        b += 16
        x = M[b + 8] - o
        u = M[b + 9] - o
        k = x >> 8
        t = u >> 8
        d = (16777216 + 2 * x + ((k * k + t * t) >> 8)) >> 4
        if d < S[9]:
            S[14] = S[14] | 1
        if d > S[10]:
            S[14] = S[14] | 2
        if d < S[15]:
            S[15] = d
            S[16] = i
            S[17] = slot
        c = M[b + 13]
        most = 16777216  # sixteen times the rated current
        if c > 65536:
            most = (o // c) << 11
        ch = c >> 11
        cl = c & 2047
        worst = 0
        for end in range(ends):
            v = M[b + 10] - o
            u = M[b + 11] - o
            if ends > 1:
                g = H[2 * i] - o
                h = H[2 * i + 1] - o
                t = b
                if end == 0:
                    t = M[b]
                else:
                    g = 0 - g
                    h = 0 - h
                x = (M[t + 8] - o + 64) >> 7
                y = (M[t + 9] - o + 64) >> 7
                p = g >> 13
                q = h >> 13
                k = g & 8191
                t = h & 8191
                v += g + ((p * x - q * y + ((k * x - t * y) >> 13)) >> 4)
                u += h + ((p * y + q * x + ((k * y + t * x) >> 13)) >> 4)
            if v < 0:
                v = 0 - v
            if u < 0:
                u = 0 - u
            if v > most:
                v = most
            if u > most:
                u = most
            k = v & 2047
            v = v >> 11
            v = ((v * ch) << 2) + ((v * cl + k * ch + ((k * cl) >> 11)) >> 9)
            k = u & 2047
            u = u >> 11
            u = ((u * ch) << 2) + ((u * cl + k * ch + ((k * cl) >> 11)) >> 9)
            k = v & 2047
            v = v >> 11
            t = u & 2047
            u = u >> 11
            d = ((v * v + u * u) << 6) + ((2 * (v * k + u * t) + ((k * k + t * t) >> 11)) >> 5)
            if d > worst:
                worst = d
        if i == 1 and S[13] != 0:
            if worst > S[12]:
                S[14] = S[14] | 8
            if worst > S[21]:
                S[21] = worst
                S[22] = slot
        else:
            if worst > S[11]:
                S[14] = S[14] | 4
            if worst > S[18]:
                S[18] = worst
                S[19] = i
                S[20] = slot
    return 0


def load(contexts):
    # network: i32 each: buses, 1 if branch 1 is a transformer, source voltage Q24; then per bus its parent plus
    # 2^16 times the exponent, r, x, one over the rated current Q16. demand: table L. profiles: u16. shunts: H.
    # day: first slot u8, slots u8, profiles u16, car power i32, four limits i32; 256 arrivals u8, 256 lengths u16
    if not 4 <= len(contexts) <= 5 or len(contexts[0]) < 12 or (len(contexts[0]) | len(contexts[1])) & 3:
        raise ValueError("context")
    net, L, day = array("i", contexts[0]), array("i", contexts[1]), contexts[2]
    H = array("i", contexts[4] if len(contexts) > 4 else b"")
    first, slots, profiles, car, low, high, line, trafo = struct.unpack_from("<BBHiiiii", day, 0)
    n = net[0]
    if (n < 2 or len(net) != 3 + 4 * n or len(L) != 5 * n or len(day) != 792 or slots < 1
            or len(contexts[3]) != 2 * profiles * slots or len(H) not in (0, 2 * n)):
        raise ValueError("context")
    S = [n, slots, first, car, 0, 0, 0, MODULUS, 0, low, high, line, trafo, net[1]] + [0] * 9 + [net[2], len(H) and 1]
    M = array("i", range(16 * n))  # any numbers do: made without a copy, each is written before it is read
    for i in range(n):
        at, r, x, g = net[3 + 4 * i:7 + 4 * i]
        parent = at & 65535
        kind = L[5 * i + 4]
        if parent > i or (parent == i and i > 0) or max(kind >> 16 & 255, kind >> 24) >= profiles or kind < 0:
            raise ValueError("context")
        b = i << 4
        M[b] = parent << 4
        M[b + 1] = r
        M[b + 2] = x
        M[b + 3] = at >> 16
        M[b + 4] = M[b + 5] = BIAS
        M[b + 13] = g
        if i and len(H):  # a bus has half the shunt of each branch that ends there
            for bus in (b, parent << 4):
                M[bus + 4] += H[2 * i] - BIAS
                M[bus + 5] += H[2 * i + 1] - BIAS
    C = array("H", range((n + profiles) * slots))
    for k in range(profiles * slots):
        C[n * slots + k] = contexts[3][2 * k] | contexts[3][2 * k + 1] << 8
    return words(array("i", S)), words(M), words(L), day, words(C), words(H)


def start(S, M, seed, level, index):
    # A state of its own for each (seed, level, index): xor-shifts between the steps keep states of
    # neighbouring scenarios from being shifted copies of one another.
    x = seed % MODULUS
    for part in (level, index, 0, 0, 0):
        x = ((x ^ (x >> 13)) + part) * 48271 % MODULUS
        x ^= x >> 15
    S[4] = x % (MODULUS - 1) + 1
    S[5] = (level * 32768 + 50) // 100
    for k in range(14, 23):
        S[k] = 0
    S[15] = 4194304
    for b in range(12, len(M), 16):
        M[b] = 0
    flat(S, M)


def solve_slot(S, M, H):
    # Iterates slot S[8] until it stands still, then judges it; returns how many sweeps that took.
    last = 0
    for k in range(1, ITERATIONS + 1):
        change = sweep(M, S[0] << 4)
        # changes shrink by about the same factor each time: stop when all those to come are small enough together
        if change <= TOLERANCE or (change < 8192 and change * change <= TOLERANCE * (min(last, 1 << 20) - change)):
            judge(S, M, H)
            return k
        if change == FAILED:
            break
        last = change
    flat(S, M)
    S[14] |= COLLAPSED
    if S[15] > 0:
        S[15] = S[16] = 0
        S[17] = S[8]
    return k


def run(data, contexts):
    if len(data) != 10 or data[8] > 100:
        raise ValueError("input")
    seed, first, level, count = struct.unpack("<IIBB", data)
    S, M, L, T, C, H = load(contexts)
    n, slots = S[0], S[1]
    out, work = bytearray(ANSWER * count), 0
    for k in range(count):
        start(S, M, seed, level, first + k)
        for bus in range(n):
            S[8] = bus
            place(S, L, T, C)
            work += 12 + ((L[5 * bus + 4] & 65535) >> 2)
            if work > BREATH:
                work = 0
                yield
        for S[8] in range(slots):
            advance(S, M, L, C)
            work += n * solve_slot(S, M, H)
            if work > BREATH:
                work = 0
                yield
        struct.pack_into("<BBHIHBBII", out, ANSWER * k, S[14], S[17], S[16], S[15], S[19], S[20], S[22], S[18], S[21])
    return bytes(out)
