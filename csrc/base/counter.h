/*
 * counter - a number that one thread counts up and any may read.
 *
 * Threads:  one writer a counter; any number of readers, in this process or another.
 * Memory:   the caller's.
 * Cost:     a load, an add and a store: no locked instruction. Relaxed: each stands for itself.
 */
#ifndef RL_BASE_COUNTER_H
#define RL_BASE_COUNTER_H

#include <stdatomic.h>
#include <stdint.h>

static inline void rl_count(_Atomic uint64_t *counter, uint64_t n)
{
    atomic_store_explicit(counter, atomic_load_explicit(counter, memory_order_relaxed) + n,
                          memory_order_relaxed);
}

static inline uint64_t rl_counted(const _Atomic uint64_t *counter)
{
    return atomic_load_explicit(counter, memory_order_relaxed);
}

#endif
