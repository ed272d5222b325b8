/*
 * request - an order that somebody wants to send, before anybody has allowed it.
 */
#ifndef RL_TRADE_ORDER_REQUEST_H
#define RL_TRADE_ORDER_REQUEST_H

#include "base/money.h"
#include "trade/scope.h"

/* Numbers are stored in audit files: append, never renumber. The character is FIX 40. */
#define RL_ORDER_TYPES(X) \
    X(LIMIT, 0, '2')      \
    X(MARKET, 1, '1')

enum rl_order_type {
#define RL_TYPE_ENUM(name, number, fix) RL_TYPE_##name = (number),
    RL_ORDER_TYPES(RL_TYPE_ENUM)
#undef RL_TYPE_ENUM
        RL_N_ORDER_TYPES = 2
};

/* As above; the character is FIX 59. */
#define RL_TIMES_IN_FORCE(X) \
    X(DAY, 0, '0')           \
    X(GTC, 1, '1')           \
    X(IOC, 2, '3')           \
    X(FOK, 3, '4')           \
    X(GTD, 4, '6')

enum rl_time_in_force {
#define RL_TIF_ENUM(name, number, fix) RL_TIF_##name = (number),
    RL_TIMES_IN_FORCE(RL_TIF_ENUM)
#undef RL_TIF_ENUM
        RL_N_TIMES_IN_FORCE = 5
};

/* False: it trades on arrival or ends, so that no other order ever meets it. */
static inline bool rl_tif_may_rest(unsigned time_in_force)
{
    return time_in_force != RL_TIF_IOC && time_in_force != RL_TIF_FOK;
}

struct rl_request {
    struct rl_scopes scopes;
    int64_t px_nano;       /* RL_PX_NONE: a market order */
    uint64_t qty;          /* lots */
    uint64_t trigger;      /* sequence number of the market data message that caused it; 0: none */
    uint64_t expire_ns;    /* GTD: UTC; else 0 */
    uint8_t side;          /* enum rl_side */
    uint8_t type;          /* enum rl_order_type */
    uint8_t time_in_force; /* enum rl_time_in_force */
};

#endif
