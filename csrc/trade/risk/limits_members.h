/*
 * limits_members - every limit by name: where it lies, its unit, and which way is tighter.
 *
 * The one table that files, diffs, documents and checks are made from: a member of a row that is
 * not in it does not survive the tests, which flip every byte of every row.
 *
 * Zero (missing, refuses) is the tightest value of every limit and off the loosest; between them
 * the direction says.
 */
#ifndef RL_TRADE_RISK_LIMITS_MEMBERS_H
#define RL_TRADE_RISK_LIMITS_MEMBERS_H

#include "trade/risk/limits.h"
#include "trade/risk/reason.h"

/* X(NAME, number, text) */
#define RL_LIMIT_DIRECTIONS(X)                                                  \
    X(LESS, 0, "less is tighter")                                               \
    X(MORE, 1, "more is tighter")                                               \
    X(BITS, 2, "a bit taken away is tighter, a bit added looser")               \
    X(GRID, 3, "a multiple is tighter, a divisor looser, any other value both") \
    X(EITHER, 4, "any other value is both: what it allows is not a part of what was allowed")

enum rl_limit_direction {
#define RL_DIRECTION_ENUM(name, number, text) RL_LIMIT_##name = (number),
    RL_LIMIT_DIRECTIONS(RL_DIRECTION_ENUM)
#undef RL_DIRECTION_ENUM
};

/* The sentence of each. */
extern const char *const rl_limit_direction_texts[];

/* What a number counts, and how a file writes it. X(NAME, number, text) */
#define RL_LIMIT_UNITS(X)                      \
    X(LOTS, 0, "lots")                         \
    X(MONEY, 1, "whole units of the currency") \
    X(PRICE, 2, "price")                       \
    X(BPS, 3, "basis points")                  \
    X(TICKS, 4, "ticks")                       \
    X(COUNT, 5, "count")                       \
    X(DURATION, 6, "duration")                 \
    X(PER_S, 7, "messages a second")           \
    X(PERMILLE, 8, "thousandths")              \
    X(STRATEGIES, 9, "strategies")             \
    X(VENUES, 10, "venues")                    \
    X(SIDES, 11, "sides")                      \
    X(SHORT_RULE, 12, "rule for short sales")  \
    X(SELF_TRADE, 13, "rule for own orders")

enum rl_limit_unit {
#define RL_LIMIT_UNIT_ENUM(name, number, text) RL_UNIT_##name = (number),
    RL_LIMIT_UNITS(RL_LIMIT_UNIT_ENUM)
#undef RL_LIMIT_UNIT_ENUM
};

/* May be RL_LIMIT_OFF; and only together with the others before the same dot. */
#define RL_LIMIT_MAY_BE_OFF 1
#define RL_LIMIT_OFF_TOGETHER 2
/* Zero is not missing: what makes it necessary is another member. */
#define RL_LIMIT_MAY_BE_ZERO 4

/*
 * X(member, "word in files", DIRECTION, UNIT, flags, REASON, text). A dot in the word makes a group
 * of which all or none are given.
 */
#define RL_RATE_LIMITS(X)                                                                       \
    X(rate.per_s, "rate.per_second", LESS, PER_S, RL_LIMIT_MAY_BE_OFF | RL_LIMIT_OFF_TOGETHER,  \
      RATE, "messages a second in the long run")                                                \
    X(rate.burst, "rate.burst", LESS, COUNT, RL_LIMIT_MAY_BE_OFF | RL_LIMIT_OFF_TOGETHER, RATE, \
      "messages at one instant after a rest")                                                   \
    X(rate.reserve, "rate.cancel_reserve", MORE, COUNT, RL_LIMIT_MAY_BE_OFF, RATE,              \
      "messages of the burst that only cancels may use")

#define RL_GLOBAL_LIMITS(X)                                                               \
    X(queue_delay_ns, "max_queue_delay", LESS, DURATION, RL_LIMIT_MAY_BE_OFF, FRESHNESS,  \
      "from receipt of the market data to the decision")                                  \
    X(max_open, "max_open", LESS, COUNT, RL_LIMIT_MAY_BE_OFF, OPEN, "open orders in all") \
    RL_RATE_LIMITS(X)

#define RL_VENUE_LIMITS(X) \
    RL_RATE_LIMITS(X)      \
    X(max_open, "max_open", LESS, COUNT, RL_LIMIT_MAY_BE_OFF, OPEN, "open orders at the venue")

#define RL_ACCOUNT_LIMITS(X)                                                                      \
    X(max_gross, "max_gross", LESS, MONEY, RL_LIMIT_MAY_BE_OFF, EXPOSURE,                         \
      "sum over symbols of the worst case with all open orders, at marks")                        \
    X(max_net, "max_net", LESS, MONEY, RL_LIMIT_MAY_BE_OFF, EXPOSURE,                             \
      "size of the signed sum over symbols, worst side")                                          \
    X(max_credit, "max_credit", LESS, MONEY, RL_LIMIT_MAY_BE_OFF, EXPOSURE,                       \
      "cash paid out, open buys counted as paid")                                                 \
    X(max_loss, "max_loss", LESS, MONEY, RL_LIMIT_MAY_BE_OFF, LOSS,                               \
      "loss, realised and at marks, fees counted")                                                \
    X(mark_age_ns, "max_mark_age", LESS, DURATION, RL_LIMIT_MAY_BE_OFF, LOSS,                     \
      "age of a mark of a symbol that is held; an older one is a breach")                         \
    X(max_open_notional, "max_open_notional", LESS, MONEY, RL_LIMIT_MAY_BE_OFF, OPEN,             \
      "money in all open orders")                                                                 \
    X(max_open, "max_open", LESS, COUNT, RL_LIMIT_MAY_BE_OFF, OPEN, "open orders of the account") \
    RL_RATE_LIMITS(X)

#define RL_RATIO_LIMITS(X, i, word, of)                                                        \
    X(ratios[i].alert_permille, "ratios." word ".alert", LESS, PERMILLE,                       \
      RL_LIMIT_MAY_BE_OFF | RL_LIMIT_OFF_TOGETHER, RATIO, of ": above it somebody is told")    \
    X(ratios[i].trip_permille, "ratios." word ".trip", LESS, PERMILLE,                         \
      RL_LIMIT_MAY_BE_OFF | RL_LIMIT_OFF_TOGETHER, RATIO, of ": above it the strategy stops")  \
    X(ratios[i].min_sample, "ratios." word ".min_sample", LESS, COUNT,                         \
      RL_LIMIT_MAY_BE_OFF | RL_LIMIT_OFF_TOGETHER, RATIO, "orders before the ratio is judged") \
    X(ratios[i].window_ns, "ratios." word ".window", EITHER, DURATION,                         \
      RL_LIMIT_MAY_BE_OFF | RL_LIMIT_OFF_TOGETHER, RATIO, "period that is judged")

#define RL_STRATEGY_LIMITS(X)                                                                      \
    RL_RATE_LIMITS(X)                                                                              \
    X(executions, "executions.count", LESS, COUNT, RL_LIMIT_MAY_BE_OFF | RL_LIMIT_OFF_TOGETHER,    \
      EXECUTIONS, "executions in the window; one more and the strategy stops")                     \
    X(executions_window_ns, "executions.window", MORE, DURATION,                                   \
      RL_LIMIT_MAY_BE_OFF | RL_LIMIT_OFF_TOGETHER, EXECUTIONS, "period in which they count")       \
    X(rejects_in_row, "max_rejects_in_row", LESS, COUNT, RL_LIMIT_MAY_BE_OFF, RATIO,               \
      "refusals by the venue in a row; one more and the strategy stops")                           \
    X(max_open, "max_open", LESS, COUNT, RL_LIMIT_MAY_BE_OFF, OPEN, "open orders of the strategy") \
    RL_RATIO_LIMITS(X, 0, "rejects", "rejects to orders")                                          \
    RL_RATIO_LIMITS(X, 1, "cancels", "cancels to executions")                                      \
    RL_RATIO_LIMITS(X, 2, "messages", "orders, replaces and cancels to executions")

#define RL_PAIR_LIMITS(X)                                                                        \
    X(tick_nano, "tick", EITHER, PRICE, 0, FIELD, "prices are multiples of it")                  \
    X(lot, "lot", GRID, LOTS, 0, FIELD, "quantities are multiples of it")                        \
    X(max_qty, "max_qty", LESS, LOTS, RL_LIMIT_MAY_BE_OFF, QTY, "quantity of one order")         \
    X(max_notional, "max_notional", LESS, MONEY, RL_LIMIT_MAY_BE_OFF, NOTIONAL,                  \
      "value of one order; a market order at its collar price")                                  \
    X(collar_bps, "collar.bps", LESS, BPS, RL_LIMIT_MAY_BE_OFF, COLLAR,                          \
      "distance of the price from the reference price")                                          \
    X(collar_ticks, "collar.ticks", LESS, TICKS, RL_LIMIT_MAY_BE_OFF, COLLAR,                    \
      "distance of the price from the reference price; the narrower one holds")                  \
    X(moved_bps, "moved.bps", LESS, BPS, RL_LIMIT_MAY_BE_OFF | RL_LIMIT_OFF_TOGETHER, COLLAR,    \
      "distance of the price from the reference prices of the window")                           \
    X(moved_window_ns, "moved.window", EITHER, DURATION,                                         \
      RL_LIMIT_MAY_BE_OFF | RL_LIMIT_OFF_TOGETHER, COLLAR, "how far back they go")               \
    X(cross_ticks, "max_cross_ticks", LESS, TICKS, RL_LIMIT_MAY_BE_OFF, CROSS,                   \
      "how far a limit price may lie through the other side's best")                             \
    X(duplicates, "duplicates.count", LESS, COUNT, RL_LIMIT_MAY_BE_OFF | RL_LIMIT_OFF_TOGETHER,  \
      DUPLICATE, "orders of equal side, quantity and price in the window")                       \
    X(duplicates_window_ns, "duplicates.window", MORE, DURATION,                                 \
      RL_LIMIT_MAY_BE_OFF | RL_LIMIT_OFF_TOGETHER, DUPLICATE, "period in which they count")      \
    RL_RATE_LIMITS(X)                                                                            \
    X(max_long, "position.long", LESS, LOTS, RL_LIMIT_MAY_BE_OFF, POSITION,                      \
      "long position with all open buys filled")                                                 \
    X(max_short, "position.short", LESS, LOTS, RL_LIMIT_MAY_BE_OFF, POSITION,                    \
      "short position with all open sells filled")                                               \
    X(max_open, "max_open", LESS, COUNT, RL_LIMIT_MAY_BE_OFF, OPEN,                              \
      "open orders of the account in the symbol")                                                \
    X(self_trade, "self_trade", EITHER, SELF_TRADE, RL_LIMIT_MAY_BE_OFF, SELF_TRADE,             \
      "what happens when an order would meet one of our own")                                    \
    X(short_rule, "short", LESS, SHORT_RULE, 0, SHORT_SALE, "whether the position may be short") \
    X(located, "located", LESS, LOTS, RL_LIMIT_MAY_BE_ZERO, SHORT_SALE,                          \
      "lots found to borrow: as far as `short: located` goes")                                   \
    X(md_age_ns, "max_data_age", LESS, DURATION, RL_LIMIT_MAY_BE_OFF, FRESHNESS,                 \
      "age of the market data, which also gives the reference price")                            \
    X(sides, "sides", BITS, SIDES, 0, PERMISSION, "what may be sent: buys, sells")               \
    X(strategies, "strategies", BITS, STRATEGIES, 0, PERMISSION, "who may trade it")             \
    X(venues, "venues", BITS, VENUES, 0, PERMISSION, "where it may be traded")

struct rl_limit_member {
    const char *word;
    const char *text;
    uint16_t offset;
    uint8_t n_bytes;
    uint8_t direction; /* enum rl_limit_direction */
    uint8_t unit;      /* enum rl_limit_unit */
    uint8_t flags;     /* RL_LIMIT_MAY_BE_* */
    uint8_t reason;    /* bit number in enum rl_risk_reason */
};

struct rl_limit_table {
    const struct rl_limit_member *members;
    uint32_t n_members;
    uint32_t row_bytes;
    const char *name; /* of a row: "account" */
};

/* By enum rl_scope; RL_SCOPE_SYMBOL: the pairs. */
extern const struct rl_limit_table rl_limit_tables[RL_N_SCOPES];

/* The value of a member of a row, and off for its width. */
uint64_t rl_limit_get(const void *row, const struct rl_limit_member *m);
uint64_t rl_limit_off(const struct rl_limit_member *m);

/* Rows of one kind in a set, first to last; pairs by account, then by instrument. */
const void *rl_limits_rows(const struct rl_limit_set *s, enum rl_scope scope, size_t *n_rows);

/* Whether a and b stand before the same dot: "rate.burst" and "rate.per_second". */
bool rl_limit_same_group(const struct rl_limit_member *a, const struct rl_limit_member *b);

#endif
