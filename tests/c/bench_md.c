/*
 * Figures, printed: what publishing adds to matching. The same requests go through the venue with
 * nobody listening, with somebody who only counts, as ITCH on two lines (packets go nowhere), and
 * as FIX to subscribers; the hash of all events is the same each time.
 * Replacements keep their order's id, as gateways do it, or take a new one with `new`.
 * Usage: bench_md [--json] [requests in thousands] [subscribers] [new]
 */
#include <string.h>
#include <time.h>

#include "bench_report.h"
#include "check.h"

#include "rig/exchange/md_fix.h"
#include "rig/exchange/md_itch.h"

#define INSTRUMENTS 50
#define ORDERS (1u << 17)
#define TICK 10000000LL
#define PER_TURN 16 /* requests that a loop finds waiting */
#define REPEATS 3

/* Of the processor, not of the wall: others may be at work. */
static uint64_t now_ns(void)
{
    struct timespec t;

    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return (uint64_t)t.tv_sec * 1000000000ULL + (uint64_t)t.tv_nsec;
}

static uint64_t n_bytes_sent, n_packets, n_bodies, n_heard;

static void send_packet(void *context, uint32_t line, const uint8_t *bytes, uint32_t n_bytes)
{
    (void)context, (void)line, (void)bytes;
    n_packets++;
    n_bytes_sent += n_bytes;
}

static void send_body(void *context, uint32_t handle, const char *type, const uint8_t *body,
                      uint32_t n_bytes)
{
    (void)context, (void)handle, (void)type, (void)body;
    n_bodies++;
    n_bytes_sent += n_bytes;
}

static void hear(void *context, const struct rl_match_event *e)
{
    (void)context, (void)e;
    n_heard++;
}

/* 82 % replace, 9 % new orders that rest, 6 % cancel, 3 % IOC: a tenth of all trades. */
struct flow {
    struct rl_match_request *requests;
    uint32_t n;
};

static int64_t px_of(uint64_t *random, unsigned side)
{
    uint64_t r = check_random(random);
    int64_t away = 1 + (int64_t)(r % 7) + (int64_t)(r >> 8) % 7 * ((r >> 16) % 8 == 0);

    return (10000 + (side == RL_BUY ? -away : away)) * TICK;
}

static struct flow make_flow(uint32_t n, bool takes_new_ids)
{
    static uint64_t live[ORDERS];
    static uint32_t owner_of[ORDERS]; /* instrument and side of the order in that place */
    struct flow f = {malloc(n * sizeof *f.requests), n};
    uint64_t random = 9, next_id = 1;
    uint32_t n_live = 0;

    CHECK(f.requests != NULL);
    for (uint32_t i = 0; i < n; i++) {
        struct rl_match_request *r = &f.requests[i];
        uint64_t what = check_random(&random) % 100;
        uint32_t k = n_live ? (uint32_t)(check_random(&random) % n_live) : 0;

        memset(r, 0, sizeof *r);
        if (n_live < 5000 || (what < 9 && n_live < ORDERS / 2) || what < 3) {
            r->op = RL_MATCH_NEW;
            r->type = RL_MATCH_LIMIT;
            r->tif = n_live >= 5000 && what < 3 ? RL_MATCH_IOC : RL_MATCH_GTC;
            r->id = next_id++;
            r->instrument = (uint32_t)(check_random(&random) % INSTRUMENTS);
            r->side = (uint8_t)(check_random(&random) % 2);
            r->px_nano = px_of(&random, r->tif == RL_MATCH_IOC ? 1u - r->side : r->side);
            r->qty = 1 + check_random(&random) % 500;
            if (r->tif == RL_MATCH_GTC) {
                owner_of[n_live] = r->instrument * 2 + r->side;
                live[n_live++] = r->id;
            }
        } else if (what < 15) {
            r->op = RL_MATCH_CANCEL;
            r->id = live[k];
            r->instrument = owner_of[k] / 2;
            live[k] = live[--n_live];
            owner_of[k] = owner_of[n_live];
        } else {
            r->op = RL_MATCH_REPLACE;
            r->id = live[k];
            r->new_id = takes_new_ids ? next_id++ : r->id;
            r->instrument = owner_of[k] / 2;
            r->px_nano = px_of(&random, owner_of[k] % 2);
            r->qty = 1 + check_random(&random) % 500;
            live[k] = r->new_id;
        }
    }
    return f;
}

enum listener { NOBODY, COUNTER, ITCH, FIX, BOTH, N_LISTENERS };
static const char *const names[] = {"nobody listens", "a counter", "ITCH, two lines", "FIX",
                                    "ITCH and FIX"};

struct outcome {
    double ns;
    uint64_t n_events, hash;
};

static void subscribe(struct rl_md_fix *md, uint32_t n)
{
    static struct rl_fix_field fields[RL_FIX_MAX_FIELDS];
    static uint8_t bytes[4096];

    for (uint32_t h = 0; h < n; h++) {
        struct rl_md_fix_refusal why;
        struct rl_fix_msg m;
        struct rl_fix_enc e;

        CHECK_EQ(rl_md_fix_open(md, h, RL_MD_FIX_44), 0);
        rl_fix_begin(&e, bytes, sizeof bytes, "FIX.4.4");
        rl_fix_put_text(&e, 35, "V");
        rl_fix_put_uint(&e, 34, 2);
        rl_fix_put_text(&e, 49, "C");
        rl_fix_put_text(&e, 56, "V");
        rl_fix_put_time(&e, 52, 0, 3);
        rl_fix_put_text(&e, 262, "all");
        rl_fix_put_text(&e, 263, "1");
        rl_fix_put_text(&e, 264, "10");
        rl_fix_put_text(&e, 267, "3");
        for (char c = '0'; c <= '2'; c++)
            rl_fix_put_char(&e, 269, c);
        rl_fix_put_uint(&e, 146, INSTRUMENTS);
        for (int i = 0; i < INSTRUMENTS; i++) {
            char symbol[8];

            snprintf(symbol, sizeof symbol, "S%03d", i);
            rl_fix_put_text(&e, 55, symbol);
        }
        rl_fix_init(&m, fields, RL_FIX_MAX_FIELDS);
        CHECK_EQ(rl_fix_parse(&m, bytes, rl_fix_finish(&e)), RL_FIX_OK);
        CHECK_EQ(rl_md_fix_take(md, h, &m, &why), RL_MD_FIX_TAKEN);
    }
}

static struct outcome run(const struct flow *f, enum listener who, uint32_t n_subscribers)
{
    static struct rl_venue venue;
    static struct rl_md_itch itch;
    static struct rl_md_fix fix;
    struct rl_venue_config v = {.match = {.n_instruments = INSTRUMENTS,
                                          .n_orders = ORDERS,
                                          .n_levels_per_side = 1024,
                                          .n_owners = 1,
                                          .n_trades = 1024,
                                          .tick_nano = TICK,
                                          .max_qty = 1000000,
                                          .seed = 1}};
    struct rl_md_itch_config i = {
        .venue = &venue, .n_orders = ORDERS, .n_instruments = INSTRUMENTS, .send = send_packet};
    struct rl_md_fix_config x = {.venue = &venue,
                                 .n_instruments = INSTRUMENTS,
                                 .n_depth = 64,
                                 .n_sessions = 64,
                                 .n_subscriptions = 64 * INSTRUMENTS,
                                 .send = send_body};
    struct rl_arena arena;
    struct outcome o;
    uint64_t t0_ns;

    CHECK_EQ(rl_arena_open(&arena, rl_venue_bytes(&v) + rl_md_itch_bytes(&i) + rl_md_fix_bytes(&x),
                           RL_ARENA_ALL),
             0);
    CHECK_EQ(rl_venue_init(&venue, &arena, &v), 0);
    for (int k = 0; k < INSTRUMENTS; k++) {
        char symbol[8];

        snprintf(symbol, sizeof symbol, "S%03d", k);
        CHECK_EQ(rl_venue_list(&venue, symbol), k);
    }
    CHECK_EQ(rl_venue_join(&venue, &(struct rl_venue_member_config){0}), 0);
    x.books = rl_match_books(venue.match);
    n_heard = n_packets = n_bodies = n_bytes_sent = 0;
    if (who == COUNTER)
        CHECK_EQ(rl_venue_feed(&venue, hear, NULL), 0);
    if (who == ITCH || who == BOTH) {
        CHECK_EQ(rl_md_itch_init(&itch, &arena, &i), 0);
        CHECK_EQ(rl_venue_feed(&venue, rl_md_itch_told, &itch), 0);
        rl_md_itch_start(&itch, 1);
    }
    if (who == FIX || who == BOTH) {
        CHECK_EQ(rl_md_fix_init(&fix, &arena, &x), 0);
        CHECK_EQ(rl_venue_feed(&venue, rl_md_fix_told, &fix), 0);
        subscribe(&fix, n_subscribers);
    }
    t0_ns = now_ns();
    for (uint32_t k = 0; k < f->n; k++) {
        (void)rl_venue_ask(&venue, &f->requests[k], 1000 + k);
        if (k % PER_TURN != PER_TURN - 1)
            continue;
        if (who == ITCH || who == BOTH)
            (void)rl_md_itch_turn(&itch, 1000 + k);
        if (who == FIX || who == BOTH)
            (void)rl_md_fix_turn(&fix, 1000 + k);
    }
    o.ns = (double)(now_ns() - t0_ns);
    o.n_events = venue.n.events;
    o.hash = rl_match_hash(venue.match);
    rl_arena_close(&arena);
    return o;
}

int main(int argc, char **argv)
{
    uint32_t n, n_subscribers;
    struct flow f;
    double alone_ns = 0;
    uint64_t hash = 0;

    report_options(&argc, argv);
    n = (argc > 1 ? (uint32_t)strtoul(argv[1], NULL, 10) : 2000) * 1000;
    n_subscribers = argc > 2 ? (uint32_t)strtoul(argv[2], NULL, 10) : 4;
    CHECK(n > 0 && n_subscribers <= 64);
    f = make_flow(n, argc > 3 && strcmp(argv[3], "new") == 0);
    printf("%u requests in %u instruments, a turn every %u; the best of %u\n", n, INSTRUMENTS,
           PER_TURN, REPEATS);
    for (int who = NOBODY; who < N_LISTENERS; who++) {
        struct outcome best = {0};

        for (int k = 0; k < REPEATS; k++) {
            struct outcome o = run(&f, (enum listener)who, n_subscribers);

            report_row(names[who], "", o.ns / (double)o.n_events, o.n_events);
            report_end();
            if (k == 0 || o.ns < best.ns)
                best = o;
        }
        hash = who == NOBODY ? best.hash : hash;
        CHECK(best.hash == hash);
        alone_ns = who == NOBODY ? best.ns : alone_ns;
        printf("  %-16s %6.1f ns/request  %6.1f ns/event  %+7.1f ns/event  %6.2f M requests/s  "
               "%" PRIu64 " events, %" PRIu64 " packets, %" PRIu64 " FIX messages, %.0f MB\n",
               names[who], best.ns / n, best.ns / (double)best.n_events,
               (best.ns - alone_ns) / (double)best.n_events, n / best.ns * 1e3, best.n_events,
               n_packets, n_bodies, (double)n_bytes_sent / 1e6);
    }
    report_state("", hash, "", "the same events, whoever listens");
    printf("  event hash %016" PRIx64 "\n", hash);
    free(f.requests);
    return 0;
}
