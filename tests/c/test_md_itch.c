/*
 * The exchange's book, told as ITCH: which message says what happened.
 */
#include "md_world.h"

static struct world w;
static struct subscriber s;

static void open_both(uint32_t n_instruments)
{
    world_open(&w, n_instruments, NULL);
    subscriber_open(&s, n_instruments, NULL);
}

static void close_both(void)
{
    subscriber_close(&s);
    world_close(&w);
}

static void settle(void)
{
    world_turn(&w);
    subscriber_follow(&s, &w);
}

/* --- messages --------------------------------------------------------------------------------- */

/* Message types that were sent since the last call, as text. */
static const char *types_sent(void)
{
    static char text[256];
    uint32_t n_text = 0;
    static uint32_t from;

    if (from > w.n_packets)
        from = 0; /* another world */
    world_turn(&w);
    for (; from < w.n_packets; from++) {
        struct rl_mold m;
        const uint8_t *message;
        uint32_t n;

        CHECK(rl_mold_open(&m, w.bytes + w.packets[from].at, w.packets[from].n_bytes));
        while ((message = rl_mold_next(&m, &n)) != NULL) {
            CHECK_EQ(n, rl_itch_sizes[message[0]]);
            text[n_text++] = (char)message[0];
        }
    }
    text[n_text] = 0;
    from = w.n_packets;
    subscriber_follow(&s, &w);
    return text;
}

/* The last message of that type. */
static const uint8_t *last_of(char type)
{
    const uint8_t *found = NULL;

    for (uint32_t i = 0; i < w.n_packets; i++) {
        struct rl_mold m;
        const uint8_t *message;
        uint32_t n;

        CHECK(rl_mold_open(&m, w.bytes + w.packets[i].at, w.packets[i].n_bytes));
        while ((message = rl_mold_next(&m, &n)) != NULL)
            if (message[0] == type)
                found = message;
    }
    CHECK(found != NULL);
    return found;
}

#define CHECK_SENT(wanted)                                                                 \
    do {                                                                                   \
        const char *check_sent = types_sent();                                             \
        if (strcmp(check_sent, wanted) != 0) {                                             \
            fprintf(stderr, "%s:%d: sent %s, wanted %s\n", __FILE__, __LINE__, check_sent, \
                    wanted);                                                               \
            exit(1);                                                                       \
        }                                                                                  \
    } while (0)

static void test_the_day_begins_with_events_and_the_directory(void)
{
    const uint8_t *m;

    open_both(2);
    CHECK_SENT("SSRHRHS");
    m = last_of('R');
    CHECK_EQ(rl_itch_locate(m), 2);
    CHECK(memcmp(rl_itch_symbol(m), "S001    ", 8) == 0);
    CHECK_EQ(rl_itch_ts_ns(m), WORLD_T0 % 86400000000000ULL);
    m = last_of('H');
    CHECK_EQ(m[19], 'T');
    CHECK_EQ(s.feed.n_instruments, 2);
    CHECK(strcmp(rl_feed_symbol(&s.feed, 1), "S001") == 0);
    rl_md_itch_end(&w.md, w.now_ns);
    CHECK_SENT("SSS");
    CHECK_EQ(s.feed.n.ends, 1);
    CHECK(s.feed.n.bad_messages == 0 && s.feed.n.bad_frames == 0 && s.feed.n.lost == 0);
    close_both();
}

static void test_what_is_listed_later_is_named_before_it_is_used(void)
{
    struct rl_match_request r;

    world_open(&w, 1, NULL);
    subscriber_open(&s, 3, NULL);
    (void)types_sent();
    CHECK_EQ(rl_venue_list(&w.venue, "LATER"), 1);
    CHECK_EQ(rl_venue_list(&w.venue, "LONGERTHANEIGHT"), 2);
    r = world_limit(&w, RL_BUY, 10000, 5);
    r.instrument = 2;
    world_ask(&w, r);
    w.n_instruments = 3;
    CHECK_SENT("RHRHA");
    CHECK(memcmp(last_of('A') + 24, "LONGERTH", 8) == 0);
    CHECK(strcmp(rl_feed_symbol(&s.feed, 1), "LATER") == 0);
    CHECK(books_agree(&w, &s));
    close_both();
}

static struct rl_match_request sell(int64_t ticks, uint64_t qty)
{
    struct rl_match_request r = world_limit(&w, RL_SELL, ticks, qty);

    r.owner = 1;
    return r;
}

static void test_a_limit_order_is_added_executed_reduced_and_deleted(void)
{
    struct rl_match_request buy;
    const uint8_t *m;

    open_both(1);
    (void)types_sent();
    buy = world_limit(&w, RL_BUY, 10000, 50);
    world_ask(&w, buy);
    CHECK_SENT("A");
    m = last_of('A');
    CHECK_EQ(rl_be64(m + 11), buy.id);
    CHECK_EQ(m[19], 'B');
    CHECK_EQ(rl_be32(m + 20), 50);
    CHECK_EQ(rl_be32(m + 32), 1000000); /* 100.0000 */
    world_ask(&w, sell(10000, 20));
    CHECK_SENT("E");
    m = last_of('E');
    CHECK(rl_be64(m + 11) == buy.id && rl_be32(m + 19) == 20);
    world_ask(&w, (struct rl_match_request){.op = RL_MATCH_REDUCE, .id = buy.id, .qty = 5});
    CHECK_SENT("X");
    CHECK_EQ(rl_be32(last_of('X') + 19), 5);
    CHECK(books_agree(&w, &s));
    world_ask(&w, (struct rl_match_request){.op = RL_MATCH_CANCEL, .id = buy.id});
    CHECK_SENT("D");
    CHECK(books_agree(&w, &s));
    CHECK_EQ(s.books.n_orders, 0);
    close_both();
}

static void test_a_replacement_that_loses_its_place_is_a_replace(void)
{
    struct rl_match_request first, second, r;
    const uint8_t *m;

    open_both(1);
    (void)types_sent();
    first = world_limit(&w, RL_BUY, 10000, 10);
    second = world_limit(&w, RL_BUY, 10000, 10);
    world_ask(&w, first);
    world_ask(&w, second);
    CHECK_SENT("AA");
    r = (struct rl_match_request){.op = RL_MATCH_REPLACE,
                                  .id = first.id,
                                  .new_id = rl_venue_take_id(&w.venue),
                                  .qty = 12,
                                  .px_nano = world_px(10000)};
    world_ask(&w, r);
    CHECK_SENT("U");
    m = last_of('U');
    CHECK(rl_be64(m + 11) == first.id && rl_be64(m + 19) == r.new_id && rl_be32(m + 27) == 12);
    CHECK(books_agree(&w, &s));
    CHECK_EQ(rl_books_front(&s.books, 0, RL_BUY)->id, second.id);
    r.id = r.new_id; /* the same again, but under the name that it has: */
    r.qty = 15;      /* a reference cannot follow itself */
    world_ask(&w, r);
    CHECK_SENT("DA");
    CHECK(books_agree(&w, &s));
    close_both();
}

static void test_an_order_renamed_in_place_keeps_its_reference(void)
{
    struct rl_match_request first, second, r;

    open_both(1);
    (void)types_sent();
    first = world_limit(&w, RL_BUY, 10000, 10);
    second = world_limit(&w, RL_BUY, 10000, 10);
    world_ask(&w, first);
    world_ask(&w, second);
    r = (struct rl_match_request){.op = RL_MATCH_REPLACE,
                                  .id = first.id,
                                  .new_id = rl_venue_take_id(&w.venue),
                                  .qty = 7,
                                  .px_nano = world_px(10000)};
    world_ask(&w, r);
    CHECK_SENT("AAX");
    CHECK_EQ(rl_md_itch_ref(&w.md, 0, r.new_id), first.id);
    CHECK(books_agree(&w, &s));
    CHECK_EQ(rl_books_front(&s.books, 0, RL_BUY)->id, first.id);
    world_ask(&w, sell(10000, 7));
    CHECK_SENT("E");
    CHECK_EQ(rl_be64(last_of('E') + 11), first.id);
    CHECK(books_agree(&w, &s));
    CHECK_EQ(w.md.refs.n, 0);
    close_both();
}

static void test_an_iceberg_comes_back_under_its_reference_at_the_back(void)
{
    struct rl_match_request iceberg, other;

    open_both(1);
    (void)types_sent();
    iceberg = world_limit(&w, RL_BUY, 10000, 30);
    iceberg.show_qty = 10;
    other = world_limit(&w, RL_BUY, 10000, 5);
    world_ask(&w, iceberg);
    world_ask(&w, other);
    CHECK_SENT("AA");
    CHECK_EQ(rl_books_qty_at(&s.books, 0, RL_BUY, world_px(10000)), 15);
    world_ask(&w, sell(10000, 10));
    CHECK_SENT("EA");
    CHECK(books_agree(&w, &s));
    CHECK_EQ(rl_books_front(&s.books, 0, RL_BUY)->id, other.id);
    CHECK_EQ(rl_be64(last_of('A') + 11), iceberg.id);
    CHECK_EQ(w.md.n.refills, 1);
    world_ask(&w, sell(10000, 25)); /* 5 of the other, two parts of the iceberg */
    CHECK_SENT("EEAE");
    CHECK(books_agree(&w, &s));
    CHECK_EQ(s.books.n_orders, 0);
    close_both();
}

static void test_an_auction_is_unprinted_executions_and_one_cross(void)
{
    struct rl_match_request phase = {.op = RL_MATCH_PHASE, .phase = RL_MATCH_AUCTION};
    const uint8_t *m;

    open_both(1);
    (void)types_sent();
    rl_venue_decide(&w.venue, &phase, w.now_ns);
    CHECK_SENT("H");
    CHECK_EQ(last_of('H')[19], 'Q');
    world_ask(&w, world_limit(&w, RL_BUY, 10002, 30));
    world_ask(&w, sell(9999, 10));
    world_ask(&w, sell(10000, 15));
    CHECK_SENT("AAA");
    CHECK(books_agree(&w, &s)); /* crossed, and told so */
    phase.phase = RL_MATCH_OPEN;
    rl_venue_decide(&w.venue, &phase, w.now_ns);
    CHECK_SENT("HCCCCQ");
    m = last_of('Q');
    CHECK_EQ(rl_be64(m + 11), 25);
    CHECK(memcmp(m + 19, "S000    ", 8) == 0);
    CHECK_EQ(rl_be32(m + 27), rl_be32(last_of('C') + 32));
    CHECK_EQ(last_of('C')[31], 'N');
    CHECK(books_agree(&w, &s));
    CHECK_EQ(w.md.n.crosses, 1);
    close_both();
}

static void test_a_bust_is_told_once(void)
{
    struct rl_match_request bust = {.op = RL_MATCH_BUST};

    open_both(1);
    (void)types_sent();
    world_ask(&w, world_limit(&w, RL_BUY, 10000, 30));
    world_ask(&w, sell(10000, 10));
    CHECK_SENT("AE");
    bust.match = rl_be64(last_of('E') + 23);
    rl_venue_decide(&w.venue, &bust, w.now_ns);
    CHECK_SENT("B");
    CHECK_EQ(rl_be64(last_of('B') + 11), bust.match);
    CHECK(books_agree(&w, &s));
    close_both();
}

/* Made by hand: no order of this venue trades unseen. */
static void test_a_trade_that_nobody_saw_is_printed(void)
{
    struct rl_match_event e = {.kind = RL_MATCH_EVENT_FILL,
                               .ts_ns = WORLD_T0,
                               .id = 5,
                               .other_id = 6,
                               .match = 77,
                               .px_nano = world_px(10001),
                               .qty = 9,
                               .side = RL_SELL};
    const uint8_t *m;

    open_both(1);
    (void)types_sent();
    rl_md_itch_told(&w.md, &e);
    e.id = 6;
    e.side = RL_BUY;
    e.flags = RL_MATCH_AGGRESSOR;
    rl_md_itch_told(&w.md, &e);
    CHECK_SENT("P");
    m = last_of('P');
    CHECK_EQ(m[19], 'S');
    CHECK(rl_be32(m + 20) == 9 && rl_be32(m + 32) == 1000100 && rl_be64(m + 36) == 77);
    close_both();
}

/* Made by hand too: two orders that were both shown name the price, and one of them prints. */
static void test_two_shown_orders_that_trade_print_once(void)
{
    struct rl_match_event e = {.ts_ns = WORLD_T0,
                               .kind = RL_MATCH_EVENT_RESTED,
                               .id = 5,
                               .px_nano = world_px(10002),
                               .shown = 9,
                               .side = RL_BUY};

    open_both(1);
    (void)types_sent();
    rl_md_itch_told(&w.md, &e);
    e.id = 6;
    e.side = RL_SELL;
    e.px_nano = world_px(10000);
    rl_md_itch_told(&w.md, &e);
    CHECK_SENT("AA");
    e = (struct rl_match_event){.ts_ns = WORLD_T0,
                                .kind = RL_MATCH_EVENT_FILL,
                                .id = 5,
                                .match = 1,
                                .px_nano = world_px(10002),
                                .shown_before = 9,
                                .qty = 9,
                                .flags = RL_MATCH_SHOWN};
    rl_md_itch_told(&w.md, &e);
    e.id = 6;
    rl_md_itch_told(&w.md, &e);
    CHECK_SENT("CC");
    CHECK_EQ(last_of('C')[31], 'N');
    CHECK_EQ(w.md.n.trades, 1);
    CHECK_EQ(s.books.n_orders, 0);
    close_both();
}

static void test_what_itch_cannot_say_is_counted_and_left_out(void)
{
    struct rl_match_config match = {.n_instruments = 1, .tick_nano = 1, .max_qty = 1};
    struct rl_match_event e = {.ts_ns = WORLD_T0,
                               .kind = RL_MATCH_EVENT_RESTED,
                               .id = 5,
                               .px_nano = 430000 * RL_NANO_PER_UNIT,
                               .shown = 9};

    CHECK(rl_md_itch_objection(&match) != NULL);
    match.tick_nano = WORLD_TICK;
    CHECK(rl_md_itch_objection(&match) == NULL);
    match.max_qty = 1ULL << 32;
    CHECK(rl_md_itch_objection(&match) != NULL);
    open_both(1);
    (void)types_sent();
    rl_md_itch_told(&w.md, &e);
    CHECK_EQ(w.md.n.odd, 1);
    e.kind = RL_MATCH_EVENT_REDUCED;
    e.shown_before = 9;
    e.shown = 4;
    rl_md_itch_told(&w.md, &e);
    CHECK_SENT("");
    e.kind = RL_MATCH_EVENT_REPLACED; /* to a price that it can say */
    e.other_id = 5;
    e.id = 6;
    e.shown_before = 4;
    e.px_nano = world_px(10000);
    rl_md_itch_told(&w.md, &e);
    CHECK_SENT("A");
    CHECK_EQ(w.md.refs.n, 0);
    e.instrument = 70000; /* nor an instrument that is none */
    rl_md_itch_told(&w.md, &e);
    CHECK_SENT("");
    close_both();
}

static void test_idle_lines_carry_heartbeats_with_the_next_number(void)
{
    uint64_t due_ns;
    struct rl_mold m;

    open_both(1);
    due_ns = world_turn(&w);
    CHECK_EQ(due_ns, w.now_ns + 1000000000);
    w.now_ns = due_ns - 1;
    world_turn(&w);
    CHECK_EQ(w.md.n.heartbeats, 0);
    w.now_ns++;
    world_turn(&w);
    CHECK_EQ(w.md.n.heartbeats, 1);
    CHECK(rl_mold_open(&m, w.bytes + w.packets[w.n_packets - 1].at, RL_MOLD_HEADER));
    CHECK(m.n_left == 0 && m.seq == rl_md_itch_next(&w.md));
    rl_md_itch_end(&w.md, w.now_ns);
    w.now_ns += 1000000000;
    world_turn(&w);
    CHECK(rl_mold_open(&m, w.bytes + w.packets[w.n_packets - 1].at, RL_MOLD_HEADER));
    CHECK(m.is_end);
    close_both();
}

static void test_a_full_packet_goes_out_at_once(void)
{
    struct rl_md_itch_config c = world_md_config(&w);

    c.n_packet_bytes = RL_MD_PACKET_MIN;
    world_open(&w, 1, &c);
    subscriber_open(&s, 1, NULL);
    settle();
    {
        uint32_t n = w.n_packets;

        for (int i = 0; i < 100; i++)
            world_ask(&w, world_limit(&w, RL_BUY, 9000 + i, 1));
        CHECK(w.n_packets > n + 40);
    }
    for (uint32_t i = 0; i < w.n_packets; i++)
        CHECK(w.packets[i].n_bytes <= RL_MD_PACKET_MIN);
    settle();
    CHECK(books_agree(&w, &s));
    close_both();
}

static void test_nothing_is_sent_after_the_end_of_the_day(void)
{
    uint64_t next;

    open_both(1);
    rl_md_itch_end(&w.md, w.now_ns);
    next = rl_md_itch_next(&w.md);
    world_ask(&w, world_limit(&w, RL_BUY, 10000, 1));
    world_turn(&w);
    CHECK_EQ(rl_md_itch_next(&w.md), next);
    close_both();
}

int main(void)
{
    test_the_day_begins_with_events_and_the_directory();
    test_what_is_listed_later_is_named_before_it_is_used();
    test_a_limit_order_is_added_executed_reduced_and_deleted();
    test_a_replacement_that_loses_its_place_is_a_replace();
    test_an_order_renamed_in_place_keeps_its_reference();
    test_an_iceberg_comes_back_under_its_reference_at_the_back();
    test_an_auction_is_unprinted_executions_and_one_cross();
    test_a_bust_is_told_once();
    test_a_trade_that_nobody_saw_is_printed();
    test_two_shown_orders_that_trade_print_once();
    test_what_itch_cannot_say_is_counted_and_left_out();
    test_idle_lines_carry_heartbeats_with_the_next_number();
    test_a_full_packet_goes_out_at_once();
    test_nothing_is_sent_after_the_end_of_the_day();
    return 0;
}
