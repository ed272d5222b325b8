/*
 * self - the best price at which an order of our own works, by symbol and side, or a bound on it.
 *
 * The bound is never worse than the best: what does not reach it meets no order of ours. It is made
 * exact by the scan that a check starts when it is reached and not known to be exact; only when the
 * best order goes does it become a bound again. So there is at most one scan for each order that
 * goes. A replace that nobody has answered works at both prices. An order that cannot rest (IOC,
 * FOK) meets others and is met by none: it is not counted.
 *
 * Threads:  the order thread alone.
 * Cost:     a few compares an order.
 */
#ifndef RL_TRADE_RISK_SELF_H
#define RL_TRADE_RISK_SELF_H

#include "trade/order/order.h"
#include "trade/risk/risk_rows.h"

/* Whether an order of `side` at one price would trade with one of the other side at another. */
static inline bool rl_px_meets(unsigned side, int64_t px, int64_t other_px)
{
    return side == RL_BUY ? px >= other_px : px <= other_px;
}

/* A market order takes any price. */
static inline int64_t rl_px_limit(unsigned side, int64_t px_nano)
{
    return px_nano != RL_PX_NONE ? px_nano : side == RL_BUY ? INT64_MAX : INT64_MIN;
}

/* An order that is counted works at this price too. */
static inline void rl_own_works(struct rl_risk_symbol *s, unsigned side, int64_t px_nano)
{
    int64_t px = rl_px_limit(side, px_nano), own = s->own_px[side];

    if (side == RL_BUY ? px >= own : px <= own) {
        s->own_px[side] = px;
        s->is_exact[side] = true;
    }
}

static inline void rl_own_came(struct rl_risk_symbol *s, unsigned side, int64_t px_nano)
{
    if (s->n_own[side]++ == 0) {
        s->own_px[side] = rl_px_limit(side, px_nano);
        s->is_exact[side] = true;
    } else {
        rl_own_works(s, side, px_nano);
    }
}

/* An order does not work at this price any more; `was_both`: nor at that of its replace. */
static inline void rl_own_left(struct rl_risk_symbol *s, unsigned side, int64_t px_nano,
                               bool was_both)
{
    if (was_both || rl_px_limit(side, px_nano) == s->own_px[side])
        s->is_exact[side] = false;
}

#endif
