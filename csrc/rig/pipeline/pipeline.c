#include "rig/pipeline/pipeline_inner.h"

#include <string.h>

#if defined RL_SEED_ALLOC || defined RL_SEED_FAULT || defined RL_SEED_KILL
#include "rig/synth/seeded.h"
#endif

/* --- stage timing: nothing at all unless asked for -------------------------------------------- */

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

/* --- orders ----------------------------------------------------------------------------------- */

/* What a decision may rely on. The bench has one clock and no trading phases: both are well. */
static inline struct rl_risk_input input_of(const struct rl_pipeline *p, uint32_t instrument,
                                            const struct rl_bbo *bbo, uint64_t seen_tsc,
                                            uint64_t now)
{
    bool is_synced = rl_feed_is_synced(&p->feed, instrument);

    return (struct rl_risk_input){
        .bbo = *bbo,
        .bbo_tsc = seen_tsc,
        .utc_ns = rl_pipeline_utc_ns(p, now),
        .queue_delay_ticks = (uint32_t)(now - seen_tsc),
        .ready = RL_READY_SESSION | RL_READY_CLOCK | RL_READY_PHASE |
                 (is_synced ? (uint32_t)RL_READY_BOOK : 0),
    };
}

/* Decides one intent. `seen_tsc` is when the burst of its message was seen. */
static inline void decide(struct rl_pipeline *p, bool timed, uint32_t instrument, uint64_t trigger,
                          const struct rl_bbo *bbo, const struct rl_intent *intent,
                          uint64_t seen_tsc)
{
    uint64_t at = stamp(timed);
    const char *symbol = rl_feed_symbol(&p->feed, instrument);
    uint32_t n_symbol = (uint32_t)strlen(symbol);
    uint64_t now = rl_tsc();
    bool is_day = p->strategy.config.is_day;
    struct rl_request wanted = {.scopes = {.instrument = instrument},
                                .px_nano = intent->px_nano,
                                .qty = intent->qty,
                                .trigger = trigger,
                                .side = (uint8_t)intent->side,
                                .type = RL_TYPE_LIMIT,
                                .time_in_force = is_day ? RL_TIF_DAY : RL_TIF_IOC};
    struct rl_risk_input input = input_of(p, instrument, bbo, seen_tsc, now);
    struct rl_ticket ticket;
    char text[RL_ID_TEXT_BYTES];
    enum rl_oms_answer answer;
    uint8_t *frame;
    uint32_t n_bytes;

    rl_count(&p->n.intents, 1);
    answer = rl_oms_check(&p->oms, &wanted, &input, now, &ticket);
    at = stage(p, timed, RL_STAGE_risk, at);
    if (RL_UNLIKELY(answer != RL_OMS_READY))
        return;

    frame = rl_port_tx_reserve(p->session, rl_fix_template_bytes(&p->nos, n_symbol));
    if (RL_UNLIKELY(frame == NULL)) {
        rl_count(&p->n.requests_unsent, 1);
        rl_oms_drop(&p->oms, &ticket, false);
        return;
    }
    rl_id_to_text(ticket.id, text);
    n_bytes = rl_fix_nos_write(&p->nos,
                               &(struct rl_fix_nos){.msg_seq = p->msg_seq,
                                                    .time_ns = input.utc_ns,
                                                    .cl_ord_id = text,
                                                    .secondary_id = trigger,
                                                    .symbol = symbol,
                                                    .n_symbol = n_symbol,
                                                    .qty = wanted.qty,
                                                    .px_nano = wanted.px_nano,
                                                    .side = wanted.side,
                                                    .time_in_force = is_day ? '0' : '3'},
                               frame);
    at = stage(p, timed, RL_STAGE_encode, at);
    if (RL_UNLIKELY(n_bytes == 0)) { /* no name, or a quantity that the message cannot hold */
        rl_oms_drop(&p->oms, &ticket, true);
        return;
    }

    if (RL_UNLIKELY(!rl_oms_commit(&p->oms, &ticket))) {
#ifdef RL_SEED_KILL
        rl_seed_kill(p, n_bytes);
#endif
        return;
    }
    rl_port_tx_commit(p->session, n_bytes);
    rl_port_tx_flush(p->session);

    now = rl_tsc();
    if (trigger >= p->measure_from)
        rl_hist_record(&p->buf, rl_ticks_to_ns(p->clock, now - seen_tsc));
    (void)stage(p, timed, RL_STAGE_tx, at);
    /* The order is on its way; what follows is ours alone, its answer is read by this very thread.
     */
    p->msg_seq++;
    rl_oms_sent(&p->oms, &ticket);
    rl_pipeline_count_sent(p, wanted.qty, now);
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
    rl_oms_mark(&p->oms, instrument, &bbo, seen_tsc);
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

/* --- the loop --------------------------------------------------------------------------------- */

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
    if (n_market > 0) {
        p->last_market_tsc = now;
        rl_port_rx_release(p->market);
    }

    n_answers = rl_port_rx_burst(p->session, frames, RL_ANSWER_BURST);
    p->last_turn_tsc = now;
    p->was_idle = n_market + n_answers == 0;
    if (!p->was_idle)
        now = rl_tsc(); /* later than the orders of this turn, in the log, too */
    for (uint32_t i = 0; i < n_answers; i++)
        rl_pipeline_on_answer(p, &frames[i], now);
    if (n_answers > 0)
        rl_port_rx_release(p->session);

    if (RL_UNLIKELY(rl_pipeline_must_watch(p)))
        rl_pipeline_watch(p, now);
    if (p->was_idle)
        rl_count(&p->n.idle_turns, 1);
    else
        rl_progress_tell(p->shared, rl_counted(&p->n.frames), rl_counted(&p->n.requests_sent),
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
