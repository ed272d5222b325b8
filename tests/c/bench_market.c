/*
 * What reading the market costs: FIX parsing on varied messages, ITCH decoding, decoding into
 * books.
 *
 * usage: bench_market [CPU]
 *
 * Each stream is replayed N_REPLAYS times in chunks of CHUNK messages between two fenced clock
 * reads; "fastest" is the mean over chunks of each chunk's fastest replay, "median" that of the
 * median one (as found). The answer is a hash of everything that was read: equal answers did equal
 * work. FIX messages are framed, verified, split into fields, and the fields that an engine asks
 * for are converted. Captures that are not there are left out, by name.
 */
#include <string.h>

#include "base/clock.h"
#include "base/cpu.h"
#include "base/mem.h"
#include "capture.h"
#include "market/book/book.h"
#include "market/feed/feed.h"
#include "market/replay/replay.h"

enum { CHUNK = 1000, N_REPLAYS = 9, MAX_CHUNKS = 1100 };

static struct rl_clock clock_now;
static uint64_t ticks[MAX_CHUNKS][N_REPLAYS];

struct input {
    const char *name;
    struct capture c;
    struct rl_stream_rec *recs;
    uint64_t n;
};

/* One row: reads the records [from, to) and folds what it read into the answer. */
struct row {
    const char *title;
    const char *file;
    void (*start)(void);
    uint64_t (*run)(const struct input *in, uint64_t from, uint64_t to, uint64_t answer);
    uint64_t (*answer)(uint64_t answer); /* NULL: as it is */
};

static inline uint64_t fold(uint64_t answer, uint64_t v)
{
    return (answer ^ v) * 0x9E3779B97F4A7C15ULL;
}

/* --- FIX -------------------------------------------------------------------------------------- */

static struct rl_fix_field fields[RL_FIX_MAX_FIELDS];
static struct rl_fix_msg msg;

static void fix_start(void)
{
    rl_fix_init(&msg, fields, RL_FIX_MAX_FIELDS);
}

static uint64_t fix_run(const struct input *in, uint64_t from, uint64_t to, uint64_t answer)
{
    for (uint64_t i = from; i < to; i++) {
        uint64_t v;
        int64_t px;

        if (rl_fix_parse(&msg, in->c.bytes + in->recs[i].offset, in->recs[i].n_bytes) != RL_FIX_OK)
            abort();
        for (uint32_t k = 2; k < msg.n_fields; k++) {
            switch (fields[k].tag) {
            case 34:
            case 38:
            case 32:
            case 14:
            case 151:
            case 268:
            case 271:
            case 346:
                answer = fold(answer, rl_fix_uint(&msg, &fields[k], &v) ? v : 0);
                break;
            case 44:
            case 31:
            case 6:
            case 270:
                answer = fold(answer, rl_fix_px(&msg, &fields[k], &px) ? (uint64_t)px : 0);
                break;
            case 54:
            case 40:
            case 59:
            case 39:
            case 150:
            case 269:
            case 279:
                answer = fold(answer, rl_fix_char(&msg, &fields[k]));
                break;
            default:
                break;
            }
        }
    }
    return answer;
}

static uint64_t sum_run(const struct input *in, uint64_t from, uint64_t to, uint64_t answer)
{
    for (uint64_t i = from; i < to; i++)
        answer = fold(answer, rl_fix_sum(in->c.bytes + in->recs[i].offset, in->recs[i].n_bytes));
    return answer;
}

/* --- ITCH and DBN ----------------------------------------------------------------------------- */

static struct rl_arena arena;
static struct rl_books books;
static struct rl_feed feed;

static void start_books(enum rl_feed_kind kind)
{
    struct rl_books_config books_config = {
        .n_instruments = 256, .n_orders = 1u << 17, .n_levels_per_side = 1u << 12};
    struct rl_feed_config feed_config = {.kind = kind, .n_instruments = 256};

    rl_arena_close(&arena);
    CHECK_EQ(rl_arena_open(&arena, rl_books_bytes(&books_config) + rl_feed_bytes(&feed_config),
                           RL_ARENA_ALL),
             0);
    CHECK_EQ(rl_books_init(&books, &arena, &books_config), 0);
    CHECK_EQ(rl_feed_init(&feed, &arena, &feed_config), 0);
}

static void itch_start(void)
{
    start_books(RL_FEED_ITCH);
}

static void dbn_start(void)
{
    start_books(RL_FEED_DBN);
}

static uint64_t itch_decode_run(const struct input *in, uint64_t from, uint64_t to, uint64_t answer)
{
    struct rl_update u = {0};

    for (uint64_t i = from; i < to; i++) {
        if (!rl_itch_decode(in->c.bytes + in->recs[i].offset, in->recs[i].n_bytes, &u))
            abort();
        if (u.op != RL_OP_NONE)
            answer = fold(answer, u.id + u.op);
    }
    return answer;
}

static uint64_t feed_run(const struct input *in, uint64_t from, uint64_t to, uint64_t answer)
{
    struct rl_feed_cursor c;
    struct rl_update u;

    for (uint64_t i = from; i < to; i++)
        if (rl_feed_open(&feed, in->c.bytes + in->recs[i].offset, in->recs[i].n_bytes, &c))
            while (rl_feed_next(&feed, &c, &u))
                answer = fold(answer, u.op);
    return answer;
}

static uint64_t books_run(const struct input *in, uint64_t from, uint64_t to, uint64_t answer)
{
    struct rl_feed_cursor c;
    struct rl_update u;

    for (uint64_t i = from; i < to; i++)
        if (rl_feed_open(&feed, in->c.bytes + in->recs[i].offset, in->recs[i].n_bytes, &c))
            while (rl_feed_next(&feed, &c, &u))
                answer += rl_books_apply(&books, &u);
    return answer;
}

static uint64_t books_answer(uint64_t answer)
{
    return fold(answer, rl_books_hash(&books));
}

/* --- measuring -------------------------------------------------------------------------------- */

static bool input_open(struct input *in, const char *name)
{
    struct rl_replay_error error;
    char path[PATH_MAX];

    snprintf(path, sizeof path, "%s/../shared/data/%s", RL_SOURCE_DIR, name);
    if (access(path, R_OK) != 0 && !getenv("REDLINE_DATA")) {
        printf("%-34s left out: not in ../shared/data\n", name);
        return false;
    }
    in->name = name;
    in->c = capture_read(name);
    CHECK_EQ(rl_replay_index(rl_replay_guess(in->c.bytes, in->c.n_bytes), in->c.bytes,
                             in->c.n_bytes, NULL, 0, &in->n, &error),
             0);
    in->recs = calloc(in->n, sizeof *in->recs);
    CHECK(in->recs != NULL);
    return rl_replay_index(rl_replay_guess(in->c.bytes, in->c.n_bytes), in->c.bytes, in->c.n_bytes,
                           in->recs, in->n, &in->n, &error) == 0;
}

static int by_size(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

    return (x > y) - (x < y);
}

static void measure(const struct row *row, const struct input *in)
{
    uint64_t n_chunks = (in->n + CHUNK - 1) / CHUNK, fastest = 0, median = 0, first_answer = 0;

    CHECK(n_chunks <= MAX_CHUNKS);
    for (unsigned r = 0; r < N_REPLAYS; r++) {
        uint64_t answer = 0;

        row->start();
        for (uint64_t k = 0; k < n_chunks; k++) {
            uint64_t from = k * CHUNK, to = from + CHUNK < in->n ? from + CHUNK : in->n;
            uint64_t begin = rl_tsc_begin();

            answer = row->run(in, from, to, answer);
            ticks[k][r] = rl_tsc_end() - begin;
        }
        answer = row->answer ? row->answer(answer) : answer;
        CHECK(r == 0 || answer == first_answer);
        first_answer = answer;
    }
    for (uint64_t k = 0; k < n_chunks; k++) {
        qsort(ticks[k], N_REPLAYS, sizeof ticks[k][0], by_size);
        fastest += ticks[k][0];
        median += ticks[k][N_REPLAYS / 2];
    }
    printf("%-34s %-32s %8.1f %8.1f  %016" PRIx64 "\n", row->title, in->name,
           (double)rl_ticks_to_ns(&clock_now, fastest) / (double)in->n,
           (double)rl_ticks_to_ns(&clock_now, median) / (double)in->n, first_answer);
}

int main(int argc, char **argv)
{
    static const struct row rows[] = {
        {"fix parse + values", "fix/nos_1k.fix", fix_start, fix_run, NULL},
        {"fix checksum alone", "fix/nos_1k.fix", fix_start, sum_run, NULL},
        {"fix parse + values", "fix/er_1k.fix", fix_start, fix_run, NULL},
        {"fix parse + values", "fix/mdi_1k.fix", fix_start, fix_run, NULL},
        {"fix checksum alone", "fix/mdi_1k.fix", fix_start, sum_run, NULL},
        {"fix parse + values", "fix/fixt11-marketdata.fix", fix_start, fix_run, NULL},
        {"itch decode", "itch/itch50-1m.bin.zst", itch_start, itch_decode_run, NULL},
        {"itch feed", "itch/itch50-1m.bin.zst", itch_start, feed_run, NULL},
        {"itch feed + L3 books", "itch/itch50-1m.bin.zst", itch_start, books_run, books_answer},
        {"dbn feed + L3 book", "l3/esh4-20231225.mbo.dbn.zst", dbn_start, books_run, books_answer},
    };
    struct input in = {0};
    int64_t disagree_ppb;

    if (argc > 1)
        CHECK_EQ(rl_cpu_pin(atoi(argv[1])), 0);
    CHECK_EQ(rl_clock_calibrate(&clock_now, 50000000, &disagree_ppb), 0);
    printf("%-34s %-32s %8s %8s  %s\n", "ns a message", "input", "fastest", "median", "answer");
    for (unsigned i = 0; i < RL_COUNT(rows); i++) {
        if (!in.name || strcmp(in.name, rows[i].file) != 0) {
            free(in.c.bytes);
            free(in.recs);
            in = (struct input){0};
            if (!input_open(&in, rows[i].file))
                continue;
        }
        measure(&rows[i], &in);
    }
    return 0;
}
