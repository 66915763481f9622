# Kernel of energy.evhosting: scenarios of charging cars on a radial feeder, solved slot by slot.
#
# Method: backward/forward sweep (Shirmohammadi et al., IEEE Trans. Power Systems 3(2), 1988), per unit,
# constant power and constant shunts; a slot starts from the voltages of the slot before.
#
# Numbers: currents and powers are Q20, voltages Q24 as their distance from 1 pu, all as pairs (real, imaginary).
# No intermediate may need more than 31 bits and a sign, so products are taken in limbs, as in
#     x * w >> 12 = (x >> 12) * w + ((x & 4095) * w >> 12);
# the host scales the feeder so that all power together is at most 8 pu (a shunt counts fourfold) and |z| < 16 pu.
# What is cut off where buses are added up goes on to the next bus, so that a thousand do not lose a thousand halves.
# Words of a table that may be negative have _BIAS on top: machine code loads them unsigned where words have 64 bits.
#
# data: seed u32, first scenario u32, level in percent u8, count u8.
# contexts: network, demand, day, profiles, and shunts if there are any. Layouts: see load; answer: see run.
import struct
from array import array

try:
    import micropython
except ImportError:  # CPython
    const = ptr8 = ptr16 = ptr32 = int  # constants are what they are, the others only annotate
    dense = array

    def array(code, values):
        return list(dense(code, values))  # read and written faster

    class micropython:
        def viper(function):
            return function


MODULUS = const(2147483647)  # of the Lehmer generator x -> 48271 x
BIAS = const(1 << 29)
ANSWER = const(20)           # bytes for a scenario
_TOLERANCE = const(32)       # 2 / 2^20 pu, in units of Q24: how much another iteration may still change
_ITERATIONS = const(40)
_FAILED = const(1 << 29)     # a change that is none: the voltage has collapsed
_BREATH = const(200)         # buses swept between two yields

# What was not kept, as flags of a scenario.
_UNDERVOLTAGE = const(1)
_OVERVOLTAGE = const(2)
_LINE = const(4)
_TRANSFORMER = const(8)
COLLAPSED = const(16)

# Table S, the state. What the feeder and the day are:
_BUSES = const(0)
_SLOTS = const(1)
_FIRST = const(2)            # slot of the day
_CAR = const(3)              # power of a car, Q23
_DRAW = const(4)             # state of the generator
_CHANCE = const(5)           # that a place has a car, Q15
_MODULUS = const(7)          # MODULUS, which is too long a constant
_AT = const(8)               # bus or slot at hand
# the limits, squared: voltages in Q20, shares of the rated current in Q16:
_V_LEAST = const(9)
_V_MOST = const(10)
_LINE_MOST = const(11)
_TRAFO_MOST = const(12)
_TRAFO = const(13)           # 1 if branch 1 is a transformer
# and what came to be, figures squared as above, in the order of the answer:
_FLAGS = const(14)
_LOW_SLOT = const(15)
_LOW_BUS = const(16)
_LOW = const(17)             # lowest voltage
_LOAD_BRANCH = const(18)
_LOAD_SLOT = const(19)
_TRAFO_SLOT = const(20)
_LOAD = const(21)            # highest share of a line
_TRAFO_LOAD = const(22)
_SOURCE = const(23)          # voltage of the source, Q24
_SHUNTS = const(24)          # 1 if branches have shunts

# Table M, 16 words per bus. Bus 0 is the source, branch i feeds bus i. The first word is 16 times the parent.
_BUS = const(16)
_R = const(1)                # impedance: this and the next over 2^(16 + exponent)
_X = const(2)
_EXPONENT = const(3)         # up to 30; 31 stands for -1, 32 for -2, 33 for -3
_G = const(4)                # shunt; biased, as are all up to _I_IM
_B = const(5)
_P = const(6)                # power that the bus takes
_Q = const(7)
_V_RE = const(8)             # voltage; the real part less 1 pu
_V_IM = const(9)
_I_RE = const(10)            # current through the branch
_I_IM = const(11)
_CARS = const(12)            # eighths of cars charging
_GAIN = const(13)            # one over the rated current, Q16
_SUM_RE = const(14)          # currents of the branches that leave the bus; biased
_SUM_IM = const(15)

# Table L, 5 words per bus: the lowest p (biased), the span of p, the same of q, and
_KIND = const(4)             # places for cars, profile of p times 2^16, of q times 2^24
_ROW = const(5)

# Table T, the day as it comes: a header, then equally likely slots of arrival, u8, and lengths of charging in eighths
# of a slot, u16.
_ARRIVALS = const(24)
_LENGTHS = const(280)

# Table C: [bus, slot] how many eighths of cars more charge than before, modulo 2^16; then the profiles, Q15.
# Table H: half the g and b of each branch (biased), if there are shunts.


@micropython.viper
def place(S: ptr32, L: ptr32, T: ptr8, C: ptr16) -> int:
    # Draws the cars of one bus: each place has one with the chance S[_CHANCE], arrival and length of charging come
    # from the tables of the day. The last quarter-hour counts by the part of it that is needed.
    slots = S[_SLOTS]
    row = S[_AT] * slots
    first = S[_FIRST]
    x = S[_DRAW]
    chance = S[_CHANCE]
    modulus = S[_MODULUS]
    places = L[_ROW * S[_AT] + _KIND] & 65535
    for k in range(slots):
        C[row + k] = 0
    left = places
    while left:
        left -= 1
        x = 48271 * (x % 44488) - 3399 * (x // 44488)  # Schrage: stays within 31 bits and a sign
        if x < 0:
            x += modulus
        if (x >> 16) < chance:
            x = 48271 * (x % 44488) - 3399 * (x // 44488)
            if x < 0:
                x += modulus
            start = T[_ARRIVALS + (x >> 23)] - first
            x = 48271 * (x % 44488) - 3399 * (x // 44488)
            if x < 0:
                x += modulus
            k = _LENGTHS + ((x >> 23) << 1)
            end = T[k] + (T[k + 1] << 8)
            rest = end & 7
            end = start + (end >> 3)
            if start < 0:
                start = 0
            if start < slots and end >= 0:
                C[row + start] = (C[row + start] + 8) & 65535
                if end < slots:
                    C[row + end] = (C[row + end] + 65528 + rest) & 65535
                end += 1
                if end < slots:
                    C[row + end] = (C[row + end] + 65536 - rest) & 65535
    S[_DRAW] = x
    return places


@micropython.viper
def advance(S: ptr32, M: ptr32, L: ptr32, C: ptr16) -> int:
    # Sets the power of every bus for slot S[_AT].
    slots = S[_SLOTS]
    car = S[_CAR]
    at = S[_AT]
    shapes = S[_BUSES] * slots + at
    left = S[_BUSES]
    b = 0
    k = 0
    p = 4
    q = 4
    while left:
        left -= 1
        cars = (M[b + _CARS] + C[at]) & 65535
        M[b + _CARS] = cars
        kind = L[k + _KIND]
        share = C[shapes + ((kind >> 16) & 255) * slots]
        span = L[k + 1]
        p = (span >> 12) * share + (((span & 4095) * share) >> 12) + ((cars * car) >> 3) + (p & 7)
        M[b + _P] = L[k] + (p >> 3)
        share = C[shapes + (kind >> 24) * slots]
        span = L[k + 3]
        q = (span >> 12) * share + (((span & 4095) * share) >> 12) + (q & 7)
        M[b + _Q] = L[k + 2] + (q >> 3)
        at += slots
        b += _BUS
        k += _ROW
    return 0


@micropython.viper
def flat(S: ptr32, M: ptr32) -> int:
    # Voltages as at the source.
    zero = BIAS
    v = S[_SOURCE] - 16777216 + zero
    left = S[_BUSES]
    b = 0
    while left:
        left -= 1
        M[b + _V_RE] = v
        M[b + _V_IM] = zero
        M[b + _SUM_RE] = zero
        M[b + _SUM_IM] = zero
        b += _BUS
    return 0


# A sweep is one iteration: currents backward, then voltages forward. b is 16 times the number of buses at first. The
# three variables named first live in registers.


@micropython.viper
def backward(M: ptr32, b: int) -> int:
    # Currents from the leaves to the source: each branch carries what its bus takes, I = V (conj(S) / |V|^2 + Y),
    # and what the branches that leave the bus do. Returns 0, or _FAILED when a voltage is below 0.5 pu.
    zero = BIAS
    M[_SUM_RE] = zero
    M[_SUM_IM] = zero
    rest = 8
    other = 8
    while b > _BUS:
        b -= _BUS
        i = M[b + _SUM_RE] - zero
        j = M[b + _SUM_IM] - zero
        M[b + _SUM_RE] = zero
        M[b + _SUM_IM] = zero
        p = M[b + _P] - zero
        q = M[b + _Q] - zero
        g = M[b + _G] - zero
        h = M[b + _B] - zero
        if p | q | g | h:
            x = M[b + _V_RE] - zero
            u = M[b + _V_IM] - zero
            k = x >> 8
            t = u >> 8
            d = (16777216 + 2 * x + ((k * k + t * t) >> 8)) >> 4  # |V|^2, Q20
            if not d >> 18:  # under 0.25
                return _FAILED
            w = zero // d
            w = (w << 7) + (((zero - w * d) * w + 2097152) >> 22)  # 2^36 / d: seven digits more from the remainder
            g = (g << 4) + (p >> 12) * w + (((p & 4095) * w) >> 12)
            h = (h << 4) - (q >> 12) * w - (((q & 4095) * w) >> 12)
            x = (x + 64) >> 7
            u = (u + 64) >> 7
            p = g >> 17
            q = h >> 17
            k = (g >> 4) & 8191
            t = (h >> 4) & 8191
            g += p * x - q * u + ((k * x - t * u) >> 13) + rest
            h += p * u + q * x + ((k * u + t * x) >> 13) + other
            i += g >> 4
            j += h >> 4
            rest = g & 15
            other = h & 15
        M[b + _I_RE] = i + zero
        M[b + _I_IM] = j + zero
        t = M[b]
        M[t + _SUM_RE] = M[t + _SUM_RE] + i
        M[t + _SUM_IM] = M[t + _SUM_IM] + j
    return 0


@micropython.viper
def forward(M: ptr32, b: int) -> int:
    # Voltages from the source to the leaves: each branch loses z I. Returns the largest change of a voltage in units
    # of Q24 pu, or _FAILED when one is more than 0.47 pu from 1 in either part.
    zero = BIAS
    end = b
    b = _BUS
    change = 0
    while b < end:
        i = M[b + _I_RE] - zero
        j = M[b + _I_IM] - zero
        p = i >> 12
        q = j >> 12
        i = i & 4095
        j = j & 4095
        x = M[b + _R]
        u = M[b + _X]
        k = M[b + _EXPONENT]
        t = M[b]
        g = p * x - q * u + ((i * x - j * u) >> 12)
        h = p * u + q * x + ((i * u + j * x) >> 12)
        if k <= 30:
            half = (1 << k) >> 1
            g = M[t + _V_RE] - ((g + half) >> k)
            h = M[t + _V_IM] - ((h + half) >> k)
        else:
            if g < -134217728 or g > 134217727 or h < -134217728 or h > 134217727:  # 16 pu or more are lost
                return _FAILED
            g = M[t + _V_RE] - (g << (k - 30))
            h = M[t + _V_IM] - (h << (k - 30))
        if g < 528870912 or g > 544870912 or h < 528870912 or h > 544870912:
            return _FAILED
        t = g - M[b + _V_RE]
        if t < 0:
            t = -t
        if t > change:
            change = t
        t = h - M[b + _V_IM]
        if t < 0:
            t = -t
        if t > change:
            change = t
        M[b + _V_RE] = g
        M[b + _V_IM] = h
        b += _BUS
    return change


@micropython.viper
def voltages(S: ptr32, M: ptr32) -> int:
    # Compares the voltages of the solved slot S[_AT] with their limits; keeps flags and the lowest in S.
    b = 0
    zero = BIAS
    left = S[_BUSES] - 1
    while left:
        left -= 1
        b += _BUS
        x = M[b + _V_RE] - zero
        k = x >> 8
        t = (M[b + _V_IM] - zero) >> 8
        d = (16777216 + 2 * x + ((k * k + t * t) >> 8)) >> 4
        if d < S[_V_LEAST]:
            S[_FLAGS] = S[_FLAGS] | _UNDERVOLTAGE
        if d > S[_V_MOST]:
            S[_FLAGS] = S[_FLAGS] | _OVERVOLTAGE
        if d < S[_LOW]:
            S[_LOW] = d
            S[_LOW_BUS] = b >> 4
            S[_LOW_SLOT] = S[_AT]
    return 0


@micropython.viper
def currents(S: ptr32, M: ptr32, H: ptr32) -> int:
    # The same for currents, as shares of the rated ones. A branch with shunts carries another current at each end;
    # the larger one counts.
    zero = BIAS
    left = S[_BUSES] - 1
    b = 0
    while left:
        left -= 1
        b += _BUS
        c = M[b + _GAIN]
        most = 16777216  # sixteen times the rated current
        if c > 65536:
            most = (zero // c) << 11
        ch = c >> 11
        cl = c & 2047
        worst = 0
        end = S[_SHUNTS] + 1
        while end:
            end -= 1
            v = M[b + _I_RE] - zero
            u = M[b + _I_IM] - zero
            if S[_SHUNTS]:
                g = H[b >> 3] - zero
                h = H[(b >> 3) + 1] - zero
                t = M[b]
                if end:
                    g = -g
                    h = -h
                    t = b
                x = (M[t + _V_RE] - zero + 64) >> 7
                y = (M[t + _V_IM] - zero + 64) >> 7
                p = g >> 13
                q = h >> 13
                k = g & 8191
                t = h & 8191
                v += g + ((p * x - q * y + ((k * x - t * y) >> 13)) >> 4)
                u += h + ((p * y + q * x + ((k * y + t * x) >> 13)) >> 4)
            if v < 0:
                v = -v
            if u < 0:
                u = -u
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
            v = ((v * v + u * u) << 6) + ((2 * (v * k + u * t) + ((k * k + t * t) >> 11)) >> 5)
            if v > worst:
                worst = v
        if b == _BUS and S[_TRAFO]:
            if worst > S[_TRAFO_LOAD]:
                S[_TRAFO_LOAD] = worst
                S[_TRAFO_SLOT] = S[_AT]
        elif worst > S[_LOAD]:
            S[_LOAD] = worst
            S[_LOAD_BRANCH] = b >> 4
            S[_LOAD_SLOT] = S[_AT]
    return 0


@micropython.viper
def buses(S: ptr32, M: ptr32, N: ptr32, L: ptr32) -> int:
    # Writes table M of the network N, and of its powers in L for S[_AT] profiles. Returns 1 if there is no such
    # network: a bus comes after its parent.
    zero = BIAS
    end = S[_BUSES]
    profiles = S[_AT]
    i = 0
    while i < end:
        at = N[4 * i + 3]
        parent = at & 65535
        kind = L[_ROW * i + _KIND]
        if parent > i or (i and parent == i) or (kind >> 16) & 255 >= profiles or (kind >> 24) & 255 >= profiles:
            return 1
        b = i << 4
        M[b] = parent << 4
        M[b + _EXPONENT] = (at >> 16) & 65535
        M[b + _R] = N[4 * i + 4]
        M[b + _X] = N[4 * i + 5]
        M[b + _GAIN] = N[4 * i + 6]
        M[b + _G] = zero
        M[b + _B] = zero
        i += 1
    return 0


@micropython.viper
def halves(M: ptr32, H: ptr32, b: int) -> int:
    # A bus has half the shunt of each branch that ends there.
    zero = BIAS
    while b > _BUS:
        b -= _BUS
        t = M[b]
        g = H[b >> 3] - zero
        h = H[(b >> 3) + 1] - zero
        M[b + _G] = M[b + _G] + g
        M[b + _B] = M[b + _B] + h
        M[t + _G] = M[t + _G] + g
        M[t + _B] = M[t + _B] + h
    return 0


def load(contexts):
    # network: i32 each: buses, 1 if branch 1 is a transformer, source voltage Q24; then per bus its parent plus
    # 2^16 times the exponent, r, x, one over the rated current Q16. demand: table L. profiles: u16. shunts: H.
    # day: first slot u8, slots u8, profiles u16, car power i32, four limits i32; 256 arrivals u8, 256 lengths u16
    if not 4 <= len(contexts) <= 5 or len(contexts[0]) < 12 or len(contexts[1]) & 3:
        raise ValueError("context")
    n, trafo, source = struct.unpack_from("<iii", contexts[0], 0)
    L, day = array("i", contexts[1]), contexts[2]
    H = array("i", contexts[4] if len(contexts) > 4 else b"")
    first, slots, profiles, car, low, high, line, most = struct.unpack_from("<BBHiiiii", day, 0)
    if (n < 2 or len(contexts[0]) != 12 + 16 * n or len(L) != _ROW * n or len(day) != 792 or slots < 1
            or profiles > 127 or len(contexts[3]) != 2 * profiles * slots or len(H) not in (0, 2 * n)):
        raise ValueError("context")
    S = array("i", [n, slots, first, car, 0, 0, 0, MODULUS, profiles, low, high, line, most, trafo] + [0] * 9
              + [source, len(H) and 1])
    M = array("i", range(_BUS * n))  # any numbers do: made without a copy, each is written before it is read
    if buses(S, M, array("i", contexts[0]), L):
        raise ValueError("context")
    if len(H):
        halves(M, H, _BUS * n)
    C = array("H", range((n + profiles) * slots))
    for k in range(profiles * slots):
        C[n * slots + k] = contexts[3][2 * k] | contexts[3][2 * k + 1] << 8
    return S, M, L, day, C, H


def start(S, M, seed, level, index):
    # A state of its own for each (seed, level, index): xor-shifts between the steps keep states of
    # neighbouring scenarios from being shifted copies of one another.
    x = seed % MODULUS
    for part in (level, index, 0, 0, 0):
        x = ((x ^ (x >> 13)) + part) * 48271 % MODULUS
        x ^= x >> 15
    S[_DRAW] = x % (MODULUS - 1) + 1
    S[_CHANCE] = (level * 32768 + 50) // 100
    for k in range(_FLAGS, _SOURCE):
        S[k] = 0
    S[_LOW] = 4194304
    for b in range(_CARS, len(M), _BUS):
        M[b] = 0
    flat(S, M)


def solve_slot(S, M, H, work):
    # Iterates slot S[_AT] until it stands still, then judges it. Yields when `work`, counted in buses, is more than
    # a breath; returns what has come together since.
    n = S[_BUSES]
    last = 0
    for _ in range(_ITERATIONS):
        change = backward(M, _BUS * n) or forward(M, _BUS * n)
        work += n
        if work > _BREATH:
            work = 0
            yield
        # changes shrink by about the same factor each time: stop when all those to come are small enough together
        if change <= _TOLERANCE or (change < 8192 and change * change <= _TOLERANCE * (min(last, 1 << 20) - change)):
            voltages(S, M)
            currents(S, M, H)
            return work
        if change == _FAILED:
            break
        last = change
    flat(S, M)
    S[_FLAGS] |= COLLAPSED
    if S[_LOW] > 0:
        S[_LOW] = S[_LOW_BUS] = 0
        S[_LOW_SLOT] = S[_AT]
    return work


def run(data, contexts):
    if len(data) != 10 or data[8] > 100:
        raise ValueError("input")
    seed, first, level, count = struct.unpack("<IIBB", data)
    S, M, L, T, C, H = load(contexts)
    n, slots = S[_BUSES], S[_SLOTS]
    out, work = bytearray(ANSWER * count), 0
    for k in range(count):
        start(S, M, seed, level, first + k)
        for S[_AT] in range(n):
            work += 12 + (place(S, L, T, C) >> 2)
            if work > _BREATH:
                work = 0
                yield
        for S[_AT] in range(slots):
            advance(S, M, L, C)
            work = yield from solve_slot(S, M, H, work)
        if S[_LOAD] > S[_LINE_MOST]:
            S[_FLAGS] |= _LINE
        if S[_TRAFO_LOAD] > S[_TRAFO_MOST]:
            S[_FLAGS] |= _TRANSFORMER
        struct.pack_into("<BBHIHBBII", out, ANSWER * k, *S[_FLAGS:_SOURCE])
    return bytes(out)
