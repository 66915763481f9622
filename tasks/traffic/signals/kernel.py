# Queue simulation of fixed-time signals, event by event, in integers of 0.1 s.
#
# A vehicle drives for a leg's time to a stop line and joins the shortest lane its movement may use, of those
# that have room; if none has, it queues before the approach, where as many as lanes lead there find their way
# and the rest wait behind them. 1.0 s after a lane moves up, and every 1.5 s from then on, one may enter.
# The head of a lane leaves on green; on permissive green when nobody it must give way to has left in the last
# 6.0 s; in the first second of yellow; else 3.5 s after the next green begins. Then the lane is blocked for
# the movement's headway. Cost: waiting plus 1.5 s for every stop. Data, contexts, answer: see pack.py.
#
# All that the simulation changes, and what it looks up, is one array `w` of 16-bit words, in which a thing is known
# by where its words begin: slots of 0.8 s, then vehicles, lanes, approaches, junctions, links, legs. One array,
# because machine code that calls machine code pays for every argument, most for pointers. That is also why
# `advance` is the whole way of the most frequent event, and why others hand it their results in w[_HAND].
from array import array


def ptr8(b):
    return b


ptr16 = ptr32 = const = ptr8  # viper knows pointers as casts; the compiler puts constants in place of their names

try:
    import micropython
except ImportError:  # CPython

    class micropython:
        viper = ptr8


_EVENTS = const(250)  # a slice, empty slots included: at most about 17,000 simple statements
_NONE = const(65535)  # more than any length, later than any time
_OVER = const(1)  # stands in the slot at the end
_CLOSED = const(255)  # ends a route

# The demand of a window, win: how many legs and routes it has, where its legs begin.
_LEGS_KNOWN = const(12)
_ROUTES = const(13)
_HEADER = const(16)

# The rules of the street, in 0.1 s.
_STOP = const(15)  # what a stop costs beside the time that it takes
_YELLOW_TIME = const(10)  # at the beginning of yellow, in which one still goes
_GAP = const(60)  # after those who must be given way to
_START = const(35)  # after green begins
_MOVES_UP = const(10)  # until one may enter a lane that moved up
_FOLLOWS = const(15)  # until the next may
_LONGEST_CYCLE = const(30000)

# States of a link in a phase.
_RED = const(0)
_PERMISSIVE = const(1)
_GREEN = const(2)
_YELLOW = const(3)

# At the beginning of w: what `advance` hands to others, and they to it; then the slots.
_HAND = const(0)
_SLOTS = const(1)
# A node is a vehicle, a lane or an approach. Its words: when it reaches its stop line or is looked at (at 0), and
# the next node of the list that it is in, 0 at the end. A slot holds the first of those that are due in it, by time;
# those who queue form lists as well.
_NEXT = const(1)
# A vehicle: its place in the routes; while it queues its link, else the first link of its next movement.
_PLACE = const(2)
_LINK = const(3)
_VEHICLE = const(4)  # words of one
# A lane, and an approach with the queue before it: first and last who queue, how many do. Of a lane: blocked until,
# vehicles it has room for, its approach. Of an approach: 1 if it will be looked at, how many lanes lead to it.
_HEAD = const(2)
_TAIL = const(3)
_LENGTH = const(4)
_BLOCKED = const(5)
_WOKEN = const(5)
_ROOM = const(6)
_APPROACH = const(7)
_QUEUE = const(8)
# A junction: its number (at 0), first link, cycle, position at begin; 0, and when each of its phases ends.
_FIRST_LINK = const(1)
_CYCLE = const(2)
_POSITION = const(3)
_ENDS = const(5)
# A link: its junction (at 0), lane, headway; where its states are in the network, and those that give way to it;
# until when it gives way itself; the next link of the movement, or 0.
_LANE = const(1)
_HEADWAY = const(2)
_STATES = const(3)
_GIVING = const(4)
_HOLD = const(5)
_OTHER = const(6)
_LINK_SIZE = const(7)
# A leg: its movement's first link (at 0), travel time.
_TRAVEL = const(1)
_LEG = const(2)

# The table par: the slot at hand; the end; how many of the vehicles that are counted are on their way, the first of
# them, the first beyond; where vehicles, lanes, approaches, junctions, links and legs begin in w; what time it is at
# begin; the cost at each junction.
_SLOT = const(0)
_END = const(1)
_LEFT = const(2)
_COUNTED = const(3)
_BEYOND = const(4)
_VEHICLES = const(5)
_LANES = const(6)
_APPROACHES = const(7)
_JUNCTIONS = const(8)
_LINKS = const(9)
_LEGS = const(10)
_BEGIN = const(11)
_COST = const(12)


# Empties slots (those before the one at hand are empty), queues and costs, and lets the vehicles drive to their first
# stop lines. `room` is where the lanes stand in the network, `departs` and `route` where the vehicles' departures and
# routes do in the window.
@micropython.viper
def begin(w: ptr16, net: ptr8, win: ptr8, par: ptr32, start: ptr16, room: int, departs: int, route: int) -> int:
    slot = ((par[_END] + 7) >> 3) + _SLOTS
    w[slot] = _OVER
    while slot > par[_SLOT]:
        slot -= 1
        w[slot] = 0
    par[_SLOT] = _SLOTS
    q = par[_APPROACHES]
    room -= net[4]
    while q < par[_JUNCTIONS]:
        w[q + _ROOM] = net[room]
        room += 1
        q += _QUEUE
    q = par[_LANES]
    while q < par[_JUNCTIONS]:
        w[q + _HEAD] = w[q + _LENGTH] = w[q + _BLOCKED] = 0
        if q < par[_APPROACHES]:
            w[q + _APPROACH] = par[_APPROACHES] + net[room] * _QUEUE
            w[q + _ROOM] = net[room + 1]
            room += 2
        q += _QUEUE
    k = par[_LINKS]
    while k < par[_LEGS]:
        w[k + _HOLD] = 0
        k += _LINK_SIZE
    for j in range(net[0]):
        par[_COST + j] = 0
    par[_LEFT] = (par[_BEYOND] - par[_COUNTED]) // _VEHICLE
    v = par[_VEHICLES]
    while v < par[_LANES]:
        place = start[win[route]]
        leg = par[_LEGS] + win[place] * _LEG
        t = win[departs] + (win[departs + 1] << 8) + w[leg + _TRAVEL]
        w[v + _PLACE], w[v + _LINK] = place, w[leg]
        if t < par[_END]:
            w[v] = t
            p = (t >> 3) + _SLOTS
            while w[p] != 0 and w[w[p]] <= t:
                p = w[p] + _NEXT
            w[v + _NEXT] = w[p]
            w[p] = v
        departs += 2
        route += 1
        v += _VEHICLE
    return 0


# A vehicle reaches its stop line: it joins a lane, or the queue before the approach if no lane has room or too many
# queue there. Hands back the lane if the vehicle is the first there, else 0.
@micropython.viper
def arrive(w: ptr16):
    v = w[_HAND]
    k = w[v + _LINK]
    q, least = w[w[k + _LANE] + _APPROACH], _NONE
    if w[q + _LENGTH] < w[q + _ROOM]:
        while k != 0:
            x = w[k + _LANE]
            length = w[x + _LENGTH]
            if length < least and length < w[x + _ROOM]:
                q, least = x, length
                w[v + _LINK] = k
            k = w[k + _OTHER]
    w[v + _NEXT] = 0
    p = w[q + _TAIL] + _NEXT
    if w[q + _LENGTH] == 0:
        p = q + _HEAD
    w[p] = v
    w[q + _TAIL] = v
    w[q + _LENGTH] += 1
    w[_HAND] = q if least == 0 else 0


# The first who finds a lane with room, of those before an approach who may try, joins it. Hands back the lane if the
# vehicle is the first there, else 0; the approach if someone found a way, else 0.
@micropython.viper
def admit(w: ptr16) -> int:
    a = w[_HAND]
    w[a + _WOKEN] = 0
    tries = w[a + _LENGTH]
    if tries > w[a + _ROOM]:
        tries = w[a + _ROOM]
    p = a + _HEAD
    q = last = 0
    while tries > 0 and q == 0:
        v = w[p]
        k = w[v + _LINK]
        least = _NONE
        while k != 0:
            x = w[k + _LANE]
            length = w[x + _LENGTH]
            if length < least and length < w[x + _ROOM]:
                q, least = x, length
                w[v + _LINK] = k
            k = w[k + _OTHER]
        if q == 0:
            last = v
            p = v + _NEXT
        tries -= 1
    w[_HAND] = 0
    if q == 0:
        return 0
    w[a + _LENGTH] -= 1
    w[p] = w[v + _NEXT]
    if w[p] == 0:
        w[a + _TAIL] = last
    w[v + _NEXT] = 0
    p = w[q + _TAIL] + _NEXT
    if w[q + _LENGTH] == 0:
        p = q + _HEAD
    w[p] = v
    w[q + _TAIL] = v
    w[q + _LENGTH] += 1
    if least == 0:
        w[_HAND] = q
    return a


# When the first on link k's lane may go, which has no green: t if at once, never where it gets none. e is where the
# end of its junction's phase stands.
@micropython.viper
def hindered(w: ptr16, net: ptr8, k: int, e: int, t: int) -> int:
    c = w[k]
    now = (t + w[c + _POSITION]) % w[c + _CYCLE]
    states = w[k + _STATES]
    c += _ENDS
    i = e - c
    state = (net[states + (i >> 2)] >> ((i & 3) << 1)) & 3
    if state == _YELLOW and now - w[e - 1] < _YELLOW_TIME:
        return t
    until = t + w[e] - now
    if state == _PERMISSIVE:
        return w[k + _HOLD] if w[k + _HOLD] < until else until
    phase = i
    while True:
        began = w[c + i]
        i += 1
        if began == w[c - _ENDS + _CYCLE]:
            i = began = 0
        if i == phase:
            return _NONE
        state = (net[states + (i >> 2)] >> ((i & 3) << 1)) & 3
        if state != _RED and state != _YELLOW:
            return until + _START
        until += w[c + i] - began


# Approach a will be looked at, behind everything that is due no later.
@micropython.viper
def wake(w: ptr16, a: int, due: int, end: int) -> int:
    w[a + _WOKEN] = 1
    if due >= end:
        return 0
    w[a] = due
    p = (due >> 3) + _SLOTS
    while w[p] != 0 and w[w[p]] <= due:
        p = w[p] + _NEXT
    w[a + _NEXT] = w[p]
    w[p] = a
    return 0


# Handles up to `budget` events, which an empty slot counts as; 0 when all is over. q is the node that is due at t,
# then the lane to look at; v the vehicle that leaves it; `due` and `arrives` when lane and vehicle are due next,
# `end` if they are not; a the approach that may let one in, which waits `more` if one has just entered than if a
# lane moved up. q and t come as arguments, and so do `arrive` and `hindered`, because the first three variables are
# kept in registers, and a look-up of a global is a quarter of a call.
@micropython.viper
def advance(w: ptr16, q: int, t: int, net: ptr8, win: ptr8, par: ptr32, budget: int, arrive, hindered) -> int:
    slot, end, left = par[_SLOT], par[_END], par[_LEFT]
    first, beyond = par[_COUNTED], par[_BEYOND]
    while budget > 0 and left > 0:
        budget -= 1
        q = w[slot]
        if q <= _OVER:
            if q == _OVER:
                return 0
            slot += 1
            continue
        t, w[slot] = w[q], w[q + _NEXT]
        a = more = v = 0
        w[_HAND] = q
        if q < par[_LANES]:
            arrive(w)
        elif q >= par[_APPROACHES]:
            a = int(admit(w))
            more = _FOLLOWS - _MOVES_UP
        q = w[_HAND]
        arrives = end
        due = w[q + _BLOCKED] if q != 0 else end
        if due <= t:
            v = w[q + _HEAD]
            k = w[v + _LINK]
            c = w[k]
            now = (t + w[c + _POSITION]) % w[c + _CYCLE]
            e = c + _ENDS
            while w[e] <= now:
                e += 1
            i = e - c - _ENDS
            state = (net[w[k + _STATES] + (i >> 2)] >> ((i & 3) << 1)) & 3
            if state != _GREEN and (state != _PERMISSIVE or w[k + _HOLD] > t):
                due = int(hindered(w, net, k, e, t))
        if due <= t:  # the first leaves
            if v >= first and v < beyond and t > w[v]:
                par[_COST + w[c]] += t - w[v] + _STOP
            i = w[k + _GIVING]
            x = i + net[i]
            while i < x:
                i += 1
                w[w[c + _FIRST_LINK] + net[i] * _LINK_SIZE + _HOLD] = t + _GAP
            w[v + _PLACE] += 1
            i = win[w[v + _PLACE]]
            if i != _CLOSED:
                i = par[_LEGS] + i * _LEG
                w[v + _LINK] = w[i]
                arrives = t + w[i + _TRAVEL]
            elif v >= first and v < beyond:
                left -= 1
            a = w[q + _APPROACH]
            w[q + _LENGTH] -= 1
            w[q + _HEAD] = w[v + _NEXT]
            w[q + _BLOCKED] = due = t + w[k + _HEADWAY]
            if w[v + _NEXT] == 0 or due >= end:
                q, due, arrives = v, arrives, end
        while due < end:  # the lane, then the vehicle, behind everything that is due no later
            w[q] = due
            p = (due >> 3) + _SLOTS
            x = w[p]
            while x != 0 and w[x] <= due:
                p = x + _NEXT
                x = w[p]
            w[q + _NEXT] = x
            w[p] = q
            q, due, arrives = v, arrives, end
        if a != 0 and w[a + _HEAD] != 0 and w[a + _WOKEN] == 0:
            wake(w, a, t + _MOVES_UP + more, end)
    par[_SLOT], par[_LEFT] = slot, left
    return left


# Whoever still queues at the end has waited until then, and stopped.
@micropython.viper
def unfinished(w: ptr16, par: ptr32) -> int:
    q = par[_LANES]
    while q < par[_JUNCTIONS]:
        v = w[q + _HEAD]
        while v != 0:
            if v >= par[_COUNTED] and v < par[_BEYOND]:
                i = _COST + w[w[w[v + _LINK]]]
                par[i] = par[i] + par[_END] - w[v] + _STOP
            v = w[v + _NEXT]
        q += _QUEUE
    return 0


# Reads the links from `at` on, and where each movement begins; how many movements there are, or 0 where they are
# malformed.
@micropython.viper
def read_links(w: ptr16, net: ptr8, par: ptr32, movements: ptr16, at: int, size: int) -> int:
    known = 0
    j, k, rooms = -1, par[_LINKS], at - (net[1] << 1)
    c = phases = 0
    while k < par[_LEGS]:
        if at + 3 > size:
            return 0
        if net[at] != j:
            c = c + _ENDS + phases if j >= 0 else par[_JUNCTIONS]
            j += 1
            phases = net[5 + j]
            w[c] = j
            w[c + _FIRST_LINK] = k
        giving = at + 3 + ((phases + 3) >> 2)
        if net[at] != j or j >= net[0] or giving >= size:
            return 0
        if net[at + 1] >= net[1] or net[rooms + (net[at + 1] << 1)] >= net[4]:
            return 0
        w[k + _OTHER] = 0
        if known == 0 or net[at + 2] > 127:
            movements[known] = k
            known += 1
        else:
            w[k - _LINK_SIZE + _OTHER] = k
        w[k], w[k + _LANE], w[k + _HEADWAY] = c, par[_LANES] + net[at + 1] * _QUEUE, net[at + 2] & 127
        w[k + _STATES], w[k + _GIVING] = at + 3, giving
        at = giving + 1 + net[giving]
        if at > size:
            return 0
        while giving < at - 1:
            giving += 1
            if w[c + _FIRST_LINK] + net[giving] * _LINK_SIZE >= par[_LEGS]:
                return 0
        k += _LINK_SIZE
    return known if at == size and j == net[0] - 1 else 0


# Reads the legs, and where each route begins; how many routes there are, or 0 where they are malformed.
@micropython.viper
def read_routes(w: ptr16, win: ptr8, par: ptr32, movements: ptr16, start: ptr16, beyond: int) -> int:
    at, leg = _HEADER, par[_LEGS]
    times = at + win[_LEGS_KNOWN]
    while at < _HEADER + win[_LEGS_KNOWN]:
        w[leg] = movements[win[at]]
        w[leg + _TRAVEL] = win[times] + (win[times + 1] << 8)
        at += 1
        times += 2
        leg += _LEG
    at = opened = times
    known = 0
    while at < beyond:
        if win[at] == _CLOSED:
            if at == opened or known == win[_ROUTES]:
                return 0
            start[known] = opened
            known += 1
            opened = at + 1
        elif win[at] >= win[_LEGS_KNOWN]:
            return 0
        at += 1
    return known if opened == beyond else 0


# Writes a plan's phase ends, cycles and positions; where the next plan begins, or 0 where it is malformed.
@micropython.viper
def timing(w: ptr16, net: ptr8, par: ptr32, data: ptr8, read: int, size: int) -> int:
    c = par[_JUNCTIONS]
    given = 5 + net[0]  # where the network's durations are
    for j in range(net[0]):
        if read + 2 > size:
            return 0
        offset = data[read] | data[read + 1] << 8
        read += 2
        at, end = c + _ENDS, 0
        beyond = at + net[5 + j]
        while at < beyond:
            duration = net[given] | net[given + 1] << 8
            given += 2
            if duration == 0 and read + 2 <= size:
                duration = data[read] | data[read + 1] << 8
                read += 2
            end += duration
            if duration == 0 or end > _LONGEST_CYCLE:
                return 0
            w[at] = end
            at += 1
        w[c + _CYCLE] = end
        w[c + _POSITION] = (par[_BEGIN] % end + end - offset % end) % end
        c = at
    return read


def u16(b, at):
    return b[at] | b[at + 1] << 8


def table(size):
    return array("H", bytes(2 * size))


def run(data, contexts):
    try:
        net, win = contexts
        phases = net[5 : 5 + net[0]]
        at = 5 + len(phases)
        feeders = at + 2 * sum(phases)
        rooms = feeders + net[4]
        end, vehicles, first, last = u16(win, 4), u16(win, 6), u16(win, 8), u16(win, 10)
        legs = win[_LEGS_KNOWN]
        ways = _HEADER + 3 * legs
        departures = ways + u16(win, 14)
        began = u16(win, 0) | u16(win, 2) << 16
        plans = data[0]
    except IndexError:
        raise ValueError("truncated") from None
    if len(phases) < net[0] or min(phases) == 0 or rooms + 2 * net[1] > len(net):
        raise ValueError("network")
    if len(win) != departures + 3 * vehicles or not legs or not first < last <= vehicles <= 4000:
        raise ValueError("vehicles")
    if not 0 < end <= 60000 or began >> 30:
        raise ValueError("time")
    # Where vehicles, lanes, approaches, junctions, links and legs begin, behind the slots; then the end of all.
    size = _SLOTS + (end + 7) // 8 + 1
    sizes = (vehicles * _VEHICLE, net[1] * _QUEUE, net[4] * _QUEUE, net[0] * _ENDS + sum(phases),
             u16(net, 2) * _LINK_SIZE, legs * _LEG)
    counted, beyond = size + first * _VEHICLE, size + last * _VEHICLE
    par = [0, end, 0, counted, beyond]
    for part in sizes:
        par.append(size)
        size += part
    if size > _NONE:
        raise ValueError("network")
    par = array("i", par + [began] + [0] * net[0])
    movements, start, some, w = table(u16(net, 2)), table(win[_ROUTES]), table(128), table(0)
    # It grows, as an array that is made of so many bytes takes their room twice.
    while len(w) < size:
        w.extend(some)
    yield
    known = read_links(w, net, par, movements, rooms + 2 * net[1], len(net))
    routes = len(win) - vehicles
    if not known or max(win[_HEADER : _HEADER + legs]) >= known or max(win[routes:]) >= win[_ROUTES]:
        raise ValueError("link or route")
    yield
    if read_routes(w, win, par, movements, start, departures) != win[_ROUTES]:
        raise ValueError("routes")
    del movements
    answer, read = bytearray(), 1
    for _ in range(plans):
        read = timing(w, net, par, data, read, len(data))
        if not read:
            raise ValueError("plan")
        yield
        begin(w, net, win, par, start, rooms, departures, routes)
        yield
        while advance(w, 0, 0, net, win, par, _EVENTS, arrive, hindered):
            yield
        unfinished(w, par)
        for cost in par[_COST:]:
            answer += cost.to_bytes(4, "little")
    if read != len(data):
        raise ValueError("plan")
    return bytes(answer)
