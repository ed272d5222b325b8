/*
 * component_ops - the operations that rig/component.c measures, and how each is set up.
 *
 * An operation is a step(state, i): it does operation number i and returns its answer. The index
 * may depend on the answer before (chain) or not; positions run 0, 1, 2 ... and each is done once.
 * The steps are forced inline, so that the timed loop holds the operation and no call of ours.
 */
#ifndef RL_RIG_COMPONENT_OPS_H
#define RL_RIG_COMPONENT_OPS_H

#include "rig/component.h"
#include "trade/audit.h"
#include "trade/ids.h"
#include "trade/risk.h"

#define RL_STEP static inline __attribute__((always_inline))

#define RL_JOB_HOT_INPUTS 64

/* Powers of two, so that a position wraps by a mask. */
#define RL_JOB_N_CASES (1U << 17)
#define RL_JOB_AUDIT_SLOTS (1U << 14)

/* --- fix.parse --- */

struct rl_fix_input {
    const uint8_t *bytes;
    uint32_t n_bytes;
    uint64_t answer; /* by the plain reader */
};

struct rl_fix_job {
    struct rl_fix_input *messages;
    uint64_t mask;
    struct rl_fix_msg parsed;
    struct rl_fix_field fields[RL_FIX_MAX_FIELDS];
};

/* Every answer's parts are combined the same way here and in the plain reader. */
static inline uint64_t rl_job_fold(uint64_t answer, uint32_t tag, uint64_t value)
{
    return (answer + value) * (2 * (uint64_t)tag + 1);
}

#define RL_JOB_NOT_PARSED 0xBADULL

RL_STEP uint64_t rl_fix_step(void *state, uint64_t i)
{
    struct rl_fix_job *s = state;
    const struct rl_fix_input *in = &s->messages[i & s->mask];
    struct rl_fix_msg *m = &s->parsed;
    uint64_t answer = 0, value;
    int64_t px_nano;

    if (RL_UNLIKELY(rl_fix_parse(m, in->bytes, in->n_bytes) != RL_FIX_OK))
        return RL_JOB_NOT_PARSED;
    for (uint32_t k = 0; k < m->n_fields; k++) {
        const struct rl_fix_field *f = &m->fields[k];

        switch (f->tag) {
        case RL_FIX_MsgSeqNum:
        case RL_FIX_OrderQty:
        case RL_FIX_MDEntrySize:
        case RL_FIX_MDEntryID:
        case RL_FIX_ApplSeqNum:
            if (RL_LIKELY(rl_fix_uint(m, f, &value)))
                answer = rl_job_fold(answer, f->tag, value);
            break;
        case RL_FIX_Price:
        case RL_FIX_MDEntryPx:
            if (RL_LIKELY(rl_fix_px(m, f, &px_nano)))
                answer = rl_job_fold(answer, f->tag, (uint64_t)px_nano);
            break;
        case RL_FIX_Side:
        case RL_FIX_MDUpdateAction:
        case RL_FIX_MDEntryType:
            answer = rl_job_fold(answer, f->tag, rl_fix_char(m, f));
            break;
        default:
            break;
        }
    }
    return answer;
}

/* --- book.update, feed.book --- */

struct rl_book_job {
    struct rl_books books;
    struct rl_feed *feed;
    struct rl_update *updates;        /* book.update: one cycle */
    const struct rl_stream_rec *recs; /* feed.book: one cycle */
    const uint8_t *bytes;
    bool is_loop; /* the cycle ends with the books of its beginning; else they are emptied */
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

RL_STEP uint64_t rl_feed_step(void *state, uint64_t i)
{
    struct rl_book_job *s = state;
    const struct rl_stream_rec *rec = &s->recs[i];
    struct rl_feed_cursor cursor;
    struct rl_update u;
    bool is_changed = false;

    if (RL_LIKELY(rl_feed_open(s->feed, s->bytes + rec->offset, rec->n_bytes, &cursor))) {
        while (rl_feed_next(s->feed, &cursor, &u))
            is_changed |= rl_books_apply(&s->books, &u);
    }
    return rl_job_bbo_answer(&s->books, is_changed);
}

/* --- risk.check --- */

enum {
    RL_JOB_RISK_OPEN,
    RL_JOB_RISK_HALTED,
    RL_JOB_RISK_MISSING,
    RL_JOB_RISK_FULL,
    RL_JOB_N_RISKS
};

struct rl_risk_case {
    RL_ALIGNED struct rl_risk_order order;
    uint64_t now_tsc;
    uint32_t which;  /* of the risk states */
    uint32_t answer; /* the mask, by construction */
};

struct rl_risk_job {
    struct rl_risk risks[RL_JOB_N_RISKS];
    struct rl_risk_case *cases;
    struct rl_position *positions;
    uint64_t mask;
};

RL_STEP uint64_t rl_risk_step(void *state, uint64_t i)
{
    const struct rl_risk_job *s = state;
    const struct rl_risk_case *c = &s->cases[i & s->mask];

    return rl_risk_check(&s->risks[c->which], &c->order, c->now_tsc);
}

/* --- order.id, audit.append, hist.record, clocks --- */

struct rl_ids_job {
    struct rl_ids ids;
    char text[16];
};

RL_STEP uint64_t rl_ids_step(void *state, uint64_t i)
{
    struct rl_ids_job *s = state;
    uint64_t last;

    rl_id_to_text(rl_ids_take(&s->ids) + (i >> 63), s->text); /* i < 2^63: only a dependency */
    memcpy(&last, s->text + RL_ID_TEXT_BYTES - sizeof(last), sizeof(last));
    return last;
}

struct rl_audit_job {
    struct rl_audit audit;
    struct rl_audit_reader reader;
    struct rl_audit_record *drained;
    uint64_t n_drained, n_bad;
    uint32_t crc;
};

RL_STEP uint64_t rl_audit_step(void *state, uint64_t i)
{
    struct rl_audit_job *s = state;
    struct rl_audit_record *r = rl_audit_claim(&s->audit, 1);

    if (RL_UNLIKELY(r == NULL))
        return UINT64_MAX;
    r->tsc = i;
    r->id = i + 1;
    r->trigger = i;
    r->px_nano = (int64_t)i;
    r->qty = 100;
    r->instrument = (uint32_t)i & 7;
    r->reasons = 0;
    r->kind = RL_AUDIT_SENT;
    r->side = RL_BUY;
    r->zero = 0;
    rl_audit_commit(&s->audit);
    return s->audit.ring.tail;
}

struct rl_hist_job {
    struct rl_hist hist;
    uint64_t *values;
    uint64_t mask;
};

RL_STEP uint64_t rl_hist_step(void *state, uint64_t i)
{
    struct rl_hist_job *s = state;

    rl_hist_record(&s->hist, s->values[i & s->mask]);
    return s->hist.n_total;
}

RL_STEP uint64_t rl_pair_step(void *state, uint64_t i)
{
    uint64_t from = rl_tsc_begin();

    (void)state;
    return rl_tsc_end() - from + (i >> 63);
}

RL_STEP uint64_t rl_gettime_step(void *state, uint64_t i)
{
    struct timespec now;

    (void)state;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_nsec + (i >> 63);
}

RL_STEP uint64_t rl_empty_step(void *state, uint64_t i)
{
    (void)state;
    return i;
}

/* --- one component, ready to be measured --- */

struct rl_job {
    union {
        struct rl_fix_job fix;
        struct rl_book_job book;
        struct rl_risk_job risk;
        struct rl_ids_job ids;
        struct rl_audit_job audit;
        struct rl_hist_job hist;
    } state;
    struct rl_arena arena; /* inputs and state */
    uint64_t n_cycle;      /* positions before turn_over is due; UINT64_MAX: never */
    uint64_t n_first;      /* positions to check one by one before anything is timed; the run ends
                              after a multiple of it */
    uint64_t max_burst;    /* most steps before settle is due */
    bool is_periodic;      /* every n_first steps the answers repeat */
    /* Untimed; each may be NULL. */
    uint64_t (*wanted)(void *state,
                       uint64_t i); /* the right answer of step i, asked after the step */
    void (*settle)(void *state);
    void (*turn_over)(void *state);                     /* back to position 0 */
    uint64_t (*n_wrong)(void *state, uint64_t n_steps); /* at the end; 0: all is well */
    uint64_t (*hash)(void *state); /* after n_first steps; NULL: of the answers */
};

/* Builds inputs and state; fills n_inputs, n_input_bytes, mix ... of *out. Errors as
 * rl_component_run. */
int rl_job_open(struct rl_job *job, const struct rl_component_config *config,
                struct rl_component_result *out);
void rl_job_close(struct rl_job *job);

/* Its parts: component_fix.c, component_book.c, component_trade.c, component_ops.c. */
int rl_job_open_fix(struct rl_job *job, const struct rl_component_config *config,
                    struct rl_component_result *out);
int rl_job_open_book(struct rl_job *job, const struct rl_component_config *config,
                     struct rl_component_result *out);
int rl_job_open_risk(struct rl_job *job, const struct rl_component_config *config,
                     struct rl_component_result *out);
int rl_job_open_ids(struct rl_job *job);
int rl_job_open_audit(struct rl_job *job);

/* What they share: memory for inputs and state, and seeded draws. */
int rl_job_take_memory(struct rl_job *job, size_t n_bytes);
uint64_t rl_job_draw(uint64_t *seed);
uint64_t rl_job_draw_below(uint64_t *seed, uint64_t n);

#endif
