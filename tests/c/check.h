/*
 * check - assertions for C tests that print what they saw and keep working under NDEBUG.
 */
#ifndef RL_TESTS_CHECK_H
#define RL_TESTS_CHECK_H

#include <inttypes.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#define RL_SKIP 77

#define CHECK(condition)                                                              \
    do {                                                                              \
        if (!(condition)) {                                                           \
            fprintf(stderr, "%s:%d: not true: %s\n", __FILE__, __LINE__, #condition); \
            exit(1);                                                                  \
        }                                                                             \
    } while (0)

/* Both sides as signed 64-bit integers; the message shows them. */
#define CHECK_EQ(seen, wanted)                                                            \
    do {                                                                                  \
        int64_t check_seen = (int64_t)(seen), check_wanted = (int64_t)(wanted);           \
        if (check_seen != check_wanted) {                                                 \
            fprintf(stderr, "%s:%d: %s: saw %" PRId64 ", wanted %" PRId64 "\n", __FILE__, \
                    __LINE__, #seen, check_seen, check_wanted);                           \
            exit(1);                                                                      \
        }                                                                                 \
    } while (0)

/* One xorshift64* step: seeded, so a failing case can be run again. */
static inline uint64_t check_random(uint64_t *state)
{
    uint64_t x = *state;

    x ^= x >> 12;
    x ^= x << 25;
    x ^= x >> 27;
    *state = x;
    return x * 0x2545F4914F6CDD1DULL;
}

#endif
