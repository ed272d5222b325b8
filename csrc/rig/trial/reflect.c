#include "rig/trial/reflect.h"

#include <errno.h>
#include <string.h>
#include <time.h>

#include "market/codec/mold.h"

int rl_reflect_init(struct rl_reflect *r, const struct rl_stream *stream, uint32_t every,
                    const char *symbol, uint32_t epoch, struct rl_port *market,
                    struct rl_port *session, struct rl_shared *shared,
                    struct rl_engine_counters *counters)
{
    size_t n_symbol = strnlen(symbol, RL_FEED_SYMBOL);
    struct timespec utc;

    if (every == 0 || n_symbol == 0 || n_symbol >= RL_FEED_SYMBOL)
        return -EINVAL;
    memset(r, 0, sizeof *r);
    r->market = market;
    r->session = session;
    r->shared = shared;
    r->framing = stream->framing;
    r->every = every;
    r->msg_seq = 1;
    r->n = counters;
    memcpy(r->symbol, symbol, n_symbol);
    clock_gettime(CLOCK_REALTIME, &utc);
    r->ready = (struct rl_fix_nos){
        .time_ns = (uint64_t)utc.tv_sec * 1000000000ULL + (uint64_t)utc.tv_nsec,
        .symbol = r->symbol,
        .n_symbol = (uint32_t)n_symbol,
        .qty = 1,
        .px_nano = RL_NANO_PER_UNIT,
        .side = RL_BUY,
        .time_in_force = '3',
    };
    if (rl_ids_init(&r->ids, epoch))
        return -EINVAL;
    return rl_fix_nos_init(&r->order, "FIX.4.4", "REDLINE", "VENUE");
}

/* The number by which the sender knows this frame; 0 when it has none. */
static uint64_t frame_seq(const struct rl_reflect *r, const struct rl_frame *frame,
                          uint64_t n_before)
{
    uint64_t seq = 0;

    switch (r->framing) {
    case RL_FRAMING_MOLD_WRAP:
    case RL_FRAMING_MOLD:
        return frame->n_bytes >= RL_MOLD_HEADER ? rl_be64(frame->data + RL_MOLD_SESSION) : 0;
    case RL_FRAMING_FIX_STAMP:
        (void)rl_fix_read_uint(frame->data + RL_FIX_STAMP_SEQ_AT, RL_FIX_STAMP_SEQ_DIGITS, &seq);
        return seq;
    case RL_FRAMING_RAW:
    default:
        return n_before < r->n_record_seqs ? r->record_seqs[n_before] : 0;
    }
}

static void answer(struct rl_reflect *r, uint64_t seq)
{
    char text[RL_ID_TEXT_BYTES];
    uint8_t *frame =
        rl_port_tx_reserve(r->session, rl_fix_template_bytes(&r->order, r->ready.n_symbol));

    if (frame == NULL) {
        rl_count(&r->n->requests_unsent, 1);
        return;
    }
    rl_id_to_text(rl_ids_take(&r->ids), text);
    r->ready.cl_ord_id = text;
    r->ready.msg_seq = r->msg_seq++;
    r->ready.secondary_id = seq;
    rl_port_tx_commit(r->session, rl_fix_nos_write(&r->order, &r->ready, frame));
    rl_port_tx_flush(r->session);
    rl_count(&r->n->requests_sent, 1);
}

static void turn(struct rl_reflect *r)
{
    struct rl_frame frames[RL_PIPELINE_BURST];
    uint32_t n_market = rl_port_rx_burst(r->market, frames, RL_PIPELINE_BURST), n_answers;

    rl_count(&r->n->turns, 1);
    for (uint32_t i = 0; i < n_market; i++) {
        uint64_t n_before = rl_counted(&r->n->frames);

        rl_count(&r->n->frames, 1);
        rl_count(&r->n->bytes, frames[i].n_bytes);
        if (++r->n_since == r->every) {
            uint64_t seq = frame_seq(r, &frames[i], n_before);

            r->n_since = 0;
            if (seq != 0) {
                rl_count(&r->n->intents, 1);
                answer(r, seq);
            }
        }
    }
    if (n_market > 0)
        rl_port_rx_release(r->market);
    n_answers = rl_port_rx_burst(r->session, frames, RL_ANSWER_BURST);
    if (n_answers > 0) {
        rl_count(&r->n->answers, n_answers);
        rl_port_rx_release(r->session);
    }
    if (n_market + n_answers == 0)
        rl_count(&r->n->idle_turns, 1);
    else
        rl_progress_tell(r->shared, rl_counted(&r->n->frames), rl_counted(&r->n->requests_sent),
                         rl_counted(&r->n->answers));
}

void rl_reflect_run(void *reflect)
{
    struct rl_reflect *r = reflect;
    uint32_t phase = RL_PHASE_WARMUP;

    rl_trap_arm();
    while (phase != RL_PHASE_STOP) {
        uint32_t phase_now = rl_phase_now(r->shared);

        if (RL_UNLIKELY(phase_now != phase)) {
            if (phase == RL_PHASE_WARMUP) {
                r->usage_begin = rl_usage_now();
                r->has_usage = true;
            }
            phase = phase_now;
        }
        turn(r);
    }
    if (r->has_usage)
        r->usage_end = rl_usage_now();
    rl_trap_disarm();
}
