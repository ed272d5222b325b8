/*
 * reason - why an order is refused: one bit for each check, all that fail at once.
 *
 * The order is the order of the checks. Exactly at a limit passes, everywhere.
 */
#ifndef RL_TRADE_RISK_REASON_H
#define RL_TRADE_RISK_REASON_H

#include "base/defs.h"

/* Bit numbers are stored in audit files: append, never renumber. X(NAME, bit, id, text) */
#define RL_RISK_REASONS(X)                                                                     \
    X(STATE, 0, "R01", "trading is halted, or reduce-only and this does not reduce")           \
    X(SESSION, 1, "R02", "the order session is not ready, or the clock is not synchronised")   \
    X(PERMISSION, 2, "R03", "no permission for this account, strategy, symbol and venue")      \
    X(FIELD, 3, "R04", "the order itself makes no sense: side, type, lot, tick, expiry")       \
    X(QTY, 4, "R05", "quantity above the limit")                                               \
    X(NOTIONAL, 5, "R06", "notional above the limit")                                          \
    X(COLLAR, 6, "R07", "price outside the collar, or no fresh reference price")               \
    X(CROSS, 7, "R08", "price too far through the other side")                                 \
    X(DUPLICATE, 8, "R09", "the same order too often in a short time")                         \
    X(RATE, 9, "R10", "too many messages")                                                     \
    X(EXECUTIONS, 10, "R11", "too many executions of this strategy in a short time")           \
    X(POSITION, 11, "R12", "position, with all open orders filled, above the limit")           \
    X(EXPOSURE, 12, "R13", "gross, net or credit exposure above the limit")                    \
    X(LOSS, 13, "R14", "loss above the limit, or the marks are too old to know")               \
    X(OPEN, 14, "R15", "too many open orders, or too much in them")                            \
    X(SELF_TRADE, 15, "R16", "would trade with an order of our own")                           \
    X(SHORT_SALE, 16, "R17", "sells short without a locate")                                   \
    X(RATIO, 17, "R18", "too many rejects, cancels or orders for the executions they brought") \
    X(REPLACE, 18, "R19", "the order cannot be replaced now")                                  \
    X(FRESHNESS, 19, "R20", "market data too old, or in doubt")                                \
    X(LIMITS, 20, "R21", "no limit set, one that is not whole, or one that was altered")       \
    X(NO_ID, 21, "R22", "no order id or no room in the order table")

enum rl_risk_reason {
#define RL_RISK_ENUM(name, bit, id, text) RL_RISK_##name = 1 << (bit),
    RL_RISK_REASONS(RL_RISK_ENUM)
#undef RL_RISK_ENUM
};
#define RL_RISK_N 22

/* Numbers are stored in audit files. X(NAME, number, text) */
#define RL_RISK_STATES(X)            \
    X(ACTIVE, 0, "active")           \
    X(REDUCE_ONLY, 1, "reduce-only") \
    X(HALTED, 2, "halted: cancels pass, nothing else")

enum rl_risk_state {
#define RL_RISK_STATE_ENUM(name, number, text) RL_RISK_##name = (number),
    RL_RISK_STATES(RL_RISK_STATE_ENUM)
#undef RL_RISK_STATE_ENUM
};

#endif
