/*
 * Binance captures through feed and books: after a snapshot and the diffs that follow it, the best
 * prices and quantities are those that the venue itself published beside them.
 */
#include "capture.h"

#include "base/mem.h"
#include "market/book/book.h"
#include "market/feed/feed.h"
#include "market/replay/replay.h"

static const char usdm[] = "l2/binance-usdm-btcusdt-20240808.gz";
static const char cm[] = "l2/binance-cm-btcusd-20240808.gz";

/* A best price on each side as the venue published it, after update `u`. */
struct best {
    uint64_t u;
    int64_t px_nano[2];
    uint64_t qty[2];
};

static struct capture file;
static struct rl_stream_rec *recs;
static uint64_t n_recs;
static struct best *bests; /* all of the file, in order */
static uint64_t n_bests;

static void load(const char *name)
{
    struct rl_replay_error error;

    file = capture_read(name);
    CHECK_EQ(rl_replay_index(RL_SOURCE_BINANCE, file.bytes, file.n_bytes, NULL, 0, &n_recs, &error),
             0);
    recs = calloc(n_recs, sizeof *recs);
    CHECK(recs != NULL);
    CHECK_EQ(
        rl_replay_index(RL_SOURCE_BINANCE, file.bytes, file.n_bytes, recs, n_recs, &n_recs, &error),
        0);
}

static void unload(void)
{
    free(bests);
    free(recs);
    free(file.bytes);
}

/* --- the venue's own best prices -------------------------------------------------------------- */

static uint64_t qty_of(const struct rl_binance *b, struct rl_binance_text text)
{
    uint64_t v;

    CHECK(rl_binance_decimal(b, text, 3, &v));
    return v;
}

static void read_bests(void)
{
    bests = calloc(n_recs, sizeof *bests);
    CHECK(bests != NULL);
    n_bests = 0;
    for (uint64_t i = 0; i < n_recs; i++) {
        struct rl_binance b;

        CHECK(rl_binance_read(&b, file.bytes + recs[i].offset, recs[i].n_bytes));
        if (b.kind != RL_BINANCE_TICKER)
            continue;
        for (int side = 0; side < 2; side++) {
            uint64_t px;

            CHECK(rl_binance_decimal(&b, b.px[side], 9, &px));
            bests[n_bests].px_nano[side] = (int64_t)px;
            bests[n_bests].qty[side] = qty_of(&b, b.qty[side]);
        }
        bests[n_bests].u = b.last;
        CHECK(n_bests == 0 || bests[n_bests].u > bests[n_bests - 1].u);
        n_bests++;
    }
}

/* --- playing ---------------------------------------------------------------------------------- */

struct player {
    struct rl_arena arena;
    struct rl_books books;
    struct rl_feed *feed;
    uint64_t n_levels, n_states, n_trades;
    uint64_t n_equal, n_wrong; /* states of the book that were held against a best */
    uint64_t n_new;            /* of them with a best that no state before had */
    uint64_t n_passed;         /* bests not newer than the book */
    uint64_t last;             /* the newest update id in the book */
    uint64_t missed;           /* a diff that is not applied, by its last update id; 0: none */
};

static void player_open(struct player *p)
{
    struct rl_books_config books = {
        .n_instruments = 1, .n_orders = 16, .n_levels_per_side = 1 << 16};
    struct rl_feed_config feed = {.kind = RL_FEED_BINANCE, .n_instruments = 1, .n_qty_decimals = 3};

    memset(p, 0, sizeof *p);
    CHECK_EQ(rl_arena_open(&p->arena,
                           rl_books_bytes(&books) + rl_feed_bytes(&feed) + sizeof *p->feed + 128,
                           0),
             0);
    CHECK_EQ(rl_books_init(&p->books, &p->arena, &books), 0);
    p->feed = rl_arena_take(&p->arena, sizeof *p->feed, 0);
    CHECK_EQ(rl_feed_init(p->feed, &p->arena, &feed), 0);
}

static void player_close(struct player *p)
{
    const char *what;

    CHECK_EQ(rl_books_check(&p->books, &what), 0);
    rl_arena_close(&p->arena);
}

/* The book has all updates up to `last`: it shows the newest best that is not newer. */
static void compare(struct player *p)
{
    const struct best *best;
    struct rl_bbo bbo;
    uint64_t n = p->n_passed;

    while (n < n_bests && bests[n].u <= p->last)
        n++;
    p->n_new += n > p->n_passed;
    p->n_passed = n;
    if (n == 0)
        return;
    best = &bests[n - 1];
    rl_books_bbo(&p->books, 0, &bbo);
    if (memcmp(bbo.px_nano, best->px_nano, sizeof bbo.px_nano) == 0 &&
        memcmp(bbo.qty, best->qty, sizeof bbo.qty) == 0)
        p->n_equal++;
    else
        p->n_wrong++;
}

static void play(struct player *p, const uint8_t *text, uint32_t n_bytes)
{
    struct rl_feed_cursor c;
    struct rl_update u;

    if (!rl_feed_open(p->feed, text, n_bytes, &c))
        return;
    while (rl_feed_next(p->feed, &c, &u)) {
        bool is_level = u.op == RL_OP_LEVEL;

        p->n_trades += u.op == RL_OP_TRADE;
        /* The first update with a new number: the book is whole up to the one before. */
        if ((is_level || u.op == RL_OP_CLEAR) && u.seq != p->last) {
            if (p->last != 0 && u.op != RL_OP_CLEAR)
                compare(p);
            p->last = u.seq;
            p->n_states++;
        }
        p->n_levels += is_level;
        if (!is_level || u.seq != p->missed)
            rl_books_apply(&p->books, &u);
    }
}

static void play_records(struct player *p, uint64_t from, uint64_t to)
{
    for (uint64_t i = from; i < to; i++)
        play(p, file.bytes + recs[i].offset, recs[i].n_bytes);
}

static enum rl_binance_kind kind_of(uint64_t i)
{
    struct rl_binance b;

    CHECK(rl_binance_read(&b, file.bytes + recs[i].offset, recs[i].n_bytes));
    return (enum rl_binance_kind)b.kind;
}

/* --- promises --------------------------------------------------------------------------------- */

struct known {
    const char *name, *symbol;
    uint64_t n_diffs; /* that follow the snapshot */
    uint64_t n_new;   /* of the states: with a best that the state before did not have */
    uint64_t n_trades;
    uint64_t n_levels;  /* told by the snapshot and the diffs after it */
    uint64_t n_unknown; /* of them: removals of a level beyond the snapshot's thousand */
};

static const struct known known[] = {
    {usdm, "BTCUSDT", 6547, 5702, 21313, 445262, 17747},
    {cm, "BTCUSD_PERP", 26824, 6556, 2286, 297747, 40176},
};

static void
test_after_every_diff_the_book_shows_the_best_that_the_venue_published(const struct known *k)
{
    static struct player p;
    const struct rl_lines *l;

    player_open(&p);
    l = p.feed->lines;
    CHECK(!rl_feed_is_synced(p.feed, 0));
    play_records(&p, 0, n_recs);
    compare(&p);
    CHECK_EQ(p.n_wrong, 0);
    CHECK_EQ(p.n_equal, k->n_diffs + 1); /* the snapshot is a state too */
    CHECK_EQ(p.n_new, k->n_new + 1);
    CHECK_EQ(p.n_trades, k->n_trades);
    CHECK_EQ(l->n.snapshots, 1);
    CHECK_EQ(l->n.gaps + l->n.lost + l->n.evicted + l->line[0].bad, 0);
    CHECK(rl_feed_is_synced(p.feed, 0));
    CHECK(rl_feed_is_synced(p.feed, RL_INSTRUMENT_ALL));
    CHECK(strcmp(rl_feed_symbol(p.feed, 0), k->symbol) == 0);
    CHECK_EQ(p.feed->n.bad_entries, 0);
    /* Diffs delete levels that the snapshot's thousand did not reach: a counted no-op. */
    CHECK_EQ(p.n_levels, k->n_levels);
    CHECK_EQ(p.books.n.unknown_levels, k->n_unknown);
    player_close(&p);
}

/* A snapshot as the venue would have written it with all levels of this book. */
static uint32_t write_snapshot(const struct player *p, char *out, uint32_t n_max)
{
    static struct rl_book_depth levels[1 << 16];
    uint32_t n = (uint32_t)snprintf(out, n_max, "{\"lastUpdateId\":%" PRIu64, p->last);

    for (int side = 0; side < 2; side++) {
        uint32_t n_levels = rl_books_depth(&p->books, 0, (enum rl_side)side, levels, 1 << 16);

        n += (uint32_t)snprintf(out + n, n_max - n, side == 0 ? ",\"bids\":[" : "],\"asks\":[");
        for (uint32_t i = 0; i < n_levels; i++) {
            n += (uint32_t)snprintf(
                out + n, n_max - n, "%s[\"%lld.%09lld\",\"%" PRIu64 ".%03" PRIu64 "\"]",
                i ? "," : "", levels[i].px_nano / RL_NANO_PER_UNIT,
                levels[i].px_nano % RL_NANO_PER_UNIT, levels[i].qty / 1000, levels[i].qty % 1000);
            CHECK(n < n_max - 100);
        }
    }
    return n + (uint32_t)snprintf(out + n, n_max - n, "]}");
}

/* Where `n` diffs in a row begin at or after record `i`; the record after them in `*end`. */
static uint64_t diffs_from(uint64_t i, unsigned n, uint64_t *end)
{
    uint64_t first;

    while (kind_of(i) != RL_BINANCE_DEPTH)
        i++;
    first = i;
    for (; n > 0; i++)
        n -= kind_of(i) == RL_BINANCE_DEPTH;
    *end = i;
    return first;
}

static void test_a_gap_holds_the_book_until_a_later_snapshot_joins_the_stream(void)
{
    static struct player whole, p;
    static char early[1 << 22], late[1 << 22];

    uint64_t end, gap, gap_end, snapshot_at, pushed_at, n_states, hash;
    uint32_t n_early, n_late;
    const struct rl_lines *l;

    end = n_recs / 2; /* as much as shows it */
    gap = diffs_from(n_recs / 4, 3, &gap_end);
    (void)diffs_from(n_recs / 3, 1, &snapshot_at);
    (void)diffs_from(snapshot_at, 40, &pushed_at);

    player_open(&whole); /* to write what the venue would have answered */
    play_records(&whole, 0, gap);
    n_early = write_snapshot(&whole, early, sizeof early);
    play_records(&whole, gap, snapshot_at);
    n_late = write_snapshot(&whole, late, sizeof late);
    play_records(&whole, snapshot_at, end);
    hash = rl_books_hash(&whole.books);

    player_open(&p);
    l = p.feed->lines;
    play_records(&p, 0, gap);
    CHECK(rl_feed_is_synced(p.feed, 0));
    for (uint64_t i = gap; i < gap_end; i++)
        if (kind_of(i) != RL_BINANCE_DEPTH)
            play_records(&p, i, i + 1);
    n_states = p.n_states;
    play_records(&p, gap_end, pushed_at);
    CHECK_EQ(p.n_states, n_states); /* not one diff was applied */
    CHECK(!rl_feed_is_synced(p.feed, 0));
    CHECK_EQ(l->state, RL_LINES_RECOVERING);
    CHECK_EQ(p.feed->n.desyncs, 1);
    play(&p, (const uint8_t *)early, n_early); /* from before the gap: refused */
    CHECK_EQ(l->n.snapshots_old, 1);
    CHECK(!rl_feed_is_synced(p.feed, 0));
    play(&p, (const uint8_t *)late, n_late);
    CHECK(rl_feed_is_synced(p.feed, 0));
    play_records(&p, pushed_at, end);
    compare(&p);
    CHECK_EQ(p.n_wrong, 0);
    CHECK(rl_books_hash(&p.books) == hash);
    CHECK_EQ(l->n.gaps, 1);
    CHECK_EQ(l->n.recovered_snapshot, 1);
    CHECK_EQ(l->n.snapshots, 2);
    CHECK_EQ(l->n.recoveries, 1);
    CHECK_EQ(l->n.lost, 0);

    player_close(&p);
    player_close(&whole);
}

static void test_a_gap_without_a_later_snapshot_leaves_the_book_marked_and_untouched(void)
{
    static struct player p;
    uint64_t end, gap, gap_end, n_states, hash;

    end = n_recs / 2;
    gap = diffs_from(n_recs / 8, 1, &gap_end);
    player_open(&p);
    play_records(&p, 0, gap);
    n_states = p.n_states;
    hash = rl_books_hash(&p.books);
    play_records(&p, gap_end, end);
    CHECK_EQ(p.n_states, n_states);
    CHECK(rl_books_hash(&p.books) == hash);
    CHECK(!rl_feed_is_synced(p.feed, 0));
    CHECK_EQ(p.feed->lines->n.gaps, 1);
    CHECK_EQ(p.feed->lines->n.recoveries, 1);
    /* More diffs than are kept: the oldest went, the newest would join a snapshot. */
    CHECK(p.feed->lines->n.evicted > 0);
    CHECK_EQ(p.n_wrong, 0);
    player_close(&p);
}

/* The comparison does tell: one diff that is not applied shows. */
static void test_a_book_that_misses_one_diff_is_found_out(void)
{
    static struct player p;
    struct rl_binance b;
    uint64_t at, end;

    at = diffs_from(n_recs / 4, 1, &end);
    CHECK(rl_binance_read(&b, file.bytes + recs[at].offset, recs[at].n_bytes));
    player_open(&p);
    p.missed = b.last;
    play_records(&p, 0, n_recs / 2);
    CHECK(p.n_wrong > 0);
    player_close(&p);
}

int main(void)
{
    for (unsigned i = 0; i < RL_COUNT(known); i++) {
        load(known[i].name);
        read_bests();
        test_after_every_diff_the_book_shows_the_best_that_the_venue_published(&known[i]);
        test_a_book_that_misses_one_diff_is_found_out();
        test_a_gap_holds_the_book_until_a_later_snapshot_joins_the_stream();
        test_a_gap_without_a_later_snapshot_leaves_the_book_marked_and_untouched();
        unload();
    }
    return 0;
}
