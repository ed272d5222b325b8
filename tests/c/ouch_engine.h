/*
 * ouch_engine - an order manager that trades by OUCH over a frame port, and a desk of the exchange
 * at the other end.
 */
#ifndef RL_TESTS_OUCH_ENGINE_H
#define RL_TESTS_OUCH_ENGINE_H

#include "oms_bench.h"
#include "ouch_world.h"
#include "rig/exchange/ouch_client.h"
#include "rig/exchange/ouch_desk.h"

struct ouch_engine {
    struct oms_bench bench; /* the order manager; instrument i is the venue's i */
    struct rl_arena arena;
    struct rl_ouch_client client;
    struct rl_ouch_port link;
    struct rl_ouch_desk *desk;
    uint32_t flags; /* of all events so far: RL_ORDER_* */
    uint64_t n_events;
};

static inline void engine_told(void *context, const uint8_t *message, uint32_t n_bytes)
{
    struct rl_order_event events[RL_OUCH_CLIENT_EVENTS];
    struct ouch_engine *e = context;
    int n = rl_ouch_client_read(&e->client, message, n_bytes, events, NULL);

    CHECK(n >= 0);
    for (int i = 0; i < n; i++)
        e->flags |= rl_oms_event(&e->bench.oms, &events[i], ++e->bench.now_tsc);
    e->n_events += (uint64_t)n;
    oms_take_records(&e->bench);
    e->bench.n_records = 0;
}

static inline void engine_news(void *context, enum rl_ouch_port_news news)
{
    (void)context;
    (void)news;
}

static inline void engine_open(struct ouch_engine *e, struct rl_port *port, uint32_t n_slots)
{
    struct rl_oms_config config = oms_config();
    struct rl_bench_limits limits = oms_limits;
    struct rl_ouch_client_config client = {.n_refs = 1 << 12};
    struct rl_ouch_port_config link = {.is_client = true, .n_window = 512};
    struct rl_ouch_port_handlers on = {engine_told, engine_news, e};

    memset(e, 0, sizeof *e);
    limits.max_position = 100000000;
    limits.max_open = 100000;
    limits.band_bps = 9000;
    limits.may_meet_own = true;
    config.n_order_slots = n_slots;
    config.n_execs = 1 << 14;
    oms_open(&e->bench, &config, &limits);
    CHECK_EQ(rl_arena_open(&e->arena,
                           rl_ouch_client_bytes(&client) + rl_ouch_port_bytes(&link) + 4096, 0),
             0);
    CHECK_EQ(rl_ouch_client_init(&e->client, &e->arena, &client), 0);
    rl_ouch_client_start(&e->client, config.epoch, 1);
    CHECK_EQ(rl_ouch_port_init(&e->link, &e->arena, &link, port, &on), 0);
}

static inline void engine_close(struct ouch_engine *e)
{
    rl_arena_close(&e->arena);
    oms_close(&e->bench);
}

/* Leaves, or is dropped as if there were no room for it. RL_ID_NONE when it did not leave. */
static inline uint64_t engine_leave(struct ouch_engine *e, struct rl_ticket *t, const uint8_t *out,
                                    uint32_t n)
{
    if (n == 0 || rl_ouch_port_room(&e->link) == 0) {
        rl_oms_drop(&e->bench.oms, t, n == 0);
        return RL_ID_NONE;
    }
    if (!rl_oms_commit(&e->bench.oms, t))
        return RL_ID_NONE;
    CHECK(rl_ouch_port_send(&e->link, out, n));
    rl_oms_sent(&e->bench.oms, t);
    return t->id;
}

static inline uint64_t engine_send(struct ouch_engine *e, const struct rl_request *request,
                                   const char *symbol, uint64_t midnight_ns)
{
    struct rl_risk_input in = oms_input(&e->bench);
    uint8_t out[RL_OUCH_MAX_MESSAGE];
    struct rl_ticket t;

    if (rl_oms_check(&e->bench.oms, request, &in, ++e->bench.now_tsc, &t) != RL_OMS_READY)
        return RL_ID_NONE;
    return engine_leave(
        e, &t, out,
        rl_ouch_client_enter(&e->client, request, t.id, symbol, midnight_ns, out, sizeof out));
}

static inline uint64_t engine_replace(struct ouch_engine *e, uint64_t id, uint64_t qty,
                                      int64_t px_nano)
{
    struct rl_risk_input in = oms_input(&e->bench);
    uint8_t out[RL_OUCH_MAX_MESSAGE];
    struct rl_ticket t;

    if (rl_oms_check_replace(&e->bench.oms, id, qty, px_nano, &in, ++e->bench.now_tsc, &t) !=
        RL_OMS_READY)
        return RL_ID_NONE;
    return engine_leave(
        e, &t, out, rl_ouch_client_replace(&e->client, t.id, id, qty, px_nano, out, sizeof out));
}

static inline uint64_t engine_cancel(struct ouch_engine *e, uint64_t id)
{
    uint8_t out[RL_OUCH_MAX_MESSAGE];
    struct rl_ticket t;

    if (rl_oms_check_cancel(&e->bench.oms, id, ++e->bench.now_tsc, &t) != RL_OMS_READY)
        return RL_ID_NONE;
    return engine_leave(e, &t, out, rl_ouch_client_cancel(&e->client, id, out, sizeof out));
}

#endif
