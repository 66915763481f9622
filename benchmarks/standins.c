// Stand-ins for devices in C: many identities in one process that answer every lease at once, with its input. They
// make MACs, seals and receipts in a chain as devices do; what the gateway signs they believe, so that they are not
// what is measured. The first line of standard input is PORT BOOT FRAMES COUNT, then a line for each device:
//   NODE-TOPIC UP-KEY NET DEVICE PACKETS BID    (in hex but for the topic; BID: the rest of a bid, in hex too)
// PACKETS are what it sends first: sign-in, subscription, status and birth. `standins.py` writes all that. Each
// further line is answered with what they saw since the last one, as JSON; times in ns.
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <signal.h>
#include <time.h>
#include <unistd.h>

enum { ROOM = 1 << 20, OPEN = 1 << 12, MOST = 1 << 20, LEASE = 71, PROOF = 158, MAC = 16, DEVICES = 64 };
typedef struct { uint32_t h[8]; uint8_t block[64]; uint64_t size; } Sha;
typedef struct {
    int fd, in, out, mid, numbers, topic_size;
    uint32_t seq;
    char topic[128], bid[512];
    uint8_t net[8], device[16], prev[32];
    Sha inner, outer;
    int64_t left[OPEN];
    uint8_t ibuf[ROOM], obuf[ROOM];
} Device;

static Device *devices[DEVICES];
static int count, boot, frames, largest;
static int64_t trips[MOST], first, last, last_lease, last_heard, gap, open_gap;
static long trip_count, leases, messages, unanswered;

static const uint32_t K[64] = {
    0x428a2f98,0x71374491,0xb5c0fbcf,0xe9b5dba5,0x3956c25b,0x59f111f1,0x923f82a4,0xab1c5ed5,0xd807aa98,0x12835b01,
    0x243185be,0x550c7dc3,0x72be5d74,0x80deb1fe,0x9bdc06a7,0xc19bf174,0xe49b69c1,0xefbe4786,0x0fc19dc6,0x240ca1cc,
    0x2de92c6f,0x4a7484aa,0x5cb0a9dc,0x76f988da,0x983e5152,0xa831c66d,0xb00327c8,0xbf597fc7,0xc6e00bf3,0xd5a79147,
    0x06ca6351,0x14292967,0x27b70a85,0x2e1b2138,0x4d2c6dfc,0x53380d13,0x650a7354,0x766a0abb,0x81c2c92e,0x92722c85,
    0xa2bfe8a1,0xa81a664b,0xc24b8b70,0xc76c51a3,0xd192e819,0xd6990624,0xf40e3585,0x106aa070,0x19a4c116,0x1e376c08,
    0x2748774c,0x34b0bcb5,0x391c0cb3,0x4ed8aa4a,0x5b9cca4f,0x682e6ff3,0x748f82ee,0x78a5636f,0x84c87814,0x8cc70208,
    0x90befffa,0xa4506ceb,0xbef9a3f7,0xc67178f2 };

static uint32_t ror(uint32_t x, int n) { return x >> n | x << (32 - n); }

// SHA-256 (FIPS 180-4).
static void mix(Sha *s, const uint8_t *p) {
    uint32_t w[64], v[8];
    for (int i = 0; i < 16; i++) w[i] = (uint32_t)p[4*i] << 24 | p[4*i+1] << 16 | p[4*i+2] << 8 | p[4*i+3];
    for (int i = 16; i < 64; i++)
        w[i] = w[i-16] + w[i-7] + (ror(w[i-15], 7) ^ ror(w[i-15], 18) ^ w[i-15] >> 3)
             + (ror(w[i-2], 17) ^ ror(w[i-2], 19) ^ w[i-2] >> 10);
    memcpy(v, s->h, 32);
    for (int i = 0; i < 64; i++) {
        uint32_t a = v[7] + (ror(v[4], 6) ^ ror(v[4], 11) ^ ror(v[4], 25)) + ((v[4] & v[5]) ^ (~v[4] & v[6])) + K[i] + w[i];
        uint32_t b = (ror(v[0], 2) ^ ror(v[0], 13) ^ ror(v[0], 22)) + ((v[0] & v[1]) ^ (v[0] & v[2]) ^ (v[1] & v[2]));
        memmove(v + 1, v, 28);
        v[4] += a;
        v[0] = a + b;
    }
    for (int i = 0; i < 8; i++) s->h[i] += v[i];
}

static void begin(Sha *s) {
    static const uint32_t start[8] = { 0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a, 0x510e527f, 0x9b05688c,
                                       0x1f83d9ab, 0x5be0cd19 };
    memcpy(s->h, start, 32);
    s->size = 0;
}

static void add(Sha *s, const void *data, int n) {
    const uint8_t *p = data;
    while (n) {
        int at = s->size & 63, part = 64 - at < n ? 64 - at : n;
        memcpy(s->block + at, p, part);
        s->size += part; p += part; n -= part;
        if (!(s->size & 63)) mix(s, s->block);
    }
}

static void finish(Sha *s, uint8_t *out) {
    uint64_t bits = s->size * 8;
    uint8_t end[72] = { 0x80 };
    int pad = 64 - (int)((s->size + 8) & 63);
    for (int i = 0; i < 8; i++) end[pad + i] = bits >> (56 - 8 * i);
    add(s, end, pad + 8);
    for (int i = 0; i < 32; i++) out[i] = s->h[i >> 2] >> (24 - 8 * (i & 3));
}

static void sign(Device *d, const void *data, int n, uint8_t *tag) {
    Sha s = d->inner;
    uint8_t full[32];
    add(&s, data, n);
    finish(&s, full);
    s = d->outer;
    add(&s, full, 32);
    finish(&s, full);
    memcpy(tag, full, MAC);
}

static void keyed(Device *d, const uint8_t *key, int n) {
    uint8_t pad[64];
    for (int i = 0; i < 64; i++) pad[i] = 0x36 ^ (i < n ? key[i] : 0);
    begin(&d->inner); add(&d->inner, pad, 64);
    for (int i = 0; i < 64; i++) pad[i] ^= 0x36 ^ 0x5c;
    begin(&d->outer); add(&d->outer, pad, 64);
}

static void fail(const char *what) { perror(what); exit(1); }

static int64_t now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec * 1000000000LL + t.tv_nsec;
}

static int unhex(const char *text, uint8_t *to) {
    int n = 0;
    for (unsigned byte; sscanf(text + 2 * n, "%2x", &byte) == 1; n++) to[n] = byte;
    return n;
}

static void flush(Device *d) {
    for (int at = 0; at < d->out;) {
        int n = write(d->fd, d->obuf + at, d->out - at);
        if (n <= 0) fail("write");
        at += n;
    }
    d->out = 0;
}

static void put32(uint8_t *to, uint32_t value) { for (int i = 0; i < 4; i++) to[i] = value >> (24 - 8 * i); }

// The head of a message of n bytes on a topic of the device; QoS 1 for all but bids.
static uint8_t *message(Device *d, const char *leaf, int qos, int n) {
    int topic = d->topic_size + strlen(leaf), size = 2 + topic + 2 * qos + n;
    if (d->out + size + 8 > ROOM) fail("the broker does not read");
    uint8_t *p = d->obuf + d->out;
    *p++ = 0x30 | qos << 1;
    for (int left = size; left || p == d->obuf + d->out + 1; left >>= 7) *p++ = (left & 127) | (left > 127 ? 128 : 0);
    *p++ = topic >> 8; *p++ = topic;
    memcpy(p, d->topic, d->topic_size);
    memcpy(p + d->topic_size, leaf, strlen(leaf));
    p += topic;
    if (qos) {
        d->mid = d->mid % 65535 + 1;
        *p++ = d->mid >> 8; *p++ = d->mid;
    }
    d->out = p + n - d->obuf;
    return p;
}

static void bid(Device *d) {
    char text[1024];
    uint8_t tag[MAC];
    int n = snprintf(text, sizeof text, "{\"bid\": %d, \"conn\": 1, \"boot\": %d, \"v\": 1, %s", ++d->numbers, boot, d->bid);
    sign(d, text, n, tag);
    n += snprintf(text + n, sizeof text - n, ", \"mac\": \"");
    for (int i = 0; i < MAC; i++) n += snprintf(text + n, sizeof text - n, "%02x", tag[i]);
    n += snprintf(text + n, sizeof text - n, "\"}");
    memcpy(message(d, "bid", 0, n), text, n);
    flush(d);
}

// The result of one lease, written to `to`: receipt, MAC, answer. Returns its size.
static int result(Device *d, const uint8_t *lease, int size, uint8_t *to, int64_t at) {
    const uint8_t *nonce = lease + 6, *job = lease + 22, *input;
    uint8_t inner[32];
    Sha s;
    int n;
    input = lease + LEASE + 16 * lease[70];
    n = size - MAC - (int)(input - lease);
    d->left[++d->seq % OPEN] = at;
    to[0] = 1; to[1] = 2;
    memcpy(to + 2, d->net, 8);
    memcpy(to + 10, d->device, 16);
    put32(to + 26, boot);
    put32(to + 30, d->seq);
    memcpy(to + 34, lease + 54, 4);
    put32(to + 38, 0);
    memcpy(to + 42, job, 16);
    memcpy(to + 58, nonce, 16);
    begin(&s); add(&s, input, n); finish(&s, inner);
    begin(&s); add(&s, "lamp/result/1", 14); add(&s, d->device, 16); add(&s, nonce, 16); add(&s, inner, 32);
    finish(&s, to + 74);
    put32(to + 106, 1);
    memcpy(to + 110, d->prev, 32);
    begin(&s); add(&s, to, 142); finish(&s, d->prev);
    sign(d, to, 142, to + 142);
    memcpy(to + PROOF, input, n);
    unanswered++;
    leases++;
    return PROOF + n;
}

static void leased(Device *d, const uint8_t *body, int size, int64_t at) {
    static uint8_t made[1 << 16];
    int n = 2, held = 0, begun = 2, all = 0, batch = body[1] == 5;
    for (int i = batch ? 2 : 0; i < size;) {
        int part = batch ? body[i] << 8 | body[i + 1] : size;
        const uint8_t *frame = body + i + 2 * batch;
        i += part + 2 * batch;
        if (frame[1] != 1) continue;
        begun = n;
        n += 2 + result(d, frame, part, made + n + 2, at);
        made[begun] = (n - begun - 2) >> 8; made[begun + 1] = n - begun - 2;
        last_lease = at;
        held++; all++;
        if (held == frames || i >= size) {
            made[0] = 1; made[1] = 5;
            if (held == 1) memcpy(message(d, "result", 1, n - 4), made + 4, n - 4);
            else memcpy(message(d, "result", 1, n), made, n);
            n = 2; held = 0;
        }
    }
    if (all > largest) largest = all;
}

static void acked(Device *d, const uint8_t *body, int size, int64_t at) {
    for (int i = 3; i + 5 <= size - MAC && i < 3 + 5 * body[2]; i += 5) {
        uint32_t seq = (uint32_t)body[i] << 24 | body[i + 1] << 16 | body[i + 2] << 8 | body[i + 3];
        int64_t *left = d->left + seq % OPEN;
        if (*left && trip_count < MOST) trips[trip_count++] = at - *left;
        unanswered -= *left != 0;
        *left = 0;
    }
}

static void heard(Device *d, int head, const uint8_t *body, int size) {
    int64_t at = now();
    int topic = body[0] << 8 | body[1], start = 2 + topic;
    const char *leaf = (const char *)body + 2 + d->topic_size;
    if (head & 6) {
        uint8_t ack[4] = { 0x40, 2, body[start], body[start + 1] };
        memcpy(d->obuf + d->out, ack, 4);
        d->out += 4;
        start += 2;
    }
    if (!messages++) first = at;
    else if (at - last_heard > open_gap) open_gap = at - last_heard;
    last = last_heard = at;
    if (!memcmp(leaf, "ack", 3)) acked(d, body + start, size - start, at);
    else if (!memcmp(leaf, "lease", 5)) {
        leased(d, body + start, size - start, at);
        if (open_gap > gap) gap = open_gap;   // what follows the last lease is the gateway's own work
    }
}

static void turn(Device *d) {
    int n = read(d->fd, d->ibuf + d->in, ROOM - d->in), at = 0;
    if (n <= 0) fail("read");
    d->in += n;
    for (;;) {
        int size = 0, i = at + 1, shift = 0, byte = 128;
        while (byte & 128 && i < d->in && shift < 28) {
            byte = d->ibuf[i++];
            size |= (byte & 127) << shift;
            shift += 7;
        }
        if (byte & 128 || i + size > d->in) break;
        if (d->ibuf[at] >> 4 == 3) heard(d, d->ibuf[at], d->ibuf + i, size);
        at = i + size;
    }
    memmove(d->ibuf, d->ibuf + at, d->in - at);
    d->in -= at;
    flush(d);
}

static void await(Device *d, int kind) {
    for (;;) {
        int n = read(d->fd, d->ibuf + d->in, 1);
        if (n <= 0) fail("signing in");
        d->in += n;
        if (d->in > 1 && d->in == 2 + d->ibuf[1]) {
            int head = d->ibuf[0];
            d->in = 0;
            if (head >> 4 == kind) return;
        }
    }
}

static Device *dial(int port, char *line) {
    Device *d = calloc(1, sizeof *d);
    struct sockaddr_in to = { .sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(0x7F000001) };
    static uint8_t bytes[1 << 16];
    int one = 1, n, at = 0;
    strcpy(d->topic, strtok(line, " "));
    d->topic_size = strlen(d->topic);
    n = unhex(strtok(NULL, " "), bytes);
    keyed(d, bytes, n);
    unhex(strtok(NULL, " "), d->net);
    unhex(strtok(NULL, " "), d->device);
    n = unhex(strtok(NULL, " "), bytes);
    unhex(strtok(NULL, " \n"), (uint8_t *)d->bid);
    d->numbers = 16;
    d->fd = socket(AF_INET, SOCK_STREAM, 0);
    if (connect(d->fd, (struct sockaddr *)&to, sizeof to)) fail("connect");
    setsockopt(d->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    for (int part = 0; at < n; part++) {   // sign-in and subscription are waited for
        int size = 0, i = at + 1, shift = 0;
        do { size |= (bytes[i] & 127) << shift; shift += 7; } while (bytes[i++] & 128);
        if (write(d->fd, bytes + at, i + size - at) != i + size - at) fail("write");
        at = i + size;
        if (part < 2) await(d, part ? 9 : 2);
    }
    bid(d);
    return d;
}

static int by_size(const void *a, const void *b) { return (*(int64_t *)a > *(int64_t *)b) - (*(int64_t *)a < *(int64_t *)b); }

static void tell(void) {
    qsort(trips, trip_count, sizeof *trips, by_size);
    printf("{\"leases\": %ld, \"messages\": %ld, \"gap\": %ld, \"first\": %ld, \"last\": %ld, \"lease\": %ld, "
           "\"unanswered\": %ld, \"largest\": %d, \"trips\": [", leases, messages, gap, first, last, last_lease, unanswered, largest);
    for (long i = 0; i < trip_count; i++) printf("%s%ld", i ? ", " : "", trips[i]);
    puts("]}");
    fflush(stdout);
    trip_count = leases = messages = 0;
    first = last = last_lease = gap = open_gap = largest = 0;
}

int main(void) {
    static char line[1 << 16];
    int port, poll = epoll_create1(0);
    struct epoll_event event = { .events = EPOLLIN };
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    setvbuf(stdin, NULL, _IONBF, 0);
    if (!fgets(line, sizeof line, stdin) || sscanf(line, "%d %d %d %d", &port, &boot, &frames, &count) != 4
        || count > DEVICES) return 2;
    for (int i = 0; i < count && fgets(line, sizeof line, stdin); i++) {
        devices[i] = dial(port, line);
        event.data.ptr = devices[i];
        epoll_ctl(poll, EPOLL_CTL_ADD, devices[i]->fd, &event);
    }
    event.data.ptr = NULL;
    epoll_ctl(poll, EPOLL_CTL_ADD, 0, &event);
    puts("ready");
    fflush(stdout);
    for (int64_t next = now() + 1000000000;;) {
        struct epoll_event events[64];
        int64_t wait = (next - now()) / 1000000;
        int n = epoll_wait(poll, events, 64, wait > 0 ? wait : 0);
        for (int i = 0; i < n; i++)
            if (events[i].data.ptr) turn(events[i].data.ptr);
            else if (fgets(line, sizeof line, stdin)) tell();
            else return 0;
        if (now() >= next) {
            for (int i = 0; i < count; i++) bid(devices[i]);
            next += 1000000000;
        }
    }
}
