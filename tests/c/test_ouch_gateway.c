/* Order entry by OUCH: what each message does, and what it is answered. */
#include "ouch_world.h"

static struct ouch_world w;

static void test_an_order_is_accepted_with_all_it_said(void)
{
    struct rl_ouch_in in = ouch_order(7, RL_OUCH_SELL_SHORT, 300, 10.25);
    struct ouch_options o = {0};
    const struct rl_ouch_out *m;
    uint32_t a;

    ouch_open(&w);
    a = ouch_join(&w);
    ouch_wish(&in, &o, RL_OUCH_OPTION_customer_type, 'R');
    ouch_wish(&in, &o, RL_OUCH_OPTION_group_id, 9);
    ouch_in(&w, a, &in);
    m = ouch_accepted(&w, a, 7);
    CHECK_EQ(m->side, RL_OUCH_SELL_SHORT);
    CHECK_EQ(m->qty, 300);
    CHECK(rl_alpha_is(m->symbol, sizeof m->symbol, "AAPL"));
    CHECK_EQ(m->px_nano, OUCH_NANO(10.25));
    CHECK_EQ(m->tif, RL_OUCH_DAY);
    CHECK_EQ(m->display, RL_OUCH_VISIBLE);
    CHECK(m->order_ref > 0);
    CHECK_EQ(m->capacity, RL_OUCH_AGENCY);
    CHECK_EQ(m->cross, RL_OUCH_CONTINUOUS);
    CHECK(rl_alpha_is(m->cl_ord_id, sizeof m->cl_ord_id, "my order"));
    CHECK_EQ(m->ts_ns, (22 * 3600 + 13 * 60 + 20) * 1000000000ULL);
    CHECK_EQ(m->options.n_bytes, in.options.n_bytes);
    CHECK(memcmp(m->options.bytes, in.options.bytes, in.options.n_bytes) == 0);
    CHECK_EQ(rl_books_qty_at(rl_match_books(w.venue.match), 0, RL_SELL, OUCH_NANO(10.25)), 300);
    ouch_close(&w);
}

static void test_both_sides_of_a_trade_are_told_of_it(void)
{
    uint64_t match;
    uint32_t a, b;

    ouch_open(&w);
    a = ouch_join(&w);
    b = ouch_join(&w);
    ouch_rest(&w, a, 1, RL_OUCH_SELL_SHORT_EXEMPT, 100, 10.00);
    ouch_enter(&w, b, 1, RL_OUCH_BUY, 140, 10.01);
    ouch_accepted(&w, b, 1);
    match = w.log[w.n_read].m.match;
    CHECK(match > 0);
    CHECK_EQ(w.log[w.n_read + 1].m.match, match);
    if (w.log[w.n_read].member == a) {
        ouch_executed(&w, a, 1, 100, 10.00, 'A');
        ouch_executed(&w, b, 1, 100, 10.00, 'R');
    } else {
        ouch_executed(&w, b, 1, 100, 10.00, 'R');
        ouch_executed(&w, a, 1, 100, 10.00, 'A');
    }
    ouch_silence(&w);
    CHECK_EQ(w.g.n_taken, 1); /* what was filled is gone */
    ouch_close(&w);
}

static void test_a_usernum_that_does_not_rise_is_ignored(void)
{
    uint32_t a;

    ouch_open(&w);
    a = ouch_join(&w);
    ouch_rest(&w, a, 5, RL_OUCH_BUY, 100, 10.00);
    ouch_enter(&w, a, 5, RL_OUCH_BUY, 100, 10.00);
    ouch_enter(&w, a, 4, RL_OUCH_BUY, 100, 10.00);
    ouch_enter(&w, a, 0, RL_OUCH_BUY, 100, 10.00);
    ouch_replace(&w, a, 5, 5, 100, 10.01);
    ouch_silence(&w);
    CHECK_EQ(w.g.n.repeated, 4);
    ouch_in(&w, a, &(struct rl_ouch_in){.type = 'Q'});
    CHECK_EQ(ouch_next(&w, a, 'Q')->ref, 6);
    ouch_rest(&w, a, 6, RL_OUCH_BUY, 100, 10.00); /* the negative: one that rises is taken */
    ouch_close(&w);
}

static void test_usernums_are_each_members_own(void)
{
    uint32_t a, b;

    ouch_open(&w);
    a = ouch_join(&w);
    b = ouch_join(&w);
    ouch_rest(&w, a, 1, RL_OUCH_BUY, 100, 10.00);
    ouch_rest(&w, b, 1, RL_OUCH_BUY, 200, 10.00);
    ouch_cancel(&w, b, 1, 0);
    ouch_canceled(&w, b, 1, 200, 'U');
    ouch_cancel(&w, a, 1, 0);
    ouch_canceled(&w, a, 1, 100, 'U');
    ouch_close(&w);
}

static void test_a_rejected_usernum_is_used_up(void)
{
    uint32_t a;

    ouch_open(&w);
    a = ouch_join(&w);
    ouch_enter(&w, a, 1, RL_OUCH_BUY, 0, 10.00);
    ouch_rejected(&w, a, 1, RL_OUCH_REJECT_INVALID_QTY);
    ouch_enter(&w, a, 1, RL_OUCH_BUY, 100, 10.00);
    ouch_silence(&w);
    ouch_close(&w);
}

static void test_a_replacement_has_the_new_total_and_its_own_number(void)
{
    const struct rl_ouch_out *m;
    uint64_t was;
    uint32_t a, b;

    ouch_open(&w);
    a = ouch_join(&w);
    b = ouch_join(&w);
    ouch_enter(&w, a, 1, RL_OUCH_SELL_SHORT, 100, 10.00);
    was = ouch_accepted(&w, a, 1)->order_ref;
    ouch_enter(&w, b, 1, RL_OUCH_BUY, 30, 10.00);
    w.n_read = w.n_told;
    ouch_replace(&w, a, 1, 2, 150, 10.50);
    m = ouch_next(&w, a, 'U');
    CHECK_EQ(m->orig_ref, 1);
    CHECK_EQ(m->ref, 2);
    CHECK_EQ(m->side, RL_OUCH_SELL_SHORT);
    CHECK_EQ(m->qty, 120); /* open: 30 of the 150 were executed */
    CHECK_EQ(m->px_nano, OUCH_NANO(10.50));
    CHECK(m->order_ref != was);
    ouch_silence(&w);
    ouch_cancel(&w, a, 1, 0); /* gone: ignored */
    ouch_silence(&w);
    ouch_replace(&w, a, 1, 3, 150, 10.60);
    ouch_silence(&w);
    CHECK_EQ(w.g.n.ignored, 2);
    ouch_cancel(&w, a, 2, 50); /* the total, executions of the chain included */
    ouch_canceled(&w, a, 2, 100, 'U');
    CHECK_EQ(rl_books_qty_at(rl_match_books(w.venue.match), 0, RL_SELL, OUCH_NANO(10.50)), 20);
    CHECK_EQ(w.g.n_taken, 1);
    ouch_close(&w);
}

static void test_a_replacement_that_is_no_good_leaves_the_order_as_it_was(void)
{
    struct rl_ouch_in in;
    struct ouch_options o = {0};
    uint32_t a;

    ouch_open(&w);
    a = ouch_join(&w);
    ouch_rest(&w, a, 1, RL_OUCH_BUY, 100, 10.00);
    ouch_replace(&w, a, 1, 2, 0, 10.00);
    ouch_rejected(&w, a, 2, RL_OUCH_REJECT_INVALID_QTY);
    ouch_replace(&w, a, 1, 3, 100, 0);
    ouch_rejected(&w, a, 3, RL_OUCH_REJECT_INVALID_PRICE);
    in = ouch_replacement(1, 4, 100, 10.00);
    in.px_nano = RL_PX_NONE;
    ouch_in(&w, a, &in);
    ouch_rejected(&w, a, 4, RL_OUCH_REJECT_INVALID_PRICE);
    in = ouch_replacement(1, 5, 100, 10.00);
    in.tif = RL_OUCH_IOC;
    ouch_in(&w, a, &in);
    ouch_rejected(&w, a, 5, RL_OUCH_REJECT_REPLACE_NOT_ALLOWED);
    in = ouch_replacement(1, 6, 100, 10.00);
    ouch_wish(&in, &o, RL_OUCH_OPTION_side, 'S');
    ouch_in(&w, a, &in);
    ouch_rejected(&w, a, 6, RL_OUCH_REJECT_REPLACE_NOT_ALLOWED);
    in = ouch_replacement(1, 7, 100, 10.00);
    o = (struct ouch_options){0};
    ouch_wish(&in, &o, RL_OUCH_OPTION_min_qty, 10);
    ouch_in(&w, a, &in);
    ouch_rejected(&w, a, 7, RL_OUCH_REJECT_INVALID_MIN_QTY);
    ouch_silence(&w);
    ouch_cancel(&w, a, 1, 0);
    ouch_canceled(&w, a, 1, 100, 'U');
    CHECK_EQ(w.g.n_taken, 0);
    ouch_close(&w);
}

static void test_a_partial_cancel_names_the_total_that_stays(void)
{
    uint32_t a, b;

    ouch_open(&w);
    a = ouch_join(&w);
    b = ouch_join(&w);
    ouch_rest(&w, a, 1, RL_OUCH_BUY, 500, 10.00);
    ouch_cancel(&w, a, 1, 600); /* more than there is: of no effect */
    ouch_cancel(&w, a, 1, 500);
    ouch_silence(&w);
    ouch_cancel(&w, a, 1, 300);
    ouch_canceled(&w, a, 1, 200, 'U');
    ouch_enter(&w, b, 1, RL_OUCH_SELL, 100, 10.00);
    w.n_read = w.n_told;
    ouch_cancel(&w, a, 1, 150); /* 100 are executed: 50 stay */
    ouch_canceled(&w, a, 1, 150, 'U');
    ouch_cancel(&w, a, 1, 100); /* no more than was executed: all of the rest */
    ouch_canceled(&w, a, 1, 50, 'U');
    ouch_cancel(&w, a, 1, 0);
    ouch_cancel(&w, a, 99, 0);
    ouch_silence(&w);
    CHECK_EQ(w.g.n.ignored, 4);
    ouch_close(&w);
}

static void test_a_modification_keeps_the_place_and_says_so(void)
{
    const struct rl_ouch_out *m;
    uint32_t a, b;

    ouch_open(&w);
    a = ouch_join(&w);
    b = ouch_join(&w);
    ouch_rest(&w, a, 1, RL_OUCH_SELL, 500, 10.00);
    ouch_rest(&w, b, 1, RL_OUCH_SELL, 500, 10.00);
    ouch_in(&w, a, &(struct rl_ouch_in){.type = 'M', .ref = 1, .side = 'T', .qty = 200});
    m = ouch_next(&w, a, 'M');
    CHECK(m->ref == 1 && m->side == 'T' && m->qty == 200);
    ouch_in(&w, a, &(struct rl_ouch_in){.type = 'M', .ref = 1, .side = 'E', .qty = 200});
    m = ouch_next(&w, a, 'M');
    CHECK(m->ref == 1 && m->side == 'E' && m->qty == 200);
    /* a sale does not become a purchase, nothing grows, nothing comes to nothing */
    ouch_in(&w, a, &(struct rl_ouch_in){.type = 'M', .ref = 1, .side = 'B', .qty = 100});
    ouch_in(&w, a, &(struct rl_ouch_in){.type = 'M', .ref = 1, .side = 'E', .qty = 201});
    ouch_in(&w, a, &(struct rl_ouch_in){.type = 'M', .ref = 1, .side = 'E', .qty = 0});
    ouch_in(&w, a, &(struct rl_ouch_in){.type = 'M', .ref = 2, .side = 'E', .qty = 1});
    ouch_silence(&w);
    CHECK_EQ(w.g.n.ignored, 4);
    ouch_enter(&w, b, 2, RL_OUCH_BUY, 200, 10.00);
    ouch_accepted(&w, b, 2);
    CHECK(w.log[w.n_read].member == a || w.log[w.n_read + 1].member == a); /* first in the queue */
    ouch_close(&w);
}

/* X(what is wrong, how to make it so, code) */
#define REJECTS(X)                                                                                 \
    X("side", in.side = 'Q', INVALID_SIDE)                                                         \
    X("no quantity", in.qty = 0, INVALID_QTY)                                                      \
    X("a million", in.qty = 1000000, INVALID_QTY)                                                  \
    X("above the member's limit", in.qty = 50001, TOO_MANY_SHARES)                                 \
    X("above the member's notional", in.qty = 50000, TOO_MUCH_NOTIONAL)                            \
    X("symbol", rl_put_alpha(in.symbol, "NONE", 8), INVALID_SYMBOL)                                \
    X("no symbol", rl_put_alpha(in.symbol, "", 8), INVALID_SYMBOL)                                 \
    X("price of 0", in.px_nano = 0, INVALID_PRICE)                                                 \
    X("price too high", in.px_nano = OUCH_NANO(200000.5), INVALID_PRICE)                           \
    X("time in force", in.tif = 'x', OTHER)                                                        \
    X("after hours", in.tif = 'E', DESTINATION_CLOSED)                                             \
    X("till a time that is not said", in.tif = RL_OUCH_GTT, OTHER)                                 \
    X("day, and a time", ouch_wish(&in, &o, RL_OUCH_OPTION_expire_time, 86399), OTHER)             \
    X("till a time that has passed",                                                               \
      (in.tif = RL_OUCH_GTT, ouch_wish(&in, &o, RL_OUCH_OPTION_expire_time, 3600)), OTHER)         \
    X("till a time beyond the day",                                                                \
      (in.tif = RL_OUCH_GTT, ouch_wish(&in, &o, RL_OUCH_OPTION_expire_time, 86400)), OTHER)        \
    X("hidden", in.display = RL_OUCH_HIDDEN, INVALID_DISPLAY)                                      \
    X("display", in.display = 'Z', INVALID_DISPLAY)                                                \
    X("capacity", in.capacity = 'x', OTHER)                                                        \
    X("sweep", in.sweep = 'x', SWEEP_NOT_ALLOWED)                                                  \
    X("closing cross", in.cross = RL_OUCH_CLOSING, NO_CLOSING_REFERENCE)                           \
    X("retail", in.cross = RL_OUCH_RETAIL, RETAIL_NOT_ALLOWED)                                     \
    X("cross", in.cross = 'x', INVALID_CROSS)                                                      \
    X("supplemental", in.cross = RL_OUCH_SUPPLEMENTAL, INVALID_CROSS)                              \
    X("firm",                                                                                      \
      (o.w = (struct rl_ouch_option_writer){.bytes = o.bytes, .n_max = 64},                        \
       rl_ouch_put_option_text(&o.w, RL_OUCH_OPTION_firm, "NOTU"),                                 \
       in.options = rl_ouch_options_of(&o.w)),                                                     \
      FIRM_NOT_AUTHORIZED)                                                                         \
    X("route",                                                                                     \
      (o.w = (struct rl_ouch_option_writer){.bytes = o.bytes, .n_max = 64},                        \
       rl_ouch_put_option_text(&o.w, RL_OUCH_OPTION_route, "DOT"),                                 \
       in.options = rl_ouch_options_of(&o.w)),                                                     \
      ROUTING_NOT_ALLOWED)                                                                         \
    X("minimum", ouch_wish(&in, &o, RL_OUCH_OPTION_min_qty, 101), INVALID_MIN_QTY)                 \
    X("floor", ouch_wish(&in, &o, RL_OUCH_OPTION_max_floor, 101), INVALID_MAX_FLOOR)               \
    X("floor of an immediate order",                                                               \
      (in.tif = RL_OUCH_IOC, ouch_wish(&in, &o, RL_OUCH_OPTION_max_floor, 10)), INVALID_MAX_FLOOR) \
    X("random reserves", ouch_wish(&in, &o, RL_OUCH_OPTION_random_reserves, 1), INVALID_MAX_FLOOR) \
    X("peg", ouch_wish(&in, &o, RL_OUCH_OPTION_price_type, 'P'), PEGGING_NOT_ALLOWED)              \
    X("no peg", ouch_wish(&in, &o, RL_OUCH_OPTION_price_type, 'x'), INVALID_PEG_TYPE)              \
    X("post only", ouch_wish(&in, &o, RL_OUCH_OPTION_post_only, 'x'), OTHER)                       \
    X("self match", ouch_wish(&in, &o, RL_OUCH_OPTION_aiq_strategy, 'Z'), INVALID_AIQ)

static void test_every_reason_to_reject_an_order_has_its_code(void)
{
    struct rl_ouch_member_config config = {
        .firms = {"FIRM"}, .max_shares = 50000, .max_notional_nano = 499999ULL * RL_NANO_PER_UNIT};
    uint32_t ref = 0, a;

    ouch_open(&w);
    a = (uint32_t)rl_ouch_gateway_join(&w.g, &config);
#define REJECT(what, how, code)                                              \
    {                                                                        \
        struct rl_ouch_in in = ouch_order(++ref, RL_OUCH_BUY, 100, 10.00);   \
        struct ouch_options o = {0};                                         \
        (void)o;                                                             \
        how;                                                                 \
        ouch_in(&w, a, &in);                                                 \
        ouch_rejected(&w, a, ref, RL_OUCH_REJECT_##code);                    \
        CHECK(rl_alpha_is(w.log[w.n_read - 1].m.cl_ord_id, 14, "my order")); \
        ouch_silence(&w);                                                    \
    }
    REJECTS(REJECT)
#undef REJECT
    CHECK_EQ(w.g.n_taken, 0);
    ouch_rest(&w, a, ref + 1, RL_OUCH_BUY, 100, 10.00); /* the negative: as it was, it is taken */
    ouch_close(&w);
}

static void test_a_halt_and_a_close_have_their_codes(void)
{
    uint32_t a;

    ouch_open(&w);
    a = ouch_join(&w);
    ouch_rest(&w, a, 1, RL_OUCH_BUY, 100, 10.00);
    rl_venue_decide(
        &w.venue,
        &(struct rl_match_request){.op = RL_MATCH_PHASE, .instrument = 0, .phase = RL_MATCH_HALTED},
        w.now_ns);
    ouch_enter(&w, a, 2, RL_OUCH_BUY, 100, 10.00);
    ouch_rejected(&w, a, 2, RL_OUCH_REJECT_HALTED);
    ouch_replace(&w, a, 1, 3, 100, 10.01);
    ouch_rejected(&w, a, 3, RL_OUCH_REJECT_HALTED);
    rl_venue_decide(
        &w.venue,
        &(struct rl_match_request){.op = RL_MATCH_PHASE, .instrument = 0, .phase = RL_MATCH_CLOSED},
        w.now_ns);
    w.n_read = w.n_told; /* what rested may have ended with the day */
    ouch_enter(&w, a, 4, RL_OUCH_BUY, 100, 10.00);
    ouch_rejected(&w, a, 4, RL_OUCH_REJECT_DESTINATION_CLOSED);
    ouch_close(&w);
}

static void test_bytes_that_are_no_order_are_rejected_when_they_have_a_number(void)
{
    uint8_t bytes[RL_OUCH_MAX_MESSAGE];
    struct rl_ouch_in in = ouch_order(3, RL_OUCH_BUY, 100, 10.00);
    uint32_t a, n = rl_ouch_write_in(bytes, sizeof bytes, &in);

    ouch_open(&w);
    a = ouch_join(&w);
    rl_ouch_gateway_message(&w.g, a, bytes, n - 1, w.now_ns);
    ouch_rejected(&w, a, 3, RL_OUCH_REJECT_PROCESSING_ERROR);
    rl_ouch_gateway_message(&w.g, a, bytes, n - 1, w.now_ns); /* and once only */
    rl_ouch_gateway_message(&w.g, a, bytes, 4, w.now_ns);
    rl_ouch_gateway_message(&w.g, a, bytes, 0, w.now_ns);
    rl_ouch_gateway_message(&w.g, a, (const uint8_t *)"?", 1, w.now_ns);
    rl_ouch_gateway_message(&w.g, 7, bytes, n, w.now_ns);    /* nobody */
    rl_ouch_gateway_message(&w.g, 5000, bytes, n, w.now_ns); /* nobody at all */
    ouch_silence(&w);
    CHECK_EQ(w.g.n.malformed, 5);
    ouch_close(&w);
}

static void test_what_ends_on_arrival_is_accepted_and_canceled(void)
{
    struct rl_ouch_in in;
    struct ouch_options o = {0};
    uint32_t a, b;

    ouch_open(&w);
    a = ouch_join(&w);
    b = ouch_join(&w);
    ouch_rest(&w, a, 1, RL_OUCH_SELL, 100, 10.00);
    in = ouch_order(1, RL_OUCH_BUY, 100, 10.00);
    ouch_wish(&in, &o, RL_OUCH_OPTION_post_only, 'P');
    ouch_in(&w, b, &in);
    ouch_accepted(&w, b, 1);
    ouch_canceled(&w, b, 1, 100, 'F');
    in = ouch_order(2, RL_OUCH_BUY, 200, 10.00);
    in.tif = RL_OUCH_IOC;
    o = (struct ouch_options){0};
    ouch_wish(&in, &o, RL_OUCH_OPTION_min_qty, 150);
    ouch_in(&w, b, &in);
    ouch_accepted(&w, b, 2);
    ouch_canceled(&w, b, 2, 200, 'I');
    in = ouch_order(3, RL_OUCH_BUY, 150, 10.00);
    in.tif = RL_OUCH_IOC;
    ouch_in(&w, b, &in);
    ouch_accepted(&w, b, 3);
    w.n_read += 2; /* the execution, on both sides */
    ouch_canceled(&w, b, 3, 50, 'I');
    in = ouch_order(4, RL_OUCH_BUY, 150, 10.00);
    in.px_nano = RL_PX_NONE; /* the market, which is empty */
    ouch_in(&w, b, &in);
    CHECK_EQ(ouch_accepted(&w, b, 4)->px_nano, RL_PX_NONE);
    ouch_canceled(&w, b, 4, 150, 'I');
    ouch_silence(&w);
    CHECK_EQ(w.g.n_taken, 0);
    ouch_close(&w);
}

static void test_an_iceberg_shows_its_floor_and_says_when_it_shows_more(void)
{
    struct rl_ouch_in in = ouch_order(1, RL_OUCH_SELL, 300, 10.00);
    struct rl_ouch_option option;
    struct ouch_options o = {0};
    const struct rl_books *books;
    uint64_t shown = 0;
    bool was_restated = false;
    uint32_t a, b;

    ouch_open(&w);
    books = rl_match_books(w.venue.match);
    a = ouch_join(&w);
    b = ouch_join(&w);
    ouch_wish(&in, &o, RL_OUCH_OPTION_max_floor, 100);
    ouch_in(&w, a, &in);
    ouch_accepted(&w, a, 1);
    CHECK_EQ(rl_books_qty_at(books, 0, RL_SELL, OUCH_NANO(10.00)), 100);
    ouch_enter(&w, b, 1, RL_OUCH_BUY, 100, 10.00);
    for (; w.n_read < w.n_told; w.n_read++)
        if (w.log[w.n_read].m.type == 'R') {
            const struct rl_ouch_out *m = &w.log[w.n_read].m;

            was_restated = true;
            CHECK_EQ(m->ref, 1);
            CHECK_EQ(m->reason, 'R');
            CHECK(rl_ouch_find_option(&m->options, RL_OUCH_OPTION_display_qty, &option));
            CHECK(rl_ouch_option_uint(&option, &shown));
            CHECK_EQ(shown, 100);
        }
    CHECK(was_restated);
    CHECK_EQ(rl_books_qty_at(books, 0, RL_SELL, OUCH_NANO(10.00)), 100);
    ouch_cancel(&w, a, 1, 0);
    ouch_canceled(&w, a, 1, 200, 'U');
    ouch_close(&w);
}

static void test_a_replaced_iceberg_that_shows_less_than_its_floor_says_so(void)
{
    struct rl_ouch_in in = ouch_order(1, RL_OUCH_SELL, 300, 10.00);
    struct rl_ouch_option option;
    struct ouch_options o = {0};
    const struct rl_ouch_out *m;
    uint64_t shown = 0;
    uint32_t a, b;

    ouch_open(&w);
    a = ouch_join(&w);
    b = ouch_join(&w);
    ouch_wish(&in, &o, RL_OUCH_OPTION_max_floor, 100);
    ouch_in(&w, a, &in);
    ouch_enter(&w, b, 1, RL_OUCH_BUY, 60, 10.00);
    w.n_read = w.n_told;
    in = ouch_replacement(1, 2, 250, 10.00); /* it keeps its place, and what it shows */
    in.options = rl_ouch_options_of(&o.w);
    ouch_in(&w, a, &in);
    CHECK_EQ(ouch_next(&w, a, 'U')->qty, 190);
    m = ouch_next(&w, a, 'R');
    CHECK_EQ(m->ref, 2);
    CHECK(rl_ouch_find_option(&m->options, RL_OUCH_OPTION_display_qty, &option));
    CHECK(rl_ouch_option_uint(&option, &shown));
    CHECK_EQ(shown, 40);
    CHECK_EQ(rl_books_qty_at(rl_match_books(w.venue.match), 0, RL_SELL, OUCH_NANO(10.00)), 40);
    ouch_silence(&w);
    in = ouch_replacement(2, 3, 250, 10.10); /* elsewhere it shows its floor: nothing to add */
    in.options = rl_ouch_options_of(&o.w);
    ouch_in(&w, a, &in);
    ouch_next(&w, a, 'U');
    ouch_silence(&w);
    CHECK_EQ(rl_books_qty_at(rl_match_books(w.venue.match), 0, RL_SELL, OUCH_NANO(10.10)), 100);
    ouch_close(&w);
}

static void test_a_self_match_is_prevented_as_was_asked(void)
{
    static const struct {
        uint8_t aiq, told;
        int old_open, new_open; /* after 100 to sell met 60 to buy */
    } cases[] = {{'W', 'W', 100, 0}, {'O', 'O', 0, 60}, {'D', 'D', 40, 0}, {'Y', 'Y', 40, 0}};

    for (size_t i = 0; i < RL_COUNT(cases); i++) {
        struct rl_ouch_in in;
        struct ouch_options o = {0};
        uint32_t a, n_prevented = 0;
        const struct rl_books *books;

        ouch_open(&w);
        books = rl_match_books(w.venue.match);
        a = ouch_join(&w);
        in = ouch_order(1, RL_OUCH_SELL, 100, 10.00);
        ouch_wish(&in, &o, RL_OUCH_OPTION_aiq_strategy, cases[i].aiq);
        ouch_in(&w, a, &in);
        ouch_accepted(&w, a, 1);
        in = ouch_order(2, RL_OUCH_BUY, 60, 10.00);
        o = (struct ouch_options){0};
        ouch_wish(&in, &o, RL_OUCH_OPTION_aiq_strategy, cases[i].aiq);
        ouch_in(&w, a, &in);
        ouch_accepted(&w, a, 2);
        for (; w.n_read < w.n_told; w.n_read++) {
            const struct rl_ouch_out *m = &w.log[w.n_read].m;

            CHECK_EQ(m->type, 'D');
            CHECK_EQ(m->reason, 'Q');
            CHECK_EQ(m->aiq_strategy, cases[i].told);
            CHECK(m->qty > 0 && m->prevented_qty == m->qty);
            n_prevented++;
        }
        CHECK(n_prevented > 0);
        CHECK_EQ(rl_books_qty_at(books, 0, RL_SELL, OUCH_NANO(10.00)), cases[i].old_open);
        CHECK_EQ(rl_books_qty_at(books, 0, RL_BUY, OUCH_NANO(10.00)), cases[i].new_open);
        CHECK_EQ(w.venue.n.trades, 0);
        ouch_close(&w);
    }
}

static void test_without_prevention_a_member_trades_with_itself(void)
{
    uint32_t a;

    ouch_open(&w);
    a = ouch_join(&w);
    ouch_rest(&w, a, 1, RL_OUCH_SELL, 100, 10.00);
    ouch_enter(&w, a, 2, RL_OUCH_BUY, 60, 10.00);
    ouch_accepted(&w, a, 2);
    CHECK_EQ(w.log[w.n_read].m.type, 'E');
    CHECK_EQ(w.log[w.n_read + 1].m.type, 'E');
    CHECK_EQ(w.venue.n.trades, 1);
    ouch_close(&w);
}

static void test_a_member_that_asks_too_often_is_rejected(void)
{
    struct rl_ouch_member_config config = {.firms = {"FIRM"}, .rate_per_s = 10, .burst = 2};
    uint32_t a;

    ouch_open(&w);
    a = (uint32_t)rl_ouch_gateway_join(&w.g, &config);
    ouch_rest(&w, a, 1, RL_OUCH_BUY, 100, 10.00);
    ouch_rest(&w, a, 2, RL_OUCH_BUY, 100, 10.00);
    ouch_enter(&w, a, 3, RL_OUCH_BUY, 100, 10.00);
    ouch_rejected(&w, a, 3, RL_OUCH_REJECT_OTHER);
    ouch_replace(&w, a, 1, 4, 100, 10.01);
    ouch_rejected(&w, a, 4, RL_OUCH_REJECT_OTHER);
    ouch_cancel(&w, a, 2, 0); /* cancels are free */
    ouch_canceled(&w, a, 2, 100, 'U');
    w.now_ns += 100000000;
    ouch_rest(&w, a, 5, RL_OUCH_BUY, 100, 10.00);
    CHECK_EQ(w.g.n_taken, 2);
    CHECK_EQ(w.venue.n.throttled, 2);
    ouch_close(&w);
}

static void test_an_order_without_a_slot_is_rejected(void)
{
    uint32_t a;

    ouch_open_sized(&w, 2, 64);
    a = ouch_join(&w);
    ouch_rest(&w, a, 1, RL_OUCH_BUY, 100, 10.00);
    ouch_rest(&w, a, 2, RL_OUCH_BUY, 100, 10.00);
    ouch_enter(&w, a, 3, RL_OUCH_BUY, 100, 10.00);
    ouch_rejected(&w, a, 3, RL_OUCH_REJECT_OTHER);
    ouch_replace(&w, a, 1, 4, 100, 10.01);
    ouch_rejected(&w, a, 4, RL_OUCH_REJECT_OTHER);
    CHECK_EQ(w.g.n.full, 2);
    ouch_cancel(&w, a, 1, 0);
    ouch_canceled(&w, a, 1, 100, 'U');
    ouch_rest(&w, a, 5, RL_OUCH_BUY, 100, 10.00);
    ouch_close(&w);
    ouch_open_sized(&w, 64, 2); /* the book has no room */
    a = ouch_join(&w);
    ouch_rest(&w, a, 1, RL_OUCH_BUY, 100, 10.00);
    ouch_rest(&w, a, 2, RL_OUCH_BUY, 100, 10.00);
    ouch_enter(&w, a, 3, RL_OUCH_BUY, 100, 10.00);
    w.n_read = w.n_told - 1;
    ouch_rejected(&w, a, 3, RL_OUCH_REJECT_PROCESSING_ERROR);
    ouch_close(&w);
}

int main(void)
{
    test_an_order_is_accepted_with_all_it_said();
    test_both_sides_of_a_trade_are_told_of_it();
    test_a_usernum_that_does_not_rise_is_ignored();
    test_usernums_are_each_members_own();
    test_a_rejected_usernum_is_used_up();
    test_a_replacement_has_the_new_total_and_its_own_number();
    test_a_replacement_that_is_no_good_leaves_the_order_as_it_was();
    test_a_partial_cancel_names_the_total_that_stays();
    test_a_modification_keeps_the_place_and_says_so();
    test_every_reason_to_reject_an_order_has_its_code();
    test_a_halt_and_a_close_have_their_codes();
    test_bytes_that_are_no_order_are_rejected_when_they_have_a_number();
    test_what_ends_on_arrival_is_accepted_and_canceled();
    test_an_iceberg_shows_its_floor_and_says_when_it_shows_more();
    test_a_replaced_iceberg_that_shows_less_than_its_floor_says_so();
    test_a_self_match_is_prevented_as_was_asked();
    test_without_prevention_a_member_trades_with_itself();
    test_a_member_that_asks_too_often_is_rejected();
    test_an_order_without_a_slot_is_rejected();
    return 0;
}
