/*
 * An engine trades by OUCH in frames, over a wire that loses, repeats and reorders them, against
 * somebody else: at the end both sides have the same orders, executions and positions.
 */
#include "lossy_wire.h"
#include "ouch_trade.h"
#include "rig/exchange/mischief.h"

#define N_STEPS 2500

static struct wire wire;

static void quiesce(void)
{
    wire.loses = wire.repeats = wire.reorders = 0;
    for (int i = 0; i < 400; i++) /* eight times a retry that has backed off once or twice */
        turn();
}

static void open_all(uint64_t random, uint32_t trouble, uint8_t stp)
{
    wire_open(&wire, random);
    trade_open((struct rl_port *const[2]){&wire.end[0].port, &wire.end[1].port}, random, stp);
    for (int i = 0; i < 4; i++)
        turn();
    CHECK(rl_ouch_port_is_up(&day.engine.link));
    wire.loses = wire.repeats = wire.reorders = trouble;
}

static void close_all(void)
{
    trade_close();
    wire_close(&wire);
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
            CHECK(OMS_N(&day.engine.bench, fills) > 200);
            CHECK(OMS_N(&day.engine.bench, replaces_sent) > 50);
            CHECK(day.engine.bench.oms.orders.n_open > 0);
            CHECK(day.engine.link.n.resent > 0 || troubles[i] == 0);
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
        n_lessened += day.engine.client.n.lessened;
        close_all();
    }
    CHECK(n_lessened > 0);
}

/* The negative: one answer is not passed on. */
static void test_an_answer_that_is_missed_is_seen(void)
{
    trade(1, 0, RL_MATCH_STP_NONE);
    CHECK_EQ(count_differences(), 0);
    for (uint32_t i = 0; i < day.w.g.n_slots; i++) /* something that rests is cancelled unheard */
        if (day.w.g.orders[i].state == RL_OUCH_LIVE &&
            day.w.g.orders[i].member == day.desk.seats[0].member) {
            day.w.hears = NULL;
            ouch_cancel(&day.w, day.desk.seats[0].member, day.w.g.orders[i].ref, 0);
            break;
        }
    quiesce();
    CHECK(count_differences() > 0);
    close_all();
}

static void test_trades_that_are_taken_back_leave_the_position(void)
{
    trade(2, 0, RL_MATCH_STP_NONE);
    for (uint64_t i = 0; i < day.n_trades; i += 7)
        rl_venue_decide(&day.w.venue,
                        &(struct rl_match_request){.op = RL_MATCH_BUST,
                                                   .match = day.matches[i],
                                                   .instrument = RL_INSTRUMENT_ALL},
                        day.w.now_ns);
    quiesce();
    CHECK(OMS_N(&day.engine.bench, busts) > 20);
    check_positions();
    check_oms();
    close_all();
}

/* Executions that are told late, twice and behind other answers, and trades that are taken
 * back. */
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
    CHECK_EQ(rl_mischief_init(&mischief, &own, &day.w.venue, &config, day.w.now_ns), 0);
    for (uint32_t i = 0; i < N_STEPS; i++) {
        act();
        turn();
        (void)rl_venue_turn(&day.w.venue, day.w.now_ns);
    }
    for (int i = 0; i < 400; i++) {
        turn();
        (void)rl_venue_turn(&day.w.venue, day.w.now_ns);
    }
    CHECK(mischief.n.duplicate_fills > 50 && mischief.n.late_fills > 20 && mischief.n.busts > 5);
    check_positions();
    CHECK(OMS_N(&day.engine.bench, fills_duplicate) > 10); /* seen, and not booked */
    CHECK_EQ(OMS_N(&day.engine.bench, events_unknown), 0);
    CHECK_EQ(OMS_N(&day.engine.bench, overfills), 0);
    CHECK_EQ(rl_oms_verify(&day.engine.bench.oms, &why), 0);
    rl_arena_close(&own);
    close_all();
}

static void test_an_engine_that_is_cut_off_loses_its_orders(void)
{
    trade(3, 0, RL_MATCH_STP_NONE);
    CHECK(day.engine.bench.oms.orders.n_open > 0);
    wire.loses = 1000;
    for (int i = 0; i < 110000; i++)
        turn();
    CHECK(!rl_ouch_port_is_up(&day.engine.link));
    CHECK_EQ(day.desk.seats[0].link.n.downs, 1);
    for (uint32_t i = 0; i < day.w.g.n_slots; i++)
        CHECK(day.w.g.orders[i].state == RL_OUCH_FREE || day.w.g.orders[i].member == day.other);
    CHECK(day.w.venue.n.cancelled_on_disconnect > 0);
    close_all();
}

static void test_a_client_that_does_not_read_is_dropped(void)
{
    open_all(4, 0, RL_MATCH_STP_NONE);
    for (uint32_t i = 0; i < 100; i++) {
        struct rl_request r = oms_request(RL_SELL, 10, 100 * RL_NANO_PER_UNIT);

        CHECK(engine_send(&day.engine, &r, "AAPL", 0) != RL_ID_NONE);
        turn();
    }
    for (uint32_t i = 0; i < 900; i++) { /* its orders are executed, lot by lot; it reads nothing */
        ouch_enter(&day.w, day.other, ++day.other_ref, RL_OUCH_BUY, 1, 100.00);
        day.now += US;
        (void)rl_ouch_desk_turn(&day.desk, day.now, day.w.now_ns);
    }
    CHECK_EQ(day.desk.n_dropped, 1);
    CHECK(!rl_ouch_port_is_up(&day.desk.seats[0].link));
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
