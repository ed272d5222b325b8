/* ITCH files and packets whose contents are known to the message. */
#include "capture.h"

#include "base/mem.h"
#include "hex.h"
#include "market/book/book.h"
#include "market/codec/alpha.h"
#include "market/codec/itch_fields.h"
#include "market/feed/feed.h"
#include "market/replay/replay.h"

static struct rl_arena arena;
static struct rl_books books;
static struct rl_feed feed;
static uint64_t types[256];

static void open_all(uint32_t n_instruments, bool mold)
{
    struct rl_books_config books_config = {
        .n_instruments = n_instruments, .n_orders = 1u << 17, .n_levels_per_side = 1u << 12};
    struct rl_feed_config feed_config = {
        .kind = RL_FEED_ITCH, .n_instruments = n_instruments, .mold = mold};

    memset(types, 0, sizeof types);
    CHECK_EQ(rl_arena_open(&arena, rl_books_bytes(&books_config) + rl_feed_bytes(&feed_config), 0),
             0);
    CHECK_EQ(rl_books_init(&books, &arena, &books_config), 0);
    CHECK_EQ(rl_feed_init(&feed, &arena, &feed_config), 0);
}

/* Every field of the message, and the same bytes again. */
static void check_again(const uint8_t *message, uint32_t n_bytes)
{
    uint8_t again[RL_ITCH_MAX_MESSAGE];
    struct rl_itch_value v;

    CHECK(rl_itch_read(message, n_bytes, &v));
    hex_check(again, rl_itch_write(again, &v), message, n_bytes, rl_itch_name(message[0]));
}

static void check_packet_again(const uint8_t *packet, uint32_t n_bytes)
{
    uint8_t again[2048];
    const uint8_t *message;
    struct rl_mold_writer w;
    struct rl_mold m;
    uint32_t n;

    CHECK(rl_mold_open(&m, packet, n_bytes) && n_bytes <= sizeof again);
    rl_mold_begin(&w, again, sizeof again, (const char *)m.session, m.seq);
    while ((message = rl_mold_next(&m, &n)) != NULL) {
        check_again(message, n);
        CHECK(rl_mold_add(&w, message, n));
    }
    hex_check(again, rl_mold_finish(&w), packet, n_bytes, "packet");
}

static uint64_t play(const struct capture *c, enum rl_source source)
{
    struct rl_replay_error error;
    struct rl_stream_rec *recs;
    uint64_t n = 0;

    CHECK_EQ(rl_replay_guess(c->bytes, c->n_bytes), source);
    if (rl_replay_index(source, c->bytes, c->n_bytes, NULL, 0, &n, &error) != 0) {
        fprintf(stderr, "%s at %" PRIu64 "\n", error.what, error.offset);
        exit(1);
    }
    recs = calloc(n, sizeof *recs);
    CHECK(recs != NULL);
    CHECK_EQ(rl_replay_index(source, c->bytes, c->n_bytes, recs, n, &n, &error), 0);
    for (uint64_t i = 0; i < n; i++) {
        struct rl_feed_cursor cursor;
        struct rl_update u;

        if (source == RL_SOURCE_ITCH_FILE) {
            types[c->bytes[recs[i].offset]]++;
            check_again(c->bytes + recs[i].offset, recs[i].n_bytes);
        } else {
            check_packet_again(c->bytes + recs[i].offset, recs[i].n_bytes);
        }
        if (!rl_feed_open(&feed, c->bytes + recs[i].offset, recs[i].n_bytes, &cursor))
            continue;
        while (rl_feed_next(&feed, &cursor, &u))
            rl_books_apply(&books, &u);
    }
    free(recs);
    CHECK_EQ(rl_books_check(&books, NULL), 0);
    return n;
}

static void test_the_day_slice_leaves_the_orders_that_are_known(void)
{
    struct capture c = capture_read("itch/itch50-1m.bin.zst");
    uint32_t n_deepest = 0;

    open_all(200, false);
    CHECK_EQ(play(&c, RL_SOURCE_ITCH_FILE), 1016201);
    CHECK_EQ(types['A'], 423572);
    CHECK_EQ(types['F'], 47090);
    CHECK_EQ(types['E'], 30955);
    CHECK_EQ(types['C'], 2033);
    CHECK_EQ(types['X'], 17040);
    CHECK_EQ(types['D'], 410258);
    CHECK_EQ(types['U'], 80006);
    CHECK_EQ(types['P'], 5046);
    CHECK_EQ(types['R'], 200);
    CHECK_EQ(types['S'], 1);
    CHECK_EQ(books.n_orders, 40095);
    CHECK_EQ(books.n_levels, 9212);
    CHECK_EQ(feed.n_instruments, 200);
    for (uint32_t i = 0; i < 200; i++)
        if (rl_books_n_levels(&books, i, RL_BUY) > n_deepest)
            n_deepest = rl_books_n_levels(&books, i, RL_BUY);
    CHECK_EQ(n_deepest, 77);
    CHECK_EQ(books.n.unknown_ids + books.n.duplicate_ids + books.n.over_reduced, 0);
    CHECK(strcmp(rl_feed_symbol(&feed, 0), "S001") == 0);
    rl_arena_close(&arena);
    free(c.bytes);
}

static void test_zero_lengths_and_unknown_orders_are_survived_and_counted(void)
{
    struct capture c = capture_read("itch/artificial-itch50.gz");

    open_all(1000, false);
    CHECK_EQ(play(&c, RL_SOURCE_ITCH_FILE), 12012);
    CHECK_EQ(types['A'], 4997);
    CHECK_EQ(types['F'], 3);
    CHECK_EQ(types['E'], 198);
    CHECK_EQ(types['X'], 45);
    CHECK_EQ(types['D'], 1745);
    CHECK_EQ(types['U'], 12);
    CHECK_EQ(types['P'], 5000);
    CHECK_EQ(books.n.unknown_ids, 117);
    CHECK_EQ(feed.n.no_instrument + feed.n.bad_messages, 0);
    rl_arena_close(&arena);
    free(c.bytes);
}

static void test_a_packet_of_38_messages_has_its_number_and_its_orders(void)
{
    struct capture c =
        capture_read("itch/Nasdaq.Equities.TotalView.Itch.v5.0.Multiple.Packets.pcap");
    struct rl_stream_rec recs[4];
    struct rl_replay_error error;
    struct rl_mold m;
    uint64_t n;
    uint32_t k = 0;

    CHECK_EQ(rl_replay_index(RL_SOURCE_PCAP, c.bytes, c.n_bytes, recs, 4, &n, &error), 0);
    while (k < n && recs[k].n_messages != 38)
        k++;
    CHECK(k < n);
    CHECK(rl_mold_open(&m, c.bytes + recs[k].offset, recs[k].n_bytes));
    CHECK_EQ(m.seq, 19009117);
    CHECK_EQ(recs[k].ts_ns / 1000000000, 1692711038); /* nanosecond stamps */
    open_all(100, true);
    CHECK_EQ(play(&c, RL_SOURCE_PCAP), n);
    CHECK_EQ(books.n_orders, 38);
    CHECK_EQ(feed.n.bad_frames + feed.n.bad_messages, 0);
    CHECK(rl_feed_find(&feed, "META") != RL_INSTRUMENT_ALL);
    rl_arena_close(&arena);
    free(c.bytes);
}

/* The fields of the only message of a sample packet. */
static struct rl_itch_value sample(const char *kind)
{
    struct rl_replay_error error;
    struct rl_stream_rec rec;
    struct rl_itch_value v;
    const uint8_t *message;
    struct rl_mold m;
    struct capture c;
    char name[128];
    uint64_t n;
    uint32_t n_bytes;

    snprintf(name, sizeof name, "itch/Nasdaq.Equities.TotalView.Itch.v5.0.%s.pcap", kind);
    c = capture_read(name);
    CHECK_EQ(rl_replay_index(RL_SOURCE_PCAP, c.bytes, c.n_bytes, &rec, 1, &n, &error), 0);
    CHECK(rl_mold_open(&m, c.bytes + rec.offset, rec.n_bytes));
    message = rl_mold_next(&m, &n_bytes);
    CHECK(message != NULL && rl_itch_read(message, n_bytes, &v));
    open_all(4, true);
    CHECK_EQ(play(&c, RL_SOURCE_PCAP), 1);
    CHECK_EQ(feed.n.messages, 1);
    CHECK_EQ(feed.n.bad_messages, 0);
    rl_arena_close(&arena);
    free(c.bytes);
    return v;
}

static void test_every_sample_packet_says_what_is_known_of_it(void)
{
    struct rl_itch_value v = sample("AddOrderNoMpidAttributionMessage");

    CHECK(v.type == 'A' && v.head.locate == 5528 && v.head.ts_ns == 34199999894278);
    CHECK(v.add_order.id == 23508286 && v.add_order.side == 'B' && v.add_order.qty == 1600);
    CHECK(rl_alpha_is(v.add_order.symbol, RL_ITCH_SYMBOL, "IVOO"));
    CHECK_EQ(v.add_order.px_nano, 873900 * RL_ITCH_NANO_PER_TICK);

    v = sample("MarketParticipantPositionMessage");
    CHECK(v.type == 'L' && rl_alpha_is(v.participant_position.mpid, 4, "MAXM"));
    CHECK(rl_alpha_is(v.participant_position.symbol, RL_ITCH_SYMBOL, "FGMC"));
    CHECK(v.participant_position.is_primary == 'Y' && v.participant_position.mode == 'N' &&
          v.participant_position.state == 'A');

    v = sample("NetOrderImbalanceIndicatorMessage");
    CHECK(v.type == 'I' && rl_alpha_is(v.net_order_imbalance.symbol, RL_ITCH_SYMBOL, "MDC"));
    CHECK(v.net_order_imbalance.paired_qty == 1 && v.net_order_imbalance.imbalance_qty == 0);
    CHECK_EQ(v.net_order_imbalance.far_px_nano, 464400 * RL_ITCH_NANO_PER_TICK);
    CHECK_EQ(v.net_order_imbalance.reference_px_nano, v.net_order_imbalance.near_px_nano);
    CHECK(v.net_order_imbalance.direction == 'N' && v.net_order_imbalance.cross == 'O' &&
          v.net_order_imbalance.variation == 'L');

    v = sample("OrderDeleteMessage");
    CHECK(v.type == 'D' && v.head.locate == 3517 && v.order_delete.id == 23497686);

    v = sample("OrderExecutedMessage");
    CHECK(v.type == 'E' && v.head.tracking == 2 && v.order_executed.id == 23499418);
    CHECK(v.order_executed.qty == 25 && v.order_executed.match == 255547);

    v = sample("OrderReplaceMessage");
    CHECK(v.type == 'U' && v.order_replace.id == 15108479 && v.order_replace.new_id == 21361351);
    CHECK_EQ(v.order_replace.qty, 100);
    CHECK_EQ(v.order_replace.px_nano, 0x1036C8LL * RL_ITCH_NANO_PER_TICK);

    v = sample("StockTradingActionMessage");
    CHECK(v.type == 'H' && rl_alpha_is(v.trading_action.symbol, RL_ITCH_SYMBOL, "AMC"));
    CHECK(v.trading_action.state == 'T' && v.trading_action.reserved == ' ' &&
          rl_alpha_len(v.trading_action.reason, 4) == 0);
}

static void test_tcp_is_not_taken_for_a_feed(void)
{
    struct capture ouch = capture_read("itch/Nasdaq.Nsm.Ouch.v5.0.EnterOrderMessage.pcap");
    struct rl_replay_error error = {0};
    uint64_t n = 0;

    CHECK(rl_replay_index(RL_SOURCE_PCAP, ouch.bytes, ouch.n_bytes, NULL, 0, &n, &error) != 0);
    CHECK(error.what != NULL);
    CHECK_EQ(n, 0);
    free(ouch.bytes);
}

static void test_a_pcapng_file_is_not_taken_for_a_pcap_file(void)
{
    struct capture c = capture_read("ab/cme-mdp3-ab.pcapng");
    struct rl_replay_error error = {0};
    uint64_t n = 0;

    CHECK_EQ(rl_replay_guess(c.bytes, c.n_bytes), RL_SOURCE_PCAPNG);
    CHECK(rl_replay_index(RL_SOURCE_PCAP, c.bytes, c.n_bytes, NULL, 0, &n, &error) != 0);
    CHECK(error.what != NULL && error.offset == 0);
    free(c.bytes);
}

int main(void)
{
    test_the_day_slice_leaves_the_orders_that_are_known();
    test_zero_lengths_and_unknown_orders_are_survived_and_counted();
    test_a_packet_of_38_messages_has_its_number_and_its_orders();
    test_every_sample_packet_says_what_is_known_of_it();
    test_tcp_is_not_taken_for_a_feed();
    test_a_pcapng_file_is_not_taken_for_a_pcap_file();
    return 0;
}
