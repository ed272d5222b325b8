/*
 * strategy - the reference rule that gives the engine something to trade on.
 *
 * Queue imbalance at the best prices: with bid quantity B and offer quantity A,
 *
 *     (B - A) * 1000 >= threshold_permille * (B + A)   means up:   buy at the offer
 *     (A - B) * 1000 >= threshold_permille * (B + A)   means down: sell at the bid
 *
 * and nothing otherwise, or while a side is empty, the book is locked or crossed, or the spread is
 * wider than max_spread_nano. A signal is the change to up or to down (not its persistence); of the
 * signals of one instrument each `every`-th becomes an intent. No claim of profit: it is simple, it
 * depends on the book alone (so the same input gives the same orders), and `every` sets the share
 * of orders.
 *
 * Threads:  the order thread alone.
 * Memory:   8 bytes an instrument, the caller's; all zero is the start.
 * Cost:     two 128-bit products.
 */
#ifndef RL_TRADE_STRATEGY_H
#define RL_TRADE_STRATEGY_H

#include "base/defs.h"
#include "base/money.h"

struct rl_strategy_config {
    uint32_t threshold_permille; /* 1..1000 */
    uint32_t every;              /* 1: each signal */
    uint64_t order_qty;          /* lots, at least 1 */
    int64_t max_spread_nano;     /* above 0 */
    bool is_day;                 /* what is not filled at once rests; else it is cancelled */
};

struct rl_strategy_state {
    uint32_t n_signals; /* since the last intent */
    int32_t direction;  /* +1 up, -1 down, 0 neither */
};

struct rl_strategy {
    struct rl_strategy_config config;
    struct rl_strategy_state *states;
    uint32_t n_instruments;
};

struct rl_intent {
    int64_t px_nano;
    uint64_t qty;
    enum rl_side side;
};

/* -EINVAL when a field of the config is outside what its comment says. */
int rl_strategy_init(struct rl_strategy *s, const struct rl_strategy_config *config,
                     struct rl_strategy_state *states, uint32_t n_instruments);

/* The best of `instrument` has changed to `bbo`: true when *intent wants an order. */
static inline bool rl_strategy_on_bbo(struct rl_strategy *s, uint32_t instrument,
                                      const struct rl_bbo *bbo, struct rl_intent *intent)
{
    struct rl_strategy_state *state = &s->states[instrument];
    int64_t bid = bbo->px_nano[RL_BUY], offer = bbo->px_nano[RL_SELL];
    uint64_t n_bid = bbo->qty[RL_BUY], n_offer = bbo->qty[RL_SELL];
    int32_t direction = 0;

    if (bid != RL_PX_NONE && offer != RL_PX_NONE && bid < offer &&
        (__int128)offer - bid <= s->config.max_spread_nano) {
        __int128 lean = ((__int128)n_bid - n_offer) * 1000;
        __int128 enough = ((__int128)n_bid + n_offer) * s->config.threshold_permille;

        direction = (lean >= enough) - (-lean >= enough);
    }
    if (direction == state->direction)
        return false;
    state->direction = direction;
    if (direction == 0 || ++state->n_signals < s->config.every)
        return false;
    state->n_signals = 0;
    *intent = direction > 0
                  ? (struct rl_intent){.px_nano = offer, .qty = s->config.order_qty, .side = RL_BUY}
                  : (struct rl_intent){.px_nano = bid, .qty = s->config.order_qty, .side = RL_SELL};
    return true;
}

#endif
