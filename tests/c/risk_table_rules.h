/*
 * risk_table_rules - what holds or does not: kept at step 0, broken at step 1; a part of
 * risk_table.h.
 */
#ifndef RL_TESTS_RISK_TABLE_RULES_H
#define RL_TESTS_RISK_TABLE_RULES_H

#define NO_ROW (RL_RISK_PERMISSION | RL_RISK_LIMITS)

static inline uint32_t ask_request(struct world *w, struct rl_request q)
{
    world_limits_changed(w);
    return world_check(w, &q);
}

static inline uint32_t ask_halted(struct world *w, unsigned side, int step, enum rl_scope scope,
                                  uint32_t index, uint32_t other)
{
    /* A position that the order would close: HALTED is not REDUCE_ONLY. */
    table_hold(w, ACCOUNT, INSTRUMENT, RL_SELL - side, 100);
    CHECK_EQ(
        rl_risk_set_state(&w->risk, scope, step > 0 ? index : other,
                          step > 0 || scope != RL_SCOPE_GLOBAL ? RL_RISK_HALTED : RL_RISK_ACTIVE),
        0);
    return table_ask_one(w, side);
}

static inline uint32_t ask_halted_engine(struct world *w, unsigned side, int step)
{
    return ask_halted(w, side, step, RL_SCOPE_GLOBAL, 0, 0);
}

static inline uint32_t ask_halted_venue(struct world *w, unsigned side, int step)
{
    return ask_halted(w, side, step, RL_SCOPE_VENUE, VENUE, 0);
}

static inline uint32_t ask_halted_account(struct world *w, unsigned side, int step)
{
    return ask_halted(w, side, step, RL_SCOPE_ACCOUNT, ACCOUNT, 0);
}

static inline uint32_t ask_halted_strategy(struct world *w, unsigned side, int step)
{
    return ask_halted(w, side, step, RL_SCOPE_STRATEGY, STRATEGY, 0);
}

static inline uint32_t ask_halted_symbol(struct world *w, unsigned side, int step)
{
    return ask_halted(w, side, step, RL_SCOPE_SYMBOL, INSTRUMENT, 0);
}

/* A working order of the closing side may be changed, one that opens may not. */
static inline uint32_t ask_reduce_other_side(struct world *w, unsigned side, int step)
{
    table_hold(w, ACCOUNT, INSTRUMENT, step > 0 ? side : RL_SELL - side, 100);
    CHECK_EQ(rl_risk_set_state(&w->risk, RL_SCOPE_SYMBOL, INSTRUMENT, RL_RISK_REDUCE_ONLY), 0);
    return table_ask_one(w, side);
}

static inline uint32_t ask_ready(struct world *w, unsigned side, int step, uint32_t bit)
{
    w->in.ready &= step > 0 ? ~bit : UINT32_MAX;
    return table_ask_one(w, side);
}

static inline uint32_t ask_session(struct world *w, unsigned side, int step)
{
    return ask_ready(w, side, step, RL_READY_SESSION);
}

static inline uint32_t ask_clock(struct world *w, unsigned side, int step)
{
    return ask_ready(w, side, step, RL_READY_CLOCK);
}

static inline uint32_t ask_phase(struct world *w, unsigned side, int step)
{
    return ask_ready(w, side, step, RL_READY_PHASE);
}

static inline uint32_t ask_in_step(struct world *w, unsigned side, int step)
{
    return ask_ready(w, side, step, RL_READY_BOOK);
}

static inline uint32_t ask_permitted_strategy(struct world *w, unsigned side, int step)
{
    world_the_pair(w)->strategies = step > 0 ? ~(1ULL << STRATEGY) : 1ULL << STRATEGY;
    return table_ask_one(w, side);
}

static inline uint32_t ask_permitted_venue(struct world *w, unsigned side, int step)
{
    world_the_pair(w)->venues = (uint16_t)(step > 0 ? ~(1U << VENUE) : 1U << VENUE);
    return table_ask_one(w, side);
}

static inline uint32_t ask_permitted_side(struct world *w, unsigned side, int step)
{
    world_the_pair(w)->sides = (uint8_t)(1U << (step > 0 ? RL_SELL - side : side));
    return table_ask_one(w, side);
}

static inline uint32_t ask_unknown_instrument(struct world *w, unsigned side, int step)
{
    struct rl_request q = world_request(side, 1, UNIT);

    q.scopes.instrument = step > 0 ? N_INSTRUMENTS : INSTRUMENT;
    return ask_request(w, q);
}

static inline uint32_t ask_unknown_account(struct world *w, unsigned side, int step)
{
    struct rl_request q = world_request(side, 1, UNIT);

    q.scopes.account = step > 0 ? N_ACCOUNTS : ACCOUNT;
    return ask_request(w, q);
}

static inline uint32_t ask_unknown_strategy(struct world *w, unsigned side, int step)
{
    struct rl_request q = world_request(side, 1, UNIT);

    q.scopes.strategy = step > 0 ? N_STRATEGIES : STRATEGY;
    return ask_request(w, q);
}

static inline uint32_t ask_unknown_venue(struct world *w, unsigned side, int step)
{
    struct rl_request q = world_request(side, 1, UNIT);

    q.scopes.venue = step > 0 ? N_VENUES : VENUE;
    return ask_request(w, q);
}

static inline uint32_t ask_side(struct world *w, unsigned side, int step)
{
    struct rl_request q = world_request(side, 1, UNIT);

    q.side = (uint8_t)(step > 0 ? 2 : side);
    return ask_request(w, q);
}

static inline uint32_t ask_no_qty(struct world *w, unsigned side, int step)
{
    return table_ask(w, side, step > 0 ? 0 : 1, UNIT);
}

static inline uint32_t ask_lot(struct world *w, unsigned side, int step)
{
    world_the_pair(w)->lot = 12; /* neither a power of two nor odd */
    return table_ask(w, side, step > 0 ? 114 : 120, UNIT);
}

static inline uint32_t ask_tick(struct world *w, unsigned side, int step)
{
    world_the_pair(w)->tick_nano = 12500;
    return table_ask(w, side, 1, UNIT + (step > 0 ? 6250 : 0));
}

static inline uint32_t ask_no_px(struct world *w, unsigned side, int step)
{
    world_the_pair(w)->collar_bps = 10000; /* down to nothing */
    w->in.bbo = (struct rl_bbo){{1, 1}, {1, 1}};
    world_the_pair(w)->moved_bps = RL_LIMIT_OFF_32;
    return table_ask(w, side, 1, step > 0 ? 0 : 1);
}

static inline uint32_t ask_type(struct world *w, unsigned side, int step)
{
    struct rl_request q = world_request(side, 1, UNIT);

    q.type = step > 0 ? RL_N_ORDER_TYPES : RL_TYPE_LIMIT;
    return ask_request(w, q);
}

static inline uint32_t ask_market_with_px(struct world *w, unsigned side, int step)
{
    struct rl_request q = world_request(side, 1, RL_PX_NONE);

    q.px_nano = step > 0 ? UNIT : RL_PX_NONE;
    return ask_request(w, q);
}

static inline uint32_t ask_tif(struct world *w, unsigned side, int step)
{
    struct rl_request q = world_request(side, 1, UNIT);

    q.time_in_force = step > 0 ? RL_N_TIMES_IN_FORCE : RL_TIF_FOK;
    return ask_request(w, q);
}

static inline uint32_t ask_day_with_expiry(struct world *w, unsigned side, int step)
{
    struct rl_request q = world_request(side, 1, UNIT);

    q.expire_ns = step > 0 ? w->in.utc_ns + SECOND : 0;
    return ask_request(w, q);
}

static inline uint32_t ask_utc(struct world *w, unsigned side, int step)
{
    struct rl_request q = world_request(side, 1, UNIT);

    q.time_in_force = RL_TIF_GTD;
    q.expire_ns = w->in.utc_ns + SECOND;
    w->in.utc_ns = step > 0 ? 0 : w->in.utc_ns;
    return ask_request(w, q);
}

static inline uint32_t ask_no_book(struct world *w, unsigned side, int step)
{
    if (step > 0)
        w->in.bbo.px_nano[RL_SELL - side] = RL_PX_NONE;
    return table_ask_one(w, side);
}

static inline uint32_t ask_no_book_behind(struct world *w, unsigned side, int step)
{
    if (step > 0)
        w->in.bbo.px_nano[side] = RL_PX_NONE;
    return table_ask_one(w, side);
}

/* Locked is a book, crossed is none. */
static inline uint32_t ask_crossed(struct world *w, unsigned side, int step)
{
    w->in.bbo.px_nano[RL_BUY] = UNIT + (step > 0);
    w->in.bbo.px_nano[RL_SELL] = UNIT;
    return table_ask_one(w, side);
}

/* Only the checks on the reference are left to say that there is none. */
static inline uint32_t ask_book_alone(struct world *w, unsigned side, int step)
{
    world_the_pair(w)->collar_bps = world_the_pair(w)->collar_ticks = RL_LIMIT_OFF_32;
    return ask_no_book(w, side, step);
}

static inline uint32_t ask_never_seen(struct world *w, unsigned side, int step)
{
    if (step > 0)
        memset(&w->risk.symbols[INSTRUMENT].reach, 0, sizeof(struct rl_px_reach));
    if (step > 0)
        memset(&w->risk.symbols[INSTRUMENT].window, 0, sizeof(struct rl_px_window));
    return table_ask_one(w, side);
}

static inline uint32_t ask_unmarked(struct world *w, unsigned side, int step)
{
    if (step > 0)
        w->ledger.marks[INSTRUMENT].px_nano = RL_PX_NONE;
    return table_ask_one(w, side);
}

/* One lot more than 64 bits can hold, and no other limit. */
static inline uint32_t ask_room(struct world *w, unsigned side, int step)
{
    struct rl_limit_pair *pair = world_the_pair(w);

    pair->max_long = pair->max_short = RL_LIMIT_OFF;
    pair->short_rule = RL_SHORT_FREE;
    w->ledger.positions[ACCOUNT * N_INSTRUMENTS + INSTRUMENT].net =
        side == RL_BUY ? INT64_MAX - 5 : 5 - INT64_MAX;
    return table_ask(w, side, step > 0 ? 6 : 5, UNIT);
}

/* A sum that would leave 128 bits is above every limit, off or not. */
static inline uint32_t ask_room_of_sums(struct world *w, unsigned side, int step)
{
    struct rl_account *sums = &w->ledger.accounts[ACCOUNT];

    w->set->accounts[ACCOUNT].max_net = RL_LIMIT_OFF;
    sums->net_high = RL_MONEY_MAX - 10 * UNIT;
    sums->net_low = -sums->net_high;
    return table_ask(w, side, step > 0 ? 11 : 10, UNIT);
}

static inline uint32_t ask_room_of_notional(struct world *w, unsigned side, int step)
{
    w->set->accounts[ACCOUNT].max_open_notional = RL_LIMIT_OFF;
    w->ledger.accounts[ACCOUNT].open_notional = RL_MONEY_MAX - 10 * UNIT;
    return table_ask(w, side, step > 0 ? 11 : 10, UNIT);
}

static inline uint32_t ask_altered(struct world *w, unsigned side, int step)
{
    struct rl_request q = world_request(side, 1, UNIT);

    w->set->version += step > 0;
    return world_check(w, &q);
}

static inline uint32_t ask_latched(struct world *w, unsigned side, int step)
{
    w->risk.strategies[STRATEGY].latched = step > 0 ? RL_RISK_EXECUTIONS | RL_RISK_RATIO : 0;
    return table_ask_one(w, side);
}

/* A market order of our own meets any price; nothing is met where nothing works. */
static inline uint32_t ask_self_at_market(struct world *w, unsigned side, int step)
{
    if (step > 0)
        table_send_to(w, 0, INSTRUMENT, RL_SELL - side, 7, RL_PX_NONE);
    return table_ask(w, side, 7, table_px(side, -5000));
}

/* What cannot rest is met by nobody: the venue is done with it before it reads the next order. */
static inline uint32_t ask_self_ioc(struct world *w, unsigned side, int step)
{
    struct rl_request own = world_request(RL_SELL - side, 7, UNIT);

    own.time_in_force = step > 0 ? RL_TIF_GTC : side == RL_BUY ? RL_TIF_IOC : RL_TIF_FOK;
    world_send(w, &own);
    return table_ask(w, side, 7, UNIT);
}

static inline uint32_t ask_market_meets_own(struct world *w, unsigned side, int step)
{
    uint64_t id = table_send_to(w, 0, INSTRUMENT, RL_SELL - side, 7, table_px(side, 5000));

    if (step <= 0)
        world_says(w, RL_EVENT_EXPIRED, id);
    return table_ask(w, side, 7, RL_PX_NONE);
}

/* A replace that nobody answered works at both prices. */
static inline uint32_t ask_self_pending(struct world *w, unsigned side, int step)
{
    uint64_t id = table_send_to(w, 0, INSTRUMENT, RL_SELL - side, 7, table_px(side, 50));
    uint64_t new_id;

    world_says(w, RL_EVENT_ACK, id);
    new_id = world_replace(w, id, 7, UNIT);
    if (step <= 0)
        world_says(w, RL_EVENT_REPLACE_REJECT, new_id);
    return table_ask(w, side, 7, UNIT);
}

/* Policy OFF asks nothing. */
static inline uint32_t ask_self_off(struct world *w, unsigned side, int step)
{
    static const uint8_t policies[] = {RL_SELF_TRADE_CANCEL_OLD, RL_SELF_TRADE_CANCEL_BOTH};

    table_send_to(w, ACCOUNT, INSTRUMENT, RL_SELL - side, 7, UNIT);
    world_the_pair(w)->self_trade = step > 0 ? policies[side] : RL_SELF_TRADE_OFF;
    return table_ask_one(w, side);
}

static inline uint32_t ask_override(struct world *w, unsigned side, int step)
{
    struct rl_override o = {.until_tsc = UINT64_MAX,
                            .principals = {1, 2},
                            .mask = RL_RISK_QTY,
                            .n_orders = 1,
                            .scope = RL_SCOPE_ACCOUNT,
                            .index = step > 0 ? 0 : ACCOUNT};

    CHECK_EQ(rl_risk_override(&w->risk, &o, w->now), 0);
    world_the_pair(w)->max_qty = 5;
    return table_ask(w, side, 6, UNIT);
}

#endif
