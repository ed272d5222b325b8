/*
 * input - what a decision about an order depends on besides the order, its limits and our books.
 *
 * The caller fills it before each check; nothing here is remembered. All zero refuses everything:
 * what is not said to be well is not well.
 */
#ifndef RL_TRADE_RISK_INPUT_H
#define RL_TRADE_RISK_INPUT_H

#include "base/defs.h"
#include "base/money.h"

/* What must hold for an order to leave; a missing one refuses. X(NAME, bit, reason, text) */
#define RL_RISK_READY(X)                                                               \
    X(SESSION, 0, SESSION, "the order session is logged on, recovered and reconciled") \
    X(CLOCK, 1, SESSION, "the clock is synchronised")                                  \
    X(PHASE, 2, PERMISSION, "the venue takes orders for this symbol now")              \
    X(BOOK, 3, FRESHNESS, "the book is in step: no gap, lines agree, recovered")

enum rl_risk_ready {
#define RL_READY_ENUM(name, bit, reason, text) RL_READY_##name = 1 << (bit),
    RL_RISK_READY(RL_READY_ENUM)
#undef RL_READY_ENUM
        RL_READY_ALL = 15
};

struct rl_risk_input {
    struct rl_bbo bbo;          /* of the instrument of the order */
    uint64_t bbo_tsc;           /* when it was last known to be right: an update or a heartbeat */
    uint64_t utc_ns;            /* for GTD; 0: not known, GTD is refused */
    uint32_t queue_delay_ticks; /* from the market data message's arrival to this decision */
    uint32_t ready;             /* RL_READY_* */
};

#endif
