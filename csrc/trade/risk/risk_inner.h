/*
 * risk_inner - what the decision and its explanation share.
 *
 * What is compared goes through two macros, so that a test can compile the decision with any single
 * comparison wrong and show that it would be noticed. Here they are what they say.
 */
#ifndef RL_TRADE_RISK_RISK_INNER_H
#define RL_TRADE_RISK_RISK_INNER_H

#include "trade/risk/risk.h"

#ifndef RL_RISK_ABOVE
#define RL_RISK_ABOVE(site, actual, limit) ((actual) > (limit))
#define RL_RISK_FAILS(site, failed) (failed)
#endif

#define RL_BPS 10000U /* in one */

/* The reference, and the price that the checks are about. */
struct rl_priced {
    uint64_t mid2;     /* twice the reference; 0: there is none */
    uint64_t px;       /* limit; of a market order what it would meet; 0: none */
    uint64_t value_px; /* limit; of a market order the collar price */
    int64_t touch;     /* of the other side */
    bool has_book, is_old, is_market;
};

static inline uint64_t rl_distance(uint64_t a, uint64_t b)
{
    return a > b ? a - b : b - a;
}

/* The highest price within the collar, rounded up; the most that a market order may come to. */
__attribute__((noinline, unused)) static uint64_t rl_collar_px(const struct rl_risk_pair *pair,
                                                               uint64_t mid2)
{
    unsigned __int128 away2 = (unsigned __int128)mid2 * pair->collar_bps / RL_BPS, px;

    if (pair->collar_bps == RL_LIMIT_OFF_32 || away2 > pair->collar_ticks2)
        away2 = pair->collar_ticks2;
    px = (mid2 + away2 + 1) / 2;
    return px < INT64_MAX ? (uint64_t)px : INT64_MAX;
}

static inline struct rl_priced rl_price(const struct rl_request *q, const struct rl_risk_pair *pair,
                                        const struct rl_risk_input *in, uint64_t now_tsc)
{
    int64_t bid = in->bbo.px_nano[RL_BUY], offer = in->bbo.px_nano[RL_SELL];
    struct rl_priced p = {
        .px = q->px_nano > 0 ? (uint64_t)q->px_nano : 0,
        .touch = q->side == RL_BUY ? offer : bid,
        .has_book = (bid > 0) & (offer >= bid), /* an empty side is RL_PX_NONE, below zero */
        .is_old = RL_RISK_ABOVE(AGE, rl_distance(now_tsc, in->bbo_tsc), pair->md_age_ticks),
        .is_market = q->type == RL_TYPE_MARKET,
    };

    p.mid2 = p.has_book ? (uint64_t)bid + (uint64_t)offer : 0;
    p.value_px = p.px;
    if (RL_UNLIKELY(p.is_market)) {
        p.px = p.has_book ? (uint64_t)p.touch : 0;
        p.value_px = p.has_book ? rl_collar_px(pair, p.mid2) : INT64_MAX;
    }
    return p;
}

/* R13. What the order adds, in lots of the worst case: either side's, and the worse one's. */
struct rl_more {
    uint64_t lots, worst;
    rl_money reach; /* of its side, as if all were filled */
};

static inline struct rl_more rl_more_of(const struct rl_position *position, unsigned side,
                                        uint64_t lots)
{
    rl_money net = side == RL_BUY ? position->net : -(rl_money)position->net;
    rl_money mine = net + position->work[side], other = -net + position->work[RL_SELL - side];
    rl_money reach = mine + lots;
    rl_money was = mine > other ? mine : other, now = reach > other ? reach : other;

    return (struct rl_more){.lots = lots, .worst = (uint64_t)(now - was), .reach = reach};
}

#endif
