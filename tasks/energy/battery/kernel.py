# Kernel of energy.battery: the cheapest charge plan of one home battery for the quarter-hours of a
# day: 96, or 92 and 100 on the days on which the clocks change.
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
# context, u16: prices to buy, then to sell, plus 32768, within 16383 either side; how many says what day it is.
# Answer, i16: W that the battery takes (or gives, if negative) in each slot.
from array import array


def ptr16(b):
    return b


ptr32 = const = ptr16  # viper knows pointers as casts; the compiler puts constants in place of their names

try:
    import micropython
except ImportError:  # CPython

    class micropython:
        viper = ptr16


# The longest day has 100 slots of three pieces each, and one piece comes last: to keep what is left over for nothing.
# Tables are laid out for it, whatever day it is.
_BIAS = const(32768)  # of what is signed in data and context
_DEAREST = const(16383)

# data: u16 each, from 5 on u32 in two.
_CAPACITY_GIVEN = const(5)
_HELD_GIVEN = const(7)
_END_GIVEN = const(9)
_LOADS = const(11)

# Table S: the slot at hand, stored there, pieces used, capacity, stored at the end at least, units that 1 W adds and
# takes, W at most in, out, to the grid, slots of the day.
_SLOT = const(0)
_HELD = const(1)
_USED = const(2)
_CAPACITY = const(3)
_END = const(4)
_ADDS = const(5)
_TAKES = const(6)
_IN = const(7)
_OUT = const(8)
_GRID = const(9)
_SLOTS = const(10)

# Table L: units of each piece (at 0); how much a slot takes if none of its pieces is used; the price of each piece
# per unit of storage, times S[_ADDS] * S[_TAKES], plus _ZERO as ptr32 reads no signs where words have 64 bits; and
# what a slot adds with the pieces that are used, plus _ZERO.
_GIVES = const(301)
_PRICES = const(401)
_CHANGES = const(702)
_L_SIZE = const(802)
_ZERO = const(536870912)

# Table W: place of each piece in the order of prices (at 0); the pieces in that order.
_ORDER = const(301)
_W_SIZE = const(602)


# Cuts every slot into its pieces, from taking most to adding most. 1 if a price is out of range.
@micropython.viper
def cut(S: ptr32, H: ptr16, P: ptr16, L: ptr32) -> int:
    add = S[_ADDS]
    take = S[_TAKES]
    most = S[_IN]
    least = S[_OUT]
    limit = S[_GRID]
    slots = S[_SLOTS]
    i = 0
    for t in range(slots):
        n = H[_LOADS + t] - _BIAS
        buy = P[t] - _BIAS
        sell = P[slots + t] - _BIAS
        if buy * buy > _DEAREST * _DEAREST or sell * sell > _DEAREST * _DEAREST:
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
        L[i] = x
        L[i + 1] = y
        L[i + 2] = z
        L[_GIVES + t] = g
        j = i + _PRICES
        L[j] = u + _ZERO
        L[j + 1] = v + _ZERO
        L[j + 2] = w + _ZERO
        i += 3
    L[i] = 0
    L[_PRICES + i] = _ZERO
    return 0


# Pool adjacent violators: where a later piece of a slot is cheaper than one before, both get their mean price.
@micropython.viper
def pool(L: ptr32, S: ptr32) -> int:
    last = 3 * S[_SLOTS]
    i = 0
    while i < last:
        j = i + _PRICES
        u = L[j]
        v = L[j + 1]
        w = L[j + 2]
        if u > v:
            p = u
            d = u - v
            a = L[i + 1]
            if v == w:
                a += L[i + 2]
            b = a + L[i]
        elif v > w:
            p = v
            d = v - w
            w = v
            a = L[i + 2]
            b = a + L[i + 1]
            if u == v:
                b += L[i]
        else:
            i += 3
            continue
        # p less d * a / b, within 31 bits.
        a <<= 1
        b = (b >> 6) + 1
        d >>= 7
        q = a // b
        p -= d * q + ((d * (((a - q * b) << 7) // b)) >> 7)
        if u >= v:
            L[j] = p
        L[j + 1] = p
        if v == w:
            L[j + 2] = p
    return 0


# Sorts the pieces by price, equal ones by number: a merge sort from runs of three, which each slot is. The seven
# passes go to and fro between the halves of W, and end in the upper.
@micropython.viper
def order(L: ptr32, W: ptr16, S: ptr32) -> int:
    pieces = 3 * S[_SLOTS] + 1
    for i in range(pieces):
        W[i] = i
    a = 0
    b = _ORDER
    width = 3
    while width < pieces:
        start = 0
        while start < pieces:
            k = b + start
            i = a + start
            start += width
            if start > pieces:
                start = pieces
            middle = a + start
            j = middle
            start += width
            if start > pieces:
                start = pieces
            end = a + start
            p = W[i]
            while j < end:
                q = W[j]
                c = L[_PRICES + q]
                while i < middle and L[_PRICES + p] <= c:
                    W[k] = p
                    k += 1
                    i += 1
                    p = W[i]
                if i == middle:
                    break
                W[k] = q
                k += 1
                j += 1
            if i == middle:  # what is left of either
                i = j
                middle = end
            while i < middle:
                W[k] = W[i]
                k += 1
                i += 1
        a = _ORDER - a
        b = _ORDER - b
        width *= 2
    for k in range(pieces):
        W[W[_ORDER + k]] = k
    return 0


# How many of the cheapest pieces can be used before they are too many: then the battery is full before it is empty,
# or holds more at the end than it must. All pieces if the end cannot be reached.
@micropython.viper
def search(L: ptr32, W: ptr16, S: ptr32) -> int:
    full = S[_CAPACITY]
    last = 3 * S[_SLOTS]
    low = 0
    high = last + 2
    while high - low > 1:
        k = (low + high) >> 1
        s = S[_HELD]
        i = 3 * S[_SLOT]
        for g in range(_GIVES + S[_SLOT], _GIVES + S[_SLOTS]):
            s -= L[g]
            if W[i + 1] < k:
                s += L[i] + L[i + 1]
                if W[i + 2] < k:
                    s += L[i + 2]
            elif W[i] < k:
                s += L[i]
            if s < 0 or s > full:
                break
            i += 3
        if s > full or (s >= S[_END] and W[last] < k):
            high = k
        else:
            low = k
    return low


# S[_USED] pieces are too few, one more is too many: finds how many watts of that one are used, and until when,
# which is where the battery is then full or empty to the watt, or the day over. Writes the plan up to there.
@micropython.viper
def settle(L: ptr32, W: ptr16, S: ptr32, A: ptr16) -> int:
    k = S[_USED]
    slots = S[_SLOTS]
    last = W[3 * slots]
    s = S[_HELD]
    piece = W[_ORDER + k]
    at = piece // 3
    low = high = 0
    low_at = high_at = slots - 1
    unit = 1
    i = 3 * S[_SLOT]
    for t in range(S[_SLOT], slots):
        x = 0 - L[_GIVES + t]
        if W[i + 1] < k:
            x += L[i] + L[i + 1]
            if W[i + 2] < k:
                x += L[i + 2]
        elif W[i] < k:
            x += L[i]
        i += 3
        s += x
        L[_CHANGES + t] = x + _ZERO
        if t == at:
            unit = S[_TAKES] if x < 0 else S[_ADDS]
            high = L[piece] // unit
        if t >= at:
            if s + high * unit > S[_CAPACITY]:
                high = (S[_CAPACITY] - s) // unit
                high_at = t
                if low > high:  # would be full before: ends where it was last to be empty
                    high = low
                    high_at = low_at
                    low += 1
                    break
            if s + low * unit < 0:
                low = (unit - 1 - s) // unit
                low_at = t
                if low > high:  # would be empty before: ends where it was last to be full
                    break
    if low <= high and last <= k:  # to the end of the day, with no more than needed
        if last < k and s + low * unit < S[_END]:
            low = (unit - 1 + S[_END] - s) // unit
            low_at = slots - 1
        if low <= high:
            high = low
            high_at = low_at
    s = S[_HELD]
    for t in range(S[_SLOT], high_at + 1):
        x = L[_CHANGES + t] - _ZERO
        if t == at:
            x += high * unit
        s += x
        A[t] = 65536 - (0 - x) // S[_TAKES] if x < 0 else x // S[_ADDS]
    S[_HELD] = s
    S[_SLOT] = high_at + 1
    return 0


def u32(H, at):
    return H[at] | H[at + 1] << 16


def run(data, contexts):
    slots = len(contexts[0]) >> 2 if len(contexts) == 1 else 0
    if slots not in (92, 96, 100) or len(contexts[0]) != 4 * slots or len(data) != 22 + 2 * slots:
        raise ValueError("input")
    H = array("H", data)
    full, held, end = u32(H, _CAPACITY_GIVEN), u32(H, _HELD_GIVEN), u32(H, _END_GIVEN)
    if not 0 < H[0] <= H[1] < 32768 or H[1] * (H[2] + H[3]) > 1 << 28:
        raise ValueError("units")
    if full >= 1 << 29 or held > full or end + H[1] > full:
        raise ValueError("capacity")
    S = array("i", (0, held, 0, full, end, H[0], H[1], H[2], H[3], H[4], slots))
    L = array("i", bytes(4 * _L_SIZE))
    if cut(S, H, array("H", contexts[0]), L):
        raise ValueError("price")
    pool(L, S)
    yield
    W = array("H", bytes(2 * _W_SIZE))
    order(L, W, S)
    yield
    A = array("H", bytes(2 * slots))
    while S[_SLOT] < slots:
        S[_USED] = search(L, W, S)
        if S[_USED] > 3 * slots:
            raise ValueError("the end cannot be reached")
        settle(L, W, S, A)
        yield
    return bytes(A)
