/*
 * scope - under whom an order is sent: what limits, states and the kill switch can name.
 *
 * Every order falls under one of each: the whole engine, a venue, an account, a strategy and a
 * symbol. The numbers are given by the configuration, from 0.
 */
#ifndef RL_TRADE_SCOPE_H
#define RL_TRADE_SCOPE_H

#include "base/defs.h"

/* Numbers are stored in audit files: append, never renumber. X(NAME, number, text) */
#define RL_SCOPES(X)           \
    X(GLOBAL, 0, "global")     \
    X(VENUE, 1, "venue")       \
    X(ACCOUNT, 2, "account")   \
    X(STRATEGY, 3, "strategy") \
    X(SYMBOL, 4, "symbol")

enum rl_scope {
#define RL_SCOPE_ENUM(name, number, text) RL_SCOPE_##name = (number),
    RL_SCOPES(RL_SCOPE_ENUM)
#undef RL_SCOPE_ENUM
};
#define RL_N_SCOPES 5

#define RL_MAX_VENUES 16
#define RL_MAX_ACCOUNTS 64
#define RL_MAX_STRATEGIES 64
#define RL_MAX_SYMBOLS \
    65535 /* instruments of one engine: 16 bits in an audit record, one for "none" */

/* What one order falls under. */
struct rl_scopes {
    uint32_t instrument; /* the symbol */
    uint8_t venue, account, strategy;
    uint8_t zero;
};

#endif
