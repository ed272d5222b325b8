/* An engine's side of OUCH: requests become messages, messages become events of the order side. */
#include <errno.h>

#include "check.h"
#include "rig/exchange/ouch_client.h"

static struct rl_arena arena;
static struct rl_ouch_client c;
static struct rl_order_event events[RL_OUCH_CLIENT_EVENTS];
static uint8_t out[RL_OUCH_MAX_MESSAGE];

static uint64_t id_of(uint32_t counter)
{
    return (uint64_t)9 << RL_ID_COUNTER_BITS | counter;
}

static void open_client(uint32_t next_ref)
{
    struct rl_ouch_client_config config = {.n_refs = 64};

    if (arena.base)
        rl_arena_close(&arena);
    CHECK_EQ(rl_arena_open(&arena, rl_ouch_client_bytes(&config), 0), 0);
    CHECK_EQ(rl_ouch_client_init(&c, &arena, &config), 0);
    rl_ouch_client_start(&c, 9, next_ref);
}

static struct rl_request request(enum rl_side side, uint64_t qty, int64_t px_nano)
{
    return (struct rl_request){.px_nano = px_nano,
                               .qty = qty,
                               .side = (uint8_t)side,
                               .type = px_nano == RL_PX_NONE ? RL_TYPE_MARKET : RL_TYPE_LIMIT,
                               .time_in_force = RL_TIF_DAY};
}

static uint32_t write_order(uint32_t counter, enum rl_side side, uint64_t qty)
{
    struct rl_request r = request(side, qty, 10 * RL_NANO_PER_UNIT);
    uint32_t n = rl_ouch_client_enter(&c, &r, id_of(counter), "AAPL", 0, out, sizeof out);

    CHECK(n > 0);
    return n;
}

/* How many events come of it. */
static int told(const struct rl_ouch_out *m)
{
    uint8_t bytes[RL_OUCH_MAX_MESSAGE], type = 0;
    uint32_t n = rl_ouch_write_out(bytes, sizeof bytes, m);
    int n_events;

    CHECK(n > 0);
    n_events = rl_ouch_client_read(&c, bytes, n, events, &type);
    CHECK_EQ(type, m->type);
    return n_events;
}

static void check_event(int i, uint8_t kind, uint32_t counter)
{
    CHECK_EQ(events[i].kind, kind);
    CHECK_EQ(events[i].id, id_of(counter));
}

static int accepted(uint32_t ref, uint32_t qty)
{
    return told(&(struct rl_ouch_out){.type = 'A', .ref = ref, .qty = qty, .state = 'L'});
}

static int executed(uint32_t ref, uint32_t qty, uint64_t match)
{
    return told(&(struct rl_ouch_out){
        .type = 'E', .ref = ref, .qty = qty, .px_nano = 10 * RL_NANO_PER_UNIT, .match = match});
}

static int canceled(uint32_t ref, uint32_t qty, uint8_t reason)
{
    return told(&(struct rl_ouch_out){.type = 'C', .ref = ref, .qty = qty, .reason = reason});
}

/* --- numbers ---------------------------------------------------------------------------------- */

static void test_numbers_are_ids_by_arithmetic_above_what_was_used(void)
{
    open_client(1001);
    CHECK_EQ(rl_ouch_client_ref(&c, id_of(1)), 1001);
    CHECK_EQ(rl_ouch_client_ref(&c, id_of(5000)), 6000);
    CHECK_EQ(rl_ouch_client_id(&c, 6000), id_of(5000));
    CHECK_EQ(rl_ouch_client_ref(&c, id_of(UINT32_MAX - 1000)), UINT32_MAX);
    CHECK_EQ(rl_ouch_client_ref(&c, id_of(UINT32_MAX - 999)), 0); /* no number left */
    CHECK_EQ(rl_ouch_client_ref(&c, id_of(0)), 0);
    CHECK_EQ(rl_ouch_client_ref(&c, (uint64_t)8 << RL_ID_COUNTER_BITS | 1),
             0); /* of another start */
    CHECK_EQ(rl_ouch_client_id(&c, 1000), RL_ID_NONE);
}

static void test_answers_to_an_engine_before_are_no_events(void)
{
    open_client(1001);
    CHECK_EQ(executed(1000, 5, 1), 0);
    CHECK_EQ(canceled(7, 5, 'U'), 0);
    CHECK_EQ(c.n.foreign, 2);
    CHECK_EQ(told(&(struct rl_ouch_out){.type = 'Q', .ref = 1234}), 0);
    CHECK_EQ(c.next_ref, 1234);
    CHECK_EQ(told(&(struct rl_ouch_out){.type = 'S', .event = 'E'}), 0);
    CHECK_EQ(c.event, 'E');
}

/* --- to the venue ----------------------------------------------------------------------------- */

static void test_an_order_is_written_as_it_was_wanted(void)
{
    struct rl_request r = request(RL_SELL, 300, 12345600000);
    struct rl_ouch_option option;
    struct rl_ouch_in in;
    uint64_t value = 0;

    open_client(1);
    CHECK(rl_ouch_read_in(out, rl_ouch_client_enter(&c, &r, id_of(3), "MSFT", 0, out, sizeof out),
                          &in));
    CHECK(in.type == 'O' && in.ref == 3 && in.side == 'S' && in.qty == 300 && in.tif == '0');
    CHECK(in.display == 'Y' && in.capacity == 'P' && in.sweep == 'N' && in.cross == 'N');
    CHECK_EQ(in.px_nano, 12345600000);
    CHECK(rl_alpha_is(in.symbol, sizeof in.symbol, "MSFT"));
    CHECK_EQ(in.options.n_bytes, 0);
    r.time_in_force = RL_TIF_IOC;
    r.px_nano = RL_PX_NONE;
    CHECK(rl_ouch_read_in(out, rl_ouch_client_enter(&c, &r, id_of(4), "MSFT", 0, out, sizeof out),
                          &in));
    CHECK(in.tif == '3' && in.px_nano == RL_PX_NONE);
    r.time_in_force = RL_TIF_FOK;
    CHECK(rl_ouch_read_in(out, rl_ouch_client_enter(&c, &r, id_of(5), "MSFT", 0, out, sizeof out),
                          &in));
    CHECK(in.tif == '3' && rl_ouch_find_option(&in.options, RL_OUCH_OPTION_min_qty, &option));
    CHECK(rl_ouch_option_uint(&option, &value) && value == 300);
    r.time_in_force = RL_TIF_GTD;
    r.expire_ns = 1000 * 86400ULL * 1000000000 + 3600 * 1000000000ULL;
    CHECK(rl_ouch_read_in(out,
                          rl_ouch_client_enter(&c, &r, id_of(6), "MSFT",
                                               1000 * 86400ULL * 1000000000, out, sizeof out),
                          &in));
    CHECK(in.tif == '6' && rl_ouch_find_option(&in.options, RL_OUCH_OPTION_expire_time, &option));
    CHECK(rl_ouch_option_uint(&option, &value) && value == 3600);
}

static void test_what_ouch_cannot_say_is_not_written(void)
{
    struct rl_request good = request(RL_BUY, 300, 10 * RL_NANO_PER_UNIT);
    struct rl_request bad[8];
    uint64_t n = 0;

    open_client(1);
    for (size_t i = 0; i < RL_COUNT(bad); i++)
        bad[i] = good;
    bad[n++].qty = 0;
    bad[n++].qty = 1000000;
    bad[n++].px_nano = 1; /* off the grid */
    bad[n++].px_nano = -RL_NANO_PER_UNIT;
    bad[n++].px_nano = 200000 * RL_NANO_PER_UNIT; /* would be the market */
    bad[n++].time_in_force = RL_TIF_GTC;
    bad[n++].time_in_force = RL_TIF_GTD; /* till 1970 */
    bad[n++].px_nano = 0;
    for (size_t i = 0; i < n; i++)
        CHECK_EQ(rl_ouch_client_enter(&c, &bad[i], id_of(1), "A", 0, out, sizeof out), 0);
    CHECK_EQ(rl_ouch_client_enter(&c, &good, id_of(1), "", 0, out, sizeof out), 0);
    CHECK_EQ(rl_ouch_client_enter(&c, &good, id_of(1), "TOO LONG!", 0, out, sizeof out), 0);
    CHECK_EQ(rl_ouch_client_enter(&c, &good, 5, "A", 0, out, sizeof out), 0);
    CHECK_EQ(rl_ouch_client_enter(&c, &good, id_of(1), "A", 0, out, 20), 0);
    CHECK_EQ(rl_ouch_client_cancel(&c, 5, out, sizeof out), 0);
    CHECK_EQ(rl_ouch_client_replace(&c, id_of(2), id_of(1), 100, good.px_nano, out, sizeof out), 0);
    CHECK_EQ(c.n.written, 0);
    CHECK_EQ(c.n.unwritable, n + 6);
    CHECK(rl_ouch_client_enter(&c, &good, id_of(1), "A", 0, out, sizeof out) > 0);
    CHECK_EQ(rl_ouch_client_replace(&c, id_of(1), id_of(1), 100, good.px_nano, out, sizeof out), 0);
    CHECK(rl_ouch_client_replace(&c, id_of(2), id_of(1), 100, good.px_nano, out, sizeof out) > 0);
}

static void test_replace_cancel_and_query_name_the_order(void)
{
    struct rl_ouch_in in;

    open_client(101);
    write_order(1, RL_SELL, 50);
    CHECK(rl_ouch_read_in(
        out,
        rl_ouch_client_replace(&c, id_of(4), id_of(1), 70, 11 * RL_NANO_PER_UNIT, out, sizeof out),
        &in));
    CHECK(in.type == 'U' && in.orig_ref == 101 && in.ref == 104 && in.qty == 70 && in.tif == '0');
    CHECK(rl_ouch_read_in(out, rl_ouch_client_cancel(&c, id_of(4), out, sizeof out), &in));
    CHECK(in.type == 'X' && in.ref == 104 && in.qty == 0);
    CHECK(
        rl_ouch_read_in(out, rl_ouch_client_mass_cancel(&c, id_of(5), NULL, out, sizeof out), &in));
    CHECK(in.type == 'C' && in.ref == 105 && rl_alpha_len(in.symbol, 8) == 0);
    CHECK(rl_ouch_read_in(out, rl_ouch_client_query(&c, out, sizeof out), &in));
    CHECK_EQ(in.type, 'Q');
}

/* --- from the venue --------------------------------------------------------------------------- */

static void test_the_life_of_an_order_is_told_in_events(void)
{
    open_client(1);
    write_order(1, RL_SELL, 100);
    CHECK_EQ(accepted(1, 100), 1);
    check_event(0, RL_EVENT_ACK, 1);
    CHECK_EQ(executed(1, 30, 7), 1);
    check_event(0, RL_EVENT_FILL, 1);
    CHECK_EQ(events[0].qty, 30);
    CHECK_EQ(events[0].px_nano, 10 * RL_NANO_PER_UNIT);
    CHECK(events[0].exec != 0);
    CHECK(rl_ouch_client_replace(&c, id_of(2), id_of(1), 90, 11 * RL_NANO_PER_UNIT, out,
                                 sizeof out) > 0);
    CHECK_EQ(told(&(struct rl_ouch_out){.type = 'U',
                                        .orig_ref = 1,
                                        .ref = 2,
                                        .qty = 60,
                                        .px_nano = 11 * RL_NANO_PER_UNIT,
                                        .state = 'L'}),
             1);
    check_event(0, RL_EVENT_REPLACED, 2);
    CHECK_EQ(events[0].orig_id, id_of(1));
    CHECK_EQ(events[0].px_nano, 11 * RL_NANO_PER_UNIT);
    CHECK_EQ(told(&(struct rl_ouch_out){.type = 'I', .ref = 2}), 1);
    check_event(0, RL_EVENT_CANCEL_REJECT, 2);
    CHECK_EQ(canceled(2, 60, 'U'), 1);
    check_event(0, RL_EVENT_CANCELLED, 2);
}

static void test_an_order_that_its_terms_ended_has_expired(void)
{
    static const char *const cases[] = {"ITECKF", "USDQZHXG"};

    for (int expired = 0; expired < 2; expired++)
        for (const char *reason = cases[!expired]; *reason != '\0'; reason++) {
            open_client(1);
            write_order(1, RL_BUY, 100);
            (void)accepted(1, 100);
            CHECK_EQ(canceled(1, 100, (uint8_t)*reason), 1);
            check_event(0, expired ? RL_EVENT_EXPIRED : RL_EVENT_CANCELLED, 1);
        }
}

static void test_a_rejected_replacement_is_not_a_rejected_order(void)
{
    open_client(1);
    write_order(1, RL_BUY, 100);
    CHECK_EQ(told(&(struct rl_ouch_out){.type = 'J', .ref = 1, .reject = 0x13}), 1);
    check_event(0, RL_EVENT_REJECT, 1);
    write_order(2, RL_BUY, 100);
    (void)accepted(2, 100);
    CHECK(rl_ouch_client_replace(&c, id_of(3), id_of(2), 90, RL_NANO_PER_UNIT, out, sizeof out) >
          0);
    CHECK_EQ(told(&(struct rl_ouch_out){.type = 'J', .ref = 3, .reject = 0x13}), 1);
    check_event(0, RL_EVENT_REPLACE_REJECT, 3);
    CHECK_EQ(events[0].orig_id, id_of(2));
    (void)rl_ouch_client_mass_cancel(&c, id_of(4), "A", out, sizeof out);
    CHECK_EQ(told(&(struct rl_ouch_out){.type = 'J', .ref = 4, .reject = 0x13}), 0);
}

static void test_a_trade_with_ourselves_is_two_executions_and_two_busts(void)
{
    uint64_t sold, bought;

    open_client(1);
    write_order(1, RL_SELL, 100);
    write_order(2, RL_BUY, 100);
    (void)accepted(1, 100);
    (void)accepted(2, 100);
    CHECK_EQ(executed(1, 40, 7), 1);
    sold = events[0].exec;
    CHECK_EQ(executed(2, 40, 7), 1);
    bought = events[0].exec;
    CHECK(sold != bought);
    CHECK_EQ(executed(2, 40, 8), 1);
    CHECK(events[0].exec != sold && events[0].exec != bought);
    CHECK_EQ(executed(2, 40, 7), 1); /* told twice: of one name */
    CHECK_EQ(events[0].exec, bought);
    CHECK_EQ(told(&(struct rl_ouch_out){.type = 'B', .ref = 1, .match = 7, .reason = 'S'}), 1);
    check_event(0, RL_EVENT_BUST, 1);
    CHECK_EQ(events[0].ref_exec, sold);
}

static void test_an_order_that_lost_quantity_is_ended_when_nothing_is_left(void)
{
    open_client(1);
    write_order(1, RL_BUY, 100);
    (void)accepted(1, 100);
    CHECK_EQ(told(&(struct rl_ouch_out){.type = 'D', .ref = 1, .qty = 30, .reason = 'Q'}), 0);
    CHECK_EQ(c.n.lessened, 1);
    CHECK_EQ(executed(1, 50, 7), 1);
    CHECK_EQ(executed(1, 20, 8), 2); /* the order manager thinks that 30 are open */
    check_event(0, RL_EVENT_FILL, 1);
    check_event(1, RL_EVENT_CANCELLED, 1);
    write_order(2, RL_BUY, 100); /* the negative: a whole order that is filled has ended by that */
    (void)accepted(2, 100);
    CHECK_EQ(executed(2, 100, 9), 1);
}

static void test_a_replacement_that_came_too_late_is_refused_by_the_end_of_the_order(void)
{
    open_client(1);
    write_order(1, RL_BUY, 100);
    (void)accepted(1, 100);
    CHECK(rl_ouch_client_replace(&c, id_of(2), id_of(1), 150, RL_NANO_PER_UNIT, out, sizeof out) >
          0);
    CHECK_EQ(executed(1, 60, 7), 1); /* not yet: 40 are left to be replaced */
    CHECK_EQ(executed(1, 40, 8), 2);
    check_event(0, RL_EVENT_FILL, 1);
    check_event(1, RL_EVENT_REPLACE_REJECT, 2);
    CHECK_EQ(events[1].orig_id, id_of(1));
    CHECK_EQ(told(&(struct rl_ouch_out){.type = 'J', .ref = 2, .reject = 0x15}), 0); /* once */
    write_order(3, RL_BUY, 100);
    (void)accepted(3, 100);
    CHECK(rl_ouch_client_replace(&c, id_of(4), id_of(3), 150, RL_NANO_PER_UNIT, out, sizeof out) >
          0);
    CHECK_EQ(
        told(&(struct rl_ouch_out){.type = 'U', .orig_ref = 3, .ref = 4, .qty = 150, .state = 'L'}),
        1); /* the negative: in time */
    check_event(0, RL_EVENT_REPLACED, 4);
}

static void test_a_dead_order_is_acknowledged_and_has_expired(void)
{
    open_client(1);
    write_order(1, RL_BUY, 100);
    CHECK_EQ(told(&(struct rl_ouch_out){.type = 'A', .ref = 1, .qty = 100, .state = 'D'}), 2);
    check_event(0, RL_EVENT_ACK, 1);
    check_event(1, RL_EVENT_EXPIRED, 1);
}

static void test_notices_and_rubbish_are_no_events(void)
{
    uint8_t bytes[RL_OUCH_MAX_MESSAGE] = {'A'};
    uint64_t random = 4;

    open_client(1);
    write_order(1, RL_BUY, 100);
    for (const char *type = "PTMRXGK"; *type != '\0'; type++)
        CHECK_EQ(told(&(struct rl_ouch_out){.type = (uint8_t)*type, .ref = 1, .px_nano = 0}), 0);
    CHECK_EQ(c.n.notices, 7);
    for (uint32_t n = 0; n < 64; n++)
        CHECK_EQ(rl_ouch_client_read(&c, bytes, n, events, NULL), -EBADMSG);
    for (int i = 0; i < 50000; i++) {
        uint32_t n = (uint32_t)(check_random(&random) >> 32) % sizeof bytes;
        int n_events;

        for (uint32_t k = 0; k < n; k++)
            bytes[k] = (uint8_t)(check_random(&random) >> 40);
        n_events = rl_ouch_client_read(&c, bytes, n, events, NULL);
        CHECK(n_events == -EBADMSG || (n_events >= 0 && n_events <= RL_OUCH_CLIENT_EVENTS));
    }
}

static void test_a_number_that_is_not_remembered_is_still_an_order(void)
{
    open_client(1);
    write_order(1, RL_SELL, 100);
    (void)accepted(1, 100);
    write_order(65, RL_BUY, 100); /* takes its place: 64 are remembered */
    CHECK_EQ(executed(1, 30, 7), 1);
    check_event(0, RL_EVENT_FILL, 1);
    CHECK_EQ(canceled(1, 70, 'U'), 1);
    check_event(0, RL_EVENT_CANCELLED, 1);
}

int main(void)
{
    test_numbers_are_ids_by_arithmetic_above_what_was_used();
    test_answers_to_an_engine_before_are_no_events();
    test_an_order_is_written_as_it_was_wanted();
    test_what_ouch_cannot_say_is_not_written();
    test_replace_cancel_and_query_name_the_order();
    test_the_life_of_an_order_is_told_in_events();
    test_an_order_that_its_terms_ended_has_expired();
    test_a_rejected_replacement_is_not_a_rejected_order();
    test_a_trade_with_ourselves_is_two_executions_and_two_busts();
    test_an_order_that_lost_quantity_is_ended_when_nothing_is_left();
    test_a_replacement_that_came_too_late_is_refused_by_the_end_of_the_order();
    test_a_dead_order_is_acknowledged_and_has_expired();
    test_notices_and_rubbish_are_no_events();
    test_a_number_that_is_not_remembered_is_still_an_order();
    rl_arena_close(&arena);
    return 0;
}
