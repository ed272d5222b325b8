/*
 * Market data over FIX, word by word: what a subscriber is sent, and why a request is rejected or
 * refused.
 */
#include "md_fix_world.h"

/* --- the words -------------------------------------------------------------------------------- */

static void test_a_subscription_is_a_snapshot_and_then_what_changes(void)
{
    uint64_t id;

    open_all(2);
    CHECK_EQ(rl_md_fix_open(&md, 0, RL_MD_FIX_44), 0);
    id = rest(RL_BUY, 10000, 5);
    rest(RL_BUY, 10000, 7);
    rest(RL_BUY, 9999, 1);
    rest(RL_SELL, 10002, 3);
    turn();
    CHECK_LOG(""); /* nobody has asked */
    CHECK_EQ(say(0, "V", "262=r1|263=1|264=0|265=1|" TYPES "146=1|55=S000|"), RL_MD_FIX_TAKEN);
    CHECK_LOG("0 W 262=r1|55=S000|268=3|269=0|270=100|271=12|346=2|269=0|270=99.99|271=1|346=1|"
              "269=1|270=100.02|271=3|346=1|\n");
    turn();
    CHECK_LOG("");
    world_ask(&w, (struct rl_match_request){.op = RL_MATCH_CANCEL, .id = id});
    rest(RL_SELL, 10001, 4);
    turn();
    CHECK_LOG("0 X 262=r1|268=2|279=1|269=0|55=S000|270=100|271=7|346=1|"
              "279=0|269=1|55=S000|270=100.01|271=4|346=1|\n");
    w.now_ns = WORLD_T0 + 1500000000;
    rest(RL_SELL, 10000, 7);
    turn();
    CHECK_LOG("0 X 262=r1|268=1|279=0|269=2|278=1|55=S000|270=100|271=7|272=20260921|"
              "273=14:13:21.500|\n"
              "0 X 262=r1|268=1|279=2|269=0|55=S000|270=100|\n");
    CHECK_EQ(say(0, "V", "262=r1|263=2|264=0|" TYPES "146=1|55=S000|"), RL_MD_FIX_TAKEN);
    rest(RL_SELL, 10001, 4);
    turn();
    CHECK_LOG("");
    close_all();
}

static void test_a_snapshot_alone_is_told_once(void)
{
    open_all(2);
    CHECK_EQ(rl_md_fix_open(&md, 0, RL_MD_FIX_50SP2), 0);
    turn();
    CHECK_EQ(say(0, "V", "262=r1|263=0|264=1|267=1|269=1|146=2|55=S000|55=S001|"), RL_MD_FIX_TAKEN);
    CHECK_LOG("0 W 262=r1|55=S000|779=20260921-14:13:20.000|268=0|\n"
              "0 W 262=r1|55=S001|779=20260921-14:13:20.000|268=0|\n");
    rest(RL_SELL, 10001, 4);
    turn();
    CHECK_LOG("");
    CHECK_EQ(md.sessions[0].n_subscriptions, 0);
    CHECK_EQ(say(0, "V", "262=r1|263=0|264=1|267=1|269=1|146=1|55=S000|"), RL_MD_FIX_TAKEN);
    CHECK(strstr(take_log(), "268=1|269=1|270=100.01|271=4|346=1|") != NULL);
    close_all();
}

static void test_depth_one_is_the_best_price_of_each_side(void)
{
    uint64_t best;

    open_all(1);
    CHECK_EQ(rl_md_fix_open(&md, 0, RL_MD_FIX_42), 0);
    rest(RL_BUY, 9998, 1);
    best = rest(RL_BUY, 10000, 5);
    say(0, "V", "262=r1|263=1|264=1|265=1|267=2|269=0|269=1|146=1|55=S000|");
    CHECK_LOG("0 W 262=r1|55=S000|268=1|269=0|270=100|271=5|346=1|\n");
    rest(RL_BUY, 9999, 1); /* behind the best: nothing to say */
    turn();
    CHECK_LOG("");
    world_ask(&w, (struct rl_match_request){.op = RL_MATCH_CANCEL, .id = best});
    turn();
    CHECK_LOG("0 X 262=r1|268=2|279=2|269=0|55=S000|270=100|"
              "279=0|269=0|55=S000|270=99.99|271=1|346=1|\n");
    rest(RL_BUY, 10001, 2);
    turn();
    CHECK_LOG("0 X 262=r1|268=2|279=0|269=0|55=S000|270=100.01|271=2|346=1|"
              "279=2|269=0|55=S000|270=99.99|\n");
    close_all();
}

static void test_full_refresh_is_a_snapshot_at_each_change(void)
{
    open_all(1);
    CHECK_EQ(rl_md_fix_open(&md, 0, RL_MD_FIX_44), 0);
    say(0, "V", "262=r1|263=1|264=0|265=0|" TYPES "146=1|55=S000|");
    CHECK_LOG("0 W 262=r1|55=S000|268=0|\n");
    rest(RL_BUY, 10000, 5);
    turn();
    CHECK_LOG("0 W 262=r1|55=S000|268=1|269=0|270=100|271=5|346=1|\n");
    rest(RL_SELL, 10000, 5);
    turn();
    CHECK_LOG("0 W 262=r1|55=S000|268=1|269=2|270=100|271=5|272=20260921|273=14:13:20.000|\n");
    turn();
    CHECK_LOG("");
    close_all();
}

static void test_a_bust_takes_the_trade_back(void)
{
    open_all(1);
    CHECK_EQ(rl_md_fix_open(&md, 0, RL_MD_FIX_44), 0);
    say(0, "V", "262=r1|263=1|264=0|267=1|269=2|146=1|55=S000|");
    rest(RL_BUY, 10000, 5);
    rest(RL_SELL, 10000, 5);
    turn();
    (void)take_log();
    rl_venue_decide(&w.venue, &(struct rl_match_request){.op = RL_MATCH_BUST, .match = 1},
                    w.now_ns);
    turn();
    CHECK_LOG("0 X 262=r1|268=1|279=2|269=2|278=1|55=S000|270=100|271=5|272=20260921|"
              "273=14:13:20.000|\n");
    CHECK_EQ(md.books[0].last.qty, 0);
    close_all();
}

static void test_a_large_book_is_told_in_parts(void)
{
    const char *text;

    open_with(1, &(struct rl_md_fix_config){.n_entries = 10});
    CHECK_EQ(rl_md_fix_open(&md, 0, RL_MD_FIX_44), 0);
    client_open(0);
    for (int i = 0; i < 25; i++)
        rest(RL_BUY, 9900 + i, 1);
    say(0, "V", "262=r1|263=1|264=0|" TYPES "146=1|55=S000|");
    text = take_log();
    CHECK_EQ(n_sent[0], 3);
    CHECK(strstr(text, "0 W 262=r1|55=S000|268=10|") == text);
    CHECK(strstr(text, "0 X 262=r1|268=10|279=0|269=0|55=S000|") != NULL);
    CHECK(strstr(text, "0 X 262=r1|268=5|") != NULL);
    CHECK_EQ(rl_books_n_levels(&clients[0].books, 0, RL_BUY), 25);
    close_all();
}

/* --- requests that cannot be served ----------------------------------------------------------- */

static void test_what_cannot_be_served_is_rejected_with_its_reason(void)
{
    static const struct {
        const char *says, *reason;
    } cases[] = {
        {"262=x|263=1|264=0|265=1|267=1|269=0|146=2|55=S000|55=NOPE|", "281=0|"},
        {"262=r1|263=1|264=0|265=1|267=1|269=0|146=1|55=S000|", "281=1|"},
        {"262=x|263=3|264=0|267=1|269=0|146=1|55=S000|", "281=4|"},
        {"262=x|263=1|264=-1|267=1|269=0|146=1|55=S000|", "281=5|"},
        {"262=x|263=1|264=0|265=2|267=1|269=0|146=1|55=S000|", "281=6|"},
        {"262=x|263=1|264=0|266=N|267=1|269=0|146=1|55=S000|", "281=7|"},
        {"262=x|263=1|264=0|267=2|269=0|269=4|146=1|55=S000|", "281=8|"},
        {"262=x|263=1|264=0|267=1|269=0|146=2|55=S000|55=S000|", "58=the same symbol twice|"},
        {"262=x|263=2|", "58=no subscription has this MDReqID|"},
    };

    open_all(1);
    CHECK_EQ(rl_md_fix_open(&md, 0, RL_MD_FIX_44), 0);
    CHECK_EQ(rl_md_fix_open(&md, 1, RL_MD_FIX_44), 0);
    say(0, "V", "262=r1|263=1|264=0|265=1|267=1|269=0|146=1|55=S000|");
    (void)take_log();
    for (uint32_t i = 0; i < RL_COUNT(cases); i++) {
        const char *text;

        CHECK_EQ(say(0, "V", cases[i].says), RL_MD_FIX_TAKEN);
        text = take_log();
        if (strncmp(text, "0 Y 262=", 8) != 0 || !strstr(text, cases[i].reason)) {
            fprintf(stderr, "%s: %s", cases[i].says, text);
            CHECK(!"the reason");
        }
    }
    CHECK_EQ(md.sessions[0].n_subscriptions, 1);
    CHECK_EQ(md.n.rejects, RL_COUNT(cases));
    /* Another session may use the same id. */
    CHECK_EQ(say(1, "V", "262=r1|263=1|264=0|267=1|269=0|146=1|55=S000|"), RL_MD_FIX_TAKEN);
    CHECK_LOG("1 W 262=r1|55=S000|268=0|\n");
    close_all();
}

static void test_what_makes_no_sense_is_the_sessions_to_refuse(void)
{
    static const struct {
        const char *type, *says;
        uint32_t reason, tag;
    } cases[] = {
        {"V", "263=1|264=0|267=1|269=0|146=1|55=S000|", RL_FIX_REQUIRED_MISSING, 262},
        {"V", "262=x|264=0|267=1|269=0|146=1|55=S000|", RL_FIX_REQUIRED_MISSING, 263},
        {"V", "262=x|263=1|267=1|269=0|146=1|55=S000|", RL_FIX_REQUIRED_MISSING, 264},
        {"V", "262=x|263=1|264=0|146=1|55=S000|", RL_FIX_REQUIRED_MISSING, 267},
        {"V", "262=x|263=1|264=0|267=1|269=0|", RL_FIX_REQUIRED_MISSING, 146},
        {"V", "262=x|263=1|264=0|267=2|269=0|146=1|55=S000|", RL_FIX_GROUP_COUNT, 267},
        {"V", "262=x|263=1|264=0|267=1|269=0|146=5|55=S000|", RL_FIX_GROUP_COUNT, 146},
        {"V", "262=x|263=1|264=0|267=0|146=1|55=S000|", RL_FIX_WRONG_VALUE, 267},
        {"V", "262=x|263=1|264=0|267=1|269=0|146=0|", RL_FIX_WRONG_VALUE, 146},
        {"V",
         "262=12345678901234567890123456789012345678901234567890123456789012345|263=1|264=0|"
         "267=1|269=0|146=1|55=S000|",
         RL_FIX_WRONG_VALUE, 262},
        {"x", "320=q|", RL_FIX_REQUIRED_MISSING, 559},
        {"x", "320=q|559=0|", RL_FIX_REQUIRED_MISSING, 55},
        {"e", "324=q|263=1|", RL_FIX_REQUIRED_MISSING, 55},
        {"e", "324=q|263=7|55=S000|", RL_FIX_WRONG_VALUE, 263},
    };

    open_all(1);
    CHECK_EQ(rl_md_fix_open(&md, 0, RL_MD_FIX_44), 0);
    for (uint32_t i = 0; i < RL_COUNT(cases); i++) {
        CHECK_EQ(say(0, cases[i].type, cases[i].says), RL_MD_FIX_REFUSED);
        CHECK_EQ(refusal.reason, RL_FIX_REFUSE_FIELD + cases[i].reason);
        CHECK_EQ(refusal.tag, cases[i].tag);
    }
    CHECK_LOG("");
    CHECK_EQ(say(0, "D", "11=1|"), RL_MD_FIX_NOT_MINE);
    CHECK_EQ(say(1, "V", "262=x|"), RL_MD_FIX_NOT_MINE); /* not open */
    close_all();
}

static void test_subscriptions_are_bounded(void)
{
    open_with(2, &(struct rl_md_fix_config){.n_subscriptions = 3, .n_per_session = 2});
    CHECK_EQ(rl_md_fix_open(&md, 0, RL_MD_FIX_44), 0);
    CHECK_EQ(rl_md_fix_open(&md, 1, RL_MD_FIX_44), 0);
    say(0, "V", "262=a|263=1|264=0|267=1|269=0|146=2|55=S000|55=S001|");
    (void)take_log();
    say(0, "V", "262=b|263=1|264=0|267=1|269=0|146=1|55=S000|");
    CHECK_LOG("0 Y 262=b|281=2|58=too many subscriptions|\n");
    say(1, "V", "262=a|263=1|264=0|267=1|269=0|146=2|55=S000|55=S001|");
    CHECK_LOG("1 Y 262=a|281=2|58=too many subscriptions|\n");
    rl_md_fix_close(&md, 0);
    say(1, "V", "262=a|263=1|264=0|267=1|269=0|146=2|55=S000|55=S001|");
    CHECK_LOG("1 W 262=a|55=S000|268=0|\n1 W 262=a|55=S001|268=0|\n");
    rest(RL_BUY, 10000, 1);
    turn();
    CHECK_EQ(n_sent[0], 3); /* it heard nothing more */
    close_all();
}

/* --- symbols and their state ------------------------------------------------------------------ */

static void test_the_list_of_symbols(void)
{
    open_all(3);
    CHECK_EQ(rl_md_fix_open(&md, 0, RL_MD_FIX_44), 0);
    CHECK_EQ(rl_md_fix_open(&md, 1, RL_MD_FIX_43), 0);
    CHECK_EQ(rl_md_fix_open(&md, 2, RL_MD_FIX_42), 0);
    CHECK_EQ(say(0, "x", "320=q|559=4|"), RL_MD_FIX_TAKEN);
    CHECK_LOG("0 y 320=q|322=1|560=0|393=3|893=Y|146=3|55=S000|55=S001|55=S002|\n");
    say(1, "x", "320=q|559=0|55=S001|");
    CHECK_LOG("1 y 320=q|322=2|560=0|393=1|146=1|55=S001|\n");
    say(0, "x", "320=q|559=0|55=NOPE|");
    CHECK_LOG("0 y 320=q|322=3|560=2|393=0|893=Y|\n");
    say(0, "x", "320=q|559=1|");
    CHECK_LOG("0 y 320=q|322=4|560=1|393=0|893=Y|\n");
    CHECK_EQ(say(2, "x", "320=q|559=4|"), RL_MD_FIX_NOT_MINE);
    close_all();
}

static void test_the_state_of_a_symbol(void)
{
    struct rl_match_request phase = {.op = RL_MATCH_PHASE, .phase = RL_MATCH_HALTED};

    open_all(1);
    CHECK_EQ(rl_md_fix_open(&md, 0, RL_MD_FIX_44), 0);
    say(0, "e", "324=q|55=S000|263=1|");
    CHECK_LOG("0 f 324=q|55=S000|325=N|326=17|\n");
    rl_venue_decide(&w.venue, &phase, w.now_ns);
    turn();
    CHECK_LOG("0 f 324=q|55=S000|325=Y|326=2|\n");
    say(0, "e", "324=q|55=S000|263=2|");
    phase.phase = RL_MATCH_OPEN;
    rl_venue_decide(&w.venue, &phase, w.now_ns);
    turn();
    CHECK_LOG("");
    say(0, "e", "324=p|55=NOPE|263=0|");
    CHECK_LOG("0 f 324=p|55=NOPE|325=N|326=20|\n");
    close_all();
}

int main(void)
{
    test_a_subscription_is_a_snapshot_and_then_what_changes();
    test_a_snapshot_alone_is_told_once();
    test_depth_one_is_the_best_price_of_each_side();
    test_full_refresh_is_a_snapshot_at_each_change();
    test_a_bust_takes_the_trade_back();
    test_a_large_book_is_told_in_parts();
    test_what_cannot_be_served_is_rejected_with_its_reason();
    test_what_makes_no_sense_is_the_sessions_to_refuse();
    test_subscriptions_are_bounded();
    test_the_list_of_symbols();
    test_the_state_of_a_symbol();
    return 0;
}
