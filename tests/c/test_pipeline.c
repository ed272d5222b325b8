/* What the engine sends and refuses, and what it records of it. */
#include <errno.h>

#include "pipeline_bench.h"

static void test_a_signal_becomes_a_fix_order_that_names_its_trigger(void)
{
    struct bench *b = bench_itch();
    struct rl_audit_record record;
    struct order o;
    uint64_t trigger;

    quote(b);
    CHECK(!receive(b, &o));
    trigger = lean(b);
    CHECK(receive(b, &o));
    CHECK_EQ(o.trigger, trigger);
    CHECK_EQ(o.px_nano, 100 * UNIT); /* the offer */
    CHECK_EQ(o.qty, 10);
    CHECK_EQ(o.side, '1');
    CHECK_EQ(o.tif, '3');
    CHECK_EQ(o.msg_seq, 1);
    CHECK_EQ(rl_id_epoch(o.id), 9);
    CHECK_EQ(rl_id_counter(o.id), 1);
    CHECK(strcmp(o.symbol, "ABC") == 0);
    CHECK(!receive(b, &o));

    record = recorded(b);
    CHECK_EQ(record.kind, RL_AUDIT_SENT);
    CHECK_EQ(record.id, b->engine.oms.ids.next - 1);
    CHECK_EQ(record.ref, trigger);
    CHECK_EQ(record.px_nano, 100 * UNIT);
    CHECK_EQ(record.qty, 10);
    CHECK_EQ(RL_AUDIT_SIDE(record.flags), RL_BUY);
    CHECK_EQ(recorded(b).kind, 0);
    CHECK_EQ(COUNTED(b, intents), 1);
    CHECK_EQ(ORDERS(b, orders_sent), 1);
    CHECK_EQ(b->engine.buf.n_total, 1);
    bench_close(b);
}

static void test_an_engine_that_was_never_armed_sends_nothing(void)
{
    struct rl_pipeline_config config = config_of(RL_FEED_ITCH);
    struct bench *b = bench_open(&config, 1 << 16);
    struct order o;

    rl_kill_init(&b->kill, 0);
    quote(b);
    lean(b);
    CHECK(!receive(b, &o));
    CHECK_EQ(ORDERS(b, kill_blocks), 1);
    CHECK_EQ(recorded(b).detail, RL_KILL_BOOT);
    bench_close(b);
}

static void test_a_halted_risk_check_sends_nothing(void)
{
    struct bench *b = bench_itch();
    struct order o;

    CHECK_EQ(rl_oms_set_state(&b->engine.oms, RL_SCOPE_GLOBAL, 0, RL_RISK_HALTED, rl_tsc()), 0);
    quote(b);
    lean(b);
    CHECK(!receive(b, &o));
    CHECK_EQ(ORDERS(b, risk_rejects), 1);
    CHECK_EQ(recorded(b).detail, RL_RISK_STATE);
    bench_close(b);
}

static void test_a_tripped_kill_word_stops_the_very_next_order(void)
{
    struct bench *b = bench_itch();
    struct rl_audit_record record;
    struct order o;

    quote(b);
    lean(b);
    CHECK(receive(b, &o));
    CHECK_EQ(recorded(b).kind, RL_AUDIT_SENT);
    lean_back(b);
    trip(b);
    lean(b);
    CHECK(!receive(b, &o));
    record = recorded(b);
    CHECK_EQ(record.kind, RL_AUDIT_KILL_BLOCK);
    CHECK_EQ(record.detail, RL_KILL_MANUAL);
    CHECK_EQ(record.id, RL_ID_NONE);
    CHECK_EQ(ORDERS(b, kill_blocks), 1);
    CHECK_EQ(b->engine.oms.orders.n_open, 1); /* only the first one */
    CHECK_EQ(b->engine.oms.ledger.accounts[0].n_open,
             1); /* nothing is reserved for what was not sent */

    /* Its one order taken back and armed again, the session goes on. */
    respond(b, o.id, 1, 0, '4');
    CHECK_EQ(rl_kill_state_of(rl_kill_word(&b->kill)), RL_KILL_IS_DRAINED);
    lean_back(b);
    CHECK_EQ(rl_bench_arm(&b->kill), 0);
    lean(b);
    CHECK(receive(b, &o));
    CHECK_EQ(o.msg_seq, 2); /* it was gone before anybody had to ask */
    CHECK(rl_id_counter(o.id) >= 2);
    bench_close(b);
}

static void test_a_refused_order_leaves_one_record_with_every_reason(void)
{
    struct rl_pipeline_config config = config_of(RL_FEED_ITCH);
    struct rl_bench_limits limits = usual_limits;
    struct rl_audit_record record;
    struct bench *b;
    struct order o;

    limits.max_qty = 9;
    limits.max_notional = 999;
    config.limits = limits_of(&limits);
    b = bench_open(&config, 1 << 16);
    quote(b);
    lean(b);
    CHECK(!receive(b, &o));
    record = recorded(b);
    CHECK_EQ(record.kind, RL_AUDIT_RISK_REJECT);
    CHECK_EQ(record.detail, RL_RISK_QTY | RL_RISK_NOTIONAL);
    CHECK_EQ(recorded(b).kind, 0);
    CHECK_EQ(ORDERS(b, risk_rejects), 1);
    CHECK_EQ(ORDERS(b, refused_for[4]), 1);
    CHECK_EQ(ORDERS(b, refused_for[5]), 1);
    CHECK_EQ(ORDERS(b, refused_for[6]), 0);
    bench_close(b);
}

static void test_a_limit_that_is_missing_refuses_every_order(void)
{
    struct rl_pipeline_config config = config_of(RL_FEED_ITCH);
    struct rl_bench_limits limits = usual_limits;
    struct bench *b;
    struct order o;

    limits.max_position = 0;
    config.limits = limits_of(&limits);
    b = bench_open(&config, 1 << 16);
    quote(b);
    lean(b);
    CHECK(!receive(b, &o));
    CHECK(recorded(b).detail & RL_RISK_LIMITS);
    bench_close(b);
}

static void test_a_full_wire_refuses_the_order_and_says_so(void)
{
    struct rl_pipeline_config config = config_of(RL_FEED_ITCH);
    struct bench *b = bench_open(&config, 1024);
    struct rl_audit_record record;
    uint64_t n_sent = 0;
    struct order o;

    quote(b);
    do { /* nobody receives */
        lean(b);
        record = recorded(b);
        n_sent += record.kind == RL_AUDIT_SENT;
        lean_back(b);
    } while (record.kind == RL_AUDIT_SENT);
    CHECK_EQ(record.kind, RL_AUDIT_TX_FULL);
    CHECK(n_sent >= 1);
    CHECK_EQ(ORDERS(b, tx_full), 1);
    CHECK_EQ(ORDERS(b, orders_sent), n_sent);
    CHECK_EQ(b->engine.oms.orders.n_open, n_sent);
    while (receive(b, &o))
        CHECK_EQ(rl_id_counter(o.id), o.msg_seq);
    CHECK(!receive(b, &o)); /* a poll of the empty ring gives the room back */
    lean(b);
    CHECK(receive(b, &o));
    CHECK_EQ(o.msg_seq, n_sent + 1);
    bench_close(b);
}

static void test_a_full_audit_log_refuses_the_order_and_keeps_room_for_answers(void)
{
    struct rl_pipeline_config config = config_of(RL_FEED_ITCH);
    struct order orders[32];
    uint64_t n_sent = 0;
    struct bench *b;

    config.oms.n_audit_slots = 32;
    b = bench_open(&config, 1 << 16);
    quote(b);
    while (ORDERS(b, audit_full) == 0) {
        lean(b);
        lean_back(b);
    }
    while (receive(b, &orders[n_sent]))
        n_sent++;
    CHECK(n_sent >= 4);
    CHECK_EQ(ORDERS(b, orders_sent), n_sent);
    for (uint64_t i = 0; i < n_sent; i++)
        respond(b, orders[i].id, i + 1, 10, 'F');
    CHECK_EQ(ORDERS(b, fills), n_sent);
    CHECK_EQ(ORDERS(b, audit_lost), 0);
    CHECK_EQ(cause_of(b), RL_KILL_NONE);
    while (recorded(b).kind != 0)
        ;
    lean(b); /* with room, orders leave again */
    CHECK(receive(b, &orders[0]));
    bench_close(b);
}

static void test_a_table_of_open_orders_that_is_full_refuses_the_next(void)
{
    struct rl_pipeline_config config = config_of(RL_FEED_ITCH);
    struct bench *b;
    struct order o;

    config.oms.n_order_slots = 64; /* half of them for orders, half for cancels */
    b = bench_open(&config, 1 << 16);
    quote(b);
    for (int i = 0; i < 31; i++) {
        lean(b);
        lean_back(b);
        CHECK(receive(b, &o));
        CHECK_EQ(recorded(b).kind, RL_AUDIT_SENT);
    }
    lean(b); /* max_open would allow it */
    CHECK(!receive(b, &o));
    CHECK_EQ(recorded(b).detail, RL_RISK_NO_ID);
    respond(b, o.id, 1, 10, 'F');
    lean_back(b);
    lean(b);
    CHECK(receive(b, &o));
    bench_close(b);
}

/* What was lost may leave a book wrong for good: nobody may trade on it. */
static void test_a_book_in_doubt_after_a_loss_is_not_traded_on(void)
{
    struct bench *b = bench_itch();
    struct order o;

    quote(b);
    b->seq++; /* a packet is lost */
    lean(b);
    CHECK(!receive(b, &o));
    CHECK_EQ(recorded(b).detail, RL_RISK_FRESHNESS);
    bench_close(b);
}

static void test_an_instrument_without_a_name_is_not_ordered(void)
{
    struct bench *b = bench_itch();
    uint8_t message[RL_ITCH_MAX_MESSAGE], packet[128];
    struct order o;

    for (uint64_t id = 1; id <= 3; id++) {
        uint32_t n = rl_itch_put_add(message, &(struct rl_itch_head){.locate = 6}, id,
                                     id == 2 ? RL_SELL : RL_BUY, id == 3 ? 900 : 100, "",
                                     (id == 2 ? 101 : 100) * UNIT);

        send_frame(b, packet, rl_mold_wrap(packet, "SESSION001", b->seq, message, n));
    }
    CHECK(rl_pipeline_turn(&b->engine));
    CHECK(!receive(b, &o));
    CHECK_EQ(COUNTED(b, intents), 1);
    CHECK_EQ(recorded(b).kind, RL_AUDIT_TX_FULL);
    bench_close(b);
}

static void test_used_up_ids_refuse_the_order(void)
{
    struct bench *b = bench_itch();
    struct order o;

    b->engine.oms.ids.next = b->engine.oms.ids.last + 1;
    quote(b);
    lean(b);
    CHECK(!receive(b, &o));
    CHECK(recorded(b).detail & RL_RISK_NO_ID);
    bench_close(b);
}

/* One FIX message of two entries; the book between them shows a market that never was. */
static void test_the_strategy_is_asked_when_a_message_has_been_applied_whole(void)
{
    struct rl_pipeline_config config = config_of(RL_FEED_FIX);
    struct bench *b = bench_open(&config, 1 << 16);
    struct rl_fix_md head = {.begin_string = "FIX.4.4", .sender = "EXCH", .target = "REDLINE"};
    struct rl_fix_md_entry both[2] = {
        {.action = '0',
         .type = '0',
         .id = 1,
         .px_nano = 99 * UNIT + 50 * CENT,
         .qty = 100,
         .symbol = "ABC"},
        {.action = '0', .type = '1', .id = 2, .px_nano = 100 * UNIT, .qty = 100, .symbol = "ABC"}};
    uint8_t m[512];
    struct order o;

    head.seq = 1;
    send_frame(b, m, rl_fix_put_md(m, sizeof m, &head, both, 2));
    CHECK(rl_pipeline_turn(&b->engine));
    /* Bids grow to 900, then offers too: in the middle it leans, at the end it does not. */
    both[0].action = both[1].action = '1';
    both[0].qty = both[1].qty = 900;
    head.seq = 2;
    send_frame(b, m, rl_fix_put_md(m, sizeof m, &head, both, 2));
    CHECK(rl_pipeline_turn(&b->engine));
    CHECK_EQ(COUNTED(b, bbo_changes), 4);
    CHECK_EQ(COUNTED(b, intents), 0);
    CHECK(!receive(b, &o));
    /* The same first half alone is a signal. */
    both[1].qty = 100;
    head.seq = 3;
    send_frame(b, m, rl_fix_put_md(m, sizeof m, &head, both, 2));
    CHECK(rl_pipeline_turn(&b->engine));
    CHECK(receive(b, &o));
    CHECK_EQ(o.trigger, 3);
    bench_close(b);
}

/* Several messages in one packet: each is reacted to by itself, under its own number. */
static void test_each_message_of_a_packet_is_reacted_to_under_its_own_number(void)
{
    struct bench *b = bench_itch();
    struct rl_mold_writer w;
    uint8_t packet[512], m[RL_ITCH_MAX_MESSAGE];
    struct rl_itch_head head = {.locate = 5};
    struct order o;

    quote(b); /* 1 and 2 */
    rl_mold_begin(&w, packet, sizeof packet, "SESSION001", 3);
    CHECK(rl_mold_add(&w, m,
                      rl_itch_put_add(m, &head, 50, RL_BUY, 900, "ABC", 99 * UNIT + 90 * CENT)));
    CHECK(rl_mold_add(&w, m, rl_itch_put_delete(m, &head, 50)));
    CHECK(rl_mold_add(&w, m, rl_itch_put_add(m, &head, 51, RL_SELL, 900, "ABC", 100 * UNIT)));
    send_frame(b, packet, rl_mold_finish(&w));
    CHECK(rl_pipeline_turn(&b->engine));
    CHECK(receive(b, &o));
    CHECK_EQ(o.trigger, 3);
    CHECK_EQ(o.side, '1');
    CHECK(receive(b, &o));
    CHECK_EQ(o.trigger, 5);
    CHECK_EQ(o.side, '2');
    CHECK(!receive(b, &o));
    CHECK_EQ(COUNTED(b, frames), 3);
    CHECK_EQ(COUNTED(b, updates), 5);
    bench_close(b);
}

static void test_orders_of_the_warm_up_are_not_timed(void)
{
    struct rl_pipeline_config config = config_of(RL_FEED_ITCH);
    struct bench *b;
    struct order o;

    config.measure_from = 5;
    b = bench_open(&config, 1 << 16);
    quote(b);
    CHECK_EQ(lean(b), 3);
    lean_back(b);
    CHECK(receive(b, &o));
    CHECK_EQ(b->engine.buf.n_total, 0);
    CHECK_EQ(lean(b), 5);
    CHECK(receive(b, &o));
    CHECK_EQ(b->engine.buf.n_total, 1);
    bench_close(b);
}

static void test_stages_are_timed_when_asked_for_and_only_then(void)
{
    for (int timed = 0; timed < 2; timed++) {
        struct rl_pipeline_config config = config_of(RL_FEED_ITCH);
        struct bench *b;
        uint64_t n = 0;

        config.stage_timing = timed;
        b = bench_open(&config, 1 << 16);
        b->engine.is_measuring = true;
        quote(b);
        lean(b);
        for (int i = 0; i < RL_N_STAGES; i++)
            n += b->engine.stages[i].n_total;
        /* 3 decodes, 3 books, 3 questions to the strategy, one order through the rest. */
        CHECK_EQ(n, timed ? 12 : 0);
        bench_close(b);
    }
}

static void test_a_turn_without_work_is_idle(void)
{
    struct bench *b = bench_itch();

    CHECK(!rl_pipeline_turn(&b->engine));
    CHECK_EQ(COUNTED(b, turns), 1);
    CHECK_EQ(COUNTED(b, idle_turns), 1);
    quote(b);
    CHECK_EQ(COUNTED(b, turns), 2);
    CHECK_EQ(COUNTED(b, idle_turns), 1);
    bench_close(b);
}

static void test_a_config_that_makes_no_sense_is_refused_with_a_sentence(void)
{
    struct {
        struct rl_pipeline_config config;
        const char *word;
    } cases[6];
    struct bench *b = bench_itch();

    for (size_t i = 0; i < RL_COUNT(cases); i++)
        cases[i].config = config_of(RL_FEED_ITCH);
    cases[0].config.strategy.every = 0;
    cases[0].word = "strategy";
    cases[1].config.oms.n_order_slots = 100;
    cases[1].word = "order slots";
    cases[2].config.oms.n_audit_slots = 100;
    cases[2].word = "audit slots";
    cases[3].config.oms.epoch = 0;
    cases[3].word = "epoch";
    cases[4].config.books.n_instruments = 5;
    cases[4].word = "instruments";
    cases[5].config.feed.kind = (enum rl_feed_kind)7;
    cases[5].word = "feed";
    for (size_t i = 0; i < RL_COUNT(cases); i++) {
        static struct rl_pipeline engine;
        struct rl_arena arena;
        const char *why = NULL;

        CHECK_EQ(rl_arena_open(&arena, 16 << 20, 0), 0);
        CHECK_EQ(rl_pipeline_init(&engine, &arena, &cases[i].config, &b->clock, b->market.end[1],
                                  b->session.end[1], &b->shared, &b->kill, &why),
                 -EINVAL);
        CHECK(why != NULL && strstr(why, cases[i].word) != NULL);
        rl_arena_close(&arena);
    }
    bench_close(b);
}

static void test_an_arena_that_is_too_small_is_refused(void)
{
    struct rl_pipeline_config config = config_of(RL_FEED_ITCH);
    struct bench *b = bench_itch();
    static struct rl_pipeline engine;
    struct rl_arena arena;
    const char *why;

    CHECK_EQ(rl_arena_open(&arena, 1 << 16, 0), 0);
    CHECK_EQ(rl_pipeline_init(&engine, &arena, &config, &b->clock, b->market.end[1],
                              b->session.end[1], &b->shared, &b->kill, &why),
             -ENOMEM);
    rl_arena_close(&arena);
    bench_close(b);
}

int main(void)
{
    test_a_signal_becomes_a_fix_order_that_names_its_trigger();
    test_an_engine_that_was_never_armed_sends_nothing();
    test_a_halted_risk_check_sends_nothing();
    test_a_tripped_kill_word_stops_the_very_next_order();
    test_a_refused_order_leaves_one_record_with_every_reason();
    test_a_limit_that_is_missing_refuses_every_order();
    test_a_full_wire_refuses_the_order_and_says_so();
    test_a_full_audit_log_refuses_the_order_and_keeps_room_for_answers();
    test_a_table_of_open_orders_that_is_full_refuses_the_next();
    test_a_book_in_doubt_after_a_loss_is_not_traded_on();
    test_an_instrument_without_a_name_is_not_ordered();
    test_used_up_ids_refuse_the_order();
    test_the_strategy_is_asked_when_a_message_has_been_applied_whole();
    test_each_message_of_a_packet_is_reacted_to_under_its_own_number();
    test_orders_of_the_warm_up_are_not_timed();
    test_stages_are_timed_when_asked_for_and_only_then();
    test_a_turn_without_work_is_idle();
    test_a_config_that_makes_no_sense_is_refused_with_a_sentence();
    test_an_arena_that_is_too_small_is_refused();
    return 0;
}
