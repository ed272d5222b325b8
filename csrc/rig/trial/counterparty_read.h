/*
 * counterparty_read - a request of the order session as the venue reads it: every field it must
 * have, once, and readable.
 *
 * Threads:  any.
 * Memory:   texts point into the frame.
 * Cost:     one pass over the fields.
 */
#ifndef RL_RIG_COUNTERPARTY_READ_H
#define RL_RIG_COUNTERPARTY_READ_H

#include "market/fix/fix.h"

#define RL_VENUE_COMP "VENUE"
#define RL_ENGINE_COMP "REDLINE"

/* NewOrderSingle, OrderCancelRequest, OrderCancelReplaceRequest, OrderMassCancelRequest. */
struct rl_request_read {
    uint64_t seq, id, orig_id, trigger, qty, time_ns;
    int64_t px_nano;
    const char *symbol;
    const char *id_text, *orig_text;
    uint32_t n_symbol;
    char side, type, time_in_force, mass_type; /* 0: not there */
};

/*
 * False when a field is missing, repeated or unreadable. Of mass cancels only those of all orders
 * (530=7, no symbol) and of one symbol (530=1) are known.
 */
bool rl_request_read(const struct rl_fix_msg *m, struct rl_request_read *r);

#endif
