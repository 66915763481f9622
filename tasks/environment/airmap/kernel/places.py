# Where stations and targets are, which stations each target uses, and how far they are from each other.
#
# Table g: 3 words for each station and each target, x, y and the rest (of a station its value, of a target how many
# stations it uses); then the list of all stations, then _MOST words for each target, the stations that it uses.
# Table at: how many stations, how many targets, where in g the targets' lists begin; then, for distances, SLANTS.
from array import array

from .numbers import _MOST, micropython, ptr8, ptr32

# sqrt(1 + (i / 16)**2) in Q11
SLANTS = array("i", (
    2048, 2052, 2064, 2084, 2111, 2146, 2187, 2235, 2290,
    2350, 2415, 2485, 2560, 2639, 2721, 2807, 2896, 2988,
))


@micropython.viper
def unpack(data: ptr8, g: ptr32, at: ptr32) -> int:
    # A job's places into g. Returns 0, or what is wrong.
    n = at[0]
    u = at[2] - n
    for i in range(n):
        g[u + i] = i
    for i in range(n + at[1]):
        d = 4 + 8 * i
        rest = ((data[d + 4] & 15) << 24) | (data[d + 5] << 16) | (data[d + 6] << 8) | data[d + 7]
        g[3 * i] = (data[d] << 10) | (data[d + 1] << 2) | (data[d + 2] >> 6)
        g[3 * i + 1] = ((data[d + 2] & 63) << 12) | (data[d + 3] << 4) | (data[d + 4] >> 4)
        if i < n:
            if not rest or rest >> 21:
                return 1
        else:
            bits = rest
            rest = 0
            u = at[2] + _MOST * (i - n)
            if not bits or bits >> n:
                return 2
            k = 0
            while bits:
                if rest == _MOST:
                    return 3
                g[u + rest] = k
                rest += bits & 1
                bits = bits >> 1
                k += 1
        g[3 * i + 2] = rest
    return 0


@micropython.viper
def distances(g: ptr32, out: ptr32, at: ptr32) -> int:
    # Rounded distances into out: of each station to those before it, then of each target to its stations, room for
    # _MOST. Of a target on a station, that station's number and one more goes into g in place of x, else 0. A first
    # guess from the slant of the two sides, right to 2**-10; one step of Newton's leaves less than one.
    n = at[0]
    o = 0
    for i in range(n + at[1]):
        p = 3 * i
        u = at[2] - n
        last = i
        hit = 0
        if i >= n:
            u = at[2] + _MOST * (i - n)
            last = g[p + 2]
        k = 0
        while k < last:
            s = 3 * g[u + k]
            dx = g[s] - g[p]
            dy = g[s + 1] - g[p + 1]
            if dx < 0:
                dx = -dx
            if dy < 0:
                dy = -dy
            if dx < dy:
                r = dx
                dx = dy
                dy = r
            r = 0
            if not dx:
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
            k += 1
        o += last
        if i >= n:
            g[p] = hit
            o += _MOST - last
    return 0
