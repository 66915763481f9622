# Covariances from distances. Table v: the variogram as it was sent, then POWERS.
import struct
from array import array

from .numbers import _ONE, const, micropython, ptr32

_MODEL = const(0)  # 0 exponential, 1 exponential within 0.2 ranges, 2 spherical
_M = const(1)      # values are taken times 2**m, so that small ones keep digits
_S = const(2)      # distance * scale >> s is 2**m times the distance in ranges
_J = const(3)      # so much of s is shifted out before the product
_SCALE = const(4)
_CUT = const(5)    # from this distance on there is nothing left to rise
_BASE = const(6)
_DEPTH = const(7)
_POWERS = const(8)

# 2**(-i / 16) in Q20, less than one
POWERS = (
    1048575, 1004120, 961548, 920782, 881744, 844361, 808563, 774282,
    741455, 710020, 679917, 651091, 623487, 597053, 571740, 547500,
)


def variogram(data, at):
    model, m, s, zero, scale, cut, base, depth = struct.unpack_from(">BBBBIIII", data, at)
    j = min(s, 10)
    if model > 2 or m > 10 or s < 4 or s > 30 or zero or scale >= _ONE or cut >= 1 << 19:
        raise ValueError("variogram")
    furthest = (20 << 20, 1 << min(20, 18 + m), _ONE)[model]
    if base >= _ONE or depth >= _ONE or scale * cut >> s >= furthest:
        raise ValueError("variogram")
    return array("i", (model, m, s, j, scale, cut, base, depth) + POWERS)


@micropython.viper
def covariances(h: ptr32, out: ptr32, v: ptr32, n: int) -> int:
    # base - 2 * depth * g(h) into out for n distances h, g being 2**m times the variogram of sill one.
    m = v[_M]
    j = v[_J]
    i = 0
    while i < n:
        g = _ONE - 1
        if h[i] < v[_CUT]:
            x = (v[_SCALE] * (h[i] >> j) + ((v[_SCALE] * (h[i] & ((1 << j) - 1))) >> j)) >> (v[_S] - j)
            if not v[_MODEL]:  # x in halvings: 2**-x from whole, sixteenths and a cubic for the rest
                t = ((x & 0xFFFF) * 709 + (((x & 0xFFFF) * 801) >> 10)) >> 10
                p = _ONE - ((t * ((_ONE - t // 3) >> 10)) >> 11)
                p = _ONE - ((t * (p >> 6)) >> 14)
                f = v[_POWERS + ((x >> 16) & 15)]
                g = _ONE - ((f * (p >> 10) + ((f * (p & 1023)) >> 10)) >> 10 >> (x >> 20))
            elif v[_MODEL] == 1:  # x (1 - x/2 (1 - x/3 (1 - x/4 (1 - x/5))))
                t = x >> m
                p = _ONE - t // 5
                p = _ONE - ((t * (p >> 8)) >> 12) // 4
                p = _ONE - ((t * (p >> 8)) >> 12) // 3
                p = _ONE - ((t * (p >> 8)) >> 12) // 2
                g = (x * (p >> 10) + ((x * (p & 1023)) >> 10)) >> 10
            else:  # x + x (1 - x**2) / 2
                t = x >> m
                p = _ONE - ((t * (t >> 10) + ((t * (t & 1023)) >> 10)) >> 10)
                g = x + ((x * (p >> 10) + ((x * (p & 1023)) >> 10)) >> 11)
            if g >= _ONE:
                g = _ONE - 1
        t = v[_BASE] + _ONE - ((g * (v[_DEPTH] >> 10) + ((g * (v[_DEPTH] & 1023)) >> 10)) >> 9)
        if t < 1:
            t = 1
        out[i] = t
        i += 1
    return 0
