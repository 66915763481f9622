/* The kernel of energy.battery in C, for the benchmark: the same answer bytes as kernel.py. */
#include <stddef.h>
#include <stdint.h>
#include <string.h>

enum { SLOTS = 96, PIECES = 289, HEADER = 22, BIAS = 32768, PRICE = 16383 };

struct plan {
    int32_t add, take, most, least, limit, full, held, end;
    int32_t first, used, watts, last;
    int32_t length[PIECES], none[SLOTS], price[PIECES];
    uint16_t place[PIECES], turn[2 * PIECES];
};

static int32_t u16(const uint8_t *p) { return p[0] | p[1] << 8; }
static uint32_t u32(const uint8_t *p) { return (uint32_t)u16(p) | (uint32_t)u16(p + 2) << 16; }

static int32_t mean(int32_t one, int32_t other, int32_t weight, int32_t all)
{
    int32_t d = (one - other) >> 7, a = weight << 1, b = (all >> 6) + 1, q = a / b;
    return one - d * q - ((d * (((a - q * b) << 7) / b)) >> 7);
}

static int cut(struct plan *d, const uint8_t *net, const uint8_t *prices)
{
    for (int t = 0, i = 0; t < SLOTS; t++, i += 3) {
        int32_t n = u16(net + 2 * t) - BIAS;
        int32_t buy = u16(prices + 2 * t) - BIAS, sell = u16(prices + 2 * (SLOTS + t)) - BIAS;
        if (buy < -PRICE || buy > PRICE || sell < -PRICE || sell > PRICE)
            return -1;
        int32_t g = 0, x, y, z, u = sell * d->add, v, w = buy * d->take + 1;
        if (n >= 0) {
            if (n > d->least)
                n = d->least;
            x = d->least - n;
            if (x > d->limit)
                x = d->limit;
            x *= d->take;
            v = buy * d->add;
            y = n * d->take;
            z = d->most * d->add;
            g = x + y;
        } else {
            n = -n;
            x = d->limit - n;
            v = sell * d->take + 1;
            y = n < d->most ? n : d->most;
            z = (d->most - y) * d->add;
            if (x >= 0) {
                if (x > d->least)
                    x = d->least;
                x *= d->take;
                g = x;
            } else {
                x = -x;
                u = 1;
                if (x > y)
                    x = y;
                y -= x;
                x *= d->add;
            }
            y *= d->add;
        }
        while (u > v || v > w) {
            if (u > v) {
                int all = v == w;
                u = v = mean(u, v, all ? y + z : y, all ? x + y + z : x + y);
                if (all)
                    w = v;
            } else {
                int all = u == v;
                w = v = mean(v, w, z, all ? x + y + z : y + z);
                if (all)
                    u = v;
            }
        }
        d->length[i] = x, d->length[i + 1] = y, d->length[i + 2] = z;
        d->price[i] = u, d->price[i + 1] = v, d->price[i + 2] = w;
        d->none[t] = g;
    }
    d->length[PIECES - 1] = d->price[PIECES - 1] = 0;
    return 0;
}

static void order(struct plan *d)
{
    uint16_t *from = d->turn, *to = d->turn + PIECES;
    for (int i = 0; i < PIECES; i++)
        from[i] = (uint16_t)i;
    for (int width = 3; width < PIECES; width *= 2) {
        for (int start = 0; start < PIECES;) {
            int k = start, i = start, middle = i + width < PIECES ? i + width : PIECES;
            int end = middle + width < PIECES ? middle + width : PIECES;
            for (int j = middle; k < end; k++) {
                if (j == end || (i < middle && d->price[from[i]] <= d->price[from[j]]))
                    to[k] = from[i++];
                else
                    to[k] = from[j++];
            }
            start = end;
        }
        uint16_t *swap = from;
        from = to;
        to = swap;
    }
    for (int k = 0; k < PIECES; k++)
        d->place[from[k]] = (uint16_t)k;
    if (from == d->turn)
        memcpy(to, from, PIECES * sizeof *from);
}

static int32_t added(const struct plan *d, int t, int k)
{
    const uint16_t *place = d->place + 3 * t;
    const int32_t *length = d->length + 3 * t;
    int32_t x = -d->none[t];
    if (place[0] < k) {
        x += length[0];
        if (place[1] < k) {
            x += length[1];
            if (place[2] < k)
                x += length[2];
        }
    }
    return x;
}

static int search(const struct plan *d)
{
    int low = 0, high = PIECES + 1;
    while (high - low > 1) {
        int k = (low + high) / 2;
        int32_t s = d->held;
        for (int t = d->first; t < SLOTS; t++) {
            s += added(d, t, k);
            if (s < 0 || s > d->full)
                break;
        }
        if (s > d->full || (s >= d->end && d->place[PIECES - 1] < k))
            high = k;
        else
            low = k;
    }
    return low;
}

static int split(struct plan *d)
{
    int k = d->used, piece = d->turn[PIECES + k], at = piece / 3;
    int low_at = SLOTS - 1, high_at = SLOTS - 1;
    int32_t s = d->held, low = 0, high = 0, unit = 1, w;
    for (int t = d->first; t < SLOTS; t++) {
        int32_t x = added(d, t, k);
        s += x;
        if (t == at) {
            unit = x < 0 ? d->take : d->add;
            high = d->length[piece] / unit;
        }
        if (t < at)
            continue;
        w = s <= d->full ? (d->full - s) / unit : -1;
        if (w < high) {
            high = w;
            high_at = t;
            if (low > high)
                return d->watts = low, low_at;
        }
        w = s < 0 ? (unit - 1 - s) / unit : 0;
        if (w > low) {
            low = w;
            low_at = t;
            if (low > high)
                return d->watts = high, high_at;
        }
    }
    if (d->place[PIECES - 1] > k)
        return d->watts = high, high_at;
    if (d->place[PIECES - 1] < k && s < d->end) {
        w = (unit - 1 + d->end - s) / unit;
        if (w > low) {
            low = w;
            low_at = SLOTS - 1;
            if (low > high)
                return d->watts = high, high_at;
        }
    }
    return d->watts = low, low_at;
}

static void fix(struct plan *d, uint8_t *out)
{
    for (int t = d->first; t <= d->last; t++) {
        int32_t x = added(d, t, d->used);
        if (d->turn[PIECES + d->used] / 3 == t)
            x += d->watts * (x < 0 ? d->take : d->add);
        d->held += x;
        x = x < 0 ? -(-x / d->take) : x / d->add;
        out[2 * t] = (uint8_t)x;
        out[2 * t + 1] = (uint8_t)(x >> 8);
    }
    d->first = d->last + 1;
}

int kernel_run(const uint8_t *in, size_t in_len, const uint8_t *const *ctx, const size_t *ctx_len, int ctx_n,
               uint8_t *out)
{
    struct plan d;
    if (in_len != HEADER + 2 * SLOTS || ctx_n != 1 || ctx_len[0] != 4 * SLOTS)
        return -1;
    d.add = u16(in), d.take = u16(in + 2), d.most = u16(in + 4), d.least = u16(in + 6), d.limit = u16(in + 8);
    uint32_t full = u32(in + 10), held = u32(in + 14), end = u32(in + 18);
    if (!(0 < d.add && d.add <= d.take && d.take < 32768)
        || (uint64_t)d.take * (uint64_t)(d.most + d.least) > 1 << 28)
        return -1;
    if (full >= 1u << 29 || held > full || end > full || end + (uint32_t)d.take > full)
        return -1;
    d.full = (int32_t)full, d.held = (int32_t)held, d.end = (int32_t)end, d.first = 0;
    if (cut(&d, in + HEADER, ctx[0]))
        return -1;
    order(&d);
    while (d.first < SLOTS) {
        d.used = search(&d);
        if (d.used == PIECES)
            return -1;
        d.last = split(&d);
        fix(&d, out);
    }
    return 2 * SLOTS;
}
