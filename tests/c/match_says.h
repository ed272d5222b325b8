/*
 * match_says - requests in a few words, and what was told, for tests that read as promises.
 *
 * Prices are in ticks. Orders are GTC, of owner 0, in instrument 0, unless said otherwise.
 */
#ifndef RL_TESTS_MATCH_SAYS_H
#define RL_TESTS_MATCH_SAYS_H

#include "match_world.h"

static struct world w;

static inline void open_world(unsigned trigger)
{
    struct rl_match_config config = {
        .n_instruments = 2,
        .n_orders = 16,
        .n_stops = 8,
        .n_levels_per_side = 6,
        .n_owners = 3,
        .n_trades = 4,
        .tick_nano = TICK,
        .trigger = (uint8_t)trigger,
        .seed = 1,
    };

    world_open(&w, &config);
}

static inline void close_world(void)
{
    world_check(&w);
    world_close(&w);
}

static inline struct rl_match_request limit(uint64_t id, unsigned side, int64_t px, uint64_t qty)
{
    return (struct rl_match_request){.op = RL_MATCH_NEW,
                                     .id = id,
                                     .user = 1000 + id,
                                     .side = (uint8_t)side,
                                     .px_nano = px * TICK,
                                     .qty = qty,
                                     .tif = RL_MATCH_GTC};
}

static inline struct rl_match_request buy(uint64_t id, int64_t px, uint64_t qty)
{
    return limit(id, RL_BUY, px, qty);
}

static inline struct rl_match_request sell(uint64_t id, int64_t px, uint64_t qty)
{
    return limit(id, RL_SELL, px, qty);
}

static inline struct rl_match_request market(uint64_t id, unsigned side, uint64_t qty)
{
    struct rl_match_request r = limit(id, side, 0, qty);

    r.type = RL_MATCH_MARKET;
    r.slippage_nano = -1;
    return r;
}

static inline struct rl_match_request stop(uint64_t id, unsigned side, int64_t stop_px,
                                           uint64_t qty)
{
    struct rl_match_request r = market(id, side, qty);

    r.type = RL_MATCH_STOP;
    r.stop_px_nano = stop_px * TICK;
    return r;
}

static inline struct rl_match_request of(uint32_t owner, struct rl_match_request r)
{
    r.owner = owner;
    return r;
}

static inline struct rl_match_request with_tif(unsigned tif, struct rl_match_request r)
{
    r.tif = (uint8_t)tif;
    return r;
}

static inline struct rl_match_request with_flags(unsigned flags, struct rl_match_request r)
{
    r.flags = (uint8_t)flags;
    return r;
}

static inline struct rl_match_request with_stp(unsigned stp, struct rl_match_request r)
{
    r.stp = (uint8_t)stp;
    return r;
}

static inline struct rl_match_request showing(uint64_t show_qty, struct rl_match_request r)
{
    r.show_qty = show_qty;
    return r;
}

static inline struct rl_match_request whole(struct rl_match_request r)
{
    return with_flags(RL_MATCH_ALL_OR_NONE, r);
}

static inline struct rl_match_request cancel(uint64_t id)
{
    return (struct rl_match_request){.op = RL_MATCH_CANCEL, .id = id, .user = 1000 + id};
}

static inline struct rl_match_request replace(uint64_t id, uint64_t new_id, int64_t px,
                                              uint64_t qty)
{
    return (struct rl_match_request){.op = RL_MATCH_REPLACE,
                                     .id = id,
                                     .new_id = new_id,
                                     .user = 1000 + new_id,
                                     .px_nano = px * TICK,
                                     .stop_px_nano = RL_PX_NONE,
                                     .qty = qty};
}

static inline struct rl_match_request phase(unsigned phase)
{
    return (struct rl_match_request){
        .op = RL_MATCH_PHASE, .owner = RL_MATCH_ANYBODY, .phase = (uint8_t)phase};
}

/* --- what was told ---------------------------------------------------------------------------- */

static inline void take(struct rl_match_request r)
{
    world_take(&w, r);
    world_check(&w);
}

/* The k-th event of that kind of the last request; NULL. */
static inline const struct rl_match_event *told(unsigned kind, unsigned k)
{
    for (uint32_t i = 0; i < w.n_events; i++)
        if (w.events[i].kind == kind && k-- == 0)
            return &w.events[i];
    return NULL;
}

static inline unsigned n_told(unsigned kind)
{
    unsigned n = 0;

    while (told(kind, n))
        n++;
    return n;
}

/* The last request led to exactly one such event, of that order and for that reason. */
#define CHECK_TOLD(kind_, id_, reason_)                                               \
    do {                                                                              \
        CHECK_EQ(n_told(RL_MATCH_EVENT_##kind_), 1);                                  \
        CHECK_EQ(told(RL_MATCH_EVENT_##kind_, 0)->id, id_);                           \
        CHECK_EQ(told(RL_MATCH_EVENT_##kind_, 0)->reason, RL_MATCH_REASON_##reason_); \
    } while (0)

/* Its k-th trade was of these two, the resting one first. */
#define CHECK_TRADE(k_, resting_, arrived_, px_, qty_)                                 \
    do {                                                                               \
        const struct rl_match_event *first = told(RL_MATCH_EVENT_FILL, 2 * (k_));      \
        const struct rl_match_event *second = told(RL_MATCH_EVENT_FILL, 2 * (k_) + 1); \
                                                                                       \
        CHECK(first &&second);                                                         \
        CHECK_EQ(first->id, resting_);                                                 \
        CHECK_EQ(second->id, arrived_);                                                \
        CHECK_EQ(first->other_id, arrived_);                                           \
        CHECK_EQ(second->other_id, resting_);                                          \
        CHECK_EQ(first->match, second->match);                                         \
        CHECK_EQ(first->px_nano, (px_) * (int64_t)TICK);                               \
        CHECK_EQ(second->px_nano, (px_) * (int64_t)TICK);                              \
        CHECK_EQ(first->qty, qty_);                                                    \
        CHECK_EQ(second->qty, qty_);                                                   \
    } while (0)

#define CHECK_TRADES(n) CHECK_EQ(n_told(RL_MATCH_EVENT_FILL), 2 * (n))

/* What a side shows at a price. */
static inline uint64_t shown_at(unsigned side, int64_t px)
{
    return rl_books_qty_at(rl_match_books(&w.m), 0, (enum rl_side)side, px * TICK);
}

static inline bool is_live(uint64_t id)
{
    struct rl_match_view v;

    return rl_match_find(&w.m, 0, id, &v);
}

static inline struct rl_match_view view_of(uint64_t id)
{
    struct rl_match_view v;

    CHECK(rl_match_find(&w.m, 0, id, &v));
    return v;
}

#endif
