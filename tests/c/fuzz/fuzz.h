/*
 * fuzz - what a fuzz target offers: one input at a time, and seeds to start from.
 *
 * Linked with mutate_main.c a target is an ordinary test: its seeds, the corpus beside it and a
 * fixed number of seeded mutations, the same on every machine. Linked with libFuzzer (preset fuzz,
 * `make fuzz`) it is a fuzzer. A target asserts with CHECK (../check.h): what fails ends the run.
 */
#ifndef RL_TESTS_FUZZ_H
#define RL_TESTS_FUZZ_H

#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "../check.h"

#define FUZZ_MAX 4096

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/*
 * Writes seed number `i` (at most FUZZ_MAX bytes) and returns its length; 0 when there are no more.
 */
size_t fuzz_seed(unsigned i, uint8_t *out);

/* In memory of exactly that size, so that a sanitizer sees one byte too many; to be freed. */
static inline uint8_t *fuzz_exactly(const uint8_t *bytes, size_t n)
{
    uint8_t *copy = calloc(n ? n : 1, 1); /* not malloc: gcc would warn of bytes nobody reads */

    CHECK(copy != NULL);
    if (n > 0)
        memcpy(copy, bytes, n);
    return copy;
}

/* An input as a tape of small choices; all zero at its end. */
struct fuzz_tape {
    const uint8_t *at;
    const uint8_t *end;
};

static inline uint8_t fuzz_u8(struct fuzz_tape *t)
{
    return t->at < t->end ? *t->at++ : 0;
}

static inline uint16_t fuzz_u16(struct fuzz_tape *t)
{
    uint16_t high = fuzz_u8(t);

    return (uint16_t)(high << 8 | fuzz_u8(t));
}

static inline uint64_t fuzz_u64(struct fuzz_tape *t)
{
    uint64_t x = 0;

    for (int i = 0; i < 8; i++)
        x = x << 8 | fuzz_u8(t);
    return x;
}

#endif
