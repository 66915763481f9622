# Kernel of energy.battery: the cheapest charge plan of one home battery for 96 quarter-hours.
#
# Method: the cost of a slot is piecewise linear in the energy stored, three pieces a slot (to sell, to serve
# the home, to buy). While the battery is neither full nor empty, energy has one price: every piece below it is
# used, every piece above is not. So the pieces are sorted once; bisection finds how many can be used until the
# battery is full or empty; there that price ends and the search starts anew (the string that is pulled tight
# between two walls; optimality conditions of Kuhn and Tucker). No grid of states, exact but for the last watt.
# Negative prices and sell > buy bend a slot's cost the wrong way: such pieces share one price, in their order.
#
# data, u16: units of storage that 1 W for a slot adds, that 1 W takes; watts at most in, out, to the grid;
# u32: capacity, stored at first, stored at the end at least (units; the end at most the capacity less what 1 W
# takes); then net load in W plus 32768 for each slot.
# context, u16: prices to buy, then to sell, plus 32768, within 16383 either side.
# Answer, i16: W that the battery takes (or gives, if negative) in each slot.
from array import array

try:
    import micropython
except ImportError:  # CPython
    class micropython:
        @staticmethod
        def viper(function):
            return function


def ptr16(b):
    return b


def ptr32(b):
    return b


SLOTS = 96
PIECES = 289  # three a slot, and one last: to keep what is left over for nothing

# Table S: 0 slot at hand  1 stored there  2 pieces used  3 capacity  4 stored at the end at least
# 5 units that 1 W adds  6 units that 1 W takes  7 W at most in  8 out  9 to the grid
# 10 W of the piece that is used in part
# L: units of each piece. G: how much a slot takes if none of its pieces is used. Q: price of each piece.
# O: pieces by price. R: place of each piece in O.


@micropython.viper
def cut(S: ptr32, N: ptr16, P: ptr16, L: ptr32, G: ptr32, Q: ptr32) -> int:
    # Cuts every slot into its pieces, from taking most to adding most. Prices are per unit of storage, times
    # S[5] * S[6], plus 2^26 as ptr32 reads no signs where words have 64 bits.
    add = S[5]
    take = S[6]
    most = S[7]
    least = S[8]
    limit = S[9]
    o = 67108864
    i = 0
    for t in range(96):
        n = N[t] - 32768
        buy = P[t] - 32768
        sell = P[96 + t] - 32768
        if n >= 0:
            b = n
            if b > least:
                b = least
            a = least - b
            if a > limit:
                a = limit
            x = a * take
            y = b * take
            z = most * add
            G[t] = x + y
            u = sell * add
            v = buy * add
            w = buy * take
        else:
            n = 0 - n
            u = sell * add
            v = sell * take
            w = buy * take
            b = n
            if b > most:
                b = most
            z = (most - b) * add
            a = n - limit
            if a > 0:
                # What goes beyond the limit is lost anyway: it costs nothing to store.
                u = 0
                if a > b:
                    a = b
                x = a * add
                b -= a
                G[t] = 0
            else:
                a = 0 - a
                if a > least:
                    a = least
                x = a * take
                G[t] = x
            y = b * add
        # Pool adjacent violators: the mean price, weighted, where a later piece is cheaper than an earlier one.
        if u > v:
            v = u - ((u - v) >> 7) * ((y << 1) // (((x + y) >> 6) + 1))
            u = v
            if v > w:
                w = v - ((v - w) >> 7) * ((z << 1) // (((x + y + z) >> 6) + 1))
                v = w
                u = w
        elif v > w:
            w = v - ((v - w) >> 7) * ((z << 1) // (((y + z) >> 6) + 1))
            v = w
            if u > v:
                v = u - ((u - v) >> 7) * (((y + z) << 1) // (((x + y + z) >> 6) + 1))
                u = v
                w = v
        L[i] = x
        L[i + 1] = y
        L[i + 2] = z
        Q[i] = u + o
        Q[i + 1] = v + o
        Q[i + 2] = w + o
        i += 3
    L[288] = 0
    Q[288] = o
    return 0


@micropython.viper
def merge(Q: ptr32, A: ptr16, B: ptr16, run: int) -> int:
    # One pass of a merge sort: sorted runs of pieces in A become runs twice as long in B. Stable.
    start = 0
    while start < 289:
        i = start
        middle = start + run
        if middle > 289:
            middle = 289
        j = middle
        end = middle + run
        if end > 289:
            end = 289
        k = start
        while k < end:
            if j >= end or (i < middle and Q[A[i]] <= Q[A[j]]):
                B[k] = A[i]
                i += 1
            else:
                B[k] = A[j]
                j += 1
            k += 1
        start = end
    return 0


@micropython.viper
def number(O: ptr16, R: ptr16) -> int:
    # The place of each piece in the order.
    for k in range(289):
        R[O[k]] = k
    return 0


@micropython.viper
def search(S: ptr32, L: ptr32, G: ptr32, R: ptr16) -> int:
    # How many of the cheapest pieces can be used before they are too many: then the battery is full before it is
    # empty, or holds more at the end than it must. 289 if the end cannot be reached.
    full = S[3]
    first = S[0]
    low = 0
    high = 290
    while high - low > 1:
        k = (low + high) >> 1
        s = S[1]
        i = 3 * first
        for t in range(first, 96):
            s -= G[t]
            if R[i] < k:
                s += L[i]
                if R[i + 1] < k:
                    s += L[i + 1]
                    if R[i + 2] < k:
                        s += L[i + 2]
            if s < 0 or s > full:
                break
            i += 3
        if s > full or (s >= S[4] and R[288] < k):
            high = k
        else:
            low = k
    return low


@micropython.viper
def split(S: ptr32, L: ptr32, G: ptr32, R: ptr16) -> int:
    # S[2] pieces are too few, one more is too many. Sets S[10], how many watts of that one are used, and returns
    # the last slot for which they are: then the battery is full or empty to the watt, or the day is over.
    k = S[2]
    full = S[3]
    first = S[0]
    s = S[1]
    unit = 0
    low = 0
    low_at = 95
    high = 0
    high_at = 95
    i = 3 * first
    for t in range(first, 96):
        s -= G[t]
        x = 0 - G[t]
        for j in range(i, i + 3):
            if R[j] < k:
                s += L[j]
                x += L[j]
            elif R[j] == k:
                unit = S[5]
                if x < 0:
                    unit = S[6]
                high = L[j] // unit
        i += 3
        if unit > 0:
            if s > full:
                S[10] = low
                return low_at
            w = (full - s) // unit
            if w < high:
                high = w
                high_at = t
                if low > high:
                    S[10] = low
                    return low_at
            if s < 0:
                w = (unit - 1 - s) // unit
                if w > low:
                    low = w
                    low_at = t
                    if low > high:
                        S[10] = high
                        return high_at
    if R[288] < k:
        if s < S[4]:
            w = (unit - 1 + S[4] - s) // unit
            if w > low:
                low = w
                low_at = 95
                if low > high:
                    S[10] = high
                    return high_at
    elif R[288] > k:
        S[10] = high
        return high_at
    S[10] = low
    return low_at


@micropython.viper
def fix(S: ptr32, L: ptr32, G: ptr32, R: ptr16, A: ptr16) -> int:
    # Writes the plan up to slot S[11] and returns what is stored then.
    k = S[2]
    add = S[5]
    take = S[6]
    s = S[1]
    i = 3 * S[0]
    for t in range(S[0], S[11] + 1):
        x = 0 - G[t]
        for j in range(i, i + 3):
            if R[j] < k:
                x += L[j]
            elif R[j] == k:
                if x < 0:
                    x += S[10] * take
                else:
                    x += S[10] * add
        i += 3
        s += x
        if x < 0:
            A[t] = 65536 - (0 - x) // take
        else:
            A[t] = x // add
    return s


def load(data, contexts):
    if len(data) != 214 or len(contexts) != 1 or len(contexts[0]) != 384:
        raise ValueError("input")
    H = array("H", data)
    full, held, end = (H[k] | H[k + 1] << 16 for k in (5, 7, 9))
    if not (0 < H[0] <= H[1] < 4096 and max(H[2], H[3]) <= 30000):
        raise ValueError("units")
    if full >= 1 << 29 or held > full or end + H[1] > full:
        raise ValueError("capacity")
    P = array("H", contexts[0])
    if min(P) < 16385 or max(P) > 49151:
        raise ValueError("price")
    S = array("i", (0, held, 0, full, end, H[0], H[1], H[2], H[3], H[4], 0, 0))
    return S, array("H", data[22:]), P


def run(data, contexts):
    S, N, P = load(data, contexts)
    L = array("i", bytes(4 * PIECES))
    Q = array("i", bytes(4 * PIECES))
    G = array("i", bytes(4 * SLOTS))
    cut(S, N, P, L, G, Q)
    yield
    O = array("H", range(PIECES))
    R = array("H", bytes(2 * PIECES))
    width = 3  # the pieces of a slot are in order
    while width < PIECES:
        merge(Q, O, R, width)
        O, R = R, O
        width *= 2
        yield
    number(O, R)
    A = array("H", bytes(2 * SLOTS))
    while S[0] < SLOTS:
        S[2] = search(S, L, G, R)
        last = split(S, L, G, R)
        if S[2] == PIECES or last < S[0]:
            raise ValueError("the end cannot be reached")
        S[11] = last
        S[1] = fix(S, L, G, R, A)
        S[0] = last + 1
        yield
    return bytes(A)
