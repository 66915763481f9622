# Ordinary kriging of up to 16 targets from up to 24 stations, at most 12 per target, in integers.
#
# Method: Matheron (1963), solved as a bordered Cholesky elimination of the covariance matrix. Ordinary
# kriging does not change when a constant is added to every covariance, so the host chooses that constant
# to keep the matrix well conditioned; the kernel only sees covariances with a diagonal of one.
#
# Numbers are Q20 unless a comment says otherwise, and their magnitude is at most one: rows of a Cholesky
# factor of a matrix with unit diagonal have norm one. Whatever the input, values are clamped to
# +-(2**20 - 1), products are taken in 10-bit limbs, u * w >> 10 = u * (w >> 10) + (u * (w & 1023) >> 10),
# and so every intermediate stays within 31 signed bits.
# Signed numbers are stored with 2**20 added: a machine-code load of 32 bits does not extend the sign on
# 64-bit machines.
#
# Input, big-endian: stations u8, targets u8, variograms u8, 0
#   | per station u64: x 18 bits, y 18 bits, 0 7 bits, value 21 bits (biased)
#   | per target u64: x 18 bits, y 18 bits, 0 4 bits, stations to use 24 bits (bit i: station i)
#   | per variogram model u8, m u8, s u8, 0, scale u32, cut u32, base u32, depth u32.
# Answer, big-endian: one variogram: per target value u32 (Q24, 2**28 added), variance u32 (Q24);
#   several: per variogram, per target the value only.
import struct
from array import array

try:
    import micropython
except ImportError:  # CPython

    class micropython:
        @staticmethod
        def viper(f):
            return f


def ptr32(b):
    return b


def ptr8(b):
    return b


# 2**(-i / 16) in Q20, less than one
POWERS = (
    1048575, 1004120, 961548, 920782, 881744, 844361, 808563, 774282,
    741455, 710020, 679917, 651091, 623487, 597053, 571740, 547500,
)

# sqrt(1 + (i / 16)**2) in Q11
SLANTS = array("i", (
    2048, 2052, 2064, 2084, 2111, 2146, 2187, 2235, 2290,
    2350, 2415, 2485, 2560, 2639, 2721, 2807, 2896, 2988,
))
# sqrt(i / 32) in Q20 for i from 8
ROOTS = array("i", (
    524288, 556091, 586172, 614782, 642119, 668339, 693568, 717911, 741455, 764275, 786432, 807982, 828972,
    849444, 869433, 888974, 908093, 926819, 945174, 963179, 980853, 998215, 1015279, 1032062, 1048576,
))


@micropython.viper
def unpack(data: ptr8, g: ptr32, at: ptr32) -> int:
    # x, y and the other 28 bits of n = at[0] stations and at[1] targets into g; of a target, the other bits
    # become a number of stations, at most 12, which are listed from g[at[2]] on; before these lists stands
    # the list of all stations. Returns 0, or what is wrong.
    n = at[0]
    u = at[2] - n
    for i in range(n):
        g[u + i] = i
    for i in range(n + at[1]):
        d = 4 + 8 * i
        rest = ((data[d + 4] & 15) << 24) | (data[d + 5] << 16) | (data[d + 6] << 8) | data[d + 7]
        if i < n:
            if rest == 0 or rest >> 21 != 0:
                return 1
        else:
            bits = rest
            rest = 0
            u = at[2] + 12 * (i - n)
            if bits >> n != 0:
                return 2
            for k in range(n):
                if bits & 1:
                    if rest == 12:
                        return 3
                    g[u + rest] = k
                    rest += 1
                bits = bits >> 1
            if rest == 0:
                return 3
        g[3 * i] = (data[d] << 10) | (data[d + 1] << 2) | (data[d + 2] >> 6)
        g[3 * i + 1] = ((data[d + 2] & 63) << 12) | (data[d + 3] << 4) | (data[d + 4] >> 4)
        g[3 * i + 2] = rest
    return 0


@micropython.viper
def distances(g: ptr32, out: ptr32, at: ptr32) -> int:
    # Rounded distances into out: of each of n = at[0] stations to those before it, then of each of at[1] targets
    # to its stations, room for 12. Of a target on a station, that station's number and one more goes into g in
    # place of x, else 0. A first guess from the slant of the two sides, right to 2**-10; one step of Newton's
    # leaves less than one. at[3:] are SLANTS.
    n = at[0]
    o = 0
    for i in range(n + at[1]):
        p = 3 * i
        u = at[2] - n
        last = i
        hit = 0
        if i >= n:
            u = at[2] + 12 * (i - n)
            last = g[p + 2]
        for k in range(last):
            s = 3 * g[u + k]
            dx = g[s] - g[p]
            dy = g[s + 1] - g[p + 1]
            if dx < 0:
                dx = 0 - dx
            if dy < 0:
                dy = 0 - dy
            if dx < dy:
                r = dx
                dx = dy
                dy = r
            r = 0
            if dx == 0:
                hit = g[u + k] + 1
            else:
                t = (dy << 10) // dx
                s = 3 + (t >> 6)
                t = at[s] + (((at[s + 1] - at[s]) * (t & 63)) >> 6)
                r = (dx * t + 1024) >> 11
                # dy**2 - (r**2 - dx**2), in limbs
                s = r - dx
                t = r + dx
                s = (((dy >> 9) * dy - (s >> 9) * t) << 9) + (dy & 511) * dy - (s & 511) * t
                if s < 0:
                    r -= (r - s) // (2 * r)
                else:
                    r += (r + s) // (2 * r)
            out[o + k] = r
        o += last
        if i >= n:
            g[p] = hit
            o += 12 - last
    return 0


@micropython.viper
def covariances(h: ptr32, out: ptr32, v: ptr32, n: int) -> int:
    # base - 2 * depth * g(h), g being 2**m times the variogram of sill one, so that small values keep digits.
    # v = model, m, s, j, scale, cut, base, depth, powers; x = h * scale >> s is 2**m times h in ranges.
    m = v[1]
    j = v[3]
    for i in range(n):
        g = (1 << 20) - 1
        if h[i] < v[5]:
            x = (v[4] * (h[i] >> j) + ((v[4] * (h[i] & ((1 << j) - 1))) >> j)) >> (v[2] - j)
            if v[0] == 0:  # exponential, x in halvings: 2**-x from whole, sixteenths and a cubic for the rest
                t = ((x & 0xFFFF) * 709 + (((x & 0xFFFF) * 801) >> 10)) >> 10
                p = (1 << 20) - ((t * (((1 << 20) - t // 3) >> 10)) >> 11)
                p = (1 << 20) - ((t * (p >> 6)) >> 14)
                f = v[8 + ((x >> 16) & 15)]
                g = (1 << 20) - ((f * (p >> 10) + ((f * (p & 1023)) >> 10)) >> 10 >> (x >> 20))
            elif v[0] == 1:  # exponential within 0.2 ranges: x (1 - x/2 (1 - x/3 (1 - x/4 (1 - x/5))))
                t = x >> m
                p = (1 << 20) - t // 5
                p = (1 << 20) - ((t * (p >> 8)) >> 12) // 4
                p = (1 << 20) - ((t * (p >> 8)) >> 12) // 3
                p = (1 << 20) - ((t * (p >> 8)) >> 12) // 2
                g = (x * (p >> 10) + ((x * (p & 1023)) >> 10)) >> 10
            else:  # spherical: x + x (1 - x**2) / 2
                t = x >> m
                p = (1 << 20) - ((t * (t >> 10) + ((t * (t & 1023)) >> 10)) >> 10)
                g = x + ((x * (p >> 10) + ((x * (p & 1023)) >> 10)) >> 11)
            if g >= 1 << 20:
                g = (1 << 20) - 1
        t = v[6] + (1 << 20) - ((g * (v[7] >> 10) + ((g * (v[7] & 1023)) >> 10)) >> 9)
        if t < 1:
            t = 1
        out[i] = t
    return 0


# What follows works on one array a, so that the machine code's few registers hold a and its innermost
# variables: those named first. a[0:105] is the matrix, rows packed, with two right-hand sides as rows n and
# n + 1; a[105:117] the stations' values; a[117:129] their weights / 4; a[129] is n; a[130] and a[131] take the
# kriged value and its variance; a[132:157] are ROOTS.


@micropython.viper
def load(a: ptr32, g: ptr32, cov: ptr32, at: ptr32) -> int:
    # For the n stations listed in g from at[0] on: their covariances (the diagonal is left free), those with the
    # target, which start at cov[at[1]], quarters, and their values.
    n = a[129]
    k = 0
    for i in range(n):
        row = g[at[0] + i]
        a[105 + i] = g[3 * row + 2]
        row = (row * (row - 1)) >> 1
        for j in range(i):
            a[k] = cov[row + g[at[0] + j]]
            k += 1
        k += 1
    for i in range(n):
        a[k + i] = cov[at[1] + i]
        a[k + n + 1 + i] = (1 << 20) + (1 << 18)
    return 0


@micropython.viper
def eliminate(a: ptr32) -> int:
    # Cholesky in place; the right-hand sides are solved on the way. Sums are Q26. A station whose pivot is
    # under 2**-14 adds nothing that others have not said: its diagonal becomes 0, which leaves it out of
    # everything that follows.
    t = 0
    k = 0
    n = a[129]
    row = 0
    for i in range(n + 2):
        last = n
        if i < n:
            last = i
        col = 0
        for j in range(last):
            t = (a[row + j] - (1 << 20)) << 6
            k = 0
            while k < j:
                u = a[row + k] - (1 << 20)
                w = a[col + k] - (1 << 20)
                t -= (u * (w >> 10) + ((u * (w & 1023)) >> 10)) >> 4
                k += 1
            sign = 1
            if t < 0:
                t = 0 - t
                sign = 0 - 1
            t = (t + 32) >> 6
            g = a[col + j]
            if g == 0:
                t = 0
            elif t >= g:
                t = (1 << 20) - 1
            else:
                q = (t << 10) // g
                t = (q << 10) + ((((t << 10) - q * g) << 10) // g)
            a[row + j] = (1 << 20) + sign * t
            col += j + 1
        if i < n:
            t = 1 << 26
            k = 0
            while k < i:
                u = a[row + k] - (1 << 20)
                t -= (u * (u >> 10) + ((u * (u & 1023)) >> 10)) >> 4
                k += 1
            u = 0
            if t >= 1 << 26:
                u = 1 << 20
            elif t >= 4096:
                # a guess from a table over [1/4, 1), right to 2**-12, and one step of Newton's
                w = 0
                while t < 1 << 24:
                    t = t << 2
                    w += 1
                k = 124 + (t >> 21)
                g = a[k] + (((a[k + 1] - a[k]) * ((t >> 11) & 1023)) >> 10)
                q = (t << 4) // g
                u = (g + (q << 10) + ((((t << 4) - q * g) << 10) // g)) >> 1 >> w
            a[row + i] = u
        row += i + 1
    return 0


@micropython.viper
def weigh(a: ptr32) -> int:
    # From y = G^-1 c and o = G^-1 (1/4): the Lagrange multiplier, the variance, the weights by back
    # substitution, and the weighted sum of the values.
    e = 0
    k = 0
    n = a[129]
    r = (n * (n + 1)) >> 1
    s = ((n + 1) * (n + 2)) >> 1
    known = 0
    both = 0
    mean = 0
    for k in range(n):
        u = a[r + k] - (1 << 20)
        w = a[s + k] - (1 << 20)
        known += (u * (u >> 10) + ((u * (u & 1023)) >> 10)) >> 4
        both += (u * (w >> 10) + ((u * (w & 1023)) >> 10)) >> 4
        mean += (w * (w >> 10) + ((w * (w & 1023)) >> 10)) >> 4
    sign = 1
    e = (1 << 24) - both
    if e < 0:
        e = 0 - e
        sign = 0 - 1
    e = (e + 32) >> 6
    if e >= 1 << 20:
        e = (1 << 20) - 1
    mean = mean >> 6
    if mean >= 1 << 20:
        mean = (1 << 20) - 1
    q = (e << 8) // mean
    t = (q << 9) + ((((e << 8) - q * mean) << 9) // mean)  # Q17
    if t >= 1 << 20:
        t = (1 << 20) - 1
    u = (1 << 26) - known + ((t * (e >> 10) + ((t * (e & 1023)) >> 10)) >> 1)
    if u < 0:
        u = 0
    a[131] = u >> 2
    t = sign * t
    total = 0
    i = n - 1
    while i >= 0:
        w = a[s + i] - (1 << 20)
        e = ((a[r + i] - (1 << 20)) << 4) + ((t * (w >> 10) + ((t * (w & 1023)) >> 10)) >> 3)
        k = i + 1
        row = (k * (k + 1)) >> 1
        while k < n:
            u = a[row + i] - (1 << 20)
            w = a[117 + k] - (1 << 20)
            e -= (u * (w >> 10) + ((u * (w & 1023)) >> 10)) >> 4
            k += 1
            row += k
        sign = 1
        if e < 0:
            e = 0 - e
            sign = 0 - 1
        e = (e + 32) >> 6
        q = a[((i * (i + 3)) >> 1)]
        if q == 0:
            e = 0
        elif e >= q:
            e = (1 << 20) - 1
        else:
            w = (e << 10) // q
            e = (w << 10) + ((((e << 10) - w * q) << 10) // q)
        w = sign * e
        a[117 + i] = (1 << 20) + w
        u = a[105 + i] - (1 << 20)
        total += (u * (w >> 10) + ((u * (w & 1023)) >> 10)) >> 4
        i -= 1
    if total >= 1 << 28:
        total = (1 << 28) - 1
    if total < 0 - (1 << 28):
        total = 0 - (1 << 28)
    a[130] = total + (1 << 28)
    return 0


def variogram(data, at):
    model, m, s, zero, scale, cut, base, depth = struct.unpack_from(">BBBBIIII", data, at)
    j = min(s, 10)
    if model > 2 or m > 10 or s < 4 or s > 30 or zero or scale >= 1 << 20 or cut >= 1 << 19:
        raise ValueError("variogram")
    furthest = (20 << 20, 1 << min(20, 18 + m), 1 << 20)[model]
    if base >= 1 << 20 or depth >= 1 << 20 or scale * cut >> s >= furthest:
        raise ValueError("variogram")
    return array("i", (model, m, s, j, scale, cut, base, depth) + POWERS)


def run(data, contexts):
    if contexts or len(data) < 4:
        raise ValueError("length")
    n, targets, sets = data[0], data[1], data[2]
    if not (1 <= n <= 24 and 1 <= targets <= 16 and 1 <= sets <= (8 if targets <= 8 else 1)) or data[3]:
        raise ValueError("counts")
    if len(data) != 4 + 8 * (n + targets) + 20 * sets:
        raise ValueError("length")
    lists = 3 * (n + targets) + n
    at = array("i", (n, targets, lists)) + SLANTS
    g = array("i", bytes(4 * (lists + 12 * targets)))
    if unpack(data, g, at):
        raise ValueError("station")
    yield
    pairs = n * (n - 1) >> 1
    h = array("i", bytes(4 * (pairs + 12 * targets)))
    distances(g, h, at)
    cov = h if sets == 1 else array("i", bytes(4 * len(h)))
    a = array("i", bytes(4 * 132)) + ROOTS
    out = bytearray(targets * (8 if sets == 1 else 4 * sets))
    place = 0
    for number in range(sets):
        model = variogram(data, 4 + 8 * (n + targets) + 20 * number)
        covariances(h, cov, model, len(h))
        yield
        for t in range(targets):
            hit = g[3 * (n + t)]
            if hit:  # a target on a station has its reading
                a[130], a[131] = (g[3 * hit - 1] << 4) + (15 << 24), 0
            else:
                a[129], at[0], at[1] = g[3 * (n + t) + 2], lists + 12 * t, pairs + 12 * t
                load(a, g, cov, at)
                eliminate(a)
                weigh(a)
            if sets == 1:
                struct.pack_into(">II", out, 8 * t, a[130], a[131])
            else:
                struct.pack_into(">I", out, place, a[130])
                place += 4
            if t & 1:
                yield
    return bytes(out)
