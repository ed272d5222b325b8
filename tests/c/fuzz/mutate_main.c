/*
 * A fuzz target as a test: its seeds, every cut of them, and seeded mutations. A failing one says
 * its number on the way out: `fuzz_x NUMBER` runs that mutation alone.
 */
#include <string.h>

#include "../check.h"
#include "fuzz.h"

enum { N_RUNS = 60000, MAX_SEEDS = 64 };

static uint8_t seeds[MAX_SEEDS][FUZZ_MAX];
static size_t n_bytes[MAX_SEEDS];
static unsigned n_seeds;
static char running[64];

/* In memory of exactly its size, so that a sanitizer sees one byte too many. */
static void run(const uint8_t *bytes, size_t n)
{
    uint8_t *copy = malloc(n ? n : 1);

    CHECK(copy != NULL);
    memcpy(copy, bytes, n);
    LLVMFuzzerTestOneInput(copy, n);
    free(copy);
}

static size_t insert(uint8_t *b, size_t n, size_t at, const uint8_t *from, size_t n_from)
{
    if (n + n_from > FUZZ_MAX)
        return n;
    memmove(b + at + n_from, b + at, n - at);
    memcpy(b + at, from, n_from);
    return n + n_from;
}

static size_t mutate(uint8_t *b, size_t n, uint64_t *random)
{
    static const uint8_t telling[] = {0,   1,   0x7F, 0x80, 0xFF, '0', '9',
                                      '=', '-', '.',  '|',  'A',  'X'};
    uint64_t r = check_random(random), s = check_random(random);
    size_t at = n ? s % n : 0, room = n - at;
    uint8_t piece[64];
    size_t n_piece = 1 + (r >> 20) % sizeof piece;

    switch (r % 9) {
    case 0:
        if (n)
            b[at] ^= (uint8_t)(1u << ((r >> 8) & 7));
        return n;
    case 1:
        if (n)
            b[at] = (uint8_t)(r >> 8);
        return n;
    case 2:
        if (n)
            b[at] = telling[(r >> 8) % sizeof telling];
        return n;
    case 3: /* cut off */
        return at;
    case 4: /* take a piece out */
        n_piece = n_piece < room ? n_piece : room;
        memmove(b + at, b + at + n_piece, room - n_piece);
        return n - n_piece;
    case 5: /* say a piece twice */
        n_piece = n_piece < room ? n_piece : room;
        memcpy(piece, b + at, n_piece);
        return insert(b, n, at, piece, n_piece);
    case 6: { /* a piece of another seed */
        unsigned k = (unsigned)(r >> 8) % n_seeds;
        size_t from = n_bytes[k] ? (s >> 20) % n_bytes[k] : 0;

        n_piece = n_piece < n_bytes[k] - from ? n_piece : n_bytes[k] - from;
        return insert(b, n, at, seeds[k] + from, n_piece);
    }
    case 7: /* a field filled with one byte */
        n_piece = 1 + n_piece % 8;
        n_piece = n_piece < room ? n_piece : room;
        memset(b + at, (int)telling[(r >> 8) % sizeof telling], n_piece);
        return n;
    default:
        if (n)
            b[at] = (uint8_t)(b[at] + ((r >> 8) & 1 ? 1 : -1));
        return n;
    }
}

static void run_mutation(uint64_t i)
{
    uint64_t random = 0x5EED0000ULL + i * 0x9E3779B97F4A7C15ULL;
    unsigned k = (unsigned)(i % n_seeds);
    size_t n = n_bytes[k];
    uint8_t b[FUZZ_MAX];

    memcpy(b, seeds[k], n);
    for (uint64_t m = 1 + check_random(&random) % 4; m > 0; m--)
        n = mutate(b, n, &random);
    run(b, n);
}

static void tell(void)
{
    if (running[0] != '\0')
        fprintf(stderr, "while running: %s\n", running);
}

int main(int argc, char **argv)
{
    uint64_t only = argc > 1 ? strtoull(argv[1], NULL, 10) : UINT64_MAX;

    while (n_seeds < MAX_SEEDS && (n_bytes[n_seeds] = fuzz_seed(n_seeds, seeds[n_seeds])) > 0)
        n_seeds++;
    CHECK(n_seeds > 0);
    if (only != UINT64_MAX) {
        run_mutation(only);
        return 0;
    }
    CHECK_EQ(atexit(tell), 0);
    for (unsigned k = 0; k < n_seeds; k++)
        for (size_t n = 0; n <= n_bytes[k]; n++) {
            snprintf(running, sizeof running, "seed %u cut at %zu", k, n);
            run(seeds[k], n);
        }
    for (uint64_t i = 0; i < N_RUNS; i++) {
        snprintf(running, sizeof running, "mutation %" PRIu64, i);
        run_mutation(i);
    }
    running[0] = '\0';
    return 0;
}
