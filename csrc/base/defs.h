/*
 * defs - the few compiler words that every header of ours uses.
 */
#ifndef RL_BASE_DEFS_H
#define RL_BASE_DEFS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define RL_CACHE_LINE 64
/* Before a member or a variable: starts a cache line of its own. */
#define RL_ALIGNED _Alignas(RL_CACHE_LINE)
#define RL_LIKELY(x) __builtin_expect(!!(x), 1)
#define RL_UNLIKELY(x) __builtin_expect(!!(x), 0)
#define RL_COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* Tells the core that this is a spin loop: frees the sibling and saves the exit misprediction. */
static inline void rl_pause(void)
{
    __builtin_ia32_pause();
}

#endif
