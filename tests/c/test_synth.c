/*
 * The synthetic stream, read by somebody else: a naive book that knows messages only by their
 * offsets in the ITCH specification and by FIX tags, keeps every order in an array indexed by its
 * id, and counts orders at every price.
 */
#include <errno.h>
#include <stdbool.h>
#include <string.h>

#include "check.h"
#include "market/book/book.h"
#include "rig/synth/synth.h"

/* A coarse calibration: twenty equally likely values a table, and a tail where one matters. */
#define TABLE(...) \
    {(const int32_t[]){__VA_ARGS__}, sizeof((const int32_t[]){__VA_ARGS__}) / sizeof(int32_t)}
static const struct rl_synth_table coarse[RL_SYNTH_N_TABLES] = {
    [RL_SYNTH_ADD_TICKS_TIGHT] =
        TABLE(0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 3, 10, 10, 22, 62, 400),
    [RL_SYNTH_ADD_TICKS_WIDE] =
        TABLE(-3, -1, -1, -1, -1, -1, -1, 0, 0, 0, 0, 0, 1, 3, 8, 17, 60, 300),
    [RL_SYNTH_CANCEL_AGE] =
        TABLE(0, 1, 2, 3, 4, 5, 7, 10, 14, 18, 24, 30, 40, 60, 100, 160, 300, 550, 1500, 5000),
    [RL_SYNTH_REDUCE_AGE] = TABLE(0, 4, 20, 60, 90, 200, 700, 4000),
    [RL_SYNTH_REPRICE_FROM_TICKS] = TABLE(0, 0, 1, 1, 2, 2, 3, 3, 4, 5, 10, 40, 350, 402),
    [RL_SYNTH_REPRICE_TO_TICKS] = TABLE(-1, 0, 0, 1, 1, 2, 2, 3, 3, 4, 10, 11, 350, 402),
    [RL_SYNTH_LIVE_TICKS] = TABLE(2, 10, 20, 30, 40, 55, 75, 95, 120, 140, 160, 190, 250, 300, 400,
                                  450, 700, 2500, 15000),
    [RL_SYNTH_ORDER_QTY] = TABLE(1, 1, 1, 1, 1, 1, 1, 2, 2, 4, 9, 69),
    [RL_SYNTH_REDUCE_LEFT_PERMILLE] = TABLE(200, 330, 500, 500, 670, 750),
    [RL_SYNTH_FILLS] = TABLE(1, 1, 1, 1, 2, 2, 4, 5),
    [RL_SYNTH_BURST] = TABLE(1, 1, 1, 1, 1, 1, 1, 4),
    [RL_SYNTH_GAP_PPM] = TABLE(50, 60, 100, 900, 2000, 40000, 1400000, 6000000),
};

static struct rl_synth_config config_of(enum rl_synth_format format)
{
    struct rl_synth_config c = {
        .seed = 7,
        .n_body = 60000,
        .mean_gap_ns = 1000,
        .n_instruments = 6,
        .n_live_orders = 1500,
        .format = format,
        .weights = {[RL_SYNTH_ADD] = 400,
                    [RL_SYNTH_CANCEL] = 255,
                    [RL_SYNTH_REPRICE] = 190,
                    [RL_SYNTH_REDUCE] = 25,
                    [RL_SYNTH_GROW] = 5,
                    [RL_SYNTH_EXECUTE_FULL] = 105,
                    [RL_SYNTH_EXECUTE_PART] = 20},
        .px_change_permille = 35,
        .reprice_keeps_qty_permille = 540,
        .last_fill_part_permille = 800,
        .attributed_permille = 100,
        .priced_permille = 60,
    };

    memcpy(c.tables, coarse, sizeof(coarse));
    return c;
}

struct made {
    struct rl_stream stream;
    struct rl_synth_stats stats;
    uint8_t *bytes;
    struct rl_stream_rec *recs;
};

static struct made make(const struct rl_synth_config *config)
{
    struct rl_synth_sizes sizes;
    struct rl_arena arena;
    struct made made;

    CHECK_EQ(rl_synth_sizes(config, &sizes), 0);
    CHECK_EQ(rl_arena_open(&arena, sizes.work_bytes, 0), 0);
    made.bytes = malloc(sizes.stream_bytes);
    made.recs = malloc(sizes.n_recs * sizeof(*made.recs));
    CHECK(made.bytes && made.recs);
    CHECK_EQ(rl_synth_write(config, &arena, made.bytes, sizes.stream_bytes, made.recs, sizes.n_recs,
                            &made.stream, &made.stats),
             0);
    rl_arena_close(&arena);
    return made;
}

static void drop(struct made *made)
{
    free(made->bytes);
    free(made->recs);
}

/* --- the naive book --- */

#define N_TICKS (1 << 18)
#define MAX_INSTRUMENTS 32

struct order {
    int32_t tick;
    uint32_t qty;
    uint32_t place; /* arrivals before it: smaller is nearer to the front */
    uint16_t instrument;
    uint8_t side; /* 0 bid, 1 offer */
    bool is_live;
};

struct naive {
    struct order *orders; /* by id */
    uint64_t n_ids;
    uint32_t (*count)[2][N_TICKS]; /* live orders, by instrument, side, tick */
    int32_t best[MAX_INSTRUMENTS][2];
    uint32_t n_live, n_arrivals;
    uint64_t n_special; /* F and C messages */
    bool checks_fronts; /* slow: every fill is held against all orders */
    uint64_t n_fills, n_ranks;
    uint32_t *ranks, *ticks;                           /* of touched levels, when wanted */
    uint64_t n_adds_tight, n_adds_at_best, n_adds_far; /* the same: adds at a spread of one tick */
};

static void naive_open(struct naive *n, uint64_t n_ids, uint32_t n_instruments)
{
    memset(n, 0, sizeof(*n));
    n->n_ids = n_ids + 1;
    n->orders = calloc(n->n_ids, sizeof(*n->orders));
    n->count = calloc(n_instruments, sizeof(*n->count));
    CHECK(n->orders && n->count && n_instruments <= MAX_INSTRUMENTS);
    for (uint32_t i = 0; i < n_instruments; i++) {
        n->best[i][0] = 0;
        n->best[i][1] = N_TICKS - 1;
    }
}

static void naive_close(struct naive *n)
{
    free(n->orders);
    free(n->count);
}

static void note_touch(struct naive *n, uint32_t instrument, uint8_t side, int32_t tick)
{
    int32_t best = n->best[instrument][side], step = side ? 1 : -1;
    uint32_t rank = 0;

    if (!n->ranks)
        return;
    for (int32_t t = best; (tick - t) * step > 0; t += step)
        rank += n->count[instrument][side][t] > 0;
    n->ranks[n->n_ranks] = rank;
    n->ticks[n->n_ranks++] = (uint32_t)((tick - best) * step > 0 ? (tick - best) * step : 0);
}

/* After note_touch. */
static void note_add(struct naive *n, uint32_t instrument)
{
    if (!n->ranks || n->best[instrument][0] + 1 != n->best[instrument][1])
        return;
    n->n_adds_tight++;
    n->n_adds_at_best += n->ticks[n->n_ranks - 1] == 0;
    n->n_adds_far += n->ticks[n->n_ranks - 1] >= 10;
}

static void naive_enter(struct naive *n, uint64_t id, uint32_t instrument, uint8_t side,
                        int32_t tick, uint32_t qty)
{
    int32_t *best = n->best[instrument];

    CHECK(id > 0 && id < n->n_ids && tick > 0 && tick < N_TICKS - 1 && qty > 0);
    CHECK(!n->orders[id].is_live);
    n->orders[id] = (struct order){tick, qty, n->n_arrivals++, (uint16_t)instrument, side, true};
    n->count[instrument][side][tick]++;
    n->n_live++;
    if (side ? tick < best[1] : tick > best[0])
        best[side] = tick;
    CHECK(best[0] < best[1]); /* never crossed, never locked */
}

static struct order *naive_live(struct naive *n, uint64_t id)
{
    CHECK(id > 0 && id < n->n_ids && n->orders[id].is_live);
    return &n->orders[id];
}

static void naive_leave(struct naive *n, uint64_t id)
{
    struct order *o = naive_live(n, id);
    uint32_t *count = n->count[o->instrument][o->side];
    int32_t *best = &n->best[o->instrument][o->side];

    o->is_live = false;
    n->n_live--;
    count[o->tick]--;
    while (*best > 0 && *best < N_TICKS - 1 && !count[*best])
        *best += o->side ? 1 : -1;
}

static void naive_take(struct naive *n, uint64_t id, uint32_t qty)
{
    struct order *o = naive_live(n, id);

    CHECK(qty > 0 && qty <= o->qty);
    o->qty -= qty;
    if (!o->qty)
        naive_leave(n, id);
}

static void check_front(struct naive *n, uint64_t id)
{
    const struct order *o = naive_live(n, id);

    n->n_fills++;
    CHECK_EQ(o->tick, n->best[o->instrument][o->side]);
    for (uint64_t i = 1; n->checks_fronts && i < n->n_ids; i++) {
        const struct order *other = &n->orders[i];

        if (other->is_live && other->tick == o->tick && other->side == o->side &&
            other->instrument == o->instrument)
            CHECK(other->place >= o->place);
    }
}

static uint64_t big_endian(const uint8_t *p, int n)
{
    uint64_t value = 0;

    while (n--)
        value = value << 8 | *p++;
    return value;
}

static void itch_apply(struct naive *n, const uint8_t *m, uint32_t n_bytes)
{
    uint32_t instrument = (uint32_t)big_endian(m + 1, 2) - 1;
    uint64_t id = big_endian(m + 11, 8), new_id;
    struct order was = {0};

    n->n_special += m[0] == 'F' || m[0] == 'C';
    if (m[0] != 'A' && m[0] != 'F' && m[0] != 'R') {
        was = *naive_live(n, id);
        CHECK_EQ(was.instrument, instrument);
        note_touch(n, instrument, was.side, was.tick);
    }
    switch (m[0]) {
    case 'R':
        CHECK_EQ(n_bytes, 39);
        CHECK_EQ(n->n_live, 0);
        break;
    case 'A':
    case 'F':
        CHECK_EQ(n_bytes, m[0] == 'A' ? 36 : 40);
        CHECK(m[19] == 'B' || m[19] == 'S');
        CHECK_EQ(big_endian(m + 32, 4) % 100, 0); /* whole cents */
        note_touch(n, instrument, m[19] == 'S', (int32_t)(big_endian(m + 32, 4) / 100));
        note_add(n, instrument);
        naive_enter(n, id, instrument, m[19] == 'S', (int32_t)(big_endian(m + 32, 4) / 100),
                    (uint32_t)big_endian(m + 20, 4));
        break;
    case 'E':
    case 'C':
        CHECK_EQ(n_bytes, m[0] == 'E' ? 31 : 36);
        check_front(n, id);
        naive_take(n, id, (uint32_t)big_endian(m + 19, 4));
        break;
    case 'X':
        CHECK_EQ(n_bytes, 23);
        CHECK(big_endian(m + 19, 4) < was.qty);
        naive_take(n, id, (uint32_t)big_endian(m + 19, 4));
        break;
    case 'D':
        CHECK_EQ(n_bytes, 19);
        naive_leave(n, id);
        break;
    case 'U':
        CHECK_EQ(n_bytes, 35);
        new_id = big_endian(m + 19, 8);
        naive_leave(n, id);
        naive_enter(n, new_id, instrument, was.side, (int32_t)(big_endian(m + 31, 4) / 100),
                    (uint32_t)big_endian(m + 27, 4));
        break;
    default:
        CHECK(!"a message type that the generator does not write");
    }
}

/* The value of the next field, which must have this tag; *at moves behind its separator. */
static const char *fix_field(const uint8_t **at, const char *tag)
{
    const char *value = (const char *)*at + strlen(tag);

    CHECK(memcmp(*at, tag, strlen(tag)) == 0 && *value == '=');
    *at = (const uint8_t *)strchr(value, 1) + 1;
    return value + 1;
}

static void check_sum(const uint8_t *m, uint32_t n_bytes)
{
    uint32_t sum = 0;

    for (uint32_t i = 0; i < n_bytes - 7; i++)
        sum += m[i];
    CHECK(memcmp(m + n_bytes - 7, "10=", 3) == 0 && m[n_bytes - 1] == 1);
    CHECK_EQ(atoi((const char *)m + n_bytes - 4), sum % 256);
}

static uint32_t fix_apply(struct naive *n, const uint8_t *m, uint32_t n_bytes)
{
    const uint8_t *at = m, *body;
    uint32_t n_body, n_entries;

    CHECK(memcmp(fix_field(&at, "8"), "FIX.4.4\001", 8) == 0);
    n_body = (uint32_t)atoi(fix_field(&at, "9"));
    body = at;
    CHECK_EQ(n_body, n_bytes - 7 - (body - m));
    CHECK(memcmp(fix_field(&at, "35"), "X\001", 2) == 0);
    CHECK_EQ(at + 3 - m, RL_FIX_STAMP_SEQ_AT);
    fix_field(&at, "34");
    fix_field(&at, "49");
    CHECK_EQ(strchr(fix_field(&at, "52"), 1) - (const char *)m, 24 + 10 + 1 + 9 + 3 + 24);
    fix_field(&at, "56");
    n_entries = (uint32_t)atoi(fix_field(&at, "268"));
    CHECK(n_entries >= 1 && n_entries <= 3);
    for (uint32_t i = 0; i < n_entries; i++) {
        char action = *fix_field(&at, "279"), type = *fix_field(&at, "269");
        uint64_t id = strtoull(fix_field(&at, "278"), NULL, 10);
        uint32_t instrument = (uint32_t)atoi(fix_field(&at, "55") + 3);
        const char *px = fix_field(&at, "270");
        int32_t tick = atoi(px) * 100 + atoi(strchr(px, '.') + 1);
        uint32_t qty = (uint32_t)strtoul(fix_field(&at, "271"), NULL, 10);

        if (action == '0') {
            naive_enter(n, id, instrument, type == '1', tick, qty);
            continue;
        }
        CHECK_EQ(naive_live(n, id)->tick, tick);
        CHECK_EQ(naive_live(n, id)->side, type == '1');
        if (action == '1')
            naive_take(n, id, naive_live(n, id)->qty - qty);
        else
            naive_leave(n, id);
    }
    CHECK_EQ(m + n_bytes - 7 - at, 0);
    check_sum(m, n_bytes);
    return n_entries;
}

static void apply(struct naive *n, const struct rl_stream *s, uint64_t from, uint64_t to)
{
    for (uint64_t i = from; i < to; i++) {
        const struct rl_stream_rec *rec = &s->recs[i];

        CHECK(rec->offset + rec->n_bytes <= s->n_bytes && rec->n_messages == 1);
        CHECK(i == 0 || rec->ts_ns >= s->recs[i - 1].ts_ns);
        if (s->feed == RL_FEED_FIX)
            fix_apply(n, s->bytes + rec->offset, rec->n_bytes);
        else
            itch_apply(n, s->bytes + rec->offset, rec->n_bytes);
    }
}

/* --- fingerprints --- */

static uint64_t mix(uint64_t hash, uint64_t value)
{
    hash = (hash ^ value) * 0x9E3779B97F4A7C15ULL;
    return hash ^ hash >> 29;
}

static struct order *sorted_orders;

static int by_queue(const void *a, const void *b)
{
    const struct order *x = &sorted_orders[*(const uint32_t *)a];
    const struct order *y = &sorted_orders[*(const uint32_t *)b];

    if (x->instrument != y->instrument)
        return x->instrument < y->instrument ? -1 : 1;
    if (x->side != y->side)
        return x->side < y->side ? -1 : 1;
    if (x->tick != y->tick)
        return x->tick < y->tick ? -1 : 1;
    return x->place < y->place ? -1 : 1;
}

/* Every live order with its id, price, quantity and place in the queue. */
static uint64_t book_hash(const struct naive *n)
{
    uint32_t *ids = malloc((n->n_live + 1) * sizeof(*ids)), n_live = 0;
    uint64_t hash = 1;

    CHECK(ids);
    for (uint32_t id = 1; id < n->n_ids; id++) {
        if (n->orders[id].is_live)
            ids[n_live++] = id;
    }
    CHECK_EQ(n_live, n->n_live);
    sorted_orders = n->orders;
    qsort(ids, n_live, sizeof(*ids), by_queue);
    for (uint32_t i = 0; i < n_live; i++) {
        const struct order *o = &n->orders[ids[i]];

        hash = mix(mix(mix(hash, ids[i]), (uint64_t)o->tick << 32 | o->qty),
                   (uint64_t)o->instrument << 1 | o->side);
    }
    free(ids);
    return hash;
}

static uint64_t bytes_hash(const struct rl_stream *s)
{
    uint64_t hash = mix(s->n_recs, s->loop_from);

    for (uint64_t i = 0; i < s->n_bytes; i++)
        hash = mix(hash, s->bytes[i]);
    for (uint64_t i = 0; i < s->n_recs; i++)
        hash = mix(mix(hash, s->recs[i].offset), s->recs[i].ts_ns);
    return hash;
}

/* --- promises --- */

/* The naive book checks every message on its way: ids known, sizes right, books never crossed. */
static void test_a_stream_can_be_sent_again_and_again(enum rl_synth_format format)
{
    struct rl_synth_config config = config_of(format);
    struct made made = make(&config);
    const struct rl_stream *s = &made.stream;
    struct naive n;
    uint64_t hash;

    CHECK_EQ(s->framing, format == RL_SYNTH_FIX ? RL_FRAMING_FIX_STAMP : RL_FRAMING_MOLD_WRAP);
    naive_open(&n, made.stats.last_id, config.n_instruments);
    apply(&n, s, 0, s->loop_from);
    hash = book_hash(&n);
    CHECK_EQ(n.n_live, made.stats.n_prefix);
    for (int loop = 0; loop < 3; loop++) {
        apply(&n, s, s->loop_from, s->loop_from + config.n_body / 2);
        CHECK(book_hash(&n) != hash);
        apply(&n, s, s->loop_from + config.n_body / 2, s->n_recs);
        CHECK_EQ(n.n_live, made.stats.n_prefix);
        CHECK(book_hash(&n) == hash);
    }
    naive_close(&n);
    drop(&made);
}

static void test_both_formats_leave_the_same_books(void)
{
    uint64_t hashes[2];

    for (int format = 0; format < 2; format++) {
        struct rl_synth_config config = config_of((enum rl_synth_format)format);
        struct made made;
        struct naive n;

        config.n_body = 20001; /* may end within a trade */
        made = make(&config);
        naive_open(&n, made.stats.last_id, config.n_instruments);
        apply(&n, &made.stream, 0, made.stream.n_recs);
        hashes[format] = mix(book_hash(&n), made.stats.last_id);
        naive_close(&n);
        drop(&made);
    }
    CHECK(hashes[0] == hashes[1]);
}

/* Sends the records as the rig would: numbered, one message a frame. */
static void engine_apply(struct rl_feed *feed, struct rl_books *books, const struct made *made,
                         uint64_t from, uint64_t *seq)
{
    for (uint64_t i = from; i < made->stream.n_recs; i++) {
        uint8_t *m = made->bytes + made->recs[i].offset;
        struct rl_feed_cursor cursor;
        struct rl_update u;

        if (made->stream.framing == RL_FRAMING_FIX_STAMP)
            rl_stream_stamp_fix(m, made->recs[i].n_bytes, ++*seq);
        CHECK(rl_feed_open(feed, m, made->recs[i].n_bytes, &cursor));
        while (rl_feed_next(feed, &cursor, &u))
            rl_books_apply(books, &u);
    }
}

/* The engine's feed and books, which never saw this generator: no complaint, the same end each
 * time. */
static void test_the_engine_reads_both_formats_alike(void)
{
    uint64_t hashes[2];

    for (int format = 0; format < 2; format++) {
        struct rl_synth_config config = config_of((enum rl_synth_format)format);
        struct rl_feed_config feed_config = {.n_instruments = config.n_instruments};
        struct rl_books_config books_config = {.n_instruments = config.n_instruments,
                                               .n_orders = config.n_live_orders * 2,
                                               .n_levels_per_side = config.n_live_orders};
        struct made made = make(&config);
        struct rl_arena arena;
        struct rl_feed feed;
        struct rl_books books;
        const char *what = "";
        uint64_t seq = 0;

        feed_config.kind = made.stream.feed;
        CHECK_EQ(
            rl_arena_open(&arena, rl_feed_bytes(&feed_config) + rl_books_bytes(&books_config), 0),
            0);
        CHECK_EQ(rl_feed_init(&feed, &arena, &feed_config), 0);
        CHECK_EQ(rl_books_init(&books, &arena, &books_config), 0);
        engine_apply(&feed, &books, &made, 0, &seq);
        hashes[format] = rl_books_hash(&books);
        for (int loop = 0; loop < 2; loop++) {
            engine_apply(&feed, &books, &made, made.stream.loop_from, &seq);
            CHECK(rl_books_hash(&books) == hashes[format]);
        }
        CHECK_EQ(rl_books_check(&books, &what), 0);
        CHECK_EQ(books.n.unknown_ids + books.n.duplicate_ids + books.n.over_reduced +
                     books.n.orders_full + books.n.levels_full + books.n.bad_instruments +
                     books.n.bad_values + books.n.bad_ops,
                 0);
        CHECK_EQ(feed.n.bad_frames + feed.n.bad_messages + feed.n.bad_entries +
                     feed.n.level_entries + feed.n.no_instrument + feed.n.gaps + feed.n.duplicates,
                 0);
        CHECK(strcmp(rl_feed_symbol(&feed, 5), "SYN005") == 0);
        rl_arena_close(&arena);
        drop(&made);
    }
    CHECK(hashes[0] == hashes[1]);
}

static void test_a_seed_is_the_whole_stream(void)
{
    struct rl_synth_config config = config_of(RL_SYNTH_ITCH);
    struct made once = make(&config), again = make(&config), other;

    config.seed++;
    other = make(&config);
    CHECK(bytes_hash(&once.stream) == bytes_hash(&again.stream));
    CHECK(bytes_hash(&once.stream) != bytes_hash(&other.stream));
    drop(&once);
    drop(&again);
    drop(&other);
}

static void test_trades_take_the_front_of_the_best_level(void)
{
    struct rl_synth_config config = config_of(RL_SYNTH_ITCH);
    struct made made;
    struct naive n;

    config.n_body = 8000;
    made = make(&config);
    naive_open(&n, made.stats.last_id, config.n_instruments);
    n.checks_fronts = true;
    apply(&n, &made.stream, 0, made.stream.n_recs);
    CHECK(n.n_fills > 500);
    naive_close(&n);
    drop(&made);
}

static void check_share(const char *what, uint64_t n, uint64_t of, int64_t permille, int64_t within)
{
    int64_t seen = (int64_t)(1000 * n / of);

    if (seen < permille - within || seen > permille + within) {
        fprintf(stderr, "%s: %" PRId64 " permille, wanted %" PRId64 " +- %" PRId64 "\n", what, seen,
                permille, within);
        exit(1);
    }
}

static void check_near(const char *what, uint32_t seen, uint32_t wanted, uint32_t within)
{
    if (seen + within < wanted || seen > wanted + within) {
        fprintf(stderr, "%s: %u, wanted %u +- %u\n", what, seen, wanted, within);
        exit(1);
    }
}

static int rising(const void *a, const void *b)
{
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

    return x < y ? -1 : x > y;
}

/*
 * One deep book, as the calibration's. Books do not grow, so adds and removals meet in the middle:
 * 30 permille.
 */
static void test_the_stream_behaves_like_its_calibration(void)
{
    struct rl_synth_config config = config_of(RL_SYNTH_ITCH);
    struct made made;
    struct naive n;
    uint64_t n_body = config.n_body = 300000, n_parts;

    config.n_instruments = 1;
    config.n_live_orders = 11000;
    made = make(&config);
    for (int op = 0; op < RL_SYNTH_N_OPS; op++)
        check_share(rl_synth_op_name((unsigned)op), made.stats.counts[op], n_body,
                    config.weights[op], 30);
    n_parts = made.stats.counts[RL_SYNTH_EXECUTE_FULL] + made.stats.counts[RL_SYNTH_EXECUTE_PART];
    check_share("executions", n_parts, n_body, 125, 10);
    check_share("live orders, least", made.stats.n_live_min, config.n_live_orders, 1000, 80);
    check_share("live orders, most", made.stats.n_live_max, config.n_live_orders, 1000, 40);
    CHECK(made.stats.n_live_min >= 10000);

    naive_open(&n, made.stats.last_id, 1);
    apply(&n, &made.stream, 0, made.stream.loop_from);
    n.ranks = malloc(n_body * sizeof(uint32_t));
    n.ticks = malloc(n_body * sizeof(uint32_t));
    CHECK(n.ranks && n.ticks);
    apply(&n, &made.stream, made.stream.loop_from, made.stream.loop_from + n_body);
    CHECK_EQ(n.n_ranks, n_body);
    qsort(n.ranks, n_body, sizeof(uint32_t), rising);
    qsort(n.ticks, n_body, sizeof(uint32_t), rising);
    /* The capture's own: p75 9, p90 51, p95 399 of ticks; ranks lag where deep levels are empty. */
    check_near("p50 of ranks", n.ranks[n_body / 2], 0, 0);
    check_near("p75 of ranks", n.ranks[n_body * 3 / 4], 9, 3);
    check_near("p90 of ranks", n.ranks[n_body * 9 / 10], 51, 20);
    check_near("p50 of ticks", n.ticks[n_body / 2], 0, 0);
    check_near("p75 of ticks", n.ticks[n_body * 3 / 4], 9, 3);
    check_near("p90 of ticks", n.ticks[n_body * 9 / 10], 51, 20);
    check_near("p95 of ticks", n.ticks[n_body * 95 / 100], 399, 20);
    /* New orders are drawn from a table, so these shares are its own: 12 and 5 of 20. */
    check_share("adds at the best", n.n_adds_at_best, n.n_adds_tight, 600, 15);
    check_share("adds ten ticks behind it", n.n_adds_far, n.n_adds_tight, 250, 15);
    free(n.ranks);
    free(n.ticks);
    naive_close(&n);
    drop(&made);
}

static void test_prices_move_and_spreads_stay_narrow(void)
{
    struct rl_synth_config config = config_of(RL_SYNTH_ITCH);
    struct made made = make(&config), still;

    check_share("changes of a best price", made.stats.n_px_changes, config.n_body, 35, 10);
    check_share("wide spreads", made.stats.n_wide, config.n_body, 130, 80);
    config.px_change_permille = 0;
    still = make(&config);
    CHECK(still.stats.n_px_changes < made.stats.n_px_changes / 2);
    drop(&made);
    drop(&still);
}

static void test_time_follows_the_gaps(void)
{
    struct rl_synth_config config = config_of(RL_SYNTH_ITCH);
    struct made made;
    const struct rl_stream *s = &made.stream;
    uint64_t n, n_same = 0;

    config.mean_gap_ns = 1000000; /* so long that the shortest gap of the table is seen */
    made = make(&config);
    n = s->n_recs - s->loop_from;
    for (uint64_t i = s->loop_from + 1; i < s->n_recs; i++)
        n_same += s->recs[i].ts_ns == s->recs[i - 1].ts_ns;
    check_share("mean gap", s->recs[s->n_recs - 1].ts_ns - s->recs[s->loop_from].ts_ns,
                n * config.mean_gap_ns, 1000, 50);
    check_share("messages in bursts", n_same, n, 1000 * 3 / 11, 40);
    /* The message says what the record says. */
    CHECK_EQ(big_endian(s->bytes + s->recs[s->n_recs - 1].offset + 5, 6),
             s->recs[s->n_recs - 1].ts_ns);
    drop(&made);
}

static void test_itch_details_appear_as_often_as_asked(void)
{
    struct rl_synth_config config = config_of(RL_SYNTH_ITCH);
    struct made made;
    struct naive n;

    config.attributed_permille = config.priced_permille = 0;
    made = make(&config);
    naive_open(&n, made.stats.last_id, config.n_instruments);
    apply(&n, &made.stream, 0, made.stream.n_recs);
    CHECK_EQ(n.n_special, 0);
    naive_close(&n);
    drop(&made);
    config.attributed_permille = config.priced_permille = 1000;
    made = make(&config);
    naive_open(&n, made.stats.last_id, config.n_instruments);
    apply(&n, &made.stream, 0, made.stream.n_recs);
    CHECK(n.n_special > made.stats.counts[RL_SYNTH_ADD]);
    naive_close(&n);
    drop(&made);
}

static void test_a_stamped_message_stays_valid(void)
{
    static const uint64_t seqs[] = {0, 1, 9, 10, 4294967296, 9999999999, 12345678901};
    struct rl_synth_config config = config_of(RL_SYNTH_FIX);
    struct made made;
    uint64_t n_groups[4] = {0};
    struct naive n;

    config.n_body = 5000;
    made = make(&config);
    naive_open(&n, made.stats.last_id, config.n_instruments);
    for (uint64_t i = 0; i < made.stream.n_recs; i++) {
        const struct rl_stream_rec *rec = &made.stream.recs[i];
        uint8_t *m = made.bytes + rec->offset;
        uint64_t seq = seqs[i % (sizeof(seqs) / sizeof(seqs[0]))];

        CHECK_EQ(strtoull((char *)m + RL_FIX_STAMP_SEQ_AT, NULL, 10), i + 1); /* as written */
        rl_stream_stamp_fix(m, rec->n_bytes, seq);
        CHECK_EQ(strtoull((char *)m + RL_FIX_STAMP_SEQ_AT, NULL, 10), seq % 10000000000);
        n_groups[fix_apply(&n, m, rec->n_bytes)]++; /* checks the sum and the length */
    }
    CHECK(n_groups[1] > n_groups[2] && n_groups[2] > n_groups[3] && n_groups[3] > 20);
    naive_close(&n);
    drop(&made);
}

static void test_an_impossible_config_is_refused(void)
{
    static const int32_t zero[] = {0};
    struct rl_synth_config good = config_of(RL_SYNTH_ITCH), bad[9];
    struct rl_synth_sizes sizes;

    CHECK_EQ(rl_synth_sizes(&good, &sizes), 0);
    for (int i = 0; i < 9; i++)
        bad[i] = good;
    bad[0].n_instruments = 0;
    bad[1].n_instruments = RL_SYNTH_MAX_INSTRUMENTS + 1;
    bad[2].n_live_orders = 6 * 16 - 1;
    bad[3].weights[RL_SYNTH_ADD] = 0;
    bad[4].weights[RL_SYNTH_CANCEL] = 0;
    bad[5].tables[RL_SYNTH_FILLS].n = 0;
    bad[6].tables[RL_SYNTH_ORDER_QTY] = (struct rl_synth_table){zero, 1};
    bad[7].tables[RL_SYNTH_CANCEL_AGE].values = NULL;
    bad[8].px_change_permille = 1001;
    for (int i = 0; i < 9; i++)
        CHECK_EQ(rl_synth_sizes(&bad[i], &sizes), -EINVAL);
}

static void test_too_little_memory_is_an_error(void)
{
    struct rl_synth_config config = config_of(RL_SYNTH_ITCH);
    struct rl_synth_sizes sizes;
    struct rl_synth_stats stats;
    struct rl_stream stream;
    struct rl_arena arena;
    uint8_t *bytes;
    struct rl_stream_rec *recs;

    CHECK_EQ(rl_synth_sizes(&config, &sizes), 0);
    bytes = malloc(sizes.stream_bytes);
    recs = malloc(sizes.n_recs * sizeof(*recs));
    CHECK(bytes && recs);
    for (int i = 0; i < 3; i++) {
        CHECK_EQ(rl_arena_open(&arena, i ? sizes.work_bytes : sizes.work_bytes / 2, 0), 0);
        CHECK_EQ(rl_synth_write(&config, &arena, bytes, i == 1 ? 1000 : sizes.stream_bytes, recs,
                                i == 2 ? 100 : sizes.n_recs, &stream, &stats),
                 i ? -ENOSPC : -ENOMEM);
        rl_arena_close(&arena);
    }
    free(bytes);
    free(recs);
}

/* Few orders, many instruments, hostile tables: the books live on, every message stays valid. */
static void test_thin_books_survive(void)
{
    static const int32_t far[] = {INT32_MAX, 0}, nearer[] = {-INT32_MAX, -1}, many[] = {65536};
    struct rl_synth_config config = config_of(RL_SYNTH_ITCH);
    struct made made;
    struct naive n;

    config.n_instruments = MAX_INSTRUMENTS;
    config.n_live_orders = MAX_INSTRUMENTS * 16;
    config.tables[RL_SYNTH_CANCEL_AGE] = (struct rl_synth_table){far, 2};
    config.tables[RL_SYNTH_REDUCE_AGE] = (struct rl_synth_table){far, 2};
    config.tables[RL_SYNTH_ADD_TICKS_WIDE] = (struct rl_synth_table){nearer, 2};
    config.tables[RL_SYNTH_REPRICE_TO_TICKS] = (struct rl_synth_table){nearer, 2};
    config.tables[RL_SYNTH_FILLS] = (struct rl_synth_table){many, 1};
    config.weights[RL_SYNTH_EXECUTE_FULL] = 1U << 28;
    made = make(&config);
    CHECK(made.stats.counts[RL_SYNTH_EXECUTE_FULL] > config.n_body / 4);
    naive_open(&n, made.stats.last_id, config.n_instruments);
    apply(&n, &made.stream, 0, made.stream.n_recs);
    apply(&n, &made.stream, made.stream.loop_from, made.stream.n_recs);
    naive_close(&n);
    drop(&made);
}

int main(void)
{
    test_a_stream_can_be_sent_again_and_again(RL_SYNTH_ITCH);
    test_a_stream_can_be_sent_again_and_again(RL_SYNTH_FIX);
    test_both_formats_leave_the_same_books();
    test_the_engine_reads_both_formats_alike();
    test_a_seed_is_the_whole_stream();
    test_trades_take_the_front_of_the_best_level();
    test_the_stream_behaves_like_its_calibration();
    test_prices_move_and_spreads_stay_narrow();
    test_time_follows_the_gaps();
    test_itch_details_appear_as_often_as_asked();
    test_a_stamped_message_stays_valid();
    test_an_impossible_config_is_refused();
    test_too_little_memory_is_an_error();
    test_thin_books_survive();
    return 0;
}
