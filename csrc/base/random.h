/*
 * random - xoshiro256** seeded by splitmix64: the same numbers on every machine.
 *
 * Threads:  one owns a generator.
 * Memory:   32 bytes.
 * Cost:     about 1 ns a number.
 */
#ifndef RL_BASE_RANDOM_H
#define RL_BASE_RANDOM_H

#include "base/defs.h"
#include "base/mix.h"

struct rl_random {
    uint64_t s[4];
};

static inline void rl_random_seed(struct rl_random *r, uint64_t seed)
{
    for (int i = 0; i < 4; i++) {
        seed += RL_MIX_STEP;
        r->s[i] = rl_mix(seed);
    }
}

static inline uint64_t rl_rotate(uint64_t x, int n)
{
    return x << n | x >> (64 - n);
}

static inline uint64_t rl_random_next(struct rl_random *r)
{
    uint64_t *s = r->s, drawn = rl_rotate(s[1] * 5, 7) * 9, t = s[1] << 17;

    s[2] ^= s[0];
    s[3] ^= s[1];
    s[1] ^= s[2];
    s[0] ^= s[3];
    s[2] ^= t;
    s[3] = rl_rotate(s[3], 45);
    return drawn;
}

/* 0 .. n-1; uneven by less than n/2^32. */
static inline uint32_t rl_random_below(struct rl_random *r, uint32_t n)
{
    return (uint32_t)((rl_random_next(r) >> 32) * n >> 32);
}

static inline bool rl_random_permille(struct rl_random *r, uint32_t permille)
{
    return rl_random_below(r, 1000) < permille;
}

#endif
