/*
 * short_memory - what is built in an arena needs what it says it needs: less of it is refused.
 */
#ifndef RL_TESTS_SHORT_MEMORY_H
#define RL_TESTS_SHORT_MEMORY_H

#include <errno.h>

#include "base/mem.h"
#include "check.h"

/* Of what is asked for; alignment may not need it. */
#define SHORT_MEMORY_MARGIN (8 * RL_CACHE_LINE)

/* `init` in arenas of every size up to n_bytes: 0 with all of it, else -ENOMEM. */
static inline void check_needs_all(size_t n_bytes,
                                   int (*init)(struct rl_arena *arena, const void *config),
                                   const void *config)
{
    struct rl_arena arena;

    CHECK_EQ(rl_arena_open(&arena, n_bytes, 0), 0);
    for (arena.n_bytes = 0; arena.n_bytes + SHORT_MEMORY_MARGIN < n_bytes; arena.n_bytes += 64) {
        arena.n_used = 0;
        CHECK_EQ(init(&arena, config), -ENOMEM);
    }
    arena.n_bytes = n_bytes;
    arena.n_used = 0;
    CHECK_EQ(init(&arena, config), 0);
    rl_arena_close(&arena);
}

#endif
