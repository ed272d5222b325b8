/*
 * component_cold - what else a core does between two operations: other data, other branches.
 *
 * Regime COLD times every operation as the first one after a pause: `other work` reads and writes
 * more than a second-level cache holds and takes branches that nobody can predict, and the bytes of
 * the next input are flushed from every cache, as if they had just come in.
 *
 * Threads:  the thread that measures.
 * Memory:   one mapping of RL_OTHER_BYTES, touched when it is opened.
 * Cost:     about half a millisecond a turn; never inside a timed part.
 */
#ifndef RL_RIG_COMPONENT_COLD_H
#define RL_RIG_COMPONENT_COLD_H

#include "base/mem.h"

#define RL_OTHER_BYTES (8U << 20)

struct rl_other_work {
    struct rl_arena arena;
    uint64_t *words;
    uint64_t draw, sum;
};

/* 0; -ENOMEM. */
int rl_other_work_open(struct rl_other_work *w);
void rl_other_work_close(struct rl_other_work *w);

/* Once through all of it. */
void rl_other_work_do(struct rl_other_work *w);

/* Out of every cache, before it returns. */
void rl_flush_bytes(const void *bytes, size_t n_bytes);

#endif
