# Ordinary kriging of up to 16 targets from up to 24 stations, at most 12 per target, in integers.
#
# Method: Matheron (1963), solved as a bordered Cholesky elimination of the covariance matrix. Ordinary
# kriging does not change when a constant is added to every covariance, so the host chooses that constant
# to keep the matrix well conditioned; the kernel only sees covariances with a diagonal of one.
#
# Input, big-endian: stations u8, targets u8, variograms u8, 0
#   | per station u64: x 18 bits, y 18 bits, 0 7 bits, value 21 bits (biased)
#   | per target u64: x 18 bits, y 18 bits, 0 4 bits, stations to use 24 bits (bit i: station i)
#   | per variogram model u8, m u8, s u8, 0, scale u32, cut u32, base u32, depth u32.
# Answer, big-endian: per variogram, per target: value u32 (Q24, 2**28 added), variance u32 (Q24).
import struct
from array import array

from .numbers import _MOST
from .places import SLANTS, distances, unpack
from .system import _KRIGED, _N, _VARIANCE, ROOTS, eliminate, load, multiplier, weigh
from .variogram import covariances, variogram


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
    g = array("i", bytes(4 * (lists + _MOST * targets)))
    if unpack(data, g, at):
        raise ValueError("station")
    yield
    pairs = n * (n - 1) >> 1
    h = array("i", bytes(4 * (pairs + _MOST * targets)))
    distances(g, h, at)
    cov = h if sets == 1 else array("i", bytes(4 * len(h)))
    a = array("i", bytes(4 * 132)) + ROOTS
    out = bytearray(8 * targets * sets)
    place = 0
    for number in range(sets):
        model = variogram(data, 4 + 8 * (n + targets) + 20 * number)
        covariances(h, cov, model, len(h))
        yield
        for t in range(targets):
            hit = g[3 * (n + t)]
            if hit:  # a target on a station has its reading
                a[_KRIGED], a[_VARIANCE] = (g[3 * hit - 1] << 4) + (15 << 24), 0
            else:
                a[_N], at[0], at[1] = g[3 * (n + t) + 2], lists + _MOST * t, pairs + _MOST * t
                load(a, g, cov, at)
                eliminate(a)
                weigh(a, multiplier(a))
            struct.pack_into(">II", out, place, a[_KRIGED], a[_VARIANCE])
            place += 8
            if t & 1:
                yield
    return bytes(out)
