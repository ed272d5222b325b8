/*
 * trial_bench - small trials over a made market, and the slow way to the same decisions.
 */
#ifndef RL_TESTS_TRIAL_BENCH_H
#define RL_TESTS_TRIAL_BENCH_H

#include <errno.h>
#include <string.h>
#include <time.h>

#include "base/cpu.h"
#include "check.h"
#include "market.h"
#include "rig/trial/trial.h"

#if defined __SANITIZE_ADDRESS__ || defined __SANITIZE_THREAD__
#define UNDER_SANITIZER 1
#else
#define UNDER_SANITIZER 0
#endif

static const uint64_t AT_ONCE[] = {0};

static inline const struct rl_clock *trial_clock(void)
{
    static struct rl_clock clock;
    int64_t disagree_ppb;

    if (clock.tsc_hz == 0)
        CHECK_EQ(rl_clock_calibrate(&clock, 20000000, &disagree_ppb), 0);
    return &clock;
}

/* Two CPUs, or the test is skipped. */
static inline void trial_cpus(struct rl_trial_config *c)
{
    int cpus[1024], n = rl_cpu_allowed(cpus, 1024);

    if (n < 2) {
        fprintf(stderr, "skipped: needs two CPUs, this process may use %d\n", n);
        exit(RL_SKIP);
    }
    c->cpu_engine = cpus[0];
    c->cpu_rig = cpus[1];
}

/*
 * A trial whose outcome does not depend on time: rings that hold everything that is sent, limits
 * that nothing reaches, a drain that waits as long as it takes.
 */
static inline struct rl_trial_config trial_config(struct rl_stream stream, uint64_t n_frames)
{
    static const uint64_t every_5_us[] = {0};
    struct rl_trial_config c;

    rl_trial_config_init(&c);
    trial_cpus(&c);
    c.stream = stream;
    c.schedule = (struct rl_schedule){every_5_us, 1, 5000};
    c.n_frames = n_frames;
    c.n_warmup_frames = n_frames / 4;
    c.drain_ns = 100000000000ULL;
    c.n_instruments = 8;
    c.n_orders = 4096;
    c.n_levels_per_side = 256;
    c.limits.max_position = RL_LIMIT_MAX;
    c.limits.may_meet_own = true;
    c.limits.rate_per_s = c.limits.rate_burst = UINT32_MAX;
    c.limits.max_open = UINT32_MAX;
    c.n_order_slots = 1 << 14;
    c.n_audit_slots = 1 << 17;
    c.n_market_bytes = 8 << 20;
    c.n_session_bytes = 8 << 20;
    c.arena_flags = RL_ARENA_PREFAULT;
    return c;
}

static inline struct rl_stream small_stream(enum rl_feed_kind format)
{
    struct market m = {.format = format, .n_instruments = 3, .n_body = 2000, .seed = 11};

    return market_stream(&m);
}

static inline struct rl_trial *trial_open(const struct rl_trial_config *c)
{
    struct rl_trial *t;
    const char *why;
    int err = rl_trial_open(&t, c, trial_clock(), &why);

    if (err)
        fprintf(stderr, "rl_trial_open: %d: %s\n", err, why);
    CHECK_EQ(err, 0);
    return t;
}

static inline void trial_wait(struct rl_trial *t)
{
    int err;

    while ((err = rl_trial_wait(t, 1000000000)) == -ETIMEDOUT)
        ;
    CHECK_EQ(err, 0);
}

static inline void trial_holds(const struct rl_trial *t)
{
    struct rl_identity broken;
    const char *name = rl_trial_check(t, &broken);

    if (name)
        fprintf(stderr, "%s: %" PRIu64 " and %" PRIu64 "\n", name, broken.left, broken.right);
    CHECK(name == NULL);
}

/* Opens, runs to the end, checks that nothing went missing. */
static inline struct rl_trial *trial_run(const struct rl_trial_config *c)
{
    struct rl_trial *t = trial_open(c);

    CHECK_EQ(rl_trial_start(t), 0);
    trial_wait(t);
    trial_holds(t);
    return t;
}

static inline uint64_t trial_hash(const struct rl_trial *t)
{
    struct rl_trial_answer answer;

    rl_trial_answer(t, &answer);
    CHECK(answer.damage == NULL);
    return answer.hash;
}

static inline void trial_sleep_ms(long ms)
{
    struct timespec time = {.tv_sec = 0, .tv_nsec = ms * 1000000};

    nanosleep(&time, NULL);
}

/* --- decisions ------------------------------------------------------------------------------- */

struct decision {
    uint64_t trigger, qty;
    int64_t px_nano;
    uint32_t instrument;
    uint32_t side;
};

struct decisions {
    struct decision *list;
    uint64_t n, max;
};

static inline void decisions_push(struct decisions *d, struct decision decision)
{
    if (d->n == d->max) {
        d->max = d->max ? 2 * d->max : 1024;
        d->list = realloc(d->list, d->max * sizeof *d->list);
        CHECK(d->list != NULL);
    }
    d->list[d->n++] = decision;
}

/* Everything the audit ring holds; the caller frees it. */
static inline struct rl_audit_record *trial_audit(struct rl_trial *t, uint64_t *n)
{
    struct rl_ring *ring = &t->engine.oms.audit.ring;
    struct rl_audit_record *records = malloc(t->config.n_audit_slots * sizeof *records);
    const struct rl_audit_record *next;

    CHECK(records != NULL);
    for (*n = 0; (next = rl_ring_peek(ring)) != NULL; rl_ring_release(ring))
        records[(*n)++] = *next;
    CHECK_EQ(*n, rl_audit_position(&t->engine.oms.audit));
    return records;
}

/* What the engine decided to send, by its audit log. */
static inline struct decisions decisions_made(struct rl_trial *t)
{
    struct decisions d = {0};
    uint64_t n;
    struct rl_audit_record *records = trial_audit(t, &n);

    for (uint64_t i = 0; i < n; i++)
        if (records[i].kind == RL_AUDIT_SENT)
            decisions_push(&d, (struct decision){records[i].ref, records[i].qty, records[i].px_nano,
                                                 records[i].instrument,
                                                 RL_AUDIT_SIDE(records[i].flags)});
    free(records);
    return d;
}

/*
 * The same input without threads, rings, risk or time: one update after the other, the strategy
 * asked after each message. Fit for streams of one update a message.
 */
static inline struct decisions decisions_expected(const struct rl_trial_config *c, uint64_t *hash)
{
    struct decisions d = {0};
    struct rl_feed_config feed_config = {.kind = c->stream.feed,
                                         .mold = c->stream.feed == RL_FEED_ITCH,
                                         .n_instruments = c->n_instruments};
    struct rl_books_config books_config = {.n_instruments = c->n_instruments,
                                           .n_orders = c->n_orders,
                                           .n_levels_per_side = c->n_levels_per_side};
    struct rl_strategy_state *states = calloc(c->n_instruments, sizeof *states);
    struct rl_feed *feed = calloc(1, sizeof *feed);
    struct rl_books books;
    struct rl_strategy strategy;
    struct rl_arena arena;
    uint8_t frame[1024];

    CHECK(feed != NULL && states != NULL);
    CHECK_EQ(rl_arena_open(&arena,
                           rl_feed_bytes(&feed_config) + rl_books_bytes(&books_config) + 4096, 0),
             0);
    CHECK_EQ(rl_feed_init(feed, &arena, &feed_config), 0);
    CHECK_EQ(rl_books_init(&books, &arena, &books_config), 0);
    CHECK_EQ(rl_strategy_init(&strategy, &c->strategy, states, c->n_instruments), 0);
    for (uint64_t i = 0, at = 0; i < c->n_frames; i++) {
        const struct rl_stream_rec *rec = &c->stream.recs[at];
        uint32_t n_bytes = rec->n_bytes;
        struct rl_feed_cursor cursor;
        struct rl_update u;

        if (c->stream.feed == RL_FEED_ITCH) {
            n_bytes =
                rl_mold_wrap(frame, "REFERENCE0", i + 1, c->stream.bytes + rec->offset, n_bytes);
        } else {
            memcpy(frame, c->stream.bytes + rec->offset, n_bytes);
            rl_stream_stamp_fix(frame, n_bytes, i + 1);
        }
        CHECK(rl_feed_open(feed, frame, n_bytes, &cursor));
        while (rl_feed_next(feed, &cursor, &u)) {
            struct rl_intent intent;
            struct rl_bbo bbo;

            if (!rl_books_apply(&books, &u))
                continue;
            rl_books_bbo(&books, u.instrument, &bbo);
            if (rl_strategy_on_bbo(&strategy, u.instrument, &bbo, &intent))
                decisions_push(&d, (struct decision){i + 1, intent.qty, intent.px_nano,
                                                     u.instrument, (uint32_t)intent.side});
        }
        at = at + 1 == c->stream.n_recs ? c->stream.loop_from : at + 1;
    }
    *hash = rl_books_hash(&books);
    rl_arena_close(&arena);
    free(feed);
    free(states);
    return d;
}

static inline void decisions_equal(const struct decisions *a, const struct decisions *b)
{
    CHECK_EQ(a->n, b->n);
    for (uint64_t i = 0; i < a->n; i++) {
        CHECK_EQ(a->list[i].trigger, b->list[i].trigger);
        CHECK_EQ(a->list[i].instrument, b->list[i].instrument);
        CHECK_EQ(a->list[i].side, b->list[i].side);
        CHECK_EQ(a->list[i].px_nano, b->list[i].px_nano);
        CHECK_EQ(a->list[i].qty, b->list[i].qty);
    }
}

#endif
