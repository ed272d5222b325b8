/*
 * risk_table_replaces - what holds for the change of a working order; a part of risk_table.h.
 */
#ifndef RL_TESTS_RISK_TABLE_REPLACES_H
#define RL_TESTS_RISK_TABLE_REPLACES_H

/* A working order of 100 at 1 is asked to become another. */

static inline uint32_t ask_to_replace(struct world *w, uint64_t id, uint64_t qty, int64_t px)
{
    const struct rl_order *o = rl_orders_live(&w->orders, id);
    struct rl_request q = world_changed(o, qty, px);

    world_limits_changed(w);
    return rl_risk_check_replace(&w->risk, o, qty, px, &q, &w->in, w->now);
}

static inline uint64_t working(struct world *w, unsigned side)
{
    uint64_t id = table_send_to(w, ACCOUNT, INSTRUMENT, side, 100, UNIT);

    world_says(w, RL_EVENT_ACK, id);
    return id;
}

static inline uint32_t ask_replace_unacked(struct world *w, unsigned side, int step)
{
    uint64_t id = table_send_to(w, ACCOUNT, INSTRUMENT, side, 100, UNIT);

    if (step <= 0)
        world_says(w, RL_EVENT_ACK, id);
    return ask_to_replace(w, id, 50, UNIT);
}

static inline uint32_t ask_replace_twice(struct world *w, unsigned side, int step)
{
    uint64_t id = working(w, side);

    if (step > 0)
        world_replace(w, id, 60, UNIT);
    return ask_to_replace(w, id, 50, UNIT);
}

static inline uint32_t ask_replace_cancelled(struct world *w, unsigned side, int step)
{
    uint64_t id = working(w, side);

    if (step > 0)
        world_cancel(w, id);
    return ask_to_replace(w, id, 50, UNIT);
}

static inline uint32_t ask_replace_cum(struct world *w, unsigned side, int step)
{
    uint64_t id = working(w, side);

    world_fills(w, id, 40, UNIT);
    return ask_to_replace(w, id, step > 0 ? 40 : 41, UNIT);
}

static inline uint32_t ask_replace_other(struct world *w, unsigned side, int step)
{
    const struct rl_order *o = rl_orders_live(&w->orders, working(w, side));
    struct rl_request q = world_changed(o, 50, UNIT);

    q.scopes.strategy = step > 0 ? 0 : STRATEGY;
    world_the_pair(w)->strategies = UINT64_MAX;
    world_limits_changed(w);
    return rl_risk_check_replace(&w->risk, o, 50, UNIT, &q, &w->in, w->now);
}

static inline uint32_t ask_replace_market(struct world *w, unsigned side, int step)
{
    uint64_t id = table_send_to(w, ACCOUNT, INSTRUMENT, side, 100, step > 0 ? RL_PX_NONE : UNIT);

    world_says(w, RL_EVENT_ACK, id);
    return ask_to_replace(w, id, 50, step > 0 ? RL_PX_NONE : UNIT);
}

/* The larger of old and new: a limit that the old one breaks by now refuses the smaller one. */
static inline uint32_t ask_replace_qty(struct world *w, unsigned side, int step)
{
    uint64_t id = working(w, side);

    world_the_pair(w)->max_qty = step > 0 ? 99 : 100;
    return ask_to_replace(w, id, 50, UNIT);
}

static inline uint32_t ask_replace_larger_qty(struct world *w, unsigned side, int step)
{
    world_the_pair(w)->max_qty = 100;
    return ask_to_replace(w, working(w, side), step > 0 ? 101 : 100, UNIT);
}

static inline uint32_t ask_replace_px(struct world *w, unsigned side, int step)
{
    uint64_t id = working(w, side);

    world_the_pair(w)->max_notional = step > 0 ? 99 : 100;
    return ask_to_replace(w, id, 50, UNIT - 100);
}

/* What is open of it is not counted twice: 100 of 100, 30 done, 20 more. */
static inline uint32_t ask_replace_position(struct world *w, unsigned side, int step)
{
    uint64_t id = working(w, side);

    world_fills(w, id, 30, UNIT);
    world_the_pair(w)->max_long = world_the_pair(w)->max_short = 120;
    return ask_to_replace(w, id, step > 0 ? 121 : 120, UNIT);
}

static inline uint32_t ask_replace_open_notional(struct world *w, unsigned side, int step)
{
    uint64_t id = working(w, side);

    w->set->accounts[ACCOUNT].max_open_notional = 101;
    return ask_to_replace(w, id, step > 0 ? 102 : 101, UNIT);
}

static inline uint32_t ask_replace_in_reduce(struct world *w, unsigned side, int step)
{
    uint64_t id;

    table_hold(w, ACCOUNT, INSTRUMENT, RL_SELL - side, 110);
    id = working(w, side);
    CHECK_EQ(rl_risk_set_state(&w->risk, RL_SCOPE_GLOBAL, 0, RL_RISK_REDUCE_ONLY), 0);
    return ask_to_replace(w, id, step > 0 ? 111 : 110, UNIT);
}

static inline uint32_t ask_replace_halted(struct world *w, unsigned side, int step)
{
    uint64_t id = working(w, side);

    CHECK_EQ(
        rl_risk_set_state(&w->risk, RL_SCOPE_GLOBAL, 0, step > 0 ? RL_RISK_HALTED : RL_RISK_ACTIVE),
        0);
    return ask_to_replace(w, id, 50, UNIT);
}

/* Neither one more open order nor a duplicate. */
static inline uint32_t ask_replace_counts(struct world *w, unsigned side, int step)
{
    uint64_t id = working(w, side);

    world_the_pair(w)->max_open = 1;
    world_the_pair(w)->duplicates = 1;
    return ask_to_replace(w, id, 100, step > 0 ? UNIT + 2 * UNIT : UNIT);
}

#endif
