/*
 * synth_repair - closes the loop of a synthetic stream: brings the books back to what they were.
 *
 * Threads:  one.
 * Memory:   from the caller's arena at init.
 * Cost:     that of writing two operations for every order that came or went.
 */
#ifndef RL_RIG_SYNTH_REPAIR_H
#define RL_RIG_SYNTH_REPAIR_H

#include "rig/synth/synth_market.h"

/* An order of the prefix, as it was. */
struct rl_synth_origin {
    uint64_t id;
    int32_t key;
    uint32_t qty;
};

/* One step: an order of the book goes, or one of the prefix comes back. */
struct rl_synth_repair {
    uint32_t doomed; /* RL_SYNTH_NIL: it comes back */
    enum rl_side side;
    struct rl_synth_origin origin;
};

struct rl_synth_repairs {
    struct rl_synth_origin *origins; /* by instrument, side, level (the worst first), queue */
    uint32_t *n_origins[2];          /* of a side, by instrument */
    uint64_t last_id;                /* ids up to here are the prefix's */
    /* Of the book that is being repaired: newcomers to delete, and steps towards the prefix. */
    uint32_t *doomed;
    struct rl_synth_repair *steps;
};

size_t rl_synth_repairs_bytes(const struct rl_synth_config *config);
/* -ENOMEM when the arena is too small. */
int rl_synth_repairs_init(struct rl_synth_repairs *r, const struct rl_synth_config *config,
                          struct rl_arena *arena);

/* Takes down the books as they are. */
void rl_synth_repairs_remember(struct rl_synth_repairs *r, const struct rl_synth_market *m);
/* Writes what restores them: same ids, prices, quantities, and places in the queues. */
void rl_synth_repairs_apply(struct rl_synth_repairs *r, struct rl_synth_market *m);

#endif
