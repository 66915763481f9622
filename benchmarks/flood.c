// One MQTT 3.1.1 client that publishes the same message with QoS 1, so many times a second, until it is ended.
//   flood PORT USER PASSWORD TOPIC RATE < PAYLOAD   (the client id is USER)
// prints a line when it is connected. What the broker does not take in time is left out, not saved up.
#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { MOST = 1 << 20 };
static unsigned char message[MOST + 512], heard[MOST];

static void fail(const char *what) { perror(what); exit(1); }

static double now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec + t.tv_nsec * 1e-9;
}

static int text(unsigned char *to, const char *said) {
    int size = strlen(said);
    to[0] = size >> 8; to[1] = size;
    memcpy(to + 2, said, size);
    return 2 + size;
}

static int head(unsigned char *to, int kind, int size) {
    int at = 0;
    to[at++] = kind;
    do { to[at++] = (size & 127) | (size > 127 ? 128 : 0); size >>= 7; } while (size);
    return at;
}

static void dial(int fd, int port, const char *user, const char *password) {
    struct sockaddr_in to = { .sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(0x7F000001) };
    unsigned char body[512] = "\0\4MQTT\4\xC2\0\0", out[600];
    int n = 10, at, one = 1;
    if (connect(fd, (struct sockaddr *)&to, sizeof to)) fail("connect");
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    n += text(body + n, user); n += text(body + n, user); n += text(body + n, password);
    at = head(out, 0x10, n);
    memcpy(out + at, body, n);
    if (write(fd, out, at + n) != at + n) fail("write");
    if (read(fd, heard, 4) != 4 || heard[3]) { fputs("flood: refused\n", stderr); exit(1); }
}

int main(int argc, char **argv) {
    if (argc != 6) { fputs("flood PORT USER PASSWORD TOPIC RATE\n", stderr); return 2; }
    static unsigned char payload[MOST];
    int fd = socket(AF_INET, SOCK_STREAM, 0), size = 0, n, at, id = 0, mid, left = 0;
    double rate = atof(argv[5]), start;
    long sent = 0;
    while ((n = read(0, payload + size, MOST - size)) > 0) size += n;
    dial(fd, atoi(argv[1]), argv[2], argv[3]);
    at = head(message, 0x32, 2 + strlen(argv[4]) + 2 + size);
    at += text(message + at, argv[4]);
    mid = at;
    memcpy(message + at + 2, payload, size);
    size += at + 2;
    fcntl(fd, F_SETFL, O_NONBLOCK);
    puts("flooding");
    fflush(stdout);
    for (start = now();;) {
        long due = (now() - start) * rate;
        struct pollfd wait = { fd, POLLIN | (left ? POLLOUT : 0), 0 };
        if (!left && sent < due) {
            id = id % 65535 + 1;
            message[mid] = id >> 8; message[mid + 1] = id;
            left = size;
            if (due - sent > rate / 10) sent = due;
            sent++;
        }
        if (left) {
            n = write(fd, message + size - left, left);
            if (n > 0) left -= n;
        }
        if (left || sent >= due) poll(&wait, 1, left ? 10 : 1);
        while ((n = read(fd, heard, sizeof heard)) > 0) ;
        if (!n) return 1;
    }
}
