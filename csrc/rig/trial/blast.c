#include "rig/trial/blast.h"

#include <string.h>

#include "market/codec/mold.h"
#include "rig/trial/worker.h"

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
                   uint64_t n_frames, uint64_t n_warmup, uint32_t n_pack, uint64_t first_seq)
{
    b->stream = stream;
    b->schedule = *schedule;
    b->clock = clock;
    b->port = port;
    b->sent = sent;
    b->record_seqs = record_seqs;
    b->n_frames = n_frames;
    b->n_warmup = n_warmup;
    b->measured_end = n_frames;
    b->n_pack = n_pack;
    b->n_next = 0;
    b->seq = first_seq;
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

static inline uint64_t record_after(const struct rl_stream *stream, uint64_t record)
{
    return RL_UNLIKELY(record + 1 == stream->n_recs) ? stream->loop_from : record + 1;
}

/* On to the next frame: record, sequence, due time. */
static inline void advance(struct rl_blast *b)
{
    b->n_next++;
    b->seq += b->n_pack;
    for (uint32_t i = 0; i < b->n_pack; i++)
        b->record = record_after(b->stream, b->record);
    if (++b->due == b->schedule.n_due) {
        b->due = 0;
        b->cycle_ns += b->schedule.span_ns;
    }
    set_due(b);
}

/* The next frame: its length, the number of its first message, and how many it has. */
struct next {
    uint32_t n_bytes;
    uint64_t seq, n_numbers, n_messages;
};

static inline struct next look_ahead(const struct rl_blast *b)
{
    const struct rl_stream *stream = b->stream;
    const struct rl_stream_rec *rec = &stream->recs[b->record];
    struct next next = {rec->n_bytes, b->seq, 1, rec->n_messages};

    switch (stream->framing) {
    case RL_FRAMING_MOLD_WRAP:
        next.n_numbers = next.n_messages = b->n_pack;
        next.n_bytes = RL_MOLD_HEADER;
        for (uint64_t i = 0, at = b->record; i < b->n_pack; i++, at = record_after(stream, at))
            next.n_bytes += RL_MOLD_BLOCK + stream->recs[at].n_bytes;
        break;
    case RL_FRAMING_MOLD: /* the packet brings its own numbers */
        next.seq = rec->n_bytes >= RL_MOLD_HEADER
                       ? rl_be64(stream->bytes + rec->offset + RL_MOLD_SESSION)
                       : 0;
        next.n_numbers = rec->n_messages;
        break;
    case RL_FRAMING_RAW:
        if (b->record_seqs != NULL)
            next.seq = b->record_seqs[b->record];
        break;
    case RL_FRAMING_FIX_STAMP:
    default:
        break;
    }
    return next;
}

static void write_packet(const struct rl_blast *b, uint8_t *frame, const struct next *next)
{
    const struct rl_stream *stream = b->stream;
    struct rl_mold_writer w;

    rl_mold_begin(&w, frame, next->n_bytes, SESSION, next->seq);
    for (uint64_t i = 0, at = b->record; i < b->n_pack; i++, at = record_after(stream, at))
        (void)rl_mold_add(&w, stream->bytes + stream->recs[at].offset, stream->recs[at].n_bytes);
    (void)rl_mold_finish(&w);
}

static inline void write_frame(const struct rl_blast *b, uint8_t *frame, const struct next *next)
{
    const struct rl_stream *stream = b->stream;
    const struct rl_stream_rec *rec = &stream->recs[b->record];

    switch (stream->framing) {
    case RL_FRAMING_MOLD_WRAP:
        if (RL_LIKELY(b->n_pack == 1))
            rl_mold_wrap(frame, SESSION, next->seq, stream->bytes + rec->offset, rec->n_bytes);
        else
            write_packet(b, frame, next);
        break;
    case RL_FRAMING_FIX_STAMP:
        memcpy(frame, stream->bytes + rec->offset, rec->n_bytes);
        rl_stream_stamp_fix(frame, rec->n_bytes, next->seq);
        break;
    case RL_FRAMING_MOLD:
    case RL_FRAMING_RAW:
    default:
        memcpy(frame, stream->bytes + rec->offset, rec->n_bytes);
        break;
    }
}

/* Deals with the next frame; returns the time at which it left or was lost. */
static inline uint64_t send_next(struct rl_blast *b)
{
    bool is_measured = b->n_next >= b->n_warmup && b->n_next < b->measured_end;
    struct next next = look_ahead(b);
    uint8_t *frame = rl_port_tx_reserve(b->port, next.n_bytes);
    uint64_t now;

    if (RL_LIKELY(frame != NULL))
        write_frame(b, frame, &next);
    now = rl_tsc();
    if (is_measured)
        rl_hist_record(&b->lateness,
                       now > b->due_tsc ? rl_ticks_to_ns(b->clock, now - b->due_tsc) : 0);
    if (RL_LIKELY(frame != NULL)) {
        rl_port_tx_commit(b->port, next.n_bytes);
        for (uint64_t i = 0; i < next.n_numbers; i++)
            rl_sent_put(b->sent, next.seq + i, b->due_tsc, now, is_measured);
        rl_count(&b->n.frames_sent, 1);
        rl_count(&b->n.messages_sent, next.n_messages);
        rl_count(&b->n.bytes_sent, next.n_bytes);
    } else {
        rl_count(&b->n.frames_unsent, 1);
        rl_count(&b->n.messages_unsent, next.n_messages);
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
    if (n > 0)
        rl_port_tx_flush(b->port);
    return n;
}

uint64_t rl_blast_frame_max(const struct rl_stream *stream, uint32_t n_pack)
{
    uint64_t max = 0;

    for (uint64_t i = 0; i < stream->n_recs; i++)
        max = stream->recs[i].n_bytes > max ? stream->recs[i].n_bytes : max;
    if (stream->framing != RL_FRAMING_MOLD_WRAP)
        return max;
    return RL_MOLD_HEADER + (uint64_t)n_pack * (RL_MOLD_BLOCK + max);
}
