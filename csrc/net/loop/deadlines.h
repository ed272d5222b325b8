/*
 * deadlines - which of n things is due next: a heap of times, one for each, that may be moved.
 *
 * Threads:  one.
 * Memory:   16 bytes a thing, from the caller's arena.
 * Cost:     setting, clearing and taking are O(log n); looking is a load.
 */
#ifndef RL_NET_DEADLINES_H
#define RL_NET_DEADLINES_H

#include "base/mem.h"

#define RL_NEVER UINT64_MAX

struct rl_deadlines {
    uint64_t *at_ns;  /* by thing; RL_NEVER: none */
    uint32_t *heap;   /* of things, the earliest first */
    uint32_t *places; /* by thing: 1 + its index in heap; 0: not there */
    uint32_t n, n_max;
};

size_t rl_deadlines_bytes(uint32_t n);
int rl_deadlines_init(struct rl_deadlines *d, struct rl_arena *arena, uint32_t n);

/* RL_NEVER clears it. */
void rl_deadlines_set(struct rl_deadlines *d, uint32_t thing, uint64_t at_ns);
/* A thing whose time has come, and which has none from now on; false when there is none. */
bool rl_deadlines_take(struct rl_deadlines *d, uint64_t now_ns, uint32_t *thing);

static inline uint64_t rl_deadlines_next(const struct rl_deadlines *d)
{
    return d->n > 0 ? d->at_ns[d->heap[0]] : RL_NEVER;
}

#endif
