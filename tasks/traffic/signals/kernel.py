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

STOP = 15
EVENTS = 320  # per slice: about 15,000 simple statements
HEADER = 16
LINK = 6  # junction, lane, headway, where its states are, where those that give way are, junction's first link


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


# The network's tables: links, first link of each movement, phases per junction, their durations, lanes,
# approaches.
def network(net):
    count = net[0]
    gates = net[4]
    links = array("H")
    movements = array("H")
    phases = net[5 : 5 + count]
    at = 5 + count
    durations = array("H")
    for _ in range(sum(phases)):
        durations.append(u16(net, at))
        at += 2
    approaches = array("H", bytes(10 * gates))
    for a in range(gates):
        approaches[5 * a + 4] = net[at + a]
    at += gates
    lanes = array("H", bytes(12 * net[1]))
    for q in range(0, len(lanes), 6):
        lanes[q + 4] = net[at]
        lanes[q + 5] = net[at + 1]
        if net[at] >= gates or net[at + 1] == 0:
            raise ValueError("lane's approach")
        at += 2
    sizes = array("H", bytes(2 * count))
    base = 0
    previous = -1
    for k in range(u16(net, 2)):
        j = net[at]
        if j != previous:
            if j != previous + 1 or j >= count:
                raise ValueError("junctions out of order")
            base = k
            previous = j
        if net[at + 1] >= net[1]:
            raise ValueError("lane")
        sizes[j] += 1
        if net[at + 2] & 128 or k == 0:
            movements.append(k)
        states = at + 3
        giving = states + ((phases[j] + 3) >> 2)
        for value in (j, net[at + 1], net[at + 2] & 127, states, giving, base):
            links.append(value)
        at = giving + 1 + net[giving]
    if at != len(net) or previous != count - 1 or min(phases) == 0:
        raise ValueError("network length")
    movements.append(len(links) // LINK)
    for k in range(0, len(links), LINK):
        giving = links[k + 4]
        for i in range(net[giving]):
            if net[giving + 1 + i] >= sizes[links[k]]:
                raise ValueError("giving way")
    return links, movements, phases, durations, lanes, approaches


# Where each route begins, the parameters of `advance`, and where departures and routes of vehicles are.
def demand(win, movements):
    vehicles = u16(win, 6)
    legs = win[12]
    routes = win[13]
    length = u16(win, 14)
    times = HEADER + legs
    at = times + 2 * legs
    departures = at + length
    chosen = departures + 2 * vehicles
    par = array("i", (0, u16(win, 4), u16(win, 8), u16(win, 10), 0, vehicles, HEADER, times, 0, 0))
    par[4] = par[3] - par[2]
    if len(win) != chosen + vehicles or not legs or not vehicles:
        raise ValueError("demand length")
    if not 0 < par[1] <= 60000 or not par[2] < par[3] <= vehicles or vehicles > 4000:
        raise ValueError("demand range")
    if max(win[HEADER:times]) >= len(movements) - 1 or max(win[chosen:]) >= routes:
        raise ValueError("movement or route")
    start = array("H")
    opened = at
    for i in range(at, departures):
        if win[i] == 255:
            if i == opened:
                raise ValueError("empty route")
            start.append(opened)
            opened = i + 1
        elif win[i] >= legs:
            raise ValueError("leg")
    if len(start) != routes or opened != departures:
        raise ValueError("routes")
    return start, par, departures, chosen


# Writes a plan's phase ends, cycles and positions; returns where the next plan begins.
def timing(data, at, phases, durations, began, ends, junctions):
    p = 0
    for j in range(len(phases)):
        offset = u16(data, at)
        at += 2
        junctions[3 * j] = p
        end = 0
        for _ in range(phases[j]):
            duration = durations[p]
            if duration == 0:
                duration = u16(data, at)
                at += 2
                if duration == 0:
                    raise ValueError("green")
            end += duration
            if end > 30000:
                raise ValueError("cycle")
            ends[p] = end
            p += 1
        junctions[3 * j + 1] = end
        junctions[3 * j + 2] = (began - offset) % end
    return at


def run(data, contexts):
    try:
        net, win = contexts
        links, movements, phases, durations, lanes, approaches = network(net)
        yield
        start, par, departures, chosen = demand(win, movements)
        began = u16(win, 0) | u16(win, 2) << 16
        if began >= 1 << 30:
            raise ValueError("begin")
        plans = data[0]
    except IndexError:
        raise ValueError("truncated") from None
    vehicles = par[5]
    par[9] = vehicles + net[1]
    par[8] = slots = par[9] + net[4]
    time = array("H", bytes(2 * slots))
    following = array("H", bytes(2 * (slots + (par[1] >> 3) + 1)))
    at = array("H", bytes(2 * vehicles))
    taken = array("H", bytes(2 * vehicles))
    junctions = array("H", bytes(6 * len(phases)))
    ends = array("H", durations)
    hold = array("H", bytes(2 * (len(links) // LINK)))
    cost = array("i", bytes(4 * len(phases)))
    state = (net, win, links, movements, start, time, following, at, taken, lanes, junctions, ends, hold, par,
             cost, approaches)
    left = par[4]
    answer = bytearray()
    read = 1
    for _ in range(plans):
        try:
            read = timing(data, read, phases, durations, began, ends, junctions)
        except IndexError:
            raise ValueError("truncated") from None
        yield
        for table in (following, hold, cost):
            for i in range(len(table)):
                table[i] = 0
        for table, size, kept in ((lanes, 6, 2), (approaches, 5, 1)):
            for i in range(0, len(table), size):
                for k in range(i, i + size - kept):
                    table[k] = 0
        par[0] = slots
        par[4] = left
        yield
        begin(state, departures, chosen)
        yield
        while advance(state, EVENTS):
            yield
        for q in range(0, len(approaches), 5):
            v = approaches[q]
            for _ in range(approaches[q + 2]):
                taken[v] = movements[win[HEADER + win[at[v]]]]
                v = following[v] - 1
        for table, size in ((lanes, 6), (approaches, 5)):
            unfinished(table, size, time, following, taken, links, par, cost)
        for c in cost:
            answer += c.to_bytes(4, "little")
    if read != len(data):
        raise ValueError("plan length")
    return bytes(answer)


# Whoever still queues at the end has waited until then, and stopped.
def unfinished(queues, size, time, following, taken, links, par, cost):
    for q in range(0, len(queues), size):
        v = queues[q]
        for _ in range(queues[q + 2]):
            if par[2] <= v < par[3]:
                cost[links[LINK * taken[v]]] += par[1] - time[v] + STOP
            v = following[v] - 1
