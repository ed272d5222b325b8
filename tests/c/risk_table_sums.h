/*
 * risk_table_sums - limits on what orders add up to, and on how long things last; a part of
 * risk_table.h.
 */
#ifndef RL_TESTS_RISK_TABLE_SUMS_H
#define RL_TESTS_RISK_TABLE_SUMS_H

/* 30 held, 50 open, 20 more; what is held by others or open on the other side does not count. */
static inline uint32_t ask_position(struct world *w, unsigned side, int step)
{
    world_the_pair(w)->max_long = world_the_pair(w)->max_short = 100;
    world_the_pair(w)->self_trade = RL_SELF_TRADE_OFF;
    table_hold(w, ACCOUNT, INSTRUMENT, side, 30);
    table_hold(w, 0, INSTRUMENT, side, 1000);
    table_hold(w, ACCOUNT, 0, side, 1000);
    table_send_to(w, ACCOUNT, INSTRUMENT, side, 50, UNIT);
    table_send_to(w, ACCOUNT, INSTRUMENT, RL_SELL - side, 70, UNIT);
    return table_ask(w, side, (uint64_t)(20 + step), UNIT);
}

/* Held the other way round: there is more room by twice that. */
static inline uint32_t ask_position_from_behind(struct world *w, unsigned side, int step)
{
    world_the_pair(w)->max_long = world_the_pair(w)->max_short = 100;
    table_hold(w, ACCOUNT, INSTRUMENT, RL_SELL - side, 40);
    return table_ask(w, side, (uint64_t)(140 + step), UNIT);
}

/* Marks are 1, so lots are money: 30 in another symbol, 50 here, 20 more. */
static inline uint32_t ask_gross(struct world *w, unsigned side, int step)
{
    w->set->accounts[ACCOUNT].max_gross = 100;
    table_hold(w, ACCOUNT, 0, RL_SELL - side, 30);
    table_hold(w, 0, 0, RL_SELL - side, 1000);
    table_send_to(w, ACCOUNT, INSTRUMENT, side, 50, UNIT);
    return table_ask(w, side, (uint64_t)(20 + step), UNIT);
}

static inline uint32_t ask_net(struct world *w, unsigned side, int step)
{
    w->set->accounts[ACCOUNT].max_net = 100;
    table_hold(w, ACCOUNT, 0, RL_SELL - side, 30);
    table_send_to(w, ACCOUNT, INSTRUMENT, side, 50, UNIT);
    return table_ask(w, side, (uint64_t)(80 + step), UNIT);
}

/* Bought for 30, sold for 10, open for 50, one nano more or less on the last lot. */
static inline uint32_t ask_credit(struct world *w, unsigned side, int step)
{
    w->set->accounts[ACCOUNT].max_credit = 71;
    table_hold(w, ACCOUNT, 0, RL_BUY, 30);
    table_hold(w, ACCOUNT, INSTRUMENT, RL_SELL, 10);
    table_send_to(w, ACCOUNT, INSTRUMENT, RL_BUY, 50, UNIT);
    return table_ask(w, side, 1, UNIT + step);
}

static inline uint32_t ask_loss(struct world *w, unsigned side, int step)
{
    w->set->accounts[ACCOUNT].max_loss = 7;
    CHECK(rl_ledger_fee(&w->ledger, ACCOUNT, 0, 4 * UNIT + step));
    table_hold(w, ACCOUNT, INSTRUMENT, RL_BUY, 30);
    CHECK(rl_ledger_mark(&w->ledger, INSTRUMENT, UNIT - UNIT / 10, w->now)); /* 3 lost at marks */
    return table_ask(w, side, 1, UNIT);
}

static inline uint32_t ask_mark_age(struct world *w, unsigned side, int step)
{
    w->set->accounts[ACCOUNT].mark_age_ns = 5000;
    table_hold(w, ACCOUNT, 0, RL_BUY, 1);
    CHECK(rl_ledger_mark(&w->ledger, 0, UNIT, w->now));
    w->now += (uint64_t)(5000 + step);
    w->in.bbo_tsc = w->now;
    CHECK(rl_ledger_mark(&w->ledger, INSTRUMENT, UNIT, w->now));
    return table_ask_one(w, side);
}

/* The third open order, this one included, is the last; one of another kind is open beside. */
static inline uint32_t ask_open(struct world *w, unsigned side, int step, struct rl_request other,
                                uint32_t *limit)
{
    struct rl_request q = world_request(side, 7, UNIT);

    *limit = 3;
    other.side = (uint8_t)side;
    world_send(w, &other);
    for (int i = 0; i < 2 + step; i++)
        world_send(w, &q);
    return table_ask_one(w, side);
}

static inline uint32_t ask_open_pair(struct world *w, unsigned side, int step)
{
    struct rl_request other = world_request(side, 7, UNIT);

    other.scopes.instrument = 0;
    return ask_open(w, side, step, other, &world_the_pair(w)->max_open);
}

static inline uint32_t ask_open_account(struct world *w, unsigned side, int step)
{
    struct rl_request other = world_request(side, 7, UNIT);

    other.scopes.account = 0;
    return ask_open(w, side, step, other, &w->set->accounts[ACCOUNT].max_open);
}

static inline uint32_t ask_open_strategy(struct world *w, unsigned side, int step)
{
    struct rl_request other = world_request(side, 7, UNIT);

    other.scopes.strategy = 0;
    return ask_open(w, side, step, other, &w->set->strategies[STRATEGY].max_open);
}

static inline uint32_t ask_open_venue(struct world *w, unsigned side, int step)
{
    struct rl_request other = world_request(side, 7, UNIT);

    other.scopes.venue = 0;
    return ask_open(w, side, step, other, &w->set->venues[VENUE].max_open);
}

static inline uint32_t ask_open_engine(struct world *w, unsigned side, int step)
{
    struct rl_request other = world_request(side, 7, UNIT);
    uint64_t id = world_send(w, &other);

    world_says(w, RL_EVENT_CANCELLED, id); /* no more open: does not count */
    return ask_open(w, side, step - 1, other, &w->set->global.max_open);
}

/* 30 open to buy and 40 to sell, one nano more or less on the last lot. */
static inline uint32_t ask_open_notional(struct world *w, unsigned side, int step)
{
    world_the_pair(w)->self_trade = RL_SELF_TRADE_OFF;
    w->set->accounts[ACCOUNT].max_open_notional = 71;
    table_send_to(w, ACCOUNT, 0, RL_BUY, 30, UNIT);
    table_send_to(w, ACCOUNT, INSTRUMENT, RL_SELL, 40, UNIT);
    return table_ask(w, side, 1, UNIT + step);
}

static inline uint32_t ask_self_trade(struct world *w, unsigned side, int step)
{
    int64_t px = side == RL_BUY ? UNIT - 1 + step : UNIT + 1 - step;

    /* Of another account and strategy, behind a better one that went. */
    struct rl_request own = world_request(RL_SELL - side, 7, UNIT);
    uint64_t better = table_send_to(w, ACCOUNT, INSTRUMENT, RL_SELL - side, 7, table_px(side, -50));

    own.scopes.account = own.scopes.strategy = 0;
    world_send(w, &own);
    world_says(w, RL_EVENT_CANCELLED, better);
    table_send_to(w, ACCOUNT, 0, RL_SELL - side, 7, table_px(side, -50)); /* another symbol */
    return table_ask(w, side, 7, px);
}

static inline uint32_t ask_short_located(struct world *w, unsigned side, int step)
{
    world_the_pair(w)->located = 50;
    table_hold(w, ACCOUNT, INSTRUMENT, RL_BUY, 30);
    table_send_to(w, ACCOUNT, INSTRUMENT, RL_SELL, 60, UNIT);
    return table_ask(w, side, (uint64_t)(20 + step), UNIT);
}

static inline uint32_t ask_short_forbidden(struct world *w, unsigned side, int step)
{
    world_the_pair(w)->short_rule = RL_SHORT_FORBIDDEN;
    table_hold(w, ACCOUNT, INSTRUMENT, RL_BUY, 30);
    return table_ask(w, side, (uint64_t)(30 + step), UNIT);
}

/* 100 held, 40 being closed already, in two orders: 60 are left. */
static inline uint32_t ask_reduce(struct world *w, unsigned side, int step, enum rl_scope scope,
                                  uint32_t index)
{
    world_the_pair(w)->self_trade = RL_SELF_TRADE_OFF;
    table_hold(w, ACCOUNT, INSTRUMENT, RL_SELL - side, 100);
    table_send_to(w, ACCOUNT, INSTRUMENT, side, 15, UNIT);
    table_send_to(w, ACCOUNT, INSTRUMENT, side, 25, UNIT);
    table_send_to(w, ACCOUNT, INSTRUMENT, RL_SELL - side, 500, UNIT); /* adds: frees nothing */
    CHECK_EQ(rl_risk_set_state(&w->risk, scope, index, RL_RISK_REDUCE_ONLY), 0);
    return table_ask(w, side, (uint64_t)(60 + step), UNIT);
}

static inline uint32_t ask_reduce_engine(struct world *w, unsigned side, int step)
{
    return ask_reduce(w, side, step, RL_SCOPE_GLOBAL, 0);
}

static inline uint32_t ask_reduce_venue(struct world *w, unsigned side, int step)
{
    return ask_reduce(w, side, step, RL_SCOPE_VENUE, VENUE);
}

static inline uint32_t ask_reduce_account(struct world *w, unsigned side, int step)
{
    return ask_reduce(w, side, step, RL_SCOPE_ACCOUNT, ACCOUNT);
}

static inline uint32_t ask_reduce_strategy(struct world *w, unsigned side, int step)
{
    return ask_reduce(w, side, step, RL_SCOPE_STRATEGY, STRATEGY);
}

static inline uint32_t ask_reduce_symbol(struct world *w, unsigned side, int step)
{
    return ask_reduce(w, side, step, RL_SCOPE_SYMBOL, INSTRUMENT);
}

static inline uint32_t ask_expiry(struct world *w, unsigned side, int step)
{
    struct rl_request q = world_request(side, 1, UNIT);

    q.time_in_force = RL_TIF_GTD;
    q.expire_ns = w->in.utc_ns + 1 - (uint64_t)(int64_t)step;
    return world_check(w, &q);
}

/* Two principals let this quantity pass until a tick, and not one longer. */
static inline uint32_t ask_override_expiry(struct world *w, unsigned side, int step)
{
    struct rl_override o = {.until_tsc = w->now + 5000,
                            .principals = {1, 2},
                            .mask = RL_RISK_QTY,
                            .n_orders = 1,
                            .scope = RL_SCOPE_STRATEGY,
                            .index = STRATEGY};

    CHECK_EQ(rl_risk_override(&w->risk, &o, w->now), 0);
    world_the_pair(w)->max_qty = 5;
    w->now += (uint64_t)(5000 + step);
    w->in.bbo_tsc = w->now;
    return table_ask(w, side, 6, UNIT);
}

#endif
