/*
 * From packets of several lines to updates, for every protocol; and what a feed says about how far
 * its books can be trusted.
 */
#include "check.h"

#include <errno.h>
#include <string.h>

#include "base/mem.h"
#include "market/book/book.h"
#include "market/codec/ice.h"
#include "market/codec/mdp3.h"
#include "market/feed/feed.h"

static struct rl_arena arena;
static struct rl_feed feed;

static void open_as(struct rl_feed_config config)
{
    CHECK_EQ(rl_arena_open(&arena, rl_feed_bytes(&config), 0), 0);
    CHECK_EQ(rl_feed_init(&feed, &arena, &config), 0);
}

static void close_feed(void)
{
    rl_arena_close(&arena);
}

static struct rl_update seen[256];

static uint32_t push(uint32_t line, const void *packet, uint32_t n_bytes, uint64_t now_ns)
{
    uint8_t *copy = malloc(n_bytes ? n_bytes : 1);
    struct rl_feed_cursor c;
    uint32_t n = 0;

    CHECK(copy != NULL);
    memcpy(copy, packet, n_bytes);
    if (rl_feed_push(&feed, line, copy, n_bytes, now_ns, &c))
        while (n < RL_COUNT(seen) && rl_feed_next(&feed, &c, &seen[n]))
            n++;
    CHECK(n < RL_COUNT(seen));
    free(copy);
    return n;
}

static uint32_t poll_at(uint64_t now_ns)
{
    struct rl_feed_cursor c;
    uint32_t n = 0;

    if (rl_feed_poll(&feed, now_ns, &c))
        while (n < RL_COUNT(seen) && rl_feed_next(&feed, &c, &seen[n]))
            n++;
    return n;
}

/* --- ITCH ------------------------------------------------------------------------------------- */

static const char day[] = "20260101A ", next_day[] = "20260102A ";

static uint32_t itch_packet(uint8_t *out, const char *session, uint64_t seq, uint32_t n)
{
    struct rl_itch_head head = {.locate = 9, .ts_ns = 1000};
    struct rl_mold_writer w;

    rl_mold_begin(&w, out, 1400, session, seq);
    for (uint32_t i = 0; i < n; i++) {
        uint8_t m[RL_ITCH_MAX_MESSAGE];

        CHECK(rl_mold_add(&w, m, rl_itch_put_add(m, &head, seq + i, RL_BUY, 1, "ABC", 1000000)));
    }
    return rl_mold_finish(&w);
}

static uint32_t push_itch(uint32_t line, const char *session, uint64_t seq, uint32_t n,
                          uint64_t now_ns)
{
    uint8_t bytes[1400];

    return push(line, bytes, itch_packet(bytes, session, seq, n), now_ns);
}

static void open_itch(void)
{
    struct rl_lines_config lines = rl_lines_defaults(rl_protocol_of(RL_FEED_ITCH, true), 2);

    lines.gap_floor_ns = 100;
    lines.gap_skews = 0;
    open_as((struct rl_feed_config){
        .kind = RL_FEED_ITCH, .mold = true, .n_instruments = 2, .lines = &lines});
}

static void test_two_lines_yield_every_message_once_and_in_order(void)
{
    open_itch();
    CHECK_EQ(push_itch(0, day, 1, 3, 0), 3);
    CHECK_EQ(push_itch(1, day, 1, 3, 1), 0);
    CHECK_EQ(push_itch(1, day, 7, 2, 2), 0); /* 4 .. 6 are missing */
    CHECK(!rl_feed_is_synced(&feed, RL_INSTRUMENT_ALL));
    CHECK(rl_feed_is_synced(&feed, 0));      /* nothing is lost yet */
    CHECK_EQ(push_itch(0, day, 2, 5, 3), 5); /* 2 and 3 again, 4 .. 6, and then what waited */
    for (uint32_t i = 0; i < 5; i++) {
        CHECK_EQ(seen[i].seq, 4 + i);
        CHECK_EQ(seen[i].id, 4 + i);
        CHECK_EQ(seen[i].op, RL_OP_ADD);
    }
    CHECK(rl_feed_is_synced(&feed, RL_INSTRUMENT_ALL));
    CHECK_EQ(feed.n.messages, 8);
    CHECK_EQ(feed.n.updates, 8);
    CHECK_EQ(feed.n.duplicates, 2);
    CHECK_EQ(feed.n.frames, 4);
    CHECK_EQ(feed.n.gaps + feed.n.lost + feed.n.desyncs, 0);
    CHECK_EQ(feed.lines->n.recovered_other, 1);
    CHECK_EQ(rl_feed_next_seq(&feed), 9);
    close_feed();
}

static void test_a_loss_leaves_the_books_in_doubt_until_a_new_session(void)
{
    open_itch();
    CHECK_EQ(push_itch(0, day, 1, 1, 0), 1);
    CHECK_EQ(push_itch(0, day, 5, 2, 10), 0);
    CHECK_EQ(poll_at(109), 0);
    CHECK_EQ(poll_at(110), 2);
    CHECK_EQ(seen[0].seq, 5);
    CHECK_EQ(feed.n.lost, 3);
    CHECK_EQ(feed.n.gaps, 1);
    CHECK_EQ(feed.n.desyncs, 1);
    CHECK(!rl_feed_is_synced(&feed, 0));
    CHECK(!rl_feed_is_synced(&feed, 7));
    CHECK_EQ(push_itch(1, day, 7, 1, 120), 1);
    CHECK(!rl_feed_is_synced(&feed, 0)); /* time does not heal it */
    CHECK_EQ(push_itch(1, next_day, 1, 1, 130), 2);
    CHECK_EQ(seen[0].op, RL_OP_RESET);
    CHECK_EQ(seen[0].instrument, RL_INSTRUMENT_ALL);
    CHECK_EQ(seen[1].op, RL_OP_ADD);
    CHECK(rl_feed_is_synced(&feed, 0));
    CHECK_EQ(push_itch(0, day, 8, 1, 140), 0); /* the other line is still in yesterday */
    CHECK_EQ(feed.lines->line[0].stale, 1);
    CHECK_EQ(feed.n.sessions, 1);
    /* Lost at the end of what was heard: in doubt before anything else is delivered. */
    CHECK_EQ(push_itch(0, next_day, 4, 0, 150), 0);
    CHECK(rl_feed_is_synced(&feed, 0));
    CHECK_EQ(poll_at(300), 0);
    CHECK(!rl_feed_is_synced(&feed, 0));
    close_feed();
}

static void test_one_line_is_in_doubt_after_a_loss_and_after_a_message_that_is_cut(void)
{
    uint8_t bytes[1400];
    struct rl_feed_cursor c;
    struct rl_update u;
    uint32_t n = itch_packet(bytes, day, 1, 3);

    open_as((struct rl_feed_config){.kind = RL_FEED_ITCH, .mold = true, .n_instruments = 2});
    CHECK(rl_feed_is_synced(&feed, RL_INSTRUMENT_ALL));
    CHECK(rl_feed_open(&feed, bytes, n - 1, &c));
    while (rl_feed_next(&feed, &c, &u))
        CHECK_EQ(u.op, RL_OP_ADD);
    CHECK(!rl_feed_is_synced(&feed, 0));
    CHECK_EQ(feed.n.desyncs, 1);
    CHECK_EQ(feed.n.messages, 2);
    CHECK_EQ(feed.n.updates, 2);
    CHECK_EQ(push_itch(0, day, 9, 1, 0), 1);
    CHECK_EQ(feed.n.desyncs, 2);
    close_feed();
}

static void test_a_snapshot_heals_its_instrument_alone(void)
{
    struct rl_dbn_mbo r = {.id = 1, .px_nano = 5, .qty = 1, .action = 'A', .side = 'B'};
    uint8_t record[RL_DBN_MBO_BYTES], packet[128];
    uint64_t seq = 1;

    open_as((struct rl_feed_config){.kind = RL_FEED_DBN, .mold = true, .n_instruments = 2});
    for (r.instrument = 10; r.instrument < 12; r.instrument++) {
        rl_dbn_put_mbo(record, &r);
        CHECK_EQ(push(0, packet, rl_mold_wrap(packet, day, seq++, record, sizeof record), 0), 1);
    }
    seq += 5;
    r.instrument = 11;
    r.flags = RL_DBN_FLAG_SNAPSHOT | RL_DBN_FLAG_LAST;
    rl_dbn_put_mbo(record, &r);
    CHECK_EQ(push(0, packet, rl_mold_wrap(packet, day, seq++, record, sizeof record), 0), 2);
    CHECK_EQ(seen[0].op, RL_OP_CLEAR);
    CHECK(!rl_feed_is_synced(&feed, 0));
    CHECK(rl_feed_is_synced(&feed, 1));
    CHECK(!rl_feed_is_synced(&feed, RL_INSTRUMENT_ALL));
    close_feed();
}

static void test_a_batch_is_what_one_by_one_would_yield(void)
{
    uint8_t bytes[1400];
    struct rl_feed_cursor c;
    uint32_t n = itch_packet(bytes, day, 1, 10);

    open_as((struct rl_feed_config){.kind = RL_FEED_ITCH, .mold = true, .n_instruments = 2});
    CHECK(rl_feed_open(&feed, bytes, n, &c));
    CHECK_EQ(rl_feed_batch(&feed, &c, seen, 4), 4);
    CHECK_EQ(seen[3].seq, 4);
    CHECK_EQ(rl_feed_batch(&feed, &c, seen, 100), 6);
    CHECK_EQ(seen[5].id, 10);
    CHECK_EQ(rl_feed_batch(&feed, &c, seen, 100), 0);
    close_feed();
}

/* --- FIX -------------------------------------------------------------------------------------- */

/* "|" stands for SOH; the fields begin with MsgType. */
static uint32_t push_fix(uint32_t line, const char *fields, uint64_t now_ns)
{
    char body[512], message[600];
    uint32_t n_body = (uint32_t)strlen(fields), n;

    for (uint32_t i = 0; i < n_body; i++)
        body[i] = fields[i] == '|' ? RL_FIX_SOH : fields[i];
    n = (uint32_t)snprintf(message, sizeof message, "8=FIX.4.4\0019=%u\001", n_body);
    memcpy(message + n, body, n_body);
    n += n_body;
    n += (uint32_t)snprintf(message + n, sizeof message - n, "10=%03u\001",
                            rl_fix_sum((const uint8_t *)message, n));
    return push(line, message, n, now_ns);
}

static void test_fix_messages_of_two_lines_are_parked_and_read_again(void)
{
    struct rl_lines_config lines = rl_lines_defaults(rl_protocol_of(RL_FEED_FIX, false), 2);

    lines.gap_floor_ns = 100;
    lines.gap_skews = 0;
    open_as((struct rl_feed_config){.kind = RL_FEED_FIX, .n_instruments = 2, .lines = &lines});
    CHECK_EQ(push_fix(0, "35=0|34=7|", 0), 1);
    CHECK_EQ(push_fix(0, "35=X|34=8|1181=50|268=1|279=0|269=0|278=1|55=A|270=1|271=5|", 1), 1);
    CHECK_EQ(push_fix(1, "35=X|34=8|1181=50|268=1|279=0|269=0|278=1|55=A|270=1|271=5|", 2), 0);
    CHECK_EQ(push_fix(0, "35=X|34=10|1181=52|268=1|279=0|269=0|278=3|55=B|270=3|271=7|", 3), 0);
    CHECK_EQ(push_fix(0, "35=0|34=11|", 4), 1); /* 34 does not matter where 1181 is in use */
    CHECK_EQ(seen[0].op, RL_OP_NONE);
    CHECK_EQ(push_fix(1, "35=X|34=9|1181=51|268=1|279=0|269=1|278=2|55=A|270=2|271=6|", 5), 2);
    CHECK(seen[0].seq == 51 && seen[0].id == 2 && seen[0].qty == 6 && seen[0].instrument == 0);
    CHECK(seen[1].seq == 52 && seen[1].id == 3 && seen[1].qty == 7 && seen[1].instrument == 1);
    CHECK_EQ(feed.lines->n.recovered_other, 1);
    CHECK_EQ(feed.n.lost, 0);
    CHECK_EQ(push(0, "8=FIX", 5, 6), 0);
    CHECK_EQ(feed.n.bad_frames, 1);
    CHECK_EQ(push_fix(0, "35=X|34=12|1181=55|268=0|", 7), 0);
    CHECK_EQ(poll_at(107), 1);
    CHECK_EQ(feed.n.lost, 2);
    CHECK(!rl_feed_is_synced(&feed, 0));
    CHECK_EQ(push_fix(1, "35=W|34=13|1181=56|55=A|268=1|269=0|270=1|271=1|", 108), 2);
    CHECK(rl_feed_is_synced(&feed, 0));
    CHECK(!rl_feed_is_synced(&feed, 1));
    close_feed();
}

static void test_a_fix_session_may_jump_and_start_anew_on_one_line(void)
{
    struct rl_lines_config lines = rl_lines_defaults(rl_protocol_of(RL_FEED_FIX, false), 1);

    lines.gap_floor_ns = 100;
    open_as((struct rl_feed_config){.kind = RL_FEED_FIX, .n_instruments = 2, .lines = &lines});
    CHECK_EQ(push_fix(0, "35=0|34=10|", 0), 1);
    CHECK_EQ(push_fix(0, "35=4|34=11|36=100|", 1), 1);
    CHECK_EQ(push_fix(0, "35=0|34=100|", 2), 1);
    CHECK_EQ(push_fix(0, "35=A|34=1|141=Y|", 3), 1);
    CHECK_EQ(push_fix(0, "35=0|34=2|", 4), 1);
    CHECK_EQ(feed.n.lost + feed.lines->n.gaps, 0);
    close_feed();
}

/* --- to the sequence level: CME and ICE ------------------------------------------------------- */

static void test_cme_messages_are_yielded_and_packets_counted(void)
{
    uint8_t bytes[64];

    open_as((struct rl_feed_config){.kind = RL_FEED_MDP3, .n_instruments = 1});
    CHECK_EQ(push(0, bytes, rl_mdp3_put(bytes, UINT32_MAX, 77, 32), 0), 1);
    CHECK(seen[0].op == RL_OP_NONE && seen[0].id == 32 && seen[0].ts_ns == 77);
    CHECK_EQ(seen[0].seq, UINT32_MAX);
    CHECK_EQ(push(0, bytes, rl_mdp3_put(bytes, 0, 78, RL_MDP3_HEARTBEAT), 0), 1);
    CHECK_EQ(seen[0].seq, 1LL << 32); /* after the wrap */
    CHECK_EQ(feed.n.heartbeats, 1);
    CHECK_EQ(push(0, bytes, rl_mdp3_put(bytes, 0, 78, 32), 0), 0);
    CHECK_EQ(feed.n.duplicates, 1);
    CHECK_EQ(push(0, bytes, rl_mdp3_put(bytes, 4, 79, 32), 0), 1);
    CHECK_EQ(feed.n.lost, 3); /* packets */
    CHECK(!rl_feed_is_synced(&feed, 0));
    CHECK_EQ(push(0, bytes, rl_mdp3_put(bytes, 5, 79, RL_MDP3_CHANNEL_RESET), 0), 1);
    CHECK_EQ(seen[0].op, RL_OP_RESET);
    CHECK(rl_feed_is_synced(&feed, 0));
    CHECK_EQ(push(0, bytes, rl_mdp3_put(bytes, 6, 79, 32) - 1, 0), 0);
    CHECK_EQ(feed.n.bad_frames, 1);
    CHECK_EQ(feed.n.messages, 4);
    close_feed();
}

static void test_ice_messages_are_yielded_and_counted_one_by_one(void)
{
    uint8_t bytes[64];

    open_as((struct rl_feed_config){.kind = RL_FEED_ICE, .n_instruments = 1});
    CHECK_EQ(push(0, bytes, rl_ice_put(bytes, 5, 100, 1, 'T', 2), 0), 2);
    CHECK(seen[1].op == RL_OP_NONE && seen[1].id == 'T' && seen[1].seq == 101);
    CHECK_EQ(seen[1].ts_ns, 1000000);
    CHECK_EQ(push(0, bytes, rl_ice_put(bytes, 5, 101, 1, 'T', 3), 0), 2); /* overlaps */
    CHECK_EQ(seen[0].seq, 102);
    CHECK_EQ(push(0, bytes, rl_ice_put(bytes, 5, 106, 1, 'T', 0), 0), 0);
    CHECK_EQ(feed.n.heartbeats, 1);
    CHECK_EQ(feed.n.lost, 2);
    CHECK_EQ(push(0, bytes, rl_ice_put(bytes, 6, 1, 1, 'T', 1), 0), 2);
    CHECK_EQ(seen[0].op, RL_OP_RESET);
    CHECK_EQ(feed.n.sessions, 1);
    CHECK_EQ(push(0, bytes, rl_ice_put(bytes, 6, 2, 1, 'T', 3) - 1, 0), 2); /* cut */
    CHECK_EQ(feed.n.bad_frames, 1);
    CHECK_EQ(feed.n.lost, 3);
    close_feed();
}

/* --- Binance ---------------------------------------------------------------------------------- */

static uint32_t push_text(const char *text)
{
    return push(0, text, (uint32_t)strlen(text), 0);
}

static uint32_t push_diff(const char *symbol, int first, int last, int previous, const char *bids)
{
    char text[256];

    snprintf(text, sizeof text,
             "{\"e\":\"depthUpdate\",\"E\":1,\"s\":\"%s\",\"U\":%d,\"u\":%d,\"pu\":%d,"
             "\"b\":[%s],\"a\":[]}",
             symbol, first, last, previous, bids);
    return push_text(text);
}

static void open_binance(void)
{
    open_as((struct rl_feed_config){.kind = RL_FEED_BINANCE, .n_instruments = 1});
}

static void test_a_snapshot_is_joined_to_the_diffs_that_waited_for_it(void)
{
    open_binance();
    CHECK_EQ(push_diff("A", 5, 9, 3, "[\"1\",\"7\"]"), 0);
    CHECK_EQ(push_diff("A", 12, 14, 9, "[\"2\",\"8\"]"), 0);
    CHECK_EQ(push_diff("A", 15, 20, 14, "[\"3\",\"9\"],[\"1\",\"0\"]"), 0);
    CHECK(!rl_feed_is_synced(&feed, 0));
    CHECK_EQ(push_text("{\"lastUpdateId\":2,\"bids\":[],\"asks\":[]}"), 0); /* too old */
    /* 10 lies between two diffs: pu <= L < U. The first of them is dropped. */
    CHECK_EQ(push_text("{\"lastUpdateId\":10,\"bids\":[[\"1\",\"7\"]],\"asks\":[[\"5\",\"6\"]]}"),
             1 + 2 + 1 + 2);
    CHECK(seen[0].op == RL_OP_CLEAR && seen[0].instrument == 0 && seen[0].seq == 10);
    CHECK(seen[1].op == RL_OP_LEVEL && seen[1].side == RL_BUY && seen[1].qty == 7);
    CHECK(seen[2].op == RL_OP_LEVEL && seen[2].side == RL_SELL && seen[2].px_nano == 5000000000);
    CHECK(seen[3].seq == 14 && seen[3].px_nano == 2000000000 && seen[3].qty == 8);
    CHECK(seen[5].seq == 20 && seen[5].qty == 0);
    CHECK(rl_feed_is_synced(&feed, 0));
    CHECK_EQ(push_diff("A", 21, 21, 20, ""), 1); /* says nothing, and is answered */
    CHECK_EQ(seen[0].op, RL_OP_NONE);
    CHECK_EQ(push_text("{\"lastUpdateId\":30,\"bids\":[],\"asks\":[]}"), 0); /* not needed */
    CHECK_EQ(push_diff("A", 22, 23, 21, "[\"3\",\"1\"]"), 1);
    CHECK_EQ(feed.n.snapshots, 1);
    CHECK_EQ(feed.lines->n.snapshots_old, 1);
    CHECK_EQ(feed.lines->n.snapshots_unused, 1);
    close_feed();
}

static void test_a_feed_follows_one_symbol_and_passes_over_the_others(void)
{
    open_binance();
    CHECK_EQ(rl_feed_name(&feed, 0, "A"), 0);
    CHECK_EQ(push_diff("B", 1, 5, 0, "[\"1\",\"1\"]"), 1);
    CHECK_EQ(seen[0].op, RL_OP_NONE);
    CHECK_EQ(feed.n.no_instrument, 1);
    CHECK_EQ(push_diff("A", 11, 15, 10, "[\"1\",\"1\"]"), 0);
    CHECK_EQ(push_diff("B", 6, 9, 5, "[\"1\",\"1\"]"), 1);
    CHECK_EQ(push_text("{\"lastUpdateId\":12,\"bids\":[],\"asks\":[]}"), 2);
    CHECK(seen[0].op == RL_OP_CLEAR && seen[1].op == RL_OP_LEVEL);
    CHECK(rl_feed_is_synced(&feed, 0));
    close_feed();
}

static void test_trades_and_best_prices_pass_while_a_snapshot_is_awaited(void)
{
    open_binance();
    CHECK_EQ(push_text("{\"e\":\"trade\",\"s\":\"A\",\"p\":\"2.5\",\"q\":\"3\",\"m\":true}"), 1);
    CHECK(seen[0].op == RL_OP_TRADE && seen[0].side == RL_SELL && seen[0].qty == 3);
    CHECK_EQ(seen[0].px_nano, 2500000000);
    CHECK_EQ(push_text("{\"u\":4,\"s\":\"A\",\"b\":\"1\",\"B\":\"1\",\"a\":\"2\",\"A\":\"1\"}"), 1);
    CHECK_EQ(seen[0].op, RL_OP_NONE);
    CHECK_EQ(push_text("{\"result\":null}"), 1);
    CHECK_EQ(push_text("{\"result\":"), 0);
    CHECK_EQ(feed.n.bad_frames, 1);
    CHECK_EQ(feed.n.unsequenced, 3);
    close_feed();
}

static void test_a_level_that_cannot_be_kept_leaves_the_book_in_doubt(void)
{
    open_binance(); /* whole lots */
    CHECK_EQ(push_text("{\"lastUpdateId\":12,\"bids\":[[\"1\",\"5\"]],\"asks\":[]}"), 2);
    CHECK(strcmp(rl_feed_symbol(&feed, 0), "") == 0); /* it did not say whose */
    CHECK_EQ(push_diff("A", 13, 13, 12, "[\"1\",\"0.5\"]"), 1);
    CHECK_EQ(seen[0].op, RL_OP_NONE);
    CHECK_EQ(feed.n.bad_entries, 1);
    CHECK(!rl_feed_is_synced(&feed, 0));
    CHECK(strcmp(rl_feed_symbol(&feed, 0), "A") == 0);
    CHECK_EQ(rl_feed_name(&feed, 0, "A"), 0);
    CHECK_EQ(rl_feed_name(&feed, 0, "B"), -ENOSPC);
    close_feed();
}

/* --- the table -------------------------------------------------------------------------------- */

static void test_protocols_are_found_by_the_names_that_users_say(void)
{
    static const char *const names[] = {"itch", "dbn", "fix", "mdp3", "ice", "binance"};

    CHECK_EQ(RL_COUNT(names), RL_N_PROTOCOLS);
    for (unsigned i = 0; i < RL_N_PROTOCOLS; i++) {
        CHECK(strcmp(rl_protocol_name(i), names[i]) == 0);
        CHECK_EQ(rl_protocol_find(names[i]), i);
        CHECK(strcmp(rl_protocol_of((enum rl_feed_kind)i, true)->name, names[i]) == 0);
        CHECK(strcmp(rl_protocol_of((enum rl_feed_kind)i, false)->name, names[i]) == 0);
    }
    CHECK(rl_protocol_name(RL_N_PROTOCOLS) == NULL);
    CHECK_EQ(rl_protocol_find("soup"), RL_N_PROTOCOLS);
    CHECK(rl_protocol_of(RL_N_PROTOCOLS, true) == NULL);
}

static void test_bare_messages_cannot_be_arbitrated(void)
{
    struct rl_lines_config lines = rl_lines_defaults(rl_protocol_of(RL_FEED_ITCH, true), 2);
    struct rl_feed_config config = {.kind = RL_FEED_ITCH, .n_instruments = 1, .lines = &lines};
    struct rl_arena any;

    CHECK_EQ(rl_arena_open(&any, 4096, 0), 0);
    CHECK_EQ(rl_feed_bytes(&config), 0);
    CHECK_EQ(rl_feed_init(&feed, &any, &config), -EINVAL);
    rl_arena_close(&any);
}

static void test_no_protocol_allocates_once_the_feed_is_open(void)
{
    static uint8_t bytes[5000];

    for (unsigned kind = 0; kind < RL_N_PROTOCOLS && rl_trap_is_linked(); kind++) {
        struct rl_lines_config lines =
            rl_lines_defaults(rl_protocol_of((enum rl_feed_kind)kind, true), 2);
        uint64_t random = kind + 1;

        lines.n_window = 8;
        open_as((struct rl_feed_config){
            .kind = (enum rl_feed_kind)kind, .mold = true, .n_instruments = 2, .lines = &lines});
        rl_trap_arm();
        for (uint32_t i = 0; i < 20000; i++) {
            uint32_t seq = 1 + i / 4 + (uint32_t)(check_random(&random) % 6), n = 0;
            struct rl_feed_cursor c;
            struct rl_update u;

            switch (kind) {
            case RL_FEED_MDP3:
                n = rl_mdp3_put(bytes, seq, i, 32);
                break;
            case RL_FEED_ICE:
                n = rl_ice_put(bytes, (uint16_t)(i / 9000), seq, i, 'T', (uint16_t)(seq % 3));
                break;
            case RL_FEED_FIX: {
                struct rl_fix_md head = {.begin_string = "FIX.4.4",
                                         .sender = "EXCHANGE",
                                         .target = "US",
                                         .seq = seq,
                                         .sending_time_ns = 1700000000000000000ULL};
                struct rl_fix_md_entry e = {
                    .action = '0', .type = '0', .id = i, .px_nano = 5, .qty = 1, .symbol = "A"};

                n = rl_fix_put_md(bytes, sizeof bytes, &head, &e, 1);
                break;
            }
            case RL_FEED_BINANCE: {
                static const char diff[] = "{\"e\":\"depthUpdate\",\"s\":\"A\",\"U\":1000000,"
                                           "\"u\":1000000,\"b\":[[\"1\",\"2\"]],\"a\":[]}";

                n = sizeof diff - 1;
                memcpy(bytes, diff, n);
                for (uint32_t at = 31, k = 0; k < 2; k++, at += 12) /* two numbers of 7 digits */
                    for (uint32_t d = 6, v = seq; d > 0; d--, v /= 10)
                        bytes[at + d] = (uint8_t)('0' + v % 10);
                break;
            }
            default:
                n = itch_packet(bytes, day, seq, seq % 4);
                break;
            }
            if (rl_feed_push(&feed, i % 2, bytes, n, i * 100000, &c))
                while (rl_feed_next(&feed, &c, &u))
                    ;
        }
        rl_trap_disarm();
        CHECK_EQ(rl_trap_count(), 0);
        CHECK(feed.lines->n.parked > 100 && feed.lines->line[0].bad == 0);
        close_feed();
    }
}

int main(void)
{
    test_two_lines_yield_every_message_once_and_in_order();
    test_a_loss_leaves_the_books_in_doubt_until_a_new_session();
    test_one_line_is_in_doubt_after_a_loss_and_after_a_message_that_is_cut();
    test_a_snapshot_heals_its_instrument_alone();
    test_a_batch_is_what_one_by_one_would_yield();
    test_fix_messages_of_two_lines_are_parked_and_read_again();
    test_a_fix_session_may_jump_and_start_anew_on_one_line();
    test_cme_messages_are_yielded_and_packets_counted();
    test_ice_messages_are_yielded_and_counted_one_by_one();
    test_a_snapshot_is_joined_to_the_diffs_that_waited_for_it();
    test_a_feed_follows_one_symbol_and_passes_over_the_others();
    test_trades_and_best_prices_pass_while_a_snapshot_is_awaited();
    test_a_level_that_cannot_be_kept_leaves_the_book_in_doubt();
    test_protocols_are_found_by_the_names_that_users_say();
    test_bare_messages_cannot_be_arbitrated();
    test_no_protocol_allocates_once_the_feed_is_open();
    return 0;
}
