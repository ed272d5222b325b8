/*
 * component_book - the market data operations: ITCH decoding, the feed handler, books, views.
 */
#ifndef RL_RIG_COMPONENT_BOOK_H
#define RL_RIG_COMPONENT_BOOK_H

#include "market/book/view.h"
#include "rig/component/component_job.h"

/* --- itch.decode --- */

struct rl_itch_job {
    struct rl_job_messages in;
};

/* What an update says to a book; its stamp alone when that is nothing. */
RL_STEP uint64_t rl_update_answer(const struct rl_update *u)
{
    uint64_t answer = rl_job_fold(0, 1, u->ts_ns);

    switch (u->op) {
    case RL_OP_ADD:
    case RL_OP_TRADE:
        answer = rl_job_fold(answer, 2, u->id);
        answer = rl_job_fold(answer, 4, u->qty);
        answer = rl_job_fold(answer, 5, (uint64_t)u->px_nano);
        return rl_job_fold(answer, 6, u->side);
    case RL_OP_REDUCE:
        answer = rl_job_fold(answer, 2, u->id);
        return rl_job_fold(answer, 4, u->qty);
    case RL_OP_DELETE:
        return rl_job_fold(answer, 2, u->id);
    case RL_OP_REPLACE:
        answer = rl_job_fold(answer, 2, u->id);
        answer = rl_job_fold(answer, 3, u->new_id);
        answer = rl_job_fold(answer, 4, u->qty);
        return rl_job_fold(answer, 5, (uint64_t)u->px_nano);
    default:
        return rl_job_fold(0, 0, u->ts_ns);
    }
}

RL_STEP uint64_t rl_itch_step(void *state, uint64_t i)
{
    struct rl_itch_job *s = state;
    const struct rl_job_message *in = &s->in.messages[i & s->in.mask];
    struct rl_update u;

    if (RL_UNLIKELY(!rl_itch_decode(in->bytes, in->n_bytes, &u)))
        return RL_JOB_NOT_PARSED;
    return rl_update_answer(&u);
}

/* --- feed.decode, book.update, feed.book ... --- */

struct rl_book_job {
    struct rl_books books;
    struct rl_feed *feed;
    struct rl_views *views;
    struct rl_update *updates;        /* book.update: one cycle */
    const struct rl_stream_rec *recs; /* the others: one cycle */
    const uint8_t *bytes;
    bool is_loop; /* the cycle ends with the books of its beginning; else they are emptied */
    bool has_books;
    uint64_t start_hash, cycle_hash; /* of the books before and after the first cycle */
};

RL_STEP uint64_t rl_job_bbo_answer(const struct rl_books *b, bool is_changed)
{
    struct rl_bbo bbo;

    rl_books_bbo(b, b->touched, &bbo);
    return (uint64_t)bbo.px_nano[RL_BUY] + 3 * (uint64_t)bbo.px_nano[RL_SELL] + bbo.qty[RL_BUY] +
           5 * bbo.qty[RL_SELL] + is_changed;
}

RL_STEP uint64_t rl_book_step(void *state, uint64_t i)
{
    struct rl_book_job *s = state;
    bool is_changed = rl_books_apply(&s->books, &s->updates[i]);

    return rl_job_bbo_answer(&s->books, is_changed);
}

RL_STEP uint64_t rl_feed_decode_step(void *state, uint64_t i)
{
    struct rl_book_job *s = state;
    const struct rl_stream_rec *rec = &s->recs[i];
    struct rl_feed_cursor cursor;
    struct rl_update u;
    uint64_t answer = 0;

    if (RL_LIKELY(rl_feed_open(s->feed, s->bytes + rec->offset, rec->n_bytes, &cursor))) {
        while (rl_feed_next(s->feed, &cursor, &u))
            answer += rl_update_answer(&u);
    }
    return answer;
}

RL_STEP bool rl_feed_apply(struct rl_book_job *s, uint64_t i)
{
    const struct rl_stream_rec *rec = &s->recs[i];
    struct rl_feed_cursor cursor;
    struct rl_update u;
    bool is_changed = false;

    if (RL_LIKELY(rl_feed_open(s->feed, s->bytes + rec->offset, rec->n_bytes, &cursor))) {
        while (rl_feed_next(s->feed, &cursor, &u))
            is_changed |= rl_books_apply(&s->books, &u);
    }
    return is_changed;
}

RL_STEP uint64_t rl_feed_book_step(void *state, uint64_t i)
{
    struct rl_book_job *s = state;
    bool is_changed = rl_feed_apply(s, i);

    return rl_job_bbo_answer(&s->books, is_changed);
}

RL_STEP uint64_t rl_feed_book_view_step(void *state, uint64_t i)
{
    struct rl_book_job *s = state;
    bool is_changed = rl_feed_apply(s, i);

    rl_views_publish(&s->books, i + 1);
    return rl_job_bbo_answer(&s->books, is_changed);
}

#endif
