/*
 * oldest - which held instrument's mark is the oldest: one heap an account.
 *
 * Threads:  one writer, the order thread.
 * Memory:   the caller's, 8 bytes an instrument.
 * Cost:     log2(held) steps to enter, to leave and to be marked; the answer is a load.
 */
#ifndef RL_TRADE_OLDEST_H
#define RL_TRADE_OLDEST_H

#include "base/defs.h"

struct rl_mark;

struct rl_oldest {
    uint32_t *heap; /* [n]: instruments, no parent's mark younger than its children's */
    uint32_t *at;   /* [instrument]: place in the heap from 1; 0: not in it */
    uint32_t n;
};

size_t rl_oldest_bytes(uint32_t n_instruments);
void rl_oldest_init(struct rl_oldest *o, void *memory, uint32_t n_instruments);

/* Each returns the time of the oldest mark afterwards; UINT64_MAX: nothing is held. */
uint64_t rl_oldest_enter(struct rl_oldest *o, const struct rl_mark *marks, uint32_t instrument);
uint64_t rl_oldest_leave(struct rl_oldest *o, const struct rl_mark *marks, uint32_t instrument);
/* marks[instrument].tsc changed. */
uint64_t rl_oldest_marked(struct rl_oldest *o, const struct rl_mark *marks, uint32_t instrument);

/* The order of the heap and its places; whether the right instruments are in it is not known here.
 */
bool rl_oldest_holds(const struct rl_oldest *o, const struct rl_mark *marks,
                     uint32_t n_instruments);

#endif
