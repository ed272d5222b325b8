/*
 * Members of the OUCH gateway: what is done to all their orders at once, sessions that go away,
 * days, trades that are taken back, and events that come late, twice or never.
 */
#include "ouch_world.h"

static struct ouch_world w;

static struct rl_ouch_in order_of(uint32_t ref, const char *symbol, uint8_t side)
{
    struct rl_ouch_in in = ouch_order(ref, side, 100, side == RL_OUCH_BUY ? 9.00 : 11.00);

    rl_put_alpha(in.symbol, symbol, RL_OUCH_SYMBOL);
    return in;
}

static void rest_of(uint32_t member, uint32_t ref, const char *symbol, uint8_t side)
{
    struct rl_ouch_in in = order_of(ref, symbol, side);

    ouch_in(&w, member, &in);
    ouch_accepted(&w, member, ref);
}

/* The refs of the Canceled messages that follow, as a set of bits. */
static uint32_t canceled_refs(uint32_t member)
{
    uint32_t refs = 0;

    while (w.n_read < w.n_told)
        refs |= 1u << ouch_next(&w, member, 'C')->ref;
    return refs;
}

static void test_a_mass_cancel_takes_what_it_names(void)
{
    static const struct {
        const char *symbol;
        char side;
        uint32_t refs; /* that go, of 1 AAPL buy, 2 AAPL sell, 3 MSFT buy, 4 MSFT short */
    } cases[] = {{"", 0, 0x1E},   {"AAPL", 0, 0x06},   {"MSFT", 0, 0x18}, {"", 'B', 0x0A},
                 {"", 'T', 0x14}, {"MSFT", 'S', 0x10}, {"X", 0, 0}};

    for (size_t i = 0; i < RL_COUNT(cases); i++) {
        struct rl_ouch_in in = ouch_group('C', 10, "FIRM", cases[i].symbol);
        struct ouch_options o = {0};
        const struct rl_ouch_out *m;
        uint32_t a, b;

        ouch_open(&w);
        b = ouch_join(&w);
        a = ouch_join(&w);
        rest_of(b, 1, "AAPL", RL_OUCH_BUY);
        rest_of(a, 1, "AAPL", RL_OUCH_BUY);
        rest_of(a, 2, "AAPL", RL_OUCH_SELL);
        rest_of(a, 3, "MSFT", RL_OUCH_BUY);
        rest_of(a, 4, "MSFT", RL_OUCH_SELL_SHORT);
        if (cases[i].side)
            ouch_wish(&in, &o, RL_OUCH_OPTION_side, (uint64_t)cases[i].side);
        ouch_in(&w, a, &in);
        m = ouch_next(&w, a, 'X');
        CHECK_EQ(m->ref, 10);
        CHECK(rl_alpha_is(m->firm, 4, "FIRM"));
        CHECK(rl_alpha_is(m->symbol, 8, cases[i].symbol));
        CHECK_EQ(m->options.n_bytes, in.options.n_bytes);
        CHECK_EQ(canceled_refs(a), cases[i].refs);
        ouch_in(&w, a, &in); /* again: a repetition */
        ouch_silence(&w);
        ouch_close(&w);
    }
}

static void test_a_mass_cancel_knows_firms_and_groups(void)
{
    struct rl_ouch_in in;
    struct ouch_options o = {0};
    uint32_t a;

    ouch_open(&w);
    a = ouch_join(&w);
    rest_of(a, 1, "AAPL", RL_OUCH_BUY);
    in = order_of(2, "AAPL", RL_OUCH_BUY);
    o.w = (struct rl_ouch_option_writer){.bytes = o.bytes, .n_max = sizeof o.bytes};
    CHECK(rl_ouch_put_option_text(&o.w, RL_OUCH_OPTION_firm, "OTHR"));
    ouch_wish(&in, &o, RL_OUCH_OPTION_group_id, 7);
    ouch_in(&w, a, &in);
    ouch_accepted(&w, a, 2);
    in = order_of(3, "AAPL", RL_OUCH_SELL);
    o = (struct ouch_options){0};
    ouch_wish(&in, &o, RL_OUCH_OPTION_group_id, 7);
    ouch_in(&w, a, &in);
    ouch_accepted(&w, a, 3);

    in = ouch_group('C', 10, "FIRM", "");
    o = (struct ouch_options){0};
    ouch_wish(&in, &o, RL_OUCH_OPTION_group_id, 8);
    ouch_in(&w, a, &in);
    ouch_next(&w, a, 'X');
    ouch_silence(&w);
    in = ouch_group('C', 11, "OTHR", "");
    ouch_in(&w, a, &in);
    ouch_next(&w, a, 'X');
    CHECK_EQ(canceled_refs(a), 1u << 2);
    in = ouch_group('C', 12, "FIRM", "AAPL");
    o = (struct ouch_options){0};
    ouch_wish(&in, &o, RL_OUCH_OPTION_group_id, 7);
    ouch_in(&w, a, &in);
    ouch_next(&w, a, 'X');
    CHECK_EQ(canceled_refs(a), 1u << 3);
    in = ouch_group('C', 13, "WHO?", "");
    ouch_in(&w, a, &in);
    ouch_rejected(&w, a, 13, RL_OUCH_REJECT_FIRM_NOT_AUTHORIZED);
    in = ouch_group('C', 14, "FIRM", "NONE");
    ouch_in(&w, a, &in);
    ouch_rejected(&w, a, 14, RL_OUCH_REJECT_INVALID_SYMBOL);
    in = order_of(15, "AAPL", RL_OUCH_BUY);
    o = (struct ouch_options){0};
    o.w = (struct rl_ouch_option_writer){.bytes = o.bytes, .n_max = sizeof o.bytes};
    CHECK(rl_ouch_put_option_text(&o.w, RL_OUCH_OPTION_firm, "OTHR"));
    in.options = rl_ouch_options_of(&o.w);
    ouch_in(&w, a, &in);
    ouch_accepted(&w, a, 15);
    in = ouch_group('C', 16, "FIRM", "");
    ouch_in(&w, a, &in);
    ouch_next(&w, a, 'X');
    CHECK_EQ(canceled_refs(a), 1u << 1);
    ouch_close(&w);
}

static void test_a_firm_whose_entry_is_disabled_may_only_cancel(void)
{
    struct rl_ouch_in in;
    uint32_t a;

    ouch_open(&w);
    a = ouch_join(&w);
    ouch_rest(&w, a, 1, RL_OUCH_BUY, 100, 10.00);
    in = ouch_group('D', 2, "FIRM", "");
    ouch_in(&w, a, &in);
    CHECK_EQ(ouch_next(&w, a, 'G')->ref, 2);
    ouch_enter(&w, a, 3, RL_OUCH_BUY, 100, 10.00);
    ouch_rejected(&w, a, 3, RL_OUCH_REJECT_FIRM_NOT_AUTHORIZED);
    ouch_replace(&w, a, 1, 4, 100, 10.01);
    ouch_rejected(&w, a, 4, RL_OUCH_REJECT_REPLACE_NOT_ALLOWED);
    ouch_cancel(&w, a, 1, 40);
    ouch_canceled(&w, a, 1, 60, 'U');
    in = ouch_group('E', 5, "FIRM", "");
    ouch_in(&w, a, &in);
    CHECK_EQ(ouch_next(&w, a, 'K')->ref, 5);
    ouch_replace(&w, a, 1, 6, 100, 10.01);
    CHECK_EQ(ouch_next(&w, a, 'U')->ref, 6);
    in = ouch_group('D', 7, "WHO?", "");
    ouch_in(&w, a, &in);
    ouch_rejected(&w, a, 7, RL_OUCH_REJECT_FIRM_NOT_AUTHORIZED);
    ouch_close(&w);
}

static void test_orders_are_cancelled_on_disconnect_for_who_wished_so(void)
{
    struct rl_ouch_member_config careful = {.firms = {"SAFE"}, .cancels_on_disconnect = true};
    uint32_t a, b;

    ouch_open(&w);
    a = (uint32_t)rl_ouch_gateway_join(&w.g, &careful);
    b = ouch_join(&w);
    ouch_rest(&w, a, 1, RL_OUCH_BUY, 100, 9.00);
    ouch_rest(&w, a, 2, RL_OUCH_SELL, 100, 11.00);
    ouch_rest(&w, b, 1, RL_OUCH_BUY, 100, 9.00);
    rl_ouch_gateway_disconnect(&w.g, b, w.now_ns);
    ouch_silence(&w);
    rl_ouch_gateway_disconnect(&w.g, a, w.now_ns);
    ouch_canceled(&w, a, 1, 100, 'Z'); /* for when it is back */
    ouch_canceled(&w, a, 2, 100, 'Z');
    rl_ouch_gateway_disconnect(&w.g, a, w.now_ns); /* twice is harmless */
    rl_ouch_gateway_disconnect(&w.g, 1234, w.now_ns);
    ouch_silence(&w);
    CHECK_EQ(w.venue.n.cancelled_on_disconnect, 2);
    rl_ouch_gateway_connect(&w.g, a);
    ouch_enter(&w, a, 2, RL_OUCH_SELL, 100, 9.00); /* its numbers go on */
    ouch_silence(&w);
    ouch_enter(&w, a, 3, RL_OUCH_SELL, 100, 9.00);
    ouch_accepted(&w, a, 3);
    CHECK_EQ(w.n_told - w.n_read, 2); /* the order of who stayed was there: both are told */
    ouch_close(&w);
}

static void test_a_day_begins_and_ends_for_everybody(void)
{
    uint32_t a, b;

    ouch_open(&w);
    a = ouch_join(&w);
    b = ouch_join(&w);
    rl_ouch_gateway_system(&w.g, 'S', w.now_ns);
    CHECK_EQ(ouch_next(&w, a, 'S')->event, 'S');
    CHECK_EQ(ouch_next(&w, b, 'S')->event, 'S');
    ouch_rest(&w, a, 1, RL_OUCH_BUY, 100, 9.00);
    rl_venue_decide(
        &w.venue,
        &(struct rl_match_request){.op = RL_MATCH_DAY_END, .instrument = RL_INSTRUMENT_ALL},
        w.now_ns);
    ouch_canceled(&w, a, 1, 100, 'E');
    rl_ouch_gateway_system(&w.g, 'E', w.now_ns);
    CHECK_EQ(ouch_next(&w, a, 'S')->event, 'E');
    CHECK_EQ(ouch_next(&w, b, 'S')->event, 'E');
    w.now_ns += 86400ULL * 1000000000;
    rl_ouch_gateway_system(&w.g, 'S', w.now_ns);
    w.n_read = w.n_told;
    ouch_rest(&w, a, 1, RL_OUCH_BUY, 100, 9.00); /* numbers begin anew */
    CHECK_EQ(w.log[w.n_read - 1].m.ts_ns / 1000000000, 22 * 3600 + 13 * 60 + 20);
    ouch_close(&w);
}

static void test_an_order_till_a_second_is_canceled_then(void)
{
    struct rl_ouch_in in = ouch_order(1, RL_OUCH_BUY, 100, 9.00);
    struct ouch_options o = {0};
    uint32_t a;

    ouch_open(&w);
    a = ouch_join(&w);
    in.tif = RL_OUCH_GTT;
    ouch_wish(&in, &o, RL_OUCH_OPTION_expire_time, 22 * 3600 + 13 * 60 + 25);
    ouch_in(&w, a, &in);
    ouch_accepted(&w, a, 1);
    (void)rl_venue_turn(&w.venue, OUCH_NOW + 4999999999);
    ouch_silence(&w);
    (void)rl_venue_turn(&w.venue, OUCH_NOW + 5000000000);
    ouch_canceled(&w, a, 1, 100, 'T');
    ouch_close(&w);
}

static void test_a_broken_trade_is_told_to_both_even_when_their_orders_are_gone(void)
{
    const struct rl_ouch_out *m;
    uint64_t match;
    uint32_t a, b;

    ouch_open(&w);
    a = ouch_join(&w);
    b = ouch_join(&w);
    ouch_rest(&w, a, 1, RL_OUCH_SELL, 100, 10.00);
    ouch_enter(&w, b, 1, RL_OUCH_BUY, 60, 10.00);
    ouch_accepted(&w, b, 1);
    match = w.log[w.n_read].m.match;
    w.n_read += 2;
    ouch_replace(&w, a, 1, 2, 90, 10.10); /* the trade was under number 1 */
    ouch_next(&w, a, 'U');
    rl_venue_decide(&w.venue,
                    &(struct rl_match_request){
                        .op = RL_MATCH_BUST, .match = match, .instrument = RL_INSTRUMENT_ALL},
                    w.now_ns);
    for (int i = 0; i < 2; i++) {
        uint32_t member = w.log[w.n_read].member;

        m = ouch_next(&w, member, 'B');
        CHECK(m->ref == 1 && m->match == match && m->reason == 'S');
        CHECK(rl_alpha_is(m->cl_ord_id, sizeof m->cl_ord_id, "my order"));
        CHECK(i == 0 || w.log[w.n_read - 2].member != member);
    }
    ouch_silence(&w);
    ouch_close(&w);
}

static void test_a_replacement_of_less_than_was_executed_ends_the_order(void)
{
    uint32_t a, b;

    ouch_open(&w);
    a = ouch_join(&w);
    b = ouch_join(&w);
    ouch_rest(&w, a, 1, RL_OUCH_SELL, 100, 10.00);
    ouch_enter(&w, b, 1, RL_OUCH_BUY, 60, 10.00);
    w.n_read = w.n_told;
    ouch_replace(&w, a, 1, 2, 60, 10.10);
    ouch_canceled(&w, a, 1, 40, 'U');
    ouch_silence(&w);
    CHECK_EQ(w.g.n_taken, 0);
    ouch_close(&w);
}

static void test_a_post_only_replacement_that_would_trade_is_rejected(void)
{
    struct rl_ouch_in in = ouch_order(1, RL_OUCH_BUY, 100, 9.00);
    struct ouch_options o = {0};
    uint32_t a, b;

    ouch_open(&w);
    a = ouch_join(&w);
    b = ouch_join(&w);
    ouch_rest(&w, b, 1, RL_OUCH_SELL, 100, 10.00);
    ouch_wish(&in, &o, RL_OUCH_OPTION_post_only, 'P');
    ouch_in(&w, a, &in);
    ouch_accepted(&w, a, 1);
    in = ouch_replacement(1, 2, 100, 10.00);
    in.options = rl_ouch_options_of(&o.w);
    ouch_in(&w, a, &in);
    ouch_rejected(&w, a, 2, RL_OUCH_REJECT_CROSSED_MARKET);
    ouch_cancel(&w, a, 1, 0);
    ouch_canceled(&w, a, 1, 100, 'U');
    ouch_close(&w);
}

/* --- a hook that keeps what it hears ---------------------------------------------------------- */

struct keeper {
    struct rl_match_event events[64];
    struct rl_match_request requests[64];
    uint32_t n_events, n_requests;
    bool keeps_events, keeps_requests;
} kept;

static bool keep_event(void *context, const struct rl_match_event *e, uint64_t now_ns)
{
    struct keeper *k = context;

    (void)now_ns;
    if (k->keeps_events)
        k->events[k->n_events++ % 64] = *e;
    return k->keeps_events;
}

static bool keep_request(void *context, const struct rl_match_request *r, uint64_t now_ns)
{
    struct keeper *k = context;

    (void)now_ns;
    if (k->keeps_requests)
        k->requests[k->n_requests++ % 64] = *r;
    return k->keeps_requests;
}

static void open_kept(void)
{
    ouch_open(&w);
    kept = (struct keeper){0};
    rl_venue_hook(&w.venue, &(struct rl_venue_hook){
                                .request = keep_request, .event = keep_event, .context = &kept});
}

static void pass_requests(void)
{
    kept.keeps_requests = false;
    for (uint32_t i = 0; i < kept.n_requests; i++)
        rl_venue_pass_request(&w.venue, &kept.requests[i], w.now_ns);
    kept.n_requests = 0;
}

static void test_an_execution_that_is_told_twice_or_late_is_told(void)
{
    uint32_t a, b;

    open_kept();
    a = ouch_join(&w);
    b = ouch_join(&w);
    ouch_rest(&w, a, 1, RL_OUCH_SELL, 100, 10.00);
    kept.keeps_events = true;
    ouch_enter(&w, b, 1, RL_OUCH_BUY, 100, 10.00);
    ouch_silence(&w);
    CHECK_EQ(kept.n_events, 3);
    /* the execution of what had not even been accepted */
    for (uint32_t i = 1; i < 3; i++)
        rl_venue_pass_event(&w.venue, &kept.events[i]);
    rl_venue_pass_event(&w.venue, &kept.events[0]);
    for (uint32_t i = 1; i < 3; i++)
        rl_venue_pass_event(&w.venue, &kept.events[i]);
    CHECK_EQ(w.log[w.n_read].m.type, 'E');
    CHECK_EQ(w.log[w.n_read + 2].m.type, 'A');
    CHECK_EQ(w.log[w.n_read + 3].m.match, w.log[w.n_read].m.match); /* so that it is seen */
    CHECK_EQ(w.n_told - w.n_read, 5);
    CHECK_EQ(w.g.n.executions, 4);
    CHECK(w.g.n.events_odd > 0);
    CHECK_EQ(w.g.n_taken, 0);
    ouch_close(&w);
}

static void test_requests_that_wait_are_answered_in_their_order(void)
{
    uint32_t a;

    open_kept();
    a = ouch_join(&w);
    kept.keeps_requests = true;
    ouch_enter(&w, a, 1, RL_OUCH_BUY, 500, 9.00);
    ouch_cancel(&w, a, 1, 400);
    ouch_in(&w, a, &(struct rl_ouch_in){.type = 'M', .ref = 1, .side = 'B', .qty = 300});
    ouch_replace(&w, a, 1, 2, 250, 9.10);
    ouch_replace(&w, a, 2, 3, 240, 9.20); /* of what was not yet granted */
    ouch_cancel(&w, a, 1, 0);             /* gone when it comes */
    ouch_cancel(&w, a, 3, 200);
    ouch_silence(&w);
    pass_requests();
    CHECK_EQ(ouch_accepted(&w, a, 1)->qty, 500);
    ouch_canceled(&w, a, 1, 100, 'U');
    CHECK_EQ(ouch_next(&w, a, 'M')->qty, 300);
    CHECK_EQ(ouch_next(&w, a, 'U')->qty, 250);
    CHECK_EQ(ouch_next(&w, a, 'U')->orig_ref, 2);
    ouch_canceled(&w, a, 3, 40, 'U');
    ouch_silence(&w);
    CHECK_EQ(w.g.n_taken, 1);
    ouch_close(&w);
}

static void test_a_cancel_that_the_venue_refuses_is_a_cancel_reject(void)
{
    struct rl_match_event e = {
        .kind = RL_MATCH_EVENT_REFUSED, .op = RL_MATCH_CANCEL, .reason = RL_MATCH_REASON_CLOSED};
    uint32_t a;

    open_kept();
    a = ouch_join(&w);
    ouch_rest(&w, a, 1, RL_OUCH_BUY, 500, 9.00);
    kept.keeps_requests = true;
    ouch_cancel(&w, a, 1, 0);
    e.owner = a;
    e.user = kept.requests[0].user;
    rl_venue_pass_event(&w.venue, &e);
    CHECK_EQ(ouch_next(&w, a, 'I')->ref, 1);
    e.reason = RL_MATCH_REASON_UNKNOWN_ORDER; /* its end was told: nothing to say */
    rl_venue_pass_event(&w.venue, &e);
    ouch_silence(&w);
    ouch_close(&w);
}

static void test_events_of_nobodys_orders_are_counted(void)
{
    struct rl_match_event e = {.user = (uint64_t)7 << 32 | 900000, .id = 5, .qty = 10};
    uint32_t a;

    open_kept();
    a = ouch_join(&w);
    e.owner = a;
    for (uint8_t kind = 0; kind < RL_MATCH_N_EVENTS; kind++) {
        e.kind = kind;
        rl_venue_pass_event(&w.venue, &e);
    }
    CHECK(w.g.n.events_odd > 8);
    CHECK_EQ(w.n_told, 2); /* an execution and a broken trade are facts */
    ouch_close(&w);
}

int main(void)
{
    test_a_mass_cancel_takes_what_it_names();
    test_a_mass_cancel_knows_firms_and_groups();
    test_a_firm_whose_entry_is_disabled_may_only_cancel();
    test_orders_are_cancelled_on_disconnect_for_who_wished_so();
    test_a_day_begins_and_ends_for_everybody();
    test_an_order_till_a_second_is_canceled_then();
    test_a_broken_trade_is_told_to_both_even_when_their_orders_are_gone();
    test_a_replacement_of_less_than_was_executed_ends_the_order();
    test_a_post_only_replacement_that_would_trade_is_rejected();
    test_an_execution_that_is_told_twice_or_late_is_told();
    test_requests_that_wait_are_answered_in_their_order();
    test_a_cancel_that_the_venue_refuses_is_a_cancel_reject();
    test_events_of_nobodys_orders_are_counted();
    return 0;
}
