/*
 * Real days through the books, with views and with hints to the caches: both show the same book as
 * neither, and the venue's own final book where it is known.
 */
#include "capture.h"

#include "base/mem.h"
#include "market/book/ladder.h"
#include "market/book/view.h"
#include "market/feed/feed.h"
#include "market/replay/replay.h"

enum { N_INSTRUMENTS = 256, PACKET = 8, AHEAD = 4 };

static struct rl_arena arena;
static struct rl_books books, plain; /* `plain` gets the same updates and nothing else */
static struct rl_views *views;
static struct rl_update *updates;
static uint64_t n_updates;

static void decode(const char *name, enum rl_feed_kind kind)
{
    struct rl_feed_config config = {.kind = kind, .n_instruments = N_INSTRUMENTS};
    struct capture c = capture_read(name);
    enum rl_source source = rl_replay_guess(c.bytes, c.n_bytes);
    struct rl_replay_error error;
    struct rl_stream_rec *recs;
    struct rl_arena own;
    struct rl_feed *feed = calloc(1, sizeof *feed);
    uint64_t n = 0;

    CHECK_EQ(rl_replay_index(source, c.bytes, c.n_bytes, NULL, 0, &n, &error), 0);
    recs = calloc(n, sizeof *recs);
    updates = calloc(2 * n, sizeof *updates);
    CHECK(recs && updates && feed);
    CHECK_EQ(rl_replay_index(source, c.bytes, c.n_bytes, recs, n, &n, &error), 0);
    CHECK_EQ(rl_arena_open(&own, rl_feed_bytes(&config), 0), 0);
    CHECK_EQ(rl_feed_init(feed, &own, &config), 0);
    n_updates = 0;
    for (uint64_t i = 0; i < n; i++) {
        struct rl_feed_cursor cursor;

        if (!rl_feed_open(feed, c.bytes + recs[i].offset, recs[i].n_bytes, &cursor))
            continue;
        while (rl_feed_next(feed, &cursor, &updates[n_updates]))
            updates[n_updates++].seq = i + 1;
    }
    rl_arena_close(&own);
    free(feed);
    free(recs);
    free(c.bytes);
}

static void books_open(void)
{
    struct rl_books_config config = {
        .n_instruments = N_INSTRUMENTS, .n_orders = 1u << 17, .n_levels_per_side = 1u << 12};
    size_t n_bytes = rl_views_bytes(N_INSTRUMENTS);

    CHECK_EQ(rl_arena_open(&arena, 2 * rl_books_bytes(&config) + n_bytes + RL_CACHE_LINE, 0), 0);
    CHECK_EQ(rl_books_init(&books, &arena, &config), 0);
    CHECK_EQ(rl_books_init(&plain, &arena, &config), 0);
    views = rl_views_init(rl_arena_take(&arena, n_bytes, 0), n_bytes, N_INSTRUMENTS);
    CHECK(views != NULL);
    CHECK_EQ(rl_books_show(&books, views), 0);
}

static void check_view(uint32_t instrument)
{
    struct rl_book_depth depth[RL_VIEW_LEVELS];
    struct rl_book_top top;

    CHECK(rl_views_read_tries(views, instrument, &top, 1));
    for (unsigned side = 0; side < 2; side++) {
        uint32_t n = rl_books_depth(&plain, instrument, (enum rl_side)side, depth, RL_VIEW_LEVELS);

        CHECK_EQ(top.n_levels[side], n);
        for (uint32_t i = 0; i < n; i++) {
            CHECK_EQ(top.levels[side][i].px_nano, depth[i].px_nano);
            CHECK_EQ(top.levels[side][i].qty, depth[i].qty);
            CHECK_EQ(top.levels[side][i].n_orders, depth[i].n_orders);
        }
    }
    CHECK_EQ(rl_book_top_state(&top), rl_books_state(&plain, instrument));
}

/* Applies everything to both, in packets; some view is looked at after each. */
static void play(void)
{
    uint64_t n_news = 0, n_plain_news = 0;

    books_open();
    for (uint64_t i = 0; i < n_updates; i++) {
        if (i % PACKET == 0)
            rl_views_hold(&books);
        if (i + 2 * AHEAD < n_updates)
            rl_books_prefetch(&books, &updates[i + 2 * AHEAD]);
        if (i + AHEAD < n_updates)
            rl_books_prefetch_level(&books, updates[i + AHEAD].id);
        n_news += rl_books_apply(&books, &updates[i]);
        n_plain_news += rl_books_apply(&plain, &updates[i]);
        if (i % PACKET == PACKET - 1 || i + 1 == n_updates) {
            rl_views_publish(&books, updates[i].seq);
            check_view(updates[i].instrument % N_INSTRUMENTS);
        }
    }
    CHECK_EQ(n_news, n_plain_news);
    CHECK_EQ(rl_books_check(&books, NULL), 0);
    CHECK_EQ(rl_books_check(&plain, NULL), 0);
    CHECK(rl_books_hash(&books) == rl_books_hash(&plain));
    for (uint32_t i = 0; i < N_INSTRUMENTS; i++)
        check_view(i);
}

/* How many looks finding every live order takes; its most is bounded in test_book_table.c. */
static uint64_t sum_of_probes(void)
{
    uint64_t sum = 0;

    for (uint32_t i = 0; i < 2 * books.n_instruments; i++)
        for (uint32_t k = 0; k < books.books[i / 2].n_levels[i % 2]; k++) {
            enum rl_side side = (enum rl_side)(i % 2);
            uint64_t key = rl_ladder_keys(&books.books[i / 2], side) + k;
            int64_t px = books.nodes[books.slots[key]].level.px_nano;

            for (const struct rl_book_order *o = rl_books_front_at(&books, i / 2, side, px); o;
                 o = rl_books_behind(&books, o))
                sum += rl_books_probes(&books, i / 2, o->id);
        }
    return sum;
}

static void test_a_day_of_futures_ends_with_the_book_and_the_view_that_are_known(void)
{
    struct rl_book_top top;

    decode("l3/esh4-20231225.mbo.dbn.zst", RL_FEED_DBN);
    play();
    CHECK_EQ(rl_books_n_levels(&books, 0, RL_BUY), 922);
    CHECK_EQ(rl_books_n_levels(&books, 0, RL_SELL), 565);
    CHECK_EQ(books.n_orders, 11217);
    CHECK(rl_views_read(views, 0, &top));
    CHECK_EQ(top.levels[RL_BUY][0].px_nano, 4810000000000);
    CHECK_EQ(top.levels[RL_SELL][0].px_nano, 4810250000000);
    CHECK_EQ(rl_book_top_state(&top), RL_BOOK_OPEN);
    CHECK(sum_of_probes() < 2ULL * books.n_orders);
    rl_arena_close(&arena);
    free(updates);
}

static void test_a_day_slice_of_200_stocks_ends_with_the_orders_that_are_known(void)
{
    decode("itch/itch50-1m.bin.zst", RL_FEED_ITCH);
    play();
    CHECK_EQ(books.n_orders, 40095);
    CHECK_EQ(books.n_levels, 9212);
    CHECK_EQ(books.n.unknown_ids + books.n.duplicate_ids + books.n.over_reduced, 0);
    CHECK(sum_of_probes() < books.n_orders + books.n_orders / 4);
    rl_arena_close(&arena);
    free(updates);
}

int main(void)
{
    test_a_day_of_futures_ends_with_the_book_and_the_view_that_are_known();
    test_a_day_slice_of_200_stocks_ends_with_the_orders_that_are_known();
    return 0;
}
