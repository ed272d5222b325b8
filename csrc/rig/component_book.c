#include "rig/component_ops.h"

#include <errno.h>

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

    if (!s->is_loop) {
        struct rl_update reset = {.op = RL_OP_RESET, .instrument = RL_INSTRUMENT_ALL};

        rl_books_apply(&s->books, &reset);
    }
    s->feed->next_seq = 0; /* not known: the same messages come again */
    s->feed->next_appl_seq = 0;
    s->books.touched = 0; /* a message without effect must give the same answer in every cycle */
}

static uint64_t book_hash(void *state)
{
    struct rl_book_job *s = state;

    s->cycle_hash = rl_books_hash(&s->books);
    return s->cycle_hash;
}

static uint64_t book_n_wrong(void *state, uint64_t n_steps)
{
    struct rl_book_job *s = state;
    const struct rl_books_counters *n = &s->books.n;
    const char *what;

    (void)n_steps;
    return (rl_books_check(&s->books, &what) != 0) + (rl_books_hash(&s->books) != s->cycle_hash) +
           (s->is_loop && s->cycle_hash != s->start_hash) + n->orders_full + n->levels_full +
           n->bad_instruments;
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

    for (uint64_t i = 0; i < n_adds; i++)
        order[i] = (uint32_t)i;
    shuffle(order, n_adds, &seed);
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

int rl_job_open_book(struct rl_job *job, const struct rl_component_config *config,
                     struct rl_component_result *out)
{
    const struct rl_stream *stream = config->stream;
    bool is_random = config->regime == RL_REGIME_RANDOM;
    bool is_decoded = config->component == RL_COMPONENT_BOOK_UPDATE;
    struct rl_book_job *s = &job->state.book;
    struct rl_arena scratch;
    struct rl_feed *counter;
    struct rl_update *prefix;
    uint64_t n_prefix_recs, n_prefix, n_body, n_recs, n_cycle;
    uint8_t *bytes;
    int err;

    if (stream == NULL || stream->n_recs < RL_JOB_HOT_INPUTS || config->regime == RL_REGIME_HOT ||
        (is_random && !is_decoded) || rl_books_bytes(&config->books) == 0)
        return -EINVAL;
    n_recs = stream->n_recs;
    s->is_loop = stream->loop_from < n_recs;
    n_prefix_recs = s->is_loop ? stream->loop_from : 0;

    /* Count first, with a feed and, for stamped messages, bytes that are thrown away. */
    err = rl_arena_open(&scratch, feed_bytes(config) + stream->n_bytes + 64, 0);
    if (err != 0)
        return err;
    bytes = rl_arena_take(&scratch, stream->n_bytes, 0);
    memcpy(bytes, stream->bytes, stream->n_bytes);
    for (uint64_t i = 0; stream->framing == RL_FRAMING_FIX_STAMP && i < n_recs; i++)
        rl_stream_stamp_fix(bytes + stream->recs[i].offset, stream->recs[i].n_bytes, i + 1);
    err = take_feed(&scratch, config, &counter);
    if (err != 0)
        goto out_scratch;
    n_prefix = decode(counter, bytes, stream->recs, 0, n_prefix_recs, NULL);
    n_body = decode(counter, bytes, stream->recs, n_prefix_recs, n_recs, NULL);
    n_cycle = is_random ? 3 * n_prefix : is_decoded ? n_body : n_recs - n_prefix_recs;
    if (n_cycle < RL_JOB_HOT_INPUTS || n_prefix > UINT32_MAX || (is_random && !s->is_loop)) {
        err = -EINVAL;
        goto out_scratch;
    }
    err = rl_job_take_memory(job, feed_bytes(config) + rl_books_bytes(&config->books) +
                                      stream->n_bytes + n_recs * sizeof(stream->recs[0]) +
                                      (n_prefix + (is_decoded ? n_cycle : 0)) *
                                          sizeof(struct rl_update) +
                                      n_prefix * sizeof(uint32_t));
    if (err != 0)
        goto out_scratch;
    err = take_feed(&job->arena, config, &s->feed);
    if (err == 0)
        err = rl_books_init(&s->books, &job->arena, &config->books);
    if (err != 0)
        goto out_scratch;
    s->bytes = memcpy(rl_arena_take(&job->arena, stream->n_bytes, 0), bytes, stream->n_bytes);
    s->recs = memcpy(rl_arena_take(&job->arena, n_recs * sizeof(stream->recs[0]), 0), stream->recs,
                     n_recs * sizeof(stream->recs[0]));
    prefix = rl_arena_take(&job->arena, n_prefix * sizeof(*prefix), 0);
    decode(s->feed, s->bytes, s->recs, 0, n_prefix_recs, prefix);
    for (uint64_t i = 0; i < n_prefix; i++)
        rl_books_apply(&s->books, &prefix[i]);
    s->recs += n_prefix_recs;
    out->n_input_bytes = stream->n_bytes;
    if (is_decoded) {
        s->updates = rl_arena_take(&job->arena, n_cycle * sizeof(*s->updates), 0);
        if (is_random)
            write_random(prefix, n_prefix,
                         rl_arena_take(&job->arena, n_prefix * sizeof(uint32_t), 0), config->seed,
                         s->updates);
        else
            decode(s->feed, s->bytes, s->recs, 0, n_recs - n_prefix_recs, s->updates);
        for (uint64_t i = 0; i < n_cycle; i++)
            out->mix[s->updates[i].op]++;
        out->n_input_bytes = n_cycle * sizeof(*s->updates);
    }
    book_turn_over(s);
    s->start_hash = rl_books_hash(&s->books);
    out->n_inputs = n_cycle;
    out->n_live_orders = s->books.n_orders;
    out->n_levels = s->books.n_levels;
    job->n_cycle = job->n_first = n_cycle;
    job->is_periodic = true;
    job->turn_over = book_turn_over;
    job->hash = book_hash;
    job->n_wrong = book_n_wrong;
out_scratch:
    rl_arena_close(&scratch);
    return err;
}
