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


# 2**(-i / 16) in Q20, less than one
POWERS = (
    1048575, 1004120, 961548, 920782, 881744, 844361, 808563, 774282,
    741455, 710020, 679917, 651091, 623487, 597053, 571740, 547500,
)


@micropython.viper
def distances(xy: ptr32, use: ptr32, out: ptr32, at: ptr32) -> int:
    # Distances from (at[0], at[1]) to the at[2] stations in `use`, rounded, into out[at[3]:].
    # The square, 37 bits, is high * 2**18 + low; its root comes digit by digit, 19 of them.
    # Returns 1 + the place in `use` of a station at distance zero, or 0.
    found = 0
    for i in range(at[2]):
        dx = xy[use[i] * 2] - at[0]
        dy = xy[use[i] * 2 + 1] - at[1]
        if dx < 0:
            dx = 0 - dx
        if dy < 0:
            dy = 0 - dy
        middle = 2 * ((dx >> 9) * (dx & 511) + (dy >> 9) * (dy & 511))
        low = (dx & 511) * (dx & 511) + (dy & 511) * (dy & 511) + ((middle & 511) << 9)
        high = (dx >> 9) * (dx >> 9) + (dy >> 9) * (dy >> 9) + (middle >> 9) + (low >> 18)
        low = low & 0x3FFFF
        root = 0
        rest = 0
        for _ in range(19):
            rest = (rest << 2) | (high >> 18)
            high = ((high & 0x3FFFF) << 2) | (low >> 16)
            low = (low & 0xFFFF) << 2
            root = root << 1
            if rest > root << 1:
                rest -= (root << 1) + 1
                root += 1
        if rest > root:
            root += 1
        out[at[3] + i] = root
        if root == 0:
            found = i + 1
    return found


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


@micropython.viper
def eliminate(a: ptr32, n: int) -> int:
    # Cholesky in place, rows packed; rows n and n + 1 are right-hand sides, solved on the way.
    # Sums are Q26. A station whose pivot is under 2**-14 adds nothing that others have not said: its
    # diagonal becomes 0, which leaves it out of everything that follows.
    for i in range(n + 2):
        row = (i * (i + 1)) >> 1
        last = n
        if i < n:
            last = i
        for j in range(last):
            col = (j * (j + 1)) >> 1
            t = (a[row + j] - (1 << 20)) << 6
            for k in range(j):
                u = a[row + k] - (1 << 20)
                w = a[col + k] - (1 << 20)
                t -= (u * (w >> 10) + ((u * (w & 1023)) >> 10)) >> 4
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
        if i < n:
            t = 1 << 26
            for k in range(i):
                u = a[row + k] - (1 << 20)
                t -= (u * (u >> 10) + ((u * (u & 1023)) >> 10)) >> 4
            root = 0
            if t >= 4096:
                rest = 0
                for _ in range(22):
                    rest = (rest << 2) | (t >> 28)
                    t = (t & 0xFFFFFFF) << 2
                    root = root << 1
                    if rest > root << 1:
                        rest -= (root << 1) + 1
                        root += 1
            a[row + i] = root
    return 0


@micropython.viper
def weigh(a: ptr32, v: ptr32, n: int) -> int:
    # From y = G^-1 c and o = G^-1 (1/4): the Lagrange multiplier, the variance into v[24], the weights / 4
    # by back substitution into v[0:12], and the weighted sum of the values v[12:24] into v[25].
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
    variance = (1 << 26) - known + ((t * (e >> 10) + ((t * (e & 1023)) >> 10)) >> 1)
    if variance < 0:
        variance = 0
    v[24] = variance >> 2
    t = sign * t
    total = 0
    for back in range(n):
        i = n - 1 - back
        w = a[s + i] - (1 << 20)
        e = ((a[r + i] - (1 << 20)) << 4) + ((t * (w >> 10) + ((t * (w & 1023)) >> 10)) >> 3)
        for k in range(i + 1, n):
            u = a[((k * (k + 1)) >> 1) + i] - (1 << 20)
            w = v[k] - (1 << 20)
            e -= (u * (w >> 10) + ((u * (w & 1023)) >> 10)) >> 4
        sign = 1
        if e < 0:
            e = 0 - e
            sign = 0 - 1
        e = (e + 32) >> 6
        g = a[((i * (i + 1)) >> 1) + i]
        if g == 0:
            e = 0
        elif e >= g:
            e = (1 << 20) - 1
        else:
            q = (e << 10) // g
            e = (q << 10) + ((((e << 10) - q * g) << 10) // g)
        v[i] = (1 << 20) + sign * e
        w = v[i] - (1 << 20)
        u = v[12 + i] - (1 << 20)
        total += (u * (w >> 10) + ((u * (w & 1023)) >> 10)) >> 4
    if total >= 1 << 28:
        total = (1 << 28) - 1
    if total < 0 - (1 << 28):
        total = 0 - (1 << 28)
    v[25] = total + (1 << 28)
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


def position(data, at):
    # x, y and the 28 bits that follow them
    high, low = struct.unpack_from(">II", data, at)
    return high >> 14, (high & 0x3FFF) << 4 | low >> 28, low & 0xFFFFFFF


def chosen(bits, n):
    if bits >> n:
        raise ValueError("no such station")
    use = array("i", [i for i in range(n) if bits >> i & 1])
    if not 1 <= len(use) <= 12:
        raise ValueError("stations of a target")
    return use


def stations(data, n):
    # Positions, two numbers each, and values.
    xy = array("i", bytes(8 * n))
    z = array("i", bytes(4 * n))
    for i in range(n):
        xy[2 * i], xy[2 * i + 1], z[i] = position(data, 4 + 8 * i)
        if not 0 < z[i] < 1 << 21:
            raise ValueError("station")
    return xy, z


def load_matrix(a, cov, use, c):
    # The covariances of the stations in use, then the two right-hand sides: target's covariances, quarters.
    n = len(use)
    at = 0
    for i in range(n):
        row = use[i] * (use[i] - 1) >> 1
        for j in range(i):
            a[at] = cov[row + use[j]]
            at += 1
        a[at] = 0
        at += 1
    for i in range(n):
        a[at + i] = c[i]
        a[at + n + 1 + i] = (1 << 20) + (1 << 18)


def estimate(a, v, c, z, use, cov, model, hit):
    # Variance and value of a target, whose distances are in c, into v[24] and v[25].
    if hit:
        v[24] = 0
        v[25] = ((z[use[hit - 1]] - (1 << 20)) << 4) + (1 << 28)
        return
    n = len(use)
    for i in range(n):
        v[12 + i] = z[use[i]]
    covariances(c, c, model, n)
    load_matrix(a, cov, use, c)
    eliminate(a, n)
    weigh(a, v, n)


def run(data, contexts):
    if contexts or len(data) < 4:
        raise ValueError("length")
    n, targets, sets = data[0], data[1], data[2]
    if not (1 <= n <= 24 and 1 <= targets <= 16 and 1 <= sets <= (8 if targets <= 8 else 1)) or data[3]:
        raise ValueError("counts")
    if len(data) != 4 + 8 * (n + targets) + 20 * sets:
        raise ValueError("length")
    xy, z = stations(data, n)
    yield
    every = array("i", range(n))
    at = array("i", (0, 0, 0, 0))
    apart = array("i", bytes(2 * n * (n - 1) + 4))
    for i in range(1, n):
        at[0], at[1], at[2], at[3] = xy[2 * i], xy[2 * i + 1], i, i * (i - 1) >> 1
        distances(xy, every, apart, at)
        if not i & 3:
            yield
    away = array("i", bytes(4 * 12 * targets))
    hit = bytearray(targets)
    for t in range(targets):
        at[0], at[1], bits = position(data, 4 + 8 * (n + t))
        use = chosen(bits, n)
        at[2], at[3] = len(use), 12 * t
        hit[t] = distances(xy, use, away, at)
        if not t & 3:
            yield
    cov = array("i", bytes(len(apart) * 4))
    c = array("i", bytes(48))
    a = array("i", bytes(4 * 105))
    v = array("i", bytes(4 * 26))
    out = bytearray(targets * (8 if sets == 1 else 4 * sets))
    for number in range(sets):
        model = variogram(data, 4 + 8 * (n + targets) + 20 * number)
        covariances(apart, cov, model, n * (n - 1) >> 1)
        yield
        for t in range(targets):
            use = chosen(position(data, 4 + 8 * (n + t))[2], n)
            for i in range(len(use)):
                c[i] = away[12 * t + i]
            estimate(a, v, c, z, use, cov, model, hit[t])
            if sets == 1:
                struct.pack_into(">II", out, 8 * t, v[25], v[24])
            else:
                struct.pack_into(">I", out, 4 * (number * targets + t), v[25])
            yield
    return bytes(out)
