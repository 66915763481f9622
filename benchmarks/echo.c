// The echo rate of an MQTT 3.1.1 broker: one requester, N peers that send back what they get, QoS 1 both ways.
//   echo PORT PEERS WINDOW BYTES MILLISECONDS   (no user, or $ECHO_USER and $ECHO_PASSWORD for both sides)
// prints echoes per second and the longest pause between two echoes in ms. WINDOW requests are open per peer.
// Requester and peers are a process each, as gateway and devices are. Writes of one turn leave together.
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <signal.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { ROOM = 1 << 20 };
typedef struct { int fd, in, out, id; unsigned char ibuf[ROOM], obuf[ROOM]; } Link;
static int bytes;
static unsigned char payload[65536];

static void fail(const char *what) { perror(what); exit(1); }

static double now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec + t.tv_nsec * 1e-9;
}

static void put(Link *c, const void *data, int n) {
    if (c->out + n > ROOM) { fputs("echo: the broker does not read\n", stderr); exit(1); }
    memcpy(c->obuf + c->out, data, n);
    c->out += n;
}

static void put_text(unsigned char *to, int *n, const char *text) {
    int size = strlen(text);
    to[(*n)++] = size >> 8; to[(*n)++] = size;
    memcpy(to + *n, text, size);
    *n += size;
}

static void packet(Link *c, int head, const unsigned char *body, int n) {
    unsigned char start[5] = { head };
    int at = 1, size = n;
    do { start[at++] = (size & 127) | (size > 127 ? 128 : 0); size >>= 7; } while (size);
    put(c, start, at);
    put(c, body, n);
}

static void flush(Link *c) {
    int at = 0;
    while (at < c->out) {
        int n = write(c->fd, c->obuf + at, c->out - at);
        if (n <= 0) fail("write");
        at += n;
    }
    c->out = 0;
}

static void publish(Link *c, int peer, const char *leaf) {
    unsigned char body[66000];
    char topic[64];
    int n = 0;
    snprintf(topic, sizeof topic, "echo/%d/%s", peer, leaf);
    put_text(body, &n, topic);
    c->id = c->id % 65535 + 1;
    body[n++] = c->id >> 8; body[n++] = c->id;
    memcpy(body + n, payload, bytes);
    packet(c, 0x32, body, n + bytes);
}

static int fill(Link *c) {
    int n = read(c->fd, c->ibuf + c->in, ROOM - c->in);
    if (n <= 0) fail("read");
    c->in += n;
    return n;
}

// The next whole packet at *at: its first byte, or -1. Body and length through pointers.
static int next(Link *c, int *at, unsigned char **body, int *n) {
    int size = 0, i = *at + 1, shift = 0;
    do {
        if (i >= c->in) return -1;
        size |= (c->ibuf[i] & 127) << shift;
        shift += 7;
    } while (c->ibuf[i++] & 128);
    if (i + size > c->in) return -1;
    int head = c->ibuf[*at];
    *body = c->ibuf + i; *n = size; *at = i + size;
    return head;
}

static void await(Link *c, int kind) {
    unsigned char *body;
    int n, at = 0;
    while (next(c, &at, &body, &n) >> 4 != kind) fill(c);
    c->in = 0;
}

static Link *dial(int port, const char *name, const char *filter) {
    Link *c = calloc(1, sizeof *c);
    struct sockaddr_in to = { .sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(0x7F000001) };
    unsigned char body[512];
    int n = 0, one = 1;
    const char *user = getenv("ECHO_USER"), *password = getenv("ECHO_PASSWORD");
    c->fd = socket(AF_INET, SOCK_STREAM, 0);
    if (connect(c->fd, (struct sockaddr *)&to, sizeof to)) fail("connect");
    setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    put_text(body, &n, "MQTT");
    body[n++] = 4; body[n++] = user ? 0xC2 : 2; body[n++] = 0; body[n++] = 60;
    put_text(body, &n, name);
    if (user) { put_text(body, &n, user); put_text(body, &n, password); }
    packet(c, 0x10, body, n);
    flush(c);
    await(c, 2);
    n = 0;
    body[n++] = 0; body[n++] = 1;
    put_text(body, &n, filter);
    body[n++] = 1;
    packet(c, 0x82, body, n);
    flush(c);
    await(c, 9);
    return c;
}

// Handles all packets that are there: acknowledges each message and answers it; returns how many messages came.
static int turn(Link *c, const char *leaf) {
    unsigned char *body;
    int n, at = 0, came = 0, head;
    fill(c);
    while ((head = next(c, &at, &body, &n)) >= 0)
        if (head >> 4 == 3) {
            int end = 2 + (body[0] << 8 | body[1]);
            unsigned char ack[4] = { 0x40, 2, body[end], body[end + 1] };
            put(c, ack, 4);
            publish(c, atoi((char *)body + 7), leaf);
            came++;
        }
    memmove(c->ibuf, c->ibuf + at, c->in - at);
    c->in -= at;
    flush(c);
    return came;
}

static void peers(int port, int count, int ready) {
    int poll = epoll_create1(0);
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    for (int i = 0; i < count; i++) {
        char name[32], filter[32];
        snprintf(name, sizeof name, "echo-peer-%d", i);
        snprintf(filter, sizeof filter, "echo/%d/there", i);
        Link *c = dial(port, name, filter);
        struct epoll_event event = { .events = EPOLLIN, .data.ptr = c };
        epoll_ctl(poll, EPOLL_CTL_ADD, c->fd, &event);
    }
    if (write(ready, "!", 1) != 1) fail("write");
    for (;;) {
        struct epoll_event events[64];
        int n = epoll_wait(poll, events, 64, -1);
        for (int i = 0; i < n; i++) turn(events[i].data.ptr, "back");
    }
}

int main(int argc, char **argv) {
    if (argc != 6) { fputs("echo PORT PEERS WINDOW BYTES MILLISECONDS\n", stderr); return 2; }
    int port = atoi(argv[1]), count = atoi(argv[2]), window = atoi(argv[3]), pipes[2];
    double limit = atoi(argv[5]) * 1e-3, start, last, gap = 0, warm = 0.2;
    long echoes = 0;
    char c;
    bytes = atoi(argv[4]);
    if (pipe(pipes)) fail("pipe");
    pid_t child = fork();
    if (!child) peers(port, count, pipes[1]);
    if (read(pipes[0], &c, 1) != 1) fail("peers");
    Link *link = dial(port, "echo-requester", "echo/+/back");
    for (int i = 0; i < window * count; i++) publish(link, i % count, "there");
    flush(link);
    start = last = now();
    for (double at = start; at - start < limit + warm;) {
        int came = turn(link, "there");
        at = now();
        if (at - start > warm) {
            echoes += came;
            if (came && at - last > gap) gap = at - last;
        }
        if (came) last = at;
    }
    printf("%.1f %.3f\n", echoes / limit, gap * 1e3);
    kill(child, SIGKILL);
    waitpid(child, NULL, 0);
    return 0;
}
