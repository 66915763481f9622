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
# Contexts: of each of up to eight detectors 168 z of two bytes for each week, little-endian, ending where the
# forecast begins.
# Input: mode u8 (the place of the context above its lowest bit), weeks u8, hours ahead u8, blocks of seven
# back-tests u8, then
#   mode 0: K u8, trim u8, 0, 0 | per set lambda, q, c, b u8, all but q at most 64
#     answer: per set, per block the sum of |F**2 - z**2| >> 9, u32
#   mode 1: split u8, first hour u8, tail in half percent u8, shifts u8 | per set K, trim, lambda, q, c, b u8
#     the mean of the sets' forecasts; its band is the tail-th quantiles of the errors in the blocks before split,
#     one hour to either side included.
#     split < blocks: error sum u32, hours inside the band u16, hours u16, sum of the band's squared ends >> 9 u32
#       of the block at split; answer of 12 bytes
#     split = blocks: forecast, lower end, upper end u16 for up to 24 hours from the first hour; the first day ahead
#       takes the profile of the weekday shifts & 15 days before it, the second that of shifts >> 4 days before it
# Signed numbers in arrays are stored with _BIAS added: a machine-code load does not extend the sign on 64 bits.
import struct
from array import array


def ptr8(b):
    return b


ptr32 = const = ptr8  # viper knows pointers as casts; the compiler puts constants in place of their names

try:
    import micropython
except ImportError:  # CPython

    class micropython:
        viper = ptr8


_NONE = const(65535)
_LARGEST = const(32767)
_BIAS = const(1 << 20)
_DAY = const(24)
_WEEK = const(168)

# The state s: weeks; K and trim of the profile; the first set at hand and the one after the last; hours ahead; the
# block and the hour at hand. One more than the profile of up to 48 hours; one more than the square of what came in
# them; 24 residuals, with bias; both 0 where there is none; 12 places to sort in; the sets.
_WEEKS = const(0)
_KEEP = const(1)
_TRIM = const(2)
_FIRST = const(3)
_BEYOND = const(4)
_HOURS = const(5)
_BLOCK = const(6)
_HOUR = const(7)
_PROFILE = const(8)
_SQUARES = const(56)
_RESIDUALS = const(104)
_SORTED = const(128)
SETS = const(140)
# A set: lambda, q, c, b (from 0), s, R with bias, the error sum of each of four blocks, A of 24 hours with bias.
_CUT = const(1)
_C = const(2)
_B = const(3)
_USUAL = const(4)
_LEVEL = const(5)
_SUMS = const(6)
_SLOTS = const(10)
SIZE = const(36)
# Where errors are collected: hours ahead in all, hour of the first back-test, back-tests, hours ahead now.
_SPAN = const(0)
_BEGIN = const(1)
_TESTS = const(2)
_AHEAD = const(3)


# For `span` hours from s[_HOUR]: the profile and the square of what came, and for the first 24 the residual. `shifts`
# is 0 but for the hours to come.
@micropython.viper
def profiles(z: ptr8, s: ptr32, span: int, shifts: int) -> int:
    hours = _WEEK * s[_WEEKS]
    shift = shifts & 15
    for h in range(span):
        t = s[_HOUR] + h
        y = _NONE
        if t < hours:
            y = z[2 * t] | (z[2 * t + 1] << 8)
        if h == _DAY:
            shift = shifts >> 4
        if shift > 0:
            t += _WEEK - _DAY * shift
        n = 0
        while t >= _WEEK and n < s[_KEEP]:
            t -= _WEEK
            value = _NONE
            if t < hours:
                value = z[2 * t] | (z[2 * t + 1] << 8)
            if value <= _LARGEST:
                at = _SORTED + n
                while at > _SORTED and s[at - 1] > value:
                    s[at] = s[at - 1]
                    at -= 1
                s[at] = value
                n += 1
        mean = 0
        if n > 0:
            drop = (n - 1) >> 1
            if drop > s[_TRIM]:
                drop = s[_TRIM]
            total = 0
            for i in range(_SORTED + drop, _SORTED + n - drop):
                total += s[i]
            mean = (total << 4) // (n - 2 * drop) + 1
        s[_PROFILE + h] = mean
        square = 0
        residual = 0
        if mean > 0 and y <= _LARGEST:
            square = y * y + 1
            residual = (y << 4) - mean + 1 + _BIAS
        s[_SQUARES + h] = square
        if h < _DAY:
            s[_RESIDUALS + h] = residual
    return 0


# Takes the 24 residuals into the levels of all sets.
@micropython.viper
def learn(s: ptr32) -> int:
    for k in range(s[_FIRST], s[_BEYOND]):
        at = SETS + SIZE * k
        gain = s[at]
        cut = s[at + _CUT]
        usual = s[at + _USUAL]
        level = s[at + _LEVEL] - _BIAS
        slot = at + _SLOTS
        for h in range(_RESIDUALS, _RESIDUALS + _DAY):
            e = s[h]
            if e > 0:
                e -= _BIAS
                size = e
                if size < 0:
                    size = 0 - size
                most = (usual * cut) >> 2
                if size > most:
                    e = most if e > 0 else 0 - most
                most = 4 * usual + 64
                if most > size:
                    most = size
                usual += (most - usual) >> 6
                level += (5 * (e - level)) >> 6
                most = s[slot]
                s[slot] = most + ((gain * (e + _BIAS - most)) >> 6)
            slot += 1
        s[at + _USUAL] = usual
        s[at + _LEVEL] = level + _BIAS
    return 0


# Adds the errors of hours first to last to each set's sum of block s[_BLOCK]; the levels count weight quarters.
@micropython.viper
def score(s: ptr32, first: int, last: int, weight: int) -> int:
    for k in range(s[_FIRST], s[_BEYOND]):
        at = SETS + SIZE * k
        c = s[at + _C]
        level = s[at + _B] * (s[at + _LEVEL] - _BIAS)
        slot = at + _SLOTS
        total = s[at + _SUMS + s[_BLOCK]]
        for h in range(first, last):
            if s[_SQUARES + h] > 0:
                f = (s[_PROFILE + h] + 7 + (((c * (s[slot] - _BIAS) + level) * weight) >> 8)) >> 4
                if f < 0:
                    f = 0
                if f > _LARGEST:
                    f = _LARGEST
                f = f * f + 1 - s[_SQUARES + h]
                if f < 0:
                    f = 0 - f
                total += f >> 9
            slot += 1
        s[at + _SUMS + s[_BLOCK]] = total
    return 0


# Adds one more than each set's forecast of s[_HOURS] hours to a row of `out`, in sixteenths.
@micropython.viper
def ahead(s: ptr32, out: ptr32, row: int) -> int:
    for k in range(s[_FIRST], s[_BEYOND]):
        at = SETS + SIZE * k
        c = s[at + _C]
        level = s[at + _B] * (s[at + _LEVEL] - _BIAS)
        weight = 4
        slot = at + _SLOTS
        for h in range(s[_HOURS]):
            if h == _DAY:
                weight = 3
                slot = at + _SLOTS
            if s[_PROFILE + h] > 0:
                f = s[_PROFILE + h] - 1 + (((c * (s[slot] - _BIAS) + level) * weight) >> 8)
                if f < 0:
                    f = 0
                if f > 16 * _LARGEST:
                    f = 16 * _LARGEST
                out[row + h] += f + 1
            slot += 1
    return 0


# One more than the mean forecast in z from one more than each of the sets' in sixteenths, summed.
@micropython.viper
def settle(out: ptr32, n: int, sets: int) -> int:
    for i in range(n):
        if out[i] > 0:
            out[i] = ((out[i] // sets + 7) >> 4) + 1
    return 0


# The errors at[_AHEAD] hours ahead, one hour to either side included, of the first at[_TESTS] back-tests; how many.
@micropython.viper
def errors(z: ptr8, out: ptr32, into: ptr32, at: ptr32) -> int:
    hours = at[_SPAN]
    low = at[_AHEAD] - 1
    if low < 0:
        low = 0
    high = at[_AHEAD] + 2
    if high > hours:
        high = hours
    n = 0
    for row in range(at[_TESTS]):
        for h in range(low, high):
            t = at[_BEGIN] + _DAY * row + h
            value = z[2 * t] | (z[2 * t + 1] << 8)
            f = out[row * hours + h]
            if f > 0 and value <= _LARGEST:
                into[n] = value - f + 1 + _BIAS
                n += 1
    return n


# Sorts n errors; their tail-th quantiles, in half percent from either end, into e[0] and e[1].
@micropython.viper
def ends(e: ptr32, n: int, tail: int) -> int:
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


def first_test(weeks, hours, blocks):
    # The hour of the first back-test: the last one's hours end with the history.
    return 24 * (7 * weeks - (hours + 23) // 24 - 7 * blocks + 1)


def start(weeks, hours, sets):
    # The state before the first hour; `sets` holds lambda, q, c, b of each.
    s = array("i", bytes(4 * (SETS + SIZE * len(sets))))
    s[_WEEKS], s[_BEYOND], s[_HOURS] = weeks, len(sets), hours
    for k in range(len(sets)):
        at = SETS + SIZE * k
        for i in range(4):
            s[at + i] = sets[k][i]
        s[at + _USUAL] = 1 << 14
        s[at + _LEVEL] = _BIAS
        for hour in range(_DAY):
            s[at + _SLOTS + hour] = _BIAS
    return s


def search(z, weeks, hours, blocks, keep, trim, sets):
    s = start(weeks, hours, sets)
    s[_KEEP], s[_TRIM] = keep, trim
    first = first_test(weeks, hours, blocks) // 24
    for day in range(7, first + 7 * blocks):
        s[_HOUR] = _DAY * day
        profiles(z, s, max(_DAY, hours), 0)
        if day >= first:
            s[_BLOCK] = (day - first) // 7
            score(s, 0, min(_DAY, hours), 4)
            if hours > _DAY:
                yield
                score(s, _DAY, hours, 3)
        learn(s)
        yield
    sums = [s[SETS + SIZE * k + _SUMS + block] for k in range(len(sets)) for block in range(blocks)]
    return struct.pack("<%dI" % len(sums), *sums)


def forecasts(z, weeks, hours, blocks, profile, sets, shifts):
    # One more than the mean forecast, in z: `hours` for each back-test, then for the hours to come.
    s = start(weeks, hours, sets)
    out = array("i", bytes(4 * hours * (7 * blocks + 1)))
    first = first_test(weeks, hours, blocks) // 24
    groups = []  # sets that share a profile, together
    for k in range(len(sets)):
        if not k or profile[k] != profile[k - 1]:
            groups.append([profile[k][0], profile[k][1], k, k])
        groups[-1][3] += 1
    for day in range(7, 7 * weeks + 1):
        s[_HOUR] = _DAY * day
        row = day - first
        if day == 7 * weeks:
            row = 7 * blocks
        elif row >= 7 * blocks:
            row = -1
        for s[_KEEP], s[_TRIM], s[_FIRST], s[_BEYOND] in groups:
            profiles(z, s, max(_DAY, hours), shifts if day == 7 * weeks else 0)
            if hours > _DAY:
                yield
            if row >= 0:
                ahead(s, out, row * hours)
            if day < 7 * weeks:
                learn(s)
            yield
    settle(out, len(out), len(sets))
    yield
    return out


def band(z, weeks, hours, blocks, split, tail, out):
    # Per hour ahead the two ends of the band around the forecast, with _BIAS.
    at = array("i", (hours, first_test(weeks, hours, blocks), 7 * split, 0))
    into = array("i", bytes(4 * 3 * 7 * split))
    found = array("i", bytes(8 * hours))
    for h in range(hours):
        at[_AHEAD] = h
        n = errors(z, out, into, at)
        if n < 2:
            into[0] = into[1] = _BIAS
        else:
            ends(into, n, tail)
        found[2 * h], found[2 * h + 1] = into[0], into[1]
        yield
    return found


def between(f, low, high):
    # The band's ends around forecast f.
    return min(_LARGEST, max(0, f + low - _BIAS)), min(_LARGEST, max(0, f + high - _BIAS))


def rehearsed(z, weeks, hours, blocks, split, out, found):
    # What the band would have been worth in the block after those that made it.
    first = first_test(weeks, hours, blocks)
    total = inside = counted = wide = 0
    for row in range(7 * split, 7 * split + 7):
        for h in range(hours):
            t = 2 * (first + _DAY * row + h)
            value = z[t] | z[t + 1] << 8
            f = out[row * hours + h] - 1
            if f < 0 or value > _LARGEST:
                continue
            low, high = between(f, found[2 * h], found[2 * h + 1])
            total += abs(f * f - value * value) >> 9
            wide += (high * high - low * low) >> 9
            inside += low <= value <= high
            counted += 1
    return struct.pack("<IHHI", total, inside, counted, wide)


def to_come(hours, blocks, at, out, found):
    answer = b""
    for h in range(at, min(hours, at + _DAY)):
        f = out[7 * blocks * hours + h] - 1
        if f < 0:
            answer += struct.pack("<HHH", _NONE, _NONE, _NONE)
        else:
            answer += struct.pack("<HHH", f, *between(f, found[2 * h], found[2 * h + 1]))
    return answer


def run(data, contexts):
    if len(data) < 8 or data[0] >> 1 >= len(contexts):
        raise ValueError("length")
    z = contexts[data[0] >> 1]
    mode, weeks, hours, blocks, a, b, tail, shifts = struct.unpack_from("<8B", data, 0)
    mode &= 1
    width = 6 if mode else 4
    count = (len(data) - 8) // width
    if not 1 <= blocks <= 4 or not blocks + 2 <= weeks <= 10 or not 1 <= hours <= 48:
        raise ValueError("header")
    if len(z) != 336 * weeks or len(data) != 8 + width * count or not 1 <= count <= (8 if mode else 15):
        raise ValueError("length")
    sets = [data[8 + width * k:8 + width * (k + 1)] for k in range(count)]
    profile = [one[:2] if mode else (a, b) for one in sets]
    weights = [max(one[width - 4], one[width - 2], one[width - 1]) for one in sets]
    if any(not 1 <= one[0] <= 10 for one in profile) or max(weights) > 64:
        raise ValueError("set")
    if not mode:
        if tail or shifts:
            raise ValueError("header")
        return (yield from search(z, weeks, hours, blocks, a, b, sets))
    if not 1 <= a <= blocks or b >= hours or not 1 <= tail <= 100 or shifts & 15 > 6 or shifts >> 4 > 6:
        raise ValueError("header")
    out = yield from forecasts(z, weeks, hours, blocks, profile, [one[2:] for one in sets], shifts)
    found = yield from band(z, weeks, hours, blocks, a, tail, out)
    if a < blocks:
        return rehearsed(z, weeks, hours, blocks, a, out, found)
    return to_come(hours, blocks, b, out, found)
