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
# Table L: units of each piece; from 289 how much a slot takes if none of its pieces is used; from 385 the price of
# each piece per unit of storage, times S[5] * S[6], plus 2^29 as ptr32 reads no signs where words have 64 bits.
# Table W: place of each piece in the order of prices; from 289 the pieces in that order.


@micropython.viper
def cut(S: ptr32, H: ptr16, P: ptr16, L: ptr32) -> int:
    # Cuts every slot into its pieces, from taking most to adding most. 1 if a price is out of range.
    add = S[5]
    take = S[6]
    most = S[7]
    least = S[8]
    limit = S[9]
    o = 536870912
    i = 0
    for t in range(96):
        n = H[11 + t] - 32768
        buy = P[t] - 32768
        sell = P[96 + t] - 32768
        if buy < -16383 or buy > 16383 or sell < -16383 or sell > 16383:
            return 1
        g = 0
        u = sell * add
        w = buy * take + 1  # whatever adds costs a trace more: nothing moves for nothing
        if n >= 0:  # sell, serve the home, buy
            if n > least:
                n = least
            x = least - n
            if x > limit:
                x = limit
            x *= take
            v = buy * add
            y = n * take
            z = most * add
            g = x + y
        else:  # sell, keep what would be sold, buy
            n = 0 - n
            x = limit - n
            v = sell * take + 1
            y = n
            if y > most:
                y = most
            z = (most - y) * add
            if x >= 0:
                if x > least:
                    x = least
                x *= take
                g = x
            else:  # what goes beyond the limit is lost anyway: it costs nothing to keep
                x = 0 - x
                u = 1
                if x > y:
                    x = y
                y -= x
                x *= add
            y *= add
        # Pool adjacent violators: where a later piece is cheaper than one before, both get their mean price.
        while u > v or v > w:
            if u > v:
                p = u
                d = (u - v) >> 7
                a = y
                b = x + y
                if v == w:
                    a += z
                    b += z
            else:
                p = v
                d = (v - w) >> 7
                a = z
                b = y + z
                if u == v:
                    b += x
            a <<= 1
            b = (b >> 6) + 1
            q = a // b
            p -= d * q + ((d * (((a - q * b) << 7) // b)) >> 7)
            if u > v:
                if v == w:
                    w = p
                u = p
            else:
                if u == v:
                    u = p
                w = p
            v = p
        L[i] = x
        L[i + 1] = y
        L[i + 2] = z
        L[289 + t] = g
        L[385 + i] = u + o
        L[386 + i] = v + o
        L[387 + i] = w + o
        i += 3
    L[288] = 0
    L[673] = o
    return 0


@micropython.viper
def order(L: ptr32, W: ptr16) -> int:
    # Sorts the pieces by price, equal ones by number: a merge sort from runs of three, which each slot is.
    for i in range(289):
        W[i] = i
    a = 0
    b = 289
    width = 3
    while width < 289:
        start = 0
        while start < 289:
            k = b + start
            i = a + start
            start += width
            if start > 289:
                start = 289
            middle = a + start
            j = middle
            start += width
            if start > 289:
                start = 289
            end = a + start
            p = W[i]
            while j < end:
                q = W[j]
                c = L[385 + q]
                while i < middle and L[385 + p] <= c:
                    W[k] = p
                    k += 1
                    i += 1
                    p = W[i]
                if i == middle:
                    break
                W[k] = q
                k += 1
                j += 1
            while i < middle:
                W[k] = W[i]
                k += 1
                i += 1
            while j < end:
                W[k] = W[j]
                k += 1
                j += 1
        a = 289 - a
        b = 289 - b
        width *= 2
    # Seven passes: the order is in the upper half.
    for k in range(289):
        W[W[289 + k]] = k
    return 0


@micropython.viper
def search(S: ptr32, L: ptr32, W: ptr16) -> int:
    # How many of the cheapest pieces can be used before they are too many: then the battery is full before it is
    # empty, or holds more at the end than it must. 289 if the end cannot be reached.
    full = S[3]
    first = S[0]
    held = S[1]
    low = 0
    high = 290
    while high - low > 1:
        k = (low + high) >> 1
        s = held
        i = 3 * first
        for t in range(first, 96):
            s -= L[289 + t]
            if W[i] < k:
                s += L[i]
                if W[i + 1] < k:
                    s += L[i + 1]
                    if W[i + 2] < k:
                        s += L[i + 2]
            if s < 0 or s > full:
                break
            i += 3
        if s > full or (s >= S[4] and W[288] < k):
            high = k
        else:
            low = k
    return low


@micropython.viper
def settle(S: ptr32, L: ptr32, W: ptr16, A: ptr16) -> int:
    # S[2] pieces are too few, one more is too many: finds how many watts of that one are used, and until when, which
    # is where the battery is then full or empty to the watt, or the day over. Writes the plan up to there.
    k = S[2]
    add = S[5]
    take = S[6]
    full = S[3]
    first = S[0]
    s = S[1]
    piece = W[289 + k]
    at = piece // 3
    low = 0
    low_at = 95
    high = 0
    high_at = 95
    unit = 1
    i = 3 * first
    for t in range(first, 96):
        x = 0 - L[289 + t]
        if W[i] < k:
            x += L[i]
            if W[i + 1] < k:
                x += L[i + 1]
                if W[i + 2] < k:
                    x += L[i + 2]
        i += 3
        s += x
        if t == at:
            unit = add
            if x < 0:
                unit = take
            high = L[piece] // unit
        if t >= at:
            w = 0 - 1
            if s <= full:
                w = (full - s) // unit
            if w < high:
                high = w
                high_at = t
                if low > high:  # would be full before: ends where it was last to be empty
                    high = low
                    high_at = low_at
                    low += 1
                    break
            if s < 0:
                w = (unit - 1 - s) // unit
                if w > low:
                    low = w
                    low_at = t
                    if low > high:  # would be empty before: ends where it was last to be full
                        break
    if low <= high and W[288] <= k:  # to the end of the day, with no more than needed
        if W[288] < k and s < S[4]:
            w = (unit - 1 + S[4] - s) // unit
            if w > low:
                low = w
                low_at = 95
        if low <= high:
            high = low
            high_at = low_at
    s = S[1]
    i = 3 * first
    for t in range(first, high_at + 1):
        x = 0 - L[289 + t]
        if W[i] < k:
            x += L[i]
            if W[i + 1] < k:
                x += L[i + 1]
                if W[i + 2] < k:
                    x += L[i + 2]
        i += 3
        if t == at:
            x += high * unit
        s += x
        if x < 0:
            A[t] = 65536 - (0 - x) // take
        else:
            A[t] = x // add
    S[1] = s
    S[0] = high_at + 1
    return 0


def load(data, contexts):
    if len(data) != 214 or len(contexts) != 1 or len(contexts[0]) != 384:
        raise ValueError("input")
    H = array("H", data)
    full, held, end = (H[k] | H[k + 1] << 16 for k in (5, 7, 9))
    if not 0 < H[0] <= H[1] < 32768 or H[1] * (H[2] + H[3]) > 1 << 28:
        raise ValueError("units")
    if full >= 1 << 29 or held > full or end + H[1] > full:
        raise ValueError("capacity")
    return array("i", (0, held, 0, full, end, H[0], H[1], H[2], H[3], H[4])), H, array("H", contexts[0])


def run(data, contexts):
    S, H, P = load(data, contexts)
    L = array("i", bytes(2696))
    if cut(S, H, P, L):
        raise ValueError("price")
    yield
    W = array("H", bytes(1156))
    order(L, W)
    yield
    A = array("H", bytes(192))
    while S[0] < SLOTS:
        S[2] = search(S, L, W)
        if S[2] == PIECES:
            raise ValueError("the end cannot be reached")
        settle(S, L, W, A)
        yield
    return bytes(A)
