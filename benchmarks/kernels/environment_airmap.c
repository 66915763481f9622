/* The kernel of environment.airmap in C: same input, same answer bytes as tasks/environment/airmap/kernel/.
 * A yardstick for the machine code that MicroPython makes of that file; nothing of the product uses it.
 * Statement by statement the same arithmetic; >> of negatives is arithmetic, as every compiler here has it. */
#include <stddef.h>
#include <stdint.h>
#include <string.h>

enum { ONE = 1 << 20, STATIONS = 24, TARGETS = 16, NEAR = 12, PAIRS = STATIONS * (STATIONS - 1) / 2 };

static const int32_t POWERS[16] = {
    1048575, 1004120, 961548, 920782, 881744, 844361, 808563, 774282,
    741455, 710020, 679917, 651091, 623487, 597053, 571740, 547500,
};
static const int32_t SLANTS[18] = {
    2048, 2052, 2064, 2084, 2111, 2146, 2187, 2235, 2290,
    2350, 2415, 2485, 2560, 2639, 2721, 2807, 2896, 2988,
};
static const int32_t ROOTS[25] = {
    524288, 556091, 586172, 614782, 642119, 668339, 693568, 717911, 741455, 764275, 786432, 807982, 828972,
    849444, 869433, 888974, 908093, 926819, 945174, 963179, 980853, 998215, 1015279, 1032062, 1048576,
};

struct variogram { int32_t model, m, s, j, scale, cut, base, depth; };

static uint32_t word(const uint8_t *at) {
    return (uint32_t)at[0] << 24 | (uint32_t)at[1] << 16 | (uint32_t)at[2] << 8 | at[3];
}

static void put(uint8_t *at, uint32_t value) {
    at[0] = value >> 24; at[1] = value >> 16; at[2] = value >> 8; at[3] = value;
}

static int32_t product(int32_t u, int32_t w) { /* of Q20, in 10-bit limbs */
    return u * (w >> 10) + ((u * (w & 1023)) >> 10);
}

static int unpack(const uint8_t *data, int n, int targets, int32_t (*xy)[3], uint8_t (*use)[NEAR]) {
    for (int i = 0; i < n + targets; i++) {
        const uint8_t *d = data + 4 + 8 * i;
        int32_t rest = word(d + 4) & 0xFFFFFFF;
        if (i < n) {
            if (rest == 0 || rest >> 21)
                return -1;
        } else {
            int32_t bits = rest;
            rest = 0;
            if (bits >> n)
                return -1;
            for (int k = 0; k < n; k++, bits >>= 1)
                if (bits & 1) {
                    if (rest == NEAR)
                        return -1;
                    use[i - n][rest++] = k;
                }
            if (!rest)
                return -1;
        }
        xy[i][0] = word(d) >> 14;
        xy[i][1] = (word(d) & 0x3FFF) << 4 | word(d + 4) >> 28;
        xy[i][2] = rest;
    }
    return 0;
}

static int32_t distance(const int32_t *a, const int32_t *b) {
    int32_t dx = a[0] - b[0], dy = a[1] - b[1];
    if (dx < 0) dx = -dx;
    if (dy < 0) dy = -dy;
    if (dx < dy) { int32_t t = dx; dx = dy; dy = t; }
    if (!dx) return 0;
    int32_t t = (dy << 10) / dx, i = t >> 6;
    t = SLANTS[i] + (((SLANTS[i + 1] - SLANTS[i]) * (t & 63)) >> 6);
    int32_t r = (dx * t + 1024) >> 11, s = r - dx;
    t = r + dx;
    s = (((dy >> 9) * dy - (s >> 9) * t) * 512) + (dy & 511) * dy - (s & 511) * t;
    return s < 0 ? r - (r - s) / (2 * r) : r + (r + s) / (2 * r);
}

static int32_t covariance(int32_t h, const struct variogram *v) {
    int32_t g = ONE - 1, p, t, x;
    if (h < v->cut) {
        x = (v->scale * (h >> v->j) + ((v->scale * (h & ((1 << v->j) - 1))) >> v->j)) >> (v->s - v->j);
        if (v->model == 0) {
            t = ((x & 0xFFFF) * 709 + (((x & 0xFFFF) * 801) >> 10)) >> 10;
            p = ONE - ((t * ((ONE - t / 3) >> 10)) >> 11);
            p = ONE - ((t * (p >> 6)) >> 14);
            g = ONE - (product(POWERS[(x >> 16) & 15], p) >> 10 >> (x >> 20));
        } else if (v->model == 1) {
            t = x >> v->m;
            p = ONE - t / 5;
            p = ONE - ((t * (p >> 8)) >> 12) / 4;
            p = ONE - ((t * (p >> 8)) >> 12) / 3;
            p = ONE - ((t * (p >> 8)) >> 12) / 2;
            g = product(x, p) >> 10;
        } else {
            t = x >> v->m;
            p = ONE - (product(t, t) >> 10);
            g = x + (product(x, p) >> 11);
        }
        if (g >= ONE) g = ONE - 1;
    }
    t = v->base + ONE - (product(g, v->depth) >> 9);
    return t < 1 ? 1 : t;
}

static int32_t quotient(int32_t t, int32_t g) { /* of Q20, clamped below one */
    if (!g) return 0;
    if (t >= g) return ONE - 1;
    int32_t q = (t << 10) / g;
    return (q << 10) + ((((t << 10) - q * g) << 10) / g);
}

static int32_t root(int32_t t) { /* of Q26, in Q20 */
    int down = 0;
    if (t >= 1 << 26) return ONE;
    if (t < 4096) return 0;
    for (; t < 1 << 24; t <<= 2) down++;
    int32_t k = (t >> 21) - 8, g = ROOTS[k] + (((ROOTS[k + 1] - ROOTS[k]) * ((t >> 11) & 1023)) >> 10);
    int32_t q = (t << 4) / g;
    return (g + (q << 10) + ((((t << 4) - q * g) << 10) / g)) >> 1 >> down;
}

static void eliminate(int32_t (*a)[NEAR], int n) {
    for (int i = 0; i < n + 2; i++) {
        int last = i < n ? i : n;
        for (int j = 0; j < last; j++) {
            int32_t t = a[i][j] * 64;
            for (int k = 0; k < j; k++)
                t -= product(a[i][k], a[j][k]) >> 4;
            int negative = t < 0;
            t = quotient(((negative ? -t : t) + 32) >> 6, a[j][j]);
            a[i][j] = negative ? -t : t;
        }
        if (i < n) {
            int32_t t = 1 << 26;
            for (int k = 0; k < i; k++)
                t -= product(a[i][k], a[i][k]) >> 4;
            a[i][i] = root(t);
        }
    }
}

static void weigh(int32_t (*a)[NEAR], int n, const uint8_t *use, int32_t (*xy)[3], uint32_t *answer) {
    const int32_t *y = a[n], *o = a[n + 1];
    int32_t known = 0, both = 0, mean = 0, w[NEAR];
    for (int k = 0; k < n; k++) {
        known += product(y[k], y[k]) >> 4;
        both += product(y[k], o[k]) >> 4;
        mean += product(o[k], o[k]) >> 4;
    }
    int32_t e = (1 << 24) - both;
    int negative = e < 0;
    e = ((negative ? -e : e) + 32) >> 6;
    if (e >= ONE) e = ONE - 1;
    mean >>= 6;
    if (mean >= ONE) mean = ONE - 1;
    int32_t q = (e << 8) / mean, t = (q << 9) + ((((e << 8) - q * mean) << 9) / mean);
    if (t >= ONE) t = ONE - 1;
    int32_t variance = (1 << 26) - known + (product(t, e) >> 1), total = 0;
    if (variance < 0) variance = 0;
    if (negative) t = -t;
    for (int i = n - 1; i >= 0; i--) {
        e = y[i] * 16 + (product(t, o[i]) >> 3);
        for (int k = i + 1; k < n; k++)
            e -= product(a[k][i], w[k]) >> 4;
        negative = e < 0;
        e = quotient(((negative ? -e : e) + 32) >> 6, a[i][i]);
        w[i] = negative ? -e : e;
        total += product(xy[use[i]][2] - ONE, w[i]) >> 4;
    }
    if (total >= 1 << 28) total = (1 << 28) - 1;
    if (total < -(1 << 28)) total = -(1 << 28);
    answer[0] = total + (1 << 28);
    answer[1] = variance >> 2;
}

static int read_variogram(const uint8_t *at, struct variogram *v) {
    uint32_t scale = word(at + 4), cut = word(at + 8), base = word(at + 12), depth = word(at + 16);
    if (at[0] > 2 || at[1] > 10 || at[2] < 4 || at[2] > 30 || at[3] || scale >= ONE || cut >= 1 << 19
        || base >= ONE || depth >= ONE)
        return -1;
    uint64_t furthest = at[0] == 0 ? 20u << 20 : at[0] == 2 ? ONE : 1u << (18 + at[1] < 20 ? 18 + at[1] : 20);
    if (((uint64_t)scale * cut) >> at[2] >= furthest)
        return -1;
    *v = (struct variogram){at[0], at[1], at[2], at[2] < 10 ? at[2] : 10, scale, cut, base, depth};
    return 0;
}

int kernel_run(const uint8_t *in, size_t in_len, const uint8_t *const *ctx, const size_t *ctx_len, int ctx_n,
               uint8_t *out) {
    (void)ctx; (void)ctx_len;
    if (ctx_n || in_len < 4)
        return -1;
    int n = in[0], targets = in[1], sets = in[2];
    if (n < 1 || n > STATIONS || targets < 1 || targets > TARGETS || sets < 1 || sets > (targets <= 8 ? 8 : 1)
        || in[3] || in_len != (size_t)(4 + 8 * (n + targets) + 20 * sets))
        return -1;
    static int32_t xy[STATIONS + TARGETS][3], h[PAIRS + NEAR * TARGETS], cov[PAIRS + NEAR * TARGETS];
    static int32_t a[NEAR + 2][NEAR];
    static uint8_t use[TARGETS][NEAR];
    int hit[TARGETS], pairs = n * (n - 1) / 2, written = 0;
    if (unpack(in, n, targets, xy, use))
        return -1;
    for (int i = 1; i < n; i++)
        for (int j = 0; j < i; j++)
            h[i * (i - 1) / 2 + j] = distance(xy[i], xy[j]);
    for (int t = 0; t < targets; t++) {
        hit[t] = -1;
        for (int i = 0; i < xy[n + t][2]; i++)
            if (!(h[pairs + NEAR * t + i] = distance(xy[n + t], xy[use[t][i]])))
                hit[t] = i;
    }
    for (int set = 0; set < sets; set++) {
        struct variogram v;
        if (read_variogram(in + 4 + 8 * (n + targets) + 20 * set, &v))
            return -1;
        for (int i = 0; i < pairs; i++)
            cov[i] = covariance(h[i], &v);
        for (int t = 0; t < targets; t++) {
            const uint8_t *u = use[t];
            int k = xy[n + t][2], own = pairs + NEAR * t;
            uint32_t answer[2];
            if (hit[t] >= 0) {
                answer[0] = ((uint32_t)xy[u[hit[t]]][2] << 4) + (15u << 24);
                answer[1] = 0;
            } else {
                for (int i = 0; i < k; i++) {
                    for (int j = 0; j < i; j++)
                        a[i][j] = cov[u[i] * (u[i] - 1) / 2 + u[j]] - ONE;
                    a[k][i] = covariance(h[own + i], &v) - ONE;
                    a[k + 1][i] = ONE / 4;
                }
                eliminate(a, k);
                weigh(a, k, u, xy, answer);
            }
            put(out + written, answer[0]);
            written += 4;
            if (sets == 1) {
                put(out + written, answer[1]);
                written += 4;
            }
        }
    }
    return written;
}
