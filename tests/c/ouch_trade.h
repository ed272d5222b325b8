/*
 * ouch_trade - an engine that trades by OUCH over two joined ports, against somebody else, and what
 * both sides must agree on in the end: orders, executions, positions.
 */
#ifndef RL_TESTS_OUCH_TRADE_H
#define RL_TESTS_OUCH_TRADE_H

#include "ouch_engine.h"

#define US 1000ULL

static struct trade_day {
    struct ouch_world w;
    struct rl_arena arena;
    struct rl_ouch_desk desk;
    struct ouch_engine engine;
    uint64_t now, dice;
    uint32_t other, other_ref;        /* somebody who is not at the desk */
    int64_t bought[OMS_INSTRUMENTS];  /* by the engine, as the venue has it; sales off */
    uint64_t matches[4096], n_trades; /* that the engine took part in */
} day;

static const char *const symbols[] = {"AAPL", "MSFT", "X"};

static inline uint64_t draw(uint64_t n)
{
    return (check_random(&day.dice) >> 32) % n;
}

static inline void count(void *context, const struct rl_match_event *e)
{
    int64_t sign = e->kind == RL_MATCH_EVENT_FILL ? 1 : e->kind == RL_MATCH_EVENT_BUSTED ? -1 : 0;

    (void)context;
    if (sign == 0 || e->owner != day.desk.seats[0].member)
        return;
    day.bought[e->instrument] += sign * (e->side == RL_BUY ? 1 : -1) * (int64_t)e->qty;
    if (sign > 0 && day.n_trades < RL_COUNT(day.matches))
        day.matches[day.n_trades++] = e->match;
}

static inline void turn(void)
{
    day.now += 20 * US;
    day.w.now_ns += 20 * US;
    (void)rl_ouch_desk_turn(&day.desk, day.now, day.w.now_ns);
    (void)rl_ouch_port_turn(&day.engine.link, day.now);
}

/* The engine at ports[0], the desk at ports[1]; the link is being opened. */
static inline void trade_open(struct rl_port *const ports[2], uint64_t random, uint8_t stp)
{
    struct rl_ouch_port_config link = {.n_window = 512};
    struct rl_ouch_member_config member = {
        .firms = {"FIRM"}, .cancels_on_disconnect = true, .stp = stp};

    day.dice = random;
    day.now = 1000000 * US;
    day.n_trades = day.other_ref = 0;
    memset(day.bought, 0, sizeof day.bought);
    ouch_open_sized(&day.w, 2048, 2048);
    day.w.hears = rl_ouch_desk_send;
    day.w.context = &day.desk;
    CHECK_EQ(rl_arena_open(&day.arena,
                           rl_ouch_desk_bytes(1, day.w.g.n_members) + rl_ouch_port_bytes(&link), 0),
             0);
    CHECK_EQ(rl_ouch_desk_init(&day.desk, &day.arena, &day.w.g, 1), 0);
    CHECK_EQ(rl_ouch_desk_seat(&day.desk, &day.arena, ports[1], &link, &member), 0);
    day.other = ouch_join(&day.w); /* not at the desk: what it is told nobody needs */
    CHECK_EQ(rl_venue_feed(&day.w.venue, count, NULL), 0);
    engine_open(&day.engine, ports[0], 4096);
    rl_ouch_port_open(&day.engine.link, 1, day.now);
}

static inline void trade_close(void)
{
    engine_close(&day.engine);
    rl_arena_close(&day.arena);
    ouch_close(&day.w);
}

/* --- both sides' books ------------------------------------------------------------------------ */

/* What is open of the engine's orders: equal, or how many differ. */
static inline uint32_t count_differences(void)
{
    const struct rl_orders *o = &day.engine.bench.oms.orders;
    uint32_t n = 0, n_venue = 0, n_engine = 0;

    for (uint64_t s = rl_orders_next_open(o, 0); s <= o->mask; s = rl_orders_next_open(o, s + 1)) {
        const struct rl_order *order = &o->slots[s];
        uint32_t ref = rl_ouch_client_ref(&day.engine.client, order->id);
        const struct rl_ouch_client_ref *r = &day.engine.client.refs[ref & day.engine.client.mask];
        struct rl_match_view v;

        n_engine++;
        if (r->ref != ref ||
            !rl_match_find(day.w.venue.match, order->instrument, r->order_ref, &v) ||
            v.owner != day.desk.seats[0].member || v.side != order->side ||
            v.px_nano != order->px_nano || v.done != order->cum || v.leaves != r->open ||
            v.leaves + r->lost != rl_order_leaves(order))
            n++;
    }
    for (uint32_t i = 0; i < day.w.g.n_slots; i++)
        n_venue += day.w.g.orders[i].state != RL_OUCH_FREE &&
                   day.w.g.orders[i].member == day.desk.seats[0].member;
    return n + (n_venue > n_engine ? n_venue - n_engine : n_engine - n_venue);
}

static inline void check_positions(void)
{
    for (uint32_t i = 0; i < 3; i++)
        CHECK_EQ(rl_ledger_at(&day.engine.bench.oms.ledger, 0, i)->net, day.bought[i]);
}

static inline void check_oms(void)
{
    const char *why = "";

    if (rl_oms_verify(&day.engine.bench.oms, &why) != 0)
        fprintf(stderr, "%s\n", why);
    CHECK_EQ(rl_oms_verify(&day.engine.bench.oms, &why), 0);
    CHECK_EQ(OMS_N(&day.engine.bench, events_unknown), 0);
    CHECK_EQ(OMS_N(&day.engine.bench, overfills), 0);
    CHECK_EQ(OMS_N(&day.engine.bench, fills_duplicate), 0);
    CHECK_EQ(OMS_N(&day.engine.bench, events_illegal), 0);
    CHECK(rl_kill_is_clear(&day.engine.bench.kill));
}

/* --- the flow --------------------------------------------------------------------------------- */

static inline int64_t price(void)
{
    return 100 * RL_NANO_PER_UNIT + ((int64_t)draw(10) - 5) * RL_NANO_PER_UNIT / 100;
}

/* An open order of the engine's, or RL_ID_NONE. */
static inline uint64_t some_order(void)
{
    const struct rl_orders *o = &day.engine.bench.oms.orders;
    uint64_t slot = rl_orders_next_open(o, draw(o->mask + 1));

    if (slot > o->mask)
        slot = rl_orders_next_open(o, 0);
    return slot <= o->mask ? o->slots[slot].id : RL_ID_NONE;
}

static inline void act(void)
{
    struct rl_request r = oms_request((enum rl_side)draw(2), 1 + draw(300), price());
    uint64_t id = some_order();

    switch (draw(10)) {
    case 0:
    case 1:
    case 2:
    case 3:
        r.scopes.instrument = (uint32_t)draw(3);
        r.time_in_force = (uint8_t)(draw(4) ? RL_TIF_DAY : draw(2) ? RL_TIF_IOC : RL_TIF_FOK);
        (void)engine_send(&day.engine, &r, symbols[r.scopes.instrument], 0);
        break;
    case 4:
    case 5:
        if (id != RL_ID_NONE)
            (void)engine_replace(&day.engine, id, 1 + draw(400), price());
        break;
    case 6:
        if (id != RL_ID_NONE)
            (void)engine_cancel(&day.engine, id);
        break;
    default: { /* somebody else */
        struct rl_ouch_in in = ouch_order(++day.other_ref, "BS"[draw(2)], (uint32_t)(1 + draw(300)),
                                          (double)price() / 1e9);

        rl_put_alpha(in.symbol, symbols[draw(3)], RL_OUCH_SYMBOL);
        in.tif = draw(2) ? RL_OUCH_DAY : RL_OUCH_IOC;
        rl_ouch_desk_turn(&day.desk, day.now, day.w.now_ns);
        ouch_in(&day.w, day.other, &in);
        break;
    }
    }
}

#endif
