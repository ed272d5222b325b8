/* A day of CME futures, order by order: the book must end where the exchange says it ended. */
#include "capture.h"

#include "base/mem.h"
#include "market/book/book.h"
#include "market/feed/feed.h"
#include "market/replay/replay.h"

static struct rl_arena arena;
static struct rl_books books;
static struct rl_feed feed;

static void open_all(void)
{
    struct rl_books_config books_config = {
        .n_instruments = 2, .n_orders = 1u << 15, .n_levels_per_side = 1u << 13};
    struct rl_feed_config feed_config = {.kind = RL_FEED_DBN, .n_instruments = 2};

    CHECK_EQ(rl_arena_open(&arena, rl_books_bytes(&books_config) + rl_feed_bytes(&feed_config), 0),
             0);
    CHECK_EQ(rl_books_init(&books, &arena, &books_config), 0);
    CHECK_EQ(rl_feed_init(&feed, &arena, &feed_config), 0);
}

/* Counts the actions into `actions` ('A' .. 'T') unless that is NULL. */
static uint64_t play(const struct capture *c, uint64_t *actions)
{
    struct rl_replay_error error;
    struct rl_stream_rec *recs;
    uint64_t n = 0, n_again = 0;

    CHECK_EQ(rl_replay_guess(c->bytes, c->n_bytes), RL_SOURCE_DBN);
    CHECK_EQ(rl_replay_index(RL_SOURCE_DBN, c->bytes, c->n_bytes, NULL, 0, &n, &error), 0);
    recs = calloc(n, sizeof *recs);
    CHECK(recs != NULL);
    CHECK_EQ(rl_replay_index(RL_SOURCE_DBN, c->bytes, c->n_bytes, recs, n, &n_again, &error), 0);
    CHECK_EQ(n_again, n);
    for (uint64_t i = 0; i < n; i++) {
        const uint8_t *record = c->bytes + recs[i].offset;
        struct rl_feed_cursor cursor;
        struct rl_update u;

        if (actions)
            actions[record[38]]++;
        CHECK(rl_feed_open(&feed, record, recs[i].n_bytes, &cursor));
        while (rl_feed_next(&feed, &cursor, &u))
            rl_books_apply(&books, &u);
        CHECK(i == 0 || recs[i].ts_ns >= recs[i - 1].ts_ns);
    }
    free(recs);
    return n;
}

static void check_end(void)
{
    struct rl_bbo bbo;

    rl_books_bbo(&books, 0, &bbo);
    CHECK_EQ(rl_books_n_levels(&books, 0, RL_BUY), 922);
    CHECK_EQ(rl_books_n_levels(&books, 0, RL_SELL), 565);
    CHECK_EQ(bbo.px_nano[RL_BUY], 4810000000000);
    CHECK_EQ(bbo.px_nano[RL_SELL], 4810250000000);
    CHECK_EQ(feed.venue_seq, 59585);
    CHECK_EQ(books.n_orders, 11217);
    CHECK_EQ(books.n.unknown_ids, 0);
    CHECK_EQ(books.n.duplicate_ids, 0);
    CHECK_EQ(books.n.over_reduced + books.n.bad_values + books.n.orders_full + books.n.levels_full,
             0);
    CHECK_EQ(feed.n.bad_messages + feed.n.no_instrument, 0);
    CHECK_EQ(rl_books_check(&books, NULL), 0);
}

static void test_the_day_ends_with_the_book_that_is_known(const struct capture *day, uint64_t *hash)
{
    uint64_t actions[256] = {0};
    char symbol[RL_FEED_SYMBOL];

    open_all();
    CHECK_EQ(play(day, actions), 68792);
    CHECK_EQ(actions['A'], 29216);
    CHECK_EQ(actions['C'], 17999);
    CHECK_EQ(actions['M'], 12233);
    CHECK_EQ(actions['F'], 6371);
    CHECK_EQ(actions['T'], 2973);
    CHECK_EQ(feed.n.snapshots, 1);
    CHECK_EQ(feed.n.updates, 68792 + 1);
    check_end();
    CHECK(rl_dbn_symbol(day->bytes, day->n_bytes, 17077, symbol, sizeof symbol));
    CHECK(strcmp(symbol, "ESH4") == 0 && strcmp(rl_feed_symbol(&feed, 0), "17077") == 0);
    CHECK_EQ(rl_feed_name(&feed, 17077, symbol), 0);
    CHECK_EQ(rl_feed_find(&feed, "ESH4"), 0);
    *hash = rl_books_hash(&books);
    rl_arena_close(&arena);
}

static void test_the_day_before_or_the_day_again_changes_nothing(const struct capture *day,
                                                                 uint64_t hash)
{
    struct capture before = capture_read("l3/esh4-20231224.mbo.dbn.zst");

    open_all();
    CHECK_EQ(play(&before, NULL), 8725);
    play(day, NULL);
    check_end();
    CHECK(rl_books_hash(&books) == hash);
    play(day, NULL);
    check_end();
    CHECK(rl_books_hash(&books) == hash);
    CHECK_EQ(feed.n.snapshots, 3);
    rl_arena_close(&arena);
    free(before.bytes);
}

static void test_a_cut_or_damaged_day_is_refused_with_its_place(const struct capture *day)
{
    struct rl_replay_error error;
    uint64_t n;

    CHECK(rl_replay_index(RL_SOURCE_DBN, day->bytes, day->n_bytes - 1, NULL, 0, &n, &error) != 0);
    CHECK_EQ(error.offset, day->n_bytes - RL_DBN_MBO_BYTES);
    CHECK(error.what != NULL);
    CHECK(rl_replay_index(RL_SOURCE_DBN, day->bytes, 100, NULL, 0, &n, &error) != 0);
    CHECK(rl_replay_index(RL_SOURCE_FIX_LOG, day->bytes, day->n_bytes, NULL, 0, &n, &error) != 0);
}

int main(void)
{
    struct capture day = capture_read("l3/esh4-20231225.mbo.dbn.zst");
    uint64_t hash;

    test_the_day_ends_with_the_book_that_is_known(&day, &hash);
    test_the_day_before_or_the_day_again_changes_nothing(&day, hash);
    test_a_cut_or_damaged_day_is_refused_with_its_place(&day);
    free(day.bytes);
    return 0;
}
