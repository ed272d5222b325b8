/*
 * risk_world - a whole small engine around the risk chain: limits, orders, ledger, and the messages
 * between them as an order manager would pass them on. One tick is one nanosecond.
 */
#ifndef RL_TESTS_RISK_WORLD_H
#define RL_TESTS_RISK_WORLD_H

#include <string.h>

#include "check.h"
#include "trade/risk/risk.h"

#define UNIT RL_NANO_PER_UNIT
#define HZ 1000000000ULL
#define SECOND HZ
#define MS (HZ / 1000)

enum {
    N_ACCOUNTS = 2,
    N_INSTRUMENTS = 3,
    N_STRATEGIES = 3,
    N_VENUES = 2,
    N_SLOTS = 1024,
    N_EXECS = 4096,
    N_REPEATS = 256,
    N_FILLS = 64,
};

/* Whom most tests are about; each index differs, so that none can stand for another. */
enum { ACCOUNT = 1, INSTRUMENT = 2, STRATEGY = 2, VENUE = 1 };

struct world {
    struct rl_arena arena;
    struct rl_ledger ledger;
    struct rl_orders orders;
    struct rl_ids ids;
    struct rl_risk risk;
    struct rl_limit_set *set;
    int64_t reserved_px[N_SLOTS]; /* of market orders */
    struct rl_risk_input in;
    uint64_t now, exec;
    struct rl_risk_trip trip; /* the last that was called for */
    uint32_t n_trips, n_alerts;
};

static const struct rl_limit_rate WORLD_RATE = {.per_s = 1000, .burst = 100, .reserve = 10};

static inline struct rl_limit_pair world_pair(void)
{
    return (struct rl_limit_pair){
        .tick_nano = UNIT / 100,
        .max_qty = 1000,
        .max_notional = 1000000,
        .max_long = 5000,
        .max_short = 4000,
        .strategies = 1 << 0 | 1 << STRATEGY,
        .lot = 10,
        .collar_bps = 1000,
        .collar_ticks = 2000,
        .cross_ticks = 500,
        .md_age_ns = 50 * MS,
        .moved_window_ns = 1 * SECOND,
        .moved_bps = 2000,
        .duplicates_window_ns = 1 * SECOND,
        .duplicates = 20,
        .located = 3000,
        .max_open = 20,
        .rate = WORLD_RATE,
        .venues = 1 << 0 | 1 << VENUE,
        .sides = RL_SIDES_BOTH,
        .short_rule = RL_SHORT_LOCATED,
        .self_trade = RL_SELF_TRADE_CANCEL_NEW,
    };
}

static inline struct rl_limit_account world_account(void)
{
    return (struct rl_limit_account){
        .max_gross = 3000000,
        .max_net = 2000000,
        .max_credit = 1500000,
        .max_loss = 50000,
        .mark_age_ns = 10 * SECOND,
        .max_open_notional = 2500000,
        .max_open = 30,
        .rate = WORLD_RATE,
    };
}

static inline struct rl_limit_strategy world_strategy(void)
{
    static const struct rl_limit_ratio ratio = {
        .alert_permille = 400, .trip_permille = 500, .min_sample = 8, .window_ns = SECOND};
    struct rl_limit_strategy s = {
        .rate = WORLD_RATE,
        .executions = 10,
        .executions_window_ns = SECOND,
        .rejects_in_row = 3,
        .max_open = 40,
    };

    s.ratios[RL_LIMIT_RATIO_REJECTS] = ratio;
    s.ratios[RL_LIMIT_RATIO_CANCELS] = ratio;
    s.ratios[RL_LIMIT_RATIO_MESSAGES] = ratio;
    s.ratios[RL_LIMIT_RATIO_CANCELS].alert_permille = 20000;
    s.ratios[RL_LIMIT_RATIO_CANCELS].trip_permille = 30000;
    s.ratios[RL_LIMIT_RATIO_MESSAGES].alert_permille = 50000;
    s.ratios[RL_LIMIT_RATIO_MESSAGES].trip_permille = 80000;
    return s;
}

static inline void world_fill_set(struct rl_limit_set *set)
{
    set->magic = RL_LIMITS_MAGIC;
    set->version = 1;
    set->n_accounts = N_ACCOUNTS;
    set->n_instruments = N_INSTRUMENTS;
    set->n_strategies = N_STRATEGIES;
    set->n_venues = N_VENUES;
    set->global =
        (struct rl_limit_global){.queue_delay_ns = MS, .max_open = 60, .rate = WORLD_RATE};
    for (int i = 0; i < N_VENUES; i++)
        set->venues[i] = (struct rl_limit_venue){.rate = WORLD_RATE, .max_open = 50};
    for (int i = 0; i < N_ACCOUNTS; i++)
        set->accounts[i] = world_account();
    for (int i = 0; i < N_STRATEGIES; i++)
        set->strategies[i] = world_strategy();
    for (int i = 0; i < N_ACCOUNTS * N_INSTRUMENTS; i++)
        set->pairs[i] = world_pair();
}

static inline struct rl_limit_pair *world_pair_of(struct world *w, uint32_t account,
                                                  uint32_t instrument)
{
    return &w->set->pairs[account * N_INSTRUMENTS + instrument];
}

static inline struct rl_limit_pair *world_the_pair(struct world *w)
{
    return world_pair_of(w, ACCOUNT, INSTRUMENT);
}

/* The book of an instrument: around `mid`, a unit to each side. */
static inline struct rl_bbo world_bbo(int64_t mid_nano)
{
    return (struct rl_bbo){{mid_nano - UNIT, mid_nano + UNIT}, {100, 100}};
}

/* Everything is seen and marked now, at this price. */
static inline void world_market(struct world *w, int64_t mid_nano)
{
    w->in.bbo = world_bbo(mid_nano);
    w->in.bbo_tsc = w->now;
    for (uint32_t i = 0; i < N_INSTRUMENTS; i++) {
        rl_risk_see(&w->risk, i, &w->in.bbo, w->now);
        CHECK(rl_ledger_mark(&w->ledger, i, mid_nano, w->now));
    }
}

/* Time passes, and the market data keeps up. */
static inline void world_pass(struct world *w, uint64_t ticks)
{
    w->now += ticks;
    w->in.bbo_tsc = w->now;
    for (uint32_t i = 0; i < N_INSTRUMENTS; i++)
        if (w->ledger.marks[i].px_nano != RL_PX_NONE)
            CHECK(rl_ledger_mark(&w->ledger, i, w->ledger.marks[i].px_nano, w->now));
}

/* Halted, without limits; memory is there for all. A world that was open before starts again. */
static inline void world_open_bare(struct world *w)
{
    struct rl_ledger_config ledger = {
        .n_accounts = N_ACCOUNTS, .n_instruments = N_INSTRUMENTS, .n_fifo_lots = 4096};
    struct rl_risk_config risk = {.ledger = &w->ledger,
                                  .orders = &w->orders,
                                  .tsc_hz = HZ,
                                  .n_venues = N_VENUES,
                                  .n_strategies = N_STRATEGIES,
                                  .n_repeats = N_REPEATS,
                                  .n_fills = N_FILLS};
    size_t n_all, n_orders = rl_orders_bytes(N_SLOTS, N_EXECS);
    size_t n_set = rl_limits_bytes(N_ACCOUNTS, N_INSTRUMENTS, N_STRATEGIES, N_VENUES);

    struct rl_arena arena = w->arena;

    memset(w, 0, sizeof(*w));
    w->arena = arena;
    w->ledger.n_accounts = N_ACCOUNTS; /* what rl_risk_bytes asks before there is a ledger */
    w->ledger.n_instruments = N_INSTRUMENTS;
    n_all = rl_ledger_bytes(&ledger) + rl_risk_bytes(&risk) + n_orders + n_set + 4 * RL_CACHE_LINE;
    if (w->arena.base == NULL)
        CHECK_EQ(rl_arena_open(&w->arena, n_all, 0), 0);
    memset(w->arena.base, 0, w->arena.n_used);
    w->arena.n_used = 0;
    CHECK_EQ(rl_ledger_init(&w->ledger, &w->arena, &ledger), 0);
    CHECK_EQ(rl_orders_init(&w->orders, rl_arena_take(&w->arena, n_orders, 0), N_SLOTS, N_EXECS),
             0);
    CHECK_EQ(rl_risk_init(&w->risk, &w->arena, &risk), 0);
    CHECK_EQ(rl_ids_init(&w->ids, 1), 0);
    w->set = rl_arena_take(&w->arena, n_set, 0);
    CHECK(w->set != NULL);
    world_fill_set(w->set);
    w->now = 1000 * SECOND;
}

/* Ready, limited, armed, the market at 100. */
static inline void world_open(struct world *w)
{
    world_open_bare(w);
    w->in.ready = RL_READY_ALL;
    w->in.utc_ns = 1790000000 * SECOND;
    rl_risk_use(&w->risk, w->set);
    world_market(w, 100 * UNIT);
    CHECK_EQ(rl_risk_set_state(&w->risk, RL_SCOPE_GLOBAL, 0, RL_RISK_ACTIVE), 0);
}

static inline void world_close(struct world *w)
{
    rl_arena_close(&w->arena);
}

/* Limits were changed in place, by the test alone. */
static inline void world_limits_changed(struct world *w)
{
    w->set->version++;
    rl_risk_use(&w->risk, w->set);
    /* The windowed collar learns a longer window from the next reference. */
}

static inline struct rl_request world_request(unsigned side, uint64_t qty, int64_t px_nano)
{
    return (struct rl_request){
        .scopes = {.instrument = INSTRUMENT,
                   .venue = VENUE,
                   .account = ACCOUNT,
                   .strategy = STRATEGY},
        .px_nano = px_nano,
        .qty = qty,
        .side = (uint8_t)side,
        .type = px_nano == RL_PX_NONE ? RL_TYPE_MARKET : RL_TYPE_LIMIT,
    };
}

static inline uint32_t world_check(struct world *w, const struct rl_request *q)
{
    return rl_risk_check(&w->risk, q, &w->in, w->now);
}

/* Refused for this reason, among others; the limit it is about and what would have been. */
static inline void world_must_explain(struct world *w, uint32_t reason, struct rl_request q,
                                      int64_t limit, int64_t actual)
{
    int64_t seen_limit, seen_actual;

    CHECK_EQ(world_check(w, &q) & reason, reason);
    rl_risk_explain(&w->risk, &q, &w->in, w->now, reason, &seen_limit, &seen_actual);
    CHECK_EQ(seen_limit, limit);
    CHECK_EQ(seen_actual, actual);
}

/* A market order is reserved at the price that was valued when it left. */
static inline void world_give_px(struct world *w, struct rl_order_change *c)
{
    int64_t px = c->order != NULL ? w->reserved_px[c->order->id % N_SLOTS] : 0;

    if (c->was_reserved_px_nano == RL_PX_NONE)
        c->was_reserved_px_nano = px;
    if (c->now_reserved_px_nano == RL_PX_NONE)
        c->now_reserved_px_nano = px;
}

static inline void world_move(struct world *w, const struct rl_order_change *c)
{
    const struct rl_order *o = c->order;
    bool is_booked;

    if (c->undo_qty != 0)
        is_booked =
            rl_ledger_correct(&w->ledger, o->account, o->instrument, o->side, c->undo_px_nano,
                              (uint64_t)c->undo_qty, c->px_nano, (uint64_t)c->d_qty);
    else if (c->d_qty < 0)
        is_booked = rl_ledger_bust(&w->ledger, o->account, o->instrument, o->side, c->px_nano,
                                   (uint64_t)-c->d_qty);
    else if (c->d_qty > 0)
        is_booked = rl_ledger_fill(&w->ledger, o->account, o->instrument, o->side, c->px_nano,
                                   (uint64_t)c->d_qty);
    else
        is_booked = true;
    CHECK(is_booked);
    CHECK(rl_ledger_move(&w->ledger, o->account, o->instrument, o->side, c->was_reserved_qty,
                         c->was_reserved_px_nano, c->now_reserved_qty, c->now_reserved_px_nano));
}

/* Leaves unasked: what the check says is the test's business. */
static inline uint64_t world_send(struct world *w, const struct rl_request *q)
{
    uint64_t id = rl_orders_next_id(&w->orders, &w->ids);
    struct rl_order_change c;

    CHECK(id != RL_ID_NONE);
    w->reserved_px[id % N_SLOTS] = rl_risk_px_to_reserve(&w->risk, q, &w->in);
    CHECK_EQ(rl_orders_sent(&w->orders, id, q, &c), 0);
    world_give_px(w, &c);
    world_move(w, &c);
    rl_risk_sent(&w->risk, q, &c, w->now);
    return id;
}

static inline void world_cancel(struct world *w, uint64_t id)
{
    const struct rl_order *o = rl_orders_live(&w->orders, id);
    struct rl_scopes scopes = {.instrument = o->instrument,
                               .venue = o->venue,
                               .account = o->account,
                               .strategy = o->strategy};
    struct rl_order_change c;

    CHECK_EQ(
        rl_orders_cancel_sent(&w->orders, rl_orders_next_cancel_id(&w->orders, &w->ids), id, &c),
        0);
    rl_risk_cancel_sent(&w->risk, &scopes, w->now);
}

/* What an order would be with another quantity and price. */
static inline struct rl_request world_changed(const struct rl_order *o, uint64_t qty, int64_t px)
{
    return (struct rl_request){.scopes = {.instrument = o->instrument,
                                          .venue = o->venue,
                                          .account = o->account,
                                          .strategy = o->strategy},
                               .px_nano = px,
                               .qty = qty,
                               .side = o->side,
                               .type = o->type};
}

static inline uint64_t world_replace(struct world *w, uint64_t id, uint64_t qty, int64_t px)
{
    struct rl_request q = world_changed(rl_orders_live(&w->orders, id), qty, px);
    uint64_t new_id = rl_orders_next_id(&w->orders, &w->ids);
    struct rl_order_change c;

    CHECK_EQ(rl_orders_replace_sent(&w->orders, new_id, id, qty, px, &c), 0);
    world_move(w, &c);
    rl_risk_replace_sent(&w->risk, &q, &c, w->now);
    return new_id;
}

/* The venue says; true: something is called for (w->trip). */
static inline bool world_event(struct world *w, struct rl_order_event e)
{
    struct rl_order_change c;
    bool is_trip;

    rl_orders_event(&w->orders, &e, &c);
    world_give_px(w, &c);
    if (c.order != NULL)
        world_move(w, &c);
    is_trip = rl_risk_told(&w->risk, &c, w->now, &w->trip);
    w->n_trips += is_trip && !w->trip.is_alert;
    w->n_alerts += is_trip && w->trip.is_alert;
    return is_trip;
}

static inline bool world_says(struct world *w, unsigned kind, uint64_t id)
{
    return world_event(
        w, (struct rl_order_event){
               .id = id, .orig_id = RL_ID_NONE, .px_nano = RL_PX_NONE, .kind = (uint8_t)kind});
}

static inline bool world_fills(struct world *w, uint64_t id, uint64_t qty, int64_t px)
{
    return world_event(w, (struct rl_order_event){.id = id,
                                                  .orig_id = RL_ID_NONE,
                                                  .exec = ++w->exec,
                                                  .qty = qty,
                                                  .px_nano = px,
                                                  .kind = RL_EVENT_FILL});
}

/* An order that is sent, acknowledged and filled at its price. */
static inline void world_trade(struct world *w, unsigned side, uint64_t qty, int64_t px)
{
    struct rl_request q = world_request(side, qty, px);
    uint64_t id = world_send(w, &q);

    world_says(w, RL_EVENT_ACK, id);
    world_fills(w, id, qty, px);
}

#endif
