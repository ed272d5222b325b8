/*
 * risk_table_limits - limits on one order and on messages; a part of risk_table.h.
 */
#ifndef RL_TESTS_RISK_TABLE_LIMITS_H
#define RL_TESTS_RISK_TABLE_LIMITS_H

static inline uint32_t ask_qty(struct world *w, unsigned side, int step)
{
    world_the_pair(w)->max_qty = 100;
    return table_ask(w, side, (uint64_t)(100 + step), UNIT);
}

static inline uint32_t ask_notional(struct world *w, unsigned side, int step)
{
    world_the_pair(w)->max_notional = 3;
    return table_ask(w, side, 3, UNIT + (step > 0) - (step < 0));
}

/* The collar price of a market order is 1.1: by ticks of 0.1, or by 1000 bps. */
static inline uint32_t ask_market_by_ticks(struct world *w, unsigned side, int step)
{
    world_the_pair(w)->max_notional = 11;
    world_the_pair(w)->collar_ticks = (uint32_t)(100000000 + step);
    return table_ask(w, side, 10, RL_PX_NONE);
}

static inline uint32_t ask_market_by_bps(struct world *w, unsigned side, int step)
{
    world_the_pair(w)->max_notional = 11;
    world_the_pair(w)->collar_bps = 1000;
    w->in.bbo.px_nano[RL_BUY] += 10 * step;
    w->in.bbo.px_nano[RL_SELL] += 10 * step;
    return table_ask(w, side, 10, RL_PX_NONE);
}

static inline uint32_t ask_collar_bps(struct world *w, unsigned side, int step)
{
    world_the_pair(w)->collar_bps = 100;
    return table_ask(w, side, 1, table_px(side, UNIT / 100 + step));
}

static inline uint32_t ask_collar_bps_behind(struct world *w, unsigned side, int step)
{
    world_the_pair(w)->collar_bps = 100;
    return table_ask(w, side, 1, table_px(side, -UNIT / 100 - step));
}

static inline uint32_t ask_collar_ticks(struct world *w, unsigned side, int step)
{
    world_the_pair(w)->collar_ticks = 1000;
    return table_ask(w, side, 1, table_px(side, 1000 + step));
}

static inline uint32_t ask_collar_ticks_behind(struct world *w, unsigned side, int step)
{
    world_the_pair(w)->collar_ticks = 1000;
    return table_ask(w, side, 1, table_px(side, -1000 - step));
}

/* Without a tick limit only bps hold, and the other way round. */
static inline uint32_t ask_collar_ticks_off(struct world *w, unsigned side, int step)
{
    world_the_pair(w)->collar_ticks = RL_LIMIT_OFF_32;
    return ask_collar_bps(w, side, step);
}

static inline uint32_t ask_collar_bps_off(struct world *w, unsigned side, int step)
{
    world_the_pair(w)->collar_bps = RL_LIMIT_OFF_32;
    return ask_collar_ticks(w, side, step);
}

/* Mid is a half nano: an order 1000 ticks and a half away is beyond 1000. */
static inline uint32_t ask_collar_half(struct world *w, unsigned side, int step)
{
    world_the_pair(w)->collar_ticks = 1000;
    w->in.bbo.px_nano[RL_SELL] += side == RL_BUY ? -1 : 1;
    return table_ask(w, side, 1, table_px(side, 999 + step));
}

/* What a market order would meet must lie in the collar too. */
static inline uint32_t ask_collar_market(struct world *w, unsigned side, int step)
{
    world_the_pair(w)->collar_ticks = (uint32_t)(100 - step);
    return table_ask(w, side, 1, RL_PX_NONE);
}

/* References of 1.0 and 1.2 in one window, 2000 bps: up to 1.2, down to 0.96. */
static inline uint32_t ask_moved(struct world *w, unsigned side, int step, int64_t px,
                                 int64_t mid_nano, uint64_t later)
{
    world_the_pair(w)->moved_bps = 2000;
    world_limits_changed(w);
    w->now += later;
    w->in.bbo = (struct rl_bbo){{mid_nano - 100, mid_nano + 100}, {1, 1}};
    w->in.bbo_tsc = w->now;
    rl_risk_see(&w->risk, INSTRUMENT, &w->in.bbo, w->now);
    return table_ask(w, side, 1, px + step);
}

static inline uint32_t ask_moved_up(struct world *w, unsigned side, int step)
{
    return ask_moved(w, side, step, 12 * UNIT / 10, 11 * UNIT / 10, SECOND / 2);
}

static inline uint32_t ask_moved_down(struct world *w, unsigned side, int step)
{
    return ask_moved(w, side, -step, 8 * UNIT / 10, 9 * UNIT / 10, SECOND / 2);
}

/* Nothing seen for three windows: the last reference still stands, and alone. */
static inline uint32_t ask_moved_stale(struct world *w, unsigned side, int step)
{
    world_the_pair(w)->moved_bps = 2000;
    w->now += 3 * SECOND;
    w->in.bbo_tsc = w->now;
    return table_ask(w, side, 1, 12 * UNIT / 10 + step);
}

static inline uint32_t ask_age(struct world *w, unsigned side, int step)
{
    world_the_pair(w)->md_age_ns = 5000;
    w->in.bbo_tsc = w->now - (uint64_t)(5000 + step);
    return table_ask_one(w, side);
}

/* Data of the future, by more than an age, is no better than old data. */
static inline uint32_t ask_age_ahead(struct world *w, unsigned side, int step)
{
    world_the_pair(w)->md_age_ns = 5000;
    w->in.bbo_tsc = w->now + (uint64_t)(5000 + step);
    return table_ask_one(w, side);
}

static inline uint32_t ask_delay(struct world *w, unsigned side, int step)
{
    w->set->global.queue_delay_ns = 5000;
    w->in.queue_delay_ticks = (uint32_t)(5000 + step);
    return table_ask_one(w, side);
}

static inline uint32_t ask_cross(struct world *w, unsigned side, int step)
{
    world_the_pair(w)->cross_ticks = 1000;
    return table_ask(w, side, 1, table_px(side, 100 + 1000 + step));
}

static inline uint32_t ask_duplicates(struct world *w, unsigned side, int step)
{
    struct rl_request q = world_request(side, 7, UNIT);

    world_the_pair(w)->duplicates = 5;
    for (int i = 0; i < 4 + step; i++)
        world_send(w, &q);
    /* Alike but for one thing each: none of them counts. */
    world_send(w, &(struct rl_request){q.scopes, UNIT, 8, 0, 0, q.side, q.type, 0});
    world_send(w, &(struct rl_request){q.scopes, table_px(side, -1), 7, 0, 0, q.side, q.type, 0});
    table_send_to(w, 0, INSTRUMENT, side, 7, UNIT);
    table_send_to(w, ACCOUNT, 0, side, 7, UNIT);
    return table_ask(w, side, 7, UNIT);
}

static inline uint32_t ask_duplicates_window(struct world *w, unsigned side, int step)
{
    struct rl_request q = world_request(side, 7, UNIT);

    world_the_pair(w)->duplicates = 1;
    world_the_pair(w)->duplicates_window_ns = 5000;
    world_send(w, &q);
    w->now += (uint64_t)(5001 - step);
    return table_ask(w, side, 7, UNIT);
}

/* As many orders as the memory holds, all within the window: one more cannot be judged. */
static inline uint32_t ask_duplicates_memory(struct world *w, unsigned side, int step)
{
    world_the_pair(w)->self_trade = RL_SELF_TRADE_OFF;
    for (int i = 0; i < N_REPEATS - 1 + step; i++) {
        struct rl_request q = world_request(side, (uint64_t)(100 + i), UNIT);

        world_says(w, RL_EVENT_REJECT, world_send(w, &q));
    }
    CHECK_EQ(rl_risk_set_state(&w->risk, RL_SCOPE_STRATEGY, STRATEGY, RL_RISK_ACTIVE), 0);
    return table_ask(w, side, 7, UNIT);
}

/* Five at once, two of them for cancels: three messages have left before the last that may. */
static inline uint32_t ask_rate(struct world *w, unsigned side, int step, struct rl_limit_rate *row)
{
    struct rl_request q = world_request(side, 7, UNIT);

    *row = (struct rl_limit_rate){.per_s = 1, .burst = 5, .reserve = 2};
    world_limits_changed(w);
    for (int i = 0; i < 2 + step; i++)
        world_send(w, &q);
    return table_ask_one(w, side);
}

static inline uint32_t ask_rate_pair(struct world *w, unsigned side, int step)
{
    return ask_rate(w, side, step, &world_the_pair(w)->rate);
}

static inline uint32_t ask_rate_strategy(struct world *w, unsigned side, int step)
{
    return ask_rate(w, side, step, &w->set->strategies[STRATEGY].rate);
}

static inline uint32_t ask_rate_account(struct world *w, unsigned side, int step)
{
    return ask_rate(w, side, step, &w->set->accounts[ACCOUNT].rate);
}

static inline uint32_t ask_rate_venue(struct world *w, unsigned side, int step)
{
    return ask_rate(w, side, step, &w->set->venues[VENUE].rate);
}

static inline uint32_t ask_rate_engine(struct world *w, unsigned side, int step)
{
    return ask_rate(w, side, step, &w->set->global.rate);
}

/* A thousand a second: the next one a million ticks later, and not one sooner. */
static inline uint32_t ask_rate_refill(struct world *w, unsigned side, int step)
{
    struct rl_request q = world_request(side, 7, UNIT);

    world_the_pair(w)->rate =
        (struct rl_limit_rate){.per_s = 1000, .burst = 3, .reserve = RL_LIMIT_OFF_32};
    world_limits_changed(w);
    for (int i = 0; i < 3; i++)
        world_send(w, &q);
    w->now += (uint64_t)(1000000 - step);
    return table_ask_one(w, side);
}

/* A cancel is judged by the session alone, and may use what orders must leave. */
static inline uint32_t ask_cancel_rate(struct world *w, unsigned side, int step)
{
    struct rl_request q = world_request(side, 7, UNIT);

    w->set->venues[VENUE].rate = (struct rl_limit_rate){.per_s = 1, .burst = 5, .reserve = 2};
    world_limits_changed(w);
    for (int i = 0; i < 4 + step; i++)
        world_send(w, &q);
    CHECK_EQ(rl_risk_set_state(&w->risk, RL_SCOPE_GLOBAL, 0, RL_RISK_HALTED), 0);
    return rl_risk_check_cancel(&w->risk, &q.scopes, w->now);
}

#endif
