/* The exchange: every fault of an order is found, counted once, and not answered. */
#include "counterparty_bench.h"

/* The fault is counted, alone, and there is no answer and no time. */
#define CHECK_FAULT(v, fields, counter)                                                       \
    do {                                                                                      \
        uint64_t before_fault = COUNTED(v, counter), before_valid = COUNTED(v, orders_valid); \
        send_order(v, &(fields));                                                             \
        CHECK_EQ(COUNTED(v, counter), before_fault + 1);                                      \
        CHECK_EQ(COUNTED(v, orders_valid), before_valid);                                     \
        CHECK_EQ(answers(v), 0);                                                              \
        CHECK_EQ((v)->wire.n_total, 0);                                                       \
    } while (0)

static void test_a_valid_order_is_timed_and_filled_whole(void)
{
    struct venue *v = venue_open(1 << 16);
    struct fields f = good(v);
    struct rl_fix_field table[64];
    struct rl_fix_msg m;
    struct rl_frame frame;
    uint64_t n;
    int64_t px;

    send_order(v, &f);
    CHECK_EQ(COUNTED(v, orders_valid), 1);
    CHECK_EQ(COUNTED(v, orders_measured), 1);
    CHECK_EQ(v->wire.n_total, 1);
    CHECK_EQ(v->exchange.service.n_total, 1);
    CHECK_EQ(rl_port_rx_burst(v->session.end[1], &frame, 1), 1);
    rl_fix_init(&m, table, 64);
    CHECK_EQ(rl_fix_parse(&m, frame.data, frame.n_bytes), RL_FIX_OK);
    CHECK_EQ(m.type, '8');
    CHECK_EQ(rl_fix_char(&m, rl_fix_find(&m, RL_FIX_ExecType, 0)), 'F');
    CHECK_EQ(rl_fix_char(&m, rl_fix_find(&m, RL_FIX_OrdStatus, 0)), '2');
    CHECK(rl_fix_uint(&m, rl_fix_find(&m, RL_FIX_LastQty, 0), &n) && n == 10);
    CHECK(rl_fix_uint(&m, rl_fix_find(&m, RL_FIX_LeavesQty, 0), &n) && n == 0);
    CHECK(rl_fix_uint(&m, rl_fix_find(&m, RL_FIX_SecondaryClOrdID, 0), &n) && n == 107);
    CHECK(rl_fix_px(&m, rl_fix_find(&m, RL_FIX_LastPx, 0), &px) && px == 100 * UNIT + UNIT / 4);
    CHECK(memcmp(rl_fix_value(&m, rl_fix_find(&m, RL_FIX_ClOrdID, 0)), f.id, RL_ID_TEXT_BYTES) ==
          0);
    rl_arena_close(&v->arena);
}

static void test_an_order_of_the_warm_up_is_filled_but_not_timed(void)
{
    struct venue *v = venue_open(1 << 16);
    struct fields f = good(v);

    f.trigger = "104";
    send_order(v, &f);
    CHECK_EQ(COUNTED(v, orders_valid), 1);
    CHECK_EQ(COUNTED(v, orders_measured), 0);
    CHECK_EQ(v->wire.n_total, 0);
    CHECK_EQ(answers(v), 1);
    rl_arena_close(&v->arena);
}

static void test_bytes_that_are_no_new_order_are_garbled(void)
{
    struct venue *v = venue_open(1 << 16);
    struct fields f = good(v);
    uint8_t bytes[1024];
    uint32_t n = encode(&f, bytes, sizeof bytes);

    bytes[n - 2] = (uint8_t)(bytes[n - 2] == '9' ? '0' : bytes[n - 2] + 1); /* the checksum */
    send_bytes(v, bytes, n);
    send_bytes(v, (const uint8_t *)"hello", 5);
    CHECK_EQ(rl_counterparty_turn(&v->exchange, &v->wire), 2);
    CHECK_EQ(COUNTED(v, orders_garbled), 2);
    f = good(v);
    f.type = "E"; /* a list of orders */
    CHECK_FAULT(v, f, orders_garbled);
    rl_arena_close(&v->arena);
}

static void test_a_missing_field_makes_an_order_incomplete(void)
{
    struct venue *v = venue_open(1 << 16);

    for (int i = 0; i < 13; i++) {
        struct fields f = good(v);
        const char **members[] = {&f.seq,     &f.sender,   &f.target, &f.sent, &f.id,
                                  &f.trigger, &f.symbol,   &f.side,   &f.time, &f.qty,
                                  &f.px,      &f.ord_type, &f.tif};

        *members[i] = NULL;
        CHECK_FAULT(v, f, orders_incomplete);
    }
    rl_arena_close(&v->arena);
}

static void test_a_repeated_field_makes_an_order_incomplete(void)
{
    static const uint32_t tags[] = {RL_FIX_ClOrdID,  RL_FIX_Symbol, RL_FIX_Side,
                                    RL_FIX_OrderQty, RL_FIX_Price,  RL_FIX_SecondaryClOrdID};
    struct venue *v = venue_open(1 << 16);

    for (size_t i = 0; i < RL_COUNT(tags); i++) {
        struct fields f = good(v);

        f.twice = tags[i];
        CHECK_FAULT(v, f, orders_incomplete);
    }
    rl_arena_close(&v->arena);
}

static void test_a_field_that_cannot_be_read_makes_an_order_incomplete(void)
{
    struct venue *v = venue_open(1 << 16);
    struct fields f;

#define UNREADABLE(member, text) \
    f = good(v);                 \
    f.member = text;             \
    CHECK_FAULT(v, f, orders_incomplete)
    UNREADABLE(seq, "x");
    UNREADABLE(sender, "SOMEBODY");
    UNREADABLE(target, "SOMEBODY");
    UNREADABLE(sent, "yesterday");
    UNREADABLE(id, "short");
    UNREADABLE(trigger, "-1");
    UNREADABLE(time, "20260102");
    UNREADABLE(qty, "ten");
    UNREADABLE(px, "1e3");
#undef UNREADABLE
    rl_arena_close(&v->arena);
}

static void test_values_that_make_no_sense_are_insane(void)
{
    struct venue *v = venue_open(1 << 16);
    struct fields f;

#define INSANE(member, text) \
    f = good(v);             \
    f.member = text;         \
    CHECK_FAULT(v, f, orders_insane)
    INSANE(qty, "0");
    INSANE(qty, "1001"); /* the limit is 1000 */
    INSANE(px, "0");
    INSANE(px, "-5");
    INSANE(side, "3");
    INSANE(side, "12");
    INSANE(ord_type, "1");
    INSANE(tif, "1"); /* good till cancelled */
#undef INSANE
    rl_arena_close(&v->arena);
}

static void test_an_id_that_does_not_rise_is_repeated(void)
{
    struct venue *v = venue_open(1 << 16);
    struct fields f = good(v), again;

    send_order(v, &f);
    CHECK_EQ(answers(v), 1);
    rl_hist_reset(&v->wire);
    v->next_id--;
    again = good(v);
    CHECK_FAULT(v, again, orders_repeated);
    v->next_id -= 2; /* older still */
    again = good(v);
    CHECK_FAULT(v, again, orders_repeated);
    rl_arena_close(&v->arena);
}

static void test_a_gap_in_the_message_numbers_is_counted_once(void)
{
    struct venue *v = venue_open(1 << 16);
    struct fields f;

    v->next_seq = 3; /* 1 and 2 are missing */
    f = good(v);
    CHECK_FAULT(v, f, orders_misnumbered);
    f = good(v);
    send_order(v, &f);
    CHECK_EQ(COUNTED(v, orders_valid), 1);
    rl_arena_close(&v->arena);
}

static void test_an_unknown_symbol_is_refused(void)
{
    static const char *const symbols[] = {"ABD", "AB", "ABCD", "X"};
    struct venue *v = venue_open(1 << 16);
    struct fields f;

    for (size_t i = 0; i < RL_COUNT(symbols); i++) {
        f = good(v);
        f.symbol = symbols[i];
        CHECK_FAULT(v, f, orders_bad_symbol);
    }
    f = good(v);
    f.symbol = "XY";
    send_order(v, &f);
    CHECK_EQ(COUNTED(v, orders_valid), 1);
    rl_arena_close(&v->arena);
}

static void test_a_trigger_that_was_never_sent_is_unknown_and_an_old_one_late(void)
{
    struct venue *v = venue_open(1 << 16);
    struct fields f;

    f = good(v);
    f.trigger = "110"; /* not yet */
    CHECK_FAULT(v, f, orders_unknown);
    f = good(v);
    f.trigger = "99"; /* before the first */
    CHECK_FAULT(v, f, orders_unknown);
    f = good(v);
    f.trigger = "0";
    CHECK_FAULT(v, f, orders_unknown);
    for (uint64_t seq = 110; seq < 110 + N_SENT; seq++)
        rl_sent_put(&v->sent, seq, rl_tsc(), rl_tsc(), true);
    f = good(v);
    f.trigger = "107"; /* its slot is another's now */
    CHECK_FAULT(v, f, orders_late);
    rl_arena_close(&v->arena);
}

static void test_answers_without_room_are_counted(void)
{
    struct venue *v = venue_open(2048);

    for (int i = 0; i < 20; i++) { /* nobody reads the answers */
        struct fields f = good(v);

        send_order(v, &f);
    }
    CHECK_EQ(COUNTED(v, orders_valid), 20);
    CHECK(COUNTED(v, answers_unsent) > 0);
    CHECK_EQ(COUNTED(v, answers_sent) + COUNTED(v, answers_unsent), 20);
    CHECK_EQ(answers(v), COUNTED(v, answers_sent));
    rl_arena_close(&v->arena);
}

static void test_a_message_that_was_sent_twice_keeps_its_first_time(void)
{
    struct venue *v = venue_open(1 << 16);
    const struct rl_sent_slot *slot;

    rl_sent_put(&v->sent, 107, 1, 2, false);
    CHECK_EQ(rl_sent_get(&v->sent, 107, &slot), RL_SENT_KNOWN);
    CHECK(slot->intended_tsc != 1 && slot->is_measured);
    rl_arena_close(&v->arena);
}

int main(void)
{
    test_a_valid_order_is_timed_and_filled_whole();
    test_an_order_of_the_warm_up_is_filled_but_not_timed();
    test_bytes_that_are_no_new_order_are_garbled();
    test_a_missing_field_makes_an_order_incomplete();
    test_a_repeated_field_makes_an_order_incomplete();
    test_a_field_that_cannot_be_read_makes_an_order_incomplete();
    test_values_that_make_no_sense_are_insane();
    test_an_id_that_does_not_rise_is_repeated();
    test_a_gap_in_the_message_numbers_is_counted_once();
    test_an_unknown_symbol_is_refused();
    test_a_trigger_that_was_never_sent_is_unknown_and_an_old_one_late();
    test_answers_without_room_are_counted();
    test_a_message_that_was_sent_twice_keeps_its_first_time();
    return 0;
}
