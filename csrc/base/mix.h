/*
 * mix - spreads every bit of a number over all 64: for hashes of state and for seeds.
 *
 * The last step of splitmix64 (S. Vigna, 2015). A bijection: nothing collides that did not before.
 *
 * Threads:  a pure function.
 * Cost:     two multiplications.
 */
#ifndef RL_BASE_MIX_H
#define RL_BASE_MIX_H

#include <stdint.h>

#define RL_MIX_STEP 0x9E3779B97F4A7C15ULL /* splitmix64 counts in these */

static inline uint64_t rl_mix(uint64_t x)
{
    x = (x ^ x >> 30) * 0xBF58476D1CE4E5B9ULL;
    x = (x ^ x >> 27) * 0x94D049BB133111EBULL;
    return x ^ x >> 31;
}

#endif
