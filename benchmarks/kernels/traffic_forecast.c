/* The kernel of traffic.forecast in C: same input, same answer bytes as tasks/traffic/forecast/kernel.py.
 * A yardstick for the machine code that MicroPython makes of that file; nothing of the product uses it.
 * The same arithmetic; >> of negatives is arithmetic, as every compiler here has it. */
#include <stddef.h>
#include <stdint.h>
#include <string.h>

enum { NONE = 65535, LARGEST = 32767, HOURS = 48, SETS = 15, ROWS = 29, NEAR = 84, PER_ANSWER = 24 };

struct set { int32_t keep, trim, lambda, q, c, b, usual, level, sums[4], shape[24]; };
struct history { const uint8_t *z; int32_t weeks, hours, blocks, first; };

static int32_t reading(const uint8_t *z, int32_t t) { return z[2 * t] | z[2 * t + 1] << 8; }

static void profiles(const struct history *of, int32_t hour, int32_t keep, int32_t trim, int32_t shifts,
                     int32_t *profile) {
    int32_t span = of->hours > 24 ? of->hours : 24;
    for (int32_t h = 0; h < span; h++) {
        int32_t sorted[10], n = 0, t = hour + h, shift = h < 24 ? shifts & 15 : shifts >> 4;
        if (shift) t += 168 - 24 * shift;
        while (t >= 168 && n < keep) {
            t -= 168;
            if (t >= 168 * of->weeks) continue;
            int32_t value = reading(of->z, t);
            if (value > LARGEST) continue;
            int32_t at = n++;
            for (; at > 0 && sorted[at - 1] > value; at--) sorted[at] = sorted[at - 1];
            sorted[at] = value;
        }
        profile[h] = 0;
        if (!n) continue;
        int32_t drop = (n - 1) >> 1, total = 0;
        if (drop > trim) drop = trim;
        for (int32_t i = drop; i < n - drop; i++) total += sorted[i];
        profile[h] = (total << 4) / (n - 2 * drop) + 1;
    }
}

static void learn(const struct history *of, int32_t hour, const int32_t *profile, struct set *sets, int32_t n) {
    for (int32_t h = 0; h < 24; h++) {
        int32_t value = reading(of->z, hour + h);
        if (value > LARGEST || !profile[h]) continue;
        int32_t e = (value << 4) - profile[h] + 1, size = e < 0 ? -e : e;
        for (struct set *s = sets; s < sets + n; s++) {
            int32_t most = s->usual * s->q >> 2;
            int32_t cut = e > most ? most : e;
            if (cut < -most) cut = -most;
            most = 4 * s->usual + 64;
            if (most > size) most = size;
            s->usual += (most - s->usual) >> 6;
            s->level += 5 * (cut - s->level) >> 6;
            s->shape[h] += s->lambda * (cut - s->shape[h]) >> 6;
        }
    }
}

static int32_t levels(const struct set *s, int32_t h) {
    int32_t weight = h < 24 ? 4 : 3;
    return (s->c * s->shape[h < 24 ? h : h - 24] + s->b * s->level) * weight >> 8;
}

static int32_t within(int32_t f, int32_t most) { return f < 0 ? 0 : f > most ? most : f; }

static int32_t apart(int32_t a, int32_t b) {
    int32_t f = a * a - b * b;
    return (f < 0 ? -f : f) >> 9;
}

static void score(const struct history *of, int32_t hour, const int32_t *profile, struct set *sets, int32_t n,
                  int32_t block) {
    for (int32_t h = 0; h < of->hours; h++) {
        int32_t value = reading(of->z, hour + h);
        if (value > LARGEST || !profile[h]) continue;
        for (struct set *s = sets; s < sets + n; s++)
            s->sums[block] += apart(within((profile[h] + 7 + levels(s, h)) >> 4, LARGEST), value);
    }
}

static void forecasts(const struct history *of, struct set *sets, int32_t n, int32_t shifts, int32_t *out) {
    int32_t tests = 7 * of->blocks, profile[HOURS];
    for (int32_t day = 7; day <= 7 * of->weeks; day++) {
        int32_t row = day - of->first;
        if (day == 7 * of->weeks) row = tests;
        else if (row >= tests) row = -1;
        int32_t keep = 0, trim = 0;
        for (int32_t k = 0; k < n; k++) {
            if (keep != sets[k].keep || trim != sets[k].trim) {
                keep = sets[k].keep;
                trim = sets[k].trim;
                profiles(of, 24 * day, keep, trim, row == tests ? shifts : 0, profile);
            }
            for (int32_t h = 0; row >= 0 && h < of->hours; h++)
                if (profile[h]) out[row * of->hours + h] += within(profile[h] - 1 + levels(&sets[k], h), 524272) + 1;
            if (day < 7 * of->weeks) learn(of, 24 * day, profile, &sets[k], 1);
        }
    }
    for (int32_t i = 0; i < of->hours * (tests + 1); i++)
        if (out[i]) out[i] = ((out[i] / n + 7) >> 4) + 1;
}

static void band(const struct history *of, int32_t split, int32_t tail, const int32_t *out, int32_t *ends) {
    for (int32_t h = 0; h < of->hours; h++) {
        int32_t e[NEAR], n = 0;
        for (int32_t row = 0; row < 7 * split; row++)
            for (int32_t near = h ? h - 1 : 0; near < h + 2 && near < of->hours; near++) {
                int32_t value = reading(of->z, 24 * (of->first + row) + near), f = out[row * of->hours + near];
                if (!f || value > LARGEST) continue;
                int32_t one = value - f + 1, at = n++;
                for (; at > 0 && e[at - 1] > one; at--) e[at] = e[at - 1];
                e[at] = one;
            }
        int32_t rank = (n + 1) * tail / 200;
        if (rank < 1) rank = 1;
        ends[2 * h] = n < 2 ? 0 : e[rank - 1];
        ends[2 * h + 1] = n < 2 ? 0 : e[n - rank];
    }
}

static void put16(uint8_t *at, uint32_t value) { at[0] = value; at[1] = value >> 8; }
static void put32(uint8_t *at, uint32_t value) { put16(at, value); put16(at + 2, value >> 16); }

static int rehearsed(const struct history *of, int32_t split, const int32_t *out, const int32_t *ends, uint8_t *answer) {
    uint32_t total = 0, inside = 0, counted = 0, wide = 0;
    for (int32_t row = 7 * split; row < 7 * split + 7; row++)
        for (int32_t h = 0; h < of->hours; h++) {
            int32_t value = reading(of->z, 24 * (of->first + row) + h), f = out[row * of->hours + h] - 1;
            if (f < 0 || value > LARGEST) continue;
            int32_t low = within(f + ends[2 * h], LARGEST), high = within(f + ends[2 * h + 1], LARGEST);
            total += apart(f, value);
            wide += (high * high - low * low) >> 9;
            inside += low <= value && value <= high;
            counted++;
        }
    put32(answer, total);
    put16(answer + 4, inside);
    put16(answer + 6, counted);
    put32(answer + 8, wide);
    return 12;
}

static int to_come(const struct history *of, int32_t at, const int32_t *out, const int32_t *ends, uint8_t *answer) {
    int length = 0;
    for (int32_t h = at; h < of->hours && h < at + PER_ANSWER; h++, length += 6) {
        int32_t f = out[7 * of->blocks * of->hours + h] - 1;
        put16(answer + length, f < 0 ? NONE : f);
        put16(answer + length + 2, f < 0 ? NONE : within(f + ends[2 * h], LARGEST));
        put16(answer + length + 4, f < 0 ? NONE : within(f + ends[2 * h + 1], LARGEST));
    }
    return length;
}

static int search(const struct history *of, struct set *sets, int32_t n, uint8_t *answer) {
    int32_t profile[HOURS];
    for (int32_t day = 7; day < of->first + 7 * of->blocks; day++) {
        profiles(of, 24 * day, sets->keep, sets->trim, 0, profile);
        if (day >= of->first) score(of, 24 * day, profile, sets, n, (day - of->first) / 7);
        learn(of, 24 * day, profile, sets, n);
    }
    for (int32_t k = 0; k < n; k++)
        for (int32_t block = 0; block < of->blocks; block++, answer += 4) put32(answer, sets[k].sums[block]);
    return 4 * of->blocks * n;
}

int kernel_run(const uint8_t *in, size_t in_len, const uint8_t *const *ctx, const size_t *ctx_len, int ctx_n,
               uint8_t *out) {
    static struct set sets[SETS];
    static int32_t found[HOURS * ROWS], ends[2 * HOURS];
    if (in_len < 8 || in[0] >> 1 >= ctx_n) return -1;
    int32_t which = in[0] >> 1;
    int32_t mode = in[0] & 1, width = mode ? 6 : 4, n = (int32_t)(in_len - 8) / width, a = in[4], b = in[5], tail = in[6], shifts = in[7];
    struct history of = { ctx[which], in[1], in[2], in[3], 0 };
    if (of.blocks < 1 || of.blocks > 4 || of.weeks < of.blocks + 2 || of.weeks > 10 || of.hours < 1
        || of.hours > HOURS) return -1;
    if (ctx_len[which] != (size_t)(336 * of.weeks) || in_len != (size_t)(8 + width * n) || n < 1 || n > (mode ? 8 : SETS))
        return -1;
    memset(sets, 0, sizeof sets);
    for (int32_t k = 0; k < n; k++) {
        const uint8_t *at = in + 8 + width * k, *gains = at + (mode ? 2 : 0);
        struct set *s = &sets[k];
        s->keep = mode ? at[0] : a;
        s->trim = mode ? at[1] : b;
        s->lambda = gains[0];
        s->q = gains[1];
        s->c = gains[2];
        s->b = gains[3];
        s->usual = 1 << 14;
        if (s->keep < 1 || s->keep > 10 || s->lambda > 64 || s->c > 64 || s->b > 64) return -1;
    }
    of.first = 7 * of.weeks - (of.hours + 23) / 24 - 7 * of.blocks + 1;
    if (!mode) return tail || shifts ? -1 : search(&of, sets, n, out);
    if (a < 1 || a > of.blocks || b >= of.hours || tail < 1 || tail > 100 || (shifts & 15) > 6 || shifts >> 4 > 6) return -1;
    memset(found, 0, sizeof found);
    forecasts(&of, sets, n, shifts, found);
    band(&of, a, tail, found, ends);
    return a < of.blocks ? rehearsed(&of, a, found, ends, out) : to_come(&of, b, found, ends, out);
}
