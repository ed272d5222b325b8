/*
 * venue_bench - a venue with two instruments and members that remember what they were told.
 */
#ifndef RL_TESTS_VENUE_BENCH_H
#define RL_TESTS_VENUE_BENCH_H

#include <stdlib.h>
#include <string.h>

#include "check.h"
#include "rig/exchange/mischief.h"

#define UNIT RL_NANO_PER_UNIT
#define START_NS 1700000000000000000ULL
#define BENCH_MEMBERS 4
#define BENCH_EVENTS 4096

struct bench_member {
    struct venue_bench *bench;
    uint32_t number;
    struct rl_match_event events[BENCH_EVENTS];
    uint64_t told_ns[BENCH_EVENTS];
    uint32_t n;
};

struct venue_bench {
    struct rl_arena arena;
    struct rl_venue venue;
    struct rl_mischief mischief;
    struct bench_member members[BENCH_MEMBERS];
    uint64_t now_ns;
};

static inline void bench_told(void *context, const struct rl_match_event *e)
{
    struct bench_member *m = context;

    CHECK(m->n < BENCH_EVENTS);
    CHECK_EQ(e->owner, m->number);
    m->told_ns[m->n] = m->bench->now_ns;
    m->events[m->n++] = *e;
}

/* `mischief` may be NULL. */
static inline struct venue_bench *bench_open(const struct rl_mischief_config *mischief)
{
    struct rl_venue_config config = {.match = {.n_instruments = 4,
                                               .n_orders = 4096,
                                               .n_levels_per_side = 256,
                                               .n_owners = BENCH_MEMBERS + 2,
                                               .n_trades = 1024,
                                               .tick_nano = UNIT / 100}};
    struct venue_bench *b = calloc(1, sizeof *b);
    size_t n_bytes = rl_venue_bytes(&config);

    CHECK(b && n_bytes > 0);
    if (mischief)
        n_bytes += rl_mischief_bytes(mischief, config.match.n_owners);
    b->now_ns = START_NS;
    CHECK_EQ(rl_arena_open(&b->arena, n_bytes + (1 << 20), 0), 0);
    CHECK_EQ(rl_venue_init(&b->venue, &b->arena, &config), 0);
    CHECK_EQ(rl_venue_list(&b->venue, "AAPL"), 0);
    CHECK_EQ(rl_venue_list(&b->venue, "MSFT"), 1);
    if (mischief)
        CHECK_EQ(rl_mischief_init(&b->mischief, &b->arena, &b->venue, mischief, START_NS), 0);
    return b;
}

static inline void bench_close(struct venue_bench *b)
{
    rl_arena_close(&b->arena);
    free(b);
}

static inline struct bench_member *bench_join(struct venue_bench *b,
                                              const struct rl_venue_member_config *like)
{
    struct rl_venue_member_config config = like ? *like : (struct rl_venue_member_config){0};
    struct bench_member *m = &b->members[b->venue.n_members];
    int number;

    config.told = bench_told;
    config.context = m;
    m->bench = b;
    number = rl_venue_join(&b->venue, &config);
    CHECK(number >= 0);
    m->number = (uint32_t)number;
    return m;
}

/* A limit order that rests as long as it is let; its id, 0 above the rate. */
static inline uint64_t bench_limit(struct bench_member *m, enum rl_side side, int64_t cents,
                                   uint64_t qty)
{
    struct rl_match_request r = {.op = RL_MATCH_NEW,
                                 .id = rl_venue_take_id(&m->bench->venue),
                                 .owner = m->number,
                                 .side = (uint8_t)side,
                                 .type = RL_MATCH_LIMIT,
                                 .tif = RL_MATCH_GTC,
                                 .px_nano = cents * (UNIT / 100),
                                 .qty = qty};

    return rl_venue_ask(&m->bench->venue, &r, m->bench->now_ns) ? r.id : 0;
}

static inline bool bench_cancel(struct bench_member *m, uint64_t id)
{
    return rl_venue_ask(
        &m->bench->venue,
        &(struct rl_match_request){.op = RL_MATCH_CANCEL, .id = id, .owner = m->number},
        m->bench->now_ns);
}

/* Time goes on by so much, in one step. */
static inline uint64_t bench_wait(struct venue_bench *b, uint64_t ns)
{
    b->now_ns += ns;
    return rl_venue_turn(&b->venue, b->now_ns);
}

static inline uint32_t bench_count(const struct bench_member *m, enum rl_match_kind kind)
{
    uint32_t n = 0;

    for (uint32_t i = 0; i < m->n; i++)
        n += m->events[i].kind == kind;
    return n;
}

#endif
