# Queue simulation of fixed-time signals, event by event, in integers of 0.1 s.
#
# A vehicle drives for a leg's time to a stop line and joins the shortest lane its movement may use, of those
# that have room; if none has, it queues before the approach, where as many as lanes lead there find their way
# and the rest wait behind them. 1.0 s after a lane moves up, and every 1.5 s from then on, one may enter.
# The head of a lane leaves on green; on permissive green when nobody it must give way to has left in the last
# 6.0 s; in the first second of yellow; else 3.5 s after the next green begins. Then the lane is blocked for
# the movement's headway. Cost: waiting plus 1.5 s for every stop. Data, contexts, answer: see pack.py.
from array import array

try:
    import micropython
except ImportError:  # CPython

    class micropython:
        @staticmethod
        def viper(f):
            return f


def ptr8(b):
    return b


ptr16 = ptr32 = ptr8  # viper knows these as casts

EVENTS = 320  # per slice: about 15,000 simple statements
HEADER = 16


def u16(b, at):
    return b[at] | b[at + 1] << 8


@micropython.viper
def zero(words: ptr16, size: int) -> int:
    while size > 0:
        size -= 1
        words[size] = 0
    return 0


# Places the vehicles at their first stop lines. par: slot, end, first, last, left, vehicles, legs, times,
# slots, gates, begin, feeders, rooms.
@micropython.viper
def begin(s, departures: int, routes: int) -> int:
    win, par = ptr8(s[1]), ptr32(s[13])
    start, time, following = ptr16(s[4]), ptr16(s[5]), ptr16(s[6])
    at, taken = ptr16(s[7]), ptr16(s[8])
    par[0], par[4] = par[8], par[3] - par[2]
    v = 0
    while v < par[5]:
        i = start[win[routes + v]]
        at[v], taken[v] = i, 65535
        i = par[7] + (win[i] << 1)
        d = departures + (v << 1)
        t = win[d] + (win[d + 1] << 8) + win[i] + (win[i + 1] << 8)
        if t < par[1]:
            time[v] = t
            p = par[8] + (t >> 3)
            x = following[p]
            while x != 0 and time[x - 1] <= t:
                p = x - 1
                x = following[p]
            following[v] = x
            following[p] = v + 1
        v += 1
    return v


# Handles up to `budget` events; 1: more to come, 0: over. Nodes are vehicles, then lanes, then approaches:
# `time` is when a vehicle reaches its stop line or a lane or an approach is looked at; `following` the next
# node + 1 of a list. The lists, by time, begin in slots of 0.8 s behind the nodes in `following`; those who
# queue form lists as well. Of vehicles: `at` their place in the routes, `taken` their link, 65535 when they
# do not queue. Of lanes: head, tail, length, blocked until. Of approaches: head, tail and length of the
# queue before them, 1 if they will be looked at. Of junctions: first phase, cycle, position at begin.
@micropython.viper
def advance(s, budget: int) -> int:
    net, win = ptr8(s[0]), ptr8(s[1])
    links, movements = ptr16(s[2]), ptr16(s[3])
    time, following = ptr16(s[5]), ptr16(s[6])
    at, taken = ptr16(s[7]), ptr16(s[8])
    lanes, approaches = ptr16(s[9]), ptr16(s[15])
    junctions, ends, hold = ptr16(s[10]), ptr16(s[11]), ptr16(s[12])
    par, cost = ptr32(s[13]), ptr32(s[14])
    slot, end, vehicles = par[0], par[1], par[5]
    first, last = par[2], par[3]
    slots, gates = par[8], par[9]  # the first slot, the first approach's node
    feeders, rooms = par[11], par[12]
    final = slots + ((end + 7) >> 3)
    while budget > 0:
        budget -= 1
        node = following[slot]
        if node == 0:
            slot += 1
            if slot >= final:
                return 0
            continue
        node -= 1
        t = time[node]
        following[slot] = following[node]
        onward = arrives = 0  # node + 1 of a vehicle that drives on, and when it arrives
        retry = opens = 0  # when the lane and the approach are looked at again; 0: no need
        look, lane, a = 1, node - vehicles, 0
        if node < vehicles or node >= gates:
            v, tries = node, 1
            if node < vehicles:
                a = net[rooms + (links[movements[win[par[6] + win[at[v]]]] * 6 + 1] << 1)] << 2
                if approaches[a + 2] >= net[feeders + (a >> 2)]:
                    tries = 0
            else:
                a = (node - gates) << 2
                v, approaches[a + 3] = approaches[a], 0
                tries = net[feeders + (a >> 2)]
                if approaches[a + 2] < tries:
                    tries = approaches[a + 2]
            ahead, best, q = v, 0, 0
            while tries > 0:
                m = win[par[6] + win[at[v]]]
                k = movements[m]
                while k < movements[m + 1]:
                    x = links[k * 6 + 1]
                    length = lanes[(x << 2) + 2]
                    if length < net[rooms + (x << 1) + 1] and (best == 0 or length < lanes[q + 2]):
                        best, q = k + 1, x << 2
                    k += 1
                tries -= 1
                if best != 0:
                    tries = 0
                elif tries > 0:
                    ahead, v = v, following[v] - 1
            if best == 0:
                if node < vehicles:
                    taken[v], following[v] = movements[win[par[6] + win[at[v]]]], 0
                    if approaches[a + 2] == 0:
                        approaches[a] = v
                    else:
                        following[approaches[a + 1]] = v + 1
                    approaches[a + 1], approaches[a + 2] = v, approaches[a + 2] + 1
                continue
            if node >= gates:
                approaches[a + 2] = approaches[a + 2] - 1
                if approaches[a + 2] != 0:
                    approaches[a + 3], opens = 1, t + 15
                    if ahead == v:
                        approaches[a] = following[v] - 1
                    else:
                        following[ahead] = following[v]
                        if v == approaches[a + 1]:
                            approaches[a + 1] = ahead
            taken[v], lane = best - 1, q >> 2
            following[v] = 0
            if lanes[q + 2] != 0:
                following[lanes[q + 1]] = v + 1
                look = 0
            else:
                lanes[q] = v
                if lanes[q + 3] > t:
                    retry, look = lanes[q + 3], 0
            lanes[q + 1], lanes[q + 2] = v, lanes[q + 2] + 1
        if look:
            q = lane << 2
            v = lanes[q]
            k = taken[v]
            r = k * 6
            j = links[r]
            opening = junctions[j * 3]
            now = (t + junctions[j * 3 + 2]) % junctions[j * 3 + 1]
            p, began = opening, 0
            while ends[p] <= now:
                began, p = ends[p], p + 1
            i = p - opening
            state = (net[links[r + 3] + (i >> 2)] >> ((i & 3) << 1)) & 3
            go = 0
            if state == 2 or (state == 3 and now - began < 10) or (state == 1 and hold[k] <= t):
                go = 1
            elif state == 1:
                retry = t + ends[p] - now
                if hold[k] < retry:
                    retry = hold[k]
            else:
                retry, wait, x = end, ends[p] - now, p
                while True:
                    x += 1
                    began = ends[x - 1]
                    if began == junctions[j * 3 + 1]:
                        x, began = opening, 0
                    if x == p:
                        break
                    i = x - opening
                    state = (net[links[r + 3] + (i >> 2)] >> ((i & 3) << 1)) & 3
                    if state == 1 or state == 2:
                        retry = t + wait + 35
                        break
                    wait += ends[x] - began
            if go:
                if v >= first and v < last and t > time[v]:
                    cost[j] = cost[j] + t - time[v] + 15
                i = links[r + 4]
                x = i + net[i]
                while i < x:
                    i += 1
                    hold[links[r + 5] + net[i]] = t + 60
                lanes[q + 3] = t + links[r + 2]
                lanes[q + 2] = lanes[q + 2] - 1
                if lanes[q + 2] != 0:
                    lanes[q] = following[v] - 1
                    retry = lanes[q + 3]
                a = net[rooms + (lane << 1)] << 2
                if approaches[a + 2] != 0 and approaches[a + 3] == 0:
                    approaches[a + 3], opens = 1, t + 10
                taken[v] = 65535
                i = at[v] + 1
                at[v] = i
                if win[i] == 255:
                    if v >= first and v < last:
                        par[4] = par[4] - 1
                        if par[4] == 0:
                            return 0
                else:
                    i = par[7] + (win[i] << 1)
                    onward = v + 1
                    arrives = t + win[i] + (win[i + 1] << 8)
        while True:  # behind everything that is due no later
            if retry != 0:
                node, t, retry = vehicles + lane, retry, 0
            elif onward != 0:
                node, t, onward = onward - 1, arrives, 0
            elif opens != 0:
                node, t, opens = gates + (a >> 2), opens, 0
            else:
                break
            if t < end:
                time[node] = t
                p = slots + (t >> 3)
                x = following[p]
                while x != 0 and time[x - 1] <= t:
                    p = x - 1
                    x = following[p]
                following[node] = x
                following[p] = node + 1
    par[0] = slot
    return 1


# Whoever still queues at the end has waited until then, and stopped.
@micropython.viper
def unfinished(s) -> int:
    links, time, taken = ptr16(s[2]), ptr16(s[5]), ptr16(s[8])
    par, cost = ptr32(s[13]), ptr32(s[14])
    v = par[2]
    while v < par[3]:
        if taken[v] != 65535:
            j = links[taken[v] * 6]
            cost[j] = cost[j] + par[1] - time[v] + 15
        v += 1
    return 0


# Reads the links from `at` on; how many movements there are, or 0 where they are malformed.
@micropython.viper
def read_links(s, at: int, size: int) -> int:
    net, links, movements = ptr8(s[0]), ptr16(s[2]), ptr16(s[3])
    total = net[2] | net[3] << 8
    base = known = k = 0
    j, rooms = -1, at - (net[1] << 1)
    while k < total:
        if at + 3 > size:
            return 0
        if net[at] != j:
            j, base = j + 1, k
        giving = at + 3 + ((net[5 + j] + 3) >> 2)
        if net[at] != j or j >= net[0] or giving >= size:
            return 0
        if net[at + 1] >= net[1] or net[rooms + (net[at + 1] << 1)] >= net[4]:
            return 0
        if k == 0 or net[at + 2] > 127:
            movements[known] = k
            known += 1
        r = k * 6
        links[r], links[r + 1], links[r + 2] = j, net[at + 1], net[at + 2] & 127
        links[r + 3], links[r + 4], links[r + 5] = at + 3, giving, base
        at = giving + 1 + net[giving]
        if at > size:
            return 0
        k += 1
    movements[known] = total
    return known if at == size and j == net[0] - 1 else 0


# Where each route begins; how many routes there are, or 0 where they are malformed.
@micropython.viper
def read_routes(s, at: int, beyond: int) -> int:
    win, start = ptr8(s[1]), ptr16(s[4])
    known, opened = 0, at
    while at < beyond:
        if win[at] == 255:
            if at == opened or known == win[13]:
                return 0
            start[known] = opened
            known += 1
            opened = at + 1
        elif win[at] >= win[12]:
            return 0
        at += 1
    return known if opened == beyond else 0


# Writes a plan's phase ends, cycles and positions; where the next plan begins, or 0 where it is malformed.
@micropython.viper
def timing(s, read: int, size: int) -> int:
    net, data, par = ptr8(s[0]), ptr8(s[16]), ptr32(s[13])
    junctions, ends, durations = ptr16(s[10]), ptr16(s[11]), ptr16(s[17])
    p = j = 0
    while j < net[0]:
        if read + 2 > size:
            return 0
        offset = data[read] | data[read + 1] << 8
        read += 2
        junctions[j * 3] = p
        end, beyond = 0, p + net[5 + j]
        while p < beyond:
            duration = durations[p]
            if duration == 0 and read + 2 <= size:
                duration = data[read] | data[read + 1] << 8
                read += 2
            end += duration
            if duration == 0 or end > 30000:
                return 0
            ends[p] = end
            p += 1
        junctions[j * 3 + 1] = end
        junctions[j * 3 + 2] = (par[10] % end + end - offset % end) % end
        j += 1
    return read


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
        ways = HEADER + 3 * win[12]
        departures = ways + u16(win, 14)
        began = u16(win, 0) | u16(win, 2) << 16
        plans = data[0]
    except IndexError:
        raise ValueError("truncated") from None
    if len(phases) < net[0] or min(phases) == 0 or rooms + 2 * net[1] > len(net):
        raise ValueError("network")
    if len(win) != departures + 3 * vehicles or not win[12] or not first < last <= vehicles <= 4000:
        raise ValueError("vehicles")
    if not 0 < end <= 60000 or began >> 30:
        raise ValueError("time")
    gates = vehicles + net[1]
    slots = gates + net[4]
    par = (0, end, first, last, 0, vehicles, HEADER, HEADER + win[12], slots, gates, began, feeders, rooms)
    links = u16(net, 2)
    # Of each link: junction, lane, headway, where its states are, where those that give way are, the junction's
    # first link. A link that gives way is counted from that by 8 bits, hence the room in the table of holds.
    s = (net, win, table(6 * links), table(links + 1), table(win[13]), table(slots), table(slots + (end >> 3) + 1),
         table(vehicles), table(vehicles), table(4 * net[1]), table(3 * net[0]), table(sum(phases)),
         table(links + 255), array("i", par), array("i", bytes(4 * net[0])), table(4 * net[4]), data,
         array("H", net[at:feeders]))
    yield
    known = read_links(s, rooms + 2 * net[1], len(net))
    chosen = len(win) - vehicles
    if not known or max(win[HEADER : HEADER + win[12]]) >= known or max(win[chosen:]) >= win[13]:
        raise ValueError("link, movement or route")
    yield
    if read_routes(s, ways, departures) != win[13]:
        raise ValueError("routes")
    answer, read = bytearray(), 1
    for _ in range(plans):
        read = timing(s, read, len(data))
        if not read:
            raise ValueError("plan")
        yield
        for i in (6, 9, 12, 15):
            zero(s[i], len(s[i]))
        for j in range(net[0]):
            s[14][j] = 0
        yield
        begin(s, departures, chosen)
        yield
        while advance(s, EVENTS):
            yield
        unfinished(s)
        for c in s[14]:
            answer += c.to_bytes(4, "little")
    if read != len(data):
        raise ValueError("plan length")
    return bytes(answer)
