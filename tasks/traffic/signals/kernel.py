# Queue simulation of fixed-time signals, event by event, in integers of 0.1 s.
#
# A vehicle follows its route leg by leg: so long to the next stop line, then this movement. At the stop
# line it joins the shortest lane its movement may use, of those that have room. If none has, it queues
# before the approach and keeps those behind it from their own lanes: as many at the head of that queue as
# lanes lead to the approach still find their way. 1.0 s after a lane moves up, and every 1.5 s from then
# on, one of them may enter. That queue has no length limit: a hard one gridlocks short links.
# The head of a lane leaves on green; on permissive green when nobody it must give way to has left in the
# last 6.0 s; in the first second of yellow; else 3.5 s after the next green begins. Then the lane is
# blocked for the movement's headway. Cost: waiting plus 1.5 s for every stop.
#
# contexts[0], the network (numbers are little-endian):
#   u8 junctions, u8 lanes, u16 links, u8 approaches, then per junction u8 phases, then per phase u16
#   duration (0: the plan gives it), then per approach u8 lanes that lead to it, then per lane u8 approach
#   and u8 vehicles it has room for, then per link: u8 junction, u8 lane, u8 headway (bit 7: first link of
#   a movement), 2 bits per phase (0 red, 1 permissive, 2 green, 3 yellow after green), u8 count and the
#   links, counted from the junction's first, that give way to this one. Links of a junction are consecutive.
# contexts[1], the demand of a departure window:
#   u32 begin, u16 end (counted from begin, as all that follows), u16 vehicles, u16 first and u16 last+1
#   vehicle that is counted, u8 legs, u8 routes, u16 length of the routes; u8 movement per leg, u16 travel
#   time per leg, routes as legs closed by 255, u16 departure per vehicle, u8 route per vehicle.
# data: u8 plans; per plan and junction u16 offset and u16 duration of each phase the plan gives.
# answer: per plan and junction u32 cost.
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
# Of each link the tables hold: junction, lane, headway, where its states are, where those that give way are,
# its junction's first link.


def u16(b, at):
    return b[at] | b[at + 1] << 8


# Places the vehicles at their first stop lines. par: slot, end, first, last, left, vehicles, legs, times,
# slots, gates.
@micropython.viper
def begin(s, departures: int, routes: int) -> int:
    win = ptr8(s[1])
    start = ptr16(s[4])
    time = ptr16(s[5])
    following = ptr16(s[6])
    at = ptr16(s[7])
    par = ptr32(s[13])
    v = 0
    while v < par[5]:
        i = start[win[routes + v]]
        at[v] = i
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
# queue form lists as well. Of vehicles: `at` their place in the routes, `taken` their link. Of lanes: head,
# tail, length, blocked until, approach, room. Of approaches: head, tail and length of the queue before
# them, 1 if they will be looked at, feeders. Of junctions: first phase, cycle, position at begin.
@micropython.viper
def advance(s, budget: int) -> int:
    net = ptr8(s[0])
    win = ptr8(s[1])
    links = ptr16(s[2])
    movements = ptr16(s[3])
    time = ptr16(s[5])
    following = ptr16(s[6])
    at = ptr16(s[7])
    taken = ptr16(s[8])
    lanes = ptr16(s[9])
    junctions = ptr16(s[10])
    ends = ptr16(s[11])
    hold = ptr16(s[12])
    par = ptr32(s[13])
    cost = ptr32(s[14])
    approaches = ptr16(s[15])
    slot = par[0]
    end = par[1]
    first = par[2]
    last = par[3]
    vehicles = par[5]
    gates = par[9]  # the first approach's node
    slots = par[8]
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
        onward = 0  # node + 1 of a vehicle that drives on, and when it arrives
        arrives = 0
        retry = 0  # when the lane is looked at again; 0: no need
        opens = 0  # when the approach is
        look = 1
        lane = node - vehicles
        a = 0
        if node < vehicles or node >= gates:
            v = node
            tries = 1
            if node < vehicles:
                a = lanes[links[movements[win[par[6] + win[at[v]]]] * 6 + 1] * 6 + 4] * 5
                if approaches[a + 2] >= approaches[a + 4]:
                    tries = 0
            else:
                a = (node - gates) * 5
                approaches[a + 3] = 0
                v = approaches[a]
                tries = approaches[a + 4]
                if approaches[a + 2] < tries:
                    tries = approaches[a + 2]
            ahead = v
            best = 0
            q = 0
            while tries > 0:
                m = win[par[6] + win[at[v]]]
                k = movements[m]
                while k < movements[m + 1]:
                    x = links[k * 6 + 1] * 6
                    if lanes[x + 2] < lanes[x + 5] and (best == 0 or lanes[x + 2] < lanes[q + 2]):
                        best = k + 1
                        q = x
                    k += 1
                tries -= 1
                if best != 0:
                    tries = 0
                elif tries > 0:
                    ahead = v
                    v = following[v] - 1
            if best == 0:
                if node < vehicles:
                    following[v] = 0
                    if approaches[a + 2] == 0:
                        approaches[a] = v
                    else:
                        following[approaches[a + 1]] = v + 1
                    approaches[a + 1] = v
                    approaches[a + 2] = approaches[a + 2] + 1
                continue
            if node >= gates:
                approaches[a + 2] = approaches[a + 2] - 1
                if approaches[a + 2] != 0:
                    approaches[a + 3] = 1
                    opens = t + 15
                    if ahead == v:
                        approaches[a] = following[v] - 1
                    else:
                        following[ahead] = following[v]
                        if v == approaches[a + 1]:
                            approaches[a + 1] = ahead
            taken[v] = best - 1
            lane = links[best * 6 - 5]
            following[v] = 0
            if lanes[q + 2] != 0:
                following[lanes[q + 1]] = v + 1
                look = 0
            else:
                lanes[q] = v
                if lanes[q + 3] > t:
                    retry = lanes[q + 3]
                    look = 0
            lanes[q + 1] = v
            lanes[q + 2] = lanes[q + 2] + 1
        if look:
            q = lane * 6
            v = lanes[q]
            k = taken[v]
            r = k * 6
            j = links[r]
            opening = junctions[j * 3]
            now = (t + junctions[j * 3 + 2]) % junctions[j * 3 + 1]
            p = opening
            began = 0
            while ends[p] <= now:
                began = ends[p]
                p += 1
            i = p - opening
            state = (net[links[r + 3] + (i >> 2)] >> ((i & 3) << 1)) & 3
            go = 0
            if state == 2 or (state == 3 and now - began < 10):
                go = 1
            elif state == 1:
                if hold[k] <= t:
                    go = 1
                else:
                    retry = t + ends[p] - now
                    if hold[k] < retry:
                        retry = hold[k]
            else:
                retry = end
                wait = ends[p] - now
                x = p
                while True:
                    x += 1
                    began = ends[x - 1]
                    if began == junctions[j * 3 + 1]:
                        x = opening
                        began = 0
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
                a = lanes[q + 4] * 5
                if approaches[a + 2] != 0 and approaches[a + 3] == 0:
                    approaches[a + 3] = 1
                    opens = t + 10
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
                node = vehicles + lane
                t = retry
                retry = 0
            elif onward != 0:
                node = onward - 1
                t = arrives
                onward = 0
            elif opens != 0:
                node = gates + a // 5
                t = opens
                opens = 0
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


# Reads the network; how many movements it has, or 0 where it is malformed. Its junctions count their links.
@micropython.viper
def read_network(s, size: int) -> int:
    net = ptr8(s[0])
    links = ptr16(s[2])
    movements = ptr16(s[3])
    lanes = ptr16(s[9])
    junctions = ptr16(s[10])
    approaches = ptr16(s[15])
    durations = ptr16(s[17])
    count = net[0]
    total = net[2] | net[3] << 8
    at = 5 + count
    p = 0
    j = 0
    while j < count:
        phase = net[5 + j]
        while phase > 0:
            durations[p] = net[at] | net[at + 1] << 8
            p += 1
            at += 2
            phase -= 1
        j += 1
    a = 0
    while a < net[4]:
        approaches[a * 5 + 4] = net[at]
        at += 1
        a += 1
    k = 0
    while k < net[1]:
        lanes[k * 6 + 4] = net[at]
        lanes[k * 6 + 5] = net[at + 1]
        if net[at] >= net[4] or net[at + 1] == 0:
            return 0
        at += 2
        k += 1
    base = 0
    known = 0
    previous = -1
    k = 0
    while k < total:
        if at + 3 > size:
            return 0
        j = net[at]
        if j != previous:
            if j != previous + 1 or j >= count:
                return 0
            base = k
            previous = j
        if net[at + 1] >= net[1]:
            return 0
        junctions[j * 3] = junctions[j * 3] + 1
        if k == 0 or net[at + 2] > 127:
            movements[known] = k
            known += 1
        giving = at + 3 + ((net[5 + j] + 3) >> 2)
        if giving >= size:
            return 0
        r = k * 6
        links[r] = j
        links[r + 1] = net[at + 1]
        links[r + 2] = net[at + 2] & 127
        links[r + 3] = at + 3
        links[r + 4] = giving
        links[r + 5] = base
        at = giving + 1 + net[giving]
        if at > size:
            return 0
        k += 1
    if at != size or previous != count - 1:
        return 0
    movements[known] = total
    k = 0
    while k < total:
        at = links[k * 6 + 4]
        p = at + net[at]
        while at < p:
            at += 1
            if net[at] >= junctions[links[k * 6] * 3]:
                return 0
        k += 1
    return known


# Where each route begins; how many routes there are, or 0 where they are malformed.
@micropython.viper
def read_routes(s, at: int, beyond: int) -> int:
    win = ptr8(s[1])
    start = ptr16(s[4])
    known = 0
    opened = at
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
    if opened != beyond:
        return 0
    return known


# Writes a plan's phase ends, cycles and positions; where the next plan begins, or 0 where it is malformed.
@micropython.viper
def timing(s, read: int, size: int) -> int:
    net = ptr8(s[0])
    junctions = ptr16(s[10])
    ends = ptr16(s[11])
    par = ptr32(s[13])
    data = ptr8(s[16])
    durations = ptr16(s[17])
    p = 0
    j = 0
    while j < net[0]:
        if read + 2 > size:
            return 0
        offset = data[read] | data[read + 1] << 8
        read += 2
        junctions[j * 3] = p
        end = 0
        beyond = p + net[5 + j]
        while p < beyond:
            duration = durations[p]
            if duration == 0:
                if read + 2 > size:
                    return 0
                duration = data[read] | data[read + 1] << 8
                read += 2
                if duration == 0:
                    return 0
            end += duration
            if end > 30000:
                return 0
            ends[p] = end
            p += 1
        junctions[j * 3 + 1] = end
        junctions[j * 3 + 2] = (par[10] % end + end - offset % end) % end
        j += 1
    return read


# Empties all queues and lists.
@micropython.viper
def clear(s) -> int:
    net = ptr8(s[0])
    following = ptr16(s[6])
    lanes = ptr16(s[9])
    hold = ptr16(s[12])
    par = ptr32(s[13])
    cost = ptr32(s[14])
    approaches = ptr16(s[15])
    i = par[8] + (par[1] >> 3)
    while i >= 0:
        following[i] = 0
        i -= 1
    i = (net[2] | net[3] << 8) - 1
    while i >= 0:
        hold[i] = 0
        i -= 1
    i = net[0] - 1
    while i >= 0:
        cost[i] = 0
        i -= 1
    i = net[1] * 6
    while i > 0:
        i -= 6
        lanes[i + 2] = 0
        lanes[i + 3] = 0
    i = net[4] * 5
    while i > 0:
        i -= 5
        approaches[i + 2] = 0
        approaches[i + 3] = 0
    par[0] = par[8]
    par[4] = par[3] - par[2]
    return 0


# Whoever still queues at the end has waited until then, and stopped.
@micropython.viper
def unfinished(s) -> int:
    net = ptr8(s[0])
    win = ptr8(s[1])
    links = ptr16(s[2])
    movements = ptr16(s[3])
    time = ptr16(s[5])
    following = ptr16(s[6])
    at = ptr16(s[7])
    taken = ptr16(s[8])
    lanes = ptr16(s[9])
    par = ptr32(s[13])
    cost = ptr32(s[14])
    approaches = ptr16(s[15])
    queue = 0
    while queue < net[1] + net[4]:
        if queue < net[1]:
            v = lanes[queue * 6]
            left = lanes[queue * 6 + 2]
        else:
            v = approaches[(queue - net[1]) * 5]
            left = approaches[(queue - net[1]) * 5 + 2]
        while left > 0:
            if v >= par[2] and v < par[3]:
                k = taken[v]
                if queue >= net[1]:
                    k = movements[win[par[6] + win[at[v]]]]
                j = links[k * 6]
                cost[j] = cost[j] + par[1] - time[v] + 15
            v = following[v] - 1
            left -= 1
        queue += 1
    return 0


# The tables of a network and a demand window, in the order in which all functions above take them.
def tables(data, net, win):
    junctions = net[0]
    total = u16(net, 2)
    phases = net[5 : 5 + junctions]
    count = sum(phases)
    vehicles = u16(win, 6)
    times = HEADER + win[12]
    departures = times + 2 * win[12] + u16(win, 14)
    slots = vehicles + net[1] + net[4]
    end = u16(win, 4)
    began = u16(win, 0) | u16(win, 2) << 16
    if len(phases) < junctions or min(phases) == 0 or 5 + junctions + 2 * count + net[4] + 2 * net[1] > len(net):
        raise ValueError("network length")
    if len(win) != departures + 3 * vehicles or not win[12] or not vehicles:
        raise ValueError("demand length")
    if not 0 < end <= 60000 or not u16(win, 8) < u16(win, 10) <= vehicles or vehicles > 4000 or began >= 1 << 30:
        raise ValueError("demand range")
    par = (0, end, u16(win, 8), u16(win, 10), 0, vehicles, HEADER, times, slots, vehicles + net[1], began)
    return (net, win, table(6 * total), table(total + 1), table(win[13]), table(slots), table(slots + (end >> 3) + 1),
            table(vehicles), table(vehicles), table(6 * net[1]), table(3 * junctions), table(count), table(total),
            array("i", par), array("i", bytes(4 * junctions)), table(5 * net[4]), data, table(count))


def table(size):
    return array("H", bytes(2 * size))


def run(data, contexts):
    try:
        net, win = contexts
        s = tables(data, net, win)
        plans = data[0]
    except IndexError:
        raise ValueError("truncated") from None
    yield
    known = read_network(s, len(net))
    times = s[13][7]
    departures = len(win) - 3 * s[13][5]
    chosen = len(win) - s[13][5]
    if not known or max(win[HEADER:times]) >= known or max(win[chosen:]) >= win[13]:
        raise ValueError("network, movement or route")
    yield
    if read_routes(s, times + 2 * win[12], departures) != win[13]:
        raise ValueError("routes")
    answer = bytearray()
    read = 1
    for _ in range(plans):
        read = timing(s, read, len(data))
        if not read:
            raise ValueError("plan")
        yield
        clear(s)
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
