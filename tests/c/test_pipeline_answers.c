/* What the exchange says, booked: fills, and answers that cannot be right. */
#include "pipeline_bench.h"

static void test_fills_are_still_booked_after_the_kill_word_was_tripped(void)
{
    struct bench *b = bench_itch();
    struct order o;

    quote(b);
    lean(b);
    CHECK(receive(b, &o));
    trip(b);
    respond(b, o.id, 1, 10, 'F');
    CHECK_EQ(ORDERS(b, fills), 1);
    CHECK_EQ(POSITION(b)->net, 10);
    bench_close(b);
}

static void test_a_fill_books_the_position_and_releases_the_reservation(void)
{
    struct bench *b = bench_itch();
    struct rl_position *p = POSITION(b);
    struct rl_audit_record record;
    struct order o;

    quote(b);
    lean(b);
    CHECK(receive(b, &o));
    CHECK_EQ(p->work[RL_BUY], 10);
    CHECK_EQ(recorded(b).kind, RL_AUDIT_SENT);
    respond(b, o.id, 1, 4, 'F'); /* a part */
    CHECK_EQ(p->net, 4);
    CHECK_EQ(p->work[RL_BUY], 6);
    CHECK_EQ(b->engine.oms.orders.n_open, 1);
    record = recorded(b);
    CHECK_EQ(record.kind, RL_AUDIT_EVENT);
    CHECK_EQ(record.detail, RL_ORDER_EARLY); /* this venue fills without an acknowledgement */
    respond(b, o.id, 2, 6, 'F');
    CHECK_EQ(p->net, 10);
    CHECK_EQ(p->work[RL_BUY], 0);
    CHECK_EQ(b->engine.oms.orders.n_open, 0);
    CHECK_EQ(b->engine.oms.ledger.accounts[0].n_open, 0);
    CHECK(p->cash == -(rl_money)1000 * UNIT);
    CHECK(rl_position_holds(p));
    record = recorded(b);
    CHECK_EQ(record.kind, RL_AUDIT_EVENT);
    CHECK(record.detail & RL_ORDER_CLOSED);
    CHECK_EQ(record.id, o.id);
    CHECK_EQ(ORDERS(b, fills), 2);
    CHECK_EQ(cause_of(b), RL_KILL_NONE);
    bench_close(b);
}

static void test_a_fill_of_an_unknown_order_is_recorded_and_trips_the_kill_word(void)
{
    struct bench *b = bench_itch();
    struct order o;

    quote(b);
    respond(b, 12345, 1, 10, 'F');
    CHECK_EQ(ORDERS(b, events_unknown), 1);
    CHECK_EQ(recorded(b).kind, RL_AUDIT_EVENT);
    CHECK_EQ(cause_of(b), RL_KILL_UNKNOWN_FILL);
    lean(b);
    CHECK(!receive(b, &o));
    bench_close(b);
}

static void test_a_repeated_execution_is_recorded_and_not_booked(void)
{
    struct bench *b = bench_itch();
    struct order o;

    quote(b);
    lean(b);
    CHECK(receive(b, &o));
    respond(b, o.id, 7, 4, 'F');
    respond(b, o.id, 7, 4, 'F');
    CHECK_EQ(ORDERS(b, fills), 1);
    CHECK_EQ(ORDERS(b, fills_duplicate), 1);
    CHECK_EQ(POSITION(b)->net, 4);
    CHECK_EQ(cause_of(b), RL_KILL_NONE);
    bench_close(b);
}

static void test_an_overfill_is_booked_as_it_is_and_trips_the_kill_word(void)
{
    struct bench *b = bench_itch();
    struct order o;

    quote(b);
    lean(b);
    CHECK(receive(b, &o));
    respond(b, o.id, 1, 11, 'F');
    CHECK_EQ(ORDERS(b, overfills), 1);
    CHECK_EQ(POSITION(b)->net, 11);
    CHECK_EQ(POSITION(b)->work[RL_BUY], 0);
    CHECK_EQ(b->engine.oms.ledger.accounts[0].n_open, 0);
    CHECK_EQ(cause_of(b), RL_KILL_OVERFILL);
    bench_close(b);
}

static void test_an_order_that_the_exchange_ends_gives_its_room_back(void)
{
    static const char how[] = {'4', '8', 'C'};

    for (size_t i = 0; i < sizeof how; i++) {
        struct bench *b = bench_itch();
        struct order o;

        quote(b);
        lean(b);
        CHECK(receive(b, &o));
        respond(b, o.id, 1, 0, how[i]);
        CHECK_EQ(ORDERS(b, orders_ended), 1);
        CHECK_EQ(POSITION(b)->work[RL_BUY], 0);
        CHECK_EQ(POSITION(b)->net, 0);
        CHECK_EQ(b->engine.oms.orders.n_open, 0);
        bench_close(b);
    }
}

static void test_an_acknowledgement_changes_nothing(void)
{
    struct bench *b = bench_itch();
    struct order o;

    quote(b);
    lean(b);
    CHECK(receive(b, &o));
    respond(b, o.id, 1, 0, '0');
    CHECK_EQ(ORDERS(b, events), 1);
    CHECK_EQ(b->engine.oms.orders.n_open, 1);
    bench_close(b);
}

static void test_answers_that_cannot_be_read_are_counted_and_change_nothing(void)
{
    static const char *const bad[] = {
        "", "rubbish", "8=FIX.4.4\0019=5\00135=8\00110=000\001", /* checksum */
        "8=FIX.4.4\0019=5\00135=0\00110=163\001",                /* a heartbeat */
    };
    struct bench *b = bench_itch();

    quote(b);
    for (size_t i = 0; i < RL_COUNT(bad); i++) {
        uint32_t n = (uint32_t)strlen(bad[i]);
        uint8_t *frame = rl_port_tx_reserve(b->session.end[0], n);

        CHECK(frame != NULL);
        memcpy(frame, bad[i], n);
        rl_port_tx_commit(b->session.end[0], n);
        CHECK(rl_pipeline_turn(&b->engine));
        CHECK_EQ(COUNTED(b, answers_bad), i + 1);
    }
    respond(b, 1, 1, 5, 'Z'); /* an ExecType that we do not know */
    respond(b, 1, 1, 0, 'F'); /* an execution of nothing */
    CHECK_EQ(COUNTED(b, answers_bad), RL_COUNT(bad) + 2);
    CHECK_EQ(COUNTED(b, answers), RL_COUNT(bad) + 2);
    CHECK_EQ(cause_of(b), RL_KILL_NONE);
    bench_close(b);
}

static void test_an_execution_without_room_in_the_log_trips_the_kill_word(void)
{
    struct rl_pipeline_config config = config_of(RL_FEED_ITCH);
    struct bench *b;
    struct order o;

    config.oms.n_audit_slots = 16;
    b = bench_open(&config, 1 << 16);
    quote(b);
    lean(b);
    CHECK(receive(b, &o));
    for (int i = 0; i < 4; i++) /* notes take room as well */
        rl_oms_note_clock(&b->engine.oms, 1, 0, true, rl_tsc());
    for (uint64_t exec = 1; ORDERS(b, audit_lost) == 0; exec++) {
        CHECK_EQ(cause_of(b), RL_KILL_NONE);
        CHECK(exec < 10);
        respond(b, o.id, exec, 1, 'F');
        CHECK_EQ(POSITION(b)->net, exec); /* booked all the same */
    }
    CHECK_EQ(cause_of(b), RL_KILL_AUDIT);
    bench_close(b);
}

int main(void)
{
    test_fills_are_still_booked_after_the_kill_word_was_tripped();
    test_a_fill_books_the_position_and_releases_the_reservation();
    test_a_fill_of_an_unknown_order_is_recorded_and_trips_the_kill_word();
    test_a_repeated_execution_is_recorded_and_not_booked();
    test_an_overfill_is_booked_as_it_is_and_trips_the_kill_word();
    test_an_order_that_the_exchange_ends_gives_its_room_back();
    test_an_acknowledgement_changes_nothing();
    test_answers_that_cannot_be_read_are_counted_and_change_nothing();
    test_an_execution_without_room_in_the_log_trips_the_kill_word();
    return 0;
}
