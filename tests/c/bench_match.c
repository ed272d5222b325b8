/*
 * What matching costs, on the mix of requests by which exchanges are compared: about 1,000 live
 * orders on some 750 prices, 82 % moves, 9 % new orders, 6 % cancels, 3 % orders that take what is
 * there at once. Orders come in around the last price, rather near than far, and each move takes
 * one a hundredth of its way there.
 *
 *     bench_match [--json] [--requests FILE] [requests [live orders [price deviation]]]
 *
 * The requests are made beforehand by a market that is matched itself, so that each finds its
 * order; an id stays through moves, or each move gives a new one (`renamed`). Runs over the same
 * requests, from an empty book:
 *   match   rl_match_take; events to a sink that counts them
 *   ahead   the same, when the next four requests are known, as they are in a burst
 *   floor   the books get the updates that came of the requests, and nothing else is done
 *   timed   as match, with a fenced pair of clock reads around each request, which stays in
 * Figures are ns a request: the mean of all, and of chunks of 1,000 the median and the fastest. The
 * first tenth is not counted. Nothing fails on a clock; hashes are compared: the books after match
 * and floor, and both with slow_match.h as far as it came in reasonable time. --requests writes
 * those with the same id to a file, for another program, and ends.
 */
#include "base/clock.h"
#include "base/hist.h"
#include "bench_report.h"
#include "slow_match_take.h"

enum { CHUNK = 1000, AHEAD = 4, N_SLOW = 50000, CENTRE = 1000000, MOST_LIVE = 1 << 16 };
#define TICK_NANO 10000000LL /* 0.01 */

enum kind { MOVE, NEW, CANCEL, TAKE, N_KINDS };
static const char *const kind_names[] = {"move", "new", "cancel", "take"};

/* A request as it is kept; a chunk of them is written out before it is timed. */
struct compact {
    uint64_t id, new_id;
    int64_t px_nano;
    uint32_t qty;
    uint8_t kind, side;
    uint16_t owner;
};

static struct rl_clock hertz;
static struct rl_arena arena;
static struct rl_match m;
static struct compact *requests;
static struct rl_update *updates;
static uint64_t n_requests, n_updates, *update_ends; /* the updates of each request */
static uint64_t n_told;
static struct slow_match slow;
static const char *input; /* what the requests are called */

static double ns(double ticks)
{
    return ticks * 1e9 / (double)hertz.tsc_hz;
}

static struct rl_match_config config_of(uint32_t n_live)
{
    return (struct rl_match_config){.n_instruments = 1,
                                    .n_orders = 4 * n_live,
                                    .n_levels_per_side = 4 * n_live,
                                    .n_owners = 1000,
                                    .n_trades = 4096,
                                    .tick_nano = TICK_NANO,
                                    .seed = 1};
}

/* --- the market that makes the requests ------------------------------------------------------- */

static struct {
    uint64_t random, next_id;
    uint32_t n_live;
    int64_t last; /* in ticks, like all prices here */
    struct {
        uint64_t id;
        int64_t px;
        uint16_t owner;
        uint8_t side;
    } live[MOST_LIVE];
    uint32_t *places; /* of an id in `live`, plus 1 */
} market;

static uint64_t below(uint64_t n)
{
    return check_random(&market.random) % n;
}

static void forget(uint64_t id)
{
    uint32_t at = market.places[id];

    if (at == 0)
        return;
    market.live[at - 1] = market.live[--market.n_live];
    market.places[market.live[at - 1].id] = at;
    market.places[id] = 0;
}

static void learn(void *context, const struct rl_match_event *events, uint32_t n)
{
    (void)context;
    for (uint32_t i = 0; i < n; i++) {
        const struct rl_match_event *e = &events[i];
        struct rl_update *u = &updates[n_updates];

        if (e->kind == RL_MATCH_EVENT_FILL)
            market.last = e->px_nano / TICK_NANO;
        if (e->kind == RL_MATCH_EVENT_RESTED && market.places[e->id] == 0) {
            market.live[market.n_live].id = e->id;
            market.live[market.n_live].px = e->px_nano / TICK_NANO;
            market.live[market.n_live].side = e->side;
            market.live[market.n_live].owner = (uint16_t)e->owner;
            market.places[e->id] = ++market.n_live;
        }
        if (e->leaves == 0)
            forget(e->id);
        if (e->shown_before == 0 && e->shown == 0)
            continue;
        *u = (struct rl_update){.id = e->id,
                                .new_id = e->id,
                                .px_nano = e->px_nano,
                                .qty = e->shown,
                                .side = e->side,
                                .op = RL_OP_ADD};
        if (e->kind == RL_MATCH_EVENT_REPLACED) {
            u->id = e->other_id;
            u->op = e->shown > 0 ? RL_OP_REPLACE : RL_OP_DELETE;
        } else if (e->shown_before > 0) {
            u->op = e->shown > 0 ? RL_OP_REDUCE : RL_OP_DELETE;
            u->qty = e->shown_before - e->shown;
        }
        n_updates++;
    }
}

/* The sum of four draws, folded to the order's own side of the last price. */
static int64_t price_around(unsigned side, uint64_t deviation)
{
    uint64_t x = below(1u << 16), wide = 1 + (x * x >> 16) * deviation / (1u << 16);
    int64_t p = 0;

    for (int i = 0; i < 4; i++)
        p += (int64_t)below(wide);
    p = p / 4 * 2 - (int64_t)wide;
    p = p < 0 ? -p : p;
    return side == RL_SELL ? market.last + p : market.last - p;
}

static struct compact any_request(uint32_t n_wanted, uint64_t deviation, bool renames)
{
    uint64_t draw = below(100);
    struct compact c = {.id = market.next_id++,
                        .qty = (uint32_t)(1 + below(6) * below(6) * below(6)),
                        .side = (uint8_t)below(2),
                        .owner = (uint16_t)below(1000)};
    bool grows = market.n_live < n_wanted;

    /* New orders come when some are missing, twice as often as on the average. */
    if (market.n_live < n_wanted / 2 || (grows && draw < 20)) {
        c.kind = NEW;
        c.px_nano = price_around(c.side, deviation) * TICK_NANO;
    } else if (below(91) < 3) {
        c.kind = TAKE;
        c.px_nano = (c.side == RL_BUY ? 2 : 0) * (int64_t)CENTRE * TICK_NANO;
    } else {
        uint32_t at = (uint32_t)below(market.n_live);
        int64_t px = market.live[at].px, by = (market.last - px) / 100;

        c.kind = below(88) < 6 ? CANCEL : MOVE;
        c.id = market.live[at].id;
        c.side = market.live[at].side;
        c.owner = market.live[at].owner;
        if (by == 0)
            by = market.last > px ? 1 : market.last < px ? -1 : (int64_t)below(2) * 2 - 1;
        c.px_nano = (px + by) * TICK_NANO;
        c.new_id = c.kind == MOVE && renames ? market.next_id++ : c.id;
        if (c.kind == MOVE) {
            market.live[at].px += by;
            market.places[c.id] = 0;
            market.live[at].id = c.new_id;
            market.places[c.new_id] = at + 1;
        }
    }
    return c;
}

/* --- a request, written out ------------------------------------------------------------------- */

static inline void expand(const struct compact *c, struct rl_match_request *r)
{
    static const uint8_t ops[N_KINDS] = {RL_MATCH_REPLACE, RL_MATCH_NEW, RL_MATCH_CANCEL,
                                         RL_MATCH_NEW};

    r->id = c->id;
    r->new_id = c->new_id;
    r->user = c->id;
    r->px_nano = c->px_nano;
    r->qty = c->qty;
    r->owner = c->owner;
    r->side = c->side;
    r->op = ops[c->kind];
    r->tif = c->kind == TAKE ? RL_MATCH_IOC : RL_MATCH_GTC;
}

static void count_events(void *context, const struct rl_match_event *events, uint32_t n)
{
    (void)context;
    (void)events;
    n_told += n;
}

static void open_match(uint32_t n_live,
                       void (*told)(void *, const struct rl_match_event *, uint32_t))
{
    struct rl_match_config config = config_of(n_live);
    struct rl_match_sink sink = {told, NULL};

    CHECK_EQ(rl_arena_open(&arena, rl_match_bytes(&config), RL_ARENA_ALL), 0);
    CHECK_EQ(rl_match_init(&m, &arena, &config, sink), 0);
}

static void make_requests(uint32_t n_live, uint64_t deviation, bool renames)
{
    struct rl_match_request r = {0};
    uint64_t n_levels = 0, n_orders = 0, n_kinds[N_KINDS] = {0};

    memset(market.places, 0, (2 * n_requests + 2) * sizeof *market.places);
    market.random = 0x5EED;
    market.next_id = 1;
    market.n_live = 0;
    market.last = CENTRE;
    n_updates = 0;
    open_match(n_live, learn);
    for (uint64_t i = 0; i < n_requests; i++) {
        requests[i] = any_request(n_live, deviation, renames);
        n_kinds[requests[i].kind]++;
        expand(&requests[i], &r);
        rl_match_take(&m, &r, i);
        update_ends[i] = n_updates;
        n_levels += m.books.n_levels;
        n_orders += m.books.n_orders;
    }
    input = renames ? "renamed" : "same id";
    printf("%s: %" PRIu64 " requests (", input, n_requests);
    for (int k = 0; k < N_KINDS; k++)
        printf("%s%s %.1f %%", k ? ", " : "", kind_names[k],
               100.0 * (double)n_kinds[k] / (double)n_requests);
    printf("), %.0f live orders on %.0f prices, %.2f events and %.2f trades a request\n",
           (double)n_orders / (double)n_requests, (double)n_levels / (double)n_requests,
           (double)m.seq / (double)n_requests, (double)m.n_matches / (double)n_requests);
    rl_arena_close(&arena);
}

static int save_requests(const char *file)
{
    FILE *f = fopen(file, "wb");

    CHECK(f != NULL);
    CHECK_EQ(fwrite(requests, sizeof *requests, n_requests, f), n_requests);
    CHECK_EQ(fclose(f), 0);
    return 0;
}

/* --- runs ------------------------------------------------------------------------------------- */

static int compare(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

    return (x > y) - (x < y);
}

static void print_chunks(const char *name, uint64_t *chunks, uint64_t n)
{
    uint64_t sum = 0;

    for (uint64_t i = 0; i < n; i++)
        sum += chunks[i];
    report_row(name, input, ns((double)sum) / (double)n / CHUNK, n * CHUNK);
    report_chunks(chunks, n, CHUNK);
    report_end();
    qsort(chunks, n, sizeof *chunks, compare);
    printf("  %-6s mean %6.2f  median %6.2f  fastest %6.2f ns   %6.2f M/s\n", name,
           ns((double)sum) / (double)n / CHUNK, ns((double)chunks[n / 2]) / CHUNK,
           ns((double)chunks[0]) / CHUNK, 1e3 * (double)n * CHUNK / ns((double)sum));
}

/* Each as it comes, or with the next ones in hand, so that what they need can be fetched. */
static uint64_t run_match(uint32_t n_live, uint64_t *chunks, uint64_t *hash, bool looks_ahead)
{
    static struct rl_match_request chunk[CHUNK + AHEAD];
    uint64_t n = 0, books, warm = n_requests / 10;

    open_match(n_live, count_events);
    report_from();
    for (uint64_t at = 0; at + CHUNK <= n_requests; at += CHUNK) {
        uint64_t begin;

        for (uint64_t i = 0; i < CHUNK; i++)
            expand(&requests[at + i], &chunk[i]);
        begin = rl_tsc_begin();
        for (uint64_t i = 0; i < CHUNK; i++) {
            if (looks_ahead) {
                rl_match_prefetch(&m, chunk[i + AHEAD].id);
                rl_match_prefetch_level(&m, chunk[i + AHEAD / 2].id);
            }
            rl_match_take(&m, &chunk[i], at + i);
        }
        chunks[n] = rl_tsc_end() - begin;
        report_chunk();
        n += at >= warm;
    }
    print_chunks(looks_ahead ? "ahead" : "match", chunks, n);
    books = rl_books_hash(&m.books);
    *hash = rl_match_hash(&m);
    rl_arena_close(&arena);
    return books;
}

static uint64_t run_floor(uint32_t n_live, uint64_t *chunks)
{
    struct rl_books books;
    struct rl_match_config c = config_of(n_live);
    struct rl_books_config config = {.n_instruments = 1,
                                     .n_orders = c.n_orders,
                                     .n_levels_per_side = c.n_levels_per_side,
                                     .seed = 1};
    uint64_t n = 0, hash, warm = n_requests / 10;

    CHECK_EQ(rl_arena_open(&arena, rl_books_bytes(&config), RL_ARENA_ALL), 0);
    CHECK_EQ(rl_books_init(&books, &arena, &config), 0);
    report_from();
    for (uint64_t at = 0; at + CHUNK <= n_requests; at += CHUNK) {
        uint64_t u = at > 0 ? update_ends[at - 1] : 0, end = update_ends[at + CHUNK - 1];
        uint64_t begin = rl_tsc_begin();

        for (; u < end; u++)
            rl_books_apply(&books, &updates[u]);
        chunks[n] = rl_tsc_end() - begin;
        report_chunk();
        n += at >= warm;
    }
    print_chunks("floor", chunks, n);
    hash = rl_books_hash(&books);
    rl_arena_close(&arena);
    return hash;
}

static void run_timed(uint32_t n_live)
{
    static uint64_t counts[N_KINDS + 1][RL_HIST_N_COUNTS];
    struct rl_hist hists[N_KINDS + 1];
    struct rl_match_request r = {0};

    for (int k = 0; k <= N_KINDS; k++)
        CHECK_EQ(
            rl_hist_init(&hists[k], RL_HIST_HIGHEST, RL_HIST_DIGITS, counts[k], sizeof counts[k]),
            0);
    open_match(n_live, count_events);
    for (uint64_t i = 0; i < n_requests; i++) {
        uint64_t begin, end, empty = rl_tsc_begin();

        end = rl_tsc_end();
        expand(&requests[i], &r);
        if (i >= n_requests / 10)
            rl_hist_record(&hists[N_KINDS], end - empty);
        begin = rl_tsc_begin();
        rl_match_take(&m, &r, i);
        end = rl_tsc_end();
        if (i >= n_requests / 10)
            rl_hist_record(&hists[requests[i].kind], end - begin);
    }
    for (int k = 0; k <= N_KINDS; k++) {
        report_row(k < N_KINDS ? kind_names[k] : "pair", input, 0, hists[k].n_total);
        report_hist(&hists[k], ns(1));
        report_end();
        printf("  timed  %-6s n %8" PRIu64 "  p50 %6.0f  p99 %6.0f  p99.9 %6.0f  max %8.0f ns\n",
               k < N_KINDS ? kind_names[k] : "(pair)", hists[k].n_total,
               ns((double)rl_hist_percentile(&hists[k], 50)),
               ns((double)rl_hist_percentile(&hists[k], 99)),
               ns((double)rl_hist_percentile(&hists[k], 99.9)), ns((double)hists[k].max));
    }
    rl_arena_close(&arena);
}

/* Matching and the slow reference, request by request; how many it was. */
static uint64_t compare_slow(uint32_t n_live)
{
    struct rl_match_config config = config_of(n_live);
    struct rl_match_request r = {0};
    uint64_t i = 0, n = n_requests < N_SLOW ? n_requests : N_SLOW;

    open_match(n_live, NULL);
    config.n_stops = config.n_orders;
    slow_init(&slow, &config, SLOW_RIGHT);
    for (; i < n; i++) {
        expand(&requests[i], &r);
        rl_match_take(&m, &r, i);
        slow_take(&slow, &r, i);
        if (slow.seq != m.seq || slow.n_matches != m.n_matches)
            break;
    }
    if (i == n && slow_books_hash(&slow) != rl_books_hash(&m.books))
        i = 0;
    slow_fini(&slow);
    rl_arena_close(&arena);
    return i == n ? n : 0;
}

int main(int argc, char **argv)
{
    const char *file;
    uint32_t n_live;
    uint64_t deviation, *chunks;
    int64_t disagree_ppb;

    report_options(&argc, argv);
    file = report_option(&argc, argv, "--requests");
    n_live = argc > 2 ? (uint32_t)strtoul(argv[2], NULL, 0) : 1000;
    deviation = argc > 3 ? strtoull(argv[3], NULL, 0) : 3000;
    n_requests = argc > 1 ? strtoull(argv[1], NULL, 0) : 1000000;
    n_requests = n_requests / CHUNK * CHUNK;
    CHECK(n_requests >= CHUNK && n_live > 0 && n_live < MOST_LIVE);
    requests = calloc(n_requests, sizeof *requests);
    updates = aligned_alloc(RL_CACHE_LINE, 8 * n_requests * sizeof *updates);
    update_ends = calloc(n_requests, sizeof *update_ends);
    chunks = calloc(n_requests / CHUNK + 1, sizeof *chunks);
    market.places = calloc(2 * n_requests + 2, sizeof *market.places);
    CHECK(requests && updates && update_ends && chunks && market.places);
    CHECK_EQ(rl_clock_calibrate(&hertz, 50000000, &disagree_ppb), 0);
    report_clock(&hertz);
    for (int renames = 0; renames < 2; renames++) {
        uint64_t hash, again, matched, floor, n_slow;

        make_requests(n_live, deviation, renames);
        if (file != NULL)
            return save_requests(file);
        matched = run_match(n_live, chunks, &hash, false);
        run_match(n_live, chunks, &again, true);
        floor = run_floor(n_live, chunks);
        run_timed(n_live);
        n_slow = compare_slow(n_live);
        printf("  hash %016" PRIx64 " of events%s, %016" PRIx64 " of the books%s; %" PRIu64
               " requests as in slow_match%s\n",
               hash, hash == again ? "" : " (DIFFERS)", matched,
               matched == floor ? "" : " (DIFFERS FROM FLOOR)", n_slow,
               n_slow > 0 ? "" : " (DIFFERS)");
        report_state(input, matched,
                     hash != again      ? "other events when requests are known ahead"
                     : matched != floor ? "the books are not those of the floor"
                     : n_slow == 0      ? "slow_match ends with other books"
                                        : "",
                     "the floor's books; at first slow_match's too");
    }
    return 0;
}
