# The kriging system of one target, solved in one array a, so that the machine code's few registers hold a and its
# innermost variables: those named first. From 0 on stands the matrix, rows packed, with two right-hand sides as rows
# n and n + 1: the covariances with the target, and quarters for the condition that weights add up to one.
from array import array

from .numbers import _ONE, const, micropython, ptr32

_VALUES = const(105)    # of the stations
_WEIGHTS = const(117)   # of the stations, / 4
_N = const(129)         # how many stations
_KRIGED = const(130)    # the answer, Q24 with 2**28 added
_VARIANCE = const(131)  # Q24
_ROOTS = const(124)     # ROOTS[i] stands at _ROOTS + i; they begin at i = 8

# sqrt(i / 32) in Q20 for i from 8
ROOTS = array("i", (
    524288, 556091, 586172, 614782, 642119, 668339, 693568, 717911, 741455, 764275, 786432, 807982, 828972,
    849444, 869433, 888974, 908093, 926819, 945174, 963179, 980853, 998215, 1015279, 1032062, 1048576,
))


@micropython.viper
def load(a: ptr32, g: ptr32, cov: ptr32, at: ptr32) -> int:
    # For the n stations listed in g from at[0] on: their covariances (the diagonal is left free), those with the
    # target, which start at cov[at[1]], quarters, and their values.
    n = a[_N]
    u = at[0]
    k = 0
    for i in range(n):
        row = g[u + i]
        a[_VALUES + i] = g[3 * row + 2]
        row = (row * (row - 1)) >> 1
        j = 0
        while j < i:
            a[k] = cov[row + g[u + j]]
            j += 1
            k += 1
        k += 1
    for i in range(n):
        a[k + i] = cov[at[1] + i]
        a[k + n + 1 + i] = _ONE + (_ONE >> 2)
    return 0


@micropython.viper
def eliminate(a: ptr32) -> int:
    # Cholesky in place; the right-hand sides are solved on the way. Sums are Q26. A station whose pivot is
    # under 2**-14 adds nothing that others have not said: its diagonal becomes 0, which leaves it out of
    # everything that follows.
    t = 0
    k = 0
    n = a[_N]
    row = 0
    for i in range(n + 2):
        last = n
        if i < n:
            last = i
        j = 0
        end = row
        ahead = -row  # from a place in this row to the same in row j
        while j < last:
            t = (a[end] - _ONE) << 6
            k = row
            while k < end:
                u = a[k] - _ONE
                w = a[k + ahead] - _ONE
                t -= (u * (w >> 10) + ((u * (w & 1023)) >> 10)) >> 4
                k += 1
            sign = 1
            if t < 0:
                t = -t
                sign = -1
            t = (t + 32) >> 6
            g = a[end + ahead]
            if not g:
                t = 0
            elif t >= g:
                t = _ONE - 1
            else:
                q = (t << 10) // g
                t = (q << 10) + ((((t << 10) - q * g) << 10) // g)
            a[end] = _ONE + sign * t
            end += 1
            j += 1
            ahead += j
        if i < n:
            t = 1 << 26
            k = row
            while k < end:
                u = a[k] - _ONE
                t -= (u * (u >> 10) + ((u * (u & 1023)) >> 10)) >> 4
                k += 1
            u = 0
            if t >= 1 << 26:
                u = _ONE
            elif t >= 4096:
                # a guess from a table over [1/4, 1), right to 2**-12, and one step of Newton's
                w = 0
                while t < 1 << 24:
                    t = t << 2
                    w += 1
                k = _ROOTS + (t >> 21)
                g = a[k] + (((a[k + 1] - a[k]) * ((t >> 11) & 1023)) >> 10)
                q = (t << 4) // g
                u = (g + (q << 10) + ((((t << 4) - q * g) << 10) // g)) >> 1 >> w
            a[end] = u
        row += i + 1
    return 0


@micropython.viper
def multiplier(a: ptr32) -> int:
    # From y = G^-1 c and o = G^-1 (1/4), both in place: the Lagrange multiplier (1 - o y) / (o o) in Q17, returned,
    # and the variance.
    k = 0
    u = 0
    n = a[_N]
    r = (n * (n + 1)) >> 1
    s = r + n + 1
    known = 0
    both = 0
    mean = 0
    while k < n:
        u = a[r + k] - _ONE
        w = a[s + k] - _ONE
        known += (u * (u >> 10) + ((u * (u & 1023)) >> 10)) >> 4
        both += (u * (w >> 10) + ((u * (w & 1023)) >> 10)) >> 4
        mean += (w * (w >> 10) + ((w * (w & 1023)) >> 10)) >> 4
        k += 1
    sign = 1
    e = (1 << 24) - both
    if e < 0:
        e = -e
        sign = -1
    e = (e + 32) >> 6
    if e >= _ONE:
        e = _ONE - 1
    mean = mean >> 6
    if mean >= _ONE:
        mean = _ONE - 1
    q = (e << 8) // mean
    t = (q << 9) + ((((e << 8) - q * mean) << 9) // mean)
    if t >= _ONE:
        t = _ONE - 1
    u = (1 << 26) - known + ((t * (e >> 10) + ((t * (e & 1023)) >> 10)) >> 1)
    if u < 0:
        u = 0
    a[_VARIANCE] = u >> 2
    return sign * t


@micropython.viper
def weigh(a: ptr32, e: int) -> int:
    # The weights by back substitution, e being the multiplier at first, and the weighted sum of the values.
    k = 0
    t = e
    n = a[_N]
    i = n
    r = (n * (n + 1)) >> 1
    s = r + n + 1
    total = 0
    while i:
        k = i
        i -= 1
        w = a[s + i] - _ONE
        e = ((a[r + i] - _ONE) << 4) + ((t * (w >> 10) + ((t * (w & 1023)) >> 10)) >> 3)
        row = ((k * (k + 1)) >> 1) + i
        while k < n:
            u = a[row] - _ONE
            w = a[_WEIGHTS + k] - _ONE
            e -= (u * (w >> 10) + ((u * (w & 1023)) >> 10)) >> 4
            k += 1
            row += k
        sign = 1
        if e < 0:
            e = -e
            sign = -1
        e = (e + 32) >> 6
        q = a[(i * (i + 3)) >> 1]
        if not q:
            e = 0
        elif e >= q:
            e = _ONE - 1
        else:
            w = (e << 10) // q
            e = (w << 10) + ((((e << 10) - w * q) << 10) // q)
        w = sign * e
        a[_WEIGHTS + i] = _ONE + w
        u = a[_VALUES + i] - _ONE
        total += (u * (w >> 10) + ((u * (w & 1023)) >> 10)) >> 4
    if total >= 1 << 28:
        total = (1 << 28) - 1
    if total < -(1 << 28):
        total = -(1 << 28)
    a[_KRIGED] = total + (1 << 28)
    return 0
