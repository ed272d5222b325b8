/*
 * Market data over FIX while the market moves: slow sessions, sessions that go away, hostile
 * requests; and whatever happens, subscribers have the levels of the book.
 */
#include "md_fix_world.h"

/* --- slow sessions ---------------------------------------------------------------------------- */

static void test_who_is_held_gets_the_book_as_it_is_when_let_go(void)
{
    open_all(1);
    CHECK_EQ(rl_md_fix_open(&md, 0, RL_MD_FIX_44), 0);
    say(0, "V", "262=a|263=1|264=0|" TYPES "146=1|55=S000|");
    (void)take_log();
    rl_md_fix_hold(&md, 0, true);
    for (int i = 0; i < 100; i++) {
        rest(RL_BUY, 9900 + i % 5, 1);
        turn();
    }
    rest(RL_SELL, 9904, 1);
    turn();
    CHECK_LOG("");
    rl_md_fix_hold(&md, 0, false);
    CHECK_EQ(turn(), UINT64_MAX);
    CHECK_LOG("0 W 262=a|55=S000|268=6|269=0|270=99.04|271=19|346=19|269=0|270=99.03|271=20|346=20|"
              "269=0|270=99.02|271=20|346=20|269=0|270=99.01|271=20|346=20|"
              "269=0|270=99|271=20|346=20|"
              "269=2|270=99.04|271=1|272=20260921|273=14:13:20.000|\n");
    CHECK(md.n.conflated == 1 && md.n.trades_missed == 1);
    rest(RL_BUY, 9905, 1);
    turn();
    CHECK_LOG("0 X 262=a|268=1|279=0|269=0|55=S000|270=99.05|271=1|346=1|\n");
    close_all();
}

static void test_who_is_paced_gets_a_book_at_most_so_often(void)
{
    uint64_t due_ns;

    open_all(1);
    CHECK_EQ(rl_md_fix_open(&md, 0, RL_MD_FIX_44), 0);
    rl_md_fix_pace(&md, 0, 100000000);
    say(0, "V", "262=a|263=1|264=0|" TYPES "146=1|55=S000|");
    (void)take_log();
    rest(RL_BUY, 9900, 1);
    turn();
    CHECK_LOG("0 W 262=a|55=S000|268=1|269=0|270=99|271=1|346=1|\n");
    rest(RL_BUY, 9900, 1);
    due_ns = turn();
    CHECK_EQ(due_ns, WORLD_T0 + 1000 + 100000000);
    rest(RL_BUY, 9900, 1);
    turn();
    CHECK_LOG("");
    w.now_ns = due_ns;
    CHECK_EQ(turn(), UINT64_MAX);
    CHECK_LOG("0 W 262=a|55=S000|268=1|269=0|270=99|271=3|346=3|\n");
    close_all();
}

static void test_a_session_may_close_while_it_is_told(void)
{
    open_with(2, &(struct rl_md_fix_config){.n_entries = 1});
    CHECK_EQ(rl_md_fix_open(&md, 0, RL_MD_FIX_44), 0);
    CHECK_EQ(rl_md_fix_open(&md, 1, RL_MD_FIX_44), 0);
    for (uint32_t h = 0; h < 2; h++)
        say(h, "V", "262=a|263=1|264=0|" TYPES "146=2|55=S000|55=S001|");
    (void)take_log();
    closes_when_told = 0;
    rest(RL_BUY, 9900, 1);
    rest(RL_BUY, 9901, 1);
    turn();
    CHECK_LOG("0 X 262=a|268=1|279=0|269=0|55=S000|270=99.01|271=1|346=1|\n"
              "1 X 262=a|268=1|279=0|269=0|55=S000|270=99.01|271=1|346=1|\n"
              "1 X 262=a|268=1|279=0|269=0|55=S000|270=99|271=1|346=1|\n");
    CHECK(!md.sessions[0].is_open && md.sessions[0].n_subscriptions == 0);
    CHECK_EQ(rl_md_fix_open(&md, 0, RL_MD_FIX_44), 0);
    say(0, "V", "262=a|263=1|264=0|" TYPES "146=2|55=S000|55=S001|"); /* and while it asks */
    CHECK(!md.sessions[0].is_open && md.sessions[0].n_subscriptions == 0);
    close_all();
}

/* --- hostile requests ------------------------------------------------------------------------- */

static void test_any_request_that_parses_is_answered_and_bounded(void)
{
    static const char *const seeds[] = {
        "262=r1|263=1|264=0|265=1|266=Y|" TYPES "146=2|55=S000|55=S001|",
        "262=r1|263=2|264=0|" TYPES "146=1|55=S000|",
        "262=r2|263=0|264=5|267=1|269=0|146=1|55=S001|",
        "320=q|559=4|55=S000|",
        "324=q|263=1|55=S000|",
    };
    static const char *const types[] = {"V", "V", "V", "x", "e"};
    static const char alphabet[] = "0123456789=|SY-.";
    uint64_t random = 12, n_taken = 0, n_refused = 0;

    open_with(2, &(struct rl_md_fix_config){.n_subscriptions = 8});
    CHECK_EQ(rl_md_fix_open(&md, 0, RL_MD_FIX_44), 0);
    for (int i = 0; i < 8000; i++) {
        uint64_t k = check_random(&random) % RL_COUNT(seeds);
        char text[256];
        size_t n = strlen(seeds[k]);

        memcpy(text, seeds[k], n + 1);
        for (uint64_t m = check_random(&random) % 4; m > 0; m--)
            text[check_random(&random) % (n - 1)] =
                alphabet[check_random(&random) % (sizeof alphabet - 1)];
        switch (say_if_it_parses(0, types[k], text)) {
        case RL_MD_FIX_TAKEN:
            n_taken++;
            break;
        case RL_MD_FIX_REFUSED:
            n_refused++;
            break;
        default:
            break;
        }
        CHECK(md.sessions[0].n_subscriptions <= 8);
        n_log = 0;
        if (i % 7 == 0) {
            rest(RL_BUY, 9900 + i % 50, 1);
            turn();
        }
    }
    CHECK(n_taken > 300 && n_refused > 300);
    CHECK(md.n.rejects > 300 && md.n.snapshots > 100);
    rl_md_fix_close(&md, 0);
    CHECK_EQ(md.n_stale, 0);
    for (uint32_t i = 0; i < 2; i++)
        CHECK_EQ(md.books[i].first, 0);
    close_all();
}

/* --- flows ------------------------------------------------------------------------------------ */

static bool levels_agree(const struct client *c, uint32_t depth)
{
    const struct rl_books *b = rl_match_books(w.venue.match);

    for (uint32_t i = 0; i < w.n_instruments; i++) {
        char symbol[16];
        uint32_t at;

        snprintf(symbol, sizeof symbol, "S%03u", i);
        at = rl_feed_find(&c->feed, symbol);
        for (int side = RL_BUY; side <= RL_SELL; side++) {
            struct rl_book_depth shown[WORLD_LEVELS], heard[WORLD_LEVELS];
            uint32_t n = rl_books_depth(b, i, (enum rl_side)side, shown, depth);

            if (at == RL_INSTRUMENT_ALL ||
                rl_books_n_levels(&c->books, at, (enum rl_side)side) != n)
                return false;
            (void)rl_books_depth(&c->books, at, (enum rl_side)side, heard, n);
            for (uint32_t k = 0; k < n; k++)
                if (shown[k].px_nano != heard[k].px_nano || shown[k].qty != heard[k].qty)
                    return false;
        }
    }
    return true;
}

static uint64_t market_traded; /* quantity, each trade once */

static void watch_trades(void *context, const struct rl_match_event *e)
{
    static uint64_t last;

    (void)context;
    if (e->kind == RL_MATCH_EVENT_FILL && e->match != last)
        market_traded += e->qty;
    if (e->kind == RL_MATCH_EVENT_FILL)
        last = e->match;
}

/* Depths 0, 1, 5, and one that is held now and then. True: they agreed whenever they should. */
static bool run(uint64_t seed, uint32_t n, bool (*lie)(struct rl_match_event *))
{
    static const uint32_t depths[SESSIONS] = {DEPTH, 1, 5, DEPTH};
    bool agreed = true, is_held = false;

    w.random = seed;
    open_with(3, &(struct rl_md_fix_config){.n_trades = 4, .n_entries = 7});
    CHECK_EQ(rl_venue_feed(&w.venue, watch_trades, NULL), 0);
    market_traded = 0;
    md_lie = lie;
    for (uint32_t h = 0; h < SESSIONS; h++) {
        char text[128];

        client_open(h);
        CHECK_EQ(rl_md_fix_open(&md, h, (enum rl_md_fix_version)(RL_MD_FIX_42 + h)), 0);
        snprintf(text, sizeof text,
                 "262=r%u|263=1|264=%u|265=1|" TYPES "146=3|55=S002|55=S000|55=S001|", h,
                 depths[h] == DEPTH ? 0 : depths[h]);
        CHECK_EQ(say(h, "V", text), RL_MD_FIX_TAKEN);
    }
    for (uint32_t i = 0; i < n && agreed; i++) {
        world_random_request(&w);
        (void)rl_venue_turn(&w.venue, w.now_ns);
        if (i % 16 == 0) {
            is_held = !is_held;
            rl_md_fix_hold(&md, 3, is_held);
        }
        if (i % 4 == 0) {
            turn();
            n_log = 0;
            for (uint32_t h = 0; h < SESSIONS; h++)
                agreed = agreed && ((h == 3 && is_held) || levels_agree(&clients[h], depths[h]));
        }
    }
    rl_md_fix_hold(&md, 3, false);
    turn();
    n_log = 0;
    for (uint32_t h = 0; h < SESSIONS; h++)
        agreed = agreed && levels_agree(&clients[h], depths[h]);
    if (agreed)
        for (uint32_t h = 0; h < 3; h++)
            CHECK_EQ(clients[h].traded_qty, market_traded);
    return agreed;
}

static void test_any_flow_leaves_every_subscriber_with_the_levels_of_the_book(void)
{
    for (uint64_t seed = 1; seed <= 4; seed++) {
        CHECK(run(seed, 4000, NULL));
        CHECK(md.n.snapshots > 12 && md.n.increments > 500 && md.n.conflated > 0);
        CHECK_EQ(md.n.levels_cut, 0);
        close_all();
    }
}

/* What the publisher is not told it cannot tell: books that are not marked go stale. */
static bool forgets_cancels(struct rl_match_event *e)
{
    return e->kind != RL_MATCH_EVENT_CANCELLED;
}

static void test_a_publisher_that_misses_an_event_is_noticed(void)
{
    CHECK(!run(50, 6000, forgets_cancels));
    close_all();
}

int main(void)
{
    test_who_is_held_gets_the_book_as_it_is_when_let_go();
    test_who_is_paced_gets_a_book_at_most_so_often();
    test_a_session_may_close_while_it_is_told();
    test_any_request_that_parses_is_answered_and_bounded();
    test_any_flow_leaves_every_subscriber_with_the_levels_of_the_book();
    test_a_publisher_that_misses_an_event_is_noticed();
    return 0;
}
