#include "rig/trial/blast.h"

#include <string.h>

#include "market/codec/mold.h"
#include "rig/trial/worker.h"

#define RL_WRAP_BYTES (RL_MOLD_HEADER + RL_MOLD_BLOCK)
static const char SESSION[] = "REDLINE001"; /* RL_MOLD_SESSION characters */

const char *const rl_blast_counter_names[] = {
#define RL_BLAST_NAME(name, what) #name,
    RL_BLAST_COUNTERS(RL_BLAST_NAME)
#undef RL_BLAST_NAME
        NULL,
};

static void set_due(struct rl_blast *b)
{
    b->due_tsc = b->start_tsc + rl_ns_to_ticks(b->clock, b->cycle_ns + b->schedule.due_ns[b->due]);
}

void rl_blast_init(struct rl_blast *b, const struct rl_stream *stream,
                   const struct rl_schedule *schedule, const struct rl_clock *clock,
                   struct rl_port *port, struct rl_sent *sent, const uint64_t *record_seqs,
                   uint64_t n_frames, uint64_t n_warmup)
{
    b->stream = stream;
    b->schedule = *schedule;
    b->clock = clock;
    b->port = port;
    b->sent = sent;
    b->record_seqs = record_seqs;
    b->n_frames = n_frames;
    b->n_warmup = n_warmup;
    b->n_next = 0;
    b->seq = 1;
    b->record = 0;
    b->due = 0;
    b->cycle_ns = 0;
    rl_count(&b->n.frames_planned, n_frames);
}

void rl_blast_start(struct rl_blast *b, uint64_t start_tsc)
{
    b->start_tsc = start_tsc;
    set_due(b);
}

/* On to the next frame: record, sequence, due time. */
static inline void advance(struct rl_blast *b)
{
    b->n_next++;
    b->seq++;
    if (RL_UNLIKELY(++b->record == b->stream->n_recs))
        b->record = b->stream->loop_from;
    if (++b->due == b->schedule.n_due) {
        b->due = 0;
        b->cycle_ns += b->schedule.span_ns;
    }
    set_due(b);
}

/* Deals with the next frame; returns the time at which it left or was lost. */
static inline uint64_t send_next(struct rl_blast *b)
{
    const struct rl_stream *stream = b->stream;
    const struct rl_stream_rec *rec = &stream->recs[b->record];
    const uint8_t *bytes = stream->bytes + rec->offset;
    bool is_wrapped = stream->framing == RL_FRAMING_MOLD_WRAP;
    bool is_measured = b->n_next >= b->n_warmup;
    uint32_t n_bytes = rec->n_bytes + (is_wrapped ? RL_WRAP_BYTES : 0);
    uint8_t *frame = rl_port_tx_reserve(b->port, n_bytes);
    uint64_t seq = b->seq, n_numbers = 1, now;

    if (RL_LIKELY(frame != NULL)) {
        switch (stream->framing) {
        case RL_FRAMING_MOLD_WRAP:
            rl_mold_wrap(frame, SESSION, seq, bytes, rec->n_bytes);
            break;
        case RL_FRAMING_FIX_STAMP:
            memcpy(frame, bytes, n_bytes);
            rl_stream_stamp_fix(frame, n_bytes, seq);
            break;
        case RL_FRAMING_MOLD:
        case RL_FRAMING_RAW:
        default:
            memcpy(frame, bytes, n_bytes);
            break;
        }
    }
    if (stream->framing == RL_FRAMING_MOLD) { /* the packet brings its own numbers */
        seq = rec->n_bytes >= RL_MOLD_HEADER ? rl_be64(bytes + RL_MOLD_SESSION) : 0;
        n_numbers = rec->n_messages;
    } else if (b->record_seqs != NULL) {
        seq = b->record_seqs[b->record];
    }
    now = rl_tsc();
    if (is_measured)
        rl_hist_record(&b->lateness,
                       now > b->due_tsc ? rl_ticks_to_ns(b->clock, now - b->due_tsc) : 0);
    if (RL_LIKELY(frame != NULL)) {
        rl_port_tx_commit(b->port, n_bytes);
        for (uint64_t i = 0; i < n_numbers; i++)
            rl_sent_put(b->sent, seq + i, b->due_tsc, now, is_measured);
        rl_count(&b->n.frames_sent, 1);
        rl_count(&b->n.messages_sent, rec->n_messages);
        rl_count(&b->n.bytes_sent, n_bytes);
    } else {
        rl_count(&b->n.frames_unsent, 1);
        rl_count(&b->n.messages_unsent, rec->n_messages);
    }
    advance(b);
    return now;
}

uint32_t rl_blast_turn(struct rl_blast *b, uint64_t now_tsc, uint32_t max)
{
    uint32_t n = 0;

    while (n < max && !rl_blast_is_done(b) && b->due_tsc <= now_tsc) {
        now_tsc = send_next(b);
        n++;
    }
    return n;
}

uint32_t rl_blast_frame_max(const struct rl_stream *stream)
{
    uint32_t max = 0;

    for (uint64_t i = 0; i < stream->n_recs; i++)
        max = stream->recs[i].n_bytes > max ? stream->recs[i].n_bytes : max;
    return max + (stream->framing == RL_FRAMING_MOLD_WRAP ? RL_WRAP_BYTES : 0);
}
