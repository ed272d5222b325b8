/*
 * outliers - the slowest answers of a trial, each with the moments that it spans.
 *
 * A histogram says how many were slow; what made one slow is found by joining its moments with
 * what the kernel did meanwhile. So the largest are kept whole.
 *
 * Threads:  the rig thread alone; read when the trial is over.
 * Memory:   a heap of `max` entries, the caller's; max 0 keeps none.
 * Cost:     one compare with a line that is in the cache, for all that are no outliers.
 */
#ifndef RL_RIG_OUTLIERS_H
#define RL_RIG_OUTLIERS_H

#include "base/defs.h"

#define RL_TRIAL_MAX_OUTLIERS 1024

struct rl_outlier {
    uint64_t ns; /* received - intended */
    uint64_t seq;
    uint64_t intended_tsc;
    uint64_t actual_tsc;
    uint64_t received_tsc;
};

struct rl_outliers {
    struct rl_outlier *heap; /* the smallest of the kept first */
    uint32_t n, max;
};

static inline bool rl_outliers_wants(const struct rl_outliers *o, uint64_t ns)
{
    return o->n < o->max || (o->max != 0 && ns > o->heap[0].ns);
}

/* Keeps it, in place of the smallest when there is no room. Only what is wanted. */
void rl_outliers_put(struct rl_outliers *o, const struct rl_outlier *one);

#endif
