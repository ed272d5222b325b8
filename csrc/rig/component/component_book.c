#include "rig/component/component_book.h"

#include "rig/component/component_loops.h"
#include "rig/component/component_plain.h"

#include <errno.h>

RL_LOOPS(itch_loops, rl_itch_step);
RL_LOOPS(decode_loops, rl_feed_decode_step);
RL_LOOPS(update_loops, rl_book_step);
RL_LOOPS(feed_loops, rl_feed_book_step);
RL_LOOPS(view_loops, rl_feed_book_view_step);

static const struct rl_loops *book_loops(enum rl_component component)
{
    switch (component) {
    case RL_COMPONENT_FEED_DECODE:
        return &decode_loops;
    case RL_COMPONENT_BOOK_UPDATE:
        return &update_loops;
    case RL_COMPONENT_FEED_BOOK_VIEW:
        return &view_loops;
    default:
        return &feed_loops;
    }
}

/* --- itch.decode --- */

static uint64_t itch_wanted(void *state, uint64_t i)
{
    struct rl_itch_job *s = state;

    return s->in.messages[i & s->in.mask].answer;
}

static struct rl_job_bytes itch_input(void *state, uint64_t i)
{
    const struct rl_itch_job *s = state;

    return rl_job_message_bytes(&s->in, i);
}

int rl_job_open_itch(struct rl_job *job, const struct rl_component_config *config,
                     struct rl_component_result *out)
{
    const struct rl_job_reader reader = {.feed = RL_FEED_ITCH, .answer = rl_plain_itch};
    size_t n_bytes = rl_job_messages_bytes(config, &reader);
    struct rl_itch_job *s;
    int err;

    if (n_bytes == 0)
        return -EINVAL;
    err = rl_job_take_memory(job, sizeof(*s), n_bytes);
    if (err != 0)
        return err;
    s = job->state;
    rl_job_take_messages(job, config, &reader, &s->in, out);
    job->loops = &itch_loops;
    job->wanted = itch_wanted;
    job->input = itch_input;
    return 0;
}

/* --- feed and books --- */

static int take_feed(struct rl_arena *arena, const struct rl_component_config *config,
                     struct rl_feed **feed)
{
    struct rl_feed_config wanted = {.kind = config->stream->feed,
                                    .mold = config->stream->framing == RL_FRAMING_MOLD,
                                    .n_qty_decimals = config->n_qty_decimals,
                                    .n_instruments = config->books.n_instruments};

    *feed = rl_arena_take(arena, sizeof(**feed), 0);
    return *feed == NULL ? -ENOMEM : rl_feed_init(*feed, arena, &wanted);
}

static size_t feed_bytes(const struct rl_component_config *config)
{
    struct rl_feed_config wanted = {.kind = config->stream->feed,
                                    .mold = config->stream->framing == RL_FRAMING_MOLD,
                                    .n_instruments = config->books.n_instruments};

    return sizeof(struct rl_feed) + rl_feed_bytes(&wanted) + 64 * 1024;
}

/* Decodes records [from, to): updates that concern a book, into `to_updates` unless NULL. */
static uint64_t decode(struct rl_feed *feed, const uint8_t *bytes, const struct rl_stream_rec *recs,
                       uint64_t from, uint64_t to, struct rl_update *to_updates)
{
    struct rl_feed_cursor cursor;
    struct rl_update u;
    uint64_t n = 0;

    for (uint64_t i = from; i < to; i++) {
        if (!rl_feed_open(feed, bytes + recs[i].offset, recs[i].n_bytes, &cursor))
            continue;
        while (rl_feed_next(feed, &cursor, &u)) {
            if (u.op == RL_OP_NONE || u.op == RL_OP_TRADE)
                continue;
            if (to_updates != NULL)
                to_updates[n] = u;
            n++;
        }
    }
    return n;
}

static void book_turn_over(void *state)
{
    struct rl_book_job *s = state;

    if (s->has_books && !s->is_loop) {
        struct rl_update reset = {.op = RL_OP_RESET, .instrument = RL_INSTRUMENT_ALL};

        rl_books_apply(&s->books, &reset);
    }
    rl_feed_forget(s->feed); /* the same messages come again */
    s->books.touched = 0;    /* a message without effect must give the same answer in every cycle */
}

static uint64_t book_hash(void *state)
{
    struct rl_book_job *s = state;

    s->cycle_hash = rl_books_hash(&s->books);
    return s->cycle_hash;
}

/* Views that readers would see to differ from their books. */
static uint64_t n_wrong_views(const struct rl_book_job *s)
{
    uint64_t n_wrong = 0;

    for (uint32_t i = 0; i < s->books.n_instruments; i++) {
        struct rl_bbo seen, is;

        rl_books_bbo(&s->books, i, &is);
        n_wrong += !rl_views_bbo(s->views, i, &seen) || memcmp(&seen, &is, sizeof(is)) != 0;
    }
    return n_wrong;
}

static uint64_t book_n_wrong(void *state, uint64_t n_steps)
{
    struct rl_book_job *s = state;
    const struct rl_books_counters *n = &s->books.n;
    const char *what;

    (void)n_steps;
    return (rl_books_check(&s->books, &what) != 0) + (rl_books_hash(&s->books) != s->cycle_hash) +
           (s->is_loop && s->cycle_hash != s->start_hash) + n->orders_full + n->levels_full +
           n->bad_instruments + (s->views != NULL ? n_wrong_views(s) : 0);
}

/* A decoded update, or the record as it came. */
static struct rl_job_bytes book_input(void *state, uint64_t i)
{
    const struct rl_book_job *s = state;

    if (s->updates != NULL)
        return (struct rl_job_bytes){&s->updates[i], sizeof(s->updates[0])};
    return (struct rl_job_bytes){s->bytes + s->recs[i].offset, s->recs[i].n_bytes};
}

/* feed.decode: an ITCH message must say what the plain reader reads. */
static uint64_t feed_wanted(void *state, uint64_t i)
{
    struct rl_book_job *s = state;

    return rl_plain_itch(s->bytes + s->recs[i].offset, s->recs[i].n_bytes);
}

/*
 * Live orders in random order, in rounds of 256: each is modified (one lot more, so it loses its
 * place), then all are deleted in another order, then entered again as they were.
 */
#define ROUND 256

static void shuffle(uint32_t *values, uint64_t n, uint64_t *seed)
{
    for (uint64_t i = n; i > 1; i--) {
        uint64_t k = rl_job_draw_below(seed, i);
        uint32_t other = values[k];

        values[k] = values[i - 1];
        values[i - 1] = other;
    }
}

static uint64_t write_random(const struct rl_update *adds, uint64_t n_adds, uint32_t *order,
                             uint64_t seed, struct rl_update *out)
{
    uint64_t n = 0;

    rl_job_shuffled(order, n_adds, &seed);
    for (uint64_t round = 0; round < n_adds; round += ROUND) {
        uint64_t n_round = n_adds - round < ROUND ? n_adds - round : ROUND;

        for (int pass = 0; pass < 3; pass++) {
            for (uint64_t i = 0; i < n_round; i++) {
                struct rl_update u = adds[order[round + i]];

                u.op = pass == 0 ? RL_OP_MODIFY : pass == 1 ? RL_OP_DELETE : RL_OP_ADD;
                u.qty += pass == 0;
                out[n++] = u;
            }
            shuffle(order + round, n_round, &seed);
        }
    }
    return n;
}

/* The stream as it will be read: stamped where it is stamped, in memory of the caller's. */
static void copy_stamped(uint8_t *to, const struct rl_stream *stream)
{
    memcpy(to, stream->bytes, stream->n_bytes);
    for (uint64_t i = 0; stream->framing == RL_FRAMING_FIX_STAMP && i < stream->n_recs; i++)
        rl_stream_stamp_fix(to + stream->recs[i].offset, stream->recs[i].n_bytes, i + 1);
}

/* What a job needs to know before it can take its memory. */
struct plan {
    uint64_t n_prefix_recs; /* records that build the books before the cycle */
    uint64_t n_prefix;      /* updates in them */
    uint64_t n_cycle;
    bool is_decoded; /* the cycle is of updates, else of records */
    bool is_random;
    bool has_books, has_views;
};

/* Counts with a feed and a copy of the stream that are thrown away. */
static int make_plan(const struct rl_component_config *config, struct plan *p)
{
    const struct rl_stream *stream = config->stream;
    bool is_loop = stream->loop_from < stream->n_recs;
    uint64_t n_body, n_recs = stream->n_recs;
    struct rl_arena scratch;
    struct rl_feed *feed;
    uint8_t *bytes;
    int err = rl_arena_open(&scratch, feed_bytes(config) + stream->n_bytes + 64, 0);

    if (err != 0)
        return err;
    p->has_books = config->component != RL_COMPONENT_FEED_DECODE;
    p->has_views = config->component == RL_COMPONENT_FEED_BOOK_VIEW;
    p->is_decoded = config->component == RL_COMPONENT_BOOK_UPDATE;
    p->is_random = config->regime == RL_REGIME_RANDOM;
    p->n_prefix_recs = is_loop ? stream->loop_from : 0;
    bytes = rl_arena_take(&scratch, stream->n_bytes, 0);
    copy_stamped(bytes, stream);
    err = take_feed(&scratch, config, &feed);
    if (err == 0) {
        p->n_prefix = decode(feed, bytes, stream->recs, 0, p->n_prefix_recs, NULL);
        n_body = decode(feed, bytes, stream->recs, p->n_prefix_recs, n_recs, NULL);
        p->n_cycle = p->is_random    ? 3 * p->n_prefix
                     : p->is_decoded ? n_body
                                     : n_recs - p->n_prefix_recs;
        if (p->n_cycle < RL_JOB_HOT_INPUTS || p->n_prefix > UINT32_MAX ||
            (p->is_random && !is_loop))
            err = -EINVAL;
    }
    rl_arena_close(&scratch);
    return err;
}

static size_t plan_bytes(const struct rl_component_config *config, const struct plan *p)
{
    const struct rl_stream *stream = config->stream;

    return feed_bytes(config) + (p->has_books ? rl_books_bytes(&config->books) : 0) +
           (p->has_views ? rl_views_bytes(config->books.n_instruments) : 0) + stream->n_bytes +
           stream->n_recs * sizeof(stream->recs[0]) +
           (p->n_prefix + (p->is_decoded ? p->n_cycle : 0)) * sizeof(struct rl_update) +
           p->n_prefix * sizeof(uint32_t);
}

static int open_books(struct rl_book_job *s, struct rl_arena *arena,
                      const struct rl_books_config *config, bool has_views)
{
    size_t n_bytes = rl_views_bytes(config->n_instruments);
    int err = rl_books_init(&s->books, arena, config);

    if (err != 0 || !has_views)
        return err;
    s->views = rl_views_init(rl_arena_take(arena, n_bytes, 0), n_bytes, config->n_instruments);
    return s->views == NULL ? -ENOMEM : rl_books_show(&s->books, s->views);
}

/* The updates of book.update: the stream's own, or those of its live orders in random order. */
static void take_updates(struct rl_job *job, const struct rl_component_config *config,
                         const struct plan *p, const struct rl_update *prefix,
                         struct rl_component_result *out)
{
    struct rl_book_job *s = job->state;

    s->updates = rl_arena_take(&job->arena, p->n_cycle * sizeof(*s->updates), 0);
    if (p->is_random)
        write_random(prefix, p->n_prefix,
                     rl_arena_take(&job->arena, p->n_prefix * sizeof(uint32_t), 0), config->seed,
                     s->updates);
    else
        decode(s->feed, s->bytes, s->recs, 0, config->stream->n_recs - p->n_prefix_recs,
               s->updates);
    for (uint64_t i = 0; i < p->n_cycle; i++)
        out->mix[s->updates[i].op]++;
    out->n_input_bytes = p->n_cycle * sizeof(*s->updates);
}

int rl_job_open_book(struct rl_job *job, const struct rl_component_config *config,
                     struct rl_component_result *out)
{
    const struct rl_stream *stream = config->stream;
    struct rl_update *prefix;
    struct plan p = {0};
    struct rl_book_job *s;
    int err;

    if (stream == NULL || stream->n_recs < RL_JOB_HOT_INPUTS || config->regime == RL_REGIME_HOT ||
        (config->regime == RL_REGIME_RANDOM && config->component != RL_COMPONENT_BOOK_UPDATE) ||
        rl_books_bytes(&config->books) == 0)
        return -EINVAL;
    err = make_plan(config, &p);
    if (err == 0)
        err = rl_job_take_memory(job, sizeof(*s), plan_bytes(config, &p));
    if (err != 0)
        return err;
    s = job->state;
    s->is_loop = stream->loop_from < stream->n_recs;
    s->has_books = p.has_books;
    err = take_feed(&job->arena, config, &s->feed);
    if (err == 0 && p.has_books)
        err = open_books(s, &job->arena, &config->books, p.has_views);
    if (err != 0)
        return err;
    uint8_t *bytes = rl_arena_take(&job->arena, stream->n_bytes, 0);

    copy_stamped(bytes, stream);
    s->bytes = bytes;
    s->recs = memcpy(rl_arena_take(&job->arena, stream->n_recs * sizeof(stream->recs[0]), 0),
                     stream->recs, stream->n_recs * sizeof(stream->recs[0]));
    prefix = rl_arena_take(&job->arena, p.n_prefix * sizeof(*prefix), 0);
    decode(s->feed, s->bytes, s->recs, 0, p.n_prefix_recs, prefix);
    for (uint64_t i = 0; p.has_books && i < p.n_prefix; i++)
        rl_books_apply(&s->books, &prefix[i]);
    s->recs += p.n_prefix_recs;
    out->n_inputs = p.n_cycle;
    out->n_input_bytes = stream->n_bytes;
    if (p.is_decoded)
        take_updates(job, config, &p, prefix, out);
    book_turn_over(s);
    job->n_cycle = job->n_first = p.n_cycle;
    job->loops = book_loops(config->component);
    job->is_periodic = true;
    job->turn_over = book_turn_over;
    job->input = book_input;
    if (!p.has_books) {
        if (stream->feed == RL_FEED_ITCH && stream->framing != RL_FRAMING_MOLD)
            job->wanted = feed_wanted;
        return 0;
    }
    s->start_hash = rl_books_hash(&s->books);
    out->n_live_orders = s->books.n_orders;
    out->n_levels = s->books.n_levels;
    job->hash = book_hash;
    job->n_wrong = book_n_wrong;
    return 0;
}
