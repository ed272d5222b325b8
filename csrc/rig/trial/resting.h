/*
 * resting - the venue's own record of the orders that rest with it, apart from anything the engine
 * keeps.
 *
 * Threads:  the rig thread alone.
 * Memory:   64 bytes a slot, the caller's; at most half of them are used.
 * Cost:     an order is found by its ClOrdID in a slot or two.
 */
#ifndef RL_RIG_RESTING_H
#define RL_RIG_RESTING_H

#include "base/defs.h"

struct rl_rest {
    RL_ALIGNED uint64_t id; /* ClOrdID by which it is known now; 0: the slot is free */
    uint64_t order_id;      /* the venue's number */
    uint64_t trigger;
    uint64_t qty, cum;
    int64_t px_nano;
    const char *symbol; /* in the venue's own list */
    uint8_t n_symbol, side;
};

struct rl_resting {
    struct rl_rest *slots;
    uint64_t mask;
    uint64_t n;
};

/* Bytes for n_max orders. */
size_t rl_resting_bytes(uint64_t n_max);

/* `memory` of rl_resting_bytes(n_max). */
void rl_resting_init(struct rl_resting *r, void *memory, uint64_t n_max);

/* NULL when no order of this id rests. Valid until the next put or drop. */
struct rl_rest *rl_resting_find(struct rl_resting *r, uint64_t id);

/* A copy of *order, whose id is new, rests from now on; false when there is no room. */
bool rl_resting_put(struct rl_resting *r, const struct rl_rest *order);

/* Takes a found order out. Another may come to lie in its slot, none that comes before it. */
void rl_resting_drop(struct rl_resting *r, struct rl_rest *order);

#endif
