/*
 * stats - order statistics of small arrays. Not for the hot path: sorting may use the heap.
 */
#ifndef RL_BASE_STATS_H
#define RL_BASE_STATS_H

#include "base/defs.h"

/* The median (the lower one of an even count); reorders the array. 0 for an empty one. */
uint64_t rl_stats_median(uint64_t *values, size_t n);

#endif
