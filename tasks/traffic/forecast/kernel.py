# The flow of the hours ahead from a trimmed weekly profile and damped residual levels, back-tested, in integers.
#
# Counts come as square roots, which makes their noise about equal at all flows (Bartlett 1936): z is 15 bits,
# 65535 where nothing was counted. All else is in sixteenths of z. At every hour
#   P  trimmed mean of the last K counted values of the same hour of the week,
#   e  = z - P, cut to +-q / 4 times s, a running mean of |e|,
#   A  level of this hour of the day, A += lambda (e - A) / 64; R level of all hours, R += 5 (e - R) / 64,
# and h hours ahead the forecast is P + (c A + b R) / 64, the second day's levels weighing three quarters.
# Exponential smoothing: Brown (1959); damped: Gardner & McKenzie (1985); cutting: Gelper, Fried & Croux (2010).
#
# Context: 168 z of two bytes for each week, little-endian, ending where the forecast begins.
# Input: mode u8, weeks u8, hours ahead u8, blocks of seven back-tests u8, then
#   mode 0: K u8, trim u8, 0, 0 | per set lambda, q, c, b u8, all but q at most 64
#     answer: per set, per block the sum of |F**2 - z**2| >> 9, u32
#   mode 1: split u8, first hour u8, tail in half percent u8, 0 | per set K, trim, lambda, q, c, b u8
#     the mean of the sets' forecasts; its band is the tail-th quantiles of the errors in the blocks before split,
#     one hour to either side included.
#     split < blocks: error sum u32, hours inside the band u16, hours u16, sum of the band's squared ends >> 9 u32
#       of the block at split; answer of 12 bytes
#     split = blocks: forecast, lower end, upper end u16 for up to 24 hours from the first hour
# Signed numbers in arrays are stored with BIAS added: a machine-code load does not extend the sign on 64 bits.
import struct
from array import array

try:
    import micropython
except ImportError:  # CPython

    class micropython:
        @staticmethod
        def viper(f):
            return f


def ptr8(b):
    return b


def ptr32(b):
    return b


NONE = 65535
LARGEST = 32767
# The state: weeks, K, trim, first set, last set + 1, hours ahead, block, hour, then 48 profiles, 12 to sort in,
# and per set lambda, q, c, b, s, R, four error sums, 24 A, two spare.
PROFILE, SORT, SETS, SIZE = 8, 56, 68, 36


@micropython.viper
def profiles(z: ptr8, s: ptr32, span: int) -> int:
    # One more than the profile of `span` hours from hour s[7] into s[8:], 0 where that hour of the week was never
    # counted.
    weeks = s[0]
    keep = s[1]
    for h in range(span):
        t = s[7] + h
        n = 0
        for _ in range(weeks):
            t -= 168
            if t >= 0 and n < keep:
                value = z[2 * t] | (z[2 * t + 1] << 8)
                if value < 32768:
                    at = 56 + n
                    while at > 56 and s[at - 1] > value:
                        s[at] = s[at - 1]
                        at -= 1
                    s[at] = value
                    n += 1
        mean = 0
        if n > 0:
            drop = (n - 1) >> 1
            if drop > s[2]:
                drop = s[2]
            total = 0
            for i in range(drop, n - drop):
                total += s[56 + i]
            mean = (total << 4) // (n - 2 * drop) + 1
        s[8 + h] = mean
    return 0


@micropython.viper
def learn(z: ptr8, s: ptr32) -> int:
    # Takes in the 24 hours from hour s[7], whose profiles are in s[8:].
    for h in range(24):
        t = s[7] + h
        value = z[2 * t] | (z[2 * t + 1] << 8)
        if value < 32768 and s[8 + h] > 0:
            e = (value << 4) - s[8 + h] + 1
            size = e
            if size < 0:
                size = 0 - size
            for k in range(s[3], s[4]):
                at = 68 + 36 * k
                usual = s[at + 4]
                most = (usual * s[at + 1]) >> 2
                cut = e
                if cut > most:
                    cut = most
                if cut < 0 - most:
                    cut = 0 - most
                most = 4 * usual + 64
                if most > size:
                    most = size
                s[at + 4] = usual + ((most - usual) >> 6)
                level = s[at + 5]
                s[at + 5] = level + ((5 * (cut + (1 << 20) - level)) >> 6)
                level = s[at + 10 + h]
                s[at + 10 + h] = level + ((s[at] * (cut + (1 << 20) - level)) >> 6)
    return 0


@micropython.viper
def score(z: ptr8, s: ptr32) -> int:
    # Adds the errors of the s[5] hours from hour s[7] to each set's sum of block s[6].
    for h in range(s[5]):
        t = s[7] + h
        value = z[2 * t] | (z[2 * t + 1] << 8)
        if value < 32768 and s[8 + h] > 0:
            hour = h
            weight = 4
            if h >= 24:
                hour = h - 24
                weight = 3
            for k in range(s[3], s[4]):
                at = 68 + 36 * k
                level = s[at + 2] * (s[at + 10 + hour] - (1 << 20)) + s[at + 3] * (s[at + 5] - (1 << 20))
                f = (s[8 + h] + 7 + ((level * weight) >> 8)) >> 4
                if f < 0:
                    f = 0
                if f > 32767:
                    f = 32767
                f = f * f - value * value
                if f < 0:
                    f = 0 - f
                s[at + 6 + s[6]] += f >> 9
    return 0


@micropython.viper
def ahead(s: ptr32, out: ptr32, row: int) -> int:
    # Adds one more than set s[3]'s forecast of s[5] hours to a row of `out`, in sixteenths.
    at = 68 + 36 * s[3]
    for h in range(s[5]):
        if s[8 + h] > 0:
            hour = h
            weight = 4
            if h >= 24:
                hour = h - 24
                weight = 3
            level = s[at + 2] * (s[at + 10 + hour] - (1 << 20)) + s[at + 3] * (s[at + 5] - (1 << 20))
            f = s[8 + h] - 1 + ((level * weight) >> 8)
            if f < 0:
                f = 0
            if f > 524272:
                f = 524272
            out[row + h] += f + 1
    return 0


@micropython.viper
def ends(e: ptr32, n: int, tail: int) -> int:
    # Sorts n errors; their tail-th quantiles, in half percent from either end, into e[0] and e[1].
    for i in range(1, n):
        one = e[i]
        at = i
        while at > 0 and e[at - 1] > one:
            e[at] = e[at - 1]
            at -= 1
        e[at] = one
    rank = ((n + 1) * tail) // 200
    if rank < 1:
        rank = 1
    low = e[rank - 1]
    e[1] = e[n - rank]
    e[0] = low
    return 0


def reading(z, t):
    return z[2 * t] | z[2 * t + 1] << 8


def start(weeks, hours, sets):
    # The state before the first hour; `sets` holds lambda, q, c, b of each.
    s = array("i", bytes(4 * (SETS + SIZE * len(sets))))
    s[0], s[4], s[5] = weeks, len(sets), hours
    for k in range(len(sets)):
        at = SETS + SIZE * k
        for i in range(4):
            s[at + i] = sets[k][i]
        s[at + 4] = 1 << 14
        s[at + 5] = 1 << 20
        for hour in range(24):
            s[at + 10 + hour] = 1 << 20
    return s


def search(z, weeks, hours, blocks, keep, trim, sets):
    s = start(weeks, hours, sets)
    s[1], s[2] = keep, trim
    first = 7 * weeks - (hours + 23) // 24 - 7 * blocks + 1
    for day in range(7, first + 7 * blocks):
        s[7] = 24 * day
        profiles(z, s, max(24, hours))
        yield
        if day >= first:
            s[6] = (day - first) // 7
            score(z, s)
            if hours > 24:
                yield
        learn(z, s)
        yield
    sums = [s[SETS + SIZE * k + 6 + block] for k in range(len(sets)) for block in range(blocks)]
    return struct.pack("<%dI" % len(sums), *sums)


def forecasts(z, weeks, hours, blocks, profile, sets):
    # One more than the mean forecast, in z: `hours` for each back-test, then for the hours to come.
    s = start(weeks, hours, sets)
    out = array("i", bytes(4 * hours * (7 * blocks + 1)))
    first = 7 * weeks - (hours + 23) // 24 - 7 * blocks + 1
    for day in range(7, 7 * weeks + 1):
        s[7] = 24 * day
        row = day - first
        if day == 7 * weeks:
            row = 7 * blocks
        elif row >= 7 * blocks:
            row = -1
        s[1] = 0
        for k in range(len(sets)):
            if s[1] != profile[k][0] or s[2] != profile[k][1]:
                s[1], s[2] = profile[k]
                profiles(z, s, max(24, hours))
                yield
            s[3], s[4] = k, k + 1
            if row >= 0:
                ahead(s, out, row * hours)
            if day < 7 * weeks:
                learn(z, s)
        yield
    for i in range(len(out)):
        if out[i]:
            out[i] = ((out[i] // len(sets) + 7) >> 4) + 1
        if not i & 255:
            yield
    return out


def errors(z, out, hours, first, rows, h, into):
    # The errors of the first `rows` back-tests h hours ahead, one hour to either side included; how many.
    n = 0
    for row in range(rows):
        for near in range(max(0, h - 1), min(hours, h + 2)):
            value = reading(z, 24 * (first + row) + near)
            f = out[row * hours + near]
            if f and value <= LARGEST:
                into[n] = value - f + 1 + (1 << 20)
                n += 1
    return n


def band(z, weeks, hours, blocks, split, tail, out):
    # Per hour ahead the two ends of the band around the forecast, with BIAS.
    first = 7 * weeks - (hours + 23) // 24 - 7 * blocks + 1
    into = array("i", bytes(4 * 3 * 7 * split))
    found = array("i", bytes(8 * hours))
    for h in range(hours):
        n = errors(z, out, hours, first, 7 * split, h, into)
        if n < 2:
            into[0] = into[1] = 1 << 20
        else:
            ends(into, n, tail)
        found[2 * h], found[2 * h + 1] = into[0], into[1]
        yield
    return found


def between(f, low, high):
    # The band's ends around forecast f.
    return min(LARGEST, max(0, f + low - (1 << 20))), min(LARGEST, max(0, f + high - (1 << 20)))


def rehearsed(z, weeks, hours, blocks, split, out, found):
    # What the band would have been worth in the block after those that made it.
    first = 7 * weeks - (hours + 23) // 24 - 7 * blocks + 1
    total = inside = counted = wide = 0
    for row in range(7 * split, 7 * split + 7):
        for h in range(hours):
            value = reading(z, 24 * (first + row) + h)
            f = out[row * hours + h] - 1
            if f < 0 or value > LARGEST:
                continue
            low, high = between(f, found[2 * h], found[2 * h + 1])
            total += abs(f * f - value * value) >> 9
            wide += (high * high - low * low) >> 9
            inside += low <= value <= high
            counted += 1
    return struct.pack("<IHHI", total, inside, counted, wide)


def to_come(hours, blocks, at, out, found):
    answer = b""
    for h in range(at, min(hours, at + 24)):
        f = out[7 * blocks * hours + h] - 1
        if f < 0:
            answer += struct.pack("<HHH", NONE, NONE, NONE)
        else:
            answer += struct.pack("<HHH", f, *between(f, found[2 * h], found[2 * h + 1]))
    return answer


def run(data, contexts):
    if len(contexts) != 1 or len(data) < 8:
        raise ValueError("length")
    z = contexts[0]
    mode, weeks, hours, blocks, a, b, tail, zero = struct.unpack_from("<8B", data, 0)
    width = 6 if mode else 4
    count = (len(data) - 8) // width
    if mode > 1 or not 1 <= blocks <= 4 or not blocks + 2 <= weeks <= 10 or not 1 <= hours <= 48 or zero:
        raise ValueError("header")
    if len(z) != 336 * weeks or len(data) != 8 + width * count or not 1 <= count <= (8 if mode else 15):
        raise ValueError("length")
    sets = [data[8 + width * k:8 + width * (k + 1)] for k in range(count)]
    profile = [one[:2] if mode else (a, b) for one in sets]
    weights = [max(one[width - 4], one[width - 2], one[width - 1]) for one in sets]
    if any(not 1 <= one[0] <= 10 for one in profile) or max(weights) > 64:
        raise ValueError("set")
    if not mode:
        if tail:
            raise ValueError("header")
        return (yield from search(z, weeks, hours, blocks, a, b, sets))
    if not 1 <= a <= blocks or b >= hours or not 1 <= tail <= 100:
        raise ValueError("header")
    out = yield from forecasts(z, weeks, hours, blocks, profile, [one[2:] for one in sets])
    found = yield from band(z, weeks, hours, blocks, a, tail, out)
    if a < blocks:
        return rehearsed(z, weeks, hours, blocks, a, out, found)
    return to_come(hours, blocks, b, out, found)
