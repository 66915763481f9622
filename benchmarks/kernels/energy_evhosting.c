/* tasks/energy/evhosting/kernel.py in C, same answer bytes: what machine code costs where the compiler has 64-bit
 * products. Method and layouts are described there. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

enum { MODULUS = 2147483647, TOLERANCE = 32, ITERATIONS = 40, FAILED = 1 << 29, BIAS = 1 << 29, ANSWER = 20 };
enum { UNDERVOLTAGE = 1, OVERVOLTAGE = 2, LINE = 4, TRANSFORMER = 8, COLLAPSED = 16 };

typedef struct {
    int32_t parent, r, x, exponent, gain;
    int32_t g, b, half_g, half_b;
    int32_t p, q, v, u, i, j, sum_i, sum_j, cars;
} Bus;

typedef struct {
    int32_t n, slots, first, car, generator, chance, slot, low, high, line, trafo, has_trafo, source, shunts;
    uint32_t flags, worst_volt, volt_bus, volt_slot, worst_line, line_branch, line_slot, worst_trafo, trafo_slot;
} State;

static int32_t word(const uint8_t *at) {
    int32_t value;
    memcpy(&value, at, 4);
    return value;
}

static int32_t half(const uint8_t *at) { return at[0] | at[1] << 8; }

static void draw(int32_t *x) { *x = (int32_t)((int64_t)*x * 48271 % MODULUS); }

static void place(State *s, int bus, int places, const uint8_t *tables, uint16_t *changes) {
    uint16_t *row = changes + bus * s->slots;
    for (int k = 0; k < places; k++) {
        draw(&s->generator);
        if (s->generator >> 16 >= s->chance)
            continue;
        draw(&s->generator);
        int start = tables[s->generator >> 23] - s->first;
        draw(&s->generator);
        int length = half(tables + 256 + 2 * (s->generator >> 23)), end = start + (length >> 3), rest = length & 7;
        if (start < 0)
            start = 0;
        if (start < s->slots && end >= 0) {
            row[start] += 8;
            if (end < s->slots)
                row[end] -= 8 - rest;
            if (end + 1 < s->slots)
                row[end + 1] -= rest;
        }
    }
}

static void advance(const State *s, Bus *buses, const uint8_t *loads, uint16_t *changes, const uint8_t *shapes) {
    for (int k = 0; k < s->n; k++) {
        const uint8_t *load = loads + 20 * k;
        uint16_t *change = changes + k * s->slots + s->slot;
        Bus *bus = buses + k;
        bus->cars = (bus->cars + *change) & 65535;
        *change = 0;
        int64_t share = half(shapes + 2 * (load[18] * s->slots + s->slot));
        bus->p = word(load) - BIAS + (int32_t)(word(load + 4) * share >> 15)
                 + (int32_t)((int64_t)bus->cars * s->car >> 6);
        share = half(shapes + 2 * (load[19] * s->slots + s->slot));
        bus->q = word(load + 8) - BIAS + (int32_t)(word(load + 12) * share >> 15);
    }
}

static void flat(const State *s, Bus *buses) {
    for (int k = 0; k < s->n; k++) {
        buses[k].v = s->source - (1 << 24);
        buses[k].u = buses[k].sum_i = buses[k].sum_j = 0;
    }
}

static int32_t square(const Bus *bus) {
    int32_t v = bus->v >> 8, u = bus->u >> 8;
    return ((1 << 24) + 2 * bus->v + ((v * v + u * u) >> 8)) >> 4;
}

static int32_t far(int32_t change) { return change < 0 ? -change : change; }

static int32_t sweep(const State *s, Bus *buses) {
    buses[0].sum_i = buses[0].sum_j = 0;
    for (int k = s->n - 1; k > 0; k--) {
        Bus *bus = buses + k;
        int32_t i = bus->sum_i, j = bus->sum_j, g = bus->g, h = bus->b;
        bus->sum_i = bus->sum_j = 0;
        if (bus->p | bus->q | g | h) {
            int32_t d = square(bus);
            if (d < 1 << 18)
                return FAILED;
            int64_t w = (1 << 29) / d;
            w = (w << 7) + ((((1 << 29) - w * d) * w + (1 << 21)) >> 22);
            int32_t x = (bus->v + 64) >> 7, u = (bus->u + 64) >> 7;
            g += (int32_t)(bus->p * w >> 16);
            h -= (int32_t)(bus->q * w >> 16);
            i += g + (int32_t)(((int64_t)g * x - (int64_t)h * u) >> 17);
            j += h + (int32_t)(((int64_t)g * u + (int64_t)h * x) >> 17);
        }
        bus->i = i;
        bus->j = j;
        buses[bus->parent].sum_i += i;
        buses[bus->parent].sum_j += j;
    }
    int32_t change = 0;
    for (int k = 1; k < s->n; k++) {
        Bus *bus = buses + k;
        const Bus *up = buses + bus->parent;
        int shift = 12 + bus->exponent;
        int32_t v = up->v - (int32_t)(((int64_t)bus->i * bus->r - (int64_t)bus->j * bus->x) >> shift);
        int32_t u = up->u - (int32_t)(((int64_t)bus->i * bus->x + (int64_t)bus->j * bus->r) >> shift);
        if (far(v) > 8000000 || far(u) > 8000000)
            return FAILED;
        if (far(v - bus->v) > change)
            change = far(v - bus->v);
        if (far(u - bus->u) > change)
            change = far(u - bus->u);
        bus->v = v;
        bus->u = u;
    }
    return change;
}

static void add_shunt(int64_t *i, int64_t *j, int32_t g, int32_t h, const Bus *bus) {
    int32_t x = (bus->v + 64) >> 7, u = (bus->u + 64) >> 7;
    *i += g + (((int64_t)g * x - (int64_t)h * u) >> 17);
    *j += h + (((int64_t)g * u + (int64_t)h * x) >> 17);
}

static uint32_t load_square(int64_t i, int64_t j, int32_t gain) {
    int64_t most = gain > 65536 ? (int64_t)(FAILED / gain) << 11 : 1 << 24;
    i = i < 0 ? -i : i;
    j = j < 0 ? -j : j;
    i = (i > most ? most : i) * gain >> 20;
    j = (j > most ? most : j) * gain >> 20;
    return (uint32_t)((i * i + j * j) >> 16);
}

static void judge(State *s, Bus *buses) {
    for (int k = 1; k < s->n; k++) {
        const Bus *bus = buses + k;
        int32_t d = square(bus);
        if (d < s->low)
            s->flags |= UNDERVOLTAGE;
        if (d > s->high)
            s->flags |= OVERVOLTAGE;
        if (d < (int32_t)s->worst_volt) {
            s->worst_volt = d;
            s->volt_bus = k;
            s->volt_slot = s->slot;
        }
        int64_t i = bus->i, j = bus->j;
        if (s->shunts)
            add_shunt(&i, &j, bus->half_g, bus->half_b, buses + bus->parent);
        uint32_t worst = load_square(i, j, bus->gain);
        if (s->shunts) {
            i = bus->i;
            j = bus->j;
            add_shunt(&i, &j, -bus->half_g, -bus->half_b, bus);
            uint32_t other = load_square(i, j, bus->gain);
            if (other > worst)
                worst = other;
        }
        if (k == 1 && s->has_trafo) {
            if (worst > (uint32_t)s->trafo)
                s->flags |= TRANSFORMER;
            if (worst > s->worst_trafo) {
                s->worst_trafo = worst;
                s->trafo_slot = s->slot;
            }
        } else {
            if (worst > (uint32_t)s->line)
                s->flags |= LINE;
            if (worst > s->worst_line) {
                s->worst_line = worst;
                s->line_branch = k;
                s->line_slot = s->slot;
            }
        }
    }
}

static void solve_slot(State *s, Bus *buses) {
    for (int k = 0, last = 0, change; k < ITERATIONS; k++, last = change) {
        change = sweep(s, buses);
        int32_t shrunk = (last > 1 << 20 ? 1 << 20 : last) - change;
        if (change <= TOLERANCE || (change < 8192 && change * change <= TOLERANCE * shrunk)) {
            judge(s, buses);
            return;
        }
        if (change == FAILED)
            break;
    }
    flat(s, buses);
    s->flags |= COLLAPSED;
    if (s->worst_volt > 0) {
        s->worst_volt = s->volt_bus = 0;
        s->volt_slot = s->slot;
    }
}

static void start(State *s, Bus *buses, uint32_t seed, uint32_t level, uint32_t index) {
    const uint32_t parts[] = {level, index, 0, 0, 0};
    uint64_t x = seed % MODULUS;
    for (int k = 0; k < 5; k++) {
        x = ((x ^ x >> 13) + parts[k]) * 48271 % MODULUS;
        x ^= x >> 15;
    }
    s->generator = (int32_t)(x % (MODULUS - 1) + 1);
    s->chance = (int32_t)((level * 32768 + 50) / 100);
    s->flags = s->volt_bus = s->volt_slot = s->worst_line = s->line_branch = s->line_slot = 0;
    s->worst_trafo = s->trafo_slot = 0;
    s->worst_volt = 4 << 20;
    for (int k = 0; k < s->n; k++)
        buses[k].cars = 0;
    flat(s, buses);
}

static void write(uint8_t *out, const State *s) {
    out[0] = s->flags;
    out[1] = s->volt_slot;
    memcpy(out + 2, &(uint16_t){s->volt_bus}, 2);
    memcpy(out + 4, &s->worst_volt, 4);
    memcpy(out + 8, &(uint16_t){s->line_branch}, 2);
    out[10] = s->line_slot;
    out[11] = s->trafo_slot;
    memcpy(out + 12, &s->worst_line, 4);
    memcpy(out + 16, &s->worst_trafo, 4);
}

int kernel_run(const uint8_t *in, size_t in_len, const uint8_t *const *ctx, const size_t *ctx_len, int ctx_n,
               uint8_t *out) {
    if (in_len != 10 || in[8] > 100 || ctx_n < 4 || ctx_n > 5 || ctx_len[0] < 12 || ctx_len[2] != 792)
        return -1;
    const uint8_t *net = ctx[0], *loads = ctx[1], *day = ctx[2], *shunts = ctx_n > 4 && ctx_len[4] ? ctx[4] : NULL;
    int n = word(net), slots = day[1], profiles = half(day + 2);
    if (n < 2 || ctx_len[0] != 12 + 16 * (size_t)n || ctx_len[1] != 20 * (size_t)n || slots < 1
            || ctx_len[3] != 2 * (size_t)profiles * slots || (shunts && ctx_len[4] != 8 * (size_t)n))
        return -1;
    State s = {.n = n, .slots = slots, .first = day[0], .car = word(day + 4), .low = word(day + 8),
               .high = word(day + 12), .line = word(day + 16), .trafo = word(day + 20), .has_trafo = word(net + 4),
               .source = word(net + 8), .shunts = shunts != NULL};
    Bus *buses = calloc(n, sizeof(Bus));
    uint16_t *changes = calloc((size_t)n * slots, 2);
    int length = -1;
    for (int k = 0; k < n; k++) {
        const uint8_t *row = net + 12 + 16 * k, *load = loads + 20 * k;
        Bus *bus = buses + k;
        bus->parent = half(row);
        if (bus->parent > k || (bus->parent == k && k) || load[18] >= profiles || load[19] >= profiles || load[19] > 127)
            goto end;
        bus->exponent = half(row + 2);
        bus->r = word(row + 4);
        bus->x = word(row + 8);
        bus->gain = word(row + 12);
        if (!shunts || !k)
            continue;
        bus->half_g = word(shunts + 8 * k) - BIAS;
        bus->half_b = word(shunts + 8 * k + 4) - BIAS;
        bus->g += bus->half_g;
        bus->b += bus->half_b;
        buses[bus->parent].g += bus->half_g;
        buses[bus->parent].b += bus->half_b;
    }
    int count = in[9];
    for (int k = 0; k < count; k++) {
        start(&s, buses, (uint32_t)word(in), in[8], (uint32_t)word(in + 4) + k);
        for (int bus = 0; bus < n; bus++)
            place(&s, bus, half(loads + 20 * bus + 16), day + 24, changes);
        for (s.slot = 0; s.slot < slots; s.slot++) {
            advance(&s, buses, loads, changes, ctx[3]);
            solve_slot(&s, buses);
        }
        write(out + ANSWER * k, &s);
    }
    length = ANSWER * count;
end:
    free(buses);
    free(changes);
    return length;
}
