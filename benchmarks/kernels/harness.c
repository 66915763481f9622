/* Runs the C twin of a kernel on recorded jobs, for benchmarks/machine_code.py.
 *
 * Standard input: u32 repetitions, then for each job u32 parts and each part as u32 size and bytes: the input, then
 * its contexts (all numbers little-endian). Standard output, for each job: i32 size of the answer, u64 nanoseconds of
 * all repetitions, the answer. */
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

enum { PARTS = 9, ANSWER = 1024 };

int kernel_run(const uint8_t *in, size_t in_len, const uint8_t *const *ctx, const size_t *ctx_len, int ctx_n,
               uint8_t *out);

static uint32_t number(void) {
    uint32_t value = 0;
    if (fread(&value, sizeof value, 1, stdin) != 1)
        exit(0);
    return value;
}

static uint64_t now_ns(void) {
    struct timespec at;
    clock_gettime(CLOCK_MONOTONIC, &at);
    return (uint64_t)at.tv_sec * 1000000000u + (uint64_t)at.tv_nsec;
}

int main(void) {
    uint32_t repetitions = number();
    for (;;) {
        uint32_t parts = number();
        uint8_t *part[PARTS], answer[ANSWER];
        size_t size[PARTS];
        if (parts < 1 || parts > PARTS)
            return 2;
        for (uint32_t i = 0; i < parts; i++) {
            size[i] = number();
            part[i] = malloc(size[i] + 1);
            if (part[i] == NULL || fread(part[i], 1, size[i], stdin) != size[i])
                return 2;
        }
        int32_t length = -1;
        uint64_t began = now_ns();
        for (uint32_t i = 0; i < repetitions; i++)
            length = kernel_run(part[0], size[0], (const uint8_t *const *)part + 1, size + 1, (int)parts - 1, answer);
        uint64_t took = now_ns() - began;
        fwrite(&length, sizeof length, 1, stdout);
        fwrite(&took, sizeof took, 1, stdout);
        if (length > 0)
            fwrite(answer, 1, (size_t)length, stdout);
        for (uint32_t i = 0; i < parts; i++)
            free(part[i]);
    }
}
