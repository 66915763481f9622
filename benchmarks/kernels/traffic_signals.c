// The kernel of traffic.signals in C, for comparison: the same bytes in, the same bytes out (kernel.py has the
// layouts and the rules). int kernel_run(...) returns the answer's length, or -1 for malformed input.
#include <stddef.h>
#include <stdint.h>
#include <string.h>

enum { VEHICLES = 4000, NODES = VEHICLES + 512, SLOTS = 7501, LINKS = 3000, PHASES = 3000, EMPTY = 255 };
enum { START_UP = 35, GAP = 60, YELLOW = 10, STOP = 15, OPENS = 10, FEEDS = 15 };

typedef struct { int junction, lane, headway, states, giving, base; } Link;
typedef struct { int head, tail, length, until, approach, room; } Lane;
typedef struct { int head, tail, length, due, feeders; } Approach;
typedef struct { int opening, cycle, position, phases; } Junction;

static const uint8_t *net, *win, *travel;
static Link links[LINKS];
static Lane lanes[256];
static Approach approaches[256];
static Junction junctions[256];
static int movements[LINKS + 1], durations[PHASES], ends[PHASES], hold[LINKS + 255], start[256];
static uint16_t when[NODES], following[NODES + SLOTS + 1], place[VEHICLES], taken[VEHICLES];
static uint32_t cost[256];
static int lane_count, link_count, approach_count, junction_count, movement_count;
static int end, first, last, left, vehicles, gates, slots, route_base, departures;

static int u16(const uint8_t *b) { return b[0] | b[1] << 8; }

static int read_network(size_t size) {
    if (size < 5) return -1;
    junction_count = net[0]; lane_count = net[1]; link_count = u16(net + 2); approach_count = net[4];
    size_t at = 5 + junction_count;
    int count = 0, previous = -1, base = 0;
    if (at > size || !junction_count || link_count > LINKS) return -1;
    for (int j = 0; j < junction_count; j++) {
        if (!(junctions[j].phases = net[5 + j])) return -1;
        count += net[5 + j];
    }
    if (count > PHASES || at + 2 * count + approach_count + 2 * lane_count > size) return -1;
    for (int p = 0; p < count; p++, at += 2) durations[p] = u16(net + at);
    for (int a = 0; a < approach_count; a++) approaches[a].feeders = net[at++];
    for (int l = 0; l < lane_count; l++, at += 2) {
        lanes[l].approach = net[at];
        lanes[l].room = net[at + 1];
    }
    movement_count = 0;
    for (int k = 0; k < link_count; k++) {
        if (at + 3 > size) return -1;
        int j = net[at];
        if (j != previous) {
            if (j != previous + 1 || j >= junction_count) return -1;
            base = k;
            previous = j;
        }
        if (net[at + 1] >= lane_count || lanes[net[at + 1]].approach >= approach_count) return -1;
        if (net[at + 2] & 128 || !k) movements[movement_count++] = k;
        int states = at + 3;
        size_t giving = states + ((junctions[j].phases + 3) >> 2);
        if (giving >= size) return -1;
        links[k] = (Link){ j, net[at + 1], net[at + 2] & 127, states, giving, base };
        at = giving + 1 + net[giving];
        if (at > size) return -1;
    }
    if (at != size || previous != junction_count - 1) return -1;
    movements[movement_count] = link_count;
    return 0;
}

static int read_demand(size_t size) {
    if (size < 16) return -1;
    int legs = win[12], routes = win[13], length = u16(win + 14), at = 16 + 3 * legs, known = 0, opened = at;
    end = u16(win + 4); vehicles = u16(win + 6); first = u16(win + 8); last = u16(win + 10);
    departures = at + length;
    route_base = departures + 2 * vehicles;
    travel = win + 16 + legs;
    if (size != (size_t)route_base + vehicles || !legs || !vehicles) return -1;
    if (end < 1 || end > 60000 || first >= last || last > vehicles || vehicles > VEHICLES) return -1;
    for (int i = 0; i < legs; i++) if (win[16 + i] >= movement_count) return -1;
    for (int v = 0; v < vehicles; v++) if (win[route_base + v] >= routes) return -1;
    for (int i = at; i < departures; i++)
        if (win[i] == EMPTY) {
            if (i == opened || known == routes) return -1;
            start[known++] = opened;
            opened = i + 1;
        } else if (win[i] >= legs) return -1;
    if (known != routes || opened != departures || (win[3] & 0xC0)) return -1;
    return 0;
}

static int read_plan(const uint8_t *data, size_t size, size_t *at) {
    uint32_t began = u16(win) | (uint32_t)u16(win + 2) << 16;
    for (int j = 0, p = 0; j < junction_count; j++) {
        Junction *here = junctions + j;
        int offset, sum = 0;
        if (*at + 2 > size) return -1;
        offset = u16(data + *at);
        *at += 2;
        here->opening = p;
        for (int i = 0; i < here->phases; i++, p++) {
            int duration = durations[p];
            if (!duration) {
                if (*at + 2 > size || !(duration = u16(data + *at))) return -1;
                *at += 2;
            }
            if ((sum += duration) > 30000) return -1;
            ends[p] = sum;
        }
        here->cycle = sum;
        here->position = (((int)began - offset) % sum + sum) % sum;
    }
    return 0;
}

static void due(int node, int t) {  // behind everything that is due no later
    if (t >= end) return;
    when[node] = t;
    int p = slots + (t >> 3), x;
    while ((x = following[p]) && when[x - 1] <= t) p = x - 1;
    following[node] = x;
    following[p] = node + 1;
}

static int movement(int v) { return win[16 + win[place[v]]]; }

static int choose(int v) {  // the link to the shortest lane with room, + 1
    int best = 0, m = movement(v);
    for (int k = movements[m]; k < movements[m + 1]; k++) {
        Lane *lane = lanes + links[k].lane;
        if (lane->length < lane->room && (!best || lane->length < lanes[links[best - 1].lane].length)) best = k + 1;
    }
    return best;
}

static int state(const Link *link, int i) { return net[link->states + (i >> 2)] >> ((i & 3) << 1) & 3; }

// Looks at the head of a lane: lets it go or says when to look again.
static void look(int l, int t, int opens, int gate) {
    Lane *lane = lanes + l;
    int v = lane->head, k = taken[v], retry = 0, onward = 0, arrives = 0, go;
    Link *link = links + k;
    Junction *at = junctions + link->junction;
    int now = (t + at->position) % at->cycle, p = at->opening, began = 0, shown;
    while (ends[p] <= now) began = ends[p++];
    shown = state(link, p - at->opening);
    go = shown == 2 || (shown == 3 && now - began < YELLOW) || (shown == 1 && hold[k] <= t);
    if (!go && shown == 1) {
        retry = t + ends[p] - now;
        if (hold[k] < retry) retry = hold[k];
    } else if (!go) {
        int wait = ends[p] - now, x = p;
        retry = end;
        for (;;) {
            began = ends[x++];
            if (began == at->cycle) { x = at->opening; began = 0; }
            if (x == p) break;
            shown = state(link, x - at->opening);
            if (shown == 1 || shown == 2) { retry = t + wait + START_UP; break; }
            wait += ends[x] - began;
        }
    }
    if (go) {
        const uint8_t *giving = net + link->giving;
        Approach *approach = approaches + lane->approach;
        if (v >= first && v < last && t > when[v]) cost[link->junction] += t - when[v] + STOP;
        for (int i = 1; i <= giving[0]; i++) hold[link->base + giving[i]] = t + GAP;
        lane->until = t + link->headway;
        if (--lane->length) { lane->head = following[v] - 1; retry = lane->until; }
        gate = lane->approach;
        if (approach->length && !approach->due) { approach->due = 1; opens = t + OPENS; }
        if (win[++place[v]] != EMPTY) {
            onward = v + 1;
            arrives = t + u16(travel + 2 * win[place[v]]);
        } else if (v >= first && v < last && !--left) return;
    }
    if (retry) due(vehicles + l, retry);
    if (onward) due(v, arrives);
    if (opens) due(gates + gate, opens);
}

static void join(int v, int best, int t, int opens, int gate) {
    int l = links[best - 1].lane;
    Lane *lane = lanes + l;
    taken[v] = best - 1;
    following[v] = 0;
    if (lane->length) following[lane->tail] = v + 1; else lane->head = v;
    lane->tail = v;
    if (!lane->length++ && lane->until <= t) { look(l, t, opens, gate); return; }
    if (lane->length == 1) due(vehicles + l, lane->until);
    if (opens) due(gates + gate, opens);
}

static void arrive(int v, int t) {
    int a = lanes[links[movements[movement(v)]].lane].approach, best = 0;
    Approach *approach = approaches + a;
    if (approach->length < approach->feeders) best = choose(v);
    if (best) { join(v, best, t, 0, a); return; }
    following[v] = 0;
    if (approach->length++) following[approach->tail] = v + 1; else approach->head = v;
    approach->tail = v;
}

static void enter(int a, int t) {
    Approach *approach = approaches + a;
    int v = approach->head, ahead = v, opens = 0, best = 0;
    approach->due = 0;
    for (int i = 0; i < approach->feeders && i < approach->length; i++) {
        if (i) { ahead = v; v = following[v] - 1; }
        if ((best = choose(v))) break;
    }
    if (!best) return;
    if (--approach->length) {
        approach->due = 1;
        opens = t + FEEDS;
        if (ahead == v) approach->head = following[v] - 1;
        else {
            following[ahead] = following[v];
            if (v == approach->tail) approach->tail = ahead;
        }
    }
    join(v, best, t, opens, a);
}

static void simulate(void) {
    memset(following, 0, sizeof following[0] * (slots + (end >> 3) + 1));
    memset(hold, 0, sizeof hold[0] * (link_count + 255));
    memset(cost, 0, sizeof cost);
    for (int l = 0; l < lane_count; l++) lanes[l] = (Lane){ .approach = lanes[l].approach, .room = lanes[l].room };
    for (int a = 0; a < approach_count; a++) approaches[a] = (Approach){ .feeders = approaches[a].feeders };
    left = last - first;
    for (int v = 0; v < vehicles; v++) {
        place[v] = start[win[route_base + v]];
        due(v, u16(win + departures + 2 * v) + u16(travel + 2 * win[place[v]]));
    }
    for (int slot = slots; slot < slots + ((end + 7) >> 3) && left;) {
        int node = following[slot] - 1;
        if (node < 0) { slot++; continue; }
        following[slot] = following[node];
        if (node < vehicles) arrive(node, when[node]);
        else if (node < gates) look(node - vehicles, when[node], 0, 0);
        else enter(node - gates, when[node]);
    }
    for (int l = 0; l < lane_count; l++)
        for (int v = lanes[l].head, n = lanes[l].length; n--; v = following[v] - 1)
            if (v >= first && v < last) cost[links[taken[v]].junction] += end - when[v] + STOP;
    for (int a = 0; a < approach_count; a++)
        for (int v = approaches[a].head, n = approaches[a].length; n--; v = following[v] - 1)
            if (v >= first && v < last) cost[links[movements[movement(v)]].junction] += end - when[v] + STOP;
}

int kernel_run(const uint8_t *in, size_t in_len, const uint8_t *const *ctx, const size_t *ctx_len, int ctx_n,
               uint8_t *out) {
    size_t at = 1;
    int length = 0;
    if (ctx_n != 2 || !in_len) return -1;
    net = ctx[0];
    win = ctx[1];
    if (read_network(ctx_len[0]) || read_demand(ctx_len[1])) return -1;
    gates = vehicles + lane_count;
    slots = gates + approach_count;
    for (int plan = 0; plan < in[0]; plan++) {
        if (read_plan(in, in_len, &at)) return -1;
        simulate();
        for (int j = 0; j < junction_count; j++)
            for (int shift = 0; shift < 32; shift += 8) out[length++] = cost[j] >> shift;
    }
    return at == in_len ? length : -1;
}
