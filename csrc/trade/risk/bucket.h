/*
 * bucket - a token bucket in ticks: so many messages a second in the long run, so many at once.
 *
 * Credit is counted in messages times tsc_hz, so a tick earns exactly `per_s` and a message costs
 * exactly tsc_hz: nothing is rounded and nothing divided, and another rate takes over at once. All
 * zero is a bucket that rests since tick 0. A clock that steps back earns nothing until it has
 * caught up: it delays, it never lets more pass. New orders and replaces leave `reserve` messages
 * in it, which only cancels take.
 *
 * Threads:  the order thread alone.
 * Memory:   16 bytes of state and 24 of rate, the caller's.
 * Cost:     one product that saturates; a bucket never holds more than 2^64 / tsc_hz messages.
 */
#ifndef RL_TRADE_RISK_BUCKET_H
#define RL_TRADE_RISK_BUCKET_H

#include "base/defs.h"
#include "trade/risk/limits.h"

struct rl_bucket {
    uint64_t credit; /* messages times tsc_hz, at `tsc` */
    uint64_t tsc;
};

/* A rate in the units of the bucket. All zero: nothing passes that asks for `order`. */
struct rl_rate {
    uint64_t per_s;
    uint64_t most;  /* that it holds */
    uint64_t order; /* that must be in it for an order: one message and the reserve */
};

static inline uint64_t rl_rate_product(uint64_t a, uint64_t b)
{
    uint64_t product;

    return __builtin_mul_overflow(a, b, &product) ? UINT64_MAX : product;
}

/* A zero in the row is missing: nothing passes. Cold. */
static inline struct rl_rate rl_rate_of(const struct rl_limit_rate *row, uint64_t tsc_hz)
{
    uint64_t reserve = row->reserve == RL_LIMIT_OFF_32 ? 0 : row->reserve;

    if (row->per_s == 0 || row->burst == 0 || row->reserve == 0)
        return (struct rl_rate){.order = UINT64_MAX};
    if (row->per_s == RL_LIMIT_OFF_32 || row->burst == RL_LIMIT_OFF_32)
        return (struct rl_rate){.per_s = UINT64_MAX, .most = UINT64_MAX};
    return (struct rl_rate){.per_s = row->per_s,
                            .most = rl_rate_product(row->burst, tsc_hz),
                            .order = rl_rate_product(reserve + 1, tsc_hz)};
}

static inline uint64_t rl_bucket_level(const struct rl_bucket *b, const struct rl_rate *rate,
                                       uint64_t now_tsc)
{
    uint64_t elapsed = now_tsc > b->tsc ? now_tsc - b->tsc : 0, earned, level;

    if (__builtin_mul_overflow(elapsed, rate->per_s, &earned))
        earned = UINT64_MAX;
    if (__builtin_add_overflow(b->credit, earned, &level))
        level = UINT64_MAX;
    return level < rate->most ? level : rate->most;
}

/* What must be in it for a cancel: one message, and the reserve is for it. */
static inline uint64_t rl_rate_cancel(const struct rl_rate *rate, uint64_t tsc_hz)
{
    return rate->order < tsc_hz ? rate->order : tsc_hz;
}

/* One message has left. Taking from an empty bucket leaves it empty: an override allowed it. */
static inline void rl_bucket_take(struct rl_bucket *b, const struct rl_rate *rate, uint64_t tsc_hz,
                                  uint64_t now_tsc)
{
    uint64_t level = rl_bucket_level(b, rate, now_tsc);

    b->credit = level > tsc_hz ? level - tsc_hz : 0;
    b->tsc = now_tsc > b->tsc ? now_tsc : b->tsc;
}

#endif
