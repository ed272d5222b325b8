/*
 * risk_rows - a limit set in the units of the decision: ticks, nanos, products that need no more
 * than a compare; and beside each row what is counted against it.
 *
 * Rows of engine, venues, accounts and strategies are made when a set is taken into use, the row of
 * an account and symbol when it is first asked for afterwards: taking a set costs the same however
 * many symbols there are. A zero in a set is a missing limit: the row then has LIMITS in `reasons`
 * and refuses. Ages are rounded down and windows up: stricter, never laxer.
 *
 * Threads:  the order thread alone.
 * Memory:   192 bytes an account and symbol, 128 a symbol, 256 an account, 512 a strategy.
 */
#ifndef RL_TRADE_RISK_RISK_ROWS_H
#define RL_TRADE_RISK_RISK_ROWS_H

#include "trade/position/position.h"
#include "trade/risk/bucket.h"
#include "trade/risk/limits.h"
#include "trade/risk/ratio.h"
#include "trade/risk/reason.h"
#include "trade/risk/window.h"
#include "trade/risk/window_px.h"

/*
 * Divisible without dividing: with d = odd << shift, a multiple of d times the inverse of odd
 * (modulo 2^64) is the quotient << shift, and rotating it gives at most 2^64 / d; every other
 * number gives more (Granlund and Montgomery 1994, section 9).
 */
struct rl_divisor {
    uint64_t inverse;
    uint64_t most;
};

/* d above 0; *shift is the third part, apart to save room. */
struct rl_divisor rl_divisor_of(uint64_t d, uint8_t *shift);

static inline bool rl_divides(struct rl_divisor d, uint8_t shift, uint64_t n)
{
    uint64_t quotient = n * d.inverse;

    return (quotient >> shift | quotient << (-shift & 63)) <= d.most;
}

/* One account in one symbol: struct rl_limit_pair, and its bucket. */
struct rl_risk_pair {
    RL_ALIGNED uint32_t generation; /* of the set that the row is of */
    uint16_t venues;
    uint8_t sides;
    uint8_t tick_shift;
    uint64_t strategies;
    uint64_t max_qty;
    uint64_t max_long, max_short;
    uint64_t short_most; /* R17 */
    rl_money max_notional;

    RL_ALIGNED struct rl_divisor tick;
    struct rl_divisor lot;
    uint64_t collar_ticks2; /* twice nanos */
    uint64_t cross_nano;
    uint64_t md_age_ticks;
    uint32_t collar_bps;
    uint32_t moved_bps;

    RL_ALIGNED uint64_t duplicates_ticks;
    uint32_t duplicates;
    uint32_t max_open;
    struct rl_rate rate;
    struct rl_bucket bucket;
    uint32_t reasons; /* LIMITS when something is missing */
    uint8_t lot_shift;
    uint8_t self_trade; /* enum rl_self_trade */
};
_Static_assert(sizeof(struct rl_risk_pair) == 192, "three lines");

struct rl_risk_account {
    RL_ALIGNED rl_money max_gross;
    rl_money max_net;
    rl_money max_credit;
    rl_money max_loss;
    RL_ALIGNED rl_money max_open_notional;
    uint64_t mark_age_ticks;
    uint32_t max_open;
    uint32_t reasons;
    rl_money credit; /* paid for executions less what they brought, and reserved for open buys;
                        fees are a loss, not a credit */
    RL_ALIGNED struct rl_rate rate;
    struct rl_bucket bucket;
    uint8_t state; /* enum rl_risk_state */
};

struct rl_risk_strategy {
    RL_ALIGNED struct rl_rate rate;
    struct rl_bucket bucket;
    uint32_t reasons; /* LIMITS when missing */
    uint32_t latched; /* EXECUTIONS, RATIO: refused until a human sets the state */
    uint32_t max_open;
    uint32_t n_open;
    uint8_t state;
    uint8_t alerted;    /* bit: enum rl_limit_ratio_kind that has been told of */
    uint32_t n_rejects; /* in a row */
    uint32_t rejects_in_row;
    uint32_t executions;
    uint64_t executions_ticks;
    struct rl_spell fills;
    struct rl_limit_ratio ratios[RL_N_LIMIT_RATIOS];
    uint64_t ratio_ticks[RL_N_LIMIT_RATIOS];
    struct rl_tally tallies[RL_N_LIMIT_RATIOS];
};

/* Above this many a thousand, off and too few orders counted as not: the one rule of R18. */
static inline bool rl_risk_ratio_is_above(const struct rl_risk_strategy *s, unsigned ratio,
                                          uint32_t permille)
{
    struct rl_tally_counts sum = rl_tally_sum(&s->tallies[ratio]);

    return permille != RL_LIMIT_OFF_32 && sum.n_orders >= s->ratios[ratio].min_sample &&
           rl_tally_is_above(sum, permille);
}

struct rl_risk_venue {
    RL_ALIGNED struct rl_rate rate;
    struct rl_bucket bucket;
    uint32_t max_open;
    uint32_t n_open;
    uint32_t reasons;
    uint8_t state;
};
_Static_assert(sizeof(struct rl_risk_venue) == 64, "one line");

/* The engine as a whole. */
struct rl_risk_global {
    RL_ALIGNED struct rl_rate rate;
    struct rl_bucket bucket;
    uint64_t queue_delay_ticks;
    uint32_t max_open;
    uint32_t n_open;
    uint32_t reasons;
    uint8_t state;
};
_Static_assert(sizeof(struct rl_risk_global) == 64, "one line");

/* One symbol, over all accounts: what a check reads is the first line. */
struct rl_risk_symbol {
    RL_ALIGNED struct rl_px_reach reach;
    int64_t own_px[2];   /* no worse than the best price at which an order of ours works */
    uint32_t n_own[2];   /* orders of ours that work */
    uint8_t is_exact[2]; /* own_px is the price of an order, not only a bound */
    uint8_t state;
    RL_ALIGNED struct rl_px_window window;
    uint64_t window_ticks; /* the longest that an account wants */
    uint32_t generation;   /* of the set that it is of */
};

/* What the making of rows needs to know. */
struct rl_risk_units {
    uint64_t tsc_hz;
    uint32_t generation;
};

/* A window in which things are counted: rounded up, off for ever. */
uint64_t rl_risk_window_ticks(uint64_t ns, uint64_t tsc_hz);

/* Rows from limits; what is counted in *row stays. */
void rl_risk_make_pair(struct rl_risk_pair *row, const struct rl_limit_pair *limits,
                       struct rl_risk_units units);
void rl_risk_make_account(struct rl_risk_account *row, const struct rl_limit_account *limits,
                          struct rl_risk_units units);
void rl_risk_make_strategy(struct rl_risk_strategy *row, const struct rl_limit_strategy *limits,
                           struct rl_risk_units units);
void rl_risk_make_venue(struct rl_risk_venue *row, const struct rl_limit_venue *limits,
                        struct rl_risk_units units);
void rl_risk_make_global(struct rl_risk_global *row, const struct rl_limit_global *limits,
                         struct rl_risk_units units);

#endif
