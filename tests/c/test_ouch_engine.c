/*
 * An engine trades by OUCH in frames, over a wire that loses, repeats and reorders them, against
 * somebody else: at the end both sides have the same orders, executions and positions.
 */
#include "lossy_wire.h"
#include "ouch_engine.h"
#include "rig/exchange/mischief.h"

enum { N_STEPS = 2500, US = 1000 };

static struct ouch_world w;
static struct rl_arena arena;
static struct rl_ouch_desk desk;
static struct ouch_engine engine;
static struct wire wire;
static uint64_t now, seed, n_trades;
static uint32_t other, other_ref;
static int64_t bought[OMS_INSTRUMENTS]; /* by the engine, as the venue has it; sales off */
static uint64_t matches[4096];          /* that the engine took part in */

static const char *const symbols[] = {"AAPL", "MSFT", "X"};

static uint64_t draw(uint64_t n)
{
    return (check_random(&seed) >> 32) % n;
}

static void count(void *context, const struct rl_match_event *e)
{
    int64_t sign = e->kind == RL_MATCH_EVENT_FILL ? 1 : e->kind == RL_MATCH_EVENT_BUSTED ? -1 : 0;

    (void)context;
    if (sign == 0 || e->owner != desk.seats[0].member)
        return;
    bought[e->instrument] += sign * (e->side == RL_BUY ? 1 : -1) * (int64_t)e->qty;
    if (sign > 0 && n_trades < RL_COUNT(matches))
        matches[n_trades++] = e->match;
}

static void turn(void)
{
    now += 20 * US;
    w.now_ns += 20 * US;
    (void)rl_ouch_desk_turn(&desk, now, w.now_ns);
    (void)rl_ouch_port_turn(&engine.link, now);
}

static void quiesce(void)
{
    wire.loses = wire.repeats = wire.reorders = 0;
    for (int i = 0; i < 400; i++) /* eight times a retry that has backed off once or twice */
        turn();
}

static void open_all(uint64_t random, uint32_t trouble, uint8_t stp)
{
    struct rl_ouch_port_config link = {.n_window = 512};
    struct rl_ouch_member_config member = {
        .firms = {"FIRM"}, .cancels_on_disconnect = true, .stp = stp};

    seed = random;
    now = 1000000 * US;
    n_trades = other_ref = 0;
    memset(bought, 0, sizeof bought);
    ouch_open_sized(&w, 2048, 2048);
    w.hears = rl_ouch_desk_send;
    w.context = &desk;
    wire_open(&wire, random);
    CHECK_EQ(
        rl_arena_open(&arena, rl_ouch_desk_bytes(1, w.g.n_members) + rl_ouch_port_bytes(&link), 0),
        0);
    CHECK_EQ(rl_ouch_desk_init(&desk, &arena, &w.g, 1), 0);
    CHECK_EQ(rl_ouch_desk_seat(&desk, &arena, &wire.end[1].port, &link, &member), 0);
    other = ouch_join(&w); /* not at the desk: what it is told nobody needs */
    CHECK_EQ(rl_venue_feed(&w.venue, count, NULL), 0);
    engine_open(&engine, &wire.end[0].port, 4096);
    rl_ouch_port_open(&engine.link, 1, now);
    for (int i = 0; i < 4; i++)
        turn();
    CHECK(rl_ouch_port_is_up(&engine.link));
    wire.loses = wire.repeats = wire.reorders = trouble;
}

static void close_all(void)
{
    engine_close(&engine);
    rl_arena_close(&arena);
    wire_close(&wire);
    ouch_close(&w);
}

/* --- both sides' books ------------------------------------------------------------------------ */

/* What is open of the engine's orders: equal, or how many differ. */
static uint32_t count_differences(void)
{
    const struct rl_orders *o = &engine.bench.oms.orders;
    uint32_t n = 0, n_venue = 0, n_engine = 0;

    for (uint64_t s = rl_orders_next_open(o, 0); s <= o->mask; s = rl_orders_next_open(o, s + 1)) {
        const struct rl_order *order = &o->slots[s];
        uint32_t ref = rl_ouch_client_ref(&engine.client, order->id);
        const struct rl_ouch_client_ref *r = &engine.client.refs[ref & engine.client.mask];
        struct rl_match_view v;

        n_engine++;
        if (r->ref != ref || !rl_match_find(w.venue.match, order->instrument, r->order_ref, &v) ||
            v.owner != desk.seats[0].member || v.side != order->side ||
            v.px_nano != order->px_nano || v.done != order->cum || v.leaves != r->open ||
            v.leaves + r->lost != rl_order_leaves(order))
            n++;
    }
    for (uint32_t i = 0; i < w.g.n_slots; i++)
        n_venue +=
            w.g.orders[i].state != RL_OUCH_FREE && w.g.orders[i].member == desk.seats[0].member;
    return n + (n_venue > n_engine ? n_venue - n_engine : n_engine - n_venue);
}

static void check_positions(void)
{
    for (uint32_t i = 0; i < 3; i++)
        CHECK_EQ(rl_ledger_at(&engine.bench.oms.ledger, 0, i)->net, bought[i]);
}

static void check_oms(void)
{
    const char *why = "";

    if (rl_oms_verify(&engine.bench.oms, &why) != 0)
        fprintf(stderr, "%s\n", why);
    CHECK_EQ(rl_oms_verify(&engine.bench.oms, &why), 0);
    CHECK_EQ(OMS_N(&engine.bench, events_unknown), 0);
    CHECK_EQ(OMS_N(&engine.bench, overfills), 0);
    CHECK_EQ(OMS_N(&engine.bench, fills_duplicate), 0);
    CHECK_EQ(OMS_N(&engine.bench, events_illegal), 0);
    CHECK(rl_kill_is_clear(&engine.bench.kill));
}

/* --- the flow --------------------------------------------------------------------------------- */

static int64_t price(void)
{
    return 100 * RL_NANO_PER_UNIT + ((int64_t)draw(10) - 5) * RL_NANO_PER_UNIT / 100;
}

/* An open order of the engine's, or RL_ID_NONE. */
static uint64_t some_order(void)
{
    const struct rl_orders *o = &engine.bench.oms.orders;
    uint64_t slot = rl_orders_next_open(o, draw(o->mask + 1));

    if (slot > o->mask)
        slot = rl_orders_next_open(o, 0);
    return slot <= o->mask ? o->slots[slot].id : RL_ID_NONE;
}

static void act(void)
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
        (void)engine_send(&engine, &r, symbols[r.scopes.instrument], 0);
        break;
    case 4:
    case 5:
        if (id != RL_ID_NONE)
            (void)engine_replace(&engine, id, 1 + draw(400), price());
        break;
    case 6:
        if (id != RL_ID_NONE)
            (void)engine_cancel(&engine, id);
        break;
    default: { /* somebody else */
        struct rl_ouch_in in = ouch_order(++other_ref, "BS"[draw(2)], (uint32_t)(1 + draw(300)),
                                          (double)price() / 1e9);

        rl_put_alpha(in.symbol, symbols[draw(3)], RL_OUCH_SYMBOL);
        in.tif = draw(2) ? RL_OUCH_DAY : RL_OUCH_IOC;
        rl_ouch_desk_turn(&desk, now, w.now_ns);
        ouch_in(&w, other, &in);
        break;
    }
    }
}

static void trade(uint64_t random, uint32_t trouble, uint8_t stp)
{
    open_all(random, trouble, stp);
    for (uint32_t i = 0; i < N_STEPS; i++) {
        act();
        turn();
    }
    quiesce();
}

static void test_both_sides_agree_whatever_the_wire_did(void)
{
    static const uint32_t troubles[] = {0, 30, 150};

    for (size_t i = 0; i < RL_COUNT(troubles); i++)
        for (uint64_t random = 1; random <= 3; random++) {
            trade(random, troubles[i], RL_MATCH_STP_NONE);
            CHECK_EQ(count_differences(), 0);
            check_positions();
            check_oms();
            CHECK(OMS_N(&engine.bench, fills) > 200);
            CHECK(OMS_N(&engine.bench, replaces_sent) > 50);
            CHECK(engine.bench.oms.orders.n_open > 0);
            CHECK(engine.link.n.resent > 0 || troubles[i] == 0);
            close_all();
        }
}

static void test_both_sides_agree_when_self_matches_are_prevented(void)
{
    static const uint8_t stps[] = {RL_MATCH_STP_NEWEST, RL_MATCH_STP_OLDEST, RL_MATCH_STP_BOTH,
                                   RL_MATCH_STP_DECREMENT};
    uint64_t n_lessened = 0;

    for (size_t i = 0; i < RL_COUNT(stps); i++) {
        trade(11, 20, stps[i]);
        CHECK_EQ(count_differences(), 0);
        check_positions();
        check_oms();
        n_lessened += engine.client.n.lessened;
        close_all();
    }
    CHECK(n_lessened > 0);
}

/* The negative: one answer is not passed on. */
static void test_an_answer_that_is_missed_is_seen(void)
{
    trade(1, 0, RL_MATCH_STP_NONE);
    CHECK_EQ(count_differences(), 0);
    for (uint32_t i = 0; i < w.g.n_slots; i++) /* something that rests is cancelled unheard */
        if (w.g.orders[i].state == RL_OUCH_LIVE && w.g.orders[i].member == desk.seats[0].member) {
            w.hears = NULL;
            ouch_cancel(&w, desk.seats[0].member, w.g.orders[i].ref, 0);
            break;
        }
    quiesce();
    CHECK(count_differences() > 0);
    close_all();
}

static void test_trades_that_are_taken_back_leave_the_position(void)
{
    trade(2, 0, RL_MATCH_STP_NONE);
    for (uint64_t i = 0; i < n_trades; i += 7)
        rl_venue_decide(&w.venue,
                        &(struct rl_match_request){.op = RL_MATCH_BUST,
                                                   .match = matches[i],
                                                   .instrument = RL_INSTRUMENT_ALL},
                        w.now_ns);
    quiesce();
    CHECK(OMS_N(&engine.bench, busts) > 20);
    check_positions();
    check_oms();
    close_all();
}

/* Executions that are told late, twice and behind other answers, and trades that are taken back. */
static void test_both_sides_agree_when_the_venue_misbehaves(void)
{
    struct rl_mischief_config config = {.seed = 5,
                                        .answer = {.fixed_ns = 200000},
                                        .late_fill_chance = 50000,
                                        .late_fill_ns = 1000000,
                                        .duplicate_fill_chance = 100000,
                                        .swap_chance = 50000,
                                        .bust_chance = 30000,
                                        .bust_after_ns = 500000,
                                        .n_waiting = 4096};
    struct rl_mischief mischief;
    struct rl_arena own;
    const char *why = "";

    open_all(6, 0, RL_MATCH_STP_NONE);
    CHECK_EQ(rl_arena_open(&own, rl_mischief_bytes(&config, 8) + 4096, 0), 0);
    CHECK_EQ(rl_mischief_init(&mischief, &own, &w.venue, &config, w.now_ns), 0);
    for (uint32_t i = 0; i < N_STEPS; i++) {
        act();
        turn();
        (void)rl_venue_turn(&w.venue, w.now_ns);
    }
    for (int i = 0; i < 400; i++) {
        turn();
        (void)rl_venue_turn(&w.venue, w.now_ns);
    }
    CHECK(mischief.n.duplicate_fills > 50 && mischief.n.late_fills > 20 && mischief.n.busts > 5);
    check_positions();
    CHECK(OMS_N(&engine.bench, fills_duplicate) > 10); /* seen, and not booked */
    CHECK_EQ(OMS_N(&engine.bench, events_unknown), 0);
    CHECK_EQ(OMS_N(&engine.bench, overfills), 0);
    CHECK_EQ(rl_oms_verify(&engine.bench.oms, &why), 0);
    rl_arena_close(&own);
    close_all();
}

static void test_an_engine_that_is_cut_off_loses_its_orders(void)
{
    trade(3, 0, RL_MATCH_STP_NONE);
    CHECK(engine.bench.oms.orders.n_open > 0);
    wire.loses = 1000;
    for (int i = 0; i < 110000; i++)
        turn();
    CHECK(!rl_ouch_port_is_up(&engine.link));
    CHECK_EQ(desk.seats[0].link.n.downs, 1);
    for (uint32_t i = 0; i < w.g.n_slots; i++)
        CHECK(w.g.orders[i].state == RL_OUCH_FREE || w.g.orders[i].member == other);
    CHECK(w.venue.n.cancelled_on_disconnect > 0);
    close_all();
}

static void test_a_client_that_does_not_read_is_dropped(void)
{
    open_all(4, 0, RL_MATCH_STP_NONE);
    for (uint32_t i = 0; i < 100; i++) {
        struct rl_request r = oms_request(RL_SELL, 10, 100 * RL_NANO_PER_UNIT);

        CHECK(engine_send(&engine, &r, "AAPL", 0) != RL_ID_NONE);
        turn();
    }
    for (uint32_t i = 0; i < 900; i++) { /* its orders are executed, lot by lot; it reads nothing */
        ouch_enter(&w, other, ++other_ref, RL_OUCH_BUY, 1, 100.00);
        now += US;
        (void)rl_ouch_desk_turn(&desk, now, w.now_ns);
    }
    CHECK_EQ(desk.n_dropped, 1);
    CHECK(!rl_ouch_port_is_up(&desk.seats[0].link));
    close_all();
}

int main(void)
{
    test_both_sides_agree_whatever_the_wire_did();
    test_both_sides_agree_when_self_matches_are_prevented();
    test_an_answer_that_is_missed_is_seen();
    test_trades_that_are_taken_back_leave_the_position();
    test_both_sides_agree_when_the_venue_misbehaves();
    test_an_engine_that_is_cut_off_loses_its_orders();
    test_a_client_that_does_not_read_is_dropped();
    return 0;
}
