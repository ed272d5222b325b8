/*
 * One line of market data to updates: numbers, gaps, repeats, sessions, names, and three languages.
 */
#include "check.h"

#include <errno.h>
#include <string.h>

#include "base/mem.h"
#include "market/feed/feed.h"

static struct rl_arena arena;
static struct rl_feed feed;

static void feed_open_as(struct rl_feed_config config)
{
    CHECK_EQ(rl_arena_open(&arena, rl_feed_bytes(&config), 0), 0);
    CHECK_EQ(rl_feed_init(&feed, &arena, &config), 0);
}

static void feed_close(void)
{
    rl_arena_close(&arena);
}

/* Up to 16 updates of one frame, in memory of exactly its size. */
static struct rl_update seen[16];

static uint32_t play(const void *frame, uint32_t n_bytes)
{
    uint8_t *copy = malloc(n_bytes ? n_bytes : 1);
    struct rl_feed_cursor c;
    uint32_t n = 0;

    CHECK(copy != NULL);
    memcpy(copy, frame, n_bytes);
    memset(seen, 0, sizeof seen);
    if (rl_feed_open(&feed, copy, n_bytes, &c))
        while (n < RL_COUNT(seen) && rl_feed_next(&feed, &c, &seen[n]))
            n++;
    free(copy);
    return n;
}

/* --- ITCH over MoldUDP64 ---------------------------------------------------------------------- */

static const struct rl_itch_head head = {.locate = 9, .ts_ns = 1000};

/* A packet of adds with the order numbers seq, seq + 1 ... */
static uint32_t packet(uint8_t *out, const char *session, uint64_t seq, uint32_t n)
{
    struct rl_mold_writer w;

    rl_mold_begin(&w, out, 1400, session, seq);
    for (uint32_t i = 0; i < n; i++) {
        uint8_t m[RL_ITCH_MAX_MESSAGE];

        CHECK(rl_mold_add(&w, m, rl_itch_put_add(m, &head, seq + i, RL_BUY, 1, "ABC", 1000000)));
    }
    return rl_mold_finish(&w);
}

static uint32_t play_packet(const char *session, uint64_t seq, uint32_t n)
{
    uint8_t bytes[1400];

    return play(bytes, packet(bytes, session, seq, n));
}

static const char day[] = "20260101A ", next_day[] = "20260102A ";

static void test_a_line_in_order_yields_every_message_with_its_number(void)
{
    feed_open_as((struct rl_feed_config){.kind = RL_FEED_ITCH, .mold = true, .n_instruments = 2});
    CHECK_EQ(play_packet(day, 100, 3), 3);
    CHECK_EQ(seen[0].seq, 100);
    CHECK_EQ(seen[2].seq, 102);
    CHECK_EQ(seen[2].id, 102);
    CHECK_EQ(seen[2].op, RL_OP_ADD);
    CHECK_EQ(seen[2].ts_ns, 1000);
    CHECK_EQ(play_packet(day, 103, 1), 1);
    CHECK_EQ(play_packet(day, 104, 0), 0);
    CHECK_EQ(feed.n.messages, 4);
    CHECK_EQ(feed.n.updates, 4);
    CHECK_EQ(feed.n.heartbeats, 1);
    CHECK_EQ(feed.n.gaps + feed.n.lost + feed.n.duplicates, 0);
    feed_close();
}

static void test_gaps_repeats_and_overlaps_are_counted_and_only_new_messages_come_out(void)
{
    feed_open_as((struct rl_feed_config){.kind = RL_FEED_ITCH, .mold = true, .n_instruments = 2});
    CHECK_EQ(play_packet(day, 10, 2), 2);
    CHECK_EQ(play_packet(day, 10, 2), 0); /* again */
    CHECK_EQ(feed.n.duplicates, 2);
    CHECK_EQ(play_packet(day, 11, 3), 2); /* 11 is old, 12 and 13 are new */
    CHECK_EQ(seen[0].seq, 12);
    CHECK_EQ(feed.n.duplicates, 3);
    CHECK_EQ(play_packet(day, 20, 1), 1);
    CHECK_EQ(feed.n.gaps, 1);
    CHECK_EQ(feed.n.lost, 6);
    CHECK_EQ(play_packet(day, 15, 2), 0); /* late: it was given up */
    CHECK_EQ(feed.n.duplicates, 5);
    CHECK_EQ(play_packet(day, 25, 0), 0); /* the heartbeat knows of four more */
    CHECK_EQ(feed.n.gaps, 2);
    CHECK_EQ(feed.n.lost, 10);
    CHECK_EQ(play_packet(day, 25, 1), 1);
    CHECK_EQ(feed.n.gaps, 2);
    feed_close();
}

static void test_a_first_number_that_is_known_makes_a_late_start_a_gap(void)
{
    feed_open_as((struct rl_feed_config){
        .kind = RL_FEED_ITCH, .mold = true, .n_instruments = 2, .first_seq = 1});
    CHECK_EQ(play_packet(day, 5, 1), 1);
    CHECK_EQ(feed.n.lost, 4);
    feed_close();
}

static void test_a_new_session_resets_the_books_before_its_first_message(void)
{
    feed_open_as((struct rl_feed_config){.kind = RL_FEED_ITCH, .mold = true, .n_instruments = 2});
    CHECK_EQ(play_packet(day, 50, 1), 1);
    CHECK_EQ(play_packet(next_day, 1, 1), 2);
    CHECK_EQ(seen[0].op, RL_OP_RESET);
    CHECK_EQ(seen[0].instrument, RL_INSTRUMENT_ALL);
    CHECK_EQ(seen[1].op, RL_OP_ADD);
    CHECK_EQ(play_packet(day, 1, 0), 1); /* even when the packet is a heartbeat */
    CHECK_EQ(seen[0].op, RL_OP_RESET);
    CHECK_EQ(feed.n.sessions, 2);
    CHECK_EQ(feed.n.gaps + feed.n.duplicates, 0);
    feed_close();
}

static void test_the_end_of_a_session_is_counted(void)
{
    uint8_t bytes[64];
    uint32_t n = packet(bytes, day, 8, 0);

    feed_open_as((struct rl_feed_config){.kind = RL_FEED_ITCH, .mold = true, .n_instruments = 2});
    rl_put_be16(bytes + 18, RL_MOLD_END);
    CHECK_EQ(play(bytes, n), 0);
    CHECK_EQ(feed.n.ends, 1);
    CHECK_EQ(feed.n.heartbeats, 0);
    feed_close();
}

/* Who believed the count would take all that follows for repeats. */
static void test_a_packet_that_claims_more_than_it_holds_takes_nothing_from_those_behind_it(void)
{
    uint8_t bytes[1400];
    uint32_t n = packet(bytes, day, 1, 3);

    feed_open_as((struct rl_feed_config){.kind = RL_FEED_ITCH, .mold = true, .n_instruments = 2});
    rl_put_be16(bytes + 18, 60000);
    CHECK_EQ(play(bytes, n), 3);
    CHECK_EQ(feed.n.bad_frames, 1);
    CHECK(!rl_feed_is_synced(&feed, 0));
    CHECK_EQ(play_packet(day, 4, 2), 2);
    CHECK_EQ(play_packet(day, 6, 1), 1);
    CHECK_EQ(feed.n.lost + feed.n.gaps + feed.n.duplicates, 0);
    CHECK_EQ(feed.n.messages, 6);
    rl_put_be16(bytes + 18, 4);
    rl_put_be64(bytes + 10, 7);
    rl_put_be16(bytes + 20, 60000); /* and one whose first message ends nowhere */
    CHECK_EQ(play(bytes, n), 0);
    CHECK_EQ(play_packet(day, 7, 3), 3);
    CHECK_EQ(feed.n.bad_frames, 2);
    CHECK_EQ(feed.n.lost + feed.n.gaps + feed.n.duplicates, 0);
    feed_close();
}

static void test_damaged_packets_are_survived_and_counted(void)
{
    uint8_t bytes[1400];
    uint32_t n = packet(bytes, day, 1, 3);

    feed_open_as((struct rl_feed_config){.kind = RL_FEED_ITCH, .mold = true, .n_instruments = 2});
    CHECK_EQ(play(bytes, 19), 0);
    CHECK_EQ(feed.n.bad_frames, 1);
    CHECK_EQ(play(bytes, n - 1), 2); /* the third message is not all there */
    CHECK_EQ(feed.n.bad_frames, 2);
    CHECK_EQ(feed.n.lost, 0); /* it may still come */
    CHECK_EQ(play_packet(day, 4, 1), 1);
    CHECK_EQ(feed.n.lost, 1);
    CHECK_EQ(feed.n.gaps, 1);
    CHECK_EQ(play_packet(day, 1ULL << 60, 1), 0); /* a number that cannot be */
    CHECK_EQ(feed.n.bad_frames, 3);
    CHECK_EQ(play_packet(day, UINT64_MAX, 2), 0);
    CHECK_EQ(play_packet(day, 5, 1), 1); /* and the feed is not deaf afterwards */
    CHECK_EQ(feed.n.gaps, 1);
    n = packet(bytes, day, 6, 3);
    bytes[RL_MOLD_HEADER + 2 + 38] = '?'; /* the second message's type */
    CHECK_EQ(play(bytes, n), 3);
    CHECK_EQ(seen[0].op, RL_OP_ADD);
    CHECK_EQ(seen[1].op, RL_OP_NONE);
    CHECK_EQ(seen[1].seq, 7);
    CHECK_EQ(seen[2].op, RL_OP_ADD);
    CHECK_EQ(feed.n.bad_messages, 1);
    feed_close();
}

static void test_an_overlap_whose_old_part_lies_is_dropped(void)
{
    uint8_t bytes[1400];
    uint32_t n;

    feed_open_as((struct rl_feed_config){.kind = RL_FEED_ITCH, .mold = true, .n_instruments = 2});
    CHECK_EQ(play_packet(day, 1, 3), 3);
    n = packet(bytes, day, 1, 5);
    rl_put_be16(bytes + RL_MOLD_HEADER, 5000);
    CHECK_EQ(play(bytes, n), 0);
    CHECK_EQ(feed.n.bad_frames, 1);
    CHECK_EQ(play_packet(day, 4, 1), 1);
    feed_close();
}

static void test_instruments_are_numbered_as_they_come_and_named_as_soon_as_possible(void)
{
    uint8_t m[RL_ITCH_MAX_MESSAGE];
    struct rl_itch_head h = {.locate = 500};

    feed_open_as((struct rl_feed_config){.kind = RL_FEED_ITCH, .n_instruments = 3});
    CHECK_EQ(play(m, rl_itch_put_directory(m, &h, "FIRST")), 1);
    CHECK_EQ(seen[0].op, RL_OP_NONE);
    CHECK_EQ(seen[0].seq, 1);
    h.locate = 65535;
    play(m, rl_itch_put_delete(m, &h, 1)); /* does not say the symbol */
    CHECK_EQ(seen[0].op, RL_OP_DELETE);
    CHECK_EQ(seen[0].instrument, 1);
    CHECK_EQ(seen[0].seq, 2);
    CHECK(strcmp(rl_feed_symbol(&feed, 1), "") == 0);
    play(m, rl_itch_put_add(m, &h, 2, RL_BUY, 1, "EIGHTCHR", 1));
    CHECK_EQ(seen[0].instrument, 1);
    CHECK(strcmp(rl_feed_symbol(&feed, 1), "EIGHTCHR") == 0);
    h.locate = 0;
    play(m, rl_itch_put_add(m, &h, 2, RL_BUY, 1, "Z", 1));
    CHECK_EQ(seen[0].instrument, 2);
    h.locate = 77; /* one more than the table holds */
    play(m, rl_itch_put_add(m, &h, 2, RL_BUY, 1, "Y", 1));
    CHECK_EQ(seen[0].op, RL_OP_NONE);
    CHECK_EQ(feed.n.no_instrument, 1);
    CHECK_EQ(rl_feed_find(&feed, "FIRST"), 0);
    CHECK_EQ(rl_feed_find(&feed, "Z"), 2);
    CHECK(rl_feed_find(&feed, "Y") == RL_INSTRUMENT_ALL);
    CHECK(strcmp(rl_feed_symbol(&feed, 3), "") == 0);
    CHECK_EQ(rl_feed_name(&feed, 0, "RENAMED"), 0);
    CHECK_EQ(rl_feed_find(&feed, "RENAMED"), 2);
    CHECK_EQ(rl_feed_name(&feed, 77, "Y"), -ENOSPC);
    CHECK_EQ(rl_feed_name(&feed, 65536, "Y"), -EINVAL);
    CHECK_EQ(rl_feed_name(&feed, 0, ""), -EINVAL);
    CHECK_EQ(feed.n.frames, 5);
    CHECK_EQ(feed.n.messages, 5);
    feed_close();
}

/* --- DBN -------------------------------------------------------------------------------------- */

static uint32_t play_record(char action, uint64_t id, uint8_t flags, uint32_t instrument)
{
    struct rl_dbn_mbo r = {.id = id,
                           .px_nano = 5,
                           .qty = 1,
                           .instrument = instrument,
                           .sequence = 4000,
                           .action = action,
                           .side = 'B',
                           .flags = flags};
    uint8_t bytes[RL_DBN_MBO_BYTES], frame[128];
    uint32_t n = rl_dbn_put_mbo(bytes, &r);

    if (!feed.mold)
        return play(bytes, n);
    return play(frame, rl_mold_wrap(frame, day, feed.seq[0].next ? feed.seq[0].next : 1, bytes, n));
}

static void test_a_snapshot_clears_its_instrument_once_before_it_begins(void)
{
    for (int mold = 0; mold < 2; mold++) {
        feed_open_as(
            (struct rl_feed_config){.kind = RL_FEED_DBN, .n_instruments = 2, .mold = mold != 0});
        CHECK_EQ(play_record('A', 1, RL_DBN_FLAG_SNAPSHOT, 17077), 2);
        CHECK_EQ(seen[0].op, RL_OP_CLEAR);
        CHECK_EQ(seen[0].instrument, 0);
        CHECK_EQ(seen[0].seq, 1);
        CHECK_EQ(seen[1].op, RL_OP_ADD);
        CHECK_EQ(seen[1].seq, 1); /* the number of the line, not of the venue */
        CHECK_EQ(feed.venue_seq, 4000);
        CHECK_EQ(play_record('A', 2, RL_DBN_FLAG_SNAPSHOT, 17077), 1);
        CHECK_EQ(play_record('A', 3, RL_DBN_FLAG_SNAPSHOT, 9), 2); /* another instrument's */
        CHECK_EQ(seen[0].instrument, 1);
        CHECK_EQ(play_record('A', 4, RL_DBN_FLAG_SNAPSHOT | RL_DBN_FLAG_LAST, 17077), 1);
        CHECK_EQ(play_record('A', 5, RL_DBN_FLAG_LAST, 17077), 1);
        CHECK_EQ(play_record('A', 1, RL_DBN_FLAG_SNAPSHOT, 17077), 2);
        CHECK_EQ(seen[0].op, RL_OP_CLEAR);
        CHECK_EQ(feed.n.snapshots, 3);
        CHECK_EQ(feed.n.messages, 6);
        CHECK_EQ(play_record('A', 1, 0, 10), 1); /* no room for a third */
        CHECK_EQ(seen[0].op, RL_OP_NONE);
        CHECK_EQ(feed.n.no_instrument, 1);
        CHECK_EQ(play_record('?', 1, 0, 9), 1);
        CHECK_EQ(feed.n.bad_messages, 1);
        CHECK(strcmp(rl_feed_symbol(&feed, 0), "17077") == 0);
        CHECK_EQ(rl_feed_name(&feed, 17077, "ESH4"), 0);
        CHECK(strcmp(rl_feed_symbol(&feed, 0), "ESH4") == 0);
        feed_close();
    }
}

/* --- FIX -------------------------------------------------------------------------------------- */

/* "|" stands for SOH; the fields begin with MsgType. */
static uint32_t play_fix(const char *fields)
{
    char body[1024], message[1200];
    uint32_t n_body = (uint32_t)strlen(fields), n;

    CHECK(n_body < sizeof body);
    for (uint32_t i = 0; i < n_body; i++)
        body[i] = fields[i] == '|' ? RL_FIX_SOH : fields[i];
    n = (uint32_t)snprintf(message, sizeof message, "8=FIX.4.4\0019=%u\001", n_body);
    memcpy(message + n, body, n_body);
    n += n_body;
    n += (uint32_t)snprintf(message + n, sizeof message - n, "10=%03u\001",
                            rl_fix_sum((const uint8_t *)message, n));
    return play(message, n);
}

static void fix_open_feed(uint8_t n_qty_decimals)
{
    feed_open_as((struct rl_feed_config){
        .kind = RL_FEED_FIX, .n_instruments = 4, .n_qty_decimals = n_qty_decimals});
}

static void test_entries_with_an_id_are_orders(void)
{
    fix_open_feed(0);
    CHECK_EQ(play_fix("35=X|34=5|52=20260921-13:55:15|268=4|"
                      "279=0|269=0|278=17|55=ABC|270=10.25|271=100|"
                      "279=1|269=1|278=18|55=DEF|270=11|271=50|"
                      "279=2|269=1|278=19|55=ABC|"
                      "279=1|269=0|278=17|270=10.5|271=0|"),
             4);
    CHECK(seen[0].op == RL_OP_ADD && seen[0].id == 17 && seen[0].side == RL_BUY);
    CHECK(seen[0].px_nano == 10250000000 && seen[0].qty == 100 && seen[0].instrument == 0);
    CHECK_EQ(seen[0].seq, 5);
    CHECK_EQ(seen[0].ts_ns, 1789998915000000000);
    CHECK(seen[1].op == RL_OP_MODIFY && seen[1].side == RL_SELL && seen[1].instrument == 1);
    CHECK(seen[2].op == RL_OP_DELETE && seen[2].id == 19 && seen[2].instrument == 0);
    CHECK(seen[3].op == RL_OP_DELETE &&
          seen[3].instrument == 0); /* the symbol of the entry before */
    CHECK(strcmp(rl_feed_symbol(&feed, 1), "DEF") == 0);
    CHECK_EQ(feed.n.entries, 4);
    CHECK_EQ(feed.n.messages, 1);
    feed_close();
}

static void test_entries_without_an_id_are_price_levels(void)
{
    fix_open_feed(0);
    CHECK_EQ(play_fix("35=X|34=5|268=3|279=0|269=0|55=ABC|270=10|271=100|"
                      "279=2|269=1|55=ABC|270=11|"
                      "279=1|269=1|278=AN-ID-THAT-IS-TOO-LONG|55=ABC|270=12|271=3|"),
             3);
    CHECK(seen[0].op == RL_OP_LEVEL && seen[0].qty == 100);
    CHECK(seen[1].op == RL_OP_LEVEL && seen[1].qty == 0 && seen[1].side == RL_SELL);
    CHECK(seen[2].op == RL_OP_LEVEL && seen[2].qty == 3);
    CHECK_EQ(feed.n.level_entries, 3);
    feed_close();
}

static uint64_t id_of(const char *text)
{
    char body[256];

    snprintf(body, sizeof body, "35=X|268=1|279=2|269=0|278=%s|55=A|", text);
    CHECK_EQ(play_fix(body), 1);
    CHECK_EQ(seen[0].op, RL_OP_DELETE);
    return seen[0].id;
}

static void test_ids_of_digits_and_of_text_never_meet(void)
{
    fix_open_feed(0);
    CHECK(id_of("7") == 7);
    CHECK(id_of("0") == 0);
    CHECK(id_of("999999999999999999") == 999999999999999999ULL);
    CHECK(id_of("07") != 7);
    CHECK(id_of("07") != id_of("7"));
    CHECK(id_of("E0000888") != id_of("E0000889"));
    CHECK(id_of("A") >> 63 == 1);
    CHECK(id_of("00000000") != id_of("0"));
    CHECK(id_of("AB") != id_of("B"));
    feed_close();
}

static void test_a_snapshot_message_clears_and_fills_its_instrument(void)
{
    fix_open_feed(0);
    CHECK_EQ(play_fix("35=W|34=1|55=ABC|268=2|269=0|270=10|271=5|269=1|278=9|270=11|271=6|"), 3);
    CHECK(seen[0].op == RL_OP_CLEAR && seen[0].instrument == 0);
    CHECK(seen[1].op == RL_OP_LEVEL && seen[1].side == RL_BUY && seen[1].qty == 5);
    CHECK(seen[2].op == RL_OP_ADD && seen[2].id == 9 && seen[2].side == RL_SELL);
    CHECK_EQ(play_fix("35=W|34=2|48=SECURITY|268=0|"), 2);
    CHECK(seen[0].op == RL_OP_CLEAR && seen[0].instrument == 1);
    CHECK_EQ(seen[1].op, RL_OP_NONE);
    CHECK_EQ(play_fix("35=W|34=3|268=1|269=0|270=10|271=5|"), 1); /* of what? */
    CHECK_EQ(seen[0].op, RL_OP_NONE);
    CHECK_EQ(feed.n.no_instrument, 1);
    feed_close();
}

static void test_entries_that_concern_no_book_are_yielded_as_none_and_counted(void)
{
    fix_open_feed(0);
    CHECK_EQ(play_fix("35=X|268=4|279=0|269=3|55=ABC|270=10|"
                      "279=0|269=0|55=ABC|270=10|"
                      "279=0|269=2|55=ABC|270=10|271=3|"
                      "279=0|269=J|55=ABC|"),
             4);
    CHECK_EQ(seen[0].op, RL_OP_NONE);
    CHECK_EQ(feed.n.other_entries, 1);
    CHECK_EQ(seen[1].op, RL_OP_NONE);
    CHECK_EQ(feed.n.sizeless_entries, 1);
    CHECK(seen[2].op == RL_OP_TRADE && seen[2].qty == 3);
    CHECK_EQ(seen[3].op, RL_OP_CLEAR);
    CHECK_EQ(play_fix("35=0|"), 1);
    CHECK_EQ(seen[0].op, RL_OP_NONE);
    CHECK_EQ(feed.n.heartbeats, 1);
    CHECK_EQ(feed.n.unsequenced, 2);
    feed_close();
}

static void test_entries_that_cannot_be_read_are_counted(void)
{
    static const char *const bodies[] = {"35=X|268=1|279=0|269=0|278=1|55=A|270=ten|271=1|",
                                         "35=X|268=1|279=0|269=0|278=1|55=A|271=1|",
                                         "35=X|268=1|279=0|269=0|278=1|55=A|270=1|271=-1|",
                                         "35=X|268=1|279=0|269=0|278=1|55=A|270=1|271=1.5|",
                                         "35=X|268=1|279=9|269=0|278=1|55=A|270=1|271=1|",
                                         "35=X|268=1|269=0|278=1|55=A|270=1|271=1|",
                                         "35=X|268=1|279=2|269=0|55=A|",
                                         "35=X|268=1|279=0|269=0|278=1|270=1|271=1|",
                                         "35=X|268=1|",
                                         "35=X|268=x|279=0|269=0|278=1|55=A|270=1|271=1|",
                                         "35=X|268=4000000000|279=0|269=0|278=1|55=A|270=1|271=1|",
                                         "35=X|279=0|269=0|278=1|55=A|270=1|271=1|"};

    fix_open_feed(0);
    for (uint32_t i = 0; i < RL_COUNT(bodies); i++) {
        CHECK_EQ(play_fix(bodies[i]), 1);
        CHECK_EQ(seen[0].op, RL_OP_NONE);
        CHECK_EQ(feed.n.bad_entries, i + 1);
    }
    CHECK_EQ(play_fix("35=X|268=3|279=0|269=0|278=1|55=A|270=1|271=1|"), 2); /* promised: three */
    CHECK_EQ(feed.n.bad_entries, RL_COUNT(bodies) + 2);
    CHECK_EQ(
        play_fix("35=X|268=1|279=0|269=0|278=1|55=12345678901234567890123456789012|270=1|271=1|"),
        1);
    CHECK_EQ(feed.n.no_instrument, 1); /* a symbol too long to be kept */
    feed_close();
}

static void test_quantities_are_counted_in_the_configured_lot(void)
{
    fix_open_feed(3);
    play_fix("35=X|268=2|279=0|269=0|278=1|55=A|270=1|271=1.5|279=0|269=0|278=2|270=1|271=0.0001|");
    CHECK_EQ(seen[0].qty, 1500);
    CHECK_EQ(seen[1].op, RL_OP_NONE);
    CHECK_EQ(feed.n.bad_entries, 1);
    feed_close();
}

static void test_fix_messages_are_numbered_by_34_or_by_1181_where_that_is_used(void)
{
    fix_open_feed(0);
    CHECK_EQ(play_fix("35=0|34=10|"), 1);
    CHECK_EQ(play_fix("35=0|34=10|"), 0);
    CHECK_EQ(feed.n.duplicates, 1);
    CHECK_EQ(play_fix("35=0|34=13|"), 1);
    CHECK_EQ(seen[0].seq, 13);
    CHECK_EQ(feed.n.lost, 2);
    CHECK_EQ(play_fix("35=0|34=99999999999999|"), 0);
    CHECK_EQ(feed.n.bad_frames, 1);
    CHECK_EQ(play_fix("35=4|34=14|36=100|"), 1); /* SequenceReset */
    CHECK_EQ(play_fix("35=0|34=100|"), 1);
    CHECK_EQ(feed.n.gaps, 1);
    CHECK_EQ(play_fix("35=A|34=1|141=Y|"), 1); /* Logon with a reset */
    CHECK_EQ(play_fix("35=0|34=2|"), 1);
    CHECK_EQ(feed.n.duplicates, 1);
    CHECK_EQ(play_fix("35=X|34=3|1181=500|268=0|"), 1);
    CHECK_EQ(seen[0].seq, 500);
    CHECK_EQ(play_fix("35=X|34=4|1181=500|268=0|"), 0);
    CHECK_EQ(play_fix("35=X|34=5|1181=502|268=0|"), 1);
    CHECK_EQ(feed.n.gaps, 2);
    CHECK_EQ(feed.n.lost, 3);
    feed_close();
}

static void test_messages_that_are_no_messages_are_counted(void)
{
    fix_open_feed(0);
    CHECK_EQ(play("8=FIX.4.4\0019=5\00135=0\00110=164\001", 26), 0);
    CHECK_EQ(play("", 0), 0);
    CHECK_EQ(feed.n.bad_frames, 2);
    CHECK_EQ(play_fix("35=X|34=|"), 0);
    CHECK_EQ(feed.n.bad_messages, 1);
    CHECK_EQ(feed.n.messages, 0);
    feed_close();
}

static void test_configs_that_cannot_be_served_are_refused(void)
{
    struct rl_feed_config config = {.kind = RL_FEED_ITCH, .n_instruments = 10};
    struct rl_arena small;
    struct rl_feed f;

    CHECK_EQ(rl_arena_open(&small, 4096, 0), 0);
    CHECK_EQ(rl_feed_init(&f, &small, &config), -ENOMEM);
    config.n_instruments = 0;
    CHECK_EQ(rl_feed_init(&f, &small, &config), -EINVAL);
    config = (struct rl_feed_config){.kind = (enum rl_feed_kind)9, .n_instruments = 1};
    CHECK_EQ(rl_feed_init(&f, &small, &config), -EINVAL);
    rl_arena_close(&small);
}

int main(void)
{
    test_a_line_in_order_yields_every_message_with_its_number();
    test_gaps_repeats_and_overlaps_are_counted_and_only_new_messages_come_out();
    test_a_first_number_that_is_known_makes_a_late_start_a_gap();
    test_a_new_session_resets_the_books_before_its_first_message();
    test_the_end_of_a_session_is_counted();
    test_a_packet_that_claims_more_than_it_holds_takes_nothing_from_those_behind_it();
    test_damaged_packets_are_survived_and_counted();
    test_an_overlap_whose_old_part_lies_is_dropped();
    test_instruments_are_numbered_as_they_come_and_named_as_soon_as_possible();
    test_a_snapshot_clears_its_instrument_once_before_it_begins();
    test_entries_with_an_id_are_orders();
    test_entries_without_an_id_are_price_levels();
    test_ids_of_digits_and_of_text_never_meet();
    test_a_snapshot_message_clears_and_fills_its_instrument();
    test_entries_that_concern_no_book_are_yielded_as_none_and_counted();
    test_entries_that_cannot_be_read_are_counted();
    test_quantities_are_counted_in_the_configured_lot();
    test_fix_messages_are_numbered_by_34_or_by_1181_where_that_is_used();
    test_messages_that_are_no_messages_are_counted();
    test_configs_that_cannot_be_served_are_refused();
    return 0;
}
