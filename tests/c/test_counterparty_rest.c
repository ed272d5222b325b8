/* Orders that rest with the exchange: how they come to, change and end, and what is said of it. */
#include "counterparty_bench.h"

#define COUNTED(v, counter) rl_counted(&(v)->exchange.n.counter)

static const struct rl_counterparty_rules hold_all = {.hold_every = 1, .n_resting = 8};

/* What an answer says, of the fields that tests ask for. */
struct said {
    char type, exec_type, status, response_to, reason, mass_response;
    uint64_t id, orig, last_qty, cum, leaves, n_affected;
};

static uint64_t id_of(const struct rl_fix_msg *m, uint32_t tag)
{
    const struct rl_fix_field *f = rl_fix_find(m, tag, 0);
    uint64_t id = 0;

    return f && rl_id_from_text((const char *)rl_fix_value(m, f), f->len, &id) ? id : 0;
}

static uint64_t number_of(const struct rl_fix_msg *m, uint32_t tag)
{
    const struct rl_fix_field *f = rl_fix_find(m, tag, 0);
    uint64_t n = UINT64_MAX;

    return f && rl_fix_uint(m, f, &n) ? n : UINT64_MAX;
}

static char char_of(const struct rl_fix_msg *m, uint32_t tag)
{
    const struct rl_fix_field *f = rl_fix_find(m, tag, 0);

    return f ? (char)rl_fix_char(m, f) : '\0';
}

/* The next answer; its type is 0 when there is none. */
static struct said hear(struct venue *v)
{
    struct rl_fix_field table[64];
    struct rl_fix_msg m;
    struct rl_frame frame;
    struct said said = {0};

    if (rl_port_rx_burst(v->session.end[1], &frame, 1) == 0)
        return said;
    rl_fix_init(&m, table, 64);
    CHECK_EQ(rl_fix_parse(&m, frame.data, frame.n_bytes), RL_FIX_OK);
    said = (struct said){.type = (char)m.type,
                         .exec_type = char_of(&m, RL_FIX_ExecType),
                         .status = char_of(&m, RL_FIX_OrdStatus),
                         .response_to = char_of(&m, RL_FIX_CxlRejResponseTo),
                         .reason = char_of(&m, RL_FIX_CxlRejReason),
                         .mass_response = char_of(&m, RL_FIX_MassCancelResponse),
                         .id = id_of(&m, RL_FIX_ClOrdID),
                         .orig = id_of(&m, RL_FIX_OrigClOrdID),
                         .last_qty = number_of(&m, RL_FIX_LastQty),
                         .cum = number_of(&m, RL_FIX_CumQty),
                         .leaves = number_of(&m, RL_FIX_LeavesQty),
                         .n_affected = number_of(&m, RL_FIX_TotalAffectedOrders)};
    rl_port_rx_release(v->session.end[1]);
    return said;
}

static void hears_report(struct venue *v, char exec_type, char status, uint64_t id, uint64_t orig)
{
    struct said said = hear(v);

    CHECK_EQ(said.type, '8');
    CHECK_EQ(said.exec_type, exec_type);
    CHECK_EQ(said.status, status);
    CHECK_EQ(said.id, id);
    CHECK_EQ(said.orig, orig);
}

/* A day order; its id. */
static uint64_t order(struct venue *v, const char *symbol, const char *qty)
{
    struct fields f = good(v);
    uint64_t id = v->next_id - 1;

    f.tif = "0";
    f.symbol = symbol;
    f.qty = qty;
    send_order(v, &f);
    return id;
}

static struct fields cancel_of(struct venue *v, uint64_t id)
{
    static char orig[RL_ID_TEXT_BYTES + 1];
    struct fields f = good(v);

    rl_id_to_text(id, orig);
    f.type = "F";
    f.orig = orig;
    f.trigger = f.ord_type = f.px = f.tif = NULL;
    return f;
}

static uint64_t cancel(struct venue *v, uint64_t id)
{
    struct fields f = cancel_of(v, id);

    send_order(v, &f);
    return v->next_id - 1;
}

static struct fields replace_of(struct venue *v, uint64_t id, const char *qty, const char *px)
{
    struct fields f = cancel_of(v, id);

    f.type = "G";
    f.trigger = "107";
    f.ord_type = "2";
    f.tif = "0";
    f.qty = qty;
    f.px = px;
    return f;
}

static uint64_t replace(struct venue *v, uint64_t id, const char *qty, const char *px)
{
    struct fields f = replace_of(v, id, qty, px);

    send_order(v, &f);
    return v->next_id - 1;
}

/* Of one symbol, or of all: NULL. */
static struct fields mass_of(struct venue *v, const char *symbol)
{
    struct fields f = good(v);

    f.type = "q";
    f.mass = symbol ? "1" : "7";
    f.symbol = symbol;
    f.trigger = f.side = f.qty = f.ord_type = f.px = f.tif = NULL;
    return f;
}

static uint64_t mass(struct venue *v, const char *symbol)
{
    struct fields f = mass_of(v, symbol);

    send_order(v, &f);
    return v->next_id - 1;
}

/* Every request and every order is accounted for, and so is every answer. */
static void books_balance(struct venue *v)
{
    CHECK_EQ(COUNTED(v, orders_valid), COUNTED(v, orders_filled) + COUNTED(v, orders_rested) +
                                           COUNTED(v, orders_expired) +
                                           COUNTED(v, orders_rejected));
    CHECK_EQ(v->exchange.resting.n,
             COUNTED(v, orders_rested) - COUNTED(v, orders_cancelled) - COUNTED(v, orders_dropped));
    CHECK_EQ(COUNTED(v, answers_due), COUNTED(v, answers_sent) + COUNTED(v, answers_unsent));
    rl_arena_close(&v->arena);
}

static void test_every_kth_valid_order_rests_and_the_others_are_filled(void)
{
    static const struct rl_counterparty_rules every_third = {.hold_every = 3, .n_resting = 8};
    struct venue *v = venue_with(1 << 16, &every_third);

    for (int i = 1; i <= 9; i++) {
        uint64_t id = order(v, "ABC", "10");

        hears_report(v, i % 3 == 0 ? '0' : 'F', i % 3 == 0 ? '0' : '2', id, 0);
        CHECK_EQ(hear(v).type, 0);
    }
    CHECK_EQ(v->exchange.resting.n, 3);
    CHECK_EQ(COUNTED(v, orders_measured), 9); /* what rests is timed like any other */
    books_balance(v);
}

static void test_an_order_that_may_not_rest_expires(void)
{
    struct venue *v = venue_with(1 << 16, &hold_all);
    struct fields f = good(v); /* immediate or cancel */

    send_order(v, &f);
    hears_report(v, '0', '0', v->next_id - 1, 0);
    hears_report(v, 'C', 'C', v->next_id - 1, 0);
    CHECK_EQ(v->exchange.resting.n, 0);
    books_balance(v);
}

static void test_half_an_order_is_filled_and_the_rest_rests(void)
{
    static const struct rl_counterparty_rules parts = {.part_every = 1, .n_resting = 8};
    struct venue *v = venue_with(1 << 16, &parts);
    uint64_t id = order(v, "ABC", "11");
    struct said said = hear(v);

    CHECK_EQ(said.exec_type, 'F');
    CHECK_EQ(said.status, '1');
    CHECK_EQ(said.last_qty, 5);
    CHECK_EQ(said.cum, 5);
    CHECK_EQ(said.leaves, 6);
    cancel(v, id);
    said = hear(v);
    CHECK_EQ(said.exec_type, '4');
    CHECK_EQ(said.cum, 5);
    CHECK_EQ(said.leaves, 0);
    CHECK_EQ(said.last_qty, 0);
    order(v, "ABC", "1"); /* has no half */
    hears_report(v, 'F', '2', v->next_id - 1, 0);
    books_balance(v);
}

static void test_orders_are_rejected_by_rule_and_for_want_of_room(void)
{
    static const struct rl_counterparty_rules rules = {
        .reject_every = 2, .hold_every = 1, .n_resting = 2};
    struct venue *v = venue_with(1 << 16, &rules);

    for (int i = 1; i <= 6; i++) {
        uint64_t id = order(v, "ABC", "10");
        bool is_rejected = i % 2 == 0 || v->exchange.resting.n == 2;

        if (i == 3)
            is_rejected = false; /* the second to rest */
        hears_report(v, is_rejected ? '8' : '0', is_rejected ? '8' : '0', id, 0);
    }
    CHECK_EQ(COUNTED(v, orders_rejected), 4);
    books_balance(v);
}

static void test_a_cancel_ends_its_order_and_names_both(void)
{
    struct venue *v = venue_with(1 << 16, &hold_all);
    uint64_t id = order(v, "ABC", "10"), request;

    hears_report(v, '0', '0', id, 0);
    request = cancel(v, id);
    hears_report(v, '4', '4', request, id);
    CHECK_EQ(v->exchange.resting.n, 0);
    CHECK_EQ(COUNTED(v, cancels_done), 1);
    books_balance(v);
}

static void test_a_cancel_of_what_does_not_rest_is_refused(void)
{
    struct venue *v = venue_with(1 << 16, &hold_all);
    uint64_t id = order(v, "ABC", "10"), request;
    struct said said;

    (void)hear(v);
    (void)cancel(v, id);
    (void)hear(v);
    request = cancel(v, id); /* once more */
    said = hear(v);
    CHECK_EQ(said.type, '9');
    CHECK_EQ(said.response_to, '1');
    CHECK_EQ(said.reason, '1');
    CHECK_EQ(said.status, '8');
    CHECK_EQ(said.id, request);
    CHECK_EQ(said.orig, id);
    CHECK_EQ(COUNTED(v, cancels_refused), 1);
    books_balance(v);
}

static void test_a_replacement_takes_the_place_of_its_order(void)
{
    struct venue *v = venue_with(1 << 16, &hold_all);
    uint64_t id = order(v, "ABC", "10"), next, request;
    struct said said;

    (void)hear(v);
    next = replace(v, id, "20", "101");
    said = hear(v);
    CHECK_EQ(said.exec_type, '5');
    CHECK_EQ(said.status, '0');
    CHECK_EQ(said.id, next);
    CHECK_EQ(said.orig, id);
    CHECK_EQ(said.leaves, 20);
    CHECK_EQ(v->exchange.resting.n, 1);
    CHECK_EQ(rl_resting_find(&v->exchange.resting, next)->px_nano, 101 * UNIT);
    (void)cancel(v, id); /* by its old name it is unknown */
    CHECK_EQ(hear(v).type, '9');
    request = cancel(v, next);
    hears_report(v, '4', '4', request, next);
    books_balance(v);
}

static void test_a_replacement_of_less_than_is_filled_is_refused(void)
{
    static const struct rl_counterparty_rules parts = {.part_every = 1, .n_resting = 8};
    struct venue *v = venue_with(1 << 16, &parts);
    uint64_t id = order(v, "ABC", "10");
    struct said said;

    (void)hear(v);
    (void)replace(v, id, "5", "100"); /* five are filled */
    said = hear(v);
    CHECK_EQ(said.type, '9');
    CHECK_EQ(said.response_to, '2');
    CHECK_EQ(said.reason, '0');
    CHECK_EQ(said.status, '1');
    (void)replace(v, id, "6", "100");
    hears_report(v, '5', '1', v->next_id - 1, id);
    (void)replace(v, 12345, "6", "100");
    CHECK_EQ(hear(v).reason, '1');
    CHECK_EQ(COUNTED(v, replaces_done), 1);
    CHECK_EQ(COUNTED(v, replaces_refused), 2);
    books_balance(v);
}

static void test_a_mass_cancel_is_reported_and_then_ends_every_order(void)
{
    struct venue *v = venue_with(1 << 16, &hold_all);
    uint64_t ids[8], request, n_seen = 0;
    struct said said;

    for (int i = 0; i < 8; i++) {
        ids[i] = order(v, i % 2 ? "XY" : "ABC", "10");
        (void)hear(v);
    }
    request = mass(v, NULL);
    said = hear(v);
    CHECK_EQ(said.type, 'r');
    CHECK_EQ(said.mass_response, '7');
    CHECK_EQ(said.n_affected, 8);
    CHECK_EQ(said.id, request);
    while ((said = hear(v)).type != 0) {
        CHECK_EQ(said.exec_type, '4');
        CHECK_EQ(said.id, request);
        for (int i = 0; i < 8; i++)
            if (ids[i] == said.orig) {
                ids[i] = 0; /* each once */
                n_seen++;
            }
    }
    CHECK_EQ(n_seen, 8);
    CHECK_EQ(v->exchange.resting.n, 0);
    books_balance(v);
}

static void test_a_mass_cancel_of_a_symbol_leaves_the_others(void)
{
    struct venue *v = venue_with(1 << 16, &hold_all);
    struct said said;

    for (int i = 0; i < 7; i++) {
        (void)order(v, i % 2 ? "XY" : "ABC", "10");
        (void)hear(v);
    }
    (void)mass(v, "XY");
    said = hear(v);
    CHECK_EQ(said.mass_response, '1');
    CHECK_EQ(said.n_affected, 3);
    CHECK_EQ(answers(v), 3);
    CHECK_EQ(v->exchange.resting.n, 4);
    (void)mass(v, "NONE"); /* no such symbol */
    said = hear(v);
    CHECK_EQ(said.mass_response, '0');
    CHECK_EQ(said.n_affected, 0);
    CHECK_EQ(v->exchange.resting.n, 4);
    CHECK_EQ(COUNTED(v, mass_cancels_refused), 1);
    books_balance(v);
}

static void test_a_mass_cancel_waits_for_room_on_the_wire(void)
{
    static const struct rl_counterparty_rules rules = {.hold_every = 1, .n_resting = 64};
    struct venue *v = venue_with(4096, &rules);
    uint32_t n_ended = 0, turns = 0;

    for (int i = 0; i < 64; i++) {
        (void)order(v, "ABC", "10");
        (void)hear(v);
    }
    (void)mass(v, NULL);
    CHECK_EQ(hear(v).n_affected, 64);
    while (v->exchange.mass.is_on) {
        n_ended += answers(v);
        CHECK_EQ(rl_counterparty_turn(&v->exchange, &v->wire), 1);
        CHECK(++turns < 1000);
    }
    CHECK(turns > 3);
    n_ended += answers(v);
    CHECK_EQ(n_ended, 64);
    CHECK_EQ(COUNTED(v, answers_unsent), 0);
    CHECK_EQ(v->exchange.resting.n, 0);
    books_balance(v);
}

static void test_a_request_with_a_fault_is_counted_and_changes_nothing(void)
{
    struct venue *v = venue_with(1 << 16, &hold_all);
    uint64_t id = order(v, "ABC", "10"), n_bad = 0;
    struct fields f;

    (void)hear(v);
#define BAD(made, change)                        \
    f = made;                                    \
    change;                                      \
    send_order(v, &f);                           \
    CHECK_EQ(COUNTED(v, requests_bad), ++n_bad); \
    CHECK_EQ(hear(v).type, 0);                   \
    CHECK_EQ(v->exchange.resting.n, 1)
    BAD(cancel_of(v, id), f.orig = NULL);
    BAD(cancel_of(v, id), f.side = NULL);
    BAD(cancel_of(v, id), f.twice = RL_FIX_OrigClOrdID);
    BAD(cancel_of(v, id), f.px = "1");    /* has no business here */
    BAD(cancel_of(v, id), f.id = f.orig); /* not above all before */
    v->next_seq--;                        /* that one's number was not used */
    BAD(replace_of(v, id, "0", "1"), (void)0);
    v->next_seq--;
    BAD(replace_of(v, id, "10", "0"), (void)0);
    v->next_seq--;
    BAD(mass_of(v, NULL), f.mass = "2");
    v->next_seq--;
    BAD(mass_of(v, NULL), f.symbol = "ABC");
    v->next_seq--;
    BAD(mass_of(v, "ABC"), f.symbol = NULL);
#undef BAD
    books_balance(v);
}

static void test_a_dropped_session_ends_what_rests_and_tells_nobody(void)
{
    struct rl_shared shared;
    struct venue *v = venue_with(1 << 16, &hold_all);
    struct fields f;
    uint8_t bytes[1024];
    uint64_t id;

    rl_shared_init(&shared);
    rl_counterparty_watch(&v->exchange, &shared, NULL);
    (void)order(v, "ABC", "10");
    (void)hear(v);
    f = good(v); /* sent, not yet received, when the session is dropped */
    f.tif = "0";
    send_bytes(v, bytes, encode(&f, bytes, sizeof bytes));
    rl_session_drop(&shared);
    CHECK_EQ(rl_counterparty_turn(&v->exchange, &v->wire), 1);
    CHECK_EQ(v->exchange.resting.n, 0);
    CHECK_EQ(COUNTED(v, orders_dropped), 2);
    CHECK_EQ(answers(v), 1); /* the acknowledgement */
    CHECK_EQ(rl_counterparty_turn(&v->exchange, &v->wire), 0);
    CHECK_EQ(COUNTED(v, sessions_lost), 1);
    rl_session_resume(&shared);
    CHECK_EQ(rl_counterparty_turn(&v->exchange, &v->wire), 1);
    v->next_seq = 1; /* a new session */
    id = order(v, "ABC", "10");
    hears_report(v, '0', '0', id, 0);
    CHECK_EQ(v->exchange.resting.n, 1);
    books_balance(v);
}

static void test_a_silent_engine_loses_its_orders_and_a_living_one_does_not(void)
{
    struct rl_counterparty_rules rules = {
        .hold_every = 1, .n_resting = 8, .silence_ns = 1000000000};
    _Atomic uint64_t beat = 7;
    struct venue *v = venue_with(1 << 16, &rules);

    rl_counterparty_watch(&v->exchange, NULL, &beat);
    (void)order(v, "ABC", "10");
    (void)hear(v);
    (void)rl_counterparty_turn(&v->exchange, &v->wire);
    CHECK_EQ(v->exchange.resting.n, 1);
    v->exchange.beat_tsc -= 3000000000; /* 1.5 s ago, by the clock of the test */
    beat++;
    (void)rl_counterparty_turn(&v->exchange, &v->wire);
    CHECK_EQ(v->exchange.resting.n, 1); /* a sign of life since */
    v->exchange.beat_tsc -= 3000000000;
    (void)rl_counterparty_turn(&v->exchange, &v->wire);
    CHECK_EQ(v->exchange.resting.n, 0);
    CHECK_EQ(COUNTED(v, orders_dropped), 1);
    CHECK_EQ(answers(v), 0);
    books_balance(v);
}

/* The record of what rests against a plain list, with ids that fall into each other's slots. */
static void test_the_record_of_resting_orders_is_a_set_of_ids(void)
{
    enum { N = 16, STEPS = 200000 };
    struct rl_rest memory[4 * N];
    struct rl_resting r;
    uint64_t model[N] = {0}, random = 5;
    uint32_t n = 0;

    CHECK(rl_resting_bytes(N) <= sizeof memory);
    rl_resting_init(&r, memory, N);
    for (uint32_t step = 0; step < STEPS; step++) {
        uint64_t id = 1 + check_random(&random) % 40 * (check_random(&random) % 3 ? 1 : 32);
        struct rl_rest *found = rl_resting_find(&r, id);
        uint32_t at = 0;

        while (at < N && model[at] != id)
            at++;
        CHECK_EQ(found != NULL, at < N);
        if (found != NULL) {
            CHECK_EQ(found->id, id);
            CHECK_EQ(found->qty, id * 3);
            rl_resting_drop(&r, found);
            model[at] = 0;
            n--;
        } else {
            bool is_in = rl_resting_put(&r, &(struct rl_rest){.id = id, .qty = id * 3});

            CHECK_EQ(is_in, n < N);
            for (at = 0; is_in && model[at] != 0; at++)
                ;
            if (is_in)
                model[at] = id;
            n += is_in;
        }
        CHECK_EQ(r.n, n);
    }
}

int main(void)
{
    test_every_kth_valid_order_rests_and_the_others_are_filled();
    test_an_order_that_may_not_rest_expires();
    test_half_an_order_is_filled_and_the_rest_rests();
    test_orders_are_rejected_by_rule_and_for_want_of_room();
    test_a_cancel_ends_its_order_and_names_both();
    test_a_cancel_of_what_does_not_rest_is_refused();
    test_a_replacement_takes_the_place_of_its_order();
    test_a_replacement_of_less_than_is_filled_is_refused();
    test_a_mass_cancel_is_reported_and_then_ends_every_order();
    test_a_mass_cancel_of_a_symbol_leaves_the_others();
    test_a_mass_cancel_waits_for_room_on_the_wire();
    test_a_request_with_a_fault_is_counted_and_changes_nothing();
    test_a_dropped_session_ends_what_rests_and_tells_nobody();
    test_a_silent_engine_loses_its_orders_and_a_living_one_does_not();
    test_the_record_of_resting_orders_is_a_set_of_ids();
    return 0;
}
