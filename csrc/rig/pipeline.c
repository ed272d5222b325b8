#include "rig/pipeline.h"

#include <string.h>

#if defined RL_SEED_ALLOC || defined RL_SEED_FAULT
#include "rig/seeded.h"
#endif

/* --- stage timing: nothing at all unless asked for ------------------------------------------- */

/* The clock in timed loops, 0 elsewhere: `timed` is a constant where this is inlined. */
static inline uint64_t stamp(bool timed)
{
    return timed ? rl_tsc() : 0;
}

/* Ends a stage and begins the next: returns now. */
static inline uint64_t stage(struct rl_pipeline *p, bool timed, enum rl_stage which, uint64_t since)
{
    uint64_t now = stamp(timed);

    if (timed && p->is_measuring)
        rl_hist_record(&p->stages[which], rl_ticks_to_ns(p->clock, now - since));
    return now;
}

/* --- orders ---------------------------------------------------------------------------------- */

static uint64_t utc_ns(const struct rl_pipeline *p, uint64_t tsc)
{
    return p->unix_base_ns + rl_ticks_to_ns(p->clock, tsc - p->tsc_base);
}

static void commit_record(struct rl_pipeline *p, struct rl_audit_record *record,
                          enum rl_audit_kind kind, uint32_t reasons)
{
    record->kind = (uint8_t)kind;
    record->reasons = reasons;
    rl_audit_commit(&p->audit);
    rl_count(&p->n.audit_records, 1);
}

static __attribute__((noinline)) void refuse(struct rl_pipeline *p, struct rl_audit_record *record,
                                             enum rl_audit_kind kind, uint32_t reasons)
{
    switch (kind) {
    case RL_AUDIT_RISK_REJECT:
        rl_count(&p->n.risk_rejects, 1);
        for (int i = 0; i < RL_RISK_N; i++)
            rl_count(&p->n.rejected_for[i], reasons >> i & 1);
        break;
    case RL_AUDIT_KILL_BLOCK:
        rl_count(&p->n.kill_blocks, 1);
        break;
    default:
        rl_count(&p->n.tx_full, 1);
        break;
    }
    commit_record(p, record, kind, reasons);
}

/* Decides one intent. `seen_tsc` is when the burst of its message was seen. */
static inline void decide(struct rl_pipeline *p, bool timed, uint32_t instrument, uint64_t trigger,
                          const struct rl_bbo *bbo, const struct rl_intent *intent,
                          uint64_t seen_tsc)
{
    uint64_t at = stamp(timed);
    const char *symbol = rl_feed_symbol(&p->feed, instrument);
    uint32_t n_symbol = (uint32_t)strlen(symbol);
    uint64_t id = rl_ids_peek(&p->ids);
    struct rl_risk_order wanted = {.px_nano = intent->px_nano,
                                   .qty = intent->qty,
                                   .instrument = instrument,
                                   .side = (uint8_t)intent->side,
                                   .bbo = *bbo};
    struct rl_audit_record *record;
    char text[RL_ID_TEXT_BYTES];
    uint64_t now = rl_tsc();
    uint8_t *frame;
    uint32_t n_bytes, reasons;

    rl_count(&p->n.intents, 1);
    /* Room for the answers to all open orders and to this one stays free behind this record. */
    record = rl_audit_claim(&p->audit, p->orders.n_open + 1);
    if (RL_UNLIKELY(record == NULL)) {
        rl_count(&p->n.audit_full, 1);
        return;
    }
    record->tsc = now;
    record->id = RL_ID_NONE;
    record->trigger = trigger;
    record->px_nano = wanted.px_nano;
    record->qty = wanted.qty;
    record->instrument = instrument;
    record->side = wanted.side;
    record->zero = 0;

    reasons = rl_risk_check(&p->risk, &wanted, now);
    reasons |= id == RL_ID_NONE ? RL_RISK_NO_ID : 0;
    reasons |= rl_orders_has_room(&p->orders, id) ? 0 : RL_RISK_OPEN;
    at = stage(p, timed, RL_STAGE_risk, at);
    if (RL_UNLIKELY(reasons != 0)) {
        refuse(p, record, RL_AUDIT_RISK_REJECT, reasons);
        return;
    }

    frame = rl_port_tx_reserve(p->session, rl_fix_template_bytes(&p->nos, n_symbol));
    if (RL_UNLIKELY(frame == NULL)) {
        refuse(p, record, RL_AUDIT_TX_FULL, 0);
        return;
    }
    rl_id_to_text(id, text);
    n_bytes = rl_fix_nos_write(&p->nos,
                               &(struct rl_fix_nos){.msg_seq = p->msg_seq,
                                                    .time_ns = utc_ns(p, now),
                                                    .cl_ord_id = text,
                                                    .secondary_id = trigger,
                                                    .symbol = symbol,
                                                    .n_symbol = n_symbol,
                                                    .qty = wanted.qty,
                                                    .px_nano = wanted.px_nano,
                                                    .side = wanted.side,
                                                    .time_in_force = '3'},
                               frame);
    at = stage(p, timed, RL_STAGE_encode, at);
    if (RL_UNLIKELY(n_bytes == 0)) { /* no name, or a quantity that the message cannot hold */
        refuse(p, record, RL_AUDIT_RISK_REJECT, RL_RISK_FIELD);
        return;
    }

    /* Last: nothing can be decided between this answer and the bytes. */
    if (RL_UNLIKELY(!rl_kill_is_armed(p->kill))) {
        refuse(p, record, RL_AUDIT_KILL_BLOCK, rl_kill_cause(p->kill));
        return;
    }
    record->id = id;
    commit_record(p, record, RL_AUDIT_SENT, 0); /* before the bytes: no order without a record */
    rl_port_tx_commit(p->session, n_bytes);

    now = rl_tsc();
    if (trigger >= p->measure_from)
        rl_hist_record(&p->buf, rl_ticks_to_ns(p->clock, now - seen_tsc));
    (void)stage(p, timed, RL_STAGE_tx, at);
    /* The order is on its way; what follows is ours alone, its answer is read by this very thread.
     */
    (void)rl_ids_take(&p->ids);
    p->msg_seq++;
    (void)rl_orders_open(&p->orders, &(struct rl_order){.id = id,
                                                        .trigger = trigger,
                                                        .px_nano = wanted.px_nano,
                                                        .qty = wanted.qty,
                                                        .instrument = instrument,
                                                        .side = wanted.side});
    rl_risk_reserve(&p->risk, &wanted, now);
    rl_count(&p->n.orders_sent, 1);
}

/* A best price of `instrument` changed with message `trigger`, which is applied whole. */
static inline void react(struct rl_pipeline *p, bool timed, uint32_t instrument, uint64_t trigger,
                         uint64_t seen_tsc)
{
    uint64_t at = stamp(timed);
    struct rl_bbo bbo;
    struct rl_intent intent = {0};
    bool wants;

    rl_books_bbo(&p->books, instrument, &bbo);
    wants = rl_strategy_on_bbo(&p->strategy, instrument, &bbo, &intent);
    (void)stage(p, timed, RL_STAGE_strategy, at);
    if (wants)
        decide(p, timed, instrument, trigger, &bbo, &intent, seen_tsc);
}

/* Instruments whose best changed in the message under way, in the order in which they did. */
struct changes {
    uint32_t instruments[RL_CHANGES_MAX];
    uint32_t n;
    uint64_t seq; /* of the message */
};

static inline void react_all(struct rl_pipeline *p, bool timed, struct changes *c,
                             uint64_t seen_tsc)
{
    for (uint32_t i = 0; i < c->n; i++)
        react(p, timed, c->instruments[i], c->seq, seen_tsc);
    c->n = 0;
}

static inline void note_change(struct rl_pipeline *p, bool timed, struct changes *c,
                               uint32_t instrument, uint64_t seen_tsc)
{
    if (RL_UNLIKELY(instrument >=
                    p->strategy.n_instruments)) /* a reset of all: no price to act on */
        return;
    for (uint32_t i = 0; i < c->n; i++)
        if (c->instruments[i] == instrument)
            return;
    if (RL_UNLIKELY(c->n == RL_CHANGES_MAX))
        react_all(p, timed, c, seen_tsc);
    c->instruments[c->n++] = instrument;
}

static inline void on_frame(struct rl_pipeline *p, bool timed, const struct rl_frame *frame,
                            uint64_t seen_tsc)
{
    struct rl_feed_cursor cursor;
    struct rl_update u;
    struct changes changes = {.n = 0};
    uint64_t n_updates = 0, n_changes = 0;
    uint64_t at = stamp(timed);

    rl_count(&p->n.frames, 1);
    rl_count(&p->n.bytes, frame->n_bytes);
    if (RL_UNLIKELY(!rl_feed_open(&p->feed, frame->data, frame->n_bytes, &cursor)))
        return;
    while (rl_feed_next(&p->feed, &cursor, &u)) {
        at = stage(p, timed, RL_STAGE_decode, at);
        n_updates++;
        if (changes.n > 0 && u.seq != changes.seq) {
            react_all(p, timed, &changes, seen_tsc);
            at = stamp(timed);
        }
        changes.seq = u.seq;
        if (rl_books_apply(&p->books, &u)) {
            n_changes++;
            note_change(p, timed, &changes, u.instrument, seen_tsc);
        }
        at = stage(p, timed, RL_STAGE_book, at);
    }
    react_all(p, timed, &changes, seen_tsc);
    rl_count(&p->n.updates, n_updates);
    rl_count(&p->n.bbo_changes, n_changes);
}

/* --- answers --------------------------------------------------------------------------------- */

/* What we need of an execution report. */
struct answer {
    uint64_t id, exec, qty;
    int64_t px_nano;
    char exec_type, status;
};

static bool read_answer(struct rl_pipeline *p, const struct rl_frame *frame, struct answer *a)
{
    struct rl_fix_msg *m = &p->answer;
    uint32_t seen = 0;

    if (rl_fix_parse(m, frame->data, frame->n_bytes) != RL_FIX_OK || m->type != RL_FIX_TYPE1('8'))
        return false;
    *a = (struct answer){.px_nano = RL_PX_NONE};
    for (uint32_t i = 3; i < m->n_fields; i++) {
        const struct rl_fix_field *f = &m->fields[i];
        const uint8_t *value = rl_fix_value(m, f);
        bool is_good = true;

        switch (f->tag) {
        case RL_FIX_ClOrdID:
            is_good = rl_id_from_text((const char *)value, f->len, &a->id);
            seen |= 1;
            break;
        case RL_FIX_ExecID:
            is_good = rl_fix_uint(m, f, &a->exec);
            seen |= 2;
            break;
        case RL_FIX_ExecType:
            a->exec_type = (char)rl_fix_char(m, f);
            seen |= 4;
            break;
        case RL_FIX_OrdStatus:
            a->status = (char)rl_fix_char(m, f);
            seen |= 8;
            break;
        case RL_FIX_LastQty:
            is_good = rl_fix_uint(m, f, &a->qty);
            break;
        case RL_FIX_LastPx:
            is_good = rl_fix_px(m, f, &a->px_nano);
            break;
        default:
            break;
        }
        if (!is_good)
            return false;
    }
    if (seen != 15)
        return false;
    return a->exec_type != 'F' || (a->qty > 0 && a->px_nano != RL_PX_NONE);
}

/* Records what came of an answer; `was` may be NULL. A full log cannot refuse a fact: it stops us.
 */
static void record_answer(struct rl_pipeline *p, enum rl_audit_kind kind, uint32_t reasons,
                          const struct answer *a, const struct rl_order *was)
{
    struct rl_audit_record *record = rl_audit_claim(&p->audit, 0);

    if (RL_UNLIKELY(record == NULL)) {
        rl_count(&p->n.audit_lost, 1);
        (void)rl_kill_trip(p->kill, RL_KILL_AUDIT);
        return;
    }
    record->tsc = rl_tsc();
    record->id = a->id;
    record->trigger = a->exec;
    record->px_nano = a->px_nano;
    record->qty = a->qty;
    record->instrument = was ? was->instrument : RL_INSTRUMENT_ALL;
    record->side = was ? was->side : 0;
    record->zero = 0;
    commit_record(p, record, kind, reasons);
}

static void on_fill(struct rl_pipeline *p, const struct answer *a)
{
    struct rl_order was;
    enum rl_exec_result result = rl_orders_fill(&p->orders, a->id, a->exec, a->qty, &was);
    bool is_done = result == RL_EXEC_DONE || result == RL_EXEC_OVERFILL;

    if (RL_UNLIKELY(result == RL_EXEC_UNKNOWN)) {
        rl_count(&p->n.fills_unknown, 1);
        record_answer(p, RL_AUDIT_UNKNOWN_FILL, 0, a, NULL);
        (void)rl_kill_trip(p->kill, RL_KILL_UNKNOWN_FILL);
        return;
    }
    if (RL_UNLIKELY(result == RL_EXEC_DUPLICATE)) {
        rl_count(&p->n.fills_duplicate, 1);
        record_answer(p, RL_AUDIT_DUPLICATE_FILL, 0, a, &was);
        return;
    }
    /* The position is what was executed, also when it is more than we asked for. */
    if (!rl_position_fill(&p->risk.positions[was.instrument], (enum rl_side)was.side, a->px_nano,
                          a->qty))
        (void)rl_kill_trip(p->kill, RL_KILL_POSITION);
    rl_risk_release(&p->risk, was.instrument, (enum rl_side)was.side, is_done ? was.leaves : a->qty,
                    is_done);
    if (RL_UNLIKELY(result == RL_EXEC_OVERFILL)) {
        rl_count(&p->n.overfills, 1);
        record_answer(p, RL_AUDIT_OVERFILL, 1, a, &was);
        (void)rl_kill_trip(p->kill, RL_KILL_OVERFILL);
        return;
    }
    rl_count(&p->n.fills, 1);
    record_answer(p, RL_AUDIT_FILL, is_done, a, &was);
}

static void on_answer(struct rl_pipeline *p, const struct rl_frame *frame)
{
    struct answer a;
    struct rl_order was;

    rl_count(&p->n.answers, 1);
    if (!read_answer(p, frame, &a)) {
        rl_count(&p->n.answers_bad, 1);
        return;
    }
    switch (a.exec_type) {
    case 'F':
        on_fill(p, &a);
        break;
    case '0':
        rl_count(&p->n.answers_new, 1);
        break;
    case '4': /* cancelled */
    case '8': /* rejected */
    case 'C': /* expired */
        if (!rl_orders_end(&p->orders, a.id, &was)) {
            rl_count(&p->n.fills_unknown, 1);
            record_answer(p, RL_AUDIT_UNKNOWN_FILL, (uint32_t)a.status, &a, NULL);
            break;
        }
        rl_risk_release(&p->risk, was.instrument, (enum rl_side)was.side, was.leaves, true);
        rl_count(&p->n.orders_ended, 1);
        record_answer(p, RL_AUDIT_ENDED, (uint32_t)a.status, &a, &was);
        break;
    default:
        rl_count(&p->n.answers_bad, 1);
        break;
    }
}

/* --- the loop -------------------------------------------------------------------------------- */

static inline bool turn(struct rl_pipeline *p, bool timed)
{
    struct rl_frame frames[RL_PIPELINE_BURST];
    uint32_t n_market = rl_port_rx_burst(p->market, frames, RL_PIPELINE_BURST);
    uint64_t now = rl_tsc();
    uint32_t n_answers;

    rl_count(&p->n.turns, 1);
    if (p->was_idle && p->is_measuring) {
        uint64_t ns = rl_ticks_to_ns(p->clock, now - p->last_turn_tsc);

        if (RL_UNLIKELY(ns > RL_GAP_NS))
            rl_hist_record(&p->gap, ns);
    }
    for (uint32_t i = 0; i < n_market; i++) {
#ifdef RL_SEED_ALLOC
        rl_seed_alloc();
#endif
#ifdef RL_SEED_FAULT
        rl_seed_fault();
#endif
        on_frame(p, timed, &frames[i], now);
    }
    if (n_market > 0)
        rl_port_rx_release(p->market);

    n_answers = rl_port_rx_burst(p->session, frames, RL_ANSWER_BURST);
    for (uint32_t i = 0; i < n_answers; i++)
        on_answer(p, &frames[i]);
    if (n_answers > 0)
        rl_port_rx_release(p->session);

    p->last_turn_tsc = now;
    p->was_idle = n_market + n_answers == 0;
    if (p->was_idle)
        rl_count(&p->n.idle_turns, 1);
    else
        rl_progress_tell(p->shared, rl_counted(&p->n.frames), rl_counted(&p->n.orders_sent),
                         rl_counted(&p->n.answers));
    return !p->was_idle;
}

bool rl_pipeline_turn(struct rl_pipeline *p)
{
    return p->stage_timing ? turn(p, true) : turn(p, false);
}

void rl_pipeline_run(void *pipeline)
{
    struct rl_pipeline *p = pipeline;
    uint32_t phase = RL_PHASE_WARMUP;

    rl_trap_arm();
    while (phase != RL_PHASE_STOP) {
        uint32_t phase_now = rl_phase_now(p->shared);

        if (RL_UNLIKELY(phase_now != phase)) {
            if (phase == RL_PHASE_WARMUP) {
                p->usage_begin = rl_usage_now();
                p->has_usage = true;
                p->was_idle = false; /* the system call is no gap of the host's */
            }
            p->is_measuring = phase_now == RL_PHASE_MEASURE;
            phase = phase_now;
        }
        (void)rl_pipeline_turn(p);
    }
    if (p->has_usage)
        p->usage_end = rl_usage_now();
    rl_trap_disarm();
}
