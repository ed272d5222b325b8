/*
 * tape - every valid order that a venue received, in the order in which they came.
 *
 * For asking afterwards whether they were the right ones: nothing is judged while it is written.
 *
 * Threads:  the rig thread writes; anybody reads when the trial is over.
 * Memory:   the caller's, room for `max`; what finds none is counted.
 * Cost:     a store of one entry an order.
 */
#ifndef RL_RIG_TAPE_H
#define RL_RIG_TAPE_H

#include "market/feed/feed.h"

/* Python reads it: engine/pipeline.py has the same layout. */
struct rl_taped {
    uint64_t trigger;      /* the message that it names */
    uint64_t sent_tsc;     /* when that was sent */
    uint64_t received_tsc; /* when the order was */
    int64_t px_nano;
    uint64_t qty;
    uint64_t side; /* '1' or '2', as in FIX */
    char symbol[RL_FEED_SYMBOL];
};

struct rl_tape {
    struct rl_taped *orders; /* NULL: none are kept */
    uint64_t n, max, n_beyond;
};

#endif
