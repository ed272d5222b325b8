/*
 * FIX logs of an exchange and of a generator: every message parses, and is written again the same.
 */
#include "capture.h"

#include "base/mem.h"
#include "market/book/book.h"
#include "market/feed/feed.h"
#include "market/fix/group.h"
#include "market/replay/replay.h"

struct log {
    struct capture c;
    struct rl_stream_rec *recs;
    uint64_t n;
};

static struct log read_log(const char *name)
{
    struct log log = {.c = capture_read(name)};
    struct rl_replay_error error;

    CHECK_EQ(rl_replay_guess(log.c.bytes, log.c.n_bytes), RL_SOURCE_FIX_LOG);
    if (rl_replay_index(RL_SOURCE_FIX_LOG, log.c.bytes, log.c.n_bytes, NULL, 0, &log.n, &error)) {
        fprintf(stderr, "%s: %s at %" PRIu64 "\n", name, error.what, error.offset);
        exit(1);
    }
    log.recs = calloc(log.n, sizeof *log.recs);
    CHECK(log.recs != NULL);
    CHECK_EQ(rl_replay_index(RL_SOURCE_FIX_LOG, log.c.bytes, log.c.n_bytes, log.recs, log.n, &log.n,
                             &error),
             0);
    return log;
}

static void log_free(struct log *log)
{
    free(log->recs);
    free(log->c.bytes);
}

/*
 * Every message, on every path, again through the general encoder: byte for byte what the log has.
 */
static void check_written_again(const struct log *log)
{
    static struct rl_fix_field fields[RL_FIX_MAX_FIELDS], scalar[RL_FIX_MAX_FIELDS];
    static uint8_t out[1 << 16];
    struct rl_fix_msg m, plain;

    for (uint64_t i = 0; i < log->n; i++) {
        const uint8_t *bytes = log->c.bytes + log->recs[i].offset;
        char begin[20] = "";
        struct rl_fix_enc e;

        rl_fix_init(&plain, scalar, RL_FIX_MAX_FIELDS);
        CHECK_EQ(rl_fix_use(RL_FIX_SCALAR), 0);
        CHECK_EQ(rl_fix_parse(&plain, bytes, log->recs[i].n_bytes), RL_FIX_OK);
        for (enum rl_fix_path path = RL_FIX_SSE2; path < RL_FIX_N_PATHS; path++) {
            if (rl_fix_use(path) != 0)
                continue;
            rl_fix_init(&m, fields, RL_FIX_MAX_FIELDS);
            CHECK_EQ(rl_fix_parse(&m, bytes, log->recs[i].n_bytes), RL_FIX_OK);
            CHECK_EQ(m.n_fields, plain.n_fields);
            CHECK_EQ(m.type, plain.type);
            CHECK(memcmp(fields, scalar, m.n_fields * sizeof fields[0]) == 0);
        }
        memcpy(begin, rl_fix_value(&m, &fields[0]), fields[0].len);
        rl_fix_begin(&e, out, sizeof out, begin);
        for (uint32_t k = 2; k + 1 < m.n_fields; k++)
            rl_fix_put(&e, fields[k].tag, rl_fix_value(&m, &fields[k]), fields[k].len);
        CHECK_EQ(rl_fix_finish(&e), log->recs[i].n_bytes);
        CHECK(memcmp(out, bytes, log->recs[i].n_bytes) == 0);
    }
}

/* All through the feed; the books are whole afterwards. */
static struct rl_feed_counters play(const struct log *log, uint64_t *n_orders)
{
    static struct rl_feed feed;
    struct rl_books_config books_config = {
        .n_instruments = 1000, .n_orders = 10000, .n_levels_per_side = 1000};
    struct rl_feed_config feed_config = {.kind = RL_FEED_FIX, .n_instruments = 1000};
    struct rl_books books;
    struct rl_arena arena;

    CHECK_EQ(rl_arena_open(&arena, rl_books_bytes(&books_config) + rl_feed_bytes(&feed_config), 0),
             0);
    CHECK_EQ(rl_books_init(&books, &arena, &books_config), 0);
    CHECK_EQ(rl_feed_init(&feed, &arena, &feed_config), 0);
    for (uint64_t i = 0; i < log->n; i++) {
        struct rl_feed_cursor cursor;
        struct rl_update u;

        if (rl_feed_open(&feed, log->c.bytes + log->recs[i].offset, log->recs[i].n_bytes, &cursor))
            while (rl_feed_next(&feed, &cursor, &u))
                rl_books_apply(&books, &u);
    }
    CHECK_EQ(rl_books_check(&books, NULL), 0);
    *n_orders = books.n_orders;
    rl_arena_close(&arena);
    return feed.n;
}

/* Groups of one to three entries, each to its end, and nothing behind the last one. */
static void check_groups(const struct rl_fix_msg *m)
{
    static const uint32_t tags[] = {279, 55, 269, 270, 271, 451, 273, 83, 58};
    static const struct rl_fix_group_spec entries = {
        .count_tag = RL_FIX_NoMDEntries, .tags = tags, .n_tags = RL_COUNT(tags)};
    const struct rl_fix_field *count = rl_fix_find(m, RL_FIX_NoMDEntries, 3);
    struct rl_fix_entry entry = {0};
    struct rl_fix_group g;
    uint32_t n = 0;

    if (!count)
        return;
    CHECK(rl_fix_group_open(&g, m, (uint32_t)(count - m->fields), m->n_fields - 1, &entries));
    while (rl_fix_group_next(&g, &entry)) {
        CHECK(rl_fix_entry_find(m, &entry, RL_FIX_Symbol) != NULL);
        n++;
    }
    CHECK_EQ(g.result, RL_FIX_OK);
    CHECK_EQ(entry.to, m->n_fields - 1);
    CHECK(n >= 1 && n <= 3 && n == g.n_entries);
}

static void test_an_exchange_log_has_its_messages_its_repeats_and_no_loss(void)
{
    struct log log = read_log("fix/fixt11-marketdata.fix");
    static struct rl_fix_field fields[RL_FIX_MAX_FIELDS];
    uint64_t n_x = 0, n_0 = 0, n_px = 0, n_orders;
    struct rl_feed_counters n;
    struct rl_fix_msg m;

    CHECK_EQ(log.n, 13888);
    rl_fix_init(&m, fields, RL_FIX_MAX_FIELDS);
    for (uint64_t i = 0; i < log.n; i++) {
        CHECK_EQ(rl_fix_parse(&m, log.c.bytes + log.recs[i].offset, log.recs[i].n_bytes),
                 RL_FIX_OK);
        CHECK(log.recs[i].ts_ns > 1322000000000000000ULL);
        n_x += m.type == RL_FIX_TYPE1('X');
        n_0 += m.type == RL_FIX_TYPE1('0');
        check_groups(&m);
        for (uint32_t k = 0; k < m.n_fields; k++) {
            int64_t px;

            if (fields[k].tag != RL_FIX_MDEntryPx && fields[k].tag != 451)
                continue;
            CHECK(rl_fix_px(&m, &fields[k], &px)); /* 40707.160000000006 and the like */
            CHECK_EQ(px % 10000000, 0);            /* cents, once rounded */
            n_px++;
        }
    }
    CHECK_EQ(n_x, 11365);
    CHECK_EQ(n_0, 2523);
    CHECK_EQ(n_px, 14295 + 14285);
    n = play(&log, &n_orders);
    CHECK_EQ(n.duplicates, 13);
    CHECK_EQ(n.lost, 0);
    CHECK_EQ(n.gaps, 0);
    CHECK_EQ(n.messages, 13888 - 13);
    CHECK_EQ(n.heartbeats, 2523);
    CHECK_EQ(n.unsequenced, 2523);
    CHECK_EQ(n.bad_frames + n.bad_messages + n.bad_entries, 0);
    CHECK_EQ(n.other_entries, n.entries); /* index values: neither bid nor offer */
    CHECK_EQ(n_orders, 0);
    check_written_again(&log);
    log_free(&log);
}

static void test_generated_orders_reports_and_quotes_parse_and_are_written_again(void)
{
    static const char *const names[] = {"fix/nos_1k.fix", "fix/er_1k.fix", "fix/mdi_1k.fix"};

    for (uint32_t i = 0; i < RL_COUNT(names); i++) {
        struct log log = read_log(names[i]);
        struct rl_feed_counters n;
        uint64_t n_orders;

        CHECK_EQ(log.n, 1000);
        check_written_again(&log);
        n = play(&log, &n_orders);
        CHECK_EQ(n.messages, 1000);
        CHECK_EQ(n.lost + n.duplicates + n.bad_frames + n.bad_messages + n.bad_entries, 0);
        CHECK_EQ(n.entries, i == 2 ? 4000 : 0);
        CHECK_EQ(n.level_entries, 0); /* all have an id of eight characters */
        CHECK(i != 2 || n_orders > 1000);
        log_free(&log);
    }
}

int main(void)
{
    test_an_exchange_log_has_its_messages_its_repeats_and_no_loss();
    test_generated_orders_reports_and_quotes_parse_and_are_written_again();
    return 0;
}
